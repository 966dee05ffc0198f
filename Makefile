# make demo    watch bom do its main job, from nothing (needs python3 >= 3.11 with venv, git, make)
# make test    everything that CI checks: style, types, import contracts, tests
# make help    the rest
SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
# workers of pytest; every engine is shared, so a file's tests stay on one worker
JOBS   ?= 2
venv   := .venv
bin    := $(venv)/bin
ready  := $(venv)/.ready
export PATH := $(CURDIR)/$(bin):$(PATH)
unexport PYTHONPATH VIRTUAL_ENV

python_paths := src tests benchmarks examples

$(ready): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is older than 3.11; name another: make PYTHON=python3.12 ..." >&2; exit 3; }
	@echo "setting up $(venv) (once; every package checked against requirements-dev.lock)"
	@test -x $(bin)/python || $(PYTHON) -m venv $(venv)
	$(bin)/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
	$(bin)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: help venv demo test lint types imports unit schemas docs lock audit bench release clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

venv: $(ready) ## the virtual environment in .venv, with bom itself in it

demo: $(ready) ## build, seal, sign, verify, tamper, strip: on real builds
	@examples/demo.sh

test: lint types imports unit ## everything that CI checks

lint: $(ready)
	ruff check
	ruff format --check

types: $(ready)
	mypy src tests
	mypy benchmarks
	mypy docs/.site/hooks.py

imports: $(ready)
	lint-imports --no-logo

unit: $(ready) ## the tests alone; PYTEST='-k seal' narrows them
	pytest -n $(JOBS) --dist loadfile $(PYTEST)

schemas: $(ready) ## schemas/*.json anew from the models
	python -m bom.report.schemas schemas

docs: $(ready) ## the documentation site, in site/
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet

lock: $(ready) ## requirements*.lock anew from pyproject.toml
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-header \
	  pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-header \
	  pyproject.toml --extra audit --output-file requirements-audit.lock
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-header \
	  pyproject.toml --group dev --output-file requirements-dev.lock

audit: $(ready) ## known vulnerabilities in what is locked
	pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.lock

bench: $(ready) ## the figures of docs/benchmarks.md
	python -m benchmarks.run --write

release: $(ready) ## the wheel and sdist, built and sealed by bom itself (BOM_KEY names the key)
	rm -rf dist
	bom check lint -- ruff check
	bom check types -- mypy src tests
	bom check imports -- lint-imports --no-logo
	bom check unit --junit .pytest_cache/junit.xml -- pytest -n $(JOBS) --dist loadfile --junitxml .pytest_cache/junit.xml
	bom build --require-checks -- python -m build --no-isolation

clean: ## what building and testing left, the virtual environment too
	rm -rf $(venv) dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
