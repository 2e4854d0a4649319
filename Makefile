# Huiyin: every target sets up what it needs first; the second time that takes no time.
#   make demo    watch complaints come in and end in an answer      make up / down / reset / logs
#   make test    everything                                         make check    the quick part, under a minute

SHELL := /bin/sh
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
HUIYIN := $(BIN)/huiyin
DONE := $(VENV)/.done
KAFKA := .huiyin/cache/kafka

# In the order of their cost: what fails cheaply fails first.
TESTS := unit contract workflow replay integration e2e chaos
QUICK := $(wildcard tests/unit tests/contract)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint up down reset logs bench $(addprefix test-,$(TESTS))

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

setup: $(DONE)/packages $(DONE)/project $(KAFKA)/.done

$(DONE)/prerequisites: deploy/prerequisites.sh
	@PYTHON=$(PYTHON) sh deploy/prerequisites.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/packages: requirements.lock | $(DONE)/prerequisites
	@echo "installing Python packages (about 350 MB; once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar on \
		--require-hashes -r requirements.lock
	@touch $@

$(DONE)/project: pyproject.toml | $(DONE)/packages
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(KAFKA)/.done: deploy/kafka/pom.xml | $(DONE)/prerequisites
	@echo "fetching Apache Kafka (about 45 MB; once)"
	@rm -rf $(KAFKA) && mkdir -p $(KAFKA)
	@mvn --quiet --batch-mode -f deploy/kafka/pom.xml dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$(CURDIR)/$(KAFKA)"
	@touch $@

demo: setup
	@$(HUIYIN) demo

up: setup
	@$(HUIYIN) up

down: setup
	@$(HUIYIN) down

reset: setup
	@$(HUIYIN) reset --yes

logs: setup
	@$(HUIYIN) logs --follow

bench: setup
	@$(HUIYIN) bench

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(if $(QUICK),$(BIN)/python -m pytest $(QUICK))

test: lint
	@for kind in $(TESTS); do $(MAKE) --no-print-directory test-$$kind || exit 1; done

$(addprefix test-,$(TESTS)): test-%: setup
	@test ! -d tests/$* || { echo "== tests/$*"; $(BIN)/python -m pytest tests/$*; }
