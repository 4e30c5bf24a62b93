# One virtual environment, one lock. `make setup` needs Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.visavox-installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench study lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP)  ## create .venv with the locked packages and the visavox command

$(STAMP): pyproject.toml requirements/lock.txt requirements/bootstrap.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Visavox needs Python 3.11 or newer, {sys.executable} is {v.major}.{v.minor}; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode --require-hashes -r requirements/lock.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(STAMP)
	@echo "visavox is ready: $(BIN)/visavox doctor"

demo: setup  ## four assessments on people who do not exist; writes runs/demo
	$(BIN)/visavox demo --out runs/demo

test: setup  ## every test, the short forms of the simulations included
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: setup  ## lint, types, import law, dependency audit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python requirements/audit.py

bench: setup  ## how fast it is: one table of ratios, both sides measured in one run; minutes
	$(BIN)/python docs/bench/run.py

study: setup  ## the simulation studies behind the intervals and the gate; writes docs/studies/
	$(BIN)/python docs/studies/run.py
	$(BIN)/python docs/studies/swaps.py
	$(BIN)/python docs/studies/planner.py

lock: setup  ## resolve the locked sets again (needs the package index)
	# pesq is no part: it compiles
	$(BIN)/uv pip compile pyproject.toml --extra models --extra voices --extra synthetic-voices --extra labels --extra report --extra evidence --extra http --extra tracking --extra recipes --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --override requirements/overrides.txt -o requirements/lock.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --constraint requirements/lock.txt -o requirements/gate.txt
	# what builds visavox itself where requirements/gate.txt alone is installed
	echo 'hatchling>=1.27' | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --constraint requirements/lock.txt -o requirements/build.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
