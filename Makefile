# `make demo` and `make test` do everything on a machine that has Python 3.11+ (and Node 20 for the tests).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# most tests wait for processes: with two for each core the cores are busy, and who is done early takes over from the others
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 2 )))
# what pytest makes of each module of tests is kept, also where no bytecode is to be written: making it takes seconds
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q
SPREAD := -n $(WORKERS) --dist worksteal
NODE_MODULES := $(addsuffix /node_modules/.installed,tests/receivers tests/examples tests/captures/browser)

.PHONY: bench demo test test-all node-modules compiled-tests test-install check lint types imports format pictures reference lock clean dev

demo: $(VENV)/.runtime
	$(BIN)/hookctl demo

test: dev $(NODE_MODULES)
	$(PYTEST) $(SPREAD) -m "not slow and not browser and not install"

test-all: dev $(NODE_MODULES)
	$(PYTEST) $(SPREAD) -m "not install"

node-modules: $(NODE_MODULES)

# on one core, while something else has the other: in a fresh checkout each process that tests would do it
compiled-tests: dev
	@$(PYTEST) --collect-only >/dev/null

# what users install, with each Python that is here: the only tests that fetch packages
test-install: dev
	$(PYTEST) $(SPREAD) -m install tests/install tests/action

check: lint types imports

dev: $(VENV)/.dev

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/shellcheck --severity=warning .ci/run $$(find action tests -name '*.sh' -not -path '*/node_modules/*')

types: dev
	$(BIN)/mypy

imports: dev
	$(BIN)/lint-imports

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "hookctl needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# pip compiles what it installs, but not an editable src: without .pyc files every start compiles anew
$(VENV)/.runtime: $(VENV)/bin/python requirements/runtime.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(NODE_MODULES): %/node_modules/.installed: %/package-lock.json
	@command -v node >/dev/null || { echo "the tests need Node 20 or newer: node is not on the PATH"; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' \
	  || { echo "the tests need Node 20 or newer; this is $$(node --version)"; exit 1; }
	@command -v npm >/dev/null || { echo "the tests need npm: it is not on the PATH"; exit 1; }
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

pictures: dev
	$(BIN)/python -m docs.make_pictures

reference: dev
	$(BIN)/python -m docs.make_reference

# locks by name and hash, without addresses, for every supported Python
lock: $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 pyproject.toml --group build -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 pyproject.toml --group build --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --resolution lowest-direct pyproject.toml -o requirements/lowest.txt

clean:
	rm -rf $(VENV) dist tests/receivers/node_modules tests/examples/node_modules tests/captures/browser/node_modules benchmarks/peers/.venv benchmarks/peers/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

benchmarks/peers/.venv/bin/http: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv benchmarks/peers/.venv
	benchmarks/peers/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<

# without npm, or where npm cannot have it, the comparison goes on without the Stripe CLI
bench: $(VENV)/.runtime benchmarks/peers/.venv/bin/http
	-cd benchmarks/peers && npm install --no-audit --no-fund --no-package-lock --loglevel=error
	$(BIN)/python -m compileall -q src
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/verify.py
