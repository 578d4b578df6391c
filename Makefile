# Everything happens in .venv; nothing is installed system-wide.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# torch is installed by itself first: pinned, so that no other requirement can draw another build.
STAMP := $(VENV)/.installed

.PHONY: setup test lint demo demo-short hands-pictures notebook-pictures clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q torch==2.13.0
	$(BIN)/python -m pip install -q -e ".[live,service,words,lab,hands,tensorboard]" --group dev --group parity
	touch $@

lint: setup
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest --cov=fingerspell --cov-report=term

# DATA=folder chooses the photos; MINUTES bounds the training.
demo: setup
	$(BIN)/python -m fingerspell.cli.main demo $(if $(DATA),"$(DATA)") --out demo $(if $(MINUTES),--max-minutes $(MINUTES))

demo-short: setup
	$(BIN)/python -m fingerspell.cli.main demo $(if $(DATA),"$(DATA)") --out demo-short --short

# The pictures of docs/hands.md, rendered anew: after a change of src/fingerspell/hands.
hands-pictures: setup
	$(BIN)/python docs/make_hands_pictures.py

# The pictures of docs/notebook.md, from the figures in records/.
notebook-pictures: setup
	$(BIN)/python docs/make_notebook_pictures.py

clean:
	rm -rf $(VENV) demo demo-short .pytest_cache .mypy_cache .ruff_cache
