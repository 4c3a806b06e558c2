#!/usr/bin/env bash
# Mutation testing of the judge: changes mdoc/src/verify and relying-party one expression at a time and asks
# whether a test notices. Arguments go to cargo-mutants, for example: --shard 0/8, --list, --file PATTERN.
. "$(dirname "$0")/lib.sh"

need_cargo_tool mutants 27.1.0
tool=cargo
cargo nextest --version >/dev/null 2>&1 && tool=nextest
exec cargo mutants \
    --package mdoc --package relying-party \
    --file 'mdoc/src/verify/**/*.rs' --file 'relying-party/src/**/*.rs' \
    --test-package mdoc --test-package relying-party --test-package verifier-tests \
    --test-tool "$tool" --output "$(target_dir)" "$@"
