#!/usr/bin/env bash
# Measures, prints a table, and leaves bench.json in cargo's target directory.
. "$(dirname "$0")/lib.sh"

report=$(target_dir)/bench.json
rm -f "$report"
cargo bench --locked -p verifier-tests "$@"
[ -s "$report" ] || die "the benchmarks wrote no bench.json"
echo "written: bench.json in cargo's target directory"
