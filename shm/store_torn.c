/*
 * store_torn.c - see store_torn.h.  Everything this file knows of LMDB's format is here: data version 1, as all of 0.9.
 */
#include "shm/store_torn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAGIC   UINT32_C(0xBEEFC0DE)
#define META_VERSION 1u

/* Offsets in a meta page. */
#define OFF_MAGIC   16
#define OFF_VERSION 20
#define OFF_ROOT    (16 + 0x70) /* of the main tree */
#define OFF_TXN     (16 + 0x80)
#define OFF_NOTE    1024 /* ours: LMDB writes nothing behind its struct */

struct note {
	_Atomic uint64_t txn, root;
};

static uint8_t *meta(const struct store_torn *t, int i)
{
	return t->map + i * t->page;
}

static uint64_t word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

int store_torn_open(struct store_torn *t, const char *path)
{
	struct stat st;
	uint32_t v[2];
	int fd, rc = 0;

	t->map = NULL;
	t->page = sysconf(_SC_PAGESIZE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		rc = -errno;
		goto out;
	}
	if (st.st_size < 2 * t->page) {
		rc = -EPROTO;
		goto out;
	}
	t->map = mmap(NULL, (size_t)(2 * t->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (t->map == MAP_FAILED) {
		rc = -errno;
		t->map = NULL;
		goto out;
	}
	for (int i = 0; i < 2; i++) {
		memcpy(v, meta(t, i) + OFF_MAGIC, sizeof v);
		if (v[0] != META_MAGIC || v[1] != META_VERSION)
			rc = -EPROTO;
	}
	if (rc)
		store_torn_close(t);
out:
	close(fd);
	return rc;
}

void store_torn_close(struct store_torn *t)
{
	if (t->map)
		munmap(t->map, (size_t)(2 * t->page));
	t->map = NULL;
}

bool store_torn_repair(struct store_torn *t)
{
	int top = word(meta(t, 1) + OFF_TXN) > word(meta(t, 0) + OFF_TXN);
	uint8_t *m = meta(t, top);
	struct note *n = (struct note *)(void *)(m + OFF_NOTE);
	uint64_t old = n->txn;

	/* A note that never was written, or is of this very transaction, tells nothing against the page. */
	if (old == 0 || old >= word(m + OFF_TXN) || n->root != word(m + OFF_ROOT))
		return false;
	memcpy(m + OFF_TXN, &old, sizeof old);
	return true;
}

void store_torn_note(struct store_torn *t)
{
	for (int i = 0; i < 2; i++) {
		uint8_t *m = meta(t, i);
		struct note *n = (struct note *)(void *)(m + OFF_NOTE);
		uint64_t txn = word(m + OFF_TXN);

		if (n->txn == txn)
			continue;
		/* Died in between: number 0 says nothing, a wrong pair would. */
		n->txn = 0;
		n->root = word(m + OFF_ROOT);
		n->txn = txn;
	}
}
