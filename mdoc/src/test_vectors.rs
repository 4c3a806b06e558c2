//! Vectors that are not part of the repository: the folder is named by `MDOC_VECTORS`.

use std::path::Path;

/// The file at `path` inside the folder of vectors. Without the variable the test says that it
/// skips and gets nothing, unless `CI` is `true`: then it fails, so that a skip never hides there.
pub(crate) fn bytes(path: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("MDOC_VECTORS") else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "MDOC_VECTORS is not set and {path} is needed"
        );
        skip(path);
        return None;
    };
    Some(std::fs::read(Path::new(&folder).join(path)).expect("the vector can be read"))
}

/// As [`bytes`], for a JSON file.
pub(crate) fn json(path: &str) -> Option<serde_json::Value> {
    Some(serde_json::from_slice(&bytes(path)?).expect("the vector is JSON"))
}

/// The text member `name` as bytes, from its hexadecimal form.
pub(crate) fn hex_member(vectors: &serde_json::Value, name: &str) -> Vec<u8> {
    let text = vectors[name].as_str().expect("the member is text");
    hex::decode(text).expect("the member is hexadecimal")
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(path: &str) {
    eprintln!("skipped: MDOC_VECTORS is not set, {path} is not read");
}
