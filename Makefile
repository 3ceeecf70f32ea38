# The two commands: `make run` and `make test`. Each sets up what it needs on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SEEDS ?= 500
EXAMPLES ?= 10000
HOURS ?= 0.3
ENTRIES ?= 1000
MINUTES ?= 60

.PHONY: setup run test check leakcheck kill sim bench clean lock help parity faults protection exactness stream-law soak weight

help:
	@echo "make run     the bot trading on the built-in exchange: no keys, no network (ARGS='--seconds 60' passes options)"
	@echo "make test    the tests"
	@echo "make check   formatting, lint, types, import layers"
	@echo "make leakcheck  canary secrets through every command and a run with faults: 0 hits (two minutes)"
	@echo "make faults  every fault of docs/reliability.md played and timed, and 1 000 unknown outcomes (under ten minutes)"
	@echo "make protection  the time until an entry is covered, over 1 000 entries with faults (ENTRIES=1000, SEED=1; ten minutes)"
	@echo "make kill       kill -9: 200 random deaths and ten at each of twelve points (half an hour)"
	@echo "make exactness  10 000 random schedules of prices, faults and deaths: one crossing, one close (EXAMPLES=10000; minutes)"
	@echo "make stream-law  10 000 stories of prints, bursts, stalls, reorderings and cuts over the stream, the inbox and the core: no extreme lost, none invented, one exit for one crossing (EXAMPLES=10000; a quarter of an hour)"
	@echo "make weight  what twenty streamed and polled coins weigh on REST, by the exchange's count (five minutes)"
	@echo "make soak    5 000 frames a second for an hour: memory, threads, latency, collector; then 20 000, then a burst slept through (MINUTES=60)"
	@echo "make sim     the bot in random markets, seed after seed, judged on the exchange's side (SEEDS=500, HOURS=0.3, SEED=17 for one)"
	@echo "make parity  backtest, simulation and the bot itself on recorded crashes: the same trades, every difference proved (a quarter of an hour)"
	@echo "make bench   the benchmarks: ratios measured side by side"
	@echo "make lock    resolve requirements.lock and requirements-dev.lock anew"
	@echo "make clean   remove what these commands made (never data/ or logs/)"

setup: $(VENV)/.run

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Tidegate needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.12 …" % v)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock | $(VENV)/bin/python
	@echo "setting up $(VENV): about a minute, once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	@echo "setting up $(VENV) for the tests: about a minute, once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.run

run: $(VENV)/.run
	$(BIN)/python bot.py $(ARGS)

test: $(VENV)/.dev
	@.ci/services
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

leakcheck: $(VENV)/.dev
	LEAKCHECK=1 $(BIN)/python -m pytest tests/e2e/test_leaks.py --timeout=600 $(ARGS)

faults: $(VENV)/.dev
	FAULTS=all $(BIN)/python -m pytest tests/faults --timeout=900 -n 6 $(ARGS)

protection: $(VENV)/.dev
	ENTRIES=$(ENTRIES) $(if $(SEED),SEED=$(SEED)) $(BIN)/python -m pytest tests/faults/test_protection.py --timeout=3600 $(ARGS)

kill: $(VENV)/.dev
	KILLS=all $(BIN)/python -m pytest tests/kill --timeout=1800 -n 2 $(ARGS)

exactness: $(VENV)/.dev
	EXACTNESS=$(EXAMPLES) $(BIN)/python -m pytest tests/core/test_stop_exactness.py --hypothesis-profile=default --timeout=3600 $(ARGS)

stream-law: $(VENV)/.dev
	STREAM_LAW=$(EXAMPLES) $(BIN)/python -m pytest tests/hyperliquid/test_stream_law.py tests/stream/test_exit_law.py tests/stream/test_frames_of_mainnet.py --hypothesis-profile=default --timeout=3600 $(ARGS)

weight: $(VENV)/.dev
	WEIGHT=1 $(BIN)/python -m pytest tests/e2e/test_rest_weight.py --timeout=600 $(ARGS)

soak: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

sim: $(VENV)/.dev
	SIMULATED_HOURS=$(HOURS) SEEDS=$(SEEDS) $(if $(SEED),SEED=$(SEED)) $(BIN)/python -m pytest tests/research/test_laws_in_random_markets.py -k seed_after --timeout=3600 -n 2 $(ARGS)

parity: $(VENV)/.dev
	PARITY=all $(BIN)/python -m pytest tests/parity --timeout=1800 -n 2 $(ARGS)

bench: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python benchmarks/startup.py
	PYTHONPATH=. $(BIN)/python benchmarks/tick_to_order.py
	PYTHONPATH=. $(BIN)/python benchmarks/burst.py
	PYTHONPATH=. $(BIN)/python benchmarks/stream.py
	PYTHONPATH=. $(BIN)/python benchmarks/pauses.py

lock: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements.txt -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements.txt --group dev -o requirements-dev.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
