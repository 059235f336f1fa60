# The two commands: `make run` shows the main job working, `make test` runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: venv run test test-protocol test-console test-others test-fast soak lint format bench fuzz docs clean

venv: $(STAMP)

$(STAMP): .ci/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r .ci/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: venv
	@$(BIN)/sluice demo $(ARGS)

# What was compiled is kept even where the environment says otherwise: else each process compiles all of it anew.
export PYTHONDONTWRITEBYTECODE :=

# Three at a time, each file in one process and the scenarios first, which mostly wait. PROCESSES=0: all in one.
PROCESSES ?= 3
AT_ONCE = --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

test: venv lint
	@$(MAKE) --no-print-directory --jobs 3 test-others test-console test-protocol

test-protocol: venv
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests/protocol -q
	$(BIN)/coverage report --include 'protocol/*' --fail-under 100

test-console: venv
	$(BIN)/python -m pytest tests/console -q

test-others: venv
	$(BIN)/python -m pytest tests --ignore tests/protocol --ignore tests/console --ignore tests/benchmarks --ignore tests/soak $(AT_ONCE)

# Its stores lie in memory where there are 2 GiB of it for files; those of `make test` lie on a disk.
IN_MEMORY = $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 2097152 ] 2>/dev/null && echo TMPDIR=/dev/shm)

test-fast: venv
	$(IN_MEMORY) $(BIN)/python -m pytest tests -m 'not scenario and not peer' --ignore tests/console --ignore tests/benchmarks --ignore tests/soak -q \
		$(AT_ONCE)

soak: venv  ## SOAK_MESSAGES, SOAK_KILLS, SOAK_MINUTES, SOAK_RATE, SOAK_SEED: docs/reliability.md; ARGS: docs/performance.md
	$(BIN)/python -m pytest tests/soak -q
	$(BIN)/sluice bench soak $(ARGS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Coverage-guided, with invariants: FUZZ_SECONDS or FUZZ_RUNS for each target, FUZZ_TARGETS for some of them.
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 0
fuzz: venv
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(FUZZ_SECONDS) --runs $(FUZZ_RUNS) $(FUZZ_TARGETS)

# About 2 hours; ROWS for some of it, and more in ARGS: docs/performance.md. Then the parts that are measured within one process.
bench: venv
	$(BIN)/sluice bench $(ROWS) $(ARGS)
	$(BIN)/python -m pytest tests/benchmarks -q -s

docs: venv
	$(BIN)/python -m gateway.cli.configuration_page > docs/configuration.md
	$(BIN)/python -m gateway.cli.problem_pages docs/problems

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
