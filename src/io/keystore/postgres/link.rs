//! Connections to PostgreSQL: a pool on a small runtime of its own, sessions that block, time limits, and what the server's
//! errors mean. It knows no tables.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
};
use tokio::runtime::{Handle, Runtime};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::tls::Tls;
use crate::io::keystore::StoreError;
use crate::sensitive::Sensitive;

/// How a server is reached.
#[derive(Clone, Debug)]
pub struct Connecting {
    /// The connection string, a secret: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub url: Sensitive,
    /// A file of certificate authorities (PEM); without it the system's count.
    pub authorities: Option<PathBuf>,
    /// Connections at most.
    pub connections: usize,
}

/// The longest wait for an answer: beyond it the connection is given up, and the server's time limit ends what it was doing.
const ANSWER: Duration = Duration::from_secs(40);
/// Durable commits whatever the server's default is; a process that hangs or vanishes in a transaction gives its locks back;
/// and no plan reads whole tables: one that was made while a table was nearly empty would be kept as it grows.
const SESSION: &str = "
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    SET statement_timeout = '30s';
    SET idle_in_transaction_session_timeout = '20s';
    SET tcp_keepalives_idle = 20;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 4;
    SET enable_seqscan = off;
    SET jit = off;
    SET client_min_messages = warning";

/// A pool of connections to one database.
pub(super) struct Link {
    pool: Pool,
    server: String,
    /// Taken on drop alone.
    runtime: Option<Runtime>,
}

/// One connection for some statements. Dropped before it is [`Session::done`] it is closed, and with it whatever it had begun.
pub(super) struct Session<'l> {
    link: &'l Link,
    object: Option<Object>,
}

impl Link {
    /// Prepares the pool; nothing is connected yet.
    pub fn new(connecting: &Connecting) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Connection("it can't be read".to_owned());
        let url = std::str::from_utf8(connecting.url.reveal()).map_err(|_| unreadable())?;
        let mut config: Config = url.trim().parse().map_err(|_| unreadable())?;
        if config.get_hosts().is_empty() {
            return Err(StoreError::Connection("it names no host".to_owned()));
        }
        if config.get_application_name().is_none() {
            config.application_name("lethe");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        config.keepalives_idle(Duration::from_secs(20));
        config.tcp_user_timeout(Duration::from_secs(20));
        // Keys cross a network only encrypted, unless the connection string says otherwise in so many words.
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if here_alone(&config) { SslMode::Disable } else { SslMode::Require });
        }
        let server = server_name(&config);
        let how = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = if config.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(config, NoTls, how)
        } else {
            Manager::from_config(config, Tls::new(connecting.authorities.as_deref())?, how)
        };
        let prepare = Hook::async_fn(|client: &mut ClientWrapper, _| {
            Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager).max_size(connecting.connections.max(2) + 1).post_create(prepare).build();
        let pool = pool.map_err(|error| StoreError::Connection(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("lethe-postgres")
            .enable_all()
            .build()
            .map_err(|source| StoreError::Io { folder: PathBuf::from(&server), source })?;
        Ok(Self { pool, server, runtime: Some(runtime) })
    }

    /// Host, port and database, for people.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A connection of one's own.
    pub fn session(&self) -> Result<Session<'_>, StoreError> {
        let got = self.block(async || tokio::time::timeout(ANSWER, self.pool.get()).await)?;
        let object = match got {
            Ok(Ok(object)) => object,
            Ok(Err(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)))) => {
                return Err(self.fault(&error));
            }
            Ok(Err(other)) => return Err(self.unreachable(other.to_string())),
            Err(_) => return Err(self.unreachable("no connection became free in time".to_owned())),
        };
        Ok(Session { link: self, object: Some(object) })
    }

    /// A session that was kept.
    pub fn again(&self, kept: Object) -> Session<'_> {
        Session { link: self, object: Some(kept) }
    }

    /// Runs something that waits. Called from a thread that drives a runtime already, it takes another thread for it.
    fn block<T: Send>(&self, work: impl AsyncFnOnce() -> T + Send) -> Result<T, StoreError> {
        let runtime = self.runtime.as_ref().ok_or(StoreError::Broken)?;
        if Handle::try_current().is_err() {
            return Ok(runtime.block_on(work()));
        }
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work())).join()).map_err(|_| StoreError::Broken)
    }

    fn unreachable(&self, what: String) -> StoreError {
        StoreError::Unreachable { server: self.server.clone(), what }
    }

    /// What the server's error means. Its `DETAIL` may quote rows and is never told.
    fn fault(&self, error: &tokio_postgres::Error) -> StoreError {
        let server = self.server.clone();
        let Some(said) = error.as_db_error() else {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            return self.unreachable(format!("{error}{cause}"));
        };
        let what = format!("{} (SQLSTATE {})", said.message(), said.code().code());
        match *said.code() {
            SqlState::DISK_FULL => StoreError::Full(PathBuf::from(server)),
            SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Standby(server),
            SqlState::LOCK_NOT_AVAILABLE
            | SqlState::QUERY_CANCELED
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::T_R_SERIALIZATION_FAILURE => StoreError::Busy(server),
            SqlState::INVALID_CATALOG_NAME
            | SqlState::INVALID_SCHEMA_NAME
            | SqlState::INSUFFICIENT_PRIVILEGE
            | SqlState::INVALID_PASSWORD
            | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => StoreError::Refused { server, what },
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::TOO_MANY_CONNECTIONS
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => StoreError::Unreachable { server, what },
            _ => StoreError::Server { server, what },
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.pool.close();
        // Whoever drops the store may be driving a runtime, where waiting for this one's end is forbidden.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Session<'_> {
    /// Runs statements and waits for their answers. After an error the session is of no use.
    pub fn run<T: Send>(
        &self,
        work: impl AsyncFnOnce(&ClientWrapper) -> Result<T, tokio_postgres::Error> + Send,
    ) -> Result<T, StoreError> {
        let client: &ClientWrapper = self.object.as_ref().ok_or(StoreError::Broken)?;
        match self.link.block(async || tokio::time::timeout(ANSWER, work(client)).await)? {
            Ok(done) => done.map_err(|error| self.link.fault(&error)),
            Err(_) => Err(self.link.unreachable("no answer in time".to_owned())),
        }
    }

    /// Keeps the connection, and the locks that it holds.
    pub fn keep(mut self) -> Option<Object> {
        self.object.take()
    }

    /// Gives the connection back for others to use.
    pub fn done(mut self) {
        drop(self.object.take());
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            // Out of the pool, and closed: a transaction or lock that it holds ends with it.
            drop(Object::take(object));
        }
    }
}

/// Whether all hosts are on this machine.
fn here_alone(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

fn server_name(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{}/{database}", hosts.collect::<Vec<_>>().join(","))
}
