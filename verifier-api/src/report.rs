//! What goes out: lines of JSON, a tree for people, complaints on standard error.

use std::io::{self, Write as _};

use serde_json::Value;

/// One line of JSON on standard output, flushed.
pub(crate) fn line(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

/// A line on standard error. There is nowhere to report a failure to print it.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "verifier-api: {text}");
}

/// Lines of text on standard output.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The verdict as a tree of every check.
pub(crate) fn tree(verdict: &Value) -> io::Result<()> {
    text(&relying_party::verdict_text(verdict))
}
