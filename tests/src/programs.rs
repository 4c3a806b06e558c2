//! The programs themselves, for tests that start them as their users do.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Where a program lies. All of them are built once; cargo tells where they are.
///
/// # Panics
/// They cannot be built.
pub fn program(name: &str) -> &'static Path {
    static PROGRAMS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--locked",
                "-p",
                "reader",
                "-p",
                "verifier-api",
                "-p",
                "holder",
            ])
            .args(["--message-format", "json"])
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = output.stdout.split(|byte| *byte == b'\n');
        let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        messages
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
            .collect()
    });
    let found = programs
        .iter()
        .find(|path| path.file_stem().is_some_and(|stem| stem == name));
    found.unwrap_or_else(|| panic!("cargo built no {name}"))
}
