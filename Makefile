# Everything a person needs in a clone. `make demo` and `make test` install what they need first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
COMPOSE_SCHEMA := --builtin-schema vendor.compose-spec
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --quiet

.PHONY: setup demo test lint up down bench bench-job faults upgrade lock

setup: $(STAMP)

# The lock file holds the hash of every package, the build backend's too, so nothing is fetched that it does not name.
$(STAMP): pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

demo: setup
	$(BIN)/python -m services run -- $(BIN)/python examples/demo.py

test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema $(COMPOSE_SCHEMA) docker-compose.yml

up: setup
	@$(BIN)/python -m services up

down: setup
	@$(BIN)/python -m services down

bench: setup
	$(BIN)/python -m services run -- $(BIN)/python -m tests.bench

bench-job: setup
	$(BIN)/python -m services run -- $(BIN)/python -m tests.bench.job

# Everything that may break, several times each; ARGS="--minutes 30" soaks at random instead, ARGS=--help says more.
faults: setup
	$(BIN)/python -m tests.faults $(ARGS)

# A rolling upgrade from a commit to this tree and back, every event compared: make upgrade FROM=HEAD~10
upgrade: setup
	$(BIN)/python -m tests.faults.upgrade --from $(FROM) $(ARGS)

# Run after a change of dependencies in pyproject.toml; needs uv. The image holds the second file's part of the first.
lock:
	$(LOCK) --group dev -o requirements.lock
	$(LOCK) -c requirements.lock -o requirements-image.lock
