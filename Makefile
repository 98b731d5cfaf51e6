# forkcast - one Makefile, not recursive.  Flavours build side by side in build/<flavour>/.
#
#   make            release binary at build/release/forkcast
#   make run        install what is missing, build, serve the sample conf (PROFILE=x: conf/profiles/x.conf)
#   make check      install what the tests need, build with -Werror, test (this is what CI runs)
#   make unit       the unit tests alone; make asan, make tsan: build and run them under a sanitizer
#   make check-asan all of make check with the server, and everything in C, under ASan and UBSan (15 to 20 minutes)
#   make install    to PREFIX (/usr/local), the conf to CONFDIR (/etc/forkcast); DESTDIR is honoured
#   make clean      removes build/
#   make help       this list

.DEFAULT_GOAL := all
SHELL := /bin/bash
.DELETE_ON_ERROR:

FLAVOUR ?= release
Q := $(if $(V),,@)
B := build/$(FLAVOUR)

PKGS := libevent_core jansson libjwt libsodium libconfuse libssl libcrypto liburing zlib
CC := gcc
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
	-Wpointer-arith -Wwrite-strings -Wno-missing-field-initializers
WERROR ?= -Werror
CFLAGS_release := -O2 -g
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LIBS_release := -ljemalloc

CPPFLAGS := -I. -D_GNU_SOURCE -MMD -MP
CFLAGS := -std=c11 $(WARN) $(WERROR) $(CFLAGS_$(FLAVOUR)) -fstack-protector-strong -fno-strict-aliasing
LDFLAGS := $(filter -fsanitize=%,$(CFLAGS_$(FLAVOUR))) -pie
LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lwslay -llmdb -lhttp_parser $(LIBS_$(FLAVOUR)) -lpthread

LEAF_DIRS := proto shm conf
SRC := $(sort $(wildcard $(addsuffix /*.c,$(LEAF_DIRS) worker master)))
MAIN := master/main.c
LIBOBJ := $(patsubst %.c,$(B)/%.o,$(filter-out $(MAIN),$(SRC)))
UNITSRC := $(sort $(wildcard tests/unit/t_*.c))
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNITSRC))

.PHONY: all
all: $(B)/forkcast

$(B)/forkcast: $(B)/master/main.o $(B)/libforkcast.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libforkcast.a: $(LIBOBJ)
	rm -f $@
	ar qcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC   $@'
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE -c -o $@ $<

$(B)/tests/%: tests/unit/%.c $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(LDFLAGS) -o $@ $< $(B)/libforkcast.a $(LIBS) -lcmocka

.PHONY: unit
unit: $(UNIT)
	@scripts/run-unit $(B)/tests $(notdir $(UNIT))

.PHONY: asan tsan check-asan
asan tsan:
	$(MAKE) FLAVOUR=$@ all unit
check-asan:
	$(MAKE) FLAVOUR=asan check

# --- store and keeper -------------------------------------------------------------------------------------------------
# Deaths of the keeper: at random under load, and after each instruction of a commit.  The long form takes minutes.
STORE_TORTURE := $(B)/torture/keeper_kill $(B)/torture/commit_step
$(STORE_TORTURE): $(B)/torture/%: tests/torture/%.c $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(LDFLAGS) -o $@ $< $(B)/libforkcast.a $(LIBS)
$(B)/bench/micro_store: bench/micro_store.c $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(LDFLAGS) -o $@ $< $(B)/libforkcast.a $(LIBS)

.PHONY: torture torture-short torture-store torture-store-short bench-store
torture: torture-store
torture-short: torture-store-short
torture-store: $(STORE_TORTURE)
	$(B)/torture/keeper_kill 10000
	$(B)/torture/commit_step 1000
torture-store-short: $(STORE_TORTURE)
	$(B)/torture/keeper_kill 100
	$(B)/torture/commit_step 10
#   make bench-store      what a session costs the keeper and the store
bench-store: $(B)/bench/micro_store
	$(B)/bench/micro_store 10000
	$(B)/bench/micro_store 100000
# --- end of store and keeper ------------------------------------------------------------------------------------------

# --- run, check, install --------------------------------------------------------------------------------------------
# Other parts add their checks to CHECKS; each is a target that fails when something is wrong.
CHECKS := layers unit e2e-master
E2E_TIMEOUT ?= 600

.PHONY: run deps-build deps-check check layers e2e-master install help
deps-build deps-check deps-bench: deps-%:
	@scripts/deps $*

run: deps-build
	@$(MAKE) --no-print-directory -j$$(nproc) all
	$(B)/forkcast --dev -c $(if $(PROFILE),conf/profiles/$(PROFILE).conf,conf/forkcast.conf)

# What they need is built side by side.  They run in turn, not side by side: the tests of one part must not slow down another's.
check: deps-build deps-check
	@$(MAKE) --no-print-directory -j$$(nproc) all $(UNIT) $(STORE_TORTURE) $(CLUSTER_TOOLS)
	@for c in $(CHECKS); do $(MAKE) --no-print-directory $$c || exit 1; done

layers:
	@scripts/check-layers

e2e-master: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) scripts/run-node $(sort $(wildcard tests/e2e/master_*.mjs))

PREFIX ?= /usr/local
CONFDIR ?= /etc/forkcast

# The conf is yours: one that is there is never written over.
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(CONFDIR) $(DESTDIR)$(PREFIX)/share/forkcast/profiles/events
	install -m 755 $(B)/forkcast $(DESTDIR)$(PREFIX)/bin/forkcast
	install -m 644 conf/profiles/*.conf $(DESTDIR)$(PREFIX)/share/forkcast/profiles/
	install -m 644 conf/profiles/events/*.conf $(DESTDIR)$(PREFIX)/share/forkcast/profiles/events/
	install -m 644 conf/forkcast.conf $(DESTDIR)$(PREFIX)/share/forkcast/forkcast.conf
	install -d $(DESTDIR)$(PREFIX)/share/forkcast/client
	install -m 644 $(B)/client/*.* $(DESTDIR)$(PREFIX)/share/forkcast/client/
	test -e $(DESTDIR)$(CONFDIR)/forkcast.conf || install -m 640 conf/forkcast.conf $(DESTDIR)$(CONFDIR)/forkcast.conf

help:
	@sed -n 's/^#   \(make .*\)/  \1/p' Makefile
# --- end of run, check, install -------------------------------------------------------------------------------------

# --- client ---------------------------------------------------------------------------------------------------------
# What browsers get: npm's socket.io-client and the console.  Without npm make goes on, and a line says what is missing.
CLIENT := $(B)/client/complete
$(CLIENT): scripts/client client/package-lock.json $(wildcard client/console/*)
	@scripts/client $(@D)
all: $(CLIENT)

#   make browser          the console in headless Chromium; screenshots in build/
.PHONY: browser
browser: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) scripts/run-node tests/browser/console.mjs
CHECKS += browser
# --- end of client --------------------------------------------------------------------------------------------------

# --- shm/ -----------------------------------------------------------------------------------------------------------
#   make torture          kills, stops, crawls and a full tmpfs against the shared memory, the long version (a minute)
#   make torture-short    the same in a few seconds
#   make bench-micro      nanoseconds and instructions of the operations of rings and windows
#   make model            the protocol of ring and doorbell in Spin
#
# The thread sanitizer does not model fences, and says so.  The words of a ring are relaxed atomics on both sides, so
# there is no race for it to miss a fence for; what the fences order is tested by tests/torture and t_doorbell.
ifeq ($(FLAVOUR),tsan)
CFLAGS += -Wno-tsan
endif
# t_segment makes the allocation fail at will.
$(B)/tests/t_segment: LDFLAGS += -Wl,--wrap=posix_fallocate

CHECKS += torture-short
TORTURE := step kill slow full
KILLS ?= 10000

.PHONY: torture torture-short bench-micro model
$(addprefix $(B)/torture/,$(TORTURE)): $(B)/torture/%: tests/torture/%.c $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(LDFLAGS) -o $@ $< $(B)/libforkcast.a $(LIBS)

torture: $(addprefix $(B)/torture/,$(TORTURE))
	$(B)/torture/step
	$(B)/torture/kill $(KILLS)
	$(B)/torture/slow
	$(B)/torture/full

torture-short: $(addprefix $(B)/torture/,$(TORTURE))
	@set -o pipefail; $(B)/torture/step short | tail -1
	@$(B)/torture/kill 300
	@$(B)/torture/slow
	@$(B)/torture/full

$(B)/bench/micro_ring $(B)/bench/micro_window: $(B)/bench/%: bench/%.c $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(LDFLAGS) -o $@ $< $(B)/libforkcast.a $(LIBS)

bench-micro: $(B)/bench/micro_ring $(B)/bench/micro_window
	@scripts/bench-micro $(B)/bench/micro_ring
	@scripts/bench-micro $(B)/bench/micro_window

model:
	@scripts/model tests/model/ring.pml build/model
# --- end of shm/ ----------------------------------------------------------------------------------------------------

# --- mistakes -------------------------------------------------------------------------------------------------------
#   make mistakes         every message that conf/ has for a mistake is brought up by a row of tests/unit/conf_mistakes.h
.PHONY: mistakes
mistakes: $(B)/tests/t_conf_mistakes
	@scripts/check-mistakes $<
CHECKS += mistakes
# --- end of mistakes ------------------------------------------------------------------------------------------------

# --- fuzz -----------------------------------------------------------------------------------------------------------
#   make fuzz             the fuzzers of tests/fuzz, in build/fuzz/: run one as build/fuzz/json build/fuzz/corpus/json
#   make fuzz-short       each of them for FUZZ_SECONDS (5) on its dictionary and corpus
# A crash leaves its input in build/fuzz/; it becomes a file of tests/fuzz/corpus/, and fails there until it is mended.
FUZZ_CC := clang
FUZZ_SECONDS ?= 5
FUZZ_FLAGS := -std=c11 -O1 -g -w -fno-omit-frame-pointer -fno-strict-aliasing -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# Leaves, and what of a worker needs nothing but them.
FUZZ_OBJ := $(patsubst %.c,build/fuzz/obj/%.o,$(sort $(wildcard proto/*.c conf/*.c)) worker/arena.c worker/fields.c \
	worker/field_value.c)

.PHONY: fuzz fuzz-short
fuzz: $(addprefix build/fuzz/,$(FUZZERS))

build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo '  FUZZ $@'
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/libforkcast.a: $(FUZZ_OBJ)
	rm -f $@
	$(Q)ar qcs $@ $^

$(addprefix build/fuzz/,$(FUZZERS)): build/fuzz/%: tests/fuzz/fuzz_%.c build/fuzz/libforkcast.a
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< build/fuzz/libforkcast.a $(filter-out -ljemalloc,$(LIBS))

fuzz-short: fuzz
	@scripts/run-fuzz $(FUZZ_SECONDS) $(FUZZERS)

CHECKS += fuzz-short
-include $(shell find build/fuzz -name '*.d' 2>/dev/null)
# --- end of fuzz ----------------------------------------------------------------------------------------------------

# --- e2e ------------------------------------------------------------------------------------------------------------
#   make e2e              real clients against running servers; FORKCAST=build/asan/forkcast takes another binary
# Two files at a time, each with servers of its own: tests wait for what they expect, and half of the time they wait.
# Names with an underscore are tests, those of the master apart; the others are what tests share.
E2E := $(filter-out tests/e2e/master_%,$(sort $(wildcard tests/e2e/*_*.mjs)))

.PHONY: e2e
e2e: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) scripts/run-node $(E2E)

CHECKS += e2e
# --- end of e2e -----------------------------------------------------------------------------------------------------

# --- kits -----------------------------------------------------------------------------------------------------------
#   make kits             the packages for backends, client/node and client/python: their tests, and each example of theirs
# Debian's Python, because python3-socketio is its; the kit itself runs on any from 3.9 on.
KITS_PYTHON ?= /usr/bin/python3
KITS_ENV = FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) PYTHONDONTWRITEBYTECODE=1
KITS_NODE := $(sort $(wildcard client/node/test/*.mjs))

.PHONY: kits
kits: $(if $(FORKCAST),,all)
	@for f in client/node/index.mjs client/node/lib/*.js $(KITS_NODE) client/node/test/support/*.mjs; do node --check $$f || exit 1; done
	@$(KITS_PYTHON) -W error -c 'import pathlib, sys; \
		[compile(f.read_bytes(), f, "exec") for f in pathlib.Path("client/python").rglob("*.py")]'
	@$(KITS_ENV) scripts/run-node $(KITS_NODE)
	@$(KITS_ENV) timeout $(E2E_TIMEOUT) $(KITS_PYTHON) -W error -m unittest discover -s client/python -t client/python

CHECKS += kits
# --- end of kits ----------------------------------------------------------------------------------------------------

# --- requirements ---------------------------------------------------------------------------------------------------
#   make requirements     what five systems need, row by row, against the profiles that serve them: a table
#   make requirements-mutate [ONLY=mlg]  the same with each block of a profile taken out: what does no test miss? (15 minutes)
.PHONY: requirements requirements-mutate
requirements: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) node tests/requirements/table.mjs

requirements-mutate: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) node tests/requirements/mutate.mjs $(ONLY)

CHECKS += requirements
# --- end of requirements --------------------------------------------------------------------------------------------

# --- wire -----------------------------------------------------------------------------------------------------------
#   make wire             the protocols on the wire, on four workers, beside the reference server
#   make wire-reference   the same tests against the reference itself: are they right?
WIRE := $(sort $(wildcard $(addprefix tests/wire/,engine_*.mjs socketio_*.mjs http_*.mjs ws_*.mjs clients_*.mjs bytes.mjs)))

.PHONY: wire wire-reference
wire: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) scripts/run-node $(WIRE)

wire-reference:
	WIRE_TARGET=reference timeout $(E2E_TIMEOUT) node --test --test-concurrency=1 $(WIRE)
CHECKS += wire
# --- end of wire ----------------------------------------------------------------------------------------------------

# --- reference ------------------------------------------------------------------------------------------------------
#   make reference        the test server of the reference client as a conf and a backend, beside the original
REFERENCE := $(sort $(wildcard tests/reference/scenes_*.mjs))

.PHONY: reference
reference: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) scripts/run-node $(REFERENCE)

#   make backend          a game behind hooks, with each part killed on the way; the backends of docs/hooks.md
BACKEND := $(sort $(wildcard tests/backend/*_*.mjs))

.PHONY: backend
backend: $(if $(FORKCAST),,all)
	@FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) scripts/run-node $(BACKEND)

CHECKS += reference backend
# --- end of reference -----------------------------------------------------------------------------------------------

# --- cluster --------------------------------------------------------------------------------------------------------
#   make cluster          many clients on four workers, processes killed and stopped; the short form, in make check
#   make cluster-long     the same in full: 10,000 messages, 50 workers and 20 keepers killed, 30 s stops (5 minutes)
# One file after the other: each has the machine for itself, and its figures are lines that start with #.
CLUSTER := fifty kills stopped log unread
CLUSTER_TOOLS := $(B)/cluster/prober $(B)/cluster/read_log
CLUSTER_RUN = for f in $(CLUSTER); do FORKCAST=$(abspath $(or $(FORKCAST),$(B)/forkcast)) \
	CLUSTER_TOOLS=$(abspath $(B)/cluster) timeout $(E2E_TIMEOUT) node tests/cluster/$$f.mjs || exit 1; done

$(CLUSTER_TOOLS): $(B)/cluster/%: $(B)/tests/cluster/%.o $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: cluster cluster-long
cluster: $(if $(FORKCAST),,all) $(CLUSTER_TOOLS)
	@node --test tests/cluster/ledger_test.mjs
	@$(CLUSTER_RUN)

cluster-long: $(if $(FORKCAST),,all) $(CLUSTER_TOOLS)
	@export CLUSTER_LONG=1; $(CLUSTER_RUN)

CHECKS += cluster
# --- end of cluster -------------------------------------------------------------------------------------------------

# --- bench/ ---------------------------------------------------------------------------------------------------------
#   make bench            everything side by side, one table (about 25 minutes)
#   make bench QUICK=1    one short round
#   make bench-instructions [BASELINE=OTHER/forkcast]   instructions of a delivery, an echo, a connect, under callgrind
#   make bench BENCH='--only fan1,idle --servers forkcast --rounds 5'
BENCH_LOAD := $(B)/bench/load/load
BENCH_RAWSEND := $(B)/bench/rawsend
BENCH_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard bench/load/*.c)))
BENCH_PEERS := bench/peers/node_modules/.package-lock.json

$(BENCH_LOAD): $(BENCH_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ -lcrypto

$(BENCH_RAWSEND): $(B)/bench/rawsend.o
	$(CC) $(LDFLAGS) -o $@ $^ -lcrypto

# Without npm the table says which peers could not start.
$(BENCH_PEERS): bench/peers/package-lock.json
	cd bench/peers && npm ci --no-audit --no-fund || echo "bench: the peers from npm are not installed"

$(B)/bench/micro_rule: bench/micro_rule.c $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(LDFLAGS) -o $@ $< $(B)/libforkcast.a $(LIBS)

$(B)/bench/backend: $(B)/bench/backend.o
	$(CC) $(LDFLAGS) -o $@ $^

#   make bench-hooks      what a hook costs, beside the same event without one and the backend's own time
.PHONY: bench-hooks
bench-hooks: all $(BENCH_LOAD) $(B)/bench/backend
	bench/hooks --build $(B) $(BENCH)

#   make bench-rule       what checked fields and a JSON template cost a message
.PHONY: bench-tools bench bench-instructions bench-rule
bench-rule: $(B)/bench/micro_rule
	@scripts/bench-micro $<

bench-tools: $(BENCH_LOAD) $(BENCH_RAWSEND) $(BENCH_PEERS)
bench: all bench-tools $(B)/bench/backend
	bench/run --build $(B) $(if $(QUICK),--quick) $(BENCH)
	$(if $(BENCH),,bench/hooks --build $(B))
bench-instructions: all $(BENCH_LOAD)
	bench/instructions --build $(B) $(if $(BASELINE),--baseline $(BASELINE))
# --- end of bench/ --------------------------------------------------------------------------------------------------

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
