PYTHON ?= /usr/bin/env python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.installed

KILLS ?= 100

.PHONY: help setup demo test chaos check lint types docs bench bench-samplers bench-policies fix clean

help:
	@echo "make setup   virtual environment in $(VENV) with the project and everything it is developed with"
	@echo "make demo    a sweep of 20 LightGBM trials on the iris data"
	@echo "make check   lint, types and links of the documentation"
	@echo "make test    every test"
	@echo "make chaos   sweeps whose coordinator is killed $(KILLS) times, ten minutes; SEED=... and KILLS=... as you like"
	@echo "make bench   the benchmarks, about ten minutes, into benchmarks/results"
	@echo "make bench-samplers   the benchmarks of samplers, 1-2 hours; goes on where it was stopped"
	@echo "make bench-policies   the benchmark of early termination, 12 minutes"
	@echo "make fix     format, and repair what the linter can"
	@echo "make clean   remove the environment, caches and what sweeps of the examples wrote"

setup: $(STAMP)

$(STAMP): pyproject.toml
	@echo "Installing into $(VENV); this takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --editable '.[dev,examples]'
	@$(BIN)/python -c 'import lightgbm' || { echo "LightGBM needs the OpenMP runtime: apt-get install libgomp1 (Debian), brew install libomp (macOS)." >&2; exit 1; }
	@touch $@

demo: setup
	cd examples/lightgbm_iris && $(BIN)/python train.py --multirun +experiment=sweep
	@echo "(mlflow is in $(BIN); \`. $(VENV)/bin/activate\` puts it on your PATH)"

test: setup
	$(BIN)/python -m pytest

chaos: setup
	@seed=$${SEED:-$$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}; echo "make chaos SEED=$$seed KILLS=$(KILLS)"; \
	AZSWEEP_CHAOS_SEED=$$seed AZSWEEP_CHAOS_KILLS=$(KILLS) \
		$(BIN)/python -m pytest tests/chaos -v --durations=0 -o faulthandler_timeout=3600

check: lint types docs

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup
	$(BIN)/mypy

docs: setup
	$(BIN)/python -m pytest -q tests/docs

bench: setup
	@mkdir -p benchmarks/results
	@for name in plugin_import cli_start overhead utilisation growth replay live_metrics stop_latency command_trials console \
		report report_page; do \
		$(BIN)/python benchmarks/$$name.py > benchmarks/results/$$name.tmp || exit 1; \
		mv benchmarks/results/$$name.tmp benchmarks/results/$$name.md; \
		cat benchmarks/results/$$name.md; \
	done

bench-samplers: setup
	@for name in sampler_cost sampler_quality; do \
		$(BIN)/python benchmarks/$$name.py > benchmarks/results/$$name.tmp || exit 1; \
		mv benchmarks/results/$$name.tmp benchmarks/results/$$name.md; \
		cat benchmarks/results/$$name.md; \
	done

bench-policies: setup
	$(BIN)/python benchmarks/early_termination.py > benchmarks/results/early_termination.tmp
	@mv benchmarks/results/early_termination.tmp benchmarks/results/early_termination.md

fix: setup
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) benchmarks/.envs dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf examples/*/outputs examples/*/multirun examples/*/mlruns examples/*/mlartifacts examples/*/mlflow.db
