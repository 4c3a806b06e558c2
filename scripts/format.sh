#!/usr/bin/env bash
# Formats the workspace and the fuzz targets, which stand outside of it. Arguments go to cargo fmt: --check.
. "$(dirname "$0")/lib.sh"

need_component rustfmt cargo fmt --version
status=0
cargo fmt --all "$@" || status=1
cargo fmt --manifest-path fuzz/Cargo.toml "$@" || status=1
exit "$status"
