SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test soak fuzz coverage mutants check format bench docs wheel pins clean

BIN := .venv/bin
# The protobuf source and the build back end: on the path of builds only, never in .venv
# (hatch_build.py says why).
BUILD_TOOLS := .build/tools
BUILD := PYTHONPATH="$(CURDIR)/$(BUILD_TOOLS)" $(BIN)/python -m pip --disable-pip-version-check -q
PIP := $(BIN)/python -m pip --disable-pip-version-check -q install --require-hashes --no-deps
COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make pins"

# The rooms without I/O (pyproject.toml, "Pure rooms do no I/O"): every branch of them is tested.
PURE := smi/errors.py,smi/problems.py,smi/fields.py,smi/lists.py,smi/scheme.py,smi/crds.py,smi/k8s/*,smi/access/*,smi/specs/*,smi/split/*,smi/metrics/*,smi/model/*,smi/compiler/*,$\
smi/client/calls.py,smi/client/failures.py,smi/client/objects.py,smi/client/status.py,smi/client/timeouts.py,smi/client/watching.py,$\
smi/decision/*,smi/sources/documents.py,smi/sources/manifests.py,smi/sources/conversion.py,smi/standalone/plan.py,$\
smi/standalone/templates.py,smi/standalone/addressing.py,smi/standalone/environment.py,smi/standalone/rollout.py,smi/standalone/tally.py,smi/standalone/view.py,$\
smi/standalone/acceptance.py,smi/webhook/conversion.py,backends/smi_envoy/translate/*,backends/smi_envoy/bootstrap.py,$\
backends/smi_envoy/queries.py,backends/smi_envoy/xds/subscription.py,backends/smi_envoy/xds/stream.py,$\
backends/smi_envoy/xds/snapshot.py,backends/smi_envoy/xds/resources.py,backends/smi_envoy/xds/session.py,$\
backends/smi_envoy/xds/state.py,backends/smi_envoy/xds/turn.py,backends/smi_envoy/xds/wire.py,$\
backends/smi_envoy/ca/rollover.py,backends/smi_envoy/ca/rotation.py,backends/smi_envoy/ca/spiffe.py

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: .venv/project ## a small shop in a mesh on this machine; DEMO_ARGS="--duration 15"
	@$(BIN)/smi run -f examples/shop $(DEMO_ARGS)

test: .venv/project ## the whole test suite; TEST_ARGS="-k split"
	@$(BIN)/pytest $(TEST_ARGS)

soak: .venv/project ## the differential test at length; SOAK_ARGS="--requests 50000 --seed 7"
	@$(BIN)/python -m tests.soak $(SOAK_ARGS)

fuzz: .venv/project ## anything through decode and convert, at length; FUZZ_ARGS="--inputs 20000 --seed 7"
	@$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

coverage: .venv/project ## the suite without real Envoys; every branch of the pure rooms
	@$(BIN)/pytest -q tests/unit tests/property tests/golden --cov --cov-report=
	@$(BIN)/coverage report --include="$(PURE)" --skip-covered --fail-under=100

mutants: .venv/project ## break the product on purpose: who notices? MUTANTS_ARGS="-k port"
	@$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

check: .venv/project ## format, lint, import contracts, types
	@echo "· format"
	@$(BIN)/ruff format --check --quiet
	@echo "· lint"
	@$(BIN)/ruff check --quiet
	@echo "· words about the past and the plan"
	@! git grep -nwiE 'currently|for now|legacy|todo|fixme' -- smi backends
	@echo "· import contracts"
	@$(BIN)/lint-imports
	@echo "· types"
	@$(BIN)/mypy

format: .venv/project ## put the source in order
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: .venv/project ## measure; BENCH_ARGS=--smoke
	@$(BIN)/python tests/benchmarks $(BENCH_ARGS)

docs: .venv/project ## the reference of the public rooms, in build/docs
	@$(BIN)/python docs/reference.py build/docs

wheel: .venv/project ## build dist/*.whl
	@echo "· building the wheel"
	@rm -rf dist
	@$(BUILD) wheel --no-deps --no-build-isolation --wheel-dir dist .

pins: .venv/project ## resolve constraints*.txt anew
	@$(COMPILE) --upgrade --all-extras --group dev pyproject.toml -o constraints.txt >/dev/null
	@$(BIN)/python -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
		| $(COMPILE) --upgrade --no-emit-package grpcio - -o constraints-build.txt >/dev/null

clean: ## remove everything that was made here
	rm -rf .venv .build build dist backends/smi_envoy/pb/{envoy,google,xds,descriptors.binpb}
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find smi backends tests -name __pycache__ -prune -exec rm -rf {} +

setup: .venv/project ## .venv with everything, the project editable

.venv/bin/python:
	@echo "· creating .venv"
	@for python in $$(type -aP python3.11 python3); do \
		if "$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then exec "$$python" -m venv .venv; fi; \
	done; \
	echo "no Python >= 3.11 with its venv module on PATH" >&2; exit 1

.venv/dependencies: constraints.txt | .venv/bin/python
	@echo "· installing the pinned dependencies"
	@$(PIP) -r constraints.txt
	@touch $@

$(BUILD_TOOLS)/done: constraints-build.txt | .venv/bin/python
	@echo "· fetching the build tools"
	@rm -rf $(BUILD_TOOLS)
	@$(PIP) --target $(BUILD_TOOLS) -r constraints-build.txt
	@touch $@

.venv/project: pyproject.toml hatch_build.py .venv/dependencies $(BUILD_TOOLS)/done
	@echo "· generating the protobuf modules and installing the project"
	@$(BUILD) install --no-deps --no-build-isolation --editable .
	@touch $@
