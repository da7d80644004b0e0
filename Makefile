# Targets explain themselves: `make` or `make help`.
PYTHON ?=
REFERENCE ?= $(wildcard ../shared/bench)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
NAME ?= restore
ROUNDS ?= 1

.PHONY: help run test simulate drill mutants lint format bench catalogs assets fonts lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(STAMP) ## start Tongdui with its own database and, if empty, a sample (TONGDUI_PORT, TONGDUI_DATA, … as in README)
	@exec $(BIN)/tongdui run --sample

test: $(STAMP) ## run the tests on every core (ARGS="-k name" passes through)
	@.ci/browser
	@$(BIN)/pytest -q -n auto --dist worksteal $(ARGS)

simulate: $(STAMP) ## random commands with crashes against a model (SEED=number COMMANDS=2000 SEEDS=1)
	@PYTHONPATH=.:tests $(BIN)/python -m simulation.run \
		$(if $(SEED),--seed $(SEED)) $(if $(COMMANDS),--commands $(COMMANDS)) $(if $(SEEDS),--seeds $(SEEDS))

# All afresh, as mutmut would not try again who has survived; or those that are named on top of the last run. Which
# test meets what is found out anew: mutmut would do so for new tests only, though a new function has old tests too.
mutants: $(STAMP) ## how many changes of the core its tests notice, by module (ONLY="clearing.core.lots.*", CHILDREN=2)
	@rm -rf mutants$(if $(ONLY),/mutmut-stats.json)
	@nice -n 19 $(BIN)/mutmut run $(if $(CHILDREN),--max-children $(CHILDREN)) $(foreach one,$(ONLY),'$(one)')
	@PYTHONPATH=tests $(BIN)/python -m support.mutation_score

drill: $(STAMP) ## inject a fault under load and look for what was acknowledged (NAME=restore, ROUNDS=1, SECONDS=10)
	@$(BIN)/python -m drills $(NAME) --rounds $(ROUNDS) $(if $(SECONDS),--seconds $(SECONDS))

lint: $(STAMP) ## ruff, formatting, types, import layers
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Some files are not formatted: make format" >&2; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## repair formatting and what ruff can repair
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: $(STAMP) ## measure against the hand-written limit (ONLY=name for one, REFERENCE=folder for another limit)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(REFERENCE),--reference $(REFERENCE))

catalogs: $(STAMP) ## gather what the pages say, keep the translations, compile them (fails if one is missing)
	@PYTHONPATH=.:tests $(BIN)/python -m support.catalogs

assets: $(STAMP) ## fetch the pages' CSS and JavaScript from npm, at the versions and hashes in .ci/assets
	@$(BIN)/python .ci/assets

fonts: $(STAMP) ## make the fonts behind Noto Sans SC from npm's and Debian's packages, by hash (.ci/fonts)
	@$(BIN)/python .ci/fonts

lock: $(STAMP) ## renew requirements.lock from requirements*.in (newest allowed versions)
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
		--no-config --custom-compile-command "make lock" \
		--output-file requirements.lock requirements-dev.in

clean: ## remove the virtual environment and everything else that can be made again
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		.hypothesis .coverage htmlcov mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# setup.cfg names the packages and the console script, so a change there installs again too.
$(STAMP): requirements.lock setup.cfg pyproject.toml
	@python=$$(.ci/python "$(PYTHON)") && .ci/venv "$$python" $(VENV)
	@echo "Installing the pinned libraries into $(VENV) ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --root-user-action=ignore \
		--require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --root-user-action=ignore \
		--no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@
