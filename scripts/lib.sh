# Shared by the scripts beside it; sourced, never run. Leaves the caller in the repository's root with a
# Rust toolchain and a C compiler at hand, or stops with one sentence that says what is missing.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# Tests compare against published vectors where their folder stands beside the repository.
if [ -z "${MDOC_VECTORS:-}" ] && [ -d ../shared/vectors ]; then
    MDOC_VECTORS=$(cd ../shared/vectors && pwd)
    export MDOC_VECTORS
fi

# has_libclang : whether the library is there that reads C headers for a build with cameras. libclang-cpp is another one.
has_libclang() {
    [ -n "$(find /usr/lib -maxdepth 3 \( -name 'libclang.so*' -o -name 'libclang-[0-9]*.so*' \) -print -quit 2>/dev/null)" ]
}

# need_packages PACKAGE… : installs Debian packages as root; as another user names them and stops.
need_packages() {
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing: $*"
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
    elif command -v apt-get >/dev/null; then
        die "these packages are missing; install them with: sudo apt-get install $*"
    else
        die "these packages (Debian's names) are missing: $*. Install them and run the same command again."
    fi
}

c_compiles() { printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null; }
cxx_compiles() { printf '#include <vector>\nint main() { return 0; }\n' | c++ -x c++ -o /dev/null - 2>/dev/null; }

# The linker for Rust and the compiler for aws-lc.
need_c_compiler() {
    c_compiles || need_packages gcc libc6-dev
    c_compiles || die "the C compiler (cc) does not work"
}

# The fuzzer's runtime is C++.
need_cxx_compiler() {
    cxx_compiles || need_packages g++
    cxx_compiles || die "the C++ compiler (c++) does not work"
}

# rust_is_new_enough VERSION : whether cargo and rustc run and are of VERSION (major.minor) or later.
rust_is_new_enough() {
    local found
    cargo --version >/dev/null 2>&1 || return 1
    found=$(rustc --version 2>/dev/null | awk '{ print $2 }')
    [ -n "$found" ] && [ "$(printf '%s\n%s\n' "$1" "$found" | sort -V | head -n 1)" = "$1" ]
}

need_rust() {
    local wanted
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    [ -n "$wanted" ] || die "Cargo.toml states no rust-version"
    command -v cargo >/dev/null || PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
    export PATH
    if rust_is_new_enough "$wanted"; then
        return
    fi
    command -v rustup >/dev/null || die "Rust $wanted or later is missing; install rustup from https://rustup.rs"
    if ! rustup run "$wanted" rustc --version >/dev/null 2>&1; then
        say "installing Rust $wanted"
        rustup toolchain install "$wanted" --profile minimal --component clippy --component rustfmt >&2
    fi
    export RUSTUP_TOOLCHAIN=$wanted
    rust_is_new_enough "$wanted" || die "Rust $wanted does not run"
}

# need_component NAME COMMAND… : a part of the toolchain, known to be there when COMMAND succeeds.
need_component() {
    local name=$1
    shift
    "$@" >/dev/null 2>&1 && return
    command -v rustup >/dev/null || die "$name is missing from the Rust toolchain"
    rustup component add "$name" >&2
}

# need_cargo_tool NAME VERSION : installs cargo-NAME where there is none.
need_cargo_tool() {
    cargo "$1" --version >/dev/null 2>&1 && return
    say "installing cargo-$1 $2"
    cargo install --locked "cargo-$1" --version "$2" >&2
}

# Where cargo builds: wherever its configuration or CARGO_TARGET_DIR says.
target_dir() {
    cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

need_rust
need_c_compiler
