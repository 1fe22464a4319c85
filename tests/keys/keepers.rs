//! Every root keeper against the real thing (a file, SoftHSM) or a server that speaks its documented API (moto, a fake Vault): it
//! keeps what it promises, and when it refuses, dawdles or is gone, nothing is lost and nothing is reported as destroyed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lethe::io::clock::ManualClock;
use lethe::io::keystore::{EmbeddedStore, Keystore, Options, Renewal, StoreError};
use lethe::io::kms::{FileKeeper, KeeperError, RootKeeper};
use lethe::keys::{DeploymentId, Grant, KeyState, RootId};
use zeroize::Zeroizing;

use crate::store::{bucket, copy_folder, id, live, request, scratch, state};

const OURS: DeploymentId = DeploymentId([7; 16]);
const THEIRS: DeploymentId = DeploymentId([8; 16]);

pub fn open(folder: &Path, keeper: &Arc<dyn RootKeeper>) -> Result<EmbeddedStore, StoreError> {
    EmbeddedStore::open(Options::new(folder), Arc::clone(keeper), Arc::new(ManualClock::default()))
}

/// What each of them must do. `pending` is whether a destroyed root may still be brought back for a while.
fn keeps_its_promises(keeper: &Arc<dyn RootKeeper>, pending: bool) {
    let secret = Zeroizing::new([42; 32]);
    let (ours, theirs) = (keeper.create(&OURS).unwrap(), keeper.create(&THEIRS).unwrap());
    assert_eq!((ours.provider(), theirs.provider()), (keeper.provider(), keeper.provider()));
    let sealed = keeper.seal(&ours, b"here", &secret).unwrap();
    assert_eq!(keeper.open(&ours, b"here", &sealed).unwrap(), secret);
    let mut flipped = sealed.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (root, ad, sealed) in [
        (&ours, b"not here".as_slice(), sealed.as_slice()),
        (&theirs, b"here", &sealed),
        (&ours, b"here", &flipped),
        (&ours, b"here", &sealed[..sealed.len() - 1]),
    ] {
        let error = keeper.open(root, ad, sealed).unwrap_err();
        // Another key's ciphertext is `IncorrectKeyException` with AWS, and `AccessDeniedException` with moto.
        let refused_by_moto = pending && *root == theirs && matches!(error, KeeperError::Denied { .. });
        assert!(refused_by_moto || matches!(&error, KeeperError::Wrong(wrong) if wrong == root), "{error:?}");
    }
    let held = |deployment| -> Vec<RootId> {
        let held = keeper.list().unwrap().into_iter();
        held.filter(|held| held.deployment == deployment).map(|held| held.id).collect()
    };
    assert_eq!((held(OURS), held(THEIRS)), (vec![ours.clone()], vec![theirs.clone()]));

    let finality = keeper.destroy(&ours).unwrap();
    assert_eq!(finality.irreversible_from_ms.is_some(), pending);
    assert!(!finality.caveat.is_empty());
    assert_eq!((held(OURS), held(THEIRS)), (vec![], vec![theirs.clone()]));
    assert!(matches!(keeper.open(&ours, b"here", &sealed).unwrap_err(), KeeperError::Missing(_)));
    assert_eq!(keeper.destroy(&ours).unwrap(), finality, "again is the same");
    for foreign in ["0123456789abcdef", "elsewhere:1", "../../etc/passwd", "vault:../sys/seal"] {
        let foreign = RootId::new(foreign).unwrap();
        assert!(matches!(keeper.open(&foreign, b"here", &sealed).unwrap_err(), KeeperError::Missing(_)), "{foreign}");
    }
    let strays = keeper.reconcile(&THEIRS, None).unwrap();
    assert_eq!((strays.len(), held(THEIRS).len()), (1, 0));
}

/// A store on it: erased subjects stay closed, the others open, one root is left, an old copy is refused.
fn bears_a_store(keeper: &Arc<dyn RootKeeper>, pending: bool) {
    let folder = scratch();
    let (home, old) = (folder.path().join("store"), folder.path().join("old"));
    let store = open(&home, keeper).unwrap();
    let sealed: Vec<_> = (0..300).map(|n| live(&store, &request(n, Grant::Create)).seal(b"k", b"v")).collect();
    drop(store);
    copy_folder(&home, &old);
    let store = open(&home, keeper).unwrap();
    store.fence(&[(id(5), 5_000), (id(6), 5_000)]).unwrap();
    let destroyed = store.destroy(&[id(5), id(6)]).unwrap();
    let [(_, epoch)] = destroyed.epochs.as_slice() else { panic!("one epoch") };
    assert_eq!(epoch.old_root.provider(), keeper.provider());
    assert_eq!(epoch.irreversible_from_ms > epoch.destroyed_at_ms, pending);
    store.rotate(None, 1).unwrap();
    store.renew(Renewal::Buckets).unwrap();
    store.expire(&[bucket("other", 1)]).unwrap();
    drop(store);
    let store = open(&home, keeper).unwrap();
    for (number, sealed) in (0..300).zip(&sealed) {
        match state(&store, &request(number, Grant::Open)).unwrap() {
            KeyState::Erased(_) => assert!([5, 6].contains(&number)),
            KeyState::Live(keys) => assert!(keys.open(b"k", sealed).is_ok()),
            other => panic!("{number} is {other:?}"),
        }
    }
    let status = store.status().unwrap();
    let held = keeper.list().unwrap().into_iter().filter(|held| held.deployment == status.deployment);
    assert_eq!(held.map(|held| held.id).collect::<Vec<_>>(), std::slice::from_ref(&status.root));
    assert!(matches!(open(&old, keeper), Err(StoreError::OldCopy { .. })));
    // Destroyed by hand, nothing opens and nothing new is begun in its place.
    drop(store);
    keeper.destroy(&status.root).unwrap();
    let gone = open(&home, keeper).unwrap_err();
    assert!(matches!(gone, StoreError::RootMissing(_) | StoreError::ForeignKeeper { .. }), "{gone}");
    assert!(keeper.list().unwrap().iter().all(|held| held.deployment != status.deployment));
}

#[test]
fn a_file_keeps_its_promises() {
    let folder = scratch();
    let keeper: Arc<dyn RootKeeper> = Arc::new(FileKeeper::open(&folder.path().join("roots")).unwrap());
    keeps_its_promises(&keeper, false);
    bears_a_store(&keeper, false);
}

/// Runs an ignored test of this binary in a process of its own, with the environment that a keeper's library reads.
#[cfg(any(feature = "pkcs11", feature = "aws-kms"))]
fn inside(test: &str, environment: &[(&str, String)]) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", test]).envs(environment.iter().map(|(k, v)| (k, v)));
    let ran = command.output().unwrap();
    let [out, err] = [&ran.stdout, &ran.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(ran.status.success() && out.contains("1 passed"), "{out}{err}");
}

#[cfg(feature = "pkcs11")]
pub mod hsm {
    use super::*;
    use lethe::io::kms::Pkcs11Keeper;
    use lethe::pipeline::Property;
    use std::path::PathBuf;
    use std::process::Command;

    const PIN: &str = "4711";

    fn module() -> Option<PathBuf> {
        let known = [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
            "/opt/homebrew/lib/softhsm/libsofthsm2.so",
        ];
        known.into_iter().map(PathBuf::from).find(|path| path.exists())
    }

    /// SoftHSM; installed where it is missing and that is possible.
    fn softhsm() -> PathBuf {
        module().unwrap_or_else(|| {
            let install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends softhsm2";
            drop(Command::new("sh").args(["-c", install]).output());
            module().expect("SoftHSM is missing: install it (Debian: `apt-get install softhsm2`)")
        })
    }

    /// Runs a test with a fresh token.
    pub fn with_token(test: &str) {
        let module = softhsm();
        let folder = tempfile::tempdir().unwrap();
        let (tokens, conf) = (folder.path().join("tokens"), folder.path().join("softhsm2.conf"));
        std::fs::create_dir(&tokens).unwrap();
        let text =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        std::fs::write(&conf, text).unwrap();
        let conf = conf.display().to_string();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "lethe", "--pin", PIN, "--so-pin", PIN])
            .env("SOFTHSM2_CONF", &conf)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        inside(test, &[("SOFTHSM2_CONF", conf), ("LETHE_TEST_MODULE", module.display().to_string())]);
    }

    pub fn keeper(pin: &str) -> Result<Arc<dyn RootKeeper>, KeeperError> {
        #[expect(clippy::disallowed_methods, reason = "a test reads what its parent said")]
        let module = std::env::var("LETHE_TEST_MODULE").unwrap();
        let keeper = Pkcs11Keeper::open(Path::new(&module), "lethe", Property::Literal(pin.into()))?;
        Ok(Arc::new(keeper))
    }

    pub fn open_token() -> Arc<dyn RootKeeper> {
        keeper(PIN).unwrap()
    }

    #[test]
    fn an_hsm_keeps_its_promises() {
        with_token("keepers::hsm::in_softhsm");
    }

    #[test]
    #[ignore = "run by its parent, with a token of its own"]
    fn in_softhsm() {
        let denied = keeper("0000").err().unwrap();
        assert!(matches!(denied, KeeperError::Denied { .. }), "{denied:?}");
        let keeper = open_token();
        keeps_its_promises(&keeper, false);
        bears_a_store(&keeper, false);
        // A second keeper of the same process shares the login.
        let again = open_token();
        let root = again.create(&OURS).unwrap();
        drop(keeper);
        assert_eq!(again.destroy(&root).unwrap().irreversible_from_ms, None);
    }

    #[test]
    fn a_module_or_token_that_is_not_there_is_named() {
        let missing = Pkcs11Keeper::open(Path::new("/nowhere/hsm.so"), "lethe", Property::Literal(String::new()));
        let text = missing.unwrap_err().to_string();
        assert!(text.contains("load its module") && text.contains("\nhelp: "), "{text}");
    }
}

#[cfg(feature = "vault")]
mod vault {
    use super::*;
    use crate::fake_vault::{Mood, Vault};
    use lethe::io::kms::{VaultAccess, VaultKeeper};
    use lethe::pipeline::Property;

    fn keeper(vault: &Vault) -> Arc<dyn RootKeeper> {
        let access = VaultAccess {
            address: vault.address.clone(),
            mount: "transit".into(),
            token: Property::Literal(vault.token.clone()),
            namespace: None,
            ca_file: None,
            timeout: Duration::from_millis(400),
        };
        Arc::new(VaultKeeper::open(access).unwrap())
    }

    #[test]
    fn vault_keeps_its_promises() {
        let vault = Vault::start();
        let keeper = keeper(&vault);
        assert!(keeper.list().unwrap().is_empty(), "no key at all is no error");
        keeps_its_promises(&keeper, false);
        bears_a_store(&keeper, false);
        assert!(vault.asked().iter().all(|asked| !asked.contains("export") && !asked.contains("backup")));
    }

    #[test]
    fn a_vault_that_refuses_dawdles_or_is_gone_loses_nothing_and_destroys_nothing() {
        for (mood, code) in [
            (Mood::Denies, "refuses to"),
            (Mood::Slow, "can't be reached"),
            (Mood::Down, "can't be reached"),
            (Mood::Lies, "still holds root"),
        ] {
            let (vault, folder) = (Vault::start(), scratch());
            let keeper = keeper(&vault);
            let store = open(folder.path(), &keeper).unwrap();
            let sealed = live(&store, &request(1, Grant::Create)).seal(b"k", b"v");
            live(&store, &request(2, Grant::Create));
            vault.set(mood);
            store.fence(&[(id(2), 5_000)]).unwrap();
            for _ in 0..2 {
                let failed = store.destroy(&[id(2)]).unwrap_err();
                let text = failed.to_string();
                assert!(!failed.is_final() && text.contains(code) && text.contains("\nhelp: "), "{mood:?}: {text}");
            }
            // The stream goes on: who was not erased keeps his key, the other gets none, and new ones are made.
            assert!(live(&store, &request(1, Grant::Open)).open(b"k", &sealed).is_ok(), "{mood:?}");
            assert!(matches!(state(&store, &request(2, Grant::Create)).unwrap(), KeyState::Erased(_)));
            live(&store, &request(3, Grant::Create));
            vault.set(Mood::Well);
            let destroyed = store.destroy(&[id(2)]).unwrap();
            assert!(destroyed.epochs.iter().all(|(_, row)| row.destroyed_at_ms.is_some()));
            assert_eq!(vault.keys().len(), 1, "{mood:?}: a root is left over");
            drop(store);
            // Nor does a store begin on a keeper that is not itself: it neither opens nor begins anew.
            vault.set(mood);
            if mood != Mood::Lies {
                assert!(open(folder.path(), &keeper).is_err(), "{mood:?}");
            }
            vault.set(Mood::Well);
            let store = open(folder.path(), &keeper).unwrap();
            assert!(live(&store, &request(1, Grant::Open)).open(b"k", &sealed).is_ok(), "{mood:?}");
        }
    }

    #[test]
    fn a_token_never_shows_in_an_error() {
        let vault = Vault::start();
        for bad in ["line\nfeed", "wrong"] {
            let access = VaultAccess {
                address: vault.address.clone(),
                mount: "transit".into(),
                token: Property::Literal(format!("secret{bad}")),
                namespace: None,
                ca_file: None,
                timeout: Duration::from_secs(2),
            };
            let keeper = VaultKeeper::open(access).unwrap();
            let text = format!("{} {keeper:?}", keeper.list().unwrap_err());
            assert!(!text.contains("secret") || text.contains("secret of root keeper"), "{text}");
            assert!(!text.contains(bad), "{text}");
        }
    }
}

#[cfg(feature = "aws-kms")]
mod aws {
    use super::*;
    use lethe::io::kms::{AwsAccess, AwsKeeper};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::Instant;

    fn keeper(endpoint: String, timeout: Duration) -> Arc<dyn RootKeeper> {
        let access =
            AwsAccess { region: Some("eu-central-1".into()), endpoint: Some(endpoint), pending_days: 7, timeout };
        Arc::new(AwsKeeper::open(access).unwrap())
    }

    fn credentials() -> [(&'static str, String); 3] {
        let made_up = |what: &str| ["made", "up", what].join("-");
        [
            ("AWS_ACCESS_KEY_ID", made_up("id")),
            ("AWS_SECRET_ACCESS_KEY", made_up("key")),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }

    struct Moto(Child, String);

    impl Drop for Moto {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }

    /// Moto's server on a free port; `LETHE_TEST_MOTO` names another `moto_server` than the one that is installed here.
    #[expect(clippy::disallowed_methods, reason = "a test reads its environment and the clock")]
    fn moto() -> Moto {
        let named = std::env::var_os("LETHE_TEST_MOTO").map(PathBuf::from);
        let server = named.unwrap_or_else(|| {
            let venv = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("moto");
            let server = venv.join("bin/moto_server");
            if !server.exists() {
                for (program, arguments) in [
                    ("python3".to_owned(), vec!["-m".into(), "venv".into(), venv.display().to_string()]),
                    (
                        venv.join("bin/pip").display().to_string(),
                        vec!["install".into(), "-q".into(), "moto[kms,server]==5.*".into()],
                    ),
                ] {
                    let ran = Command::new(&program).args(&arguments).output();
                    let ran = ran.expect("python3 is missing: install it (Debian: `apt-get install python3-venv`)");
                    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
                }
            }
            server
        });
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(server)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Moto(child, format!("http://127.0.0.1:{port}"));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "moto does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        moto
    }

    #[test]
    fn kms_keeps_its_promises() {
        let moto = moto();
        let mut environment = credentials().to_vec();
        environment.push(("LETHE_TEST_ENDPOINT", moto.1.clone()));
        inside("keepers::aws::in_moto", &environment);
    }

    #[test]
    #[ignore = "run by its parent, with credentials"]
    fn in_moto() {
        #[expect(clippy::disallowed_methods, reason = "a test reads what its parent said")]
        let endpoint = std::env::var("LETHE_TEST_ENDPOINT").unwrap();
        let keeper = keeper(endpoint, Duration::from_secs(20));
        keeps_its_promises(&keeper, true);
        bears_a_store(&keeper, true);
    }

    #[test]
    fn a_kms_that_refuses_dawdles_or_is_gone_is_told_apart() {
        inside("keepers::aws::out_of_reach", &credentials());
    }

    #[test]
    #[ignore = "run by its parent, with credentials"]
    fn out_of_reach() {
        let refusing = serve(|stream| {
            let body = r#"{"__type":"AccessDeniedException","message":"not authorized to perform: kms:CreateKey"}"#;
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close";
            drop(write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        });
        let slow = serve(|_| std::thread::sleep(Duration::from_secs(5)));
        let down = {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            format!("http://127.0.0.1:{port}")
        };
        for (endpoint, code) in [(refusing, "refuses to"), (slow, "can't be reached"), (down, "can't be reached")] {
            let error = keeper(endpoint, Duration::from_millis(900)).create(&OURS).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(code) && text.contains("\nhelp: "), "{text}");
        }
    }

    fn serve(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0);
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                drop(reader.read_exact(&mut vec![0; length]));
                answer(&mut stream);
            }
        });
        address
    }
}
