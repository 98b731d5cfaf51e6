# forkcast - one Makefile, not recursive.  Flavours build side by side in build/<flavour>/.
#
#   make            release binary at build/release/forkcast
#   make run        install what is missing, build, serve the sample conf (PROFILE=x: conf/profiles/x.conf)
#   make check      install what the tests need, build with -Werror, test (this is what CI runs)
#   make help       every target

.DEFAULT_GOAL := all
SHELL := /bin/bash
.DELETE_ON_ERROR:

FLAVOUR ?= release
B := build/$(FLAVOUR)

PKGS := libevent_core jansson libjwt libsodium libconfuse libssl libcrypto
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
	ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE -c -o $@ $<

$(B)/tests/%: tests/unit/%.c $(B)/libforkcast.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIE $(LDFLAGS) -o $@ $< $(B)/libforkcast.a $(LIBS) -lcmocka

.PHONY: unit
unit: $(UNIT)
	@scripts/run-unit $(B)/tests $(notdir $(UNIT))

.PHONY: asan tsan
asan tsan:
	$(MAKE) FLAVOUR=$@ all unit

# --- shm/ -----------------------------------------------------------------------------------------------------------
# The thread sanitizer does not model fences, and says so.  The words of a ring are relaxed atomics on both sides, so
# there is no race for it to miss a fence for; what the fences order is tested by tests/torture and t_doorbell.
ifeq ($(FLAVOUR),tsan)
CFLAGS += -Wno-tsan
endif
# t_segment makes the allocation fail at will.
$(B)/tests/t_segment: LDFLAGS += -Wl,--wrap=posix_fallocate
# --- end of shm/ ----------------------------------------------------------------------------------------------------

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
