# Every target sets up what it needs, in .venv, without root; a second run is instant.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
EDITABLE = $(PIP) install --no-deps --no-build-isolation --editable .
# Extras stay in the locks: else pip looks for what `coverage[toml]` may be, and finds releases without a hash.
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
       --no-emit-index-url --no-header --no-strip-extras --extra simulator --extra postgres

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage check bench lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime  ## the whole story on the simulator; HOLD=1 SEED=n SPEED=n TRAFFIC=file SCALE=n FROM=time
	@$(BIN)/fournines demo $(if $(filter-out 0 no,$(HOLD)),--hold) $(if $(SEED),--seed '$(SEED)') \
	    $(if $(SPEED),--speed '$(SPEED)') $(if $(TRAFFIC),--traffic '$(TRAFFIC)') $(if $(SCALE),--scale '$(SCALE)') $(if $(FROM),--from '$(FROM)')

test: $(VENV)/.dev  ## all tests, side by side; ARGS="-k budget" chooses some
ifdef ARGS
	@$(BIN)/pytest $(ARGS)
else
	@$(BIN)/pytest -n auto --dist worksteal -m 'not alone'
	@$(BIN)/pytest -m alone
endif

coverage: $(VENV)/.dev  ## the same with branch coverage, in twice the time
	@$(BIN)/pytest -n auto --dist worksteal -m 'not alone' --cov --cov-branch --cov-report=
	@$(BIN)/pytest -m alone --cov --cov-branch --cov-append --cov-report=term:skip-covered

check: $(VENV)/.dev  ## format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.dev  ## measure what we promise of ourselves; ONLY=name chooses one
	@$(BIN)/python -m bench $(ONLY)

lock: $(VENV)/.python  ## resolve the newest allowed dependencies into requirements/*.lock
	$(PIP) install uv
	$(LOCK) --upgrade --group build --output-file requirements/runtime.lock
	$(LOCK) --constraint requirements/runtime.lock --output-file requirements/image.lock
	$(LOCK) --upgrade --group dev --constraint requirements/runtime.lock --output-file requirements/dev.lock

clean:  ## remove all that these targets made, .venv and var/ too
	rm -rf $(VENV) var dist build .coverage .coverage.* .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One .venv: the development lock holds the runtime lock, version by version.

$(VENV)/.python:
	@for python in python3.11 python3; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$python" -m venv $(VENV) && touch $@; exit; \
	done; echo "fournines needs Python 3.11 or newer: put python3.11 or python3 on the PATH" >&2; exit 1

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/.python
	@echo "installing what fournines needs into $(VENV) (once, about a minute)"
	@$(PIP) install --require-hashes --requirement $<
	@$(EDITABLE)
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/.python
	@echo "installing fournines and its development tools into $(VENV) (once, about a minute)"
	@$(PIP) install --require-hashes --requirement $<
	@$(EDITABLE)
	@touch $@ $(VENV)/.runtime
