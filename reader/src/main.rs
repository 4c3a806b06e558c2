//! reader.
fn main() {}
