#!/usr/bin/env bash
# Runs every test and ends with what failed, in its own words, and one line, `N passed, N failed`, over all runs.
# A run that breaks outside its tests (one that does not build, say) counts as one failure. Exit status 0 only when
# nothing failed.
. "$(dirname "$0")/lib.sh"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0
failed=0
device_features=reader/bluetooth,reader/camera,reader/nfc,reader/scanner,reader/till,holder/bluetooth

main() {
    command -v openssl >/dev/null || need_packages openssl
    # Without it, the tests with a token say that they are left out; in CI that is a failure.
    command -v softhsm2-util >/dev/null || [ "${CI:-}" != true ] || need_packages softhsm2
    interop
    # The tests start the programs: built here once, so that none of them waits for the compiler.
    cargo build --locked --quiet -p reader -p verifier-api -p holder
    if cargo nextest --version >/dev/null 2>&1; then
        run "workspace" some cargo nextest run --workspace --locked --no-fail-fast --color never
        run "pure RustCrypto backend" some \
            cargo nextest run -p mdoc -p relying-party --no-default-features --locked --no-fail-fast --color never
    else
        run "workspace" some cargo test --workspace --lib --bins --tests --locked --no-fail-fast --color never
        run "pure RustCrypto backend" some \
            cargo test -p mdoc -p relying-party --no-default-features --lib --tests --locked --no-fail-fast --color never
    fi
    devices
    run "examples in the documentation" any cargo test --doc --workspace --locked --no-fail-fast --color never

    echo
    [ ! -s "$logs/failures" ] || cat "$logs/failures"
    [ -n "${MDOC_VECTORS:-}" ] || echo "MDOC_VECTORS is not set: comparisons with published vectors were left out."
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# The programs with everything that Linux has, as far as that needs no device; `make test-ble` and `make test-nfc` do the
# rest. One build for all of it: what each feature is alone, the lints see.
devices() {
    [ "$(uname)" = Linux ] || return 0
    pkg-config --exists dbus-1 2>/dev/null || need_packages libdbus-1-dev pkg-config
    pkg-config --exists libpcsclite 2>/dev/null || need_packages libpcsclite-dev pkg-config
    has_libclang || need_packages libclang-dev
    # The doctor is tried on a bus of its own.
    command -v dbus-daemon >/dev/null || need_packages dbus-daemon
    run "with all devices" some \
        cargo test -p reader -p holder --features "$device_features" --lib --bins --tests --locked --no-fail-fast --color never
}

# Other people's libraries in a Python environment of their own. Without Python, or without the network the first
# time, those comparisons say that they are left out; in CI that is a failure.
interop() {
    local tools
    tools=$(target_dir)/interop
    if ! cmp -s tests/interop/requirements.txt "$tools/requirements.txt"; then
        command -v python3 >/dev/null || [ "${CI:-}" != true ] || need_packages python3 python3-venv
        rm -rf "$tools"
        if ! { python3 -m venv "$tools" || { [ "${CI:-}" = true ] && need_packages python3-venv && python3 -m venv "$tools"; }; } ||
            ! "$tools/bin/pip" install --quiet --disable-pip-version-check -r tests/interop/requirements.txt; then
            say "no Python environment: comparisons with lists made by Python libraries are left out"
            return 0
        fi
        cp tests/interop/requirements.txt "$tools/requirements.txt"
    fi
    VERIFIER_PYTHON=$tools/bin/python
    export VERIFIER_PYTHON
}

# run NAME some|any COMMAND… : `some` means that a run without a single test is a failure.
run() {
    local name=$1 least=$2 log status=0 run_passed run_failed
    shift 2
    log=$logs/run
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$log" || status=$?
    read -r run_passed run_failed < <(count "$log")
    if [ "$status" -ne 0 ] && [ "$run_failed" -eq 0 ]; then
        printf '%s: broke outside its tests (status %s)\n' "$name" "$status"
        run_failed=1
    elif [ "$least" = some ] && [ "$run_passed" -eq 0 ] && [ "$run_failed" -eq 0 ]; then
        printf '%s: ran no test\n' "$name"
        run_failed=1
    fi
    [ "$run_failed" -eq 0 ] || told "$name" "$log" >>"$logs/failures"
    passed=$((passed + run_passed))
    failed=$((failed + run_failed))
}

# told NAME LOG : the tests of a run that failed and the beginning of what they printed; the log itself is long.
told() {
    printf 'failed: %s\n' "$1"
    sed 's/\x1b\[[0-9;]*m//g' "$2" | awk '
        /^---- .* stdout ----$/ || /^ *(FAIL|TIMEOUT|SIG[A-Z]*) \[/ { left = 40 }
        /^test .* \.\.\. FAILED$/ || /^error(\[|:)/ || left-- > 0 { print "    " $0 }' | head -n 200
}

# count LOG : passed and failed of the summary lines of both runners,
#     test result: ok. 12 passed; 0 failed; 0 ignored; …
#          Summary [   1.2s] 14 tests run: 12 passed (1 slow), 1 failed, 1 timed out, 0 skipped
count() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^test result: / || /^ *Summary \[/ {
            for (i = 1; i < NF; i++) {
                if ($i !~ /^[0-9]+$/) continue
                word = $(i + 1)
                gsub(/[^a-z]/, "", word)
                if (word == "passed") passed += $i
                if (word == "failed" || word == "timed" || word == "exec") failed += $i
            }
        }
        END { print passed + 0, failed + 0 }'
}

main
