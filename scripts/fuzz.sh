#!/usr/bin/env bash
# Runs every fuzz target for a while: scripts/fuzz.sh [SECONDS, 60 unless told]. Starts from the files of
# testdata/; keeps what it learns in fuzz/corpus/. Exit status 3 where there is no nightly toolchain.
. "$(dirname "$0")/lib.sh"

length=${1:-60}
[[ $length =~ ^[1-9][0-9]*$ ]] || die "SECONDS must be a whole number of 1 or more"
largest_seed=65536 # bytes; larger inputs make the fuzzer slow without teaching it much

nightly=$(rustup toolchain list 2>/dev/null | sed -n 's/^\(nightly[^ ]*\).*/\1/p' | head -n 1 || true)
if [ -z "$nightly" ]; then
    say "fuzzing: not run, there is no nightly toolchain (rustup toolchain install nightly --profile minimal)"
    exit 3
fi
need_cxx_compiler
need_cargo_tool fuzz 0.13.2

seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
while IFS= read -r -d '' file; do
    cp "$file" "$seeds/$(sha256sum "$file" | cut -c 1-40)"
done < <(find testdata -type f -size "-$((largest_seed / 1024 + 1))k" -print0)
[ -n "$(ls -A "$seeds")" ] || die "testdata/ holds no file to start from"

targets=$(rustup run "$nightly" cargo fuzz list)
[ -n "$targets" ] || die "fuzz/ has no target"
rustup run "$nightly" cargo fuzz build
failures=()
for target in $targets; do
    printf '\n== %s, %s s\n' "$target" "$length"
    mkdir -p "fuzz/corpus/$target"
    rustup run "$nightly" cargo fuzz run "$target" "fuzz/corpus/$target" "$seeds" -- \
        -max_total_time="$length" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 ||
        failures+=("$target")
done
[ "${#failures[@]}" -eq 0 ] || die "fuzzing found faults in: ${failures[*]} (inputs in fuzz/artifacts/)"
echo
echo "fuzzing: $(wc -w <<<"$targets") targets, $length s each, no fault found"
