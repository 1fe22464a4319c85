//! What opens doors: keys, tokens, passwords.

use super::super::Evidence;
use super::super::kinds::*;
use super::super::rule::{Border, Link, Rule, Start};
use super::super::validators as v;

const KEY: Rule = Rule { kind: API_KEY, border: Border::Token, check: v::RANDOM, confidence: 96, ..Rule::BASE };

/// The rules.
pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "aws-access-key",
        start: Start::Prefix(&["AKIA", "ASIA", "ABIA", "ACCA"]),
        pattern: r"A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{16}",
        hits: &[concat!("id [[AK", "IA2E0A8F3B244C9986]] x")],
        misses: &["AKIA_NOT_A_KEY", "AKIAAAAAAAAAAAAAAAAA"],
        source: "AWS IAM: unique identifiers",
        ..KEY
    },
    Rule {
        name: "github-token",
        start: Start::Prefix(&["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"]),
        pattern: r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,255}",
        hits: &[concat!("[[gh", "p_16C7e42F292c6912E7710c838347Ae178B4a]]")],
        misses: &["ghp_short"],
        source: "GitHub: token formats, 2021",
        ..KEY
    },
    Rule {
        name: "slack-token",
        start: Start::Prefix(&["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xapp-"]),
        pattern: r"(?:xox[abeprs]|xapp)-[0-9A-Za-z-]{10,250}",
        hits: &[concat!("[[xo", "xb-123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx]]")],
        misses: &["xoxb-", "xoxo-123456789012"],
        source: "Slack: token types",
        ..KEY
    },
    Rule {
        name: "openai-key",
        start: Start::Prefix(&["sk-"]),
        pattern: r"sk-(?:proj-|svcacct-|admin-|ant-[a-z0-9]{3,8}-)?[A-Za-z0-9_-]{20,200}",
        hits: &[concat!("key=[[s", "k-proj-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z]]")],
        misses: &["sk-learn", "sk-scikit-learn-is-a-library-for-machines"],
        source: "OpenAI and Anthropic: key prefixes",
        ..KEY
    },
    Rule {
        name: "stripe-key",
        start: Start::Prefix(&["sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_"]),
        pattern: r"(?:[srp]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,247}",
        hits: &[concat!("[[s", "k_live_4eC39HqLyjWDarjtT1zdp7dc]]")],
        misses: &["sk_live_short"],
        source: "Stripe: API keys",
        ..KEY
    },
    Rule {
        name: "google-key",
        start: Start::Prefix(&["AIza"]),
        pattern: r"AIza[0-9A-Za-z_-]{35}",
        hits: &[concat!("[[AI", "zaSyD3kq9Xw7Lr2mB8vC4nZ6pT1sQ5hJ0fG_e]]")],
        misses: &["AIzaShort"],
        source: "Google Cloud: API keys",
        ..KEY
    },
    Rule {
        name: "sendgrid-key",
        start: Start::Prefix(&["SG."]),
        pattern: r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        hits: &[concat!("[[S", "G.g9x91RG07AYOrI2Veb9wXQ.0zQESN3vS41KNNIDBOxHc69cjzbRHxSC7kBq7RYRpTQ]]")],
        misses: &["SG.short.x"],
        source: "Twilio SendGrid: API keys",
        ..KEY
    },
    Rule {
        name: "jwt",
        kind: JWT,
        start: Start::Prefix(&["eyJ"]),
        border: Border::Token,
        pattern: r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
        confidence: 97,
        hits: &[concat!(
            "Bearer [[ey",
            "JhbGciOiJIUzI1NiJ9.ey",
            "JzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U]]"
        )],
        misses: &["eyJ-eyJ-eyJ-eyJ-", "eyJhbGciOiJIUzI1NiJ9"],
        source: "RFC 7519, RFC 7515 section 3.1",
        ..Rule::BASE
    },
    Rule {
        name: "private-key",
        kind: PRIVATE_KEY,
        start: Start::Dashes,
        pattern: r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?:-?[A-Za-z0-9+/=\s,:.()\\])*-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)?",
        border: Border::Open,
        confidence: 99,
        hits: &[
            concat!("x [[-----BEG", "IN RSA PRIVATE KEY-----\nMIIEow\n-----E", "ND RSA PRIVATE KEY-----]] y"),
            concat!("[[-----BEG", "IN PRIVATE KEY-----]]"),
        ],
        misses: &["-----BEGIN CERTIFICATE-----", "------"],
        source: "RFC 7468 section 10",
        ..Rule::BASE
    },
    Rule {
        name: "url-credentials",
        kind: URL_CREDENTIALS,
        start: Start::Scheme,
        pattern: r"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s/?#:@\x22'<>]{0,128}:[^\s/?#@\x22'<>]{1,256}@[^\s/?#\x22'<>,;)]+(?:/[^\s\x22'<>)]*)?",
        border: Border::Open,
        confidence: 99,
        hits: &[
            "use [[postgres://app:hunter2x@db.example.net:5432/prod]] for it",
            "[[https://u_1:s3cr3t@git.example.dev/app.git]]",
        ],
        misses: &["https://example.org/a:b@c", "http://example.org:8080/", "mailto:a@b.c"],
        source: "RFC 3986 section 3.2.1",
        ..Rule::BASE
    },
    Rule {
        name: "password",
        kind: PASSWORD,
        start: Start::After(
            &[
                "password",
                "passwd",
                "pwd",
                "passphrase",
                "passcode",
                "pass",
                "passwort",
                "kennwort",
                "contraseña",
                "mot de passe",
                "db password",
            ],
            Link::Sign,
        ),
        pattern: r"[^\s\x22'`,;<>(){}\[\]]{4,128}",
        border: Border::Open,
        check: v::SECRET,
        evidence: Evidence::Context,
        confidence: 85,
        hits: &[
            "password: [[Tr0ub4dor&3]]",
            "\"passwd\": \"[[gyxab-uowar]]\"",
            "DB_PASSWORD=[[s3cr3tX9]]",
            "my password is [[hunter2x]]",
        ],
        misses: &[
            "password: string",
            "password is required",
            "the password reset",
            "password=<your password>",
            "password: ****",
        ],
        source: "words for a password in English, German, French, Spanish",
        ..Rule::BASE
    },
    Rule {
        name: "password-field",
        kind: PASSWORD,
        pattern: r"[^\x00-\x1F]{3,128}",
        border: Border::Open,
        check: v::SECRET_VALUE,
        fields: &["password", "passwd", "pwd", "passphrase", "passcode", "passwort", "kennwort", "secret"],
        evidence: Evidence::Context,
        confidence: 92,
        source: "field names in use",
        ..Rule::BASE
    },
    Rule {
        name: "api-key-named",
        kind: API_KEY,
        start: Start::After(
            &[
                "api key",
                "apikey",
                "secret key",
                "access key",
                "access token",
                "auth token",
                "client secret",
                "secret",
                "token",
                "bearer",
                "authorization",
                "x api key",
                "private token",
                "secret access key",
                "account key",
            ],
            Link::Space,
        ),
        pattern: r"(?:Bearer |Basic )?[A-Za-z0-9_+/=.~-]{16,200}",
        check: v::RANDOM,
        fields: &[
            "api key",
            "apikey",
            "secret key",
            "access token",
            "auth token",
            "refresh token",
            "client secret",
            "token",
            "secret",
            "private key",
            "authorization",
        ],
        evidence: Evidence::Context,
        confidence: 88,
        hits: &[
            concat!("api_key = '[[9f8d7c6b5a49", "38271605f4e3d2c1b0a9]]'"),
            concat!("\"client_secret\": \"[[Zk3v9Qw8", "Xy2Lm5Np7Rt1]]\""),
        ],
        misses: &["token count", "secret: aaaaaaaaaaaaaaaaaaaaaaaa", "access token for the-whole-organisation-of"],
        source: "words for a secret in configuration files",
        ..Rule::BASE
    },
];
