# `make demo` and `make test` do all the set-up themselves. Everything else is for development.
# The scripts find what they build through cargo: CARGO_TARGET_DIR may be set anywhere.

SETUP := scripts/setup.sh
SECONDS := 60

.PHONY: help demo test test-ble test-nfc fmt fmt-check clippy doc deny fuzz bench mutants contract testdata check-testdata package test-package

help: ## What can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: ## A simulated phone answers the reader: a whole transaction (ONCE=1, FAULT=tampered)
	@ONCE='$(ONCE)' FAULT='$(FAULT)' $(SETUP) scripts/demo.sh

test: ## All tests; ends with "N passed, N failed"
	@scripts/test.sh

test-ble: ## The programs on a real Bluetooth stack without a radio; ends with "ble-lab: N passed, M failed"
	@tests/ble-lab/run.sh '$(ONLY)'

test-nfc: ## The programs over PC/SC with a virtual NFC reader; ends with "nfc-lab: N passed, M failed"
	@tests/nfc-lab/run.sh '$(ONLY)'

package: ## The Debian package of the counter
	@scripts/package.sh

test-package: ## Installs, upgrades and purges the package in a root of its own; ends with "package: N passed, M failed"
	@scripts/package-test.sh

fmt: ## Formats the code
	@scripts/format.sh

fmt-check: ## Says what is not formatted
	@scripts/format.sh --check

clippy: ## Lints; a warning is an error
	@scripts/clippy.sh

doc: ## API documentation; a warning is an error
	@RUSTDOCFLAGS='$(RUSTDOCFLAGS) -D warnings' $(SETUP) cargo doc --workspace --no-deps --locked

deny: ## Licences, bans and sources of the dependencies
	@scripts/deny.sh

fuzz: ## Every fuzz target for SECONDS each (60 unless told)
	@scripts/fuzz.sh '$(SECONDS)'

bench: ## Speed and memory; a table, and bench.json in cargo's target directory
	@scripts/bench.sh

mutants: ## Mutation testing of the judge (ARGS go to cargo-mutants)
	@scripts/mutants.sh $(ARGS)

contract: ## Schemathesis against the running service (ARGS go to it)
	@scripts/contract.sh $(ARGS)

testdata: ## Makes testdata/ anew
	@scripts/testdata.sh write

check-testdata: ## Compares testdata/ with what its generator makes
	@scripts/testdata.sh check
