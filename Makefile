# Every target does its own set-up from Python >= 3.11 and make: uv into .uv/ where it is not installed, then the locked
# packages into .venv/. Both are stamped, so the second run starts at once. The packages are compiled once, then: where
# PYTHONDONTWRITEBYTECODE is set, every process would do it again.

UV_VERSION := 0.13.9

# The first Python that is new enough; `make PYTHON=/path/to/python3.13 ...` takes another one.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)

UV := $(shell command -v uv || echo .uv/bin/uv)
READY := .venv/.ready
export UV_PYTHON_DOWNLOADS := never

.PHONY: help demo test check bench fix clean setup

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

demo: setup ## Start everything on this machine and print the page's address
	@.venv/bin/python -m bot.demo

test: setup ## Run the whole suite
	@.venv/bin/pytest -q -n auto $(ARGS)

check: setup ## Format, lint, types, import floors, tests with branch coverage: all of them, then fail once
	@failed=; \
	check() { name=$$1; shift; echo "== $$name"; "$$@" || failed="$$failed $$name,"; }; \
	check format .venv/bin/ruff format --check --quiet .; \
	check lint .venv/bin/ruff check --quiet .; \
	check types .venv/bin/mypy; \
	check floors .venv/bin/lint-imports; \
	check tests .venv/bin/pytest -q -n auto --cov --cov-branch --cov-report=term:skip-covered $(ARGS); \
	if [ -n "$$failed" ]; then echo "failed:$${failed%,}"; exit 1; fi; echo "all checks passed"

bench: setup ## Print one JSON object of named figures
	@.venv/bin/python -m tests.bench

fix: setup ## Format, and repair what the linter can
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

clean: ## Remove what the targets made; what the demo keeps in .proctor/ stays
	@rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*

setup: $(READY)

$(READY): pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..." >&2; exit 1; }
	@UV_PYTHON="$(PYTHON)" $(UV) sync --locked --quiet --compile-bytecode
	@touch $@

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -m venv .uv || { rm -rf .uv; echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
