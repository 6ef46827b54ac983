# make run    the studio, on a machine with nothing but Python >= 3.11 and make
# make test   every test (the browser ones need chromium; without it they are skipped)
# make lint   style and types            make bench [ONLY=name]   the measurements
# make attack [COUNT=2000 SEED=1]  damaged pictures    make soak [SECONDS=60]  load and kill -9
# make clean  remove what was built; your data in CREDITLINE_HOME stays
#
# TORCH_INDEX=ADDRESS  take torch from another package index (a CPU-only build, say)

VENV   := .venv
PY     := $(VENV)/bin/python
FIND   := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
            command -v $$p >/dev/null 2>&1 && $$p -c '$(FIND)' 2>/dev/null && echo $$p && break; done)
PIP    := $(PY) -m pip --disable-pip-version-check install --quiet -c constraints.txt
NICER  := OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} PYTHONDONTWRITEBYTECODE=1

.PHONY: run test lint format bench attack soak clean help
.DEFAULT_GOAL := help

help:
	@sed -n '1,7s/^# \{0,1\}//p' Makefile

run: $(VENV)/.installed
	@exec $(PY) -m app serve

test: $(VENV)/.installed-dev
	@$(NICER) $(PY) -m pytest $(ARGS)

lint: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(VENV)/.installed-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(VENV)/.installed-dev
	@$(PY) -m pytest tests/benchmarks -s --timeout=0 $(if $(ONLY),-k '$(ONLY)') $(ARGS)

COUNT ?= 2000
SEED  ?= 1
attack: $(VENV)/.installed-dev
	@$(NICER) $(PY) -m tests.attack.mutated_pictures $(COUNT) --seed $(SEED)

SECONDS ?= 60
soak: $(VENV)/.installed-dev
	@$(NICER) $(PY) -m tests.attack.soak $(SECONDS) --seed $(SEED)

$(PY):
	@test -n "$(PYTHON)" || { echo "Creditline needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing (Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 2; }

$(VENV)/.torch: constraints.txt | $(PY)
	@if [ -n "$(TORCH_INDEX)" ]; then $(PIP) --index-url "$(TORCH_INDEX)" torch; fi
	@touch $@

$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.torch | $(PY)
	@echo "Installing Creditline (once; torch is large)" >&2
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .benchmarks
	find app core migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +
