# Durar's everyday commands; `make help` lists them. Each one first brings .venv up to date.
BIN := .venv/bin
export PYTHON
# Some machines forbid Python to keep what it compiled. Then each process compiles all packages anew, which takes longer
# than all else that a start does.
unexport PYTHONDONTWRITEBYTECODE
# Arguments for pytest, as `make test TESTS="tests/rules -k mention"`.
TESTS ?=
# Options of `up`, as `make run UP="--sandbox --port 8000"`.
UP ?= --sandbox
JOBS ?= auto

.DEFAULT_GOAL := help
.PHONY: help environment run test lint format drill bench screenshots lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

environment:
	@tools/environment.sh

run: environment ## everything on one machine: panel on http://127.0.0.1:18789, sandbox on 18790
	@exec $(BIN)/Durar up $(UP)

test: environment ## the whole test suite
	@$(BIN)/pytest -q --numprocesses=$(JOBS) $(TESTS)

lint: environment ## style, types, import contracts, migrations, system checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mattermost_bridge durar_site
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check

format: environment ## put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

drill: environment ## faults on a running stack, and what became of every message
	@$(BIN)/python tools/drill.py $(DRILL)

bench: environment ## Durar beside a bare bot as ratios; page times of a panel with a million events
	@$(BIN)/python tools/bench.py $(BENCH)
	@$(BIN)/python tools/bench_pages.py $(BENCH_PAGES)

screenshots: environment ## the panel's pages as pictures in screenshots/: wide and narrow, light and dark
	@$(BIN)/python tools/screenshots.py $(SCREENSHOTS)

lock: environment ## compile requirements.in into requirements.txt, pinned with hashes
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt

clean: ## remove .venv and caches; the state directory stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
