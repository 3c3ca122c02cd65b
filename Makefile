# make demo        set up, train on drawn pictures, evaluate, show where the model looks (4 to 9 minutes)
# make test        set up and run the tests that are quick; they cover every module
# make test-all    set up and run all tests: with processes, kills and hosts, PyTorch, serving
#                  clients, a C++ compiler and a browser
# make check       lint, format and types, as CI and the pre-commit hooks run them
# make docs        build the site into docs/_build/html; every warning is an error
# make docs-serve  build it and show it on http://localhost:8000
# make notebooks   execute the tutorials and store their outputs
# make wheel       build the wheel and the source distribution in dist/
# make lock        write locks/ anew from requirements.txt and pyproject.toml: newest versions allowed
# make audit       look the locked versions up among known vulnerabilities

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# setuptools warns of every editable install from a folder that holds the package. pip compiles
# nothing, since all of it takes as long as the installation; IMPORTED compiles what is used.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-compile
# Everything is locked, the build's setuptools too, so nothing is fetched that has no hash.
LOCKED := $(PIP) --require-hashes --requirement
EDITABLE := $(PIP) --no-deps --no-build-isolation --editable .
IMPORTED := $(BIN)/python -c 'import tensorflow, matplotlib.pyplot, fgmix.workflows.train_and_evaluate'
COMPILE := $(VENV)-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command "make lock"
# Two processes, each with whole files, in the order of tests/conftest.py: what a file's tests share
# is made once.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder
DEMO := saved_models/demo-tiny-mixed-seed0

# Container images set it; without bytecode every start of TensorFlow takes three times as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all browser check wheel docs docs-serve notebooks lock audit clean

demo: $(VENV)/.installed
	$(BIN)/python train.py --dataset demo --overwrite
	$(BIN)/python evaluate.py --model $(DEMO) --heatmaps 8
	@echo "look at $(DEMO)/heatmaps.png; serve $(DEMO)"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not slow and not peers" $(PARALLEL)

# Apart, since peers bring libraries that are not loaded beside TensorFlow elsewhere.
test-all: $(VENV)/.installed-peers browser
	$(BIN)/python -m pytest -m "not peers" $(PARALLEL)
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

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo "docs/_build/html/index.html"

docs-serve: docs
	$(BIN)/python -m http.server --bind localhost --directory docs/_build/html 8000

notebooks: $(VENV)/.installed-docs
	$(BIN)/python docs/_ext/execute_notebooks.py

wheel: $(VENV)/.installed
	rm -rf dist
	$(BIN)/python .ci/build_wheel.py dist

lock: $(VENV)-lock/.installed
	$(COMPILE) pyproject.toml --output-file locks/core.txt
	$(COMPILE) pyproject.toml --extra dev --constraint locks/core.txt --output-file locks/dev.txt

audit: $(VENV)-lock/.installed
	$(VENV)-lock/bin/python .ci/audit_dependencies.py locks/dev.txt

$(VENV)/.installed: locks/core.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fgmix needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) locks/core.txt
	$(EDITABLE)
	$(IMPORTED) 2>/dev/null || $(IMPORTED)  # in silence, unless it fails
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed locks/dev.txt
	$(LOCKED) locks/dev.txt
	touch $@

$(VENV)/.installed-peers: $(VENV)/.installed-dev
	$(PIP) --editable '.[peers]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) --editable '.[docs]'
	touch $@

# Beside the environment and not in it: it makes the lock files that the environment is made from.
$(VENV)-lock/.installed:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet uv==0.13.9 pip-audit==2.10.1
	touch $@

clean:
	rm -rf dist $(VENV) $(VENV)-lock docs/_build .pytest_cache .mypy_cache .ruff_cache
