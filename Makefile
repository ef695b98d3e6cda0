# Two commands do everything on a fresh machine: `make quickstart` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: quickstart test wheel int8 torture check fix install clean

quickstart: $(INSTALLED)
	$(BIN)/xlreach run quickstart

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope

# The wheel, installed in a fresh environment outside the repository, runs the quickstart by itself.
wheel: $(INSTALLED)
	.ci/wheel $(BIN)/python

# The libraries of the extra `openvino` want an older transformers: they lie in a folder of their own, before the others.
INT8 := build/int8

int8: $(INT8)/.installed
	PYTHONPATH=$(INT8) $(BIN)/python -c 'import optimum.intel.openvino'
	PYTHONPATH=$(INT8) $(BIN)/python -m pytest -n 0 tests/retrieval/test_int8.py

$(INT8)/.installed: $(INSTALLED) constraints-int8.txt
	rm -rf $(INT8)
	$(BIN)/pip install --quiet --no-compile --no-deps --target $(INT8) --requirement constraints-int8.txt
	touch $@

# Kills, full disks, bad input: half an hour with these numbers. `make torture KILLS=2 CASES=1000` is a few minutes;
# with MINUTES, nothing new is begun after so many.
KILLS ?= 50
CASES ?= 100000
JOBS ?= 1
MINUTES ?= 0

torture: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python tests/torture --kills $(KILLS) --cases $(CASES) --jobs $(JOBS) --minutes $(MINUTES)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(INSTALLED)

# Python compiles what is imported, when it first is; compiling all of it would take half of the installation.
$(INSTALLED): pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info
