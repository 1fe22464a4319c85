//! The `lethe` binary as a process: started in a folder of its own, its output kept in files, ended by signal.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::time::Duration;

use tempfile::TempDir;

use super::{unique, wait_for};

/// A folder for one test: configuration, key store, outputs. It is removed at the end.
pub struct Workspace(TempDir);

impl Workspace {
    /// An empty one.
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file below it, with the folders on the way, and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("folders");
        fs::write(&path, content).expect("a file written");
        path
    }

    /// `lethe` with these arguments, in this folder; the caller adds environment and starts it.
    pub fn lethe(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lethe"));
        // The tests' own variables carry Lethe's prefix and are none of its settings.
        command.args(arguments).current_dir(self.path());
        command.env_remove("LETHE_TEST_BROKERS").env_remove("LETHE_TEST_POSTGRES");
        command
    }

    /// Runs `lethe` to its end and gives status and output.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.lethe(arguments).output().expect("lethe runs")
    }

    /// Starts `lethe` and lets it run, stdout and stderr going to files.
    pub fn spawn(&self, arguments: &[&str]) -> Lethe {
        Lethe::spawn(self, self.lethe(arguments))
    }
}

/// A running `lethe`. Dropped, it is killed.
pub struct Lethe {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Lethe {
    /// Starts a command made by [`Workspace::lethe`].
    pub fn spawn(workspace: &Workspace, mut command: Command) -> Self {
        let name = unique("lethe");
        let [stdout, stderr] = ["stdout", "stderr"].map(|end| workspace.path().join(format!("{name}.{end}")));
        command.stdout(File::create(&stdout).expect("a file")).stderr(File::create(&stderr).expect("a file"));
        Self { child: command.spawn().expect("lethe starts"), stdout, stderr }
    }

    /// What it has written to stdout so far.
    pub fn stdout(&self) -> String {
        lossy(&self.stdout)
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        lossy(&self.stderr)
    }

    /// Both files, for a search through everything it ever said.
    pub fn output_files(&self) -> [&Path; 2] {
        [&self.stdout, &self.stderr]
    }

    /// Waits until `/readyz` answers 200; panics at once when the process has ended instead.
    pub fn wait_until_ready(&mut self, admin: SocketAddr, limit: Duration) {
        wait_for(&format!("`/readyz` of lethe\n{}", self.stderr()), limit, || {
            if let Some(status) = self.child.try_wait().expect("a process") {
                panic!("lethe ended with {status} before it was ready:\n{}", lossy(&self.stderr));
            }
            http_get(admin, "/readyz").filter(|(status, _)| *status == 200).map(drop)
        });
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "SIGTERM could not be sent");
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL sent");
        self.child.wait().expect("a process that ends");
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        wait_for("the end of lethe", limit, || self.child.try_wait().expect("a process"))
    }

    /// Its process id: for its memory, or a signal of one's own.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Lethe {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("--- lethe's stderr, its end ---\n{}", tail(&self.stderr(), 40));
        }
    }
}

/// A loopback address that nothing listens on.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Status and body of `GET path`, or nothing where nobody answers.
pub fn http_get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("an output file")).into_owned()
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
