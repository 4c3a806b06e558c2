#!/usr/bin/env bash
# Holds the running service to its OpenAPI description with schemathesis: no 5xx, no undocumented answer. Needs
# Python 3 with venv and the network once; arguments go to `schemathesis run`.
. "$(dirname "$0")/lib.sh"

need_rust
need_c_compiler
command -v python3 >/dev/null || need_packages python3 python3-venv
tools=$(target_dir)/contract
if ! [ -x "$tools/bin/schemathesis" ]; then
    python3 -m venv "$tools" || { need_packages python3-venv && python3 -m venv "$tools"; }
    "$tools/bin/pip" install --quiet schemathesis==4.32.5
fi
service=$(cargo build --locked --quiet -p verifier-api --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
work=$(mktemp -d)
# With a trust directory that holds nobody, and somebody who may change that.
mkdir -p "$work/trust/anchors"
admin=adm_$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
echo "$admin" >"$work/admin"
"$service" serve --listen 127.0.0.1:0 --log error --trust "$work/trust" --trust-state "$work/state" \
    --admin-key-file "$work/admin" >"$work/announcement" 2>"$work/log" &
child=$!
trap 'kill "$child" 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    [ ! -s "$work/announcement" ] || break
    sleep 0.1
done
address=$(sed -n 's/.*"listening":"\([^"]*\)".*/\1/p' "$work/announcement")
[ -n "$address" ] || die "the service does not start: $(cat "$work/log")"
# Which purposes there are, and what is CBOR inside a text, no description can say: a request that fits it may
# still be refused with a documented problem.
# In a folder of its own: it leaves notes where it runs.
cd "$work"
"$tools/bin/schemathesis" run "http://$address/openapi.json" --exclude-checks positive_data_acceptance \
    --header "Authorization: Bearer $admin" --generation-database none --max-examples 100 "$@"
kill -0 "$child" || die "the service did not live through it"
