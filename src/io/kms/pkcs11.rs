//! Roots in an HSM, through its PKCS#11 module (OASIS, 2.40 and 3.x): AES-256 token objects, sensitive and not extractable.
//!
//! ```text
//! sealed = iv (12) ‖ AES-256-GCM ciphertext and tag (16), by C_Encrypt under the token object
//! ```
//!
//! `C_DestroyObject` takes effect at once, and is looked up afterwards. What it does not reach: backups that the HSM's own tools
//! made, and other HSMs of a cluster that have not heard of it yet.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use zeroize::{Zeroize, Zeroizing};

use super::label::{label, owner, root_id};
use super::open::secret;
use super::{Finality, HeldRoot, KeeperError, RootKeeper};
use crate::io::entropy::Entropy;
use crate::keys::{DeploymentId, RootId, Secret};
use crate::pipeline::Property;

const PROVIDER: &str = "pkcs11";
const IV_BYTES: usize = 12;
const CAVEAT: &str = "the HSM destroyed the key object at once; backups that its own tools made, and members of a cluster that \
                      have not heard of it yet, are not covered";

/// A module is initialised once a process, whoever asks.
static MODULES: Mutex<Option<HashMap<PathBuf, Pkcs11>>> = Mutex::new(None);

/// The PKCS#11 root keeper.
pub struct Pkcs11Keeper {
    module: Pkcs11,
    token: String,
    pin: Property,
    session: Mutex<Option<Session>>,
    entropy: Mutex<Entropy>,
}

impl Pkcs11Keeper {
    /// Loads the module, finds the token by its label, and logs in as its user.
    pub fn open(module: &Path, token: &str, pin: Property) -> Result<Self, KeeperError> {
        let keeper = Self {
            module: load(module)?,
            token: token.to_owned(),
            pin,
            session: Mutex::new(None),
            entropy: Mutex::new(Entropy::new()),
        };
        keeper.with("log in", |_| Ok(()))?;
        Ok(keeper)
    }

    fn log_in(&self) -> Result<Session, KeeperError> {
        let down = |why: &str| KeeperError::Down { provider: PROVIDER, action: "log in", why: why.to_owned() };
        let slots = self.module.get_slots_with_token().map_err(failed("list slots"))?;
        let is_ours = |slot: &cryptoki::slot::Slot| {
            self.module.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == self.token)
        };
        let slot = slots.into_iter().find(is_ours);
        let slot = slot.ok_or_else(|| down(&format!("no token is called `{}`", self.token)))?;
        let session = self.module.open_rw_session(slot).map_err(failed("open a session"))?;
        let pin = secret(PROVIDER, &self.pin)?;
        match session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))) {
            // The login is the token's, not the session's: another session of this process may have it already.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(failed("log in")(error)),
        }
    }

    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs with a session that is logged in. One that the token has dropped is opened anew, once.
    fn with<T>(&self, action: &'static str, run: impl Fn(&Session) -> Result<T, Error>) -> Result<T, KeeperError> {
        let mut held = self.session();
        for again in [true, false] {
            let session = match held.take() {
                Some(session) => session,
                None => self.log_in()?,
            };
            match run(&session) {
                Err(error) if again && is_gone(&error) => drop(session),
                done => {
                    *held = Some(session);
                    return done.map_err(failed(action));
                }
            }
        }
        Err(KeeperError::Down { provider: PROVIDER, action, why: "the session does not last".into() })
    }

    fn drawn(&self) -> Secret {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner).secret()
    }

    fn find(&self, root: &RootId) -> Result<ObjectHandle, KeeperError> {
        let found = match root.provider() == PROVIDER && owner(root.name()).is_some() {
            true => self.with("find the root", |session| session.find_objects(&named(root.name())))?,
            false => Vec::new(),
        };
        found.first().copied().ok_or_else(|| KeeperError::Missing(root.clone()))
    }
}

fn load(path: &Path) -> Result<Pkcs11, KeeperError> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    let modules = modules.get_or_insert_with(HashMap::new);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path).map_err(|error| KeeperError::Down {
        provider: PROVIDER,
        action: "load its module",
        why: error.to_string(),
    })?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(failed("initialise")(error)),
    }
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

fn named(label: &str) -> [Attribute; 3] {
    [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Token(true), Attribute::Label(label.as_bytes().to_vec())]
}

/// Whether another session may do better.
fn is_gone(error: &Error) -> bool {
    let Error::Pkcs11(code, _) = error else { return false };
    matches!(
        code,
        RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::UserNotLoggedIn
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
    )
}

/// The module's answer as one of ours. Its errors are codes; they hold no secret.
fn failed(action: &'static str) -> impl Fn(Error) -> KeeperError {
    move |error| {
        let why = error.to_string();
        match &error {
            Error::Pkcs11(
                RvError::PinIncorrect
                | RvError::PinLocked
                | RvError::PinExpired
                | RvError::ActionProhibited
                | RvError::TokenWriteProtected
                | RvError::UserPinNotInitialized,
                _,
            ) => KeeperError::Denied { provider: PROVIDER, action, why },
            Error::Pkcs11(
                RvError::DeviceError
                | RvError::DeviceRemoved
                | RvError::TokenNotPresent
                | RvError::SessionHandleInvalid,
                _,
            ) => KeeperError::Down { provider: PROVIDER, action, why },
            _ => KeeperError::Failed { provider: PROVIDER, action, why },
        }
    }
}

impl RootKeeper for Pkcs11Keeper {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn create(&self, deployment: &DeploymentId) -> Result<RootId, KeeperError> {
        let label = label(deployment, &self.drawn());
        let [class, token, name] = named(&label);
        let template = [
            class,
            token,
            name,
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
        ];
        self.with("make a root", |session| session.generate_key(&Mechanism::AesKeyGen, &template))?;
        let why = || "its name is none".to_owned();
        root_id(PROVIDER, &label).ok_or_else(|| KeeperError::Failed {
            provider: PROVIDER,
            action: "make a root",
            why: why(),
        })
    }

    fn seal(&self, root: &RootId, ad: &[u8], secret: &Secret) -> Result<Vec<u8>, KeeperError> {
        let key = self.find(root)?;
        let drawn = self.drawn();
        let iv: Vec<u8> = drawn.iter().copied().take(IV_BYTES).collect();
        let sealed = self.with("seal", |session| {
            let mut iv = iv.clone();
            let params = GcmParams::new(&mut iv, ad, 128.into())?;
            session.encrypt(&Mechanism::AesGcm(params), key, secret.as_slice())
        })?;
        Ok([iv, sealed].concat())
    }

    fn open(&self, root: &RootId, ad: &[u8], sealed: &[u8]) -> Result<Secret, KeeperError> {
        let key = self.find(root)?;
        let wrong = || KeeperError::Wrong(root.clone());
        let (iv, body) = sealed.split_at_checked(IV_BYTES).ok_or_else(wrong)?;
        let opened = self.with("open", |session| {
            let mut iv = iv.to_vec();
            let params = GcmParams::new(&mut iv, ad, 128.into())?;
            match session.decrypt(&Mechanism::AesGcm(params), key, body) {
                Ok(plain) => Ok(Some(Zeroizing::new(plain))),
                // SoftHSM says of a wrong tag that something general went wrong; the standard has two codes for it.
                Err(Error::Pkcs11(
                    RvError::GeneralError | RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange,
                    _,
                )) => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        let mut secret = Zeroizing::new([0; 32]);
        match opened {
            Some(mut plain) if plain.len() == secret.len() => {
                secret.copy_from_slice(&plain);
                plain.zeroize();
                Ok(secret)
            }
            _ => Err(wrong()),
        }
    }

    fn destroy(&self, root: &RootId) -> Result<Finality, KeeperError> {
        match self.find(root) {
            Ok(key) => self.with("destroy the root", |session| match session.destroy_object(key) {
                // Somebody was faster: gone is gone.
                Err(Error::Pkcs11(RvError::ObjectHandleInvalid, _)) => Ok(()),
                done => done,
            })?,
            Err(KeeperError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        match self.find(root) {
            Err(KeeperError::Missing(_)) => Ok(Finality { irreversible_from_ms: None, caveat: CAVEAT }),
            Ok(_) => Err(KeeperError::Lingers { provider: PROVIDER, root: root.clone() }),
            Err(error) => Err(error),
        }
    }

    fn list(&self) -> Result<Vec<HeldRoot>, KeeperError> {
        let labels = self.with("list roots", |session| {
            let keys = session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Token(true)])?;
            let mut labels = Vec::new();
            for key in keys {
                labels.extend(session.get_attributes(key, &[AttributeType::Label])?);
            }
            Ok(labels)
        })?;
        let held = labels.into_iter().filter_map(|attribute| {
            let Attribute::Label(label) = attribute else { return None };
            let label = String::from_utf8(label).ok()?;
            Some(HeldRoot { deployment: owner(&label)?, id: root_id(PROVIDER, &label)? })
        });
        Ok(held.collect())
    }
}

impl fmt::Debug for Pkcs11Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Keeper({})", self.token)
    }
}
