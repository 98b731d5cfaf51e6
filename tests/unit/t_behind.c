/*
 * t_behind.c - what a client hears alone stays behind what it has published, and nothing else waits.
 *
 * The drain is the test's: tickets and positions are set as a turn would find them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ring_fixture.h"
#include "worker/session.h"
#include "worker/worker.h"

#define SELF 3u

static struct worker w;
static struct conf conf;
static struct heritage heritage;
static struct ring_shm *ring;
static struct session s[2];
static char heard[2][256]; /* texts, with a | behind each */

/* Frames are short here: two bytes of header. */
static void take(struct session *to, struct span sp)
{
	char *text = heard[to - s];

	for (size_t at = 0; at < sp.n; at += 2u + sp.p[at + 1])
		snprintf(text + strlen(text), sizeof(heard[0]) - strlen(text), "%.*s|", sp.p[at + 1], sp.p + at + 2);
}

static const struct transport transport = {.name = "test", .send = take};

static int setup(void **state)
{
	/* made once, as a worker does: neither has an end */
	struct arena arena = w.arena;
	struct encoder *encoder = w.encoder;

	(void)state;
	memset(&w, 0, sizeof(w));
	memset(s, 0, sizeof(s));
	memset(heard, 0, sizeof(heard));
	heritage.slot = SELF;
	w.h = &heritage;
	w.conf = &conf;
	ring = fixture_ring(4096);
	ring_attach(&w.bcast.ring, ring);
	behind_init(&w.behind);
	w.arena = arena;
	w.encoder = encoder;
	if (encoder == NULL) {
		arena_init(&w.arena);
		w.encoder = encoder_new();
	}
	if (w.encoder == NULL || sid_table_init(&w.sessions) != 0)
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		s[i].w = &w;
		s[i].tr = &transport;
		sid_make(s[i].id.text, SELF, 1);
		sid_table_add(&w.sessions, &s[i].id);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_reset(&w.arena);
	free(w.sessions.bucket);
	free(ring);
	return 0;
}

/* A rule of S[I] publishes; IN_RING: not only into the overflow. */
static void publish(unsigned i, bool in_ring)
{
	behind_published(&s[i], (int64_t)++w.bcast.accepted);
	if (!in_ring)
		return;
	w.bcast.settled = w.bcast.accepted;
	publish_serial(&w.bcast.ring, w.bcast.accepted, 8);
}

static void say(unsigned i, const char *text)
{
	session_send_text(&s[i], slice_make(text, strlen(text)));
}

/* A drain that takes the own ring up to POS. */
static void drain_to(uint64_t pos)
{
	behind_mark(&w);
	w.in.pos[SELF] = pos;
	behind_release(&w);
}

static void drain(void)
{
	drain_to(ring_tail(&w.bcast.ring));
}

static void nothing_published(void **state)
{
	(void)state;
	say(0, "a");
	assert_string_equal(heard[0], "a|");
	/* nor by a rule that sent nothing, or whose record was refused */
	behind_published(&s[0], 0);
	behind_published(&s[0], -ENOBUFS);
	say(0, "b");
	assert_string_equal(heard[0], "a|b|");
}

static void waits_for_the_drain(void **state)
{
	(void)state;
	publish(0, true);
	say(0, "a");
	say(1, "x"); /* has published nothing: others do not wait */
	assert_string_equal(heard[0], "");
	assert_string_equal(heard[1], "x|");
	say(0, "b");
	drain();
	assert_string_equal(heard[0], "a|b|");
	say(0, "c");
	assert_string_equal(heard[0], "a|b|c|");
}

/* One turn may not get that far. */
static void a_drain_that_stops_early(void **state)
{
	uint64_t before = ring_tail(&w.bcast.ring);

	(void)state;
	publish(0, true);
	say(0, "a");
	drain_to(before);
	say(0, "b");
	assert_string_equal(heard[0], "");
	/* what came after the mark does not make it later */
	publish(1, true);
	say(1, "x");
	w.in.pos[SELF] = w.behind.pos;
	behind_release(&w);
	assert_string_equal(heard[0], "a|b|");
	assert_string_equal(heard[1], "");
	drain();
	assert_string_equal(heard[1], "x|");
}

/* Records in the overflow are not delivered by any drain before they have entered the ring. */
static void overflow(void **state)
{
	(void)state;
	publish(0, true);
	say(0, "a");
	publish(0, false);
	say(0, "b");
	drain();
	assert_string_equal(heard[0], "a|");
	drain();
	assert_string_equal(heard[0], "a|");
	w.bcast.settled = w.bcast.accepted;
	publish_serial(&w.bcast.ring, 2, 8);
	assert_string_equal(heard[0], "a|");
	drain();
	assert_string_equal(heard[0], "a|b|");
}

static void closing_sends_the_rest(void **state)
{
	(void)state;
	publish(0, true);
	publish(1, true);
	say(0, "a");
	say(1, "x");
	say(0, "b");
	say(1, "y");
	behind_flush(&s[0]);
	assert_string_equal(heard[0], "a|b|");
	assert_string_equal(heard[1], "");
	say(1, "z");
	drain();
	assert_string_equal(heard[1], "x|y|z|");
	assert_string_equal(heard[0], "a|b|");
}

static void a_session_that_went(void **state)
{
	(void)state;
	publish(0, true);
	publish(1, true);
	say(1, "x");
	say(0, "a");
	sid_table_del(&w.sessions, &s[0].id);
	drain();
	assert_string_equal(heard[0], "");
	assert_string_equal(heard[1], "x|");
	assert_null(w.behind.head);
	assert_ptr_equal(w.behind.tail, &w.behind.head);
}

/* What waits is a copy: the turn that built it is over when it goes. */
static void copies(void **state)
{
	char text[] = "451-[\"e\"]", data[] = "1234";
	struct slice attached[2] = {slice_make(data, 4), slice_make(NULL, 0)};
	struct message m = {slice_make(text, sizeof(text) - 1), {2, attached}};

	(void)state;
	publish(0, true);
	session_send_message(&s[0], &m);
	memset(text, '?', sizeof(text));
	memset(data, '?', sizeof(data));
	memset(attached, 0, sizeof(attached));
	drain();
	assert_string_equal(heard[0], "451-[\"e\"]|1234||");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(nothing_published),
	    T(waits_for_the_drain),
	    T(a_drain_that_stops_early),
	    T(overflow),
	    T(closing_sends_the_rest),
	    T(a_session_that_went),
	    T(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
