//! `lethe`: see the library's documentation for the map.

use std::process::ExitCode;

fn main() -> ExitCode {
    lethe::cli::main()
}
