# What a person needs to work on pbx-bridge. Everything is installed below this folder, except a few Debian
# packages that need root (see workshop/host.sh). Python packages come from wherever this machine's pip looks.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
# One more than there are processors: the tests with real telephones mostly wait.
JOBS ?= $(shell echo $$(($$(nproc) + 1)))

.DEFAULT_GOAL := help
.PHONY: help deps prompts run test check bench docs lock clean

help:  ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST)

deps: $(VENV)/.installed  ## Install all it takes: Python packages, Asterisk, sipp, prompts, PostgreSQL's programs
	@$(PY) -m workshop.prefix
	@$(PY) -m workshop.prompts

prompts: deps  ## Make sounds of the texts in prompts/ that have changed; ARGS=--again for all
	@$(PY) -m workshop.prompts $(ARGS)

run: deps  ## Start everything, place one call, stay up until Ctrl-C; HTTP_PORT=9000, DOCKER=1, ARGS=--help
	@$(PY) -m workshop.run --with-parent $(ARGS)

test: deps  ## Run the tests side by side; ARGS="-k word" to choose, JOBS=0 for one after the other
	@$(PY) -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: deps  ## Style, types, layers, and whether the generated pages are of today
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy --strict
	@$(VENV)/bin/lint-imports
	@$(PY) -m workshop.docs --check

bench: deps  ## Measure against the goals, beside a bare Asterisk
	@$(PY) -m benchmarks $(ARGS)

docs: deps  ## Write the generated pages anew: call diagram, API, settings
	@$(PY) -m workshop.docs $(ARGS)

lock: deps  ## Lock packages after a change of pyproject.toml; ARGS=--upgrade for newer versions
	@workshop/lock.sh $(VENV)/bin/uv $(ARGS)

clean:  ## Remove what was installed and built here
	rm -rf $(VENV) .cache build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# A stamp per step, so that a second make does nothing.
.cache/host: workshop/host.sh
	@PYTHON="$(PYTHON)" workshop/host.sh
	@mkdir -p .cache && touch $@

$(VENV)/.installed: requirements-dev.txt pyproject.toml .cache/host
	@PYTHON="$(PYTHON)" workshop/venv.sh $(VENV)
