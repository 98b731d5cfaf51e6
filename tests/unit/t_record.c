/* t_record.c - records: round trip, truncations, and contents that this code could not have written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shm/record.h"

static const char packet[] = "42[\"e\",{\"a\":1}]";

static size_t sample(void *buf, size_t cap)
{
	struct tlv_writer w;
	struct record_head *h = record_begin(&w, buf, cap, RECORD_BROADCAST);

	assert_non_null(h);
	h->flags = RECORD_VOLATILE;
	h->splice = sizeof packet - 2;
	slot_mask_set(&h->mask, 200);
	tlv_put(&w, RECORD_TLV_NSP, 0, "/chat", 5);
	tlv_put_hashed(&w, RECORD_TLV_ROOM, RECORD_ROOM_PLAIN, 11, "r1", 2);
	tlv_put_hashed(&w, RECORD_TLV_EXCEPT, RECORD_ROOM_SID, 12, "abcdefghijklmnopqrst", 20);
	tlv_put_hashed(&w, RECORD_TLV_ROOM, RECORD_ROOM_SID, 13, "r2", 2);
	tlv_put(&w, RECORD_TLV_PACKET, 0, packet, sizeof packet - 1);
	tlv_put(&w, 4711, 0, "later", 5);
	assert_false(w.over);
	return w.len;
}

static void round_trip(void **state)
{
	_Alignas(8) uint8_t buf[512];
	struct record rec;
	size_t off = 0, len;
	const char *name;
	uint64_t hash;
	uint16_t sub;

	(void)state;
	assert_int_equal(record_parse(&rec, buf, sample(buf, sizeof buf)), 0);
	assert_int_equal(rec.head.kind, RECORD_BROADCAST);
	assert_int_equal(rec.head.flags, RECORD_VOLATILE);
	assert_true(slot_mask_has(&rec.head.mask, 200));
	assert_false(slot_mask_has(&rec.head.mask, 199));
	assert_int_equal(rec.nsp_len, 5);
	assert_memory_equal(rec.nsp, "/chat", 5);
	assert_int_equal(rec.packet_len, sizeof packet - 1);
	assert_memory_equal(rec.packet, packet, sizeof packet - 1);
	assert_int_equal(rec.packet[rec.head.splice], ']');
	assert_int_equal(rec.nrooms, 2);
	assert_int_equal(rec.nexcepts, 1);
	assert_int_equal(rec.nargs, 0);
	assert_int_equal(rec.room_hash, 11);
	assert_int_equal(rec.room_sub, RECORD_ROOM_PLAIN);
	assert_memory_equal(rec.room, "r1", 2);

	assert_true(record_next_room(&rec, RECORD_TLV_ROOM, &off, &hash, &name, &len, &sub));
	assert_int_equal(hash, 11);
	assert_true(record_next_room(&rec, RECORD_TLV_ROOM, &off, &hash, &name, &len, &sub));
	assert_int_equal(hash, 13);
	assert_int_equal(sub, RECORD_ROOM_SID);
	assert_false(record_next_room(&rec, RECORD_TLV_ROOM, &off, &hash, &name, &len, &sub));
	off = 0;
	assert_true(record_next_room(&rec, RECORD_TLV_EXCEPT, &off, &hash, &name, &len, &sub));
	assert_int_equal(len, 20);
	off = 0;
	assert_false(record_next_room(&rec, RECORD_TLV_ARG_ROOM, &off, &hash, &name, &len, &sub));
}

static void defaults(void **state)
{
	_Alignas(8) uint8_t buf[256];
	struct tlv_writer w;
	struct record rec;

	(void)state;
	record_begin(&w, buf, sizeof buf, RECORD_CONTROL)->act = RECORD_ACT_DISCONNECT;
	assert_int_equal(record_parse(&rec, buf, w.len), 0);
	assert_int_equal(rec.nsp_len, 1);
	assert_memory_equal(rec.nsp, "/", 1);
	assert_int_equal(rec.nrooms, 0);
	assert_null(rec.packet);
	assert_null(record_begin(&w, buf, sizeof(struct record_head) - 1, RECORD_CONTROL));
	assert_true(w.over);
}

static void every_truncation(void **state)
{
	_Alignas(8) uint8_t buf[512];
	size_t len = sample(buf, sizeof buf);
	int good = 0;

	(void)state;
	for (size_t n = 0; n <= len; n++) {
		uint8_t *copy = malloc(n > 0 ? n : 1);
		struct record rec;
		int rc;

		memcpy(copy, buf, n);
		rc = record_parse(&rec, copy, n);
		assert_true(rc == 0 || rc == -EPROTO);
		good += rc == 0;
		free(copy);
	}
	assert_int_equal(good, 2); /* without the last field, and whole: a broadcast has a packet */
}

/* Any single byte replaced by any value: refused or parsed, and never read outside of the copy. */
static void every_byte_changed(void **state)
{
	_Alignas(8) uint8_t buf[512];
	size_t len = sample(buf, sizeof buf);
	uint8_t *copy = malloc(len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		for (unsigned v = 0; v < 256; v++) {
			struct record rec;

			memcpy(copy, buf, len);
			copy[i] = (uint8_t)v;
			if (record_parse(&rec, copy, len))
				continue;
			assert_true(rec.packet == NULL || (const uint8_t *)rec.packet + rec.packet_len <= copy + len);
			assert_true(rec.head.splice == 0 || rec.head.splice < rec.packet_len);
		}
	}
	free(copy);
}

static void refused(void **state)
{
	_Alignas(8) uint8_t buf[512];
	struct record_head *h = (struct record_head *)(void *)buf;
	size_t len = sample(buf, sizeof buf);
	struct tlv_writer w;
	struct record rec;

	(void)state;
	h->kind = 9;
	assert_int_equal(record_parse(&rec, buf, len), -EPROTO);
	h->kind = RECORD_BROADCAST;
	h->act = 1;
	assert_int_equal(record_parse(&rec, buf, len), -EPROTO);
	h->act = 0;
	h->priority = 3;
	assert_int_equal(record_parse(&rec, buf, len), -EPROTO);
	h->priority = 2;
	assert_int_equal(record_parse(&rec, buf, len), 0);
	h->splice = sizeof packet - 1;
	assert_int_equal(record_parse(&rec, buf, len), -EPROTO);

	/* Fields of which there is one. */
	record_begin(&w, buf, sizeof buf, RECORD_BROADCAST);
	tlv_put(&w, RECORD_TLV_PACKET, 0, "2", 1);
	assert_int_equal(record_parse(&rec, buf, w.len), 0);
	tlv_put(&w, RECORD_TLV_PACKET, 0, "2", 1);
	assert_int_equal(record_parse(&rec, buf, w.len), -EPROTO);
	/* A room without its hash. */
	record_begin(&w, buf, sizeof buf, RECORD_EDGE)->act = RECORD_EDGE_ONLINE;
	tlv_put(&w, RECORD_TLV_ROOM, 0, "1234567", 7);
	assert_int_equal(record_parse(&rec, buf, w.len), -EPROTO);
}

static const struct record_ack asker = {.id = 7, .due_ns = 1000, .slot = 3, .gen = 2};

static void attachments(void **state)
{
	_Alignas(8) uint8_t buf[512];
	struct tlv_writer w;
	struct record rec;
	const char *val;
	size_t off = 0, len;

	(void)state;
	record_begin(&w, buf, sizeof buf, RECORD_BROADCAST);
	tlv_put(&w, RECORD_TLV_ATTACH, 0, "\0\1", 2);
	tlv_put(&w, RECORD_TLV_PACKET, 0, "453-[\"e\"]", 9);
	tlv_put(&w, RECORD_TLV_ATTACH, 0, "", 0);
	tlv_put(&w, RECORD_TLV_ROOM, 0, "12345678r", 9);
	tlv_put(&w, RECORD_TLV_ATTACH, 0, "abcdefghi", 9);
	assert_int_equal(record_parse(&rec, buf, w.len), 0);
	assert_int_equal(rec.nattached, 3);
	/* in their order, whatever stands between them */
	assert_true(record_next_attached(&rec, &off, &val, &len));
	assert_int_equal(len, 2);
	assert_memory_equal(val, "\0\1", 2);
	assert_true(record_next_attached(&rec, &off, &val, &len));
	assert_int_equal(len, 0);
	assert_true(record_next_attached(&rec, &off, &val, &len));
	assert_int_equal(len, 9);
	assert_memory_equal(val, "abcdefghi", 9);
	assert_false(record_next_attached(&rec, &off, &val, &len));
}

static size_t answer(void *buf, size_t cap, enum record_answer what, size_t ack_len)
{
	static const uint32_t n = 5;
	uint8_t ack[sizeof asker + 8] = {0};
	struct tlv_writer w;

	memcpy(ack, &asker, sizeof asker);
	record_begin(&w, buf, cap, RECORD_ANSWER)->act = (uint8_t)what;
	if (ack_len > 0)
		tlv_put(&w, RECORD_TLV_ACK, 0, ack, ack_len);
	if (what == RECORD_ANSWER_COUNT)
		tlv_put(&w, RECORD_TLV_COUNT, 0, &n, sizeof n);
	else
		tlv_put(&w, RECORD_TLV_PACKET, 0, "[1]", 3);
	return w.len;
}

static void answers(void **state)
{
	_Alignas(8) uint8_t buf[512];
	struct tlv_writer w;
	struct record rec;

	(void)state;
	assert_int_equal(record_parse(&rec, buf, answer(buf, sizeof buf, RECORD_ANSWER_COUNT, sizeof asker)), 0);
	assert_true(rec.has_ack);
	assert_memory_equal(&rec.ack, &asker, sizeof asker);
	assert_int_equal(rec.count, 5);
	assert_int_equal(record_parse(&rec, buf, answer(buf, sizeof buf, RECORD_ANSWER_ARGS, sizeof asker)), 0);
	assert_int_equal(rec.packet_len, 3);
	/* An event that asks for acks carries the same. */
	record_begin(&w, buf, sizeof buf, RECORD_BROADCAST);
	tlv_put(&w, RECORD_TLV_PACKET, 0, "42[\"e\"]", 7);
	assert_int_equal(record_parse(&rec, buf, w.len), 0);
	assert_false(rec.has_ack);
	tlv_put(&w, RECORD_TLV_ACK, 0, &asker, sizeof asker);
	assert_int_equal(record_parse(&rec, buf, w.len), 0);
	assert_true(rec.has_ack);
	tlv_put(&w, RECORD_TLV_ACK, 0, &asker, sizeof asker);
	assert_int_equal(record_parse(&rec, buf, w.len), -EPROTO);
}

static void answers_refused(void **state)
{
	_Alignas(8) uint8_t buf[512];
	struct record_head *h = (struct record_head *)(void *)buf;
	struct tlv_writer w;
	struct record rec;
	size_t len;

	(void)state;
	/* To whom? */
	for (int what = RECORD_ANSWER_COUNT; what <= RECORD_ANSWER_KEEPER; what++) {
		assert_int_equal(
		    record_parse(&rec, buf, answer(buf, sizeof buf, (enum record_answer)what, 0)), -EPROTO);
		for (size_t n = 1; n < sizeof asker + 8; n++)
			assert_int_equal(record_parse(&rec, buf, answer(buf, sizeof buf, (enum record_answer)what, n)),
			    n == sizeof asker ? 0 : -EPROTO);
	}
	/* An answer that says nothing, and one of a kind that is none. */
	record_begin(&w, buf, sizeof buf, RECORD_ANSWER)->act = RECORD_ANSWER_ARGS;
	tlv_put(&w, RECORD_TLV_ACK, 0, &asker, sizeof asker);
	assert_int_equal(record_parse(&rec, buf, w.len), -EPROTO);
	len = answer(buf, sizeof buf, RECORD_ANSWER_COUNT, sizeof asker);
	h->act = 0;
	assert_int_equal(record_parse(&rec, buf, len), -EPROTO);
	h->act = RECORD_ANSWER_KEEPER + 1;
	assert_int_equal(record_parse(&rec, buf, len), -EPROTO);
	/* A count that is no number. */
	record_begin(&w, buf, sizeof buf, RECORD_ANSWER)->act = RECORD_ANSWER_COUNT;
	tlv_put(&w, RECORD_TLV_ACK, 0, &asker, sizeof asker);
	tlv_put(&w, RECORD_TLV_COUNT, 0, "12345", 5);
	assert_int_equal(record_parse(&rec, buf, w.len), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(every_truncation),
	    cmocka_unit_test(every_byte_changed),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(attachments),
	    cmocka_unit_test(answers),
	    cmocka_unit_test(answers_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
