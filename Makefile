# Two commands on a fresh machine: `make demo` and `make test`. They need Python >= 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin

# What an installation is made from: it is renewed when one of these changes.
BUILD := pyproject.toml hatch_build.py $(wildcard src/gmmkit/kernels/native/*.?pp)

.PHONY: demo test lint bench clean

demo: .venv/demo
	$(BIN)/gmmkit demo

test: lint
	$(BIN)/python -m pytest

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/test
	$(BIN)/python -m benchmarks

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gmmkit needs Python 3.11 or newer; this is %s. Set PYTHON=..." % sys.version.split()[0])'
	$(PYTHON) -m venv .venv || { $(PYTHON) -m pip install --user virtualenv && $(PYTHON) -m virtualenv --clear .venv; }

.venv/demo: .venv/bin/python $(BUILD)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@

.venv/test: .venv/bin/python $(BUILD)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ .venv/demo

clean:
	rm -rf .venv build dist report.html *.gmm
