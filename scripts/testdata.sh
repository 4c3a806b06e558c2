#!/usr/bin/env bash
# The generated files of testdata/. scripts/testdata.sh write: makes them anew in place.
# scripts/testdata.sh check: makes them elsewhere and compares every byte.
. "$(dirname "$0")/lib.sh"

generate() { cargo run --quiet --locked -p verifier-tests --bin generate-testdata -- "$1"; }

case ${1:-} in
write)
    generate testdata
    ;;
check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    generate "$fresh"
    [ -n "$(ls -A "$fresh")" ] || die "the generator wrote nothing"
    diff -r --brief testdata "$fresh" >&2 ||
        die "testdata/ is not what its generator makes; if the change is meant, run: make testdata"
    echo "testdata: $(find testdata -type f | wc -l) files, byte for byte as generated"
    ;;
*)
    die "usage: scripts/testdata.sh write|check"
    ;;
esac
