# Every target first brings .venv up to date (tools/setup.sh), which costs nothing when it is.
# GNU make 3.81 (macOS) and POSIX sh suffice. One target at a time: they share 2 cores and the caches.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test check unit contract e2e golden fix lock clean

BIN = .venv/bin
SETUP = @PYTHON='$(PYTHON)' sh tools/setup.sh

help: ## show this list
	@sed -n 's/^\([a-z0-9]*\):.*## /  make \1	/p' Makefile
	@echo '  An interpreter of your own: make demo PYTHON=/path/to/python3.12'

setup: ## make .venv with the locked packages, or bring it up to date
	$(SETUP)

demo: setup ## train a tiny model on this CPU, offline, and write its report
	@$(BIN)/tuner-kit demo

test: check unit contract e2e ## everything that CI runs

check: setup ## format, lint, types and import contracts, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup ## the fast tests (unit, architecture, golden) with coverage
	$(BIN)/pytest -n auto --dist worksteal --cov --cov-report=term:skip-covered

contract: setup ## the tests that import the real SimpleTuner
	$(BIN)/pytest -m contract

e2e: setup ## the whole pipeline with the real trainer on a tiny model
	$(BIN)/pytest -m e2e

golden: setup ## rewrite the expected files in tests/golden; review them as a diff
	$(BIN)/pytest tests/golden --update-golden

fix: setup ## format, and repair what lint can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## write poetry.lock anew after a change in pyproject.toml
	$(SETUP) lock

clean: ## remove caches and leavings; .venv, runs and the demo stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage dist
	find tuner_kit tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
