#!/usr/bin/env bash
# One whole transaction: a test issuer, a service, a simulated phone that shows a QR code, the reader, and the verdict
# twice: judged by the reader alone and by the service. Then it stays up to be tried, until Enter.
# ONCE=1 ends after one transaction, with 0 when it ended as it should; FAULT=NAME makes the phone get something
# wrong (`holder present --help` lists what). PURPOSE and CREDENTIAL choose what is asked and held.
set -euo pipefail
cd "$(dirname "$0")/.."

once=${ONCE:-}
fault=${FAULT:-}
# Status lists of ISO/IEC 18013-5 know no suspension: it is shown with an EU PID.
if [ "$fault" = suspended ]; then
    : "${PURPOSE:=pid-age-18}" "${CREDENTIAL:=pid}"
fi
purpose=${PURPOSE:-age-20}
credential=${CREDENTIAL:-my-number}

echo "building …"
# Cargo tells where the programs are, wherever its target directory is.
programs=$(cargo build --locked --quiet -p holder -p reader -p verifier-api --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
holder=$(grep -E '/holder$' <<<"$programs")
reader=$(grep -E '/reader$' <<<"$programs")
service=$(grep -E '/verifier-api$' <<<"$programs")

folder=$(mktemp -d)
children=()
cleanup() {
    local child
    for child in "${children[@]}"; do
        kill "$child" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

# The address in the first line that a program writes to this file.
address_in() {
    for _ in $(seq 150); do
        [ ! -s "$1" ] || break
        sleep 0.1
    done
    sed -n '1s/.*"listening":"\([^"]*\)".*/\1/p' "$1"
}

"$holder" pki --out "$folder/pki"
# A list that is down is one that the service tries to fetch; an empty file switches fetching on.
fetching=()
if [ "$fault" = list-down ]; then
    : >"$folder/fetch.toml"
    fetching=(--fetch "$folder/fetch.toml")
fi
"$service" serve --listen 127.0.0.1:0 --trust "$folder/pki/trust" --log warn "${fetching[@]}" \
    >"$folder/service" 2>"$folder/service.log" &
children+=($!)
url=http://$(address_in "$folder/service")

# A phone that serves one reader after the other; it draws its code on standard error.
arguments=(present --listen 127.0.0.1:0 --credential "$credential" --pki "$folder/pki" --qr --repeat)
[ -z "$fault" ] || arguments+=(--fault "$fault")
"$holder" "${arguments[@]}" >"$folder/announcements" 2>"$folder/phone" &
children+=($!)
phone=$(address_in "$folder/announcements")
if [ -z "$phone" ] || [ "$url" = http:// ]; then
    cat "$folder/phone" "$folder/service.log" >&2
    exit 1
fi

echo
echo "The phone shows:"
sed '/^holder: /d' "$folder/phone"
echo "The reader scans it."
identity=(--reader-cert "$folder/pki/reader/certificate.pem" --reader-key "$folder/pki/reader/key.pem")
read_phone() {
    "$reader" read --connect "tcp://$phone" --purpose "$purpose" --consent-timeout 20 "${identity[@]}" "$@"
}
status=0
read_phone --trust "$folder/pki/trust" --format text >"$folder/verdict" || status=$?
echo
echo "Judged by the reader alone:"
cat "$folder/verdict"
echo "exit status: $status"
echo
echo "Judged by the service:"
served=0
read_phone --verify "$url" >"$folder/served" 2>/dev/null || served=$?
sed 's/"checks":.*"purpose":/… "purpose":/' "$folder/served"
echo "exit status: $served"

if [ -n "${fetching[*]}" ]; then
    echo "The service's log says why:"
    grep -F '"not fetched"' "$folder/service.log" || {
        echo "the service did not try to fetch the list" >&2
        exit 1
    }
fi

expected=accepted
[ -z "$fault" ] || expected=$("$holder" present --help |
    awk -v fault="$fault" '$1 == fault { print $2 }')
reason=$(sed -n 's/.*"reason":"\([a-z_.]*\)".*/\1/p' "$folder/served")
first=$(head -n 1 "$folder/verdict")
case $first in
    accepted*) found=accepted ;;
    *": "*) found=${first#*: } ;;
    *) found=$(sed -n 's/.*reason[":  ]*\([a-z_]*\.[a-z_]*\).*/\1/p' "$folder/verdict" | head -n 1) ;;
esac
served_found=${reason:-accepted}
if [ "$status" != "$served" ] || [ "$found" != "${expected:-?}" ]; then
    echo "the demonstration did not end as it should: ${expected:-there is no fault $fault}, not $found and $served_found" >&2
    exit 1
fi
if [ -n "$fault" ]; then
    echo
    echo "The fault \"$fault\" was answered as it should be: $expected"
fi
echo
echo "Next, try:  make demo ONCE=1 FAULT=tampered"
if [ -n "$once" ] || ! [ -t 0 ]; then
    exit 0
fi
cat <<TEXT

Phone and service stay up. In another terminal:

  curl $url/v1/purposes
  $reader read --connect tcp://$phone --purpose $purpose --trust $folder/pki/trust

TEXT
read -r -p "Enter to end: " _ || true
