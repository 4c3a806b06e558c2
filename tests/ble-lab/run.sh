#!/usr/bin/env bash
# The programs on a real kernel Bluetooth stack and a real bluetoothd, over virtual controllers, in user-mode Linux.
# Last line on standard output: `ble-lab: N passed, M failed`. A lab that cannot run has failed.
#   tests/ble-lab/run.sh [PATTERN]     only the cases whose name matches; SETS="one-channel" only these sets
# Sets run side by side, but for `speed`, which comes last and has the machine for itself.
set -euo pipefail
lab=tests/ble-lab
passed=0
failed=0
finished=

# Whatever happens, the last line says how it went.
closing() {
    [ -n "$finished" ] || failed=$((failed + 1))
    # What failed and what needed its second try, once more where it is looked for.
    [ -z "${work:-}" ] || for set in $sets; do
        grep -h "^\(again\|FAILED\) $set: " "$work/$set.log" 2>/dev/null || true
    done
    echo "ble-lab: $passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || exit 1
    exit 0
}
trap closing EXIT

cd "$(dirname "$0")/../.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh
only=${1:-}
sets=${SETS:-one-channel default speed}
guest=$root/$lab/guest
target=$(target_dir)
work=$target/ble-lab
mkdir -p "$work"
rm -f "$work"/*.log

main() {
    host_packages
    guest_packages
    python_environment
    programs
    kernel=$("$lab/kernel.sh" "$work")
    local waiting=() set
    for set in $sets; do
        if [ "$set" != speed ]; then
            run_set "$set" &
            waiting+=($!)
        fi
    done
    [ "${#waiting[@]}" -eq 0 ] || wait "${waiting[@]}"
    for set in $sets; do
        [ "$set" != speed ] || run_set "$set"
        count "$set"
    done
    finished=yes
}

# What the kernel, Bluetooth libraries of the programs and the Python environment are built with.
host_packages() {
    local missing=() name
    for name in bc bison flex libdbus-1-dev libpcsclite-dev make pkg-config python3-venv xz-utils; do
        dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name")
    done
    has_libclang || missing+=(libclang-dev)
    [ "${#missing[@]}" -eq 0 ] || need_packages "${missing[@]}"
}

# Unpacked into a folder, not installed: the host gets no Bluetooth daemon and no service for NFC readers.
guest_packages() {
    local names=(bluez dbus-daemon libapparmor1 libasound2 libdw1 libglib2.0-0 libreadline8 pcscd vsmartcard-vpcd)
    local packages=$work/packages
    [ "$(cat "$packages/names" 2>/dev/null)" != "${names[*]}" ] || return 0
    say "fetching: ${names[*]}"
    rm -rf "$packages" "$packages.debs"
    mkdir -p "$packages" "$packages.debs"
    (cd "$packages.debs" && apt-get download -qq -o APT::Sandbox::User=root "${names[@]}" >&2) || {
        apt-get update -qq >&2
        (cd "$packages.debs" && apt-get download -qq -o APT::Sandbox::User=root "${names[@]}" >&2)
    }
    for package in "$packages.debs"/*.deb; do
        dpkg-deb -x "$package" "$packages"
    done
    rm -rf "$packages.debs"
    echo "${names[*]}" >"$packages/names"
}

python_environment() {
    python=$work/python/bin/python
    cmp -s "$lab/requirements.txt" "$work/python/requirements.txt" && return
    say "making the Python environment"
    rm -rf "$work/python"
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet --disable-pip-version-check -r "$lab/requirements.txt" >&2
    cp "$lab/requirements.txt" "$work/python/requirements.txt"
}

# Builds the programs under test and the bare loop; programs.json says where cargo put them. Optimised, because how fast
# they are counts here.
programs() {
    say "building the programs"
    rm -rf "$work/programs"
    mkdir -p "$work/programs"
    {
        cargo build --locked --quiet --config profile.dev.opt-level=2 -p reader -p holder \
            --features reader/bluetooth,reader/camera,reader/nfc,reader/scanner,holder/bluetooth --message-format=json
        cargo build --locked --quiet --manifest-path "$lab/bare/Cargo.toml" --target-dir "$work/bare" \
            --message-format=json
    } | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' |
        while read -r program; do
            # A copy: another build, without Bluetooth, may take the place of this one meanwhile.
            cp "$program" "$work/programs/"
            echo "$work/programs/${program##*/}"
        done |
        sed 's#.*/\(.*\)#"\1": "&"#' | paste -sd, | sed 's/.*/{&}/' >"$work/programs.json"
}

# Starts of the guest for one set. Its kernel dies now and then (README.md): the set then goes on behind the cases that
# have ended.
STARTS=3

# One set: the cases with one configuration of bluetoothd.
run_set() {
    local set=$1 log=$work/$1.log start
    : >"$log"
    for ((start = 1; start <= STARTS; start++)); do
        run_guest "$set" "$(grep -c "^\(ok\|FAILED\) $set: " "$log" || true)" | tee -a "$log"
        if grep -q "^done $set$" "$log" || [ "$(grep -c "Kernel panic" "$log" || true)" -lt "$start" ]; then
            return 0
        fi
        say "set $set: the guest's kernel died; going on with the next start"
    done
}

# Cameras whose picture is what is played into their other end: one for the transactions, and one to unplug for each try.
cameras=(vivid.n_devs=3 vivid.node_types=0x101,0x101,0x101 vivid.num_inputs=1,1,1 vivid.input_types=3,3,3
    vivid.num_outputs=1,1,1 vivid.output_types=1,1,1)

# One start of the guest, behind so many cases.
run_guest() {
    local set=$1 skip=$2 pinned=() clock=()
    # The guest has one processor. Where its kernel and its programs, which are processes of the host, stay on one of the
    # host's, a system call does not wake another each time, and figures of two runs compare.
    # Its kernel counts processor time exactly then (kernel.sh).
    [ "$set" != speed ] || {
        pinned=(taskset -c "$(taskset -pc $$ | grep -o '[0-9]*$')")
        clock=(exact_clock)
    }
    say "set $set$([ "$skip" -eq 0 ] || echo ", behind $skip cases")"
    # A pattern with spaces does not pass a kernel's command line.
    TMPDIR=$work "${pinned[@]}" timeout -k 5 "${LAB_SECONDS:-1200}" "$kernel" mem=512M root=/dev/root rootfstype=hostfs rootflags=/ ro \
        init="$guest/init" quiet con=null con0=null,fd:1 ssl=null umid="ble-lab-$$-$set" panic=1 "${cameras[@]}" "${clock[@]}" \
        "lab.guest=$guest" "lab.target=$work" "lab.python=$python" "lab.set=$set" "lab.only=${only// /_}" "lab.skip=$skip" \
        </dev/null 2>&1 | sed -u 's/\r$//' || say "the guest ended with an error"
}

# What came of a set.
count() {
    local set=$1 log=$work/$1.log
    passed=$((passed + $(grep -c "^ok $set: " "$log" || true)))
    failed=$((failed + $(grep -c "^FAILED $set: " "$log" || true)))
    grep -q "^done $set$" "$log" || {
        say "set $set broke off"
        failed=$((failed + 1))
    }
}

main
