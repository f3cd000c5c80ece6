# Every command of the project; `make` alone lists them. A fresh machine needs Python >= 3.11 and make, nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
CODE    = $(wildcard src tests tools bench)
# PYTHONPATH from outside would let other people's packages shadow the pinned ones.
unexport PYTHONPATH PYTHONHOME

.PHONY: help setup check test test-all demo bench sim mutants soak pins docs-check clean compiled \
        check-format check-lint check-types check-imports check-tidy

help: ## list the commands
	@echo "usage: make COMMAND"
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: compiled ## make .venv and install the hashed pins (PYTHON=python3.12 chooses the interpreter)
	@echo "ready: $(BIN)/quarterdeck --help"

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Quarterdeck needs Python 3.11 or newer; '$(PYTHON)' is missing or older. Try: make setup PYTHON=/path/to/python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "error: '$(PYTHON)' lacks venv or pip; install them (Debian, Ubuntu: apt install python3-venv) and try again" >&2; exit 2; }
	@echo "installing the pinned packages into $(VENV) ..."
	@$(PYTHON) -m venv $$(test "$$($(PYTHON) -V 2>&1)" = "$$($(BIN)/python -V 2>&1)" || echo --clear) $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Start-up is fast only from compiled files, and the environment may forbid Python to write them as it goes.
compiled: $(READY)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q src

check: $(READY) ## format, lint, types, import contracts, tidy rules: all report, any fails
	@$(MAKE) --no-print-directory --keep-going -j2 check-types check-lint check-format check-imports check-tidy

check-format: $(READY)
	@$(BIN)/ruff format --check $(CODE)

check-lint: $(READY)
	@$(BIN)/ruff check --quiet $(CODE)

check-types: $(READY)
	@$(BIN)/mypy $(CODE)

check-imports: $(READY)
	@$(BIN)/lint-imports --no-cache --no-logo

check-tidy: $(READY)
	@$(BIN)/python -m tools.tidy

test: compiled ## the fast tests, without network
	@$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

test-all: compiled ## every test, the slow ones and long property runs too
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest $(PYTEST_ARGS)

demo: compiled ## a bot on two paper venues in your terminal (DATA=FILE takes recorded candles, DEMO_ARGS="--cycles 5 --exit")
	@$(BIN)/quarterdeck demo $(if $(DATA),--data "$(DATA)") $(DEMO_ARGS)

bench: compiled ## measure speed and memory (BENCH_ARGS=...)
	@$(BIN)/python -m bench $(BENCH_ARGS)

sim: compiled ## seeded whole-system simulation with faults (SEED=n replays one; SEEDS=n tries that many)
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(SIM_ARGS)

mutants: compiled ## put every known bug in and find a seed that sees it (MUTANT=name; SEEDS=n tries that many, 1000)
	@$(BIN)/python -m tests.simulation --mutants $(if $(MUTANT),--mutant $(MUTANT)) $(if $(SEEDS),--seeds $(SEEDS))

soak: compiled ## seven simulated days in one process: memory, handles and queues may not grow
	@$(BIN)/python -m tests.simulation.soak

COMPILE = .venv-pins/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
          --custom-compile-command "make pins" --no-config $(PINS_ARGS)
pins: ## resolve the dependencies anew (needs network; PINS_ARGS=--upgrade raises them)
	@test -x .venv-pins/bin/uv || { $(PYTHON) -m venv .venv-pins && .venv-pins/bin/python -m pip install -q uv; }
	@$(COMPILE) --extra dev --extra research --output-file requirements/dev.txt
	@$(COMPILE) --constraints requirements/dev.txt --no-annotate --output-file requirements/core.txt
	@sed -n 's/ *\\$$//; /^[a-z0-9]/p' requirements/dev.txt > constraints.txt

docs-check: $(READY) ## the documents agree with the code they describe
	@$(BIN)/python -m pytest -q tests -k docs

clean: ## remove the environment and everything generated
	@rm -rf $(VENV) .venv-pins .demo .sim .bench build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
