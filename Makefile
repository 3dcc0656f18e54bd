# make venv | demo | test | workflow | photographs | networks | int8 | fuzz | faults | campaign | cluster | rehearsal | mutation | bench | gpu-report | lint | clean      (PYTHON=python3.12 make venv picks another Python ≥ 3.11)
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN = .venv/bin
READY = .venv/.ready

.PHONY: venv demo test workflow photographs networks int8 fuzz faults campaign cluster rehearsal mutation bench gpu-report lint clean

venv: $(READY)

# Stale when what it installs changed; made anew in one go, so that an interrupted install is repeated.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python must be at least 3.11, got %d.%d" % sys.version_info[:2])'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[fast,torch,workflow,slurm,export,deploy,timm,test]'
	@touch $@

demo: $(READY)
	@if $(BIN)/snakemake --dry-run results/digits_pareto.png --quiet rules 2>&1 | grep -q "Nothing to be done"; then \
		echo "Nothing to do: every result is up to date."; \
	else \
		$(BIN)/snakemake --cores $(CORES) results/digits_pareto.png; \
	fi
	@echo "The picture: $(CURDIR)/results/digits_pareto.png"

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile

# Real runs of Snakemake, from data to picture, report and deployment; apart from `make test` for their length.
# Files in their own order: by number of tests, as usual, the longest tests would come last, in one process alone.
workflow: $(READY)
	$(BIN)/python -m pytest tests/workflow -n auto --dist loadfile --no-loadscope-reorder --override-ini addopts=-q

# Photographs of many sizes and wrappings, and how much memory they take; ERDE_PHOTOGRAPHS=20000 for as many.
photographs: $(READY)
	$(BIN)/python -m pytest tests/photographs -n auto --dist loadfile --override-ini addopts=-q

# Every network family from training to decisions, four of them in one run from experiment file to picture.
networks: $(READY)
	$(BIN)/python -m pytest tests/networks -n auto --override-ini addopts=-q

# Networks in 8 bits, of every family; apart from `make test` for its length.
int8: $(READY)
	$(BIN)/python -m pytest tests/int8 -n auto --dist loadfile --override-ini addopts=-q

# Damaged files of every kind; apart from `make test` for its length.
fuzz: $(READY)
	$(BIN)/python -m pytest tests/fuzz -n auto --dist loadfile --override-ini addopts=-q

# Minutes of SIGKILL, full disks and second trainers; apart from `make test` for its length. Side by side, for they wait.
faults: $(READY)
	$(BIN)/python -m pytest tests/faults -n 2 --dist loadfile --override-ini addopts=-q -rA

# Many more damaged files, every mutation, 6,000 streams under the guard, 8,000 certificates, 35 endings of each job; CASES=1000000 for a night.
CASES ?= 20000
campaign: $(READY)
	$(BIN)/python -m tests.fuzz.campaign all --cases $(CASES)
	$(BIN)/python tests/mutation/run.py
	$(BIN)/python -m tests.erde_core.watch_streams
	$(BIN)/python -m tests.erde_core.scores.guarantee
	$(BIN)/python -m pytest tests/faults/test_kills.py -k kills_change --kills 35 --override-ini addopts=-q -rA

# A GPU that is none: devices that must not be mixed, waits per step, and the CPU's bits.
rehearsal: $(READY)
	$(BIN)/python -m pytest tests/gpu_rehearsal --override-ini addopts=-q -rA

# A real Slurm of one node, which needs root and slurmctld, slurmd, slurm-client and munge; else all is skipped.
# Each of four processes has a Slurm of its own, for most of the time they wait.
cluster: $(READY)
	$(BIN)/python -m pytest tests/cluster -n 4 --dist worksteal --override-ini addopts=-q -rA

# Breaks the mathematics in many small ways and asks the tests to notice each; every third way, all in a campaign.
mutation: $(READY)
	$(BIN)/python tests/mutation/run.py --every 3

# The second run keeps freed memory, where glibc would give it back: see docs/performance.md.
BENCH = .benchmarks/run
KEEP_MEMORY = MALLOC_TRIM_THRESHOLD_=2147483647 MALLOC_MMAP_THRESHOLD_=2147483647
bench: $(READY)
	mkdir -p .benchmarks
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-only --benchmark-json $(BENCH).json
	$(KEEP_MEMORY) $(BIN)/python -m pytest benchmarks/test_sweep.py --benchmark-enable --benchmark-only --benchmark-json $(BENCH)-memory-kept.json
	$(BIN)/python benchmarks/table.py $(BENCH).json
	$(BIN)/python benchmarks/table.py $(BENCH)-memory-kept.json

# For whoever has a GPU: parity, throughput, guard, graph, latency and memory in one file, gpu-report/report.md.
gpu-report: $(READY)
	$(BIN)/python -m benchmarks.gpu_report

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/lint-imports
	$(BIN)/mypy

# Everything that runs made, unfinished trainings included; the data sets under data/ stay. `results/`, not
# `results`: where that is a link to another disk, find must look behind it.
clean:
	@find results/ -mindepth 1 ! -name README.md ! -type d -print | wc -l | xargs printf 'Removing %s files under $(CURDIR)/results\n'
	@find results/ -mindepth 1 -depth ! -path results/README.md -delete
	rm -rf .snakemake/metadata .snakemake/incomplete .snakemake/locks
