//! Carries a decision out on text with keys (token, mask, hash, redact, surrogate, seal), and undoes it. It picks no keys.
