# Everything happens in .venv; nothing is installed system-wide.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# torch is installed by itself first: pinned, so that no other requirement can draw another build.
STAMP := $(VENV)/.installed

# The page in the browser: its sources' tools, and the browser that its tests drive.
PAGE_TOOLS := web/node_modules/.installed

# Other people's programs, for the benchmarks only.
PEERS := .venv-peers
PEERS_STAMP := $(PEERS)/.installed

.PHONY: setup test coverage lint page page-test browser demo demo-short hands-pictures page-picture notebook-pictures bench-peers bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q torch==2.13.0
	$(BIN)/python -m pip install -q -e ".[live,service,words,lab,hands,tensorboard]" --group dev --group parity
	touch $@

$(PAGE_TOOLS): web/package-lock.json
	@command -v npm >/dev/null || { echo "the page's tests need Node.js 20.19 or newer with npm: see nodejs.org"; exit 1; }
	cd web && npm ci
	touch $@

# The page as it is shipped, in src/fingerspell/live/service/page: after a change below web/. See web/README.md.
page: $(PAGE_TOOLS)
	cd web && npm run build

# Types, style, tests; and the committed page is what the sources build, byte for byte.
page-test: $(PAGE_TOOLS)
	cd web && npm run check && npm test
	cd web && npx vite build --logLevel warn --outDir node_modules/.page --emptyOutDir
	diff -r web/node_modules/.page src/fingerspell/live/service/page

# Chromium for the browser tests; CHROMIUM names another one.
browser:
	@if [ -z "$$CHROMIUM" ] && ! command -v chromium >/dev/null; then \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| { echo "the browser tests need Chromium: install it, or set CHROMIUM to its path"; exit 1; }; fi

lint: setup
	$(BIN)/ruff format --check src tests benchmarks docs web/*.py
	$(BIN)/ruff check src tests benchmarks docs web/*.py
	$(BIN)/mypy
	$(BIN)/lint-imports

# The browser tests mostly wait for a camera to play: they run beside the others, with some that make the halves alike,
# and are shown after them.
BESIDE := tests/browser tests/hands tests/live
BESIDE_LOG := $(VENV)/tests-beside.log

test: lint page-test browser
	@$(BIN)/python -m pytest $(BESIDE) > $(BESIDE_LOG) 2>&1 & beside=$$!; \
	$(BIN)/python -m pytest $(BESIDE:%=--ignore=%); code=$$?; \
	wait $$beside; other=$$?; cat $(BESIDE_LOG); [ $$code -eq 0 ] && [ $$other -eq 0 ]

# The same with the lines that no test reaches; takes half as long again.
coverage: setup
	$(BIN)/python -m pytest --cov=fingerspell --cov-report=term

# DATA=folder chooses the photos; MINUTES bounds the training.
demo: setup
	$(BIN)/python -m fingerspell.cli.main demo $(if $(DATA),"$(DATA)") --out demo $(if $(MINUTES),--max-minutes $(MINUTES))

demo-short: setup
	$(BIN)/python -m fingerspell.cli.main demo $(if $(DATA),"$(DATA)") --out demo-short --short

# The pictures of docs/hands.md, rendered anew: after a change of src/fingerspell/hands.
hands-pictures: setup
	$(BIN)/python docs/make_hands_pictures.py

# The picture of the page in README.md: after a change below web/, or of the recogniser that comes with the package.
page-picture: setup browser
	$(BIN)/python docs/make_page_picture.py

# The pictures of docs/notebook.md, from the figures in records/.
notebook-pictures: setup
	$(BIN)/python docs/make_notebook_pictures.py

# Keras 3 on TensorFlow and on torch, and other libraries that do a part of the work: 2.6 GB.
bench-peers: $(PEERS_STAMP)

$(PEERS_STAMP): benchmarks/peers/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q --upgrade "pip>=25.1"
	$(PEERS)/bin/python -m pip install -q torch==2.13.0
	$(PEERS)/bin/python -m pip install -q -r benchmarks/peers/requirements.txt
	touch $@

# How fast everything is, beside others: see docs/performance.md. DATA=folder names photos, in class folders. Takes an
# hour or two, alone on the machine; each table goes into bench/ too. A benchmark that fails does not end the others.
# Called again it goes on with what has no table yet; remove bench/ to measure all anew.
bench: setup bench-peers
	@[ -n "$(DATA)" ] || { echo "which photos? make bench DATA=folder, a folder with one folder for each class"; exit 2; }
	@mkdir -p bench; failed=; \
	run() { name=$$1; shift; \
		if [ -f bench/$$name.txt ]; then echo "== $$name: bench/$$name.txt is there already"; return; fi; \
		echo "== $$name"; \
		if $(BIN)/python benchmarks/$$name.py "$$@" > bench/$$name.part; \
		then mv bench/$$name.part bench/$$name.txt; cat bench/$$name.txt; \
		else failed="$$failed $$name"; fi; }; \
	run startup; run inference; run quantised; run input "$(DATA)"; run convolution; \
	run end_to_end "$(DATA)"; run growth "$(DATA)"; run time_to_result "$(DATA)"; run training_step; \
	[ -z "$$failed" ] || { echo "without a result:$$failed"; exit 1; }

clean:
	rm -rf $(VENV) $(PEERS) web/node_modules demo demo-short bench .pytest_cache .mypy_cache .ruff_cache
