//! Roots in AWS KMS: one symmetric customer key for each, found again by an alias that says whose it is.
//!
//! KMS destroys nothing at once. A key's deletion is scheduled 7 to 30 days ahead, and until then whoever may cancel it brings
//! the key back: so the destruction is irreversible from that date on, and receipts say so. A scheduled key encrypts and
//! decrypts nothing. The key's tags (`lethe-deployment`) are for policies and bills; the alias goes once deletion is scheduled.

use std::fmt;
use std::sync::mpsc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyState, Tag};
use aws_smithy_http_client::tls;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Finality, HeldRoot, KeeperError, RootKeeper};
use crate::keys::{DeploymentId, RootId, Secret};

const PROVIDER: &str = "aws_kms";
const ALIASES: &str = "alias/lethe/";
/// Name of the associated data in the encryption context (at most 8,192 characters; ours has about 60).
const CONTEXT: &str = "lethe";
const CAVEAT: &str = "the key's deletion is scheduled: until its date whoever may cancel it brings the key back; copies that \
                      AWS keeps for durability are AWS's to erase after that";

/// How KMS is reached. Credentials come as the SDK finds them.
#[derive(Clone, Debug)]
pub struct AwsAccess {
    /// Region; `None`: as the environment or the profile says.
    pub region: Option<String>,
    /// Another address of the service.
    pub endpoint: Option<String>,
    /// Days until a destroyed root is gone for good.
    pub pending_days: i32,
    /// How long one call may take, retries and all.
    pub timeout: Duration,
}

/// The KMS root keeper. Its calls run on a thread of its own, so that they may be waited for anywhere.
pub struct AwsKeeper {
    client: Client,
    runtime: tokio::runtime::Runtime,
    pending_days: i32,
}

impl AwsKeeper {
    /// Finds region and credentials; asks nothing of KMS yet.
    pub fn open(access: AwsAccess) -> Result<Self, KeeperError> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("lethe-kms").enable_all().build();
        let runtime = runtime.map_err(|error| failed("start", error.to_string()))?;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let attempt = access.timeout / 3;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(attempt)
            .operation_attempt_timeout(attempt)
            .operation_timeout(access.timeout)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(3));
        if let Some(region) = access.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = access.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let config = wait(&runtime, "start", loader.load())?;
        Ok(Self { client: Client::new(&config), runtime, pending_days: access.pending_days })
    }

    fn call<T: Send + 'static, E>(
        &self,
        action: &'static str,
        call: impl Future<Output = Result<T, SdkError<E>>> + Send + 'static,
    ) -> Result<T, Told>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let answered = wait(&self.runtime, action, async { call.await.map_err(told) });
        answered.map_err(|error| Told { kind: Kind::Failed, code: String::new(), why: error.to_string() })?
    }

    /// A key's state; `None` where there is no such key.
    fn state(&self, root: &RootId) -> Result<Option<(KeyState, Option<i64>)>, KeeperError> {
        let action = "look at the root";
        // An id comes out of a store's row: another keeper's is not asked for.
        if root.provider() != PROVIDER {
            return Ok(None);
        }
        match self.call(action, self.client.describe_key().key_id(root.name()).send()) {
            Ok(answer) => Ok(answer.key_metadata.map(|key| {
                let deletion_ms = key.deletion_date.and_then(|date| date.to_millis().ok());
                (key.key_state.unwrap_or(KeyState::Unavailable), deletion_ms)
            })),
            Err(told) if told.is_missing() => Ok(None),
            Err(told) => Err(told.into_error(action)),
        }
    }

    /// Which key an alias stands for, as far as the aliases are Lethe's.
    fn aliases(&self) -> Result<Vec<(String, String)>, KeeperError> {
        let action = "list roots";
        let (mut found, mut marker) = (Vec::new(), None);
        loop {
            let page = self.client.list_aliases().limit(100).set_marker(marker.take()).send();
            let page = self.call(action, page).map_err(|told| told.into_error(action))?;
            for alias in page.aliases.unwrap_or_default() {
                let (Some(name), Some(key)) = (alias.alias_name, alias.target_key_id) else { continue };
                if name.starts_with(ALIASES) {
                    found.push((name, key));
                }
            }
            match page.next_marker.filter(|_| page.truncated) {
                Some(next) => marker = Some(next),
                None => return Ok(found),
            }
        }
    }
}

/// What KMS has said, before it is known what that means here.
struct Told {
    kind: Kind,
    code: String,
    why: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Denied,
    Down,
    Failed,
}

impl Told {
    fn is_missing(&self) -> bool {
        self.code == "NotFoundException"
    }

    fn into_error(self, action: &'static str) -> KeeperError {
        let why = self.why;
        match self.kind {
            Kind::Denied => KeeperError::Denied { provider: PROVIDER, action, why },
            Kind::Down => KeeperError::Down { provider: PROVIDER, action, why },
            Kind::Failed => KeeperError::Failed { provider: PROVIDER, action, why },
        }
    }
}

/// KMS's own words name keys, identities and rights; no secret is in them.
fn told<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static>(error: SdkError<E>) -> Told {
    let code = error.code().unwrap_or_default().to_owned();
    let said = match error.message() {
        Some(message) => format!("{code}: {message}"),
        None => DisplayErrorContext(&error).to_string(),
    };
    let kind = match (&error, code.as_str()) {
        (
            SdkError::ServiceError(_),
            "AccessDeniedException" | "ExpiredTokenException" | "UnrecognizedClientException",
        ) => Kind::Denied,
        (SdkError::ServiceError(_), "ThrottlingException" | "LimitExceededException" | "KMSInternalException")
        | (SdkError::ServiceError(_), "DependencyTimeoutException" | "InternalFailure" | "ServiceUnavailable") => {
            Kind::Down
        }
        (SdkError::ServiceError(_), _) => Kind::Failed,
        _ => Kind::Down,
    };
    Told { kind, code, why: said.chars().filter(|c| !c.is_control()).take(300).collect() }
}

fn failed(action: &'static str, why: String) -> KeeperError {
    KeeperError::Failed { provider: PROVIDER, action, why }
}

/// Waits for a call that another thread makes: nobody needs to know whether this one may wait for such things itself.
fn wait<T: Send + 'static>(
    runtime: &tokio::runtime::Runtime,
    action: &'static str,
    call: impl Future<Output = T> + Send + 'static,
) -> Result<T, KeeperError> {
    let (answer, answered) = mpsc::sync_channel(1);
    runtime.spawn(async move { drop(answer.send(call.await)) });
    answered.recv().map_err(|_| failed(action, "its thread has ended".into()))
}

impl RootKeeper for AwsKeeper {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn create(&self, deployment: &DeploymentId) -> Result<RootId, KeeperError> {
        let action = "make a root";
        let tag = Tag::builder().tag_key("lethe-deployment").tag_value(deployment.to_string()).build();
        let tag = tag.map_err(|error| failed(action, error.to_string()))?;
        let made = self.client.create_key().description("root of a lethe key store").tags(tag).send();
        let made = self.call(action, made).map_err(|told| told.into_error(action))?;
        let key = made.key_metadata.map(|key| key.key_id).unwrap_or_default();
        let alias = format!("{ALIASES}{deployment}/{key}");
        let named = self.client.create_alias().alias_name(alias).target_key_id(&key).send();
        self.call(action, named).map_err(|told| told.into_error(action))?;
        RootId::new(&format!("{PROVIDER}:{key}")).ok_or_else(|| failed(action, "its id is none".into()))
    }

    fn seal(&self, root: &RootId, ad: &[u8], secret: &Secret) -> Result<Vec<u8>, KeeperError> {
        let action = "seal";
        let sealed = self.client.encrypt().key_id(root.name()).plaintext(Blob::new(secret.to_vec()));
        let sealed = self.call(action, sealed.encryption_context(CONTEXT, STANDARD.encode(ad)).send());
        match sealed {
            Ok(answer) => {
                answer.ciphertext_blob.map(Blob::into_inner).ok_or_else(|| failed(action, "no ciphertext".into()))
            }
            Err(told) if told.is_missing() => Err(KeeperError::Missing(root.clone())),
            Err(told) => Err(told.into_error(action)),
        }
    }

    fn open(&self, root: &RootId, ad: &[u8], sealed: &[u8]) -> Result<Secret, KeeperError> {
        let action = "open";
        match self.state(root)? {
            // Scheduled for deletion is destroyed, though it could still be brought back.
            None | Some((KeyState::PendingDeletion | KeyState::PendingReplicaDeletion, _)) => {
                return Err(KeeperError::Missing(root.clone()));
            }
            Some((KeyState::Enabled, _)) => {}
            Some((state, _)) => {
                let why = format!("the key is `{}`; enable it", state.as_str());
                return Err(KeeperError::Denied { provider: PROVIDER, action, why });
            }
        }
        let opened = self.client.decrypt().key_id(root.name()).ciphertext_blob(Blob::new(sealed));
        let plain = match self.call(action, opened.encryption_context(CONTEXT, STANDARD.encode(ad)).send()) {
            Ok(answer) => answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner())).unwrap_or_default(),
            Err(told) if ["InvalidCiphertextException", "IncorrectKeyException"].contains(&told.code.as_str()) => {
                return Err(KeeperError::Wrong(root.clone()));
            }
            Err(told) => return Err(told.into_error(action)),
        };
        let mut secret = Zeroizing::new([0; 32]);
        if plain.len() != secret.len() {
            return Err(KeeperError::Wrong(root.clone()));
        }
        secret.copy_from_slice(&plain);
        Ok(secret)
    }

    fn destroy(&self, root: &RootId) -> Result<Finality, KeeperError> {
        let action = "destroy the root";
        let pending = |state: &KeyState| matches!(state, KeyState::PendingDeletion | KeyState::PendingReplicaDeletion);
        let Some((state, _)) = self.state(root)? else {
            return Ok(Finality { irreversible_from_ms: None, caveat: CAVEAT });
        };
        if !pending(&state) {
            let scheduled = self.client.schedule_key_deletion().key_id(root.name());
            let scheduled = scheduled.pending_window_in_days(self.pending_days).send();
            self.call(action, scheduled).map_err(|told| told.into_error(action))?;
        }
        // Its own word after the fact, not the answer to the order.
        let irreversible_from_ms = match self.state(root)? {
            None => None,
            Some((state, date)) if pending(&state) => {
                Some(date.ok_or_else(|| failed(action, "it names no date of deletion".into()))?)
            }
            Some(_) => return Err(KeeperError::Lingers { provider: PROVIDER, root: root.clone() }),
        };
        // Last: while the alias is there the root is found again, and this is done again.
        for (alias, _) in self.aliases()?.into_iter().filter(|(_, key)| key == root.name()) {
            match self.call(action, self.client.delete_alias().alias_name(alias).send()) {
                Err(told) if !told.is_missing() => return Err(told.into_error(action)),
                _ => {}
            }
        }
        Ok(Finality { irreversible_from_ms, caveat: CAVEAT })
    }

    fn list(&self) -> Result<Vec<HeldRoot>, KeeperError> {
        let held = self.aliases()?.into_iter().filter_map(|(alias, key)| {
            let (deployment, named) = alias.strip_prefix(ALIASES)?.split_once('/')?;
            let deployment = u128::from_str_radix(deployment, 16).ok().filter(|_| deployment.len() == 32)?;
            let id = RootId::new(&format!("{PROVIDER}:{key}")).filter(|_| named == key)?;
            Some(HeldRoot { id, deployment: DeploymentId(deployment.to_be_bytes()) })
        });
        Ok(held.collect())
    }
}

impl fmt::Debug for AwsKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsKeeper")
    }
}
