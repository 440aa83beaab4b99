# The one door to this project: `make help` prints what it can do. Only Swift and apt-get need to be here beforehand.

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
SIZE ?= 1GiB
BENCH_ARGS ?=
TEST_TIMEOUT ?= 35m
TEST_ARGS ?=

# Stripped, and nothing in it for other programs to link with: that is a tenth of the size.
LINKER_FLAGS := -Xlinker -s -Xlinker --icf=safe -Xlinker --no-export-dynamic
RELEASE := $(CURDIR)/.build/release
BINARIES := $(addprefix $(RELEASE)/,collect pack ship)

# What it takes to build, to run and to see the demo; what the tests, the lint and the benchmarks need besides. The third
# line of DEPS is what Swift's own programs are linked with: an archive of Swift that was unpacked brings none of it.
DEPS := libarchive-dev libdeflate-dev libisal-dev liblzma-dev zlib1g-dev libtomlplusplus-dev libcurl4-openssl-dev libexpat1-dev \
    pkg-config g++ make git ca-certificates tzdata openssh-client \
    libncurses6 libsqlite3-0 libxml2 libcurl4
DEPS_TEST := openssh-server openssh-sftp-server procps rsync strace pigz isal libdeflate-tools zstd libarchive-tools \
    'busybox-static|busybox' python3 mandoc attr acl e2fsprogs xz-utils curl systemd openssl radosgw ceph-mon ceph-osd \
    ceph-common nfs-ganesha nfs-ganesha-vfs rpcbind 'libnfs13|libnfs14' python3-fusepy python3-venv dpkg-dev lintian \
    debootstrap awscli
DEPS_BENCH := rclone

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps deps-test deps-bench build demo test bench lint install deb clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'make install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)'
	@echo 'make bench   SIZE=$(SIZE) BENCH_ARGS="pack pack-small memory --rounds 3" (bench/bench.py --help)'
	@echo 'make test    TEST_ARGS="--filter NAME" TEST_TIMEOUT=$(TEST_TIMEOUT)'

deps: ## install the Debian packages needed to build and run, where missing
	@scripts/deps.sh $(DEPS)

deps-test: ## install those that the tests and the lint need besides, and Python packages into .build/python
	@scripts/deps.sh $(DEPS_TEST)
	@scripts/python.sh '$(CURDIR)/.build/python' Tests/requirements.txt

deps-bench: ## install the peers of the benchmarks, and Python packages into .build/python-bench
	@scripts/deps.sh $(DEPS_BENCH)
	@scripts/python.sh '$(CURDIR)/.build/python-bench' bench/requirements.txt

# Release is never strict and debug (below) always is: COLDCHAIN_STRICT changes the flags of every file, so switching it
# within one configuration would rebuild everything. One invocation, since --product takes only one name.
build: deps ## build collect, pack and ship into .build/release
	env -u COLDCHAIN_STRICT $(SWIFT) build -c release --static-swift-stdlib $(LINKER_FLAGS)

demo: build ## show a whole night on this machine, in a scratch directory
	COLDCHAIN_BIN='$(RELEASE)' scripts/demo.sh

# The time limit covers the debug build and the tests. At a terminal the limit stays in the foreground, so that Ctrl-C
# ends the tests; elsewhere it ends the whole process group, whatever a hanging test has started.
test: export COLDCHAIN_STRICT = 1
test: export COLDCHAIN_BIN = $(RELEASE)
# Not all at once: a test's time limit counts from when it may begin, not from when a core is free for it.
test: export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 6
test: deps-test build ## build with warnings as errors and run all tests against the release binaries
	foreground=; if [ -t 0 ]; then foreground=--foreground; fi; \
	timeout $$foreground --kill-after=30s $(TEST_TIMEOUT) \
	    sh -c '$(SWIFT) build --build-tests --explicit-target-dependency-import-check error && exec $(SWIFT) test --skip-build $(TEST_ARGS)'

bench: deps-test deps-bench build ## measure against the stock tools, side by side (SIZE=1GiB BENCH_ARGS=...)
	python3 bench/bench.py --bin '$(RELEASE)' --size $(SIZE) $(BENCH_ARGS)

lint: deps deps-test ## check formatting, man pages and scripts
	@SWIFT='$(SWIFT)' scripts/lint.sh

install: $(BINARIES) ## install under DESTDIR/PREFIX: tools, man pages, units, completions, examples
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BIN='$(RELEASE)' scripts/install.sh

deb: $(BINARIES) ## make a Debian package in .build/deb
	@scripts/deps.sh dpkg-dev lintian xz-utils
	@BIN='$(RELEASE)' scripts/deb.sh

# Only when a binary is missing: `sudo make install` after `make build` compiles nothing as root.
$(BINARIES):
	$(MAKE) build

clean: ## remove what was built and measured
	rm -rf .build bench/out
	find bench -name __pycache__ -prune -exec rm -rf {} +
