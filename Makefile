# Every target does its own set-up from Python >= 3.11 and make: uv into .uv/ if it is not installed, then the locked
# packages into .venv/. `make demo` installs what the demo runs; the targets for development add their tools. Both are
# stamped, so the second run starts at once.

UV_VERSION := 0.13.9

# The first Python that is new enough; `make PYTHON=/path/to/python3.13 ...` takes another one.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)

UV := $(shell command -v uv || echo .uv/bin/uv)
RUNTIME := .venv/.runtime
TOOLS := .venv/.tools
COVERAGE := --cov --cov-branch --cov-report=term:skip-covered
export UV_PYTHON_DOWNLOADS := never
# Bytecode is written as modules are first imported; without it every process would compile them again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test lint check bench fix clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

demo: $(RUNTIME) ## Start everything on this machine and print the page's address
	@.venv/bin/python -m bot.demo

test: $(TOOLS) ## Run the whole suite
	@.venv/bin/pytest -q -n auto $(ARGS)

lint: $(TOOLS) ## Format, lint, types, import floors and rooms: all of them, then fail once
	@failed=; \
	check() { name=$$1; shift; echo "== $$name"; "$$@" || failed="$$failed $$name,"; }; \
	check format .venv/bin/ruff format --check --quiet .; \
	check lint .venv/bin/ruff check --quiet .; \
	check types .venv/bin/mypy; \
	check floors .venv/bin/lint-imports; \
	if [ -n "$$failed" ]; then echo "failed:$${failed%,}"; exit 1; fi; echo "lint passed"

check: lint ## Everything that decides about a change: lint, and the tests with branch coverage
	@$(MAKE) --no-print-directory test ARGS="$(COVERAGE) $(ARGS)"

bench: $(TOOLS) ## Print named figures as JSON, each module as it is done (about 2 minutes; ARGS=full: all)
	@.venv/bin/python -m tests.bench $(ARGS)

fix: $(TOOLS) ## Format, and repair what the linter can
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

clean: ## Remove what the targets made; what the demo keeps in .proctor/ stays
	@rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*

$(RUNTIME): pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..." >&2; exit 1; }
	@echo "Setting up, once: installing what the bot runs on into .venv (some 230 MB)"
	@UV_PYTHON="$(PYTHON)" $(UV) sync --locked --no-dev --inexact
	@touch $@

$(TOOLS): $(RUNTIME)
	@echo "Setting up, once: adding the tools for tests and checks (some 500 MB)"
	@UV_PYTHON="$(PYTHON)" $(UV) sync --locked --inexact
	@touch $@

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..." >&2; exit 1; }
	@echo "Setting up, once: installing uv $(UV_VERSION), which installs the rest, into .uv"
	@"$(PYTHON)" -m venv .uv || { rm -rf .uv; echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
