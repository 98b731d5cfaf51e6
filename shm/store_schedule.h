/*
 * store_schedule.h - messages that are to be sent later: the writer's side and the readers'.
 */
#ifndef FORKCAST_SHM_STORE_SCHEDULE_H
#define FORKCAST_SHM_STORE_SCHEDULE_H

#include "shm/record.h"
#include "shm/store.h"
#include "shm/store_row.h"

#define STORE_SCHEDULE_ID_MAX  128
#define STORE_SCHEDULE_KEY_MAX (17 + STORE_SCHEDULE_ID_MAX)

struct store_writer;

struct store_schedule_new {
	struct store_text id;
	int64_t at_ms; /* wall clock */
	struct store_text body;   /* JSON, for who asks what it is */
	struct store_text fields; /* OP_TLV_RECORD: what is sent */
};

/* Inside a batch.  WAITS: told when it is on disk; NULL: nobody.  0, -EEXIST, -ENOENT or -errno. */
int store_schedule_put(struct store_writer *w, const struct store_schedule_new *s, const struct record_ack *waits);
/* When the one of that id is sent.  0, -ENOENT or -errno. */
int store_schedule_at(struct store_writer *w, const struct store_text *id, int64_t *at_ms);
int store_schedule_del(struct store_writer *w, const struct store_text *id, const struct record_ack *waits);
/* A row as the durable environment has it.  0, -EPROTO: it is none, or -errno. */
int store_schedule_load(struct store_writer *w, const void *key, size_t key_len, const void *val, size_t len);
/* Where in such a row the fields are; false: it is none. */
bool store_schedule_fields(void *val, size_t len, uint8_t **fields, size_t *fields_len);
/* Sends what is due by WALL_MS, the oldest first, at most BUDGET.  1: there is more, 0 or -errno. */
int store_schedule_fire(struct store_writer *w, int64_t wall_ms, unsigned budget);
/* Outside a batch: when the next is due; INT64_MAX: never. */
int64_t store_schedule_next(struct store_writer *w);

/* Copied out; one allocation, at ID. */
struct store_schedule {
	const char *id;
	int64_t at_ms;
	const char *body; /* no NUL behind it */
	size_t body_len;
};

/* 1 found, 0 not, or -errno. */
int store_get_schedule(struct store *st, const char *id, struct store_schedule *out);
/* A page in the order of ids, behind AFTER (NULL: the first).  How many, or -errno. */
int store_list_schedules(
    struct store *st, const char *after, unsigned limit, struct store_schedule *out, bool *more);
void store_schedule_fini(struct store_schedule *s);

#endif
