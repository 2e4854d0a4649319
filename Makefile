# Huiyin: every target sets up what it needs first; the second time that takes no time.
#   make demo     watch complaints come in and every one of them end in an answer
#   make up       start everything                 make down     stop; data stays
#   make logs     follow the logs                  make reset    remove all data
#   make test     everything                       make check    the quick part, under a minute
#   make bench    intake, lifecycles and a burst of deadlines, measured beside their floors

SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
HUIYIN := $(BIN)/huiyin
DONE := $(VENV)/.done
KAFKA := .huiyin/cache/kafka
PAGES := services/chassis/web/node_modules/.package-lock.json
NPM := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard tests/*/package-lock.json))

# In the order of their cost: what fails cheaply fails first.
TESTS := unit contract workflow replay integration e2e browser chaos
QUICK := $(wildcard tests/unit tests/contract)

.DEFAULT_GOAL := help
.PHONY: help setup tools demo test check lint sqlmap up down reset logs bench $(addprefix test-,$(TESTS))

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

# -- set-up ------------------------------------------------------------------------------------------------------------

setup: $(DONE)/packages $(DONE)/project $(KAFKA)/.done $(PAGES)

tools: setup $(DONE)/tools $(NPM)

$(DONE)/prerequisites: deploy/prerequisites.sh
	@PYTHON=$(PYTHON) sh deploy/prerequisites.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/tools: deploy/prerequisites.sh | $(DONE)/prerequisites
	@PYTHON=$(PYTHON) sh deploy/prerequisites.sh tests
	@touch $@

# One line that counts, where pip would print hundreds; its errors are shown as they are.
$(DONE)/packages: requirements.lock | $(DONE)/prerequisites
	@set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
		--require-hashes -r requirements.lock | awk -v all="$$(grep -c '^[a-z0-9].*==' requirements.lock)" \
		-v end="$$(test -t 2 && echo '\r' || echo '\n')" \
		'/^Collecting|^Requirement already/ { n++; if (end == "\r" || n % 40 == 0) \
			printf "Python packages: %d of %d%s", n, all, end; fflush() } \
		 /^Installing/ { printf "Python packages: installing  %s", end; fflush() } END { print "Python packages: ready       " }'
	@touch $@

$(DONE)/project: pyproject.toml | $(DONE)/packages
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(KAFKA)/.done: deploy/kafka/pom.xml | $(DONE)/prerequisites
	@rm -rf $(KAFKA) && mkdir -p $(KAFKA)
	@set -o pipefail; mvn --batch-mode -Dstyle.color=never -f deploy/kafka/pom.xml dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$(CURDIR)/$(KAFKA)" | awk \
		-v end="$$(test -t 2 && echo '\r' || echo '\n')" \
		'/Downloaded/ { n++; if (end == "\r" || n % 40 == 0) printf "Apache Kafka: %d files fetched%s", n, end; fflush() } \
		 /ERROR/ { print } END { print "Apache Kafka: ready           " }'
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json | $(DONE)/prerequisites
	@npm ci --prefix $* --no-audit --no-fund --loglevel=error > /dev/null

# -- running -----------------------------------------------------------------------------------------------------------

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

# -- proof -------------------------------------------------------------------------------------------------------------

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r contracts workflows services deploy -c pyproject.toml 2> /dev/null # warnings of its own parser

check: lint tools
	$(if $(QUICK),$(BIN)/python -m pytest -q $(QUICK))

# Not among the libraries: sqlmap (GPL) is a tool that only knows our addresses.
SQLMAP := .huiyin/cache/sqlmap
$(SQLMAP)/bin/sqlmap:
	@$(PYTHON) -m venv $(SQLMAP) && $(SQLMAP)/bin/pip install --quiet --disable-pip-version-check sqlmap==1.10.10

sqlmap: tools $(SQLMAP)/bin/sqlmap
	$(BIN)/python -m tests.sqlmap $(SQLMAP)/bin/sqlmap

test: lint
	@for kind in $(TESTS); do $(MAKE) --no-print-directory test-$$kind || exit 1; done

# Tests come in kinds, each in its own process: its engines end before the next kind starts.
$(addprefix test-,$(TESTS)): test-%: tools
	@test ! -d tests/$* || { echo "== tests/$*"; $(BIN)/python -m pytest -q tests/$*; }
