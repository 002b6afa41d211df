# Every command a person types. `make` alone lists them; each does the set-up it needs itself.
# What takes more than a line lives in tools/, so that it can be read, tested and run by hand.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Tools that set-up installs are found before the system's own.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The local cloud is a Python package that lives beside its tests and is never installed.
export PYTHONPATH := $(CURDIR)/tests/localcloud

# Which product the packages are for, how they are built, and for which processor.
export CATALOGUE ?= infra/catalogues/mate.toml
export PROFILE ?= release
export ARCH ?= x86_64
# Where `make localcloud` keeps its state.
STATE ?= .localcloud

.PHONY: help setup demo test check bench package localcloud pins clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: databases, Python tools, the test runner
	@tools/setup.sh

demo: setup package ## see it work: a tenant comes up, its secret is rotated, its alarm reaches people
	@tools/demo

test: setup package ## every test: unit, property, shell, local cloud, end to end
	@tools/test.sh

check: setup ## formatting, lints, docs, licences, golden templates, the house's rules
	@tools/check.sh

bench: ## measure cold start, memory, calls per tenant, throughput
	@$(MAKE) --no-print-directory setup package >&2
	@tools/bench

package: setup ## zip every function: target/lambda/<name>/bootstrap.zip (CATALOGUE, ARCH, PROFILE)
	@python tools/package.py --profile "$(PROFILE)" --arch "$(ARCH)" --catalogue "$(CATALOGUE)"

localcloud: setup package ## run AWS on this machine with the suite deployed, until Ctrl-C (STATE)
	@tools/localcloud.sh "$(STATE)"

pins: setup ## renew the pins of requirements/*.in, with hashes
	@tools/pins.sh

clean: ## remove what was built, the Python tools and the local cloud's state
	rm -rf target .venv .localcloud
