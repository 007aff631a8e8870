# `make help` lists the targets. PYTHON and MACHINE can be given: `make run MACHINE=my-machine.tmesh`.
PYTHON ?= python3
MACHINE ?= SUN3

# `make conformance VECTORS=DIR` takes its single-instruction vectors from there, ARGS are its options.
.PHONY: help run test slow conformance bench lint format wheel firmware graph clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: ## run MACHINE, by default SUN3
	$(PYTHON) -m tme $(MACHINE)

test: ## the tests, without those that take minutes
	$(PYTHON) -m pytest -q

slow: ## only the tests that take minutes
	$(PYTHON) -m pytest -q -m slow

conformance: ## what other implementations say about the processors (VECTORS=folder, ARGS=--help)
	$(if $(VECTORS),TME_VECTORS=$(abspath $(VECTORS))) $(PYTHON) -m tests.conformance $(ARGS)

bench: ## compiled programs against native and QEMU (PROGRAMS=folder of C files, JSON=file, COMPARE=old file, ARGS=--help)
	$(PYTHON) -m tests.bench.run $(if $(PROGRAMS),--programs $(PROGRAMS)) $(if $(JSON),--json $(JSON)) \
		$(if $(COMPARE),--compare $(COMPARE)) $(ARGS)

lint: ## ruff and mypy
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

format: ## let ruff rewrite the sources
	$(PYTHON) -m ruff format .

wheel: ## build the wheel into dist/
	$(PYTHON) -m build --wheel

firmware: ## rebuild the firmware images (needs gcc-m68k-linux-gnu)
	$(MAKE) -C firmware

graph: ## draw MACHINE as build/machine.svg
	@mkdir -p build
	$(PYTHON) -m tme --graph build/machine.svg $(MACHINE)

clean: ## remove what was built
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
