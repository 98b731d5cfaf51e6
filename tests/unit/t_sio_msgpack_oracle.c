/*
 * t_sio_msgpack_oracle.c - MessagePack packets against notepack and socket.io-msgpack-parser: 30,000 generated and
 * damaged ones, decoded, and encoded again (tests/oracle).
 */
#include "proto/error.h"
#include "proto/sio_msgpack.h"
#include "tests/unit/oracle_pipe.h"

#define PACKETS 30000u

static const struct json_limits lim = {.depth = 64};

static void must_equal(unsigned i, const char *what, struct slice got, struct slice want)
{
	if (!slice_eq(got, want))
		fail_msg(
		    "packet %u, %s: %.*s\nwanted: %.*s", i, what, (int)got.n, got.p ? got.p : "", (int)want.n, want.p);
	free((char *)want.p);
}

static void check_packet(FILE *f, unsigned i, const struct sio_msgpack *m)
{
	const struct sio_packet *p = &m->packet;
	struct slice want;
	uint8_t *out;
	ssize_t most, n;

	assert_int_equal(oracle_integer(f, 1), p->type);
	must_equal(i, "namespace", p->nsp, oracle_text(f, 2));
	assert_int_equal(oracle_integer(f, 1), p->has_id);
	assert_int_equal(oracle_integer(f, 8), p->id);
	must_equal(i, "data", p->payload, oracle_text(f, 4));
	assert_int_equal(oracle_integer(f, 1), p->attachments);
	for (unsigned k = 0; k < p->attachments; k++)
		must_equal(i, "attachment", m->attachment[k], oracle_text(f, 4));
	want = oracle_text(f, 4);
	most =
	    sio_msgpack_encode(p->type, p->nsp, p->has_id, p->id, p->payload, m->attachment, p->attachments, NULL, 0);
	assert_true(most > 0);
	out = malloc((size_t)most);
	assert_non_null(out);
	n = sio_msgpack_encode(
	    p->type, p->nsp, p->has_id, p->id, p->payload, m->attachment, p->attachments, out, (size_t)most);
	assert_true(n > 0 && n <= most);
	must_equal(i, "encoded", slice_make(out, (size_t)n), want);
	free(out);
}

static void agrees_with_notepack(void **state)
{
	FILE *f = oracle_open("sio_msgpack.mjs", PACKETS, 1);
	unsigned verdicts[3] = {0}, stricter = 0;

	(void)state;
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned verdict = (unsigned)oracle_integer(f, 1);
		struct slice in = oracle_text(f, 4);
		size_t cap = SIO_MSGPACK_TEXT_MAX(in.n);
		char *text = malloc(cap);
		struct sio_msgpack m;
		ssize_t n;

		assert_non_null(text);
		assert_in_range(verdict, 0, 2);
		verdicts[verdict]++;
		n = sio_msgpack_decode((const uint8_t *)in.p, in.n, &lim, &m, text, cap);
		if (verdict < 2 && (n >= 0) != (verdict == 1))
			fail_msg("packet %u: the reference %s it, here: %s", i, verdict ? "accepts" : "refuses",
			    n >= 0 ? "accepted" : proto_strerror((int)n));
		stricter += verdict == 2 && n < 0;
		if (verdict == 1)
			check_packet(f, i, &m);
		free((char *)in.p);
		free(text);
	}
	oracle_close(f);
	/* A generator gone wrong must not pass for agreement. */
	assert_in_range(verdicts[0], PACKETS / 20, PACKETS / 2);
	assert_in_range(verdicts[1], PACKETS / 2, PACKETS);
	assert_in_range(verdicts[2], 1, PACKETS / 4);
	print_message("%u packets, %u accepted, %u damaged but accepted, %u of them only by the reference\n", PACKETS,
	    verdicts[1], verdicts[2], stricter);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_notepack)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
