# make run: a server on this machine.  make test: everything that this machine can run.  make lint: what is checked
# without running it.  Each sets up what it needs; the second time that takes no time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: run test lint clean

run: $(VENV)/.run-ready
	@exec $(BIN)/python -m videoconf.run

test: $(VENV)/.dev-ready node_modules/.ready
	@exec $(BIN)/python .ci/test.py $(ARGS)

lint: $(VENV)/.dev-ready node_modules/.ready
	@exec $(BIN)/python .ci/lint.py

clean:
	rm -rf $(VENV) var node_modules build dist *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: requirements.txt | $(BIN)/python
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev-ready: requirements.txt requirements-dev.txt | $(BIN)/python
	@$(PIP) install -r requirements-dev.txt
	@touch $@ $(VENV)/.run-ready

# What only checks need: the TypeScript compiler and axe. A machine without npm does without; make lint says so.
node_modules/.ready: package.json
	@if command -v npm >/dev/null; then \
	  npm install --no-save --no-package-lock --no-audit --no-fund --loglevel=error >/dev/null && touch $@; \
	fi
