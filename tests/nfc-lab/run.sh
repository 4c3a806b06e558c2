#!/usr/bin/env bash
# The programs over a real PC/SC service and a virtual contactless reader, without hardware.
# Last line on standard output: `nfc-lab: N passed, M failed`. A lab that cannot run has failed.
#   tests/nfc-lab/run.sh [PATTERN]     only the cases whose name matches
set -euo pipefail
lab=tests/nfc-lab
passed=0
failed=0
finished=

# Whatever happens, the last line says how it went.
closing() {
    [ -n "$finished" ] || failed=$((failed + 1))
    echo "nfc-lab: $passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || exit 1
    exit 0
}
trap closing EXIT

cd "$(dirname "$0")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
only=${1:-}
work=$(target_dir)/nfc-lab
mkdir -p "$work"

main() {
    host_packages
    programs
    # A place of its own for the service's socket and for the port of the virtual reader: neither the machine's own
    # service nor the network sees them, and both end with the lab.
    local apart=(unshare --mount --mount-proc --net --pid --fork --kill-child)
    [ "$(id -u)" -eq 0 ] || apart+=(--map-root-user)
    timeout -k 5 "${LAB_SECONDS:-600}" "${apart[@]}" "$lab/cases.sh" "$work" "$only" </dev/null 2>"$work/lab.log" |
        tee "$work/results" || say "the lab ended with an error (see $work/lab.log)"
    passed=$(grep -c '^ok ' "$work/results" || true)
    failed=$(grep -c '^FAILED ' "$work/results" || true)
    if grep -q '^done$' "$work/results"; then
        finished=yes
    else
        say "the lab broke off; the end of its log:"
        tail -n 20 "$work/lab.log" >&2
    fi
}

host_packages() {
    local missing=() name
    for name in iproute2 libpcsclite-dev pcscd pkg-config python3 vsmartcard-vpcd; do
        dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] || need_packages "${missing[@]}"
}

# Copies: another build, without NFC, may take the place of these meanwhile.
programs() {
    say "building the programs"
    rm -rf "$work/programs"
    mkdir -p "$work/programs"
    cargo build --locked --quiet -p reader -p holder --features reader/camera-recording,reader/nfc,reader/scanner \
        --message-format=json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' |
        while read -r program; do cp "$program" "$work/programs/"; done
}

main
