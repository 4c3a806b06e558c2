#!/usr/bin/env bash
# One whole transaction: a test issuer, a simulated phone that shows a QR code, the reader, the verdict.
# ONCE=1 ends after one transaction, with 0 when it ended as it should; FAULT=NAME makes the phone get something
# wrong (`holder present --help` lists what). PURPOSE and CREDENTIAL choose what is asked and held.
set -euo pipefail
cd "$(dirname "$0")/.."

once=${ONCE:-}
fault=${FAULT:-}
purpose=${PURPOSE:-age-20}
credential=${CREDENTIAL:-my-number}

echo "building …"
# Cargo tells where the programs are, wherever its target directory is.
programs=$(cargo build --locked --quiet -p holder -p reader --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
holder=$(grep -E '/holder$' <<<"$programs")
reader=$(grep -E '/reader$' <<<"$programs")

folder=$(mktemp -d)
phone=
cleanup() {
    [ -z "$phone" ] || kill "$phone" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

"$holder" pki --out "$folder/pki"

# The verdict's first line: "accepted", or "rejected: reason".
transaction() {
    local arguments=(present --listen 127.0.0.1:0 --credential "$credential" --pki "$folder/pki" --qr)
    [ -z "$fault" ] || arguments+=(--fault "$fault")
    : >"$folder/announcement"
    "$holder" "${arguments[@]}" >"$folder/announcement" 2>"$folder/phone" &
    phone=$!
    for _ in $(seq 100); do
        [ ! -s "$folder/announcement" ] || break
        kill -0 "$phone" 2>/dev/null || { cat "$folder/phone" >&2; return 1; }
        sleep 0.1
    done
    local address
    address=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' "$folder/announcement")
    echo
    echo "The phone shows:"
    cat "$folder/phone"
    echo "The reader scans it."
    local status=0
    "$reader" read --connect "tcp://$address" --purpose "$purpose" --trust "$folder/pki/trust" --format text \
        >"$folder/verdict" || status=$?
    wait "$phone" 2>/dev/null || true
    phone=
    echo
    cat "$folder/verdict"
    echo "exit status of the reader: $status"
}

expected() {
    case $fault in
        "") echo "accepted" ;;
        tampered) echo "rejected: digest.mismatch" ;;
        expired) echo "rejected: mso.expired" ;;
        untrusted) echo "rejected: issuer.chain" ;;
        wrong-holder | wrong-transcript) echo "rejected: device.signature" ;;
        *) echo "?" ;;
    esac
}

while :; do
    transaction
    if [ "$(head -n 1 "$folder/verdict")" != "$(expected)" ]; then
        echo "the demonstration did not end as it should: $(expected)" >&2
        exit 1
    fi
    echo
    echo "Next, try:  make demo ONCE=1 FAULT=tampered"
    if [ -n "$once" ] || ! [ -t 0 ]; then
        exit 0
    fi
    read -r -p "Enter for another customer, q to end: " answer || exit 0
    [ "$answer" != q ] || exit 0
done
