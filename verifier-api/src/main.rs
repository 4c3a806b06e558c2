//! verifier-api.
fn main() {}
