# SPDX-License-Identifier: MIT
# Thin on purpose: each target is one script or one program; this file only names them.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory # of the makes that cmake starts
.PHONY: help setup build bench test lint compare report plots reference perf-stat apps kernel vm demo kernel-deb kernel-series install clean

help:           ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup:          ## install the Debian packages that build and bench need (NO_INSTALL=1: only check)
	@scripts/setup.sh build bench

build:          ## build/tabench, build/taworker
	@scripts/build.sh build

bench:          ## measure, chart, report  (PROFILE=smoke|default|full SUBJECTS= WORKLOADS= TARGETS=host|vm|host,vm RESUME=1 NO_INSTALL=1 NO_TUNE=1)
	@scripts/bench.sh

test:           ## every test; STAGES="name ..." picks some
	@scripts/test.sh $(STAGES)

lint:           ## format, static analysis and spelling of all sources
	@scripts/test.sh lint

compare:        ## what changed from BASE=dir to NEW=dir; OPTIONS="--all ..." (build/tabench compare --help)
	@build/tabench compare $(OPTIONS) "$(or $(BASE),$(error name both runs: make compare BASE=results/... NEW=results/...))" "$(or $(NEW),results/latest)"

report:         ## write the report of RUN=dir again
	@build/tabench report "$(or $(RUN),results/latest)"

plots:          ## draw the charts of RUN=dir again
	@scripts/plots.sh "$(or $(RUN),results/latest)"

reference:      ## make RUN=dir the reference run: results/reference and the figures of README.md
	@scripts/reference.sh "$(or $(RUN),$(error name a complete default run: make reference RUN=results/...))"

perf-stat:      ## perf stat over each cell, its counts beside the suite's own
	@scripts/perf-stat.sh

apps:           ## whole programs under several malloc libraries: time, memory, faults  (RUN=dir adds to that run)
	@scripts/apps.sh

kernel:         ## build the patched kernel (DEBUG=1: KASAN, lockdep, DEBUG_VM)
	@scripts/kernel.sh build

vm:             ## a shell in the patched kernel
	@scripts/vm.sh shell

demo:           ## 10 MB and 100 MB: reserve, read, write, free, and what each MB costs; here and in the VM
	@scripts/demo.sh

kernel-deb:     ## Debian packages of the patched kernel for a real machine (CONFIG= LOCALMOD=1)
	@scripts/kernel-deb.sh

kernel-series:  ## write and check the mailable patch series
	@scripts/kernel.sh series

install: build  ## libtamalloc (library, header, man page, package files) and tamstat  (PREFIX=/usr/local DESTDIR=)
	@for component in libtamalloc tamstat; do \
		cmake --install build --component $$component --prefix "$(or $(PREFIX),/usr/local)" || exit; \
	done

clean:          ## remove the build directories; results and the kernel cache stay
	@rm -rf build build-*
