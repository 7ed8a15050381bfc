# `make demo` and `make test` set up all they need: Python 3.11 or newer, git and make are enough.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

# A name on PATH may be a shim that fails, or a Python without `venv`: each candidate is tried, not just looked up.
CANDIDATES := python3.13 python3.12 python3.11 python3 python
PROBE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in $(CANDIDATES); do \
	"$$name" -c '$(PROBE)' >/dev/null 2>&1 && { echo "$$name"; break; }; done)

# The type checker would otherwise ask an index whether it is the newest.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-real simulate simulate-landing stress branches faults bench check lint types contracts coverage format constraints clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: $(VENV)/.package ## watch three tasks go from file to landed change, offline
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/coworkd demo

test: $(VENV)/.package ## run all tests
	$(BIN)/python -m pytest -n 4 --dist worksteal

REAL := .real-agents
PROGRAMS := @anthropic-ai/claude-code@2.1.197 @google/gemini-cli@0.61.0 @openai/codex@0.171.0

test-real: $(VENV)/.package ## run real agent programs from npm against a local model server
	@for program in $(PROGRAMS); do \
		npm install --prefix $(REAL) --no-audit --no-fund --silent "$$program" >/dev/null 2>&1 || \
		echo "not installed: $$program; its tests are left out"; done
	REAL_AGENTS="$(CURDIR)/$(REAL)/node_modules/.bin" $(BIN)/python -m pytest -n 2 -rs tests/real

SEEDS ?= 20000

simulate: $(VENV)/.package ## many simulated histories of sync, on every core (SEEDS=20000)
	$(BIN)/coworkd simulate --seeds $(SEEDS)

HISTORIES ?= 500

simulate-landing: $(VENV)/.package ## many histories of a person who moves branches while tasks land (HISTORIES=500)
	COWORK_LANDING_HISTORIES=$(HISTORIES) $(BIN)/python -m pytest -n 4 --dist worksteal tests/integration/landing

STRESS ?= --agents 20 --tasks 60 --minutes 10

stress: $(VENV)/.package ## many agents and faults in a throw-away repository (STRESS="--full")
	$(BIN)/coworkd stress $(STRESS)

branches: $(VENV)/.package ## fifty changes at once on a large repository, of which five collide
	BRANCHES=50 $(BIN)/python -m pytest -p no:xdist tests/acceptance/landing/test_many_branches.py

faults: $(VENV)/.package ## kill the process or fail the call at every system call of a write; a burst of 20,000 files (needs strace)
	FAULTS=all $(BIN)/python -m pytest -n 4 --dist worksteal tests/faults tests/acceptance/files/test_burst.py

bench: $(VENV)/.package ## measure against plain code and other programs, and write the table (about 10 minutes)
	$(BIN)/python -m benchmarks --write

guards: $(VENV)/.package ## remove each guard of the sync engine and of landing in turn, and check that tests fail
	$(BIN)/python -m tests.faults.guards

check: lint types contracts test ## all that must pass before a change is submitted

lint: $(VENV)/.package ## style, likely bugs, and the numbers of the structure
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python tools/check_structure.py

types: $(VENV)/.package ## static types, strict in the package
	$(BIN)/pyright --project pyproject.toml --warnings --pythonpath $(BIN)/python

contracts: $(VENV)/.package ## layers of the packages and gateways of the libraries
	$(BIN)/lint-imports --no-logo

coverage: $(VENV)/.package ## run all tests and list the lines that no test reached
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

format: $(VENV)/.package ## format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints: ## pin every dependency again (needs uv)
	printf '%s\n' "# Every dependency, pinned by hash for Python 3.11 to 3.13. Written by 'make constraints'." > constraints.new
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml >> constraints.new
	mv constraints.new constraints.txt

clean: ## remove what the other targets made
	rm -rf $(VENV) $(REAL) build dist *.egg-info .coverage .coverage.* .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# pip is silent for a minute, or says far too much: how far it has come is looked up every few seconds, and what it said is
# shown only when it fails. The background job must not outlive an interrupted make.
define INSTALL
log=$(VENV)/install.log; \
{ $(PIP) install --progress-bar off --require-hashes -r constraints.txt >$$log 2>&1; echo $$? >$$log.code; } & \
trap 'kill '$$!'; exit 1' INT TERM HUP; seen=; \
while sleep 2; [ ! -s $$log.code ]; do \
	found=$$(grep -c '^Collecting' $$log); there=$$(ls -d $(VENV)/lib/python3*/site-packages/*.dist-info | wc -l); \
	[ $$there -gt 2 ] && now="    $$there installed" || now="    $$found found and downloaded"; \
	[ "$$now" = "$$seen" ] || echo "$$now"; seen=$$now; \
done; \
code=$$(cat $$log.code); [ "$$code" = 0 ] || tail -n 30 $$log >&2; exit $$code
endef

# Two stamps: new pins mean a fresh environment, so that nothing unpinned lingers; new metadata means a quick reinstall.
$(VENV)/.dependencies: constraints.txt
	@test -n "$(PYTHON)" || { echo "coworkd needs Python 3.11 or newer with its venv module (Debian: apt-get install" \
		"python3-venv). Name one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c '$(PROBE)' || { echo "$(PYTHON) is not a Python 3.11 or newer with its venv module" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON): once, about a minute."
	@echo "1/3 an empty environment"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@echo "2/3 about $$(grep -c == constraints.txt) packages, each pinned by its hash"
	@$(INSTALL)
	@touch $@

$(VENV)/.package: $(VENV)/.dependencies pyproject.toml
	@echo "3/3 coworkd itself"
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@
