# One file starts everything: Python 3.11 or newer with venv is all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
LOCKS := requirements/bootstrap.txt requirements/dev.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-whole check format bench bench-memory bench-cost bench-budgets bench-fan-out soak
.PHONY: lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## Make .venv with everything, hash-checked

$(STAMP): $(LOCKS) pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) sh tools/setup.sh $(VENV)
	@touch $@

demo: $(STAMP)  ## Deploy the dev stack on this machine, crash an agent, watch it finish
	@$(BIN)/python tools/demo.py

test: $(STAMP)  ## Run the tests; of the largest matrices, samples
	@$(BIN)/python -m pytest -n auto

test-whole: $(STAMP)  ## Run every test and every point of the matrices: over an hour
	@$(BIN)/python -m pytest -n auto -m "whole or not whole" tests \
		tests/kernel/kernelspace/memory/matrices/whole_kills.py

check: $(STAMP)  ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP)  ## Rewrite the code as check wants it
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: bench-memory bench-cost bench-budgets bench-fan-out  ## Measure everything that has a benchmark

# ARGS=--quick for half a minute; benchmarks/memory/__init__.py has the rest.
bench-memory: $(STAMP)  ## Measure checkpoints, side by side with LangGraph's savers
	@$(BIN)/python -m benchmarks.memory $(ARGS)

bench-budgets: $(STAMP)  ## Ask models in parallel against limits; count what that costs
	@$(BIN)/python -m benchmarks.budgets $(ARGS)

bench-cost: $(STAMP)  ## Count and price every AWS call of a run
	@$(BIN)/python -m benchmarks.cost $(ARGS)

bench-fan-out: $(STAMP)  ## Count the calls and bytes of a task, for 1 to 10,000 tasks
	@$(BIN)/python -m benchmarks.fan_out $(ARGS)

soak: $(STAMP)  ## Run 8,000 slices through the deployed state machine: 24 minutes
	@$(BIN)/python -m benchmarks.soak $(ARGS)

lock: $(STAMP)  ## Compile the hash-pinned requirements anew
	@sh tools/lock.sh $(BIN)/uv

clean:  ## Remove what the project made here
	rm -rf $(VENV) .build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
