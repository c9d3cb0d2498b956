# Every target makes the virtual environment it needs; nothing but Python, make and pip is required.
PYTHON ?= python3
# "pinned" versions are those of constraints.txt; "lowest" ones the oldest that users may have.
VERSIONS ?= pinned
VENV := .venv$(if $(filter lowest,$(VERSIONS)),-lowest)
CONSTRAINTS := $(if $(filter lowest,$(VERSIONS)),$(VENV)/lowest.txt,constraints.txt)
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WRITTEN := src docs examples tests tools benchmarks README.md CHANGELOG.md CONTRIBUTING.md Makefile
PACKAGE := $(VENV)/.package

.DEFAULT_GOAL := help
.PHONY: help browser azurite postgres java dbt demo gate audit fuzz hooks test texts coverage ci bench bench-behaviours verify docs site pictures package try-wheel clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

$(PACKAGE): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python tools/lowest_versions.py > $(VENV)/lowest.txt
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable .
	@touch $@

$(READY): $(PACKAGE)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable .[all] --group dev
	@touch $@

browser: ## Install what the browser tests need (root, Debian): Chromium and axe-core
	command -v chromium >/dev/null || (apt-get update && apt-get install --yes chromium)
	test -f node_modules/axe-core/axe.min.js || npm install --no-save axe-core@4

azurite: ## Install what answers like Azure in tests (npm)
	test -d .azurite/node_modules/azurite || npm install --no-save --prefix .azurite azurite@3

postgres: ## Install the server that runs the exported queries in tests (root, Debian)
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || (apt-get update && apt-get install --yes postgresql)

java: ## Install what Spark runs on in tests (root, Debian)
	command -v java >/dev/null || (apt-get update && apt-get install --yes openjdk-17-jre-headless)

dbt: .venv-dbt/bin/dbt ## Install the dbt that builds the exported model in tests, in an environment of its own

# From 1.12 on, pip needs a part of dbt that is on no package index.
.venv-dbt/bin/dbt:
	$(PYTHON) -m venv .venv-dbt
	.venv-dbt/bin/python -m pip install --quiet dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==2.0.0

demo: $(PACKAGE) ## Generate a small log, segment its users, write demo/run/report.html
	$(BIN)/segmentry demo --out demo

# With compiled modules, also where the surroundings forbid them: each process of a test starts sooner.
test: $(READY) ## Run all tests, on two cores
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

texts: $(READY) ## Write the texts for people that the tests look at into tests/texts.json again
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --update-texts

coverage: $(READY) ## Measure which lines and branches the tests reach; the rest is listed
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses 2 --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

gate: $(READY) ## Run the static gate: style, types, layers and circles, reference pages, spelling and words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/codespell $(WRITTEN)
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	$(BIN)/python -m pytest --quiet tests/contracts/test_words.py

audit: $(READY) ## Ask for known vulnerabilities of the pinned libraries; needs the network
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict

fuzz: $(READY) ## Try random inputs of whatever strangers send: MINUTES=10 of each kind
	$(BIN)/python tools/fuzz.py --minutes $(or $(MINUTES),10)

hooks: $(READY) ## Run the gate before each commit, by pre-commit
	$(BIN)/pre-commit install

ci: ## Run what CI runs: the static gate, then the tests
	bash .ci/run

bench: $(READY) ## Race the recipe and measure growth (half an hour); appends to benchmarks/RESULTS.md; RUN=DIR also times its dashboard
	$(BIN)/python benchmarks/sweep_kmeans.py
	$(BIN)/python benchmarks/full_scale.py
	$(BIN)/python benchmarks/against_recipe.py --write
	$(BIN)/python benchmarks/growth.py --write
	test -z "$(RUN)" || $(BIN)/python benchmarks/dashboard.py $(RUN)

bench-behaviours: $(READY) ## Features of 25 to 200 million behaviours: an hour and 15 GB of disk; SIZES=25,50 for less
	$(BIN)/python benchmarks/behaviours.py --sizes $(or $(SIZES),25,50,100,200) --write

verify: $(READY) ## Check what takes long: slow tests, full scale, equal answers of two runs, rates of the checks
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --thorough
	$(BIN)/python -m pytest --engines spark --ignore-glob "*/test_spark*" --ignore-glob "*/test_cluster*" tests/features tests/ingest/engines
	$(BIN)/python benchmarks/full_scale.py --verify
	$(BIN)/python benchmarks/later_days.py forecast --seeds 200
	$(BIN)/python benchmarks/later_days.py verdicts --seeds 400
	$(BIN)/python benchmarks/later_days.py verdicts --seeds 400 --n-users 3000
	$(BIN)/python benchmarks/later_days.py verdicts --seeds 1200 --n-users 3000 --only null
	$(BIN)/python benchmarks/later_days.py verdicts --seeds 600 --n-users 5000 --drift 0.3 --only null
	$(BIN)/python benchmarks/over_time.py rates --years 200 --first 1000
	$(BIN)/python benchmarks/over_time.py power --years 200 --first 1000
	$(BIN)/python benchmarks/month_two.py --users 200000 --months 12
	$(BIN)/python benchmarks/month_two.py --users 5000 --months 12 --no-life
	$(BIN)/python benchmarks/month_two.py --users 3000 --months 3 --no-life --seeds 6 --seed 300
	$(BIN)/python benchmarks/month_two.py --users 2000 --months 3 --no-life --seeds 40 --seed 500 --no-report
	$(BIN)/python benchmarks/month_two.py --users 8000 --months 3 --no-life --level 0.75 --seed 40 --no-report
	$(BIN)/python benchmarks/staying.py --users 15000 --seeds 3
	$(BIN)/python benchmarks/groups.py tables --seeds 200
	$(BIN)/python benchmarks/groups.py null-logs --seeds 200
	$(BIN)/python benchmarks/choice.py halves --seeds 100 --first 101
	$(BIN)/python benchmarks/choice.py stable --seeds 50 --first 1
	$(BIN)/python benchmarks/choice.py planted --seeds 200
	$(BIN)/python benchmarks/choice.py planted --seeds 200 --most 6
	$(BIN)/python benchmarks/choice.py null --seeds 200 --n-users 3000
	$(BIN)/python benchmarks/outcomes.py coverage --seeds 200
	$(BIN)/python benchmarks/outcomes.py alike --seeds 200
	$(BIN)/python benchmarks/latent.py --seeds 200 --n-users 4000 --most 2
	$(BIN)/python benchmarks/budget.py --seeds 200
	$(BIN)/python benchmarks/budget.py --wear-out --seeds 200
	$(BIN)/python benchmarks/ab_tests.py aa --seeds 1000 --n-users 600
	$(BIN)/python benchmarks/ab_tests.py power --seeds 200 --n-users 2000 --mde 0.4
	$(BIN)/python benchmarks/experiments.py aa --seeds 1000 --n-users 600
	$(BIN)/python benchmarks/experiments.py power --seeds 200 --n-users 24000 --mde 0.15
	$(BIN)/python benchmarks/exposure.py curves --seeds 300
	$(BIN)/python benchmarks/exposure.py reaction --seeds 400
	$(BIN)/python benchmarks/exposure.py cells --seeds 200

docs: $(READY) ## Write the reference pages that come from the code
	$(BIN)/python docs/generate.py

site: $(READY) ## Build the site into build/site and check its links; needs no network
	$(BIN)/python tools/build_site.py

pictures: $(READY) browser demo ## Take the pictures of README and site again, of the demo in Chromium
	$(BIN)/python docs/pictures.py demo/run

package: $(READY) ## Build sdist and wheel into dist/ and check them; an SBOM of what the wheel brings
	rm -rf dist $(VENV)/from-tree $(VENV)/bare
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m build --wheel --outdir $(VENV)/from-tree
	$(BIN)/python tools/check_package.py dist $(VENV)/from-tree
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl
	$(PYTHON) -m venv --without-pip $(VENV)/bare
	$(BIN)/python -m pip --python $(VENV)/bare/bin/python install --quiet --constraint constraints.txt dist/*.whl
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type library --output-reproducible \
	  --output-file dist/sbom.cdx.json $(VENV)/bare/bin/python
	rm -rf $(VENV)/bare $(VENV)/from-tree

try-wheel: package ## Install the wheel from nothing in several ways and run its demo; PYTHONS="python3.12 ..." for others
	$(PYTHON) tools/try_wheel.py dist/*.whl --python $(or $(PYTHONS),$(PYTHON))

clean: ## Remove the virtual environment, caches and the demo
	rm -rf $(VENV) build demo dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
