#!/usr/bin/env bash
# Prepares this machine, then runs the command that it is given: scripts/setup.sh [COMMAND…]
. "$(dirname "$0")/lib.sh"
[ "$#" -eq 0 ] || exec "$@"
say "ready: $(rustc --version), $(cc --version | head -n 1)"
