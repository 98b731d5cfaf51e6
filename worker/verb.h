/*
 * verb.h - what a backend may ask for, whoever carried its words: a call of the API, a line of a batch, an element of a
 * hook's reply (CATALOGUE section 9).
 *
 *	name, body -> verb_read() -> struct verb -> verb_run() -> struct verb_result
 *
 * Nothing here knows a connection.  Reading has no effect, so whoever has a list of which all must be good reads all of it
 * before it runs the first.  What was read lives as long as its turn and the body, of which it is made of slices.
 */
#ifndef FORKCAST_WORKER_VERB_H
#define FORKCAST_WORKER_VERB_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"
#include "worker/buf.h"
#include "worker/uuid.h"

struct worker;
struct verb;
struct verb_kind;

#define VERB_ID_MAX 128 /* bytes of an id that the caller chose */

/* Why not, as the API says it. */
struct verb_error {
	unsigned status; /* 400, 404, 413, 422, 429 or 503 */
	const char *code; /* JSON string body */
	const char *message;
	const char *field; /* NULL: none; lives as long as the turn */
	int64_t retry_after; /* s, of a limit; 0: soon */
};

/* What came of it. */
struct verb_result {
	unsigned status; /* 200 or 202 */
	bool has_id;	 /* a message was sent: it has an id, and N counts whom it is for; else N are the sockets acted on */
	char id[VERB_ID_MAX + 1];
	uint64_t n;
	bool joins;	/* sockets are being put into rooms: its caller is answered when they are there (moves_wait()) */
	bool waits, cancelled; /* it is sent AT_MS; or what waited is not sent: N counts nothing then */
	int64_t at_ms;
	int64_t ticket; /* the last record's: the word may leave when it is in the ring (publish_when_settled()); 0: none */
};

/* What a carrier can do. */
enum verb_way {
	VERB_LISTED, /* one of several */
	VERB_REPLIED, /* of a hook's reply: nobody waits for what comes of it */
	VERB_ALONE,  /* it has a caller that can wait for the answers of clients */
};

/* emit, event, schedule, cancel, join, leave, disconnect; NULL: no such verb. */
const struct verb_kind *verb_find(struct slice name);
/* Which right of a key it takes: one bit of enum conf_may. */
unsigned verb_may(const struct verb_kind *kind);
/* Reads BODY, a scanned JSON value.  NULL and *ERR when it is not what the verb wants. */
const struct verb *verb_read(
    struct worker *w, const struct verb_kind *kind, struct slice body, enum verb_way way, struct verb_error *err);
/* Does it.  0, or -1 and *ERR: then nothing was done. */
int verb_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);
/*
 * True when the caller chose an id, so that the keeper decides whether it is done: once in VERB_ONCE_MS, whoever is
 * asked, and every caller is told what the first was.  verb_run() does not wait for that; who can, shall use
 * verb_run_once(): FN is called in a later turn, with ERR NULL when R counts.  0, or -1 and *ERR: FN is not called.
 */
#define VERB_ONCE_MS (INT64_C(10) * 60 * 1000)
bool verb_has_id(const struct verb *v);
typedef void (*verb_done_fn)(
    struct worker *w, void *arg, const struct verb_result *r, const struct verb_error *err);
int verb_run_once(struct worker *w, const struct verb *v, verb_done_fn fn, void *arg, struct verb_error *err);
/*
 * True when it is an event whose route waits for a hook: it is run by verb_run_asking() alone.  0: FN is called in a later
 * turn, when the hook has replied and what came of it is in the ring.  1: the hook is not asked, and *OUT is the result.
 * -1 and *ERR.
 */
bool verb_asks(const struct verb *v);
int verb_run_asking(struct worker *w, const struct verb *v, struct verb_result *out, verb_done_fn fn, void *arg,
    struct verb_error *err);
/* Appends the members of the result's object: "id":"..." with "delivered":3, "at":MS or "cancelled":true, or "matched":3. */
void verb_put_result(struct buf *b, const struct verb_result *r);
/* Appends {"code":...,"message":...,"field":...}. */
void verb_put_error(struct buf *b, const struct verb_error *err);

#endif
