# The entry point of all tasks: `make` alone lists them.

VENV := .venv
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# The first that is new enough; `make run PYTHON=/path/to/python` names another.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$each" && break; done)

.DEFAULT_GOAL := help
.PHONY: help run web test test-fast coverage bench check format screenshots clean chaos audit chaos-load lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/runtime.stamp ## start the server with all it needs (PORT, default 3000); Ctrl-C stops it
	@$(VENV)/bin/python -m chatapp.launcher.web --if-possible
	@exec $(VENV)/bin/python -m chatapp.launcher

web: $(VENV)/runtime.stamp ## build the web client that / serves; `make run` does so too, where it can
	@$(VENV)/bin/python -m chatapp.launcher.web

test-fast: $(VENV)/dev.stamp ## run the tests to run before each commit: no browser, no outages; ARGS goes to pytest
	@$(VENV)/bin/python -m tests.run fast $(ARGS)

test: $(VENV)/dev.stamp ## run the tests; ARGS="-k word" goes to pytest
	@$(VENV)/bin/python -m tests.run $(ARGS)

coverage: $(VENV)/dev.stamp ## run the tests and report which lines and branches of the server they reach; ARGS=fast for a part
	@$(VENV)/bin/coverage erase
	@$(VENV)/bin/coverage run -m tests.run $(ARGS); code=$$?; \
		$(VENV)/bin/coverage combine -q && $(VENV)/bin/coverage report && exit $$code

chaos: $(VENV)/dev.stamp ## inject faults while users chat, and check the guarantees (SEED, MINUTES=10, WORKERS=3, PEOPLE=16)
	@$(VENV)/bin/python -m tests.chaos

chaos-load: $(VENV)/dev.stamp ## slow readers, half-open connections, floods and reconnection storms, and their effect on other users
	@$(VENV)/bin/python -m tests.chaos.load

check: $(VENV)/dev.stamp ## lint, formatting and types, of server and clients, import rules and wording
	$(VENV)/bin/python -m ruff check
	$(VENV)/bin/python -m ruff format --check
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python clients/python/scripts/generate.py --check
	$(VENV)/bin/python -m pytest -q tests/architecture/test_words.py
	$(VENV)/bin/python -m tests.clients.check

bench: $(VENV)/dev.stamp ## measure the server: a table, and bench/results/latest.json; ARGS="--runs 1 pairs"
	@$(VENV)/bin/python -m bench $(ARGS)

screenshots: $(VENV)/dev.stamp ## take screenshots of every view of the web client, into docs/screenshots
	@$(VENV)/bin/python -m tests.browser.screenshots

audit: $(VENV)/dev.stamp ## look for known vulnerabilities of the pinned packages (AUDIT_REQUIRED=1: fail if no service can be reached)
	@$(VENV)/bin/python -m tests.audit

format: $(VENV)/dev.stamp ## format the code and fix what the linter can
	$(VENV)/bin/python -m ruff format
	$(VENV)/bin/python -m ruff check --fix
	$(VENV)/bin/python -m tests.clients.check --fix

clean: ## remove the virtual environment and all caches; data in instance/ and uploads/ stay
	rm -rf $(VENV) clients/web/dist clients/web/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock: $(VENV)/dev.stamp ## resolve requirements*.in into pins with hashes, requirements*.txt; ARGS="--upgrade" takes the newest versions
	@for each in requirements requirements-s3 requirements-local requirements-node requirements-dev; do \
		$(VENV)/bin/uv pip compile -q --universal --generate-hashes --python-version 3.11 \
			--custom-compile-command "make lock" $(ARGS) $$each.in -o $$each.txt || exit 1; \
	done

# Stamps are removed before an installation and restored after it: an environment without a stamp was interrupted and is
# created again.
$(VENV)/runtime.stamp: requirements.txt requirements-local.txt
	$(call install,$^)
	@touch $@

# The development file contains the other two.
$(VENV)/dev.stamp: requirements-dev.txt
	$(call install,$^)
	@touch $(VENV)/runtime.stamp $@

define install
@if [ ! -e $(VENV)/runtime.stamp ]; then \
	"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "error: Python 3.11 or newer is needed: install it, or name it with PYTHON=/path/to/python." >&2; exit 1; }; \
	echo "Making the virtual environment $(VENV) ..."; \
	rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV); \
fi
@rm -f $(VENV)/*.stamp
@printf 'Installing the packages of $(1), for about a minute the first time ...'; began=$$(date +%s); \
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check --require-hashes $(addprefix -r ,$(1)) \
	&& echo " $$(( $$(date +%s) - began )) s"
endef
