//! Where an item stands, and small questions about its head.

use mdoc::cbor::TAG_ENCODED;
use mdoc::time::UnixTime;

use super::head::{self, Head};
use super::node::{Key, Node};
use super::scalar::Scalar;

/// How a view is to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Show the values of elements.
    pub(super) values: bool,
    /// What dates are told relative to.
    pub(super) now: UnixTime,
}

/// Where an item stands and what it is to be.
#[derive(Clone, Copy)]
pub(super) struct Place<'l> {
    pub(super) at: usize,
    /// What holds the item ends here.
    pub(super) end: usize,
    /// The offset of the line: the key's, where the item is a member.
    pub(super) line_at: usize,
    /// The member's key, or another label.
    pub(super) label: &'l str,
    pub(super) depth: usize,
    pub(super) node: &'static Node,
}

impl Place<'_> {
    pub(super) const fn whole(bytes: &[u8], node: &'static Node) -> Self {
        Self {
            at: 0,
            end: bytes.len(),
            line_at: 0,
            label: "",
            depth: 0,
            node,
        }
    }

    pub(super) const fn with_node(self, node: &'static Node) -> Self {
        Self { node, ..self }
    }

    /// An item inside this one.
    pub(super) const fn inside(self, at: usize, end: usize, node: &'static Node) -> Self {
        Self {
            at,
            end,
            line_at: at,
            label: "",
            depth: self.depth + 1,
            node,
        }
    }
}

pub(super) const fn is_embedded(head: Head) -> bool {
    head.major == head::TAG && matches!(head.argument, Some(TAG_ENCODED))
}

/// Tags that a whole message may come under: encoded CBOR, and the COSE messages' own.
pub(super) const fn is_wrapping(head: Head) -> bool {
    head.major == head::TAG && matches!(head.argument, Some(TAG_ENCODED | 17 | 18))
}

pub(super) fn is_key(key: Key, value: Scalar<'_>) -> bool {
    match (key, value) {
        (Key::Text(key), Scalar::Text(text)) => key == text,
        (Key::Integer(key), value) => value.as_i64() == Some(key),
        (Key::Text(_), _) => false,
    }
}

pub(super) fn counted(kind: &str, head: Head) -> String {
    match head.argument {
        Some(count) => format!("{kind}({count})"),
        None => format!("{kind} of indefinite length"),
    }
}

pub(super) const fn kind(head: Head) -> &'static str {
    match (head.major, head.argument) {
        (head::UNSIGNED, _) => "an unsigned integer",
        (head::NEGATIVE, _) => "a negative integer",
        (head::BYTES, _) => "a byte string",
        (head::TEXT, _) => "a text",
        (head::ARRAY, _) => "an array",
        (head::MAP, _) => "a map",
        (head::TAG, _) => "a tagged item",
        (_, Some(20 | 21)) => "a boolean",
        (_, Some(22)) => "null",
        (_, Some(23)) => "undefined",
        _ => "a number or simple value",
    }
}
