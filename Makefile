# `make help` lists what there is. Everything needs a Swift toolchain; what else is missing is installed.

SWIFT ?= swift
RUN_CAIRN = $(SWIFT) run -c release cairn

.DEFAULT_GOAL := help
.PHONY: help demo test mutants damage torture torture-night fuzz explore soak soak-queue soak-space bench bench-report bench-quick bench-check bench-test coverage format lint docs clean zstd peers valgrind

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: zstd  ## build, and let the agent review a hundred documents, be killed, and resume
	$(RUN_CAIRN) demo

test: zstd  ## build without a warning, and run every test
	scripts/build-and-test

torture: zstd  ## crashes, kills, full disks, interrupted calls, damage, changed bytes, and a table of it all: half an hour (EFFORT=short: a few, KILLS=200: only those, SEED=)
	SWIFT="$(SWIFT)" KILLS="$(KILLS)" SEED="$(SEED)" EFFORT="$(EFFORT)" scripts/torture

torture-night: zstd  ## the same again and again with new seeds, until something is not as promised (SECONDS=28800)
	SWIFT="$(SWIFT)" NIGHT="$(or $(SECONDS),28800)" SEED="$(SEED)" EFFORT="$(EFFORT)" scripts/torture

fuzz: zstd  ## five million changed inputs, with checksums that fit, to everything that reads bytes (EXECUTIONS=5000000, SEED=1)
	EXECUTIONS=$(EXECUTIONS) SEED=$(SEED) scripts/fuzz

explore: zstd  ## crash every workload at every moment, and let every call of it fail (STATES, RECOVERIES, FAULTS, SEED)
	SEED=$(SEED) STATES=$(STATES) RECOVERIES=$(RECOVERIES) FAULTS=$(FAULTS) scripts/explore

soak: zstd  ## write, kill and check every byte for ten minutes (SECONDS=600), and measure disk and memory
	$(RUN_CAIRN) soak mixed --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

soak-queue: zstd  ## a queue's head against a fresh store's (FULL=1: a million entries)
	$(RUN_CAIRN) soak queue $(if $(FULL),,--count 50000)

soak-space: zstd  ## space given back, and bytes written: checkpoints, removal (FULL=1: in full)
	$(RUN_CAIRN) soak checkpoints $(if $(FULL),,--count 2000 --runs 50 --quiet 30)
	$(RUN_CAIRN) soak checkpoints --superseding removal $(if $(FULL),,--count 2000 --runs 50 --quiet 30)
	$(RUN_CAIRN) soak removal $(if $(FULL),,--size 64)

bench: zstd peers  ## measure beside peers and the disk's own limit, some thirty minutes, and rewrite the reports (FULL=1: more)
	$(MAKE) -C Benchmarks bench SWIFT="$(SWIFT)" FULL="$(FULL)"

bench-report: zstd peers  ## rewrite the reports from what was measured last
	$(MAKE) -C Benchmarks bench-report SWIFT="$(SWIFT)"

bench-quick: zstd peers  ## run every benchmark for a moment: do they run at all?
	$(MAKE) -C Benchmarks bench-quick SWIFT="$(SWIFT)"

bench-check: zstd peers valgrind  ## instructions for each operation: within 5 % of the stored ones? (UPDATE=1: store them)
	$(MAKE) -C Benchmarks bench-check SWIFT="$(SWIFT)" UPDATE="$(UPDATE)"

bench-test: zstd peers  ## test the benchmarks' statistics and reports
	$(MAKE) -C Benchmarks bench-test SWIFT="$(SWIFT)"

mutants: zstd  ## plant some fifty deliberate bugs, one at a time: does a test notice each? (ONLY=name: that one)
	python3 -B Tests/Mutants/mutants.py $(if $(ONLY),--only $(ONLY))

damage: zstd  ## every byte, sector and length of every kind of file damaged
	scripts/damage

coverage: zstd  ## line coverage of the engine, in all and file by file
	scripts/coverage

format:  ## lay the sources out
	$(SWIFT) format -i --recursive --parallel $(SWIFT_FILES)

lint:  ## is everything laid out, and documented?
	$(SWIFT) format lint --strict --recursive --parallel $(SWIFT_FILES)

SWIFT_FILES = Package.swift Sources Tests $(wildcard Benchmarks/Package.swift Benchmarks/Sources Benchmarks/Tests)

docs: zstd  ## build the documentation of the libraries, below .build
	CAIRN_DOCS=1 $(SWIFT) package --scratch-path .build/docs generate-documentation --target Cairn
	CAIRN_DOCS=1 $(SWIFT) package --scratch-path .build/docs generate-documentation --target CairnEngine
	CAIRN_DOCS=1 $(SWIFT) package --scratch-path .build/docs generate-documentation --target CairnLogging
	CAIRN_DOCS=1 $(SWIFT) package --scratch-path .build/docs generate-documentation --target CairnMetrics
	CAIRN_DOCS=1 $(SWIFT) package --scratch-path .build/docs generate-documentation --target CairnTesting

clean:  ## remove what was built, and the demo's store
	rm -rf .build .build-optimized .build-mutants Benchmarks/.build cairn-demo cairn-demo-documents

zstd:
	@scripts/install-zstd

# For the benchmarks alone.
peers:
	@scripts/install-peers

valgrind:
	@scripts/install-peers valgrind
