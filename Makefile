# make demo        set up, train on drawn pictures, evaluate, show where the model looks (5 minutes)
# make test        set up and run the tests
# make test-peers  set up and run the tests with PyTorch, serving clients, a C++ compiler and a browser
# make check       lint, format and types, as CI and the pre-commit hooks run them

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# setuptools warns of every editable install from a folder that holds the package.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet
# Two processes, each with whole files: what a file's tests share is made once.
PARALLEL := --numprocesses 2 --dist loadfile
DEMO := saved_models/demo-tiny-mixed-seed0

.PHONY: demo test test-peers browser check clean

demo: $(VENV)/.installed
	$(BIN)/python train.py --dataset demo --overwrite
	$(BIN)/python evaluate.py --model $(DEMO) --heatmaps 8
	@echo "look at $(DEMO)/heatmaps.png; serve $(DEMO)"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not peers" $(PARALLEL)

test-peers: $(VENV)/.installed-peers browser
	$(BIN)/python -m pytest -m peers $(PARALLEL)

# Where it can't be installed, the tests that need it are skipped and say so.
browser:
	@for name in chromium chromium-browser google-chrome; do \
		command -v $$name >/dev/null && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update --quiet=2; \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 \
			--no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	fi || true; \
	command -v chromium >/dev/null || echo "no Chromium: the tests of pages will be skipped"

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fgmix needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	touch $@

$(VENV)/.installed-peers: $(VENV)/.installed-dev
	$(PIP) --editable '.[peers]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
