//! Roots as files, for one machine: 0600 in a folder of 0700, overwritten before they are unlinked.
//!
//! ```text
//! file <16 hex>.root
//!    0  "lethert1" (8)
//!    8  deployment (16)
//!   24  root secret (32)
//!   56  first 8 bytes of SHA-256 over all before
//! ```
//!
//! Keep the folder on a disk that no snapshot or backup covers: it is the one thing that must not be copied. Overwriting does
//! not reach what a copy-on-write file system or an SSD's controller may have put aside: the caveat says so.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Finality, HeldRoot, KeeperError, RootKeeper};
use crate::io::entropy::Entropy;
use crate::io::steps::Steps;
use crate::keys::{DeploymentId, RootId, Secret, unwrap, wrap};

const MAGIC: &[u8; 8] = b"lethert1";
const FILE_BYTES: usize = 64;
const EXTENSION: &str = "root";
/// A root that was being made when the process died: nothing hangs from it.
const UNFINISHED: &str = "new";
/// A root that was being destroyed when the process died: nothing hangs from it any more.
const CONDEMNED: &str = "dead";
const CAVEAT: &str = "the root's file was overwritten and unlinked; copies of that folder, snapshots, and blocks that a \
                      copy-on-write file system or an SSD put aside are not covered";

/// The file root keeper.
pub struct FileKeeper {
    folder: PathBuf,
    entropy: Mutex<Entropy>,
    steps: Steps,
    /// Held open: the lock goes with it.
    lock: File,
}

struct Root {
    deployment: DeploymentId,
    secret: Secret,
}

impl FileKeeper {
    /// Opens the folder, making it where it isn't there, and takes its lock.
    pub fn open(folder: &Path) -> Result<Self, KeeperError> {
        Self::open_with(folder, Steps::default())
    }

    /// As [`FileKeeper::open`], with a hook that tests stop it by.
    pub fn open_with(folder: &Path, steps: Steps) -> Result<Self, KeeperError> {
        Self::open_as(folder, steps, false)
    }

    /// Opens the folder beside other processes of this machine that do the same. Their store decides which of them destroys.
    pub fn open_shared(folder: &Path, steps: Steps) -> Result<Self, KeeperError> {
        Self::open_as(folder, steps, true)
    }

    fn open_as(folder: &Path, steps: Steps, shared: bool) -> Result<Self, KeeperError> {
        if !folder.exists() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(KeeperError::io("make folder", folder))?;
        }
        check_mode(folder, 0o700)?;
        let path = folder.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let lock = lock.map_err(KeeperError::io("open", &path))?;
        let alone = match lock.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) if shared => false,
            Err(TryLockError::WouldBlock) => return Err(KeeperError::Locked(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(KeeperError::io("lock", &path)(source)),
        };
        let keeper = Self { folder: folder.to_owned(), entropy: Mutex::new(Entropy::new()), steps, lock };
        // What another process is making or destroying is its own affair.
        if alone {
            for path in [keeper.files(UNFINISHED)?, keeper.files(CONDEMNED)?].concat() {
                keeper.wipe(&path)?;
            }
        }
        if shared {
            keeper.share(&path)?;
        }
        Ok(keeper)
    }

    /// Holds the folder together with others; whoever has it alone for a moment, to clean up, is waited for.
    fn share(&self, path: &Path) -> Result<(), KeeperError> {
        for _ in 0..100 {
            match self.lock.try_lock_shared() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::Error(source)) => return Err(KeeperError::io("lock", path)(source)),
            }
        }
        Err(KeeperError::Locked(self.folder.clone()))
    }

    fn path(&self, root: &RootId) -> PathBuf {
        self.folder.join(format!("{root}.{EXTENSION}"))
    }

    fn files(&self, extension: &str) -> Result<Vec<PathBuf>, KeeperError> {
        let entries = fs::read_dir(&self.folder).map_err(KeeperError::io("list", &self.folder))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(KeeperError::io("list", &self.folder))?.path();
            if path.extension().is_some_and(|found| found == extension) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    fn draw(&self) -> Secret {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner).secret()
    }

    fn sync_folder(&self) -> Result<(), KeeperError> {
        let folder = File::open(&self.folder).map_err(KeeperError::io("open", &self.folder))?;
        folder.sync_all().map_err(KeeperError::io("sync", &self.folder))
    }

    fn step(&self, name: &'static str) -> Result<(), KeeperError> {
        self.steps.reached(name).map_err(|stopped| KeeperError::Stopped(stopped.0))
    }

    fn read(&self, root: &RootId) -> Result<Root, KeeperError> {
        // An id comes out of a store's row, and must not lead out of the folder.
        if root.as_str().len() != 16 || !root.as_str().bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(KeeperError::Missing(root.clone()));
        }
        let path = self.path(root);
        if !path.exists() {
            return Err(KeeperError::Missing(root.clone()));
        }
        read_file(&path)
    }

    /// Overwrites a file with noise and unlinks it.
    fn wipe(&self, path: &Path) -> Result<(), KeeperError> {
        let mut file = OpenOptions::new().write(true).open(path).map_err(KeeperError::io("open", path))?;
        let noise = [*self.draw(), *self.draw()].concat();
        file.write_all(&noise).map_err(KeeperError::io("overwrite", path))?;
        file.sync_all().map_err(KeeperError::io("sync", path))?;
        self.step("root overwritten")?;
        drop(file);
        fs::remove_file(path).map_err(KeeperError::io("unlink", path))?;
        self.sync_folder()
    }
}

fn check_mode(path: &Path, wanted: u32) -> Result<(), KeeperError> {
    let mode = fs::metadata(path).map_err(KeeperError::io("read", path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeeperError::Exposed { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Root, KeeperError> {
    check_mode(path, 0o600)?;
    let mut bytes = Zeroizing::new([0; FILE_BYTES + 1]);
    let mut file = File::open(path).map_err(KeeperError::io("open", path))?;
    let mut length = 0;
    while let Some(space) = bytes.get_mut(length..).filter(|space| !space.is_empty()) {
        match file.read(space).map_err(KeeperError::io("read", path))? {
            0 => break,
            read => length += read,
        }
    }
    decode(bytes.get(..length).unwrap_or_default()).ok_or_else(|| KeeperError::Damaged(path.to_owned()))
}

fn checksum(body: &[u8]) -> [u8; 8] {
    let digest = ring::digest::digest(&ring::digest::SHA256, body);
    let mut sum = [0; 8];
    sum.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    sum
}

fn encode(root: &Root) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&root.deployment.0);
    bytes.extend_from_slice(root.secret.as_slice());
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Root> {
    let (body, sum) = bytes.split_last_chunk::<8>()?;
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (deployment, secret) = rest.split_first_chunk::<16>()?;
    let secret: &[u8; 32] = secret.try_into().ok()?;
    (magic == MAGIC && *sum == checksum(body))
        .then(|| Root { deployment: DeploymentId(*deployment), secret: Zeroizing::new(*secret) })
}

impl RootKeeper for FileKeeper {
    fn provider(&self) -> &'static str {
        "file"
    }

    fn create(&self, deployment: &DeploymentId) -> Result<RootId, KeeperError> {
        self.step("root not yet written")?;
        let name: String = self.draw().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let root = Root { deployment: *deployment, secret: self.draw() };
        let unfinished = self.folder.join(format!("{name}.{UNFINISHED}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
        let mut file = file.map_err(KeeperError::io("make", &unfinished))?;
        file.write_all(&encode(&root)).map_err(KeeperError::io("write", &unfinished))?;
        file.sync_all().map_err(KeeperError::io("sync", &unfinished))?;
        self.step("root written under its unfinished name")?;
        let path = self.folder.join(format!("{name}.{EXTENSION}"));
        fs::rename(&unfinished, &path).map_err(KeeperError::io("rename", &unfinished))?;
        self.sync_folder()?;
        self.step("root made")?;
        RootId::new(&name).ok_or(KeeperError::Damaged(path))
    }

    fn seal(&self, root: &RootId, ad: &[u8], secret: &Secret) -> Result<Vec<u8>, KeeperError> {
        Ok(wrap(&self.read(root)?.secret, ad, secret))
    }

    fn open(&self, root: &RootId, ad: &[u8], sealed: &[u8]) -> Result<Secret, KeeperError> {
        unwrap(&self.read(root)?.secret, ad, sealed).map_err(|_| KeeperError::Wrong(root.clone()))
    }

    fn destroy(&self, root: &RootId) -> Result<Finality, KeeperError> {
        let path = self.path(root);
        let condemned = path.with_extension(CONDEMNED);
        if path.exists() {
            self.step("root not yet condemned")?;
            fs::rename(&path, &condemned).map_err(KeeperError::io("rename", &path))?;
            self.sync_folder()?;
            self.step("root condemned")?;
        }
        // Also where another process got this far and no further.
        if condemned.exists() {
            self.wipe(&condemned)?;
            self.step("root unlinked")?;
        }
        Ok(Finality { irreversible_from_ms: None, caveat: CAVEAT })
    }

    fn list(&self) -> Result<Vec<HeldRoot>, KeeperError> {
        let mut held = Vec::new();
        for path in self.files(EXTENSION)? {
            let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(RootId::new);
            let root = match read_file(&path) {
                // Another process has destroyed it since the folder was listed.
                Err(KeeperError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => continue,
                read => read?,
            };
            held.extend(id.map(|id| HeldRoot { id, deployment: root.deployment }));
        }
        Ok(held)
    }
}

impl fmt::Debug for FileKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileKeeper({})", self.folder.display())
    }
}
