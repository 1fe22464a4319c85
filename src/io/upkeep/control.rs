//! How a command reaches the process that has the store open: a socket in the store's folder, readable by its owner alone.
//!
//! One line of JSON in (an [`Order`]), lines of JSON out ([`Said`]), then the end. Where the folder's file system has no
//! sockets, or its path is too long for one, the service goes on without: the command then needs it stopped.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::order::{Order, Said, UpkeepError};

const NAME: &str = "control.sock";
const PATIENCE: Duration = Duration::from_secs(5);

/// The service's side.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens in a store's folder. Only the process that has the store open may do this: what an earlier one left is removed.
    pub fn listen(store: &Path) -> io::Result<Self> {
        let path = store.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path })
    }

    /// An order, if one waits, and where its answers go.
    pub fn next(&self) -> Option<(Order, Answer)> {
        let (stream, _) = self.listener.accept().ok()?;
        let mut answer = Answer(stream);
        let order = answer.read();
        if order.is_none() {
            answer.say(&Said::Failed("no order was understood\nhelp: use the `lethe` of the same version".into()));
        }
        order.map(|order| (order, answer))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // A socket that stays behind is refused by nobody and removed by the next start.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Where answers go. Who has gone away is not missed: what he ordered goes on.
pub struct Answer(UnixStream);

impl Answer {
    fn read(&mut self) -> Option<Order> {
        self.0.set_nonblocking(false).ok()?;
        self.0.set_read_timeout(Some(PATIENCE)).ok()?;
        self.0.set_write_timeout(Some(PATIENCE)).ok()?;
        let mut line = String::new();
        BufReader::new(io::Read::take(&self.0, 64 * 1024)).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Says one thing.
    pub fn say(&mut self, said: &Said) {
        if let Ok(line) = serde_json::to_string(said) {
            drop(writeln!(self.0, "{line}"));
        }
    }
}

/// Asks the service that has the store in this folder open, and hears it out.
pub fn ask(store: &Path, order: &Order, tell: &mut dyn FnMut(String)) -> Result<serde_json::Value, UpkeepError> {
    let socket = store.join(NAME);
    let unreachable = |why: io::Error| UpkeepError::Unreachable { socket: socket.clone(), why: why.to_string() };
    let mut stream = UnixStream::connect(&socket).map_err(unreachable)?;
    let line = serde_json::to_string(order).unwrap_or_default();
    writeln!(stream, "{line}").map_err(unreachable)?;
    for line in BufReader::new(stream).lines() {
        let said = serde_json::from_str(&line.map_err(unreachable)?);
        match said.map_err(|error| unreachable(io::Error::other(error)))? {
            Said::Progress(text) => tell(text),
            Said::Done(value) => return Ok(value),
            Said::Failed(text) => return Err(UpkeepError::Refused(text)),
        }
    }
    Err(unreachable(io::Error::other(
        "it closed the connection before it was done; `lethe keys status` says how far it came",
    )))
}
