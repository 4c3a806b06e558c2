#!/usr/bin/env bash
# Builds the Debian package of the counter and prints where it is. PACKAGE_PROFILE names another of cargo's profiles than release.
. "$(dirname "$0")/lib.sh"

# What the package can do. A feature that is added to the reader goes here.
features=bluetooth,camera,nfc,scanner,till
version=3.8.0
profile=${PACKAGE_PROFILE:-release}

target=$(target_dir)
PATH=$target/tools/bin:$PATH
export PATH
pkg-config --exists dbus-1 2>/dev/null || need_packages libdbus-1-dev pkg-config
pkg-config --exists libpcsclite 2>/dev/null || need_packages libpcsclite-dev pkg-config
has_libclang || need_packages libclang-dev
command -v dpkg-shlibdeps >/dev/null || need_packages dpkg-dev
if [ "$(cargo-deb --version 2>/dev/null)" != "cargo-deb $version" ]; then
    say "installing cargo-deb $version"
    cargo install --locked --force --root "$target/tools" "cargo-deb@$version" >&2
fi

cargo build --locked --profile "$profile" -p reader --features "$features" >&2
# Cargo's folder for the profile `dev` has a name of its own.
built=$target/${profile/#dev/debug}
reader=$built/reader
made=$built/package
mkdir -p "$made"
"$reader" manual >"$made/reader.1"
"$reader" completions bash >"$made/reader.bash"
"$reader" completions zsh >"$made/_reader"
"$reader" completions fish >"$made/reader.fish"
cargo-deb --no-build --locked --profile "$profile" -p reader --output "$made/mdoc-reader.deb" >&2
echo "$made/mdoc-reader.deb"
