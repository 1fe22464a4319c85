//! Key formats of services: a literal beginning and a body that a generator made. The beginnings are what the vendors
//! document; examples are made up and stand in pieces, so that no text here looks live.

use super::super::kinds::API_KEY;
use super::super::rule::{Border, Rule, Start};
use super::super::validators as v;

/// What keys share.
pub(super) const KEY: Rule =
    Rule { kind: API_KEY, border: Border::Token, check: v::RANDOM, confidence: 96, ..Rule::BASE };

/// The rules.
pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "gitlab-token",
        start: Start::Prefix(&[
            "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "glagent-",
        ]),
        pattern: r"(?:glpat-|gldt-|glrt-|glcbt-|glptt-|glft-|glsoat-|glimt-|glagent-)[A-Za-z0-9_.-]{20,}",
        hits: &[concat!("x [[glp", "at-U8JZpDE0iGXlD6gNCFba]] y")],
        misses: &["glpat-short"],
        source: "GitLab: token prefixes",
        ..KEY
    },
    Rule {
        name: "google-oauth-token",
        start: Start::Prefix(&["ya29."]),
        pattern: r"ya29\.[A-Za-z0-9_-]{30,}",
        hits: &[concat!("x [[ya", "29.EPFjbD0kH8Oool8DklZDOCj2ISaJiH]] y")],
        misses: &["ya29.short"],
        source: "Google: OAuth 2.0 access tokens",
        ..KEY
    },
    Rule {
        name: "google-client-secret",
        start: Start::Prefix(&["GOCSPX-"]),
        pattern: r"GOCSPX-[A-Za-z0-9_-]{28}",
        hits: &[concat!("x [[GOC", "SPX-kTj0rLGlkoMXGjtEkDnNfribxUdl]] y")],
        misses: &["GOCSPX-short"],
        source: "Google Cloud: OAuth client secrets",
        ..KEY
    },
    Rule {
        name: "mailgun-key",
        start: Start::Prefix(&["key-"]),
        pattern: r"key-[0-9a-f]{32}",
        hits: &[concat!("x [[ke", "y-eb975729fae923d5a4fd12aabfe228f2]] y")],
        misses: &["key-short"],
        source: "Mailgun: API keys",
        ..KEY
    },
    Rule {
        name: "huggingface-token",
        start: Start::Prefix(&["hf_", "api_org_"]),
        pattern: r"(?:hf_|api_org_)[A-Za-z0-9]{30,}",
        hits: &[concat!("x [[hf", "_DusTpkr0cStY4qWB8dWKnHfDNxSIvP]] y")],
        misses: &["hf_short"],
        source: "Hugging Face: user access tokens",
        ..KEY
    },
    Rule {
        name: "npm-token",
        start: Start::Prefix(&["npm_"]),
        pattern: r"npm_[A-Za-z0-9]{36}",
        hits: &[concat!("x [[np", "m_ZZ63fFKcZjR4I0b3jRtaWr4Y9OJFLJOqOAf1]] y")],
        misses: &["npm_short"],
        source: "npm: granular access tokens, 2021",
        ..KEY
    },
    Rule {
        name: "pypi-token",
        start: Start::Prefix(&["pypi-AgE"]),
        pattern: r"pypi-AgE[A-Za-z0-9_-]{50,}",
        hits: &[concat!("x [[pypi", "-AgElLQSAJaiXnkU8Is2g8nprvDd53x83rzjZZZZGeoZDMENcKHVmD]] y")],
        misses: &["pypi-AgEshort"],
        source: "PyPI: API tokens (macaroons)",
        ..KEY
    },
    Rule {
        name: "rubygems-key",
        start: Start::Prefix(&["rubygems_"]),
        pattern: r"rubygems_[0-9a-f]{48}",
        hits: &[concat!("x [[ruby", "gems_3043b026c48bbf33feff9243a8f506b40928b5b7a767c76f]] y")],
        misses: &["rubygems_short"],
        source: "RubyGems.org: API keys",
        ..KEY
    },
    Rule {
        name: "crates-io-token",
        start: Start::Prefix(&["cio"]),
        pattern: r"cio[A-Za-z0-9]{32}",
        hits: &[concat!("x [[ci", "oWuBByReQMsm9Wcz7uW9XFOGOeMVNen5n]] y")],
        misses: &["cioshort"],
        source: "crates.io: API tokens",
        ..KEY
    },
    Rule {
        name: "nuget-key",
        start: Start::Prefix(&["oy2"]),
        pattern: r"oy2[a-z0-9]{43}",
        hits: &[concat!("x [[oy", "2a4wfhym4l1vfz3zfkkibj3j4wj99ibag7i1mnbqns6p]] y")],
        misses: &["oy2short"],
        source: "NuGet: API keys",
        ..KEY
    },
    Rule {
        name: "docker-token",
        start: Start::Prefix(&["dckr_pat_", "dckr_oat_"]),
        pattern: r"(?:dckr_pat_|dckr_oat_)[A-Za-z0-9_-]{27,}",
        hits: &[concat!("x [[dckr", "_pat_wlUQia1ID6vW5dql05ha064gIiJ]] y")],
        misses: &["dckr_pat_short"],
        source: "Docker Hub: personal access tokens",
        ..KEY
    },
    Rule {
        name: "digitalocean-token",
        start: Start::Prefix(&["dop_v1_", "doo_v1_", "dor_v1_"]),
        pattern: r"(?:dop_v1_|doo_v1_|dor_v1_)[0-9a-f]{64}",
        hits: &[concat!("x [[dop", "_v1_0e50454f31af3176813e02ea68ef786e4d3cea27d26934b484e73cf575dcad6b]] y")],
        misses: &["dop_v1_short"],
        source: "DigitalOcean: API tokens",
        ..KEY
    },
    Rule {
        name: "heroku-key",
        start: Start::Prefix(&["HRKU-"]),
        pattern: r"HRKU-[A-Za-z0-9_-]{36,}",
        hits: &[concat!("x [[HR", "KU-UFuXBVjdctBYVhnSg9EH6yO4GFQRC5xLRwI0]] y")],
        misses: &["HRKU-short"],
        source: "Heroku: API keys, 2023",
        ..KEY
    },
    Rule {
        name: "linear-key",
        start: Start::Prefix(&["lin_api_", "lin_oauth_"]),
        pattern: r"(?:lin_api_|lin_oauth_)[A-Za-z0-9]{32,}",
        hits: &[concat!("x [[lin_", "api_b26r08QZJi6gkfsUFRDzsLb5ER8BoFzQ]] y")],
        misses: &["lin_api_short"],
        source: "Linear: API keys",
        ..KEY
    },
    Rule {
        name: "notion-token",
        start: Start::Prefix(&["secret_", "ntn_"]),
        pattern: r"(?:secret_|ntn_)[A-Za-z0-9]{43,50}",
        hits: &[concat!("x [[sec", "ret_Fm2OEQ3HdAVja76RnIChtP8HKQDLM7ToThwNScgrLRW]] y")],
        misses: &["secret_short"],
        source: "Notion: integration tokens",
        ..KEY
    },
    Rule {
        name: "figma-token",
        start: Start::Prefix(&["figd_", "figu_", "figo_"]),
        pattern: r"(?:figd_|figu_|figo_)[A-Za-z0-9_-]{40,}",
        hits: &[concat!("x [[fi", "gd_zBQCABugjMgeP7cGq0pbqfi14ZgTsNOVM14tuoIZ]] y")],
        misses: &["figd_short"],
        source: "Figma: personal access tokens",
        ..KEY
    },
    Rule {
        name: "atlassian-token",
        start: Start::Prefix(&["ATATT3", "ATBB", "ATCTT3"]),
        pattern: r"(?:ATATT3|ATBB|ATCTT3)[A-Za-z0-9_=-]{28,}",
        hits: &[concat!("x [[ATA", "TT3WD1IAEov4QbKDFq1Y3gqSmPsSCdL]] y")],
        misses: &["ATATT3short"],
        source: "Atlassian: API tokens",
        ..KEY
    },
    Rule {
        name: "shopify-token",
        start: Start::Prefix(&["shpat_", "shpca_", "shppa_", "shpss_", "shpua_"]),
        pattern: r"(?:shpat_|shpca_|shppa_|shpss_|shpua_)[0-9a-fA-F]{32}",
        hits: &[concat!("x [[shp", "at_58e08baa7196b50ac2f86702824c1c09]] y")],
        misses: &["shpat_short"],
        source: "Shopify: access token prefixes",
        ..KEY
    },
    Rule {
        name: "square-token",
        start: Start::Prefix(&["sq0atp-", "sq0csp-", "sq0idp-"]),
        pattern: r"(?:sq0atp-|sq0csp-|sq0idp-)[A-Za-z0-9_-]{22,43}",
        hits: &[concat!("x [[sq0", "atp-ToOFl9h2wJq5ty4mYwUufJ]] y")],
        misses: &["sq0atp-short"],
        source: "Square: access tokens",
        ..KEY
    },
    Rule {
        name: "databricks-token",
        start: Start::Prefix(&["dapi"]),
        pattern: r"dapi[0-9a-f]{32,34}",
        hits: &[concat!("x [[da", "pi941d4072014b3ce107f80e222f828767]] y")],
        misses: &["dapishort"],
        source: "Databricks: personal access tokens",
        ..KEY
    },
    Rule {
        name: "grafana-token",
        start: Start::Prefix(&["glsa_", "glc_"]),
        pattern: r"(?:glsa_|glc_)[A-Za-z0-9_+/=]{32,}",
        hits: &[concat!("x [[gl", "sa_vpdf2YEe6rSxCnopMEmJVQpvsTnkIAeD]] y")],
        misses: &["glsa_short"],
        source: "Grafana: service account and cloud tokens",
        ..KEY
    },
    Rule {
        name: "newrelic-key",
        start: Start::Prefix(&["NRAK-", "NRJS-", "NRII-", "NRAA-", "NRRA-"]),
        pattern: r"(?:NRAK-|NRJS-|NRII-|NRAA-|NRRA-)[A-Za-z0-9]{19,32}",
        hits: &[concat!("x [[NR", "AK-5RGN5S7S333H9MTF4BS]] y")],
        misses: &["NRAK-short"],
        source: "New Relic: API keys",
        ..KEY
    },
    Rule {
        name: "sentry-token",
        start: Start::Prefix(&["sntrys_", "sntryu_", "sntrya_"]),
        pattern: r"(?:sntrys_|sntryu_|sntrya_)[A-Za-z0-9_=+/-]{40,}",
        hits: &[concat!("x [[snt", "rys_dE0g9cRYN687NElFJvhQ8XIm0ogR4HtXOf54fZBK]] y")],
        misses: &["sntrys_short"],
        source: "Sentry: auth tokens",
        ..KEY
    },
    Rule {
        name: "posthog-key",
        start: Start::Prefix(&["phc_", "phx_", "phs_"]),
        pattern: r"(?:phc_|phx_|phs_)[A-Za-z0-9]{40,}",
        hits: &[concat!("x [[ph", "c_A8frcZTuJaWYUH1VAUwV1ZH87MtA5vSQXEZY3lEX]] y")],
        misses: &["phc_short"],
        source: "PostHog: API keys",
        ..KEY
    },
    Rule {
        name: "postman-key",
        start: Start::Prefix(&["PMAK-"]),
        pattern: r"PMAK-[0-9a-f-]{59}",
        hits: &[concat!("x [[PM", "AK-d818319478da6bd0c621de49f145fda9988c79fc35526f7eaed46725a2a]] y")],
        misses: &["PMAK-short"],
        source: "Postman: API keys",
        ..KEY
    },
    Rule {
        name: "pulumi-token",
        start: Start::Prefix(&["pul-"]),
        pattern: r"pul-[0-9a-f]{40}",
        hits: &[concat!("x [[pu", "l-7b860dcd6c8a1f8b46287cced9041dff02cee737]] y")],
        misses: &["pul-short"],
        source: "Pulumi: access tokens",
        ..KEY
    },
    Rule {
        name: "vault-token",
        start: Start::Prefix(&["hvs.", "hvb.", "hvr."]),
        pattern: r"(?:hvs\.|hvb\.|hvr\.)[A-Za-z0-9_-]{24,}",
        hits: &[concat!("x [[hv", "s.JJhrG80usp2w5dFjxCAyIOk6]] y")],
        misses: &["hvs.short"],
        source: "HashiCorp Vault: token prefixes since 1.10",
        ..KEY
    },
    Rule {
        name: "doppler-token",
        start: Start::Prefix(&["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."]),
        pattern: r"(?:dp\.pt\.|dp\.st\.|dp\.ct\.|dp\.sa\.|dp\.scim\.|dp\.audit\.)[A-Za-z0-9._-]{40,}",
        hits: &[concat!("x [[dp.", "pt.CptT9IoQhobswHGETh8lMYQOymAAiTdR9Up14Peh]] y")],
        misses: &["dp.pt.short"],
        source: "Doppler: token formats",
        ..KEY
    },
    Rule {
        name: "onepassword-token",
        start: Start::Prefix(&["ops_eyJ"]),
        pattern: r"ops_eyJ[A-Za-z0-9_=+/-]{100,}",
        hits: &[concat!(
            "x [[ops",
            "_eyJPjPB9atpTDBMf4rpaFQOqb7XOfCsVtaXrZMAzSv2gENfMTx0MOdOQw4SG8nfnL5Ofa6qD8mJ7ZDNBmJaDtDLZc5t4UuHF7KVMLp7]] y"
        )],
        misses: &["ops_eyJshort"],
        source: "1Password: service account tokens",
        ..KEY
    },
    Rule {
        name: "age-key",
        start: Start::Prefix(&["AGE-SECRET-KEY-1"]),
        pattern: r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        hits: &[concat!("x [[AGE-SECR", "ET-KEY-173CTYXV2KGAFRFW0H9NYWT1FD4MX82MUX4B0PZCYC3EDQMEVXRVCQURTAE]] y")],
        misses: &["AGE-SECRET-KEY-1short"],
        source: "age: file encryption, recipient format",
        ..KEY
    },
    Rule {
        name: "facebook-token",
        start: Start::Prefix(&["EAAC", "EAAB", "EAAG", "EAAE"]),
        pattern: r"(?:EAAC|EAAB|EAAG|EAAE)[A-Za-z0-9]{60,}",
        hits: &[concat!("x [[EA", "ACB0OGet9d9xYyQ6b0fI7fLAz7vT0sxJmPU3UdXyymFgMZwKPaEpCejiUKb4GE]] y")],
        misses: &["EAACshort"],
        source: "Meta: access tokens",
        ..KEY
    },
    Rule {
        name: "twitter-bearer",
        start: Start::Prefix(&["AAAAAAAAAAAAAAAAAAAAA"]),
        pattern: r"AAAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%]{30,}",
        hits: &[concat!("x [[AAAAAAAAAA", "AAAAAAAAAAAQnFNGaftcLOIadn5rPvi2xqwHx1SSR]] y")],
        misses: &["AAAAAAAAAAAAAAAAAAAAAshort"],
        source: "X: bearer tokens",
        ..KEY
    },
    Rule {
        name: "dropbox-token",
        start: Start::Prefix(&["sl.u.", "sl.B"]),
        pattern: r"(?:sl\.u\.|sl\.B)[A-Za-z0-9_-]{100,}",
        hits: &[concat!(
            "x [[sl",
            ".u.kRXQvQMcPLPPJS46lMUEZQPghOpzGpdCGAe40O1c6XC4SOHDMm0lM7EXg3LcmQxxq8AGomtnWNCXVJCNQCmup6N0A0UarXLnTENC]] y"
        )],
        misses: &["sl.u.short"],
        source: "Dropbox: short-lived tokens",
        ..KEY
    },
    Rule {
        name: "supabase-token",
        start: Start::Prefix(&["sbp_", "sb_secret_"]),
        pattern: r"(?:sbp_|sb_secret_)[A-Za-z0-9_]{30,}",
        hits: &[concat!("x [[sb", "p_ff2d3c425c8d99d19bdd0b6cc60d5d]] y")],
        misses: &["sbp_short"],
        source: "Supabase: access tokens",
        ..KEY
    },
    Rule {
        name: "planetscale-token",
        start: Start::Prefix(&["pscale_tkn_", "pscale_pw_", "pscale_oauth_"]),
        pattern: r"(?:pscale_tkn_|pscale_pw_|pscale_oauth_)[A-Za-z0-9_.-]{32,}",
        hits: &[concat!("x [[pscal", "e_tkn_H0FZk4XdxKIADjJpz6ZFkn7XvgKJWSKh]] y")],
        misses: &["pscale_tkn_short"],
        source: "PlanetScale: tokens and passwords",
        ..KEY
    },
    Rule {
        name: "fly-token",
        start: Start::Prefix(&["fo1_", "fm1r_", "fm2_"]),
        pattern: r"(?:fo1_|fm1r_|fm2_)[A-Za-z0-9_=+/,-]{40,}",
        hits: &[concat!("x [[fo", "1_K7EGYfwzy9zMTI18C6eUDm7oYF5tns05Koy2OnZn]] y")],
        misses: &["fo1_short"],
        source: "Fly.io: tokens",
        ..KEY
    },
    Rule {
        name: "netlify-token",
        start: Start::Prefix(&["nfp_", "nfc_", "nfo_"]),
        pattern: r"(?:nfp_|nfc_|nfo_)[A-Za-z0-9]{36,}",
        hits: &[concat!("x [[nf", "p_2M1eLkNCZ8hKYWHJPu05MC4j1wrCq1UHYmdj]] y")],
        misses: &["nfp_short"],
        source: "Netlify: access tokens",
        ..KEY
    },
    Rule {
        name: "replicate-token",
        start: Start::Prefix(&["r8_"]),
        pattern: r"r8_[A-Za-z0-9]{37}",
        hits: &[concat!("x [[r8", "_2oxTpaTlPbYqXcgcLBAnfdPcwnx0d1LzeZGEI]] y")],
        misses: &["r8_short"],
        source: "Replicate: API tokens",
        ..KEY
    },
    Rule {
        name: "groq-key",
        start: Start::Prefix(&["gsk_"]),
        pattern: r"gsk_[A-Za-z0-9]{48,}",
        hits: &[concat!("x [[gs", "k_WbXFzcggqCCoIF7uUxugFDwg5Yp8yIB2Enus0HMI4fS9z6yK]] y")],
        misses: &["gsk_short"],
        source: "Groq: API keys",
        ..KEY
    },
    Rule {
        name: "xai-key",
        start: Start::Prefix(&["xai-"]),
        pattern: r"xai-[A-Za-z0-9]{70,}",
        hits: &[concat!("x [[xa", "i-ryu7OE1WnwQKU5nR50dJQg96eNlQngPUXCMLZKo7RrU5YKyyQHxhDo2X93cjhls45GQio2]] y")],
        misses: &["xai-short"],
        source: "xAI: API keys",
        ..KEY
    },
    Rule {
        name: "perplexity-key",
        start: Start::Prefix(&["pplx-"]),
        pattern: r"pplx-[A-Za-z0-9]{48,}",
        hits: &[concat!("x [[pp", "lx-ZvzXQYXkJXVwFcOLnv9DS0hQTo93l7q5UuAvCOJSnobagX5D]] y")],
        misses: &["pplx-short"],
        source: "Perplexity: API keys",
        ..KEY
    },
    Rule {
        name: "langsmith-key",
        start: Start::Prefix(&["lsv2_pt_", "lsv2_sk_"]),
        pattern: r"(?:lsv2_pt_|lsv2_sk_)[A-Za-z0-9_]{32,}",
        hits: &[concat!("x [[lsv2", "_pt_4f71010b93b7d946bf54074e3248c801]] y")],
        misses: &["lsv2_pt_short"],
        source: "LangSmith: API keys",
        ..KEY
    },
    Rule {
        name: "pinecone-key",
        start: Start::Prefix(&["pcsk_"]),
        pattern: r"pcsk_[A-Za-z0-9_]{60,}",
        hits: &[concat!("x [[pc", "sk_p0j5Wmplcm7hufPK5ACDiBZLPKD6xGAnjq8MJaMhmpgppa0nLgTEToD4uyet]] y")],
        misses: &["pcsk_short"],
        source: "Pinecone: API keys",
        ..KEY
    },
    Rule {
        name: "tailscale-key",
        start: Start::Prefix(&["tskey-auth-", "tskey-api-", "tskey-client-", "tskey-scim-"]),
        pattern: r"(?:tskey-auth-|tskey-api-|tskey-client-|tskey-scim-)[A-Za-z0-9-]{20,}",
        hits: &[concat!("x [[tskey", "-auth-iAY2bv6dFvpcLOGQOpCH]] y")],
        misses: &["tskey-auth-short"],
        source: "Tailscale: key prefixes",
        ..KEY
    },
    Rule {
        name: "plaid-token",
        start: Start::Prefix(&["access-production-", "access-sandbox-", "access-development-"]),
        pattern: r"(?:access-production-|access-sandbox-|access-development-)[0-9a-f-]{36}",
        hits: &[concat!("x [[access-pr", "oduction-a818d8962058765a6ca7cff00d796c254103]] y")],
        misses: &["access-production-short"],
        source: "Plaid: access tokens",
        ..KEY
    },
    Rule {
        name: "contentful-token",
        start: Start::Prefix(&["CFPAT-"]),
        pattern: r"CFPAT-[A-Za-z0-9_-]{43}",
        hits: &[concat!("x [[CFP", "AT-Gn7KWJsBBCIspoCsEvCE2lwXM090i5qE43w6t8YGPNN]] y")],
        misses: &["CFPAT-short"],
        source: "Contentful: personal access tokens",
        ..KEY
    },
    Rule {
        name: "brevo-key",
        start: Start::Prefix(&["xkeysib-", "xsmtpsib-"]),
        pattern: r"(?:xkeysib-|xsmtpsib-)[A-Za-z0-9-]{64,}",
        hits: &[concat!("x [[xkey", "sib-31129f34369aad80b891baf90d0d3bf16295d06910bf3f5fb85967f532f3ab3c]] y")],
        misses: &["xkeysib-short"],
        source: "Brevo: API keys",
        ..KEY
    },
    Rule {
        name: "adafruit-key",
        start: Start::Prefix(&["aio_"]),
        pattern: r"aio_[A-Za-z0-9]{28}",
        hits: &[concat!("x [[ai", "o_7Z54vFb4pBXNTQb5igKY4oO8dIim]] y")],
        misses: &["aio_short"],
        source: "Adafruit IO: keys",
        ..KEY
    },
    Rule {
        name: "easypost-key",
        start: Start::Prefix(&["EZAK", "EZTK"]),
        pattern: r"(?:EZAK|EZTK)[A-Za-z0-9]{54}",
        hits: &[concat!("x [[EZ", "AKwswmpCWlUhJ31cqjvUKdcsxQlOIVdp4sPgMRTwt01nJuJPuUmhWKPU]] y")],
        misses: &["EZAKshort"],
        source: "EasyPost: API keys",
        ..KEY
    },
    Rule {
        name: "duffel-token",
        start: Start::Prefix(&["duffel_live_", "duffel_test_"]),
        pattern: r"(?:duffel_live_|duffel_test_)[A-Za-z0-9_=-]{43,}",
        hits: &[concat!("x [[duffel", "_live_9MQ9uGK9qGMYJJyTuTbRMGo6GRN4YdCAZ2ybsOgoSdB]] y")],
        misses: &["duffel_live_short"],
        source: "Duffel: access tokens",
        ..KEY
    },
    Rule {
        name: "flutterwave-key",
        start: Start::Prefix(&["FLWSECK_", "FLWSECK-"]),
        pattern: r"(?:FLWSECK_|FLWSECK-)[A-Za-z0-9-]{12,}",
        hits: &[concat!("x [[FLWS", "ECK_JQmvZAvP62bs]] y")],
        misses: &["FLWSECK_short"],
        source: "Flutterwave: secret keys",
        ..KEY
    },
    Rule {
        name: "frameio-token",
        start: Start::Prefix(&["fio-u-"]),
        pattern: r"fio-u-[A-Za-z0-9_=-]{64,}",
        hits: &[concat!("x [[fio", "-u-klvpa2Oqup44xpsl2OrLpHdbUQosG5aPyZttoKQ2bedBn2ahrq73L5pUxAY1f6GC]] y")],
        misses: &["fio-u-short"],
        source: "Frame.io: developer tokens",
        ..KEY
    },
    Rule {
        name: "mapbox-secret-token",
        start: Start::Prefix(&["sk.eyJ"]),
        pattern: r"sk\.eyJ[A-Za-z0-9_.-]{60,}",
        hits: &[concat!("x [[sk.", "eyJQiNKty88MhWG2kdiNtegBoy1XhVav8dNrLZgw7HunWoDQRYZDAEa6aosrWlQ]] y")],
        misses: &["sk.eyJshort"],
        source: "Mapbox: access tokens",
        ..KEY
    },
    Rule {
        name: "prefect-key",
        start: Start::Prefix(&["pnu_", "pnb_"]),
        pattern: r"(?:pnu_|pnb_)[A-Za-z0-9]{36}",
        hits: &[concat!("x [[pn", "u_GOTvZ89hOz9ZdNKI7xEzzoMepjuO09JWqo10]] y")],
        misses: &["pnu_short"],
        source: "Prefect Cloud: API keys",
        ..KEY
    },
    Rule {
        name: "readme-key",
        start: Start::Prefix(&["rdme_"]),
        pattern: r"rdme_[a-z0-9]{70}",
        hits: &[concat!("x [[rd", "me_03s9i4woryq1l4arwptu451fxjtydfui7waanesqgjol2wjnz8kf9tm5n7f2h9hq0oi459]] y")],
        misses: &["rdme_short"],
        source: "ReadMe: API keys",
        ..KEY
    },
    Rule {
        name: "shippo-token",
        start: Start::Prefix(&["shippo_live_", "shippo_test_"]),
        pattern: r"(?:shippo_live_|shippo_test_)[0-9a-f]{40}",
        hits: &[concat!("x [[shippo", "_live_1fe4f7f505aef9ebdd25b001a3ff416d4a3baf69]] y")],
        misses: &["shippo_live_short"],
        source: "Shippo: API tokens",
        ..KEY
    },
    Rule {
        name: "typeform-token",
        start: Start::Prefix(&["tfp_"]),
        pattern: r"tfp_[A-Za-z0-9_.=-]{44,}",
        hits: &[concat!("x [[tf", "p_bVbQjD0SSW0fZVgR3gWNpfyHVMUtTIloFyCZuj4ZikDZ]] y")],
        misses: &["tfp_short"],
        source: "Typeform: personal access tokens",
        ..KEY
    },
    Rule {
        name: "alibaba-key",
        start: Start::Prefix(&["LTAI"]),
        pattern: r"LTAI[A-Za-z0-9]{16,26}",
        hits: &[concat!("x [[LT", "AInYnJorssm4rFNCqodowL]] y")],
        misses: &["LTAIshort"],
        source: "Alibaba Cloud: AccessKey pair",
        ..KEY
    },
    Rule {
        name: "tencent-key",
        start: Start::Prefix(&["AKID"]),
        pattern: r"AKID[A-Za-z0-9]{32}",
        hits: &[concat!("x [[AK", "IDGqL3CaxG67pAX30IyTjtQ3TLaCUBbkpl]] y")],
        misses: &["AKIDshort"],
        source: "Tencent Cloud: SecretId",
        ..KEY
    },
    Rule {
        name: "yandex-key",
        start: Start::Prefix(&["AQVN", "y0_"]),
        pattern: r"(?:AQVN|y0_)[A-Za-z0-9_-]{35,}",
        hits: &[concat!("x [[AQ", "VN76DfkhC0Hxzaks6ZcEArYml8qJexajGFpeN]] y")],
        misses: &["AQVNshort"],
        source: "Yandex Cloud: API keys, OAuth tokens",
        ..KEY
    },
    Rule {
        name: "buildkite-token",
        start: Start::Prefix(&["bkua_"]),
        pattern: r"bkua_[0-9a-f]{40}",
        hits: &[concat!("x [[bk", "ua_40d0032634f087e51b429fe8110102c995f1abef]] y")],
        misses: &["bkua_short"],
        source: "Buildkite: API access tokens",
        ..KEY
    },
    Rule {
        name: "circleci-token",
        start: Start::Prefix(&["CCIPAT_", "CCIPRJ_"]),
        pattern: r"(?:CCIPAT_|CCIPRJ_)[A-Za-z0-9_]{40,}",
        hits: &[concat!("x [[CCI", "PAT_rKJ9zHX9pKozaeYxyc8RywkVSRDnptz0mV3muA1J]] y")],
        misses: &["CCIPAT_short"],
        source: "CircleCI: API tokens",
        ..KEY
    },
    Rule {
        name: "dynatrace-token",
        start: Start::Prefix(&["dt0c01.", "dt0s16."]),
        pattern: r"(?:dt0c01\.|dt0s16\.)[A-Z0-9.]{80,}",
        hits: &[concat!(
            "x [[dt0",
            "c01.T1PYYYO2SAUQR1KCSJJR95W8F895YMOTDZ3NQAY38F8WEOZ7Q7U46MMNMFLSXWZ7JPC5XGX3FJUBWR7B]] y"
        )],
        misses: &["dt0c01.short"],
        source: "Dynatrace: token format",
        ..KEY
    },
    Rule {
        name: "infracost-key",
        start: Start::Prefix(&["ico-"]),
        pattern: r"ico-[A-Za-z0-9]{32}",
        hits: &[concat!("x [[ic", "o-GCN33kflkNQ7xRbG8cxl0m9IQ1CVMLYF]] y")],
        misses: &["ico-short"],
        source: "Infracost: API keys",
        ..KEY
    },
    Rule {
        name: "jfrog-key",
        start: Start::Prefix(&["AKCp"]),
        pattern: r"AKCp[A-Za-z0-9]{60,}",
        hits: &[concat!("x [[AK", "CpBDCjX3tdf8265E3moZ7Ht9FQUkOpF96qgZLc2KX9PuOLC8Q8WD5j5B16DQyg]] y")],
        misses: &["AKCpshort"],
        source: "JFrog: API keys",
        ..KEY
    },
    Rule {
        name: "lob-key",
        start: Start::Prefix(&["live_", "test_"]),
        pattern: r"(?:live_|test_)[0-9a-f]{35}",
        hits: &[concat!("x [[li", "ve_f134a069e3fab8c3bfc5e740e61572b4e3c]] y")],
        misses: &["live_short"],
        source: "Lob: API keys",
        ..KEY
    },
    Rule {
        name: "resend-key",
        start: Start::Prefix(&["re_"]),
        pattern: r"re_[A-Za-z0-9_]{30,40}",
        hits: &[concat!("x [[re", "_1BoEcVU0OeHoXJVOvDLtcj4Jc3JRaa]] y")],
        misses: &["re_short"],
        source: "Resend: API keys",
        ..KEY
    },
    Rule {
        name: "sourcegraph-token",
        start: Start::Prefix(&["sgp_"]),
        pattern: r"sgp_[0-9a-f_]{40,}",
        hits: &[concat!("x [[sg", "p_74089a58f3aef3416f9386bd8773c9d51940ea4e]] y")],
        misses: &["sgp_short"],
        source: "Sourcegraph: access tokens",
        ..KEY
    },
    Rule {
        name: "sonar-token",
        start: Start::Prefix(&["squ_", "sqp_", "sqa_"]),
        pattern: r"(?:squ_|sqp_|sqa_)[0-9a-f]{40}",
        hits: &[concat!("x [[sq", "u_095bd1d6854575622f856469602d1ba9f20df487]] y")],
        misses: &["squ_short"],
        source: "SonarQube: token prefixes",
        ..KEY
    },
    Rule {
        name: "zuplo-key",
        start: Start::Prefix(&["zpka_"]),
        pattern: r"zpka_[A-Za-z0-9_]{30,}",
        hits: &[concat!("x [[zp", "ka_Lk1XCKsXkm2AWh7c9hEHWtP0136Uxt]] y")],
        misses: &["zpka_short"],
        source: "Zuplo: API keys",
        ..KEY
    },
    Rule {
        name: "hubspot-token",
        start: Start::Prefix(&["pat-na1-", "pat-eu1-", "pat-na2-"]),
        pattern: r"(?:pat-na1-|pat-eu1-|pat-na2-)[0-9a-f-]{36}",
        hits: &[concat!("x [[pat-", "na1-c193fe04072755398003680e7e3b35183ef8]] y")],
        misses: &["pat-na1-short"],
        source: "HubSpot: private app tokens",
        ..KEY
    },
    Rule {
        name: "cloudflare-ca-key",
        start: Start::Prefix(&["v1.0-"]),
        pattern: r"v1\.0-[0-9a-f-]{160,180}",
        hits: &[concat!(
            "x [[v1",
            ".0-333c4774ec50cd1c1bac7adac1a4b7d0b352ad6074dce1118813830d71939b53182e4e349d98729e7c6be9ff907a76cc0b57aaf89691052be1ceb374dab4683f84d30d3fc4d83cee9b9bcca0fce9594d]] y"
        )],
        misses: &["v1.0-short"],
        source: "Cloudflare: origin CA keys",
        ..KEY
    },
    Rule {
        name: "airtable-token",
        start: Start::Prefix(&["pat"]),
        pattern: r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        hits: &[concat!(
            "x [[pa",
            "tkYlOF06VU1m1P9.a6d0018f99ddceb1be0273dbc46dfcea25bab29539ad5966d513b1d00909c300]] y"
        )],
        misses: &["patshort"],
        source: "Airtable: personal access tokens",
        ..KEY
    },
    Rule {
        name: "fireworks-key",
        start: Start::Prefix(&["fw_"]),
        pattern: r"fw_[A-Za-z0-9]{22,40}",
        hits: &[concat!("x [[fw", "_MLfxjkR3p5igJkMamHJKhw]] y")],
        misses: &["fw_short"],
        source: "Fireworks AI: API keys",
        ..KEY
    },
    Rule {
        name: "voyage-key",
        start: Start::Prefix(&["pa-"]),
        pattern: r"pa-[A-Za-z0-9_-]{40,60}",
        hits: &[concat!("x [[pa", "-gGBGEK8hf0dnbzzDpArxlUJtPWRKCRoG258lEWMc]] y")],
        misses: &["pa-short"],
        source: "Voyage AI: API keys",
        ..KEY
    },
    Rule {
        name: "nvidia-key",
        start: Start::Prefix(&["nvapi-"]),
        pattern: r"nvapi-[A-Za-z0-9_-]{60,}",
        hits: &[concat!("x [[nva", "pi-nYBDO4Zlw9CcDnPPOCK7l2LUA530dTamQ94f8EPrYrtlOaTZ4tfBy3PFLKWY]] y")],
        misses: &["nvapi-short"],
        source: "NVIDIA: API keys",
        ..KEY
    },
    Rule {
        name: "clojars-token",
        start: Start::Prefix(&["CLOJARS_"]),
        pattern: r"CLOJARS_[0-9a-z]{60}",
        hits: &[concat!("x [[CLOJ", "ARS_lasz9xhv8yvzeh1w9pym3swp1crbvjpifmr8i923pkxwnzynt46no2iq2x8p]] y")],
        misses: &["CLOJARS_short"],
        source: "Clojars: deploy tokens",
        ..KEY
    },
    Rule {
        name: "razorpay-key",
        start: Start::Prefix(&["rzp_live_", "rzp_test_"]),
        pattern: r"(?:rzp_live_|rzp_test_)[A-Za-z0-9]{14}",
        hits: &[concat!("x [[rzp_", "live_ZmgNI3wHrgFi2R]] y")],
        misses: &["rzp_live_short"],
        source: "Razorpay: API keys",
        ..KEY
    },
    Rule {
        name: "snyk-token",
        start: Start::Prefix(&["snyk_uat.", "snyk_sat."]),
        pattern: r"(?:snyk_uat\.|snyk_sat\.)[A-Za-z0-9._-]{40,}",
        hits: &[concat!("x [[snyk", "_uat.vxwYBqtkJTAYtFsLx2OUMq5GEj6XzgwTMEtTFOSI]] y")],
        misses: &["snyk_uat.short"],
        source: "Snyk: token formats",
        ..KEY
    },
];
