# Two commands for newcomers: `make lab` and `make test`. Each makes what it needs first.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: lab test test-slow lint bench build clean help

help:
	@echo "make lab        open the course in JupyterLab   (make lab ARGS=\"--no-browser --lang en\")"
	@echo "make test       all tests that matter, in minutes"
	@echo "make test SLOW=1   the long tests as well; make test-slow: these alone"
	@echo "make build      build the notebooks whose sources changed"
	@echo "make bench      speed against PyTorch, as ratios"
	@echo "make lint       formatting, style and types"
	@echo "make clean      remove the environment and caches"

# The stamp is newer than what it was made from, so a second run installs nothing.
$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and "nncourse needs Python 3.11 to 3.13, this is %d.%d: make PYTHON=python3.12 ..." % v)'
	@echo "== making the environment $(VENV) (a few minutes, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[course,grading,test]"
	@touch $@

lab: $(VENV)/installed
	@echo "== opening the course"
	@$(BIN)/nncourse lab $(ARGS)

build: $(VENV)/installed
	@$(BIN)/nncourse build $(ARGS)

lint: $(VENV)/installed
	@echo "== style, formatting, types"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

# Two processes share out the tests file by file; with two threads each they would only get in each
# other's way. What measures time runs by itself afterwards.
test test-slow: export OMP_NUM_THREADS = 1
test test-slow: export OPENBLAS_NUM_THREADS = 1
SHARED := -n 2 --dist loadfile
# With ARGS, such as -k name, some calls find no test.
ANY = $(if $(ARGS),$(ARGS) || test $$? = 5)
LENGTH = $(if $(SLOW),,not slow and)
test: lint
	@echo "== tests"
	@$(BIN)/python -m pytest $(SHARED) -m "$(LENGTH) not browser and not alone" tests $(ANY)
	@echo "== notebooks: every printed output is compared"
	@$(BIN)/python -m pytest $(SHARED) -p tests.notebooks.longest --nbval --nbval-sanitize-with tests/nbval.cfg --nbval-cell-timeout 60 lectures solutions
	@echo "== lectures, exercises and widgets in a browser"
	@$(BIN)/python -m pytest $(SHARED) -m "$(LENGTH) browser and not alone" tests/browser $(ANY)
	@echo "== what measures time, alone"
	@$(BIN)/python -m pytest -m alone $$(grep -rl mark.alone tests --include=*.py) $(ANY)

test-slow: $(VENV)/installed
	@echo "== slow tests"
	@$(BIN)/python -m pytest $(SHARED) -m "slow and not browser and not alone" tests $(ANY)
	@echo "== slow tests in a browser"
	@$(BIN)/python -m pytest $(SHARED) -m "slow and browser and not alone" tests/browser $(ANY)

bench: $(VENV)/installed
	@$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
