//! Facts without personal data, chained for each source partition; and the verifier that trusts none of it. It holds no text.
