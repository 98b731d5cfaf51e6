/* t_op.c - operations: round trip, and nothing malformed reaches the keeper. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/op.h"

static size_t sample(uint8_t *buf, size_t cap)
{
	struct op_head head = {.kind = OP_SOCKET_ADD, .transport = OP_TRANSPORT_WEBSOCKET, .time_ms = 1700000000123};
	struct tlv_writer w;

	op_begin(&w, buf, cap, &head);
	tlv_put(&w, OP_TLV_SID, 0, "abcdefghijklmnopqrst", OP_SID_LEN);
	tlv_put(&w, OP_TLV_USER, 0, "u1", 2);
	tlv_put(&w, OP_TLV_ROOM, OP_ROOM_AUTO, "user:u1", 7);
	assert_false(w.over);
	return w.len;
}

static void round_trip(void **state)
{
	uint8_t buf[256];
	size_t len = sample(buf, sizeof buf), tlvs_len, off = 0;
	const uint8_t *tlvs;
	struct op_head head;
	struct tlv t;

	(void)state;
	assert_int_equal(op_parse(buf, len, &head, &tlvs, &tlvs_len), 0);
	assert_int_equal(head.kind, OP_SOCKET_ADD);
	assert_int_equal(head.transport, OP_TRANSPORT_WEBSOCKET);
	assert_true(head.time_ms == 1700000000123);
	assert_int_equal(tlv_next(tlvs, tlvs_len, &off, &t), 1);
	assert_int_equal(t.type, OP_TLV_SID);
	assert_int_equal(t.len, OP_SID_LEN);
	assert_int_equal(tlv_next(tlvs, tlvs_len, &off, &t), 1);
	assert_int_equal(tlv_next(tlvs, tlvs_len, &off, &t), 1);
	assert_int_equal(t.sub, OP_ROOM_AUTO);
	assert_int_equal(tlv_next(tlvs, tlvs_len, &off, &t), 0);
}

static void no_room_for_the_head(void **state)
{
	struct op_head head = {.kind = OP_LEAVE};
	uint8_t buf[15];
	struct tlv_writer w;

	(void)state;
	op_begin(&w, buf, sizeof buf, &head);
	assert_true(w.over);
	assert_int_equal(w.len, 0);
	tlv_put(&w, OP_TLV_SID, 0, "x", 1);
	assert_int_equal(w.len, 0);
}

/* A prefix is refused unless it ends at the end of a field; then it is an operation with fewer fields. */
static void every_truncation(void **state)
{
	uint8_t buf[256];
	size_t len = sample(buf, sizeof buf), tlvs_len;
	const uint8_t *tlvs;
	struct op_head head;
	int good = 0;

	(void)state;
	for (size_t n = 0; n <= len; n++) {
		uint8_t *copy = malloc(n > 0 ? n : 1);
		int rc;

		memcpy(copy, buf, n);
		rc = op_parse(copy, n, &head, &tlvs, &tlvs_len);
		assert_true(rc == 0 || rc == -EPROTO);
		good += rc == 0;
		free(copy);
	}
	assert_int_equal(good, 4); /* the head alone, and behind each of three fields */
}

static void kinds(void **state)
{
	uint8_t buf[256];
	size_t len = sample(buf, sizeof buf), tlvs_len;
	const uint8_t *tlvs;
	struct op_head head;

	(void)state;
	buf[0] = 0;
	assert_int_equal(op_parse(buf, len, &head, &tlvs, &tlvs_len), -EPROTO);
	buf[0] = 200; /* of a newer binary: the keeper's to skip */
	assert_int_equal(op_parse(buf, len, &head, &tlvs, &tlvs_len), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(no_room_for_the_head),
	    cmocka_unit_test(every_truncation),
	    cmocka_unit_test(kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
