# Needs only python3 (3.11 or later) and make. `make` alone tests and lints.
PYTHON ?= python3
BIN := .venv/bin
PIN := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url

.PHONY: check setup demo test test-all lint docs pages bench accuracy kills blind lock clean

check: test lint docs          ## what CI runs

setup: .venv/ready             ## a virtual environment with the pinned, hash-checked packages

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	touch .venv/ready

demo: setup                    ## audit the demo bill, which has errors planted in it
	$(BIN)/curecon audit fixtures/demo --contract fixtures/demo/contract.toml \
	  --ledger out/demo.duckdb --out out/demo --fail-on never

test: setup                    ## the tests, of the slow ones a share
	$(BIN)/python -m pytest -n auto

test-all: setup                ## every test; takes half an hour on two cores
	CURECON_EVERY_TEST=1 $(BIN)/python -m pytest -n auto

lint: setup                    ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: setup                    ## pages are up to date, their commands run, their links lead somewhere
	$(BIN)/python -m pytest -n 0 tests/test_docs.py

pages: setup                   ## write the generated blocks of the pages anew
	$(BIN)/python docs/generate.py

# make bench BENCH=--large   also 100 million lines, and 10 million of csv.gz
bench: setup bench/.venv/ready ## the performance bar and how time grows; writes docs/performance.md
	$(BIN)/python bench/run.py --page $(BENCH)

bench/.venv/ready: bench/requirements.lock
	$(PYTHON) -m venv bench/.venv
	bench/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r bench/requirements.lock
	touch bench/.venv/ready

accuracy: setup                ## precision and recall over simulated bills with planted errors
	$(BIN)/python bench/accuracy.py
	$(BIN)/python bench/anomalies.py
	$(BIN)/python bench/forecasts.py

# make kills KILLS=4000 SEED=b    as many kills, at other moments
kills: setup                   ## kill every command that writes, at random moments, in a long loop
	CURECON_KILLS=$(or $(KILLS),400) CURECON_KILLS_SEED=$(SEED) $(BIN)/python -m pytest -n 0 tests/test_crash.py

blind: setup                   ## the same over bills of a generator that knows nothing of curecon
	$(BIN)/python -m bench.blind --seed $(or $(SEED),1)

lock:                          ## pin the packages anew (needs uv)
	$(PIN) --upgrade --extra dev -o requirements.lock pyproject.toml
	$(PIN) --no-annotate -c requirements.lock -o deploy/runtime.lock pyproject.toml
	echo hatchling | $(PIN) --no-annotate -c requirements.lock -o deploy/build.lock -
	$(PIN) --upgrade -o bench/requirements.lock bench/requirements.in

clean:
	rm -rf .venv out bench/data
