# Two commands on a fresh machine: `make demo` and `make test`. They need Python >= 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin

# What an installation is made from: it is renewed when one of these changes.
BUILD := pyproject.toml hatch_build.py $(wildcard src/gmmkit/kernels/native/*.?pp)
# pip is quiet: whether there is a compiled kernel is said here.
NOTICE := $(BIN)/python -c 'import gmmkit.configuration as found; print(found.described(found.configuration())[-1])'

.PHONY: demo test test-native test-numpy lint bench clean

demo: .venv/demo
	$(BIN)/gmmkit demo

# On all cores: one after the other the tests take twenty-five minutes.
test: lint
	$(BIN)/python -m pytest -n auto

# The kernels' tests with address and undefined-behaviour sanitizers, in every instruction set of this processor: needs
# GCC on Linux, and some ten minutes. TESTS="tests/kernels/test_dense.py" runs those.
test-native: .venv/test
	$(BIN)/python tests/sanitized.py $(TESTS)

# The laws again, of the NumPy engine: what a machine without a compiler has. Two minutes.
test-numpy: .venv/test
	GMMKIT_NATIVE=0 $(BIN)/python -m pytest -n auto tests/laws tests/estimators/test_numerics_table.py

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
	@echo "installing gmmkit, its compiled kernel among it: this takes some minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@$(NOTICE)
	@touch $@

.venv/test: .venv/bin/python $(BUILD)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@$(NOTICE)
	@touch $@ .venv/demo

clean:
	rm -rf .venv build dist report.html *.gmm
