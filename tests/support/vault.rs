//! A fake of the documented transit API of Vault and OpenBao (`/v1/transit/keys`, `encrypt`, `decrypt`), which can be told to
//! misbehave. It knows what the documentation says of these endpoints, and nothing else.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each test binary uses a part of this")]
pub enum Mood {
    /// As documented.
    Well,
    /// Every request is refused: the token's rights were taken away.
    Denies,
    /// Answers after longer than anyone waits.
    Slow,
    /// Hangs up without a word.
    Down,
    /// Says that a key is deleted, and keeps it.
    Lies,
}

struct Key {
    secret: [u8; 32],
    deletion_allowed: bool,
}

struct State {
    mood: Mood,
    keys: BTreeMap<String, Key>,
    made: u8,
    asked: Vec<String>,
}

/// The server; it ends with the process.
#[derive(Clone)]
pub struct Vault {
    pub address: String,
    pub token: String,
    state: Arc<Mutex<State>>,
}

impl Vault {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        // A live-looking secret must not stand in the source.
        let token = ["hvs", "test", "token"].join(".");
        let state = State { mood: Mood::Well, keys: BTreeMap::new(), made: 0, asked: Vec::new() };
        let vault = Self { address, token, state: Arc::new(Mutex::new(state)) };
        let serving = vault.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let vault = serving.clone();
                thread::spawn(move || drop(vault.serve(stream)));
            }
        });
        vault
    }

    pub fn set(&self, mood: Mood) {
        self.state.lock().expect("no panic").mood = mood;
    }

    /// Names of the keys it holds.
    pub fn keys(&self) -> Vec<String> {
        self.state.lock().expect("no panic").keys.keys().cloned().collect()
    }

    /// What it was asked, as `METHOD path`.
    #[allow(dead_code, reason = "each test binary uses a part of this")]
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().expect("no panic").asked.clone()
    }

    /// Destroys every key by hand.
    #[allow(dead_code, reason = "each test binary uses a part of this")]
    pub fn burn(&self) {
        self.state.lock().expect("no panic").keys.clear();
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
        let (mut length, mut token) = (0, String::new());
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "x-vault-token" => token = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mood = self.state.lock().expect("no panic").mood;
        let (status, answer) = match mood {
            Mood::Down => return Ok(()),
            Mood::Denies => (403, json!({ "errors": ["1 error occurred: permission denied"] })),
            _ if token != self.token => (403, json!({ "errors": ["permission denied"] })),
            _ => {
                if mood == Mood::Slow {
                    thread::sleep(Duration::from_secs(4));
                }
                self.answer(&method, &path, &serde_json::from_slice(&body).unwrap_or_default())
            }
        };
        let text = if answer.is_null() { String::new() } else { answer.to_string() };
        write!(
            stream,
            "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        )
    }

    fn answer(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let mut state = self.state.lock().expect("no panic");
        state.asked.push(format!("{method} {path}"));
        let Some(path) = path.strip_prefix("/v1/transit/") else {
            return (404, json!({ "errors": ["no handler for route"] }));
        };
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let bytes = |name: &str| STANDARD.decode(text(name)).unwrap_or_default();
        let wrong = |what: &str| (400, json!({ "errors": [what] }));
        match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["keys?list=true"]) => match state.keys.is_empty() {
                true => (404, json!({ "errors": [] })),
                false => (200, json!({ "data": { "keys": state.keys.keys().collect::<Vec<_>>() } })),
            },
            ("POST", ["keys", name]) => {
                assert_eq!((text("type").as_str(), &body["exportable"]), ("aes256-gcm96", &json!(false)));
                state.made += 1;
                let key = Key { secret: [state.made; 32], deletion_allowed: false };
                state.keys.insert((*name).to_owned(), key);
                (200, json!({ "data": { "name": name } }))
            }
            ("GET", ["keys", name]) => match state.keys.get(*name) {
                Some(key) => (200, json!({ "data": { "deletion_allowed": key.deletion_allowed } })),
                None => (404, json!({ "errors": [] })),
            },
            ("POST", ["keys", name, "config"]) => match state.keys.get_mut(*name) {
                Some(key) => {
                    key.deletion_allowed = body["deletion_allowed"] == true;
                    (200, Value::Null)
                }
                None => wrong("no existing key named like this could be found"),
            },
            ("DELETE", ["keys", name]) => match state.keys.get(*name).map(|key| key.deletion_allowed) {
                Some(true) if state.mood == Mood::Lies => (204, Value::Null),
                Some(true) => {
                    state.keys.remove(*name);
                    (204, Value::Null)
                }
                Some(false) => wrong("deletion is not allowed for this key"),
                None => wrong("could not delete key; not found"),
            },
            ("POST", ["encrypt", name]) => {
                // As the real one does where the token may create.
                let key =
                    state.keys.entry((*name).to_owned()).or_insert(Key { secret: [255; 32], deletion_allowed: false });
                let plain: [u8; 32] = bytes("plaintext").try_into().expect("a secret");
                let secret = zeroize::Zeroizing::new(key.secret);
                let sealed = lethe::keys::wrap(&secret, &bytes("associated_data"), &zeroize::Zeroizing::new(plain));
                (200, json!({ "data": { "ciphertext": format!("vault:v1:{}", STANDARD.encode(sealed)) } }))
            }
            ("POST", ["decrypt", name]) => {
                let Some(key) = state.keys.get(*name) else { return wrong("encryption key not found") };
                let ciphertext = text("ciphertext");
                let sealed =
                    STANDARD.decode(ciphertext.strip_prefix("vault:v1:").unwrap_or_default()).unwrap_or_default();
                let secret = zeroize::Zeroizing::new(key.secret);
                match lethe::keys::unwrap(&secret, &bytes("associated_data"), &sealed) {
                    Ok(plain) => (200, json!({ "data": { "plaintext": STANDARD.encode(*plain) } })),
                    Err(_) => wrong("cipher: message authentication failed"),
                }
            }
            _ => (405, json!({ "errors": ["unsupported operation"] })),
        }
    }
}
