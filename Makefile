# `make demo` and `make test` do everything in an empty clone: they make .venv, build, and do their job.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
COMPILED := $(wildcard $(foreach kind,pyx pxd pxi cpp h,fastws/*.$(kind) fastws/_native/*.$(kind)))
ON_ALL_CORES := -n auto --dist worksteal
AND_MARKS = $(if $(MARKS), and ($(MARKS)))
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE  # each worker, and each process of a test, would compile the modules anew

.DEFAULT_GOAL := help
.PHONY: help demo test sanitize chaos coverage build lint types bench bench-agree bench-guard bench-compare testnet dist smoke annotate clean

help:  ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z%-]+):.*## /  make \1\t/' | expand -t 18

demo: $(VENV)/built  ## log on, trade and time a strategy on the embedded exchange
	$(BIN)/python -m fastws demo $(ARGS)

# Without ARGS the suite runs on all cores; what is marked "alone", since it measures time or memory, follows on one.
# MARKS narrows both: make test MARKS="not slow". pytest ends with 5 where it found no test.
test: $(VENV)/built $(VENV)/tests  ## run the test suite, or a part of it: make test ARGS=tests/_native/test_cork.py
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	@failed=0; \
	$(BIN)/python -m pytest $(ON_ALL_CORES) -m "not alone$(AND_MARKS)" || failed=$$?; \
	$(BIN)/python -m pytest -m "alone$(AND_MARKS)" $$(grep -rlw mark.alone tests --include='test_*.py') \
		|| [ $$? = 5 ] || failed=1; \
	exit $$failed
endif

build: $(VENV)/built  ## compile what changed

test-on-%:  ## run the suite on another CPython, in an environment of its own: make test-on-3.13
	$(MAKE) test VENV=build/venv-$* PYTHON="$$(tools/find-python $*)"

lint: $(VENV)/built $(VENV)/lint  ## ruff, cython-lint, codespell, and who may import whom
	ruff check .
	ruff format --check .
	cython-lint fastws
	codespell
	PYTHONPATH=tools lint-imports --no-cache --no-logo
	$(BIN)/python tools/check_cimports.py
	$(BIN)/python tools/make_stubs.py --check
	$(BIN)/python tools/make_methods_page.py --check
	$(BIN)/python tools/make_lifecycle_page.py --check
	$(BIN)/python bench/report.py --check

types: $(VENV)/built $(VENV)/lint $(VENV)/tests  ## mypy, stubtest of the compiled modules, and uses of fastws under mypy and pyright
	mypy --strict fastws
	$(BIN)/python tools/check_stubs.py
	$(BIN)/python -m pytest -q tests/typing

chaos: $(VENV)/built $(VENV)/tests  ## requests and faults from seeds, and a checker: make chaos SEED=1 SECONDS=120
	cd tests && ../$(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

# The build in the tree stays as it is. Reports come on stderr, which pytest must not take.
SANITIZED := build/sanitize
SANITIZE_ENV = PYTHONPATH=$(SANITIZED)/lib PYTHONMALLOC=malloc \
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0:strict_memcmp=1 UBSAN_OPTIONS=print_stacktrace=1

sanitize: $(VENV)/built $(VENV)/tests  ## run the tests of the decoders with AddressSanitizer and UBSan
	FASTWS_SANITIZE=address,undefined $(BIN)/python setup.py -q build --build-base $(SANITIZED) --build-lib $(SANITIZED)/lib
	$(SANITIZE_ENV) $(BIN)/pytest -p no:cacheprovider --capture=sys \
		$(or $(ARGS),tests/sbe tests/fuzz tests/feeds/test_market_sbe.py tests/feeds/test_market_json.py \
			tests/_native/test_json_views.py tests/_native/test_sanitized.py)

coverage: $(VENV)/built $(VENV)/tests  ## count which lines the tests run, in a build of its own; needs gcc
	$(BIN)/python tools/measure_coverage.py $(ARGS)

bench: $(VENV)/built $(VENV)/tests  ## run the benchmarks, print the ratios, write bench/results and docs/performance.md
	mkdir -p bench/results/raw
	$(BIN)/python -m pytest bench -p no:cacheprovider --benchmark-only --benchmark-json=bench/results/raw/latest.json $(ARGS)
	$(BIN)/python bench/report.py $(if $(ARGS),,--save)

bench-agree: $(VENV)/built  ## compare the two newest runs of the benchmarks, or ARGS="ONE.json OTHER.json"
	$(BIN)/python bench/report.py --agree $(ARGS)

bench-guard: $(VENV)/built $(VENV)/tests  ## count the instructions of the hot stages beside those of the merge base; needs valgrind
	$(BIN)/python bench/instructions.py $(if $(BASE),--base $(BASE)) $(ARGS)

bench-compare: $(VENV)/built $(VENV)/tests  ## time rows of the benchmarks for two commits: make bench-compare BASE=v0.1.0 ARGS="-k envelope"
	$(BIN)/python bench/rows.py $(if $(BASE),--base $(BASE)) -- $(ARGS)

testnet: $(VENV)/built  ## record a session with the test network, with your key, compare the emulator with it, verify readings
	$(BIN)/python tools/testnet.py $(ARGS)

dist: $(VENV)/built $(VENV)/lint  ## build the sdist, and a wheel from it, into dist/
	rm -rf dist
	$(BIN)/python -m build -q
	$(BIN)/python tools/check_dist.py

smoke: dist  ## install the wheel in an environment of its own, and use it
	rm -rf build/smoke
	$(BIN)/python -m venv build/smoke
	build/smoke/bin/python -m pip --disable-pip-version-check -q install dist/*.whl
	cd build/smoke && bin/python -m fastws demo --orders 200

annotate: $(VENV)/python  ## write Cython's annotated listings, as .html beside each module
	FASTWS_ANNOTATE=1 $(BIN)/python setup.py -q build_ext --inplace --force

clean:  ## remove what was built; keep .venv
	rm -rf build dist *.egg-info fastws/_built_with.py
	rm -f $(foreach kind,so c html,fastws/*.$(kind) fastws/_native/*.$(kind)) fastws/_native/json.cpp
	rm -f $(VENV)/built

# Each stamp stands for one set of packages; pip is asked again only when what it depends on changed.

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "fastws needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip "setuptools>=77"
	@touch $@

$(VENV)/packages: pyproject.toml $(VENV)/python
	$(PIP) install --group build --group run
	@touch $@

$(VENV)/built: $(VENV)/packages setup.py $(COMPILED)
	PYTHONWARNINGS=ignore $(PIP) install --no-build-isolation --no-deps --config-settings editable_mode=compat -e .
	@touch $@

$(VENV)/tests: pyproject.toml $(VENV)/python
	$(PIP) install --group test --group peers --group bench
	@touch $@

$(VENV)/lint: pyproject.toml $(VENV)/python
	$(PIP) install --group lint
	@touch $@
