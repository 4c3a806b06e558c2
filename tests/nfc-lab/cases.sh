#!/usr/bin/env bash
# Runs apart from the machine (see run.sh): `cases.sh WORK [PATTERN]`. Says `ok NAME` or `FAILED NAME` for each case, and
# `done` at the end.
set -euo pipefail
work=$1
only=${2:-}
reader=$work/programs/reader
holder=$work/programs/holder
pki=$work/pki
service=
phone=

main() {
    mkdir -p /run/pcscd
    mount -t tmpfs none /run/pcscd
    # Inside, the virtual reader's port is nobody else's.
    ip link set lo up
    rm -rf "$pki"
    "$holder" pki --out "$pki"
    start_service

    local short=(--nfc-max-command 255 --nfc-max-response 256)
    reads static-transfer-extended accepted -- --nfc static --transport nfc
    reads static-transfer-short accepted -- --nfc static --transport nfc "${short[@]}"
    reads short-commands-by-choice accepted --nfc-short -- --nfc static --transport nfc
    reads chained-request-long-answers accepted -- --nfc static --transport nfc --nfc-max-command 255
    reads long-request-chained-answers accepted -- --nfc static --transport nfc --nfc-max-response 256
    reads large-portrait-short accepted -- --nfc static --transport nfc "${short[@]}" --portrait-bytes 120000 --credential mdl
    reads negotiated-transfer accepted -- --nfc negotiated --transport nfc
    reads negotiated-in-pieces accepted -- --nfc negotiated --transport nfc --nfc-write-at-once 20 --nfc-read-at-once 15
    reads negotiated-slow-tag accepted -- --nfc negotiated --transport nfc --nfc-empty-readings 10
    reads mac accepted -- --nfc negotiated --transport nfc --auth mac
    reads rejected-over-nfc '"reason":"mso.expired"' -- --nfc static --transport nfc --fault expired

    bridges static-bluetooth-phone-as-server static phone ble-peripheral
    bridges static-bluetooth-phone-as-client static reader ble-central
    bridges negotiated-bluetooth-phone-as-server negotiated phone ble-peripheral
    bridges negotiated-bluetooth-phone-as-client negotiated reader ble-central
    bridges negotiated-bluetooth-before-nfc negotiated reader ble-central,nfc
    bridges negotiated-role-of-the-reader negotiated phone ble-central,ble-peripheral --ble central
    reads data-over-nfc-by-choice accepted --nfc-data -- --nfc negotiated --transport nfc,ble-central --bridge

    reads vague-more-data accepted -- --nfc static --transport nfc "${short[@]}" --fault nfc-vague-more-data
    reads late-end accepted -- --nfc static --transport nfc "${short[@]}" --fault nfc-late-end
    reads generous accepted -- --nfc static --transport nfc "${short[@]}" --fault nfc-generous
    fails endless-more-data nfc.transfer consent -- --nfc static --transport nfc --fault nfc-endless-more-data
    fails wrong-length nfc.transfer receive -- --nfc static --transport nfc "${short[@]}" --fault nfc-wrong-length
    fails refuses-envelope nfc.transfer consent -- --nfc static --transport nfc --fault nfc-refuses-envelope
    fails no-mdoc-application nfc.transfer connect -- --nfc static --transport nfc --fault nfc-no-mdoc-application
    fails removed-in-handover nfc.card_lost engagement -- --nfc static --transport nfc --fault nfc-removed-in-handover
    fails removed-after-request nfc.card_lost consent -- --nfc static --transport nfc --fault nfc-removed-after-request
    fails removed-in-response nfc.card_lost receive -- \
        --nfc static --transport nfc "${short[@]}" --fault nfc-removed-in-response
    fails locked nfc.locked engagement --connect-timeout 2 -- --nfc static --transport nfc --fault nfc-locked
    fails bad-capability nfc.tag engagement -- --nfc static --transport nfc --fault nfc-bad-capability
    fails web-link nfc.handover engagement -- --nfc static --transport nfc --fault nfc-web-link
    fails chunked nfc.handover engagement -- --nfc static --transport nfc --fault nfc-chunked
    fails never-ready nfc.not_ready engagement -- --nfc negotiated --transport nfc --fault nfc-never-ready
    fails refuses-service nfc.refused engagement -- --nfc negotiated --transport nfc --fault nfc-refuses-service
    fails unknown-carriers session.no_transport connect -- --nfc static --transport nfc --fault nfc-unknown-carriers
    fails unknown-carriers-negotiated session.no_transport connect -- \
        --nfc negotiated --transport nfc --fault nfc-unknown-carriers
    fails bluetooth-that-this-build-lacks session.no_transport connect -- \
        --nfc static --transport ble-central --bridge
    fails consent-takes-too-long session.timeout consent --consent-timeout 1 -- \
        --nfc static --transport nfc --consent-after 4000
    fails no-phone session.timeout engagement --connect-timeout 1 --
    fails no-such-reader nfc.reader engagement --connect-timeout 1 --nfc-reader elsewhere --
    reads second-reader accepted --nfc-reader '00 01' -- --nfc static --transport nfc --vpcd 127.0.0.1:35964

    examined
    goes_on
    endures
    survives_the_service
    stops_when_told
    echo "done"
}

# begins NAME: whether it is to run.
begins() {
    [[ $1 == *$only* ]] || return 1
    echo "== $1" >&2
}

# ends NAME 0|1: what came of it.
ends() {
    if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "FAILED $1"; fi
}

# start_service [FOLDER]: with the virtual reader, or with what a folder configures.
start_service() {
    # Without what a waiting counter reads, which would never end.
    pcscd --foreground ${1:+--config "$1"} >&2 9>&- &
    service=$!
    local attempt
    for attempt in $(seq 50); do
        [ -S /run/pcscd/pcscd.comm ] && { [ -n "${1:-}" ] || ss -ltn | grep -q ':35964'; } && return
        sleep 0.1
    done
    echo "the PC/SC service does not start after $attempt attempts" >&2
    return 1
}

# It is not given the time to say goodbye.
stop_service() {
    kill -KILL "$service"
    wait "$service" 2>/dev/null || true
    rm -f /run/pcscd/*
}

# come ARGUMENTS…: a phone is held to the reader; its lines go to WORK/phone.
come() {
    : >"$work/phone"
    "$holder" present --pki "$pki" "$@" >"$work/phone" 2>>"$work/phone.log" 9>&- &
    phone=$!
}

# A phone leaves by itself when all is said, or is taken away.
leave() {
    local attempt
    for attempt in $(seq 30); do
        kill -0 "$phone" 2>/dev/null || break
        [ "$attempt" -lt 30 ] || kill "$phone"
        sleep 0.1
    done
    wait "$phone" 2>/dev/null || true
    phone=
    # The virtual reader notices an empty field by itself.
    sleep 0.5
}

# read_phone ARGUMENTS…: one transaction; the report on standard output.
read_phone() {
    local patience=(--connect-timeout 8)
    # A flag may not be there twice.
    [[ " $* " != *" --connect-timeout "* ]] || patience=()
    timeout 60 "$reader" read --nfc --purpose "${purpose:-age-20}" --trust "$pki/trust" "${patience[@]}" "$@" \
        2>"$work/reader" || true
    cat "$work/reader" >&2
}

# matches REPORT EXPECTED
matches() {
    case $2 in
    accepted) [[ $1 == '{"verdict":"accepted"'* ]] ;;
    *) [[ $1 == *"$2"* ]] ;;
    esac
}

# reads NAME EXPECTED [READER…] -- [PHONE…]
reads() {
    local name=$1 expected=$2 arguments=() report result=0
    shift 2
    begins "$name" || return 0
    while [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    shift
    [ $# -eq 0 ] || come "$@"
    # What is in a large portrait's document is asked for with the portrait.
    local purpose=age-20
    [[ " $* " != *" mdl "* ]] || purpose=$large_purpose
    report=$(read_phone "${arguments[@]}")
    echo "${report:0:300}" >&2
    matches "$report" "$expected" || result=1
    [ $# -eq 0 ] || leave
    ends "$name" "$result"
}

# fails NAME REASON PHASE [READER…] -- [PHONE…]
fails() {
    local name=$1 reason=$2 phase=$3
    shift 3
    reads "$name" "\"reason\":\"$reason\",\"phase\":\"$phase\"" "$@"
}

# bridges NAME HANDOVER SERVER TRANSPORT [READER…]: the handover comes to Bluetooth with that side as the server, and the
# session that follows, over a loopback connection, stands on the handover as it was exchanged.
bridges() {
    local name=$1 handover=$2 server=$3 transport=$4 address report result=0
    shift 4
    begins "$name" || return 0
    come --nfc "$handover" --transport "$transport" --bridge
    for _ in $(seq 50); do
        [ -s "$work/phone" ] && break
        sleep 0.1
    done
    address=$(sed -n '1s/.*"listening":"\([^"]*\)".*/\1/p' "$work/phone")
    report=$(read_phone --connect "tcp://$address" "$@")
    echo "${report:0:300}" >&2
    matches "$report" accepted || result=1
    local says=", the phone as the server"
    [ "$server" = phone ] || says=", this reader as the server"
    grep -q "^reader: $handover handover: Bluetooth$says" "$work/reader" || result=1
    leave
    cat "$work/phone" >&2
    grep -q "\"handover\":\"$handover\"" "$work/phone" || result=1
    ends "$name" "$result"
}

# starts_serving: a counter that polls; its lines go to WORK/served, and it ends when `input` closes.
starts_serving() {
    rm -f "$work/input"
    mkfifo "$work/input"
    "$reader" serve --nfc --purpose age-20 --trust "$pki/trust" <"$work/input" >"$work/served" 2>"$work/serving.log" &
    serving=$!
    exec 9>"$work/input"
}

stops_serving() {
    exec 9>&-
    local status=0
    (sleep 20 && kill -KILL "$serving") 2>/dev/null &
    local watch=$!
    wait "$serving" || status=$?
    kill "$watch" 2>/dev/null || true
    cat "$work/serving.log" >&2
    return "$status"
}

# served NUMBER: waits until so many lines are there.
served() {
    for _ in $(seq 100); do
        [ "$(wc -l <"$work/served")" -ge "$1" ] && return
        sleep 0.1
    done
    return 1
}

# One phone after the other: after each fault the counter polls again, and a phone that stays is read once.
goes_on() {
    local result=0 line
    begins serve-goes-on-after-faults || return 0
    starts_serving
    come --nfc static --transport nfc --fault nfc-removed-in-handover
    served 1 || result=1
    leave
    come --nfc static --transport nfc --fault nfc-locked
    served 2 || result=1
    # It lies there for a while, and is told once.
    sleep 1.5
    [ "$(wc -l <"$work/served")" -eq 2 ] || result=1
    kill "$phone" 2>/dev/null || true
    leave
    come --nfc negotiated --transport nfc --fault nfc-removed-in-response --nfc-max-response 256
    served 3 || result=1
    leave
    come --nfc static --transport nfc --fault nfc-endless-more-data
    served 4 || result=1
    leave
    # Something that is scanned comes in between.
    echo "4901234567894" >&9
    served 5 || result=1
    come --nfc negotiated --transport nfc
    served 6 || result=1
    leave
    stops_serving || result=1
    cat "$work/served" | cut -c 1-120 >&2
    line=$(sed 's/.*"reason":"\([^"]*\)".*/\1/; s/^{"verdict":"accepted".*/accepted/' "$work/served" | paste -sd' ')
    [ "$line" = "nfc.card_lost nfc.locked nfc.card_lost nfc.transfer session.engagement accepted" ] || result=1
    ends serve-goes-on-after-faults "$result"
}

# examines NAME STATUS FOUND [READER…]: the doctor finds just that of NFC, all else is well, and it ends with this status.
examines() {
    local name=$1 expected=$2 nfc=$3 report found status=0 result=0
    shift 3
    begins "$name" || return 0
    report=$(timeout 30 "$reader" doctor --json --purpose age-20 --trust "$work/anchors-alone" "$@") || status=$?
    echo "$report" >&2
    found=$(python3 -c 'import json, sys
print(*sorted(finding["check"] + "=" + finding["result"] for finding in json.load(sys.stdin)))' <<<"$report")
    [ "$status" -eq "$expected" ] || result=1
    [ "$found" = "bluetooth=ok clock=ok configuration=ok $nfc purpose=ok reader_cert=ok trust=ok" ] || result=1
    ends "$name" "$result"
}

# The doctor on a real service: with readers, without, and without the service.
examined() {
    # One of the test issuer's lists is past its end, for other tests.
    rm -rf "$work/anchors-alone"
    mkdir "$work/anchors-alone"
    cp -R "$pki/trust/anchors" "$work/anchors-alone/"
    examines doctor-reader-there 0 "nfc_reader=ok nfc_service=ok" --nfc
    examines doctor-reader-of-this-name 0 "nfc_reader=ok nfc_service=ok" --nfc --nfc-reader "Virtual PCD"
    examines doctor-reader-of-another-name 2 "nfc_reader=fault nfc_service=ok" --nfc --nfc-reader elsewhere
    examines doctor-nfc-not-asked-for 0 "nfc=ok"
    stop_service
    examines doctor-service-stopped 2 "nfc_service=fault" --nfc
    examines doctor-service-stopped-nfc-not-asked-for 0 "nfc=ok"
    mkdir -p "$work/no-readers"
    start_service "$work/no-readers"
    examines doctor-no-reader 2 "nfc_reader=fault nfc_service=ok" --nfc
    stop_service
    start_service
    examines doctor-reader-there-again 0 "nfc_reader=ok nfc_service=ok" --nfc
}

# A counter works all day: nothing grows in it.
endures() {
    local result=0
    begins thousand-transactions-by-all-inputs || return 0
    python3 "$(dirname "$0")/endurance.py" "$work" 1000 9>&- || result=1
    ends thousand-transactions-by-all-inputs "$result"
}

# The service ends and comes back, and the readers with it, while the counter waits.
survives_the_service() {
    local result=0
    begins readers-come-and-go || return 0
    stop_service
    starts_serving
    sleep 1
    start_service
    sleep 1.5
    come --nfc static --transport nfc
    served 1 || result=1
    leave
    stop_service
    sleep 1.5
    start_service
    sleep 1.5
    come --nfc static --transport nfc
    served 2 || result=1
    leave
    stops_serving || result=1
    [ "$(grep -c '^{"verdict":"accepted"' "$work/served")" -eq 2 ] || result=1
    grep -q "warning: the NFC reader: " "$work/serving.log" || result=1
    ends readers-come-and-go "$result"
}

# A counter that is told to end while a holder thinks.
stops_when_told() {
    local result=0
    begins told-to-end || return 0
    starts_serving
    come --nfc static --transport nfc --consent-after 20000
    for _ in $(seq 50); do
        grep -q "waiting for consent" "$work/serving.log" && break
        sleep 0.1
    done
    kill "$serving"
    local begun=$SECONDS
    stops_serving || result=1
    [ $((SECONDS - begun)) -le 4 ] || result=1
    grep -q '"reason":"session.terminated","phase":"consent"' "$work/served" || result=1
    kill "$phone" 2>/dev/null || true
    leave
    ends told-to-end "$result"
}

large_purpose=$work/large.toml
cat >"$large_purpose" <<'TOML'
id = "large"
title = { en = "A document with its portrait" }
[[document]]
doc_type = "org.iso.18013.5.1.mDL"
[document.request]
"org.iso.18013.5.1" = { age_over_20 = false, portrait = false }
[[answer]]
name = "over_20"
rule = "age_over"
threshold = 20
[[answer]]
name = "portrait"
rule = "element"
element = ["org.iso.18013.5.1", "portrait"]
audience = "counter"
TOML

main
