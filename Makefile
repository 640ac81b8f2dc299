# Everything in one command each; see docs/set-up.md. Another Python: make PYTHON=python3.12 test

PORT = 8000
python = .venv/bin/python
# Of tests: one more than cores, up to 4, as some wait for a server or a browser meanwhile.
processes = $(shell n=$$(nproc); [ $$n -lt 4 ] && expr $$n + 1 || echo 4)
manage = $(python) manage.py
measured = $(if $(COVERAGE),-m slipcover)
# Scripts without a suffix, which ruff has to be told of.
sources = . scripts/database scripts/draw_imports scripts/screenshots
# What make bench runs, each ending with a line of JSON; QUICK=--quick for less than a minute each.
BENCH = forced_fit find_sources storage chip scaling which_star
QUICK =
# The database of make seeded, which make serve GALPROJECT_DATABASE=... serves.
SEEDED = galproject_seeded
# Of make fuzz: how many bad inputs of each kind, and which; a run with the same seed is the same.
CASES = 1100
SEED = 1

# Lists of packages for the oldest Python that is supported and all later ones, without the address
# of a registry. Versions that a list has stay as they are.
compile = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)
# Of make lock: --upgrade for all packages, --upgrade-package NAME for one.
UPGRADE =

export PYTHON

.PHONY: help setup setup-dev setup-learning setup-benchmarks setup-bulk setup-alerts setup-docs setup-lint lock docs database migrated demo seeded test fuzz results check bench lint lint-style lint-format \
	lint-types lint-templates lint-scripts format serve workers clean

help:
	@echo "make demo    simulate exposures, find their variables, compare with the truth"
	@echo "make seeded  a made-up survey of 40,000 candidates, in a database of its own"
	@echo "make test    run all tests"
	@echo "make fuzz    bad files and bad requests, CASES=1100 of each, made from SEED=1"
	@echo "make results measure a small chip; raise the version of the results where they changed"
	@echo "make bench   time what is hot, against what one would use instead (QUICK=--quick: shortly)"
	@echo "make docs    the documents and the reference of the code as a site, docs/_build/index.html"
	@echo "make serve   the pages, http://127.0.0.1:$(PORT)/, and workers for the queue"
	@echo "make workers only workers, as on further hosts"
	@echo "make lint    check style, types, templates and scripts; make format mends what can be mended"
	@echo "make lock    write requirements*.txt anew from pyproject.toml (UPGRADE=--upgrade)"
	@echo "make check   check that no migration is missing and that the settings are fit to deploy"
	@echo "make clean   remove .venv and what tools left; the database stays"
	@echo "scripts/database {start|stop|status|url|destroy}"

setup:
	@scripts/setup requirements.txt

setup-dev:
	@scripts/setup requirements.txt requirements-dev.txt

setup-learning:
	@scripts/setup requirements.txt requirements-learning.txt

setup-benchmarks:
	@scripts/setup requirements.txt requirements-dev.txt requirements-benchmarks.txt

setup-bulk:
	@scripts/setup requirements.txt requirements-dev.txt requirements-bulk.txt

setup-alerts:
	@scripts/setup requirements.txt requirements-alerts.txt

setup-docs:
	@scripts/setup requirements.txt requirements-docs.txt

setup-lint:
	@scripts/setup requirements.txt requirements-dev.txt requirements-lint.txt

database: setup
	@$(python) scripts/database start

migrated: database
	@$(manage) migrate --verbosity 0

demo: migrated
	@$(manage) demo

seeded: database
	@$(manage) seed_demo --database $(SEEDED)

# COVERAGE=yes ends with the lines that tests do not run of each module, in their own processes and
# not in those that they begin.
#
# Tests begin a hundred processes, each of which would compile the project where none may keep what
# it compiled; and there are more processes than cores, so each computes with one thread.
test: setup-dev database
	@scripts/browser
	PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 $(python) $(measured) -m pytest --numprocesses $(processes) \
		--dist loadscope --no-loadscope-reorder --durations 15 --durations-min 5

fuzz: setup-dev database
	GALPROJECT_FUZZ_CASES=$(CASES) GALPROJECT_FUZZ_SEED=$(SEED) \
		$(python) -m pytest tests/fuzz -s --tb=short -p no:cacheprovider

# Whoever changes what numbers a chip gets runs this, and commits what it writes.
results: setup-dev database
	GALPROJECT_WRITE_RESULTS=1 $(python) -m pytest tests/galproject/test_small_chip.py -s \
		-k numbers_change_only

# On one core, as a worker has: ratios within one run mean something, seconds little.
bench: setup-benchmarks database
	@set -e; for name in $(BENCH); do \
		echo "$$name"; \
		OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(python) benchmarks/$$name.py $(QUICK); \
	done

# Of a package in several lists the first has the say.
lock: setup-lint
	$(compile) --output-file requirements.txt pyproject.toml
	$(compile) --output-file requirements-dev.txt --group dev -c requirements.txt
	$(compile) --output-file requirements-learning.txt --group learning -c requirements.txt \
		-c requirements-dev.txt
	$(compile) --output-file requirements-benchmarks.txt --group benchmarks -c requirements.txt \
		-c requirements-dev.txt
	$(compile) --output-file requirements-bulk.txt --group bulk -c requirements.txt \
		-c requirements-dev.txt
	$(compile) --output-file requirements-alerts.txt --group alerts -c requirements.txt \
		-c requirements-dev.txt
	$(compile) --output-file requirements-docs.txt --group docs -c requirements.txt \
		-c requirements-dev.txt
	$(compile) --output-file requirements-lint.txt --group lint -c requirements.txt \
		-c requirements-dev.txt

# What .pre-commit-config.yaml runs, too.
lint: lint-style lint-format lint-types lint-templates lint-scripts

lint-style: setup-lint
	$(python) -m ruff check $(sources)

lint-format: setup-lint
	$(python) -m ruff format --check $(sources)

lint-types: setup-lint
	$(python) -m mypy

lint-templates: setup-lint
	$(python) -m djlint --lint --quiet templates

lint-scripts: setup-lint
	scripts/eslint static

check: database
	$(manage) makemigrations --check --dry-run
	GALPROJECT_HTTPS=true $(manage) check --deploy --fail-level WARNING

# Needs no database and no network. What was made of modules that are gone goes first.
docs: setup-docs
	@rm -rf docs/api
	@$(python) -m sphinx -q -W --keep-going -c docs . docs/_build
	@echo "Built docs/_build/index.html"

format: setup-dev
	$(python) -m ruff check --fix $(sources)
	$(python) -m ruff format $(sources)

serve: migrated
	@exec $(manage) serve --port $(PORT)

workers: migrated
	@exec $(manage) qcluster

clean:
	rm -rf .venv node_modules .mypy_cache .pytest_cache .ruff_cache staticfiles docs/_build docs/api
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
