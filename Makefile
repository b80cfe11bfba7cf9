# SPDX-License-Identifier: Apache-2.0 OR MIT
# The door: verbs only. The build itself is CMake's; `make help` lists what there is.
BUILD  ?= build
JOBS   ?= $(shell nproc)
PYTHON ?= /usr/bin/python3
PREFIX ?= /usr/local

.DEFAULT_GOAL := help
.PHONY: help build demo demo-mcu test test-ci nightly test-programs unit sim sim-mutants fuzz bench bench-mcu lint firmware footprint asan coverage format install clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

build: ## every program, into build/bin
	@tools/setup build
	@tools/fetch-sources $(BUILD)/third-party
	@[ -e $(BUILD)/build.ninja ] || cmake --preset host >$(BUILD)/cmake.log || { cat $(BUILD)/cmake.log; exit 1; }
	@cmake --build $(BUILD) -j $(JOBS)

demo: build ## a private cloud and two devices: updates, refusals, reverts, factory return; ONLY=5,7 picks some
	@$(PYTHON) -B tests/demo/demo.py --bin $(BUILD)/bin $(if $(ONLY),--only $(ONLY))

demo-mcu: ## the same on a Cortex-M3 in QEMU: boot ROM, FreeRTOS, lwIP, Mbed TLS
	@tools/setup test
	@tools/fetch-sources --mcu $(BUILD)/third-party
	@$(MAKE) --no-print-directory build
	@cmake $(BUILD) >/dev/null && cmake --build $(BUILD) -j $(JOBS) --target mps2
	@$(PYTHON) -B tests/demo/demo.py --board mps2-an385 --bin $(BUILD)/bin $(if $(ONLY),--only $(ONLY))

test: test-programs ## every test but the long ones (10 minutes at most on 2 cores)
	@ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure

test-ci: test-programs ## what CI runs besides: the Cortex-M3 board's behaviours, its demo
	@ctest --test-dir $(BUILD) -C ci -L '^ci$$' -j $(JOBS) --output-on-failure

nightly: test-programs ## what takes long
	@ctest --test-dir $(BUILD) -C nightly -L '^nightly$$' -j $(JOBS) --output-on-failure

test-programs: # all that tests run
	@tools/setup test
	@tools/fetch-sources --mcu $(BUILD)/third-party
	@$(MAKE) --no-print-directory build
	@cmake --build $(BUILD) -j $(JOBS) --target test-programs

unit: build ## the unit tests only
	@cmake --build $(BUILD) -j $(JOBS) --target unit-tests
	@ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure -R '^unit/'

sim: build ## cut the power at every flash operation, in every way (3 minutes at most)
	@$(BUILD)/bin/daruma-sim

sim-mutants: build ## plant defects and require that the simulator finds each
	@tools/sim-mutants $(BUILD)

fuzz: ## fuzz every parser (SECONDS=30 each)
	@tools/setup lint
	@tools/fuzz-all $(or $(SECONDS),30)

bench: ## the figures, each beside what it is compared with; writes docs/performance.md
	@tools/setup bench
	@$(MAKE) --no-print-directory build
	@$(PYTHON) -B bench/run.py --bin $(BUILD)/bin

bench-mcu: ## the Cortex-M3 board: downloads, reset to main, memory; writes docs/performance-mcu.md
	@tools/setup bench
	@tools/fetch-sources --mcu $(BUILD)/third-party
	@$(MAKE) --no-print-directory build
	@cmake $(BUILD) >/dev/null && cmake --build $(BUILD) -j $(JOBS) --target mps2
	@$(PYTHON) -B bench/mps2_download.py --bin $(BUILD)/bin
	@$(PYTHON) -B bench/mps2_reset.py --bin $(BUILD)/bin
	@$(PYTHON) -B bench/mps2_memory.py --bin $(BUILD)/bin

lint: ## layers, style, headers, format, static analysis, device code gates
	@tools/setup lint
	@tools/fetch-sources --mcu $(BUILD)/third-party
	@tools/lint $(BUILD)

firmware: ## base, format and device for Cortex-M3
	@tools/setup test
	@tools/fetch-sources --mcu $(BUILD)/third-party
	@cmake --preset mcu >/dev/null && cmake --build $(BUILD)/mcu -j $(JOBS)

footprint: firmware ## sizes of the device code; writes docs/footprint.md, fails above the budget
	@tools/footprint $(BUILD)/mcu docs/footprint.md

asan: ## the tests with address and undefined-behaviour sanitizers
	@tools/setup test
	@tools/fetch-sources $(BUILD)/third-party
	@cmake --preset asan >/dev/null && cmake --build $(BUILD)/asan -j $(JOBS)
	@cmake --build $(BUILD)/asan -j $(JOBS) --target unit-tests
	@ctest --test-dir $(BUILD)/asan -j $(JOBS) --output-on-failure -R '^(unit|fuzz)/'

coverage: ## branch coverage of format, verify, slot, boot and agent (95 % each)
	@tools/setup lint
	@tools/fetch-sources $(BUILD)/third-party
	@cmake --preset coverage >/dev/null && cmake --build $(BUILD)/coverage -j $(JOBS) --target all unit-tests
	@tools/coverage $(BUILD)/coverage

format: ## lay out the C files
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: build ## programs into PREFIX (/usr/local)
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD) --prefix $(PREFIX) >/dev/null

clean: ## forget what was built (third-party sources stay)
	@find $(BUILD) -mindepth 1 -maxdepth 1 ! -name third-party -exec rm -rf {} +
