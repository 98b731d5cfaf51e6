#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "shm/durable.h"
#include "shm/store_ban.h"
#include "shm/store_schedule.h"
#include "worker/clock.h"
#include "worker/keeper.h"
#include "worker/room.h"

#define LOAD_ROWS    256u              /* rows in one transaction */
#define COPY_BYTES   (4u << 20)        /* entries in one commit */
#define FORGET       1024u             /* entries in one transaction */
#define BUSY_NS      (10 * NS_PER_S)   /* for a keeper before this one to let go */
#define BUSY_LOOK_US 20000
#define RETRY_NS     NS_PER_S

/* The hashes of rooms are this instance's; what was written by another has others. */
static void rehash_record(struct keeper *k, uint8_t *record, size_t len)
{
	struct record rec;
	struct tlv t;
	size_t off = 0;

	if (record_parse(&rec, record, len) != 0)
		return;
	while (tlv_next(rec.tlvs, rec.tlvs_len, &off, &t) > 0) {
		const char *name;
		uint64_t hash;
		size_t n;

		if ((t.type != RECORD_TLV_ROOM && t.type != RECORD_TLV_EXCEPT && t.type != RECORD_TLV_ARG_ROOM) ||
		    !tlv_hashed(&t, &hash, &name, &n))
			continue;
		hash = room_hash_in(k->h->nonce, slice_make(rec.nsp, rec.nsp_len), slice_make(name, n));
		memcpy(record + (t.val - record), &hash, sizeof hash);
	}
}

static void rehash(struct keeper *k, uint8_t *row, size_t len)
{
	uint8_t *fields;
	struct tlv t;
	size_t n, off = 0;

	if (!store_schedule_fields(row, len, &fields, &n))
		return;
	while (tlv_next(fields, n, &off, &t) > 0)
		if (t.type == OP_TLV_RECORD)
			rehash_record(k, fields + (t.val - fields), t.len);
}

struct loading {
	struct keeper *k;
	uint8_t last[512];
	size_t last_len;
	unsigned rows, bad;
};

static int load_row(void *ctx, const void *key, size_t key_len, const void *val, size_t len)
{
	struct loading *l = ctx;
	uint8_t *row = malloc(len > 0 ? len : 1);
	int rc;

	if (!row)
		return -ENOMEM;
	memcpy(row, val, len);
	if (key_len > 0 && *(const char *)key == 's')
		rehash(l->k, row, len);
	rc = key_len > 0 && *(const char *)key == 'b' ? store_ban_load(l->k->st, key, key_len, row, len)
						    : store_schedule_load(l->k->st, key, key_len, row, len);
	free(row);
	memcpy(l->last, key, key_len);
	l->last_len = key_len;
	l->rows++;
	if (rc != -EPROTO)
		return rc;
	l->bad++;
	return 0;
}

/* One transaction.  1: there is more, 0, or -errno. */
static int load_some(struct loading *l)
{
	struct store_writer *st = l->k->st;
	int rc = store_begin(st), n;

	if (rc)
		return rc;
	/* None: nothing was ever kept.  That too is noted, or a successor would load what was written since. */
	n = l->k->durable.d ? durable_each(l->k->durable.d, l->last, l->last_len, LOAD_ROWS, load_row, l) : 0;
	rc = n < 0 ? n : n == 0 ? store_set_loaded(st) : 0;
	if (!rc)
		return store_commit(st) ?: n > 0;
	store_abort(st);
	return rc;
}

static int load(struct keeper *k)
{
	struct loading l = {.k = k};
	int rc;

	do {
		slot_beat(k->self, clock_mono_ns());
		rc = load_some(&l);
	} while (rc > 0);
	if (rc)
		log_error("durable_not_loaded", "dir=%s error=%s", k->durable.dir, strerror(-rc));
	else if (l.rows > 0)
		log_info("durable_loaded", "rows=%u bad=%u", l.rows, l.bad);
	return rc;
}

static int is_loaded(struct keeper *k)
{
	int rc = store_begin(k->st);

	if (rc)
		return rc;
	rc = store_is_loaded(k->st);
	store_abort(k->st);
	return rc;
}

/* With patience for the keeper of an instance that is ending. */
static int open_there(struct keeper *k)
{
	uint64_t until = clock_mono_ns() + BUSY_NS;
	int rc;

	while ((rc = durable_open(&k->durable.d, k->durable.dir, k->h->conf->shm.store_size, false)) == -EBUSY &&
	       clock_mono_ns() < until) {
		slot_beat(k->self, clock_mono_ns());
		usleep(BUSY_LOOK_US);
	}
	return rc;
}

struct copying {
	struct durable *d;
	uint64_t last;
};

static int copy_entry(void *ctx, uint64_t sequence, bool removed, const void *key, size_t key_len, const void *val, size_t len)
{
	struct copying *c = ctx;

	c->last = sequence;
	return removed ? durable_del(c->d, key, key_len) : durable_put(c->d, key, key_len, val, len);
}

/* One commit.  0 or -errno. */
static int copy(struct keeper *k)
{
	struct keeper_durable *kd = &k->durable;
	struct copying c;
	int rc;

	if (!kd->d) {
		rc = durable_open(&kd->d, kd->dir, k->h->conf->shm.store_size, true);
		if (rc)
			return rc;
	}
	rc = durable_begin(kd->d);
	if (rc)
		return rc;
	c = (struct copying){.d = kd->d, .last = atomic_load(&kd->copied)};
	rc = store_journal_each(k->st, c.last + 1, COPY_BYTES, copy_entry, &c);
	if (rc < 0) {
		durable_abort(kd->d);
		return rc;
	}
	rc = durable_commit(kd->d, k->h->nonce, c.last);
	if (rc)
		return rc;
	atomic_store(&kd->copied, c.last);
	doorbell_ring(&k->h->bells, k->seg, k->h->slot);
	return 0;
}

/* Under the lock: waits for a signal, at most NS. */
static void wait_ns(struct keeper_durable *kd, uint64_t ns)
{
	uint64_t until = clock_mono_ns() + ns;
	struct timespec ts = {.tv_sec = (time_t)(until / NS_PER_S), .tv_nsec = (long)(until % NS_PER_S)};

	while (!kd->stop && clock_mono_ns() < until)
		if (pthread_cond_timedwait(&kd->wake, &kd->lock, &ts) == ETIMEDOUT)
			return;
}

static void *thread_main(void *ctx)
{
	struct keeper *k = ctx;
	struct keeper_durable *kd = &k->durable;
	uint64_t sync_ns = (uint64_t)k->h->conf->shm.sync * NS_PER_MS;

	pthread_mutex_lock(&kd->lock);
	for (;;) {
		int rc;

		while (!kd->stop && kd->want <= atomic_load(&kd->copied))
			pthread_cond_wait(&kd->wake, &kd->lock);
		if (kd->want <= atomic_load(&kd->copied))
			break;
		/* What comes in this time shares the commit. */
		if (sync_ns > 0)
			wait_ns(kd, sync_ns);
		pthread_mutex_unlock(&kd->lock);
		rc = copy(k);
		if (rc && !atomic_load(&kd->failing))
			log_error("durable_not_written", "dir=%s error=%s", kd->dir, strerror(-rc));
		else if (!rc && atomic_load(&kd->failing))
			log_info("durable_written_again", "dir=%s", kd->dir);
		atomic_store(&kd->failing, rc != 0);
		pthread_mutex_lock(&kd->lock);
		if (rc && kd->stop)
			break;
		if (rc)
			wait_ns(kd, RETRY_NS);
	}
	pthread_mutex_unlock(&kd->lock);
	return NULL;
}

static int start(struct keeper *k)
{
	struct keeper_durable *kd = &k->durable;
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&kd->lock, NULL);
	pthread_cond_init(&kd->wake, &attr);
	pthread_condattr_destroy(&attr);
	kd->want = store_journal_next(k->st) - 1;
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&kd->thread, NULL, thread_main, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	kd->running = rc == 0;
	return -rc;
}

int keeper_durable_init(struct keeper *k)
{
	struct keeper_durable *kd = &k->durable;
	const struct conf *conf = k->h->conf;
	uint64_t nonce = 0, sequence = 0;
	int loaded, rc;

	if (conf->data_dir.p == NULL)
		return 0;
	if (snprintf(kd->dir, sizeof kd->dir, "%s/%s", conf->data_dir.p, conf->name.p) >= (int)sizeof kd->dir)
		return -ENAMETOOLONG;
	loaded = is_loaded(k);
	if (loaded < 0)
		return loaded;
	rc = open_there(k);
	if (rc && rc != -ENOENT)
		log_error("durable_not_opened", "dir=%s error=%s", kd->dir, strerror(-rc));
	/* What was loaded is there, and goes on; without what is on disk nothing begins. */
	if (rc && rc != -ENOENT && !loaded)
		return rc;
	if (!loaded) {
		rc = load(k);
		if (rc)
			return rc;
	}
	if (kd->d)
		durable_mark(kd->d, &nonce, &sequence);
	if (nonce != k->h->nonce || sequence < store_journal_forgotten(k->st))
		sequence = store_journal_forgotten(k->st);
	atomic_store(&kd->copied, sequence);
	kd->on = true;
	return start(k);
}

void keeper_durable_fini(struct keeper *k)
{
	struct keeper_durable *kd = &k->durable;

	if (kd->running) {
		pthread_mutex_lock(&kd->lock);
		kd->stop = true;
		pthread_cond_signal(&kd->wake);
		pthread_mutex_unlock(&kd->lock);
		pthread_join(kd->thread, NULL);
		if (kd->want > atomic_load(&kd->copied))
			log_error("durable_incomplete", "entries=%llu", (unsigned long long)(kd->want - atomic_load(&kd->copied)));
	}
	durable_close(kd->d);
	kd->d = NULL;
}

void keeper_durable_begin(struct keeper *k)
{
	store_set_journal(k->st, k->durable.on, k->h->conf->shm.sync == 0);
	store_refuse_kept(k->st, atomic_load(&k->durable.failing));
}

int keeper_durable_apply(struct keeper *k)
{
	uint64_t copied = atomic_load(&k->durable.copied);
	int rc = 0;

	if (k->durable.on && copied > store_journal_forgotten(k->st))
		rc = store_journal_forget(k->st, copied, FORGET);
	return rc < 0 ? rc : 0;
}

void keeper_durable_tell(struct keeper *k)
{
	struct keeper_durable *kd = &k->durable;
	uint64_t want = store_journal_next(k->st) - 1;

	if (!kd->on || want == kd->want)
		return;
	pthread_mutex_lock(&kd->lock);
	kd->want = want;
	pthread_cond_signal(&kd->wake);
	pthread_mutex_unlock(&kd->lock);
}

bool keeper_durable_pending(const struct keeper *k, bool tidy)
{
	return k->durable.on && (tidy || k->h->conf->shm.sync == 0) &&
	       atomic_load(&k->durable.copied) > store_journal_forgotten(k->st);
}

bool keeper_durable_behind(const struct keeper *k)
{
	return k->durable.on && store_journal_next(k->st) - 1 > atomic_load(&k->durable.copied);
}
