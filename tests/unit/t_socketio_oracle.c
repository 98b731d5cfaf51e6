/*
 * t_socketio_oracle.c - the decoder against socket.io-parser: 50,000 generated and damaged packets (tests/oracle).
 */
#include "proto/error.h"
#include "proto/socketio.h"
#include "tests/unit/oracle_pipe.h"

#define PACKETS 50000u

static const struct json_limits lim = {.depth = 64};

static void check_packet(FILE *f, const struct sio_packet *p)
{
	uint64_t bits;
	struct slice nsp;
	double id;

	assert_int_equal(oracle_integer(f, 1), p->type);
	assert_int_equal(oracle_integer(f, 1), p->attachments);
	assert_int_equal(oracle_integer(f, 1), p->has_id);
	bits = oracle_integer(f, 8);
	memcpy(&id, &bits, sizeof id);
	assert_true(id == (double)p->id);
	nsp = oracle_text(f, 2);
	assert_true(slice_eq(nsp, p->nsp));
	free((char *)nsp.p);
	assert_int_equal(oracle_integer(f, 1), p->payload.n > 0);
	assert_int_equal(oracle_integer(f, 2), p->nargs);
	assert_int_equal(p->args.n > 0, p->nargs > 0);
}

static void decoder_agrees_with_the_reference(void **state)
{
	FILE *f = oracle_open("sio_decode.mjs", PACKETS, 1);
	unsigned verdicts[3] = {0};

	(void)state;
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned verdict = (unsigned)oracle_integer(f, 1);
		struct slice text = oracle_text(f, 4);
		struct sio_packet p;
		int rc = sio_decode(text, &lim, &p);

		assert_in_range(verdict, 0, 2);
		verdicts[verdict]++;
		if (verdict < 2 && (rc == 0) != (verdict == 1))
			fail_msg("packet %u: the reference %s %.*s", i, verdict ? "accepts" : "refuses", (int)text.n,
			    text.p);
		if (verdict == 1)
			check_packet(f, &p);
		free((char *)text.p);
	}
	oracle_close(f);
	/* A generator gone wrong must not pass for agreement. */
	assert_in_range(verdicts[1], PACKETS / 10, PACKETS / 2);
	assert_in_range(verdicts[2], 1, PACKETS / 3);
	print_message("%u packets, %u accepted, %u not comparable\n", PACKETS, verdicts[1], verdicts[2]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(decoder_agrees_with_the_reference)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
