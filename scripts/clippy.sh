#!/usr/bin/env bash
# Lints every target, with the default features, with the pure backend, the reader without tokens and, on Linux, with each
# feature for devices and with all of them; a warning is an error.
. "$(dirname "$0")/lib.sh"

need_component clippy cargo clippy --version
cargo clippy --workspace --all-targets --locked -- -D warnings
cargo clippy -p mdoc -p relying-party --no-default-features --all-targets --locked -- -D warnings
cargo clippy -p reader --no-default-features --all-targets --locked -- -D warnings
if [ "$(uname)" = Linux ]; then
    has_libclang || need_packages libclang-dev
    pkg-config --exists dbus-1 2>/dev/null || need_packages libdbus-1-dev pkg-config
    pkg-config --exists libpcsclite 2>/dev/null || need_packages libpcsclite-dev pkg-config
    for feature in bluetooth camera camera-recording nfc scanner till; do
        cargo clippy -p reader --features "$feature" --all-targets --locked -- -D warnings
    done
    cargo clippy -p reader -p holder --features reader/bluetooth,reader/camera,reader/nfc,reader/scanner,reader/till,holder/bluetooth \
        --all-targets --locked -- -D warnings
fi
