#include <assert.h>

#include "shm/store_batch.h"
#include "shm/store_due.h"

uint64_t store_due_next(struct store_writer *w, uint8_t kind)
{
	MDB_val k = {.mv_size = 1, .mv_data = &kind}, v;
	uint64_t due = UINT64_MAX;
	MDB_cursor *c;

	assert(!w->txn);
	if (mdb_txn_renew(w->rtxn) != 0)
		return due;
	if (mdb_cursor_open(w->rtxn, w->e.dbi[STORE_DUE], &c) == 0) {
		if (mdb_cursor_get(c, &k, &v, MDB_SET_RANGE) == 0 && k.mv_size > STORE_DUE_HEAD &&
		    *(const uint8_t *)k.mv_data == kind)
			due = store_due_time(k.mv_data);
		mdb_cursor_close(c);
	}
	mdb_txn_reset(w->rtxn);
	return due;
}
