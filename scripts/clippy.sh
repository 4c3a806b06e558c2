#!/usr/bin/env bash
# Lints every target, with the default features and with the pure backend; a warning is an error.
. "$(dirname "$0")/lib.sh"

need_component clippy cargo clippy --version
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo clippy -p mdoc -p relying-party --no-default-features --all-targets --locked -- -D warnings
