/*
 * store_stale.c - readers: the dead, whose places are taken back, and the stuck, whose snapshots pin pages.
 */
#include <stdio.h>
#include <string.h>

#include "shm/store_batch.h"
#include "shm/store_writer.h"

#define PINNED_PCT 50

int store_reader_check(struct store_writer *w)
{
	int dead;

	return store_env_errno(mdb_reader_check(w->e.env, &dead));
}

/* What one walk over LMDB's reader table finds. */
struct walk {
	struct store_writer *w;
	uint64_t now_ns, last_txn;
	unsigned n;
	struct store_snapshot found[STORE_MAXREADERS];
};

static uint64_t since(const struct walk *k, int pid, uint64_t txn)
{
	for (unsigned i = 0; i < k->w->nsnapshot; i++) {
		const struct store_snapshot *s = &k->w->snapshot[i];

		if (s->pid == pid && s->txn == txn)
			return s->since_ns;
	}
	return k->now_ns;
}

/* mdb_reader_list() has no other form than text: "pid thread txn" a line, txn "-" for a place not in use. */
static int on_line(const char *line, void *ctx)
{
	struct walk *k = ctx;
	size_t thread, txn;
	int pid;

	if (sscanf(line, "%d %zx %zu", &pid, &thread, &txn) == 3 && txn < k->last_txn && k->n < STORE_MAXREADERS)
		k->found[k->n++] = (struct store_snapshot){.pid = pid, .txn = txn, .since_ns = since(k, pid, txn)};
	return 0;
}

unsigned store_stale_readers(struct store_writer *w, uint64_t now_ns, uint64_t age_ns, pid_t *pids, unsigned max)
{
	struct walk k = {.w = w, .now_ns = now_ns};
	MDB_envinfo info;
	unsigned n = 0;

	if (mdb_env_info(w->e.env, &info) || (info.me_last_pgno + 1) * 100 <= w->map_pages * PINNED_PCT) {
		w->nsnapshot = 0;
		return 0;
	}
	k.last_txn = info.me_last_txnid;
	mdb_reader_list(w->e.env, on_line, &k);
	memcpy(w->snapshot, k.found, k.n * sizeof k.found[0]);
	w->nsnapshot = k.n;
	for (unsigned i = 0; i < k.n && n < max; i++) {
		if (now_ns - k.found[i].since_ns >= age_ns)
			pids[n++] = k.found[i].pid;
	}
	return n;
}
