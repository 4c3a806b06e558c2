//! The hash by which two programs know that they mean the same purpose.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::file::PurposeFile;

/// SHA-256 of the canonical form: the same for TOML and JSON of the same meaning.
pub(super) fn canonical_hash(file: &PurposeFile) -> [u8; 32] {
    let value = serde_json::to_value(file).unwrap_or(Value::Null);
    let mut text = String::new();
    canonical(&value, &mut text);
    Sha256::digest(text.as_bytes()).into()
}

/// JSON with keys in order and no white space.
pub(super) fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, value)) in pairs.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
