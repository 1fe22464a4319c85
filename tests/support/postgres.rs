//! A PostgreSQL server as tests see it: `$LETHE_TEST_POSTGRES`, or one that `tests/postgres` started for this process, and a
//! fresh database for each test. It knows nothing of what Lethe keeps there.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A running server.
pub struct Server {
    url: String,
    /// Its folder, when it belongs to this value alone.
    owned: Option<PathBuf>,
}

/// A database of one's own; dropped with this value.
#[derive(Debug)]
pub struct Database {
    pub url: String,
    server: String,
    name: String,
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres"))
}

fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().expect("a command that runs");
    assert!(output.status.success(), "{command:?} ended with {}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// PostgreSQL's program of that name.
pub fn program(name: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    Command::new(FOLDER.get_or_init(|| PathBuf::from(output(script().arg("bin")))).join(name))
}

/// Runs SQL and gives what it says, columns separated by `|`.
pub fn sql(url: &str, text: &str) -> String {
    output(program("psql").args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text, url]))
}

impl Server {
    /// The server that all tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| {
            let started = output(script().args(["start", "--owner", &std::process::id().to_string()]));
            let (url, _) = started.split_once(' ').expect("URL and folder");
            Self { url: url.to_owned(), owned: None }
        })
    }

    /// A server of one's own, to be stopped, killed and searched.
    pub fn private() -> Self {
        let owner = std::process::id().to_string();
        let started = output(script().args(["start", "--owner", &owner]).env_remove("LETHE_TEST_POSTGRES"));
        let (url, folder) = started.split_once(' ').expect("URL and folder");
        Self { url: url.to_owned(), owned: Some(folder.into()) }
    }

    fn folder(&self) -> &Path {
        self.owned.as_deref().expect("a server of one's own")
    }

    /// Where its data lies.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Kills every process of it.
    pub fn kill(&self) {
        output(script().arg("kill").arg(self.folder()));
    }

    /// Starts it again, on the same port and data.
    pub fn restart(&self) {
        output(script().arg("restart").arg(self.folder()));
    }

    /// A synchronous standby of it.
    pub fn standby(&self) -> Self {
        let started = output(script().arg("standby").arg(self.folder()));
        let (url, folder) = started.split_once(' ').expect("URL and folder");
        Self { url: url.to_owned(), owned: Some(folder.into()) }
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        output(script().arg("promote").arg(self.folder()));
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        let (_, address) = self.url.split_once('@').expect("a host in the URL");
        address.split('/').next().expect("host and port")
    }

    /// An empty database.
    pub fn database(&self) -> Database {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let name = format!("lethe_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        sql(&self.url, &format!("CREATE DATABASE {name}"));
        let (server, _) = self.url.rsplit_once('/').expect("a database in the URL");
        Database { url: format!("{server}/{name}"), server: self.url.clone(), name }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(folder) = &self.owned {
            drop(script().arg("stop").arg(folder).status());
        }
    }
}

impl Database {
    /// Another database with the same content, as it stands now; nobody may be connected.
    pub fn copy(&self) -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}_copy{}", self.name, COUNTER.fetch_add(1, Ordering::Relaxed));
        sql(&self.server, &format!("CREATE DATABASE {name} TEMPLATE {}", self.name));
        let (server, _) = self.url.rsplit_once('/').expect("a database in the URL");
        Self { url: format!("{server}/{name}"), server: self.server.clone(), name }
    }

    /// Runs SQL in it.
    pub fn sql(&self, text: &str) -> String {
        sql(&self.url, text)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let text = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A server that a test has stopped takes its databases with it; one that has lost its standby must not wait for it.
        let mut command = program("psql");
        command.args(["-XAtq", "-c", &text, &self.server]).env("PGOPTIONS", "-c synchronous_commit=local");
        let dropped = command.stderr(Stdio::null()).status();
        drop(dropped);
    }
}
