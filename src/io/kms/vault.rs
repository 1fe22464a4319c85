//! Roots in the transit engine of HashiCorp Vault or OpenBao, by its HTTP API: `aes256-gcm96` keys, not exportable.
//!
//! A key may be deleted only once its `deletion_allowed` is set; Lethe sets it right before it deletes, so that nobody deletes
//! one by accident. Deleting takes effect at once and is looked up afterwards. What it does not reach: snapshots and backups
//! of Vault's own storage, and replicas that lag.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::{Method, Request};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use zeroize::Zeroizing;

use super::label::{label, owner, root_id};
use super::open::secret;
use super::{Finality, HeldRoot, KeeperError, RootKeeper};
use crate::io::entropy::Entropy;
use crate::keys::{DeploymentId, RootId, Secret};
use crate::pipeline::Property;

const PROVIDER: &str = "vault";
const ANSWER_LIMIT_BYTES: u64 = 4 << 20;
const CAVEAT: &str = "vault deleted the key at once; snapshots and backups of vault's storage, and replicas that lag, are not \
                      covered";

/// How a Vault is reached.
#[derive(Clone, Debug)]
pub struct VaultAccess {
    /// Scheme, host and port.
    pub address: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// The token; a file is read again for each call, so that an agent may renew it.
    pub token: Property,
    /// Namespace.
    pub namespace: Option<String>,
    /// Certificates of the authorities, in PEM; without it those of this machine.
    pub ca_file: Option<String>,
    /// How long one call may take.
    pub timeout: Duration,
}

/// The transit root keeper.
pub struct VaultKeeper {
    access: VaultAccess,
    agent: ureq::Agent,
    entropy: Mutex<Entropy>,
}

/// An answer: its status, and its bytes, which may hold a secret.
struct Answer {
    status: u16,
    bytes: Zeroizing<Vec<u8>>,
}

impl Answer {
    fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Vault's own words: they name paths and rights. Cut, since a proxy in between may answer with a page.
    fn why(&self) -> String {
        let (status, body) = (self.status, self.body());
        let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let said: String =
            errors.collect::<Vec<_>>().join("; ").chars().filter(|c| !c.is_control()).take(300).collect();
        if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {said}") }
    }

    /// What is left of an answer that is not the one hoped for.
    fn failed(&self, action: &'static str) -> KeeperError {
        KeeperError::Failed { provider: PROVIDER, action, why: self.why() }
    }
}

/// An opened secret, read where it stands.
#[derive(Deserialize)]
struct Opened<'a> {
    #[serde(borrow)]
    data: Plain<'a>,
}

#[derive(Deserialize)]
struct Plain<'a> {
    plaintext: &'a str,
}

impl VaultKeeper {
    /// Asks nothing of it yet but that the settings make sense.
    pub fn open(access: VaultAccess) -> Result<Self, KeeperError> {
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(access.timeout))
            .http_status_as_error(false)
            // A standby hands requests on by itself; the token goes to nobody else.
            .max_redirects(0)
            .proxy(None);
        if access.address.starts_with("https:") {
            config = config.tls_config(tls(access.ca_file.as_deref())?);
        }
        let agent = config.build().new_agent();
        Ok(Self { access, agent, entropy: Mutex::new(Entropy::new()) })
    }

    fn call(
        &self,
        action: &'static str,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Answer, KeeperError> {
        let VaultAccess { address, mount, token, namespace, .. } = &self.access;
        let token = secret(PROVIDER, token)?;
        let mut request = Request::builder().method(method).uri(format!("{address}/v1/{mount}/{path}"));
        request = request.header("X-Vault-Token", token.as_str()).header("X-Vault-Request", "true");
        if let Some(namespace) = namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let failed = |why: String| KeeperError::Failed { provider: PROVIDER, action, why };
        // A header that is none would be quoted by its error: a token read wrongly must not be.
        let text = Zeroizing::new(body.unwrap_or_default());
        let request = request
            .body(text.as_bytes())
            .map_err(|_| failed("its token or address can't stand in a request".into()))?;
        let answered = self.agent.run(request);
        let mut answer =
            answered.map_err(|error| KeeperError::Down { provider: PROVIDER, action, why: error.to_string() })?;
        let mut bytes = Zeroizing::new(Vec::new());
        let read = answer.body_mut().as_reader().take(ANSWER_LIMIT_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| KeeperError::Down { provider: PROVIDER, action, why: error.to_string() })?;
        let status = answer.status().as_u16();
        let answer = Answer { status, bytes };
        match status {
            401 | 403 => Err(KeeperError::Denied { provider: PROVIDER, action, why: answer.why() }),
            429 | 500.. => Err(KeeperError::Down { provider: PROVIDER, action, why: answer.why() }),
            _ => Ok(answer),
        }
    }

    /// As [`Self::call`], where only success will do.
    fn done(
        &self,
        action: &'static str,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Value, KeeperError> {
        let answer = self.call(action, method, path, body)?;
        match answer.status {
            200..=299 => Ok(answer.body()),
            _ => Err(answer.failed(action)),
        }
    }

    /// Whether the key is there.
    fn holds(&self, root: &RootId) -> Result<bool, KeeperError> {
        // An id comes out of a store's row, and must not lead anywhere else.
        if root.provider() != PROVIDER || owner(root.name()).is_none() {
            return Ok(false);
        }
        let action = "look at the root";
        let answer = self.call(action, Method::GET, &format!("keys/{}", root.name()), None)?;
        match answer.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(answer.failed(action)),
        }
    }

    fn must_hold(&self, root: &RootId) -> Result<(), KeeperError> {
        if self.holds(root)? { Ok(()) } else { Err(KeeperError::Missing(root.clone())) }
    }
}

fn tls(ca_file: Option<&str>) -> Result<TlsConfig, KeeperError> {
    let failed = |why: String| KeeperError::Failed { provider: PROVIDER, action: "read its authorities", why };
    let certificates: Vec<Certificate<'static>> = match ca_file {
        Some(path) => {
            let pem = std::fs::read(path).map_err(|error| failed(format!("`{path}`: {error}")))?;
            let items = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            items.collect()
        }
        None => {
            let found = rustls_native_certs::load_native_certs().certs;
            found.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
        }
    };
    if certificates.is_empty() {
        return Err(failed("no certificate is there; name a `ca_file`".into()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCerts::new_with_certs(&certificates);
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}

impl RootKeeper for VaultKeeper {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn create(&self, deployment: &DeploymentId) -> Result<RootId, KeeperError> {
        let name = label(deployment, &self.entropy.lock().unwrap_or_else(PoisonError::into_inner).secret());
        let body = json!({ "type": "aes256-gcm96", "exportable": false, "allow_plaintext_backup": false }).to_string();
        self.done("make a root", Method::POST, &format!("keys/{name}"), Some(body))?;
        let why = "its name is none".to_owned();
        root_id(PROVIDER, &name).ok_or(KeeperError::Failed { provider: PROVIDER, action: "make a root", why })
    }

    fn seal(&self, root: &RootId, ad: &[u8], secret: &Secret) -> Result<Vec<u8>, KeeperError> {
        // Sealing under a key that isn't there would make one, where the token may.
        self.must_hold(root)?;
        let plaintext = Zeroizing::new(STANDARD.encode(secret.as_slice()));
        let body = format!(r#"{{"plaintext":"{}","associated_data":"{}"}}"#, plaintext.as_str(), STANDARD.encode(ad));
        let answer = self.done("seal", Method::POST, &format!("encrypt/{}", root.name()), Some(body))?;
        let sealed = answer.pointer("/data/ciphertext").and_then(Value::as_str).map(|text| text.as_bytes().to_vec());
        let why = "no ciphertext in its answer".to_owned();
        sealed.ok_or(KeeperError::Failed { provider: PROVIDER, action: "seal", why })
    }

    fn open(&self, root: &RootId, ad: &[u8], sealed: &[u8]) -> Result<Secret, KeeperError> {
        self.must_hold(root)?;
        let wrong = || KeeperError::Wrong(root.clone());
        let ciphertext = std::str::from_utf8(sealed).map_err(|_| wrong())?;
        let body = json!({ "ciphertext": ciphertext, "associated_data": STANDARD.encode(ad) }).to_string();
        let answer = self.call("open", Method::POST, &format!("decrypt/{}", root.name()), Some(body))?;
        if answer.status != 200 {
            return Err(wrong());
        }
        let opened: Opened<'_> = serde_json::from_slice(&answer.bytes).map_err(|_| wrong())?;
        let bytes = Zeroizing::new(STANDARD.decode(opened.data.plaintext).map_err(|_| wrong())?);
        let mut secret = Zeroizing::new([0; 32]);
        if bytes.len() != secret.len() {
            return Err(wrong());
        }
        secret.copy_from_slice(&bytes);
        Ok(secret)
    }

    fn destroy(&self, root: &RootId) -> Result<Finality, KeeperError> {
        if self.holds(root)? {
            let (name, allowed) = (root.name(), json!({ "deletion_allowed": true }).to_string());
            self.done("allow the root's deletion", Method::POST, &format!("keys/{name}/config"), Some(allowed))?;
            self.done("destroy the root", Method::DELETE, &format!("keys/{name}"), None)?;
            if self.holds(root)? {
                return Err(KeeperError::Lingers { provider: PROVIDER, root: root.clone() });
            }
        }
        Ok(Finality { irreversible_from_ms: None, caveat: CAVEAT })
    }

    fn list(&self) -> Result<Vec<HeldRoot>, KeeperError> {
        let answer = self.call("list roots", Method::GET, "keys?list=true", None)?;
        match answer.status {
            200 => {}
            // There is no key at all.
            404 => return Ok(Vec::new()),
            _ => return Err(answer.failed("list roots")),
        }
        let body = answer.body();
        let names =
            body.pointer("/data/keys").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        Ok(names.filter_map(|name| Some(HeldRoot { deployment: owner(name)?, id: root_id(PROVIDER, name)? })).collect())
    }
}

impl fmt::Debug for VaultKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKeeper({}/{})", self.access.address, self.access.mount)
    }
}
