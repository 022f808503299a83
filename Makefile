# Every target makes the environment that it needs, from the versions in constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS := 600
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2
# Shapes and types of every call are checked where tensors are computed with: it takes three times
# as long, so the slow tests run without, as a user's own program does.
QUICK := $(PYTEST) -m "not slow and not long and not browser" --jaxtyping-packages=$\
landscope.data,landscope.measures,landscope.objective,landscope.models,landscope.norms,landscope.studies,$\
beartype.beartype

.DEFAULT_GOAL := help
.PHONY: help demo test test-all quick-test lint types format smoke bench bench-smoke torture fuzz clean

help: ## Print these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(VENV)/run ## Reproduce the paper on the bundled images, in minutes, and write a report
	$(BIN)/landscope reproduce --out runs/demo

test: lint types $(VENV)/dev ## Style, types and the tests that must pass, in about 15 minutes
	$(QUICK)
	$(PYTEST) -m "(slow or browser) and not long"

test-all: lint types $(VENV)/dev ## The same with the whole grids, in about half an hour
	$(QUICK)
	$(PYTEST) -m "slow or browser or long"

quick-test: $(VENV)/dev ## The tests that take seconds
	$(QUICK)

lint: $(VENV)/dev ## Style and spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell README.md CONTRIBUTING.md CHANGELOG.md docs examples src tests tools \
		benchmarks torture

types: $(VENV)/dev ## Types, strictly
	$(BIN)/pyright

format: $(VENV)/dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

smoke: $(VENV)/run ## The main job from start to end, in a new folder
	rm -rf runs/smoke
	$(BIN)/landscope reproduce --out runs/smoke
	$(BIN)/landscope show runs/smoke > /dev/null
	test -s runs/smoke/report.html

bench: $(VENV)/dev build/peers ## What landscope costs, against the floor and others; half an hour
	PYTHONPATH=build/peers $(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.page

bench-smoke: $(VENV)/dev ## The same at tiny sizes, in a minute: whether it runs, not how fast
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks --small --networks dln resnet-20 --batch 4 \
		--rounds 1 --seconds 0 --out build/bench-smoke --figure build/bench-smoke/growth.svg

torture: $(VENV)/dev $(VENV)/fuzz ## What the files survive and the readers refuse; an hour and a half
	OMP_NUM_THREADS=1 $(BIN)/python -m torture; status=$$?; \
		$(BIN)/python -m torture.page && exit $$status

fuzz: $(VENV)/dev $(VENV)/fuzz ## The fuzzing of the readers alone, ten minutes; SECONDS=60 for one
	OMP_NUM_THREADS=1 $(BIN)/python -m torture fuzz --seconds $(SECONDS)

clean: ## Remove the environment and the caches; runs stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis

# What is compared with stays out of the environment. Where it does not install, its row says so.
build/peers:
	-@$(BIN)/python -m pip install --quiet --no-deps --target $@ loss-landscapes==3.0.6

$(VENV)/base: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"landscope needs Python 3.11 or newer, this is %s; set PYTHON=python3.11" % sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/run: $(VENV)/base pyproject.toml
	@echo "Installing landscope and PyTorch in $(VENV); the first time takes a few minutes."
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/dev: $(VENV)/run
	@echo "Installing what the tests need."
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

# Atheris is for Linux alone. Where it does not install, the row that needs it says so.
$(VENV)/fuzz: $(VENV)/dev
	-@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[fuzz]'
	@touch $@
