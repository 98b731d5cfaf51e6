/*
 * t_socketio.c - Socket.IO packets: each rule for malformed ones, every cut, writers against the decoder.
 *
 * The verdicts are those of socket.io-parser 4.2.7, with the deviations that socketio.h names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/socketio.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct json_limits lim = {.depth = 64, .values = 10000};

static struct slice str(const char *s)
{
	return slice_make(s, strlen(s));
}

static void assert_slice(struct slice got, const char *want)
{
	if (!slice_is(got, want))
		fail_msg("\"%.*s\" is not \"%s\"", (int)got.n, got.p ? got.p : "", want);
}

static void decode_good(void **state)
{
	static const struct {
		const char *text;
		enum sio_type type;
		const char *nsp;
		long long id; /* -1: none */
		unsigned attachments;
		const char *payload, *name, *args;
		unsigned nargs;
	} t[] = {
	    {"0", SIO_CONNECT, "/", -1, 0, "", "", "", 0},
	    {"0{\"token\":\"x\"}", SIO_CONNECT, "/", -1, 0, "{\"token\":\"x\"}", "", "", 0},
	    {"0/chat", SIO_CONNECT, "/chat", -1, 0, "", "", "", 0},
	    {"0/chat,", SIO_CONNECT, "/chat", -1, 0, "", "", "", 0},
	    {"0/", SIO_CONNECT, "/", -1, 0, "", "", "", 0},
	    {"0/,{}", SIO_CONNECT, "/", -1, 0, "{}", "", "", 0},
	    {"0/chat?a=b&c=d,{}", SIO_CONNECT, "/chat?a=b&c=d", -1, 0, "{}", "", "", 0},
	    {"0/a{\"x\":1}", SIO_CONNECT, "/a{\"x\":1}", -1, 0, "", "", "", 0},
	    {"0//,", SIO_CONNECT, "//", -1, 0, "", "", "", 0},
	    {"1", SIO_DISCONNECT, "/", -1, 0, "", "", "", 0},
	    {"1/chat,", SIO_DISCONNECT, "/chat", -1, 0, "", "", "", 0},
	    {"112", SIO_DISCONNECT, "/", 12, 0, "", "", "", 0},
	    {"2[\"a\"]", SIO_EVENT, "/", -1, 0, "[\"a\"]", "a", "", 0},
	    {"2/chat,12[\"a\",1,{\"b\":[2,3]}]", SIO_EVENT, "/chat", 12, 0, "[\"a\",1,{\"b\":[2,3]}]", "a",
		",1,{\"b\":[2,3]}", 2},
	    {"20[\"a\",null]", SIO_EVENT, "/", 0, 0, "[\"a\",null]", "a", ",null", 1},
	    {"2007[\"a\"]", SIO_EVENT, "/", 7, 0, "[\"a\"]", "a", "", 0},
	    {"2999999999999999[\"a\"]", SIO_EVENT, "/", 999999999999999, 0, "[\"a\"]", "a", "", 0},
	    {"2[ \"a\" ]", SIO_EVENT, "/", -1, 0, "[ \"a\" ]", "a", "", 0},
	    {"2 [ \"a\" , 1 , 2 ] ", SIO_EVENT, "/", -1, 0, "[ \"a\" , 1 , 2 ]", "a", ", 1 , 2", 2},
	    {"2[5,1]", SIO_EVENT, "/", -1, 0, "[5,1]", "5", ",1", 1},
	    {"2[-1.5e400]", SIO_EVENT, "/", -1, 0, "[-1.5e400]", "-1.5e400", "", 0},
	    {"2[\"\"]", SIO_EVENT, "/", -1, 0, "[\"\"]", "", "", 0},
	    {"2[\"q\\\"]\",1]", SIO_EVENT, "/", -1, 0, "[\"q\\\"]\",1]", "q\\\"]", ",1", 1},
	    {"2[\"connection\"]", SIO_EVENT, "/", -1, 0, "[\"connection\"]", "connection", "", 0},
	    {"2[\"error\",1]", SIO_EVENT, "/", -1, 0, "[\"error\",1]", "error", ",1", 1},
	    {"2[\"Connect\"]", SIO_EVENT, "/", -1, 0, "[\"Connect\"]", "Connect", "", 0},
	    {"2", SIO_EVENT, "/", -1, 0, "", "", "", 0},
	    {"2/chat,", SIO_EVENT, "/chat", -1, 0, "", "", "", 0},
	    {"2\n", SIO_EVENT, "/", -1, 0, "", "", "", 0},
	    {"3", SIO_ACK, "/", -1, 0, "", "", "", 0},
	    {"37", SIO_ACK, "/", 7, 0, "", "", "", 0},
	    {"37[]", SIO_ACK, "/", 7, 0, "[]", "", "", 0},
	    {"3/chat,7[\"connect\",true]", SIO_ACK, "/chat", 7, 0, "[\"connect\",true]", "", "", 0},
	    {"4", SIO_CONNECT_ERROR, "/", -1, 0, "", "", "", 0},
	    {"4{\"message\":\"no\"}", SIO_CONNECT_ERROR, "/", -1, 0, "{\"message\":\"no\"}", "", "", 0},
	    {"4/chat,\"no\"", SIO_CONNECT_ERROR, "/chat", -1, 0, "\"no\"", "", "", 0},
	    {"51-[\"a\",{\"_placeholder\":true,\"num\":0}]", SIO_BINARY_EVENT, "/", -1, 1,
		"[\"a\",{\"_placeholder\":true,\"num\":0}]", "a", ",{\"_placeholder\":true,\"num\":0}", 1},
	    {"510-/chat,3[\"a\"]", SIO_BINARY_EVENT, "/chat", 3, 10, "[\"a\"]", "a", "", 0},
	    {"501-[\"a\"]", SIO_BINARY_EVENT, "/", -1, 1, "[\"a\"]", "a", "", 0},
	    {"61-/chat,3[{\"_placeholder\":true,\"num\":0}]", SIO_BINARY_ACK, "/chat", 3, 1,
		"[{\"_placeholder\":true,\"num\":0}]", "", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct sio_packet p;
		int rc = sio_decode(str(t[i].text), &lim, &p);

		if (rc != 0)
			fail_msg("%s: %s", t[i].text, proto_strerror(rc));
		assert_int_equal(p.type, t[i].type);
		assert_slice(p.nsp, t[i].nsp);
		assert_int_equal(p.has_id, t[i].id >= 0);
		assert_int_equal(p.id, t[i].id >= 0 ? t[i].id : 0);
		assert_int_equal(p.attachments, t[i].attachments);
		assert_slice(p.payload, t[i].payload);
		assert_slice(p.name, t[i].name);
		assert_slice(p.args, t[i].args);
		assert_int_equal(p.nargs, t[i].nargs);
		assert_int_equal(p.name_is_number, p.name.n > 0 && p.name.p[-1] != '"');
	}
}

static void decode_bad(void **state)
{
	static const struct {
		const char *text;
		int err;
	} t[] = {
	    {"", PROTO_EPACKET},
	    {"7", PROTO_EPACKET},
	    {"9[\"a\"]", PROTO_EPACKET},
	    {"a", PROTO_EPACKET},
	    {" 2[\"a\"]", PROTO_EPACKET},
	    {"-1", PROTO_EPACKET},
	    {"\xc3\xa9", PROTO_EPACKET},
	    {"[\"a\"]", PROTO_EPACKET},
	    /* CONNECT */
	    {"0[]", PROTO_EPAYLOAD},
	    {"0null", PROTO_EPAYLOAD},
	    {"0\"x\"", PROTO_EPAYLOAD},
	    {"0{", PROTO_EJSON},
	    {"0{}{}", PROTO_EJSON},
	    {"0chat", PROTO_EJSON},
	    {"0,{}", PROTO_EJSON},
	    {"0/a{\"x\":1,\"y\":2}", PROTO_EJSON},
	    /* DISCONNECT */
	    {"1{}", PROTO_EPAYLOAD},
	    {"1[]", PROTO_EPAYLOAD},
	    {"1null", PROTO_EPAYLOAD},
	    {"1/chat,{", PROTO_EPAYLOAD},
	    {"1-", PROTO_EPAYLOAD},
	    /* EVENT */
	    {"2[]", PROTO_EPAYLOAD},
	    {"2[ ]", PROTO_EPAYLOAD},
	    {"2{}", PROTO_EPAYLOAD},
	    {"2\"a\"", PROTO_EPAYLOAD},
	    {"2null", PROTO_EPAYLOAD},
	    {"2true", PROTO_EPAYLOAD},
	    {"2[null]", PROTO_EPAYLOAD},
	    {"2[true]", PROTO_EPAYLOAD},
	    {"2[{}]", PROTO_EPAYLOAD},
	    {"2[[\"a\"]]", PROTO_EPAYLOAD},
	    {"2[", PROTO_EJSON},
	    {"2[\"a\"", PROTO_EJSON},
	    {"2[\"a\",]", PROTO_EJSON},
	    {"2[\"a\"]x", PROTO_EJSON},
	    {"2[\"a\"][\"b\"]", PROTO_EJSON},
	    {"2[a]", PROTO_EJSON},
	    {"2-1[\"a\"]", PROTO_EJSON},
	    {"21 2[\"a\"]", PROTO_EJSON},
	    {"2 5[\"a\"]", PROTO_EJSON},
	    {"2undefined", PROTO_EJSON},
	    {"2\xef\xbb\xbf[\"a\"]", PROTO_EJSON},
	    {"2\xc2\xa0[\"a\"]", PROTO_EJSON},
	    {"29007199254740992[\"a\"]", PROTO_EACKID},
	    {"2/chat,9999999999999999", PROTO_EACKID},
	    {"2[\"connect\"]", PROTO_ERESERVED},
	    {"2[\"connect_error\",1]", PROTO_ERESERVED},
	    {"2[\"disconnect\"]", PROTO_ERESERVED},
	    {"2[\"disconnecting\"]", PROTO_ERESERVED},
	    {"2[\"newListener\"]", PROTO_ERESERVED},
	    {"2/x,1[\"removeListener\"]", PROTO_ERESERVED},
	    {"2[\"\\u0063onnect\"]", PROTO_ERESERVED},
	    {"2[\"dis\\u0063onnecting\"]", PROTO_ERESERVED},
	    /* ACK, CONNECT_ERROR */
	    {"37{}", PROTO_EPAYLOAD},
	    {"37null", PROTO_EPAYLOAD},
	    {"37\"a\"", PROTO_EPAYLOAD},
	    {"37[", PROTO_EJSON},
	    {"4[]", PROTO_EPAYLOAD},
	    {"4null", PROTO_EPAYLOAD},
	    {"4x", PROTO_EJSON},
	    /* Attachment counts (CVE-2026-33151, CVE-2026-69185) */
	    {"5", PROTO_EATTACH},
	    {"5-[\"a\"]", PROTO_EATTACH},
	    {"50-[\"a\"]", PROTO_EATTACH},
	    {"511-[\"a\"]", PROTO_EATTACH},
	    {"5[\"a\"]", PROTO_EATTACH},
	    {"51[\"a\"]", PROTO_EATTACH},
	    {"51", PROTO_EATTACH},
	    {"5-1-[\"a\"]", PROTO_EATTACH},
	    {"51e1-[\"a\"]", PROTO_EATTACH},
	    {"5 1-[\"a\"]", PROTO_EATTACH},
	    {"5+1-[\"a\"]", PROTO_EATTACH},
	    {"50x1-[\"a\"]", PROTO_EATTACH},
	    {"51.0-[\"a\"]", PROTO_EATTACH},
	    {"599999999999999999999999-[\"a\"]", PROTO_EATTACH},
	    {"650-[]", PROTO_EATTACH},
	    {"60-[]", PROTO_EATTACH},
	    {"6[]", PROTO_EATTACH},
	    {"51-[]", PROTO_EPAYLOAD},
	    {"51-[\"disconnect\"]", PROTO_ERESERVED},
	    {"61-{}", PROTO_EPAYLOAD},
	    {"51-1-[\"a\"]", PROTO_EJSON},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct sio_packet p;
		int rc = sio_decode(str(t[i].text), &lim, &p);

		if (rc != t[i].err)
			fail_msg("%s: %s, not %s", t[i].text, rc ? proto_strerror(rc) : "accepted",
			    proto_strerror(t[i].err));
	}
}

/* Cut anywhere, in memory of exactly its size: refused, or a shorter packet that is one. */
static void decode_every_prefix(void **state)
{
	static const char *const full[] = {"2/chat,12[\"event \\u0041\",{\"a\":[1,2.5e3,null]},\"text\"]",
	    "510-/x,7[\"e\",{\"num\":0}]", "0/chat?x=y,{\"token\":\"abc\"}", "3/chat,12[1,2]"};

	(void)state;
	for (size_t i = 0; i < COUNT(full); i++) {
		size_t len = strlen(full[i]), start = (size_t)(strpbrk(full[i], "[{") - full[i]);

		for (size_t n = 0; n <= len; n++) {
			char *copy = malloc(n ? n : 1);
			struct sio_packet p;
			int rc;

			assert_non_null(copy);
			memcpy(copy, full[i], n);
			rc = sio_decode(slice_make(copy, n), &lim, &p);
			if (n > start)
				assert_int_equal(rc, n == len ? 0 : PROTO_EJSON);
			if (rc == 0 && p.payload.n > 0)
				assert_ptr_equal(p.payload.p + p.payload.n, copy + n);
			free(copy);
		}
	}
}

static void decode_limits(void **state)
{
	enum { MEGABYTE = 1 << 20 };
	struct json_limits tight = {.depth = 3, .values = 5};
	char *bomb = malloc(MEGABYTE);
	struct sio_packet p;

	(void)state;
	assert_int_equal(sio_decode(SLICE("2[\"a\",[[1]]]"), &tight, &p), 0);
	assert_int_equal(sio_decode(SLICE("2[\"a\",[[[1]]]]"), &tight, &p), PROTO_EJSON_DEPTH);
	assert_int_equal(sio_decode(SLICE("2[\"a\",1,2,3]"), &tight, &p), 0);
	assert_int_equal(sio_decode(SLICE("2[\"a\",1,2,3,4]"), &tight, &p), PROTO_EJSON_SIZE);
	assert_non_null(bomb);
	memset(bomb, '[', MEGABYTE);
	bomb[0] = '2';
	assert_int_equal(sio_decode(slice_make(bomb, MEGABYTE), &lim, &p), PROTO_EJSON_DEPTH);
	/* A name of a megabyte, a namespace of a megabyte, digits without end. */
	memset(bomb, 'a', MEGABYTE);
	memcpy(bomb, "2[\"", 3);
	memcpy(bomb + MEGABYTE - 2, "\"]", 2);
	assert_int_equal(sio_decode(slice_make(bomb, MEGABYTE), &lim, &p), 0);
	assert_int_equal(p.name.n, MEGABYTE - 5);
	memset(bomb, '/', MEGABYTE);
	bomb[0] = '0';
	assert_int_equal(sio_decode(slice_make(bomb, MEGABYTE), &lim, &p), 0);
	assert_int_equal(p.nsp.n, MEGABYTE - 1);
	memset(bomb, '5', MEGABYTE);
	assert_int_equal(sio_decode(slice_make(bomb, MEGABYTE), &lim, &p), PROTO_EATTACH);
	memset(bomb, '2', MEGABYTE);
	assert_int_equal(sio_decode(slice_make(bomb, MEGABYTE), &lim, &p), PROTO_EACKID);
	free(bomb);
}

static void reserved_names(void **state)
{
	static const char *const no[] = {"", "connec", "connects", "connect ", "connection", "error", "disconnected",
	    "newlistener", "removeListeners", "\\u0063onnec"};

	(void)state;
	assert_true(sio_is_reserved(SLICE("connect")));
	assert_true(sio_is_reserved(SLICE("remove\\u004cistener")));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(sio_is_reserved(str(no[i])));
}

/* What is written, shortened by the Engine.IO type, decodes to what went in. */
static void writers(void **state)
{
	static const char *const nsp[] = {"/", "", "/chat"};
	char out[128];
	struct sio_packet p;

	(void)state;
	assert_int_equal(sio_write_connect(SLICE("/"), "lv_VI97HAXpY6yYWAAAC", out, sizeof out), 32);
	assert_memory_equal(out, "40{\"sid\":\"lv_VI97HAXpY6yYWAAAC\"}", 32);
	assert_int_equal(sio_write_connect(SLICE("/chat"), "x", out, sizeof out), 19);
	assert_memory_equal(out, "40/chat,{\"sid\":\"x\"}", 19);
	assert_int_equal(
	    sio_write_connect_error(SLICE("/random"), SLICE("{\"message\":\"Invalid namespace\"}"), out, sizeof out),
	    41);
	assert_memory_equal(out, "44/random,{\"message\":\"Invalid namespace\"}", 41);
	assert_int_equal(sio_write_disconnect(SLICE("/"), out, sizeof out), 2);
	assert_memory_equal(out, "41", 2);
	assert_int_equal(sio_write_disconnect(SLICE("/chat"), out, sizeof out), 8);
	assert_memory_equal(out, "41/chat,", 8);
	for (size_t i = 0; i < COUNT(nsp); i++) {
		size_t n = sio_write_event(str(nsp[i]), SLICE("na\\nme"), SLICE(",1,{\"a\":2}"), out, sizeof out);

		assert_int_equal(out[0], '4');
		assert_int_equal(sio_decode(slice_make(out + 1, n - 1), &lim, &p), 0);
		assert_int_equal(p.type, SIO_EVENT);
		assert_slice(p.nsp, nsp[i][0] ? nsp[i] : "/");
		assert_slice(p.name, "na\\nme");
		assert_slice(p.args, ",1,{\"a\":2}");
		assert_int_equal(p.nargs, 2);
		n = sio_write_ack(str(nsp[i]), 999999999999999, SLICE("1,null"), out, sizeof out);
		assert_int_equal(sio_decode(slice_make(out + 1, n - 1), &lim, &p), 0);
		assert_int_equal(p.type, SIO_ACK);
		assert_true(p.has_id && p.id == 999999999999999);
		assert_slice(p.payload, "[1,null]");
	}
	assert_int_equal(sio_write_ack(SLICE("/"), 0, SLICE(""), out, sizeof out), 5);
	assert_memory_equal(out, "430[]", 5);
	assert_int_equal(sio_write_ack(SLICE("/"), UINT64_MAX, SLICE(""), out, sizeof out), 24);
}

/* A head and the JSON behind it are the packet. */
static void heads(void **state)
{
	static const struct {
		enum sio_type type;
		const char *nsp;
		long long id;
		const char *want;
	} t[] = {
	    {SIO_EVENT, "/", -1, "42"},
	    {SIO_EVENT, "/chat", 12, "42/chat,12"},
	    {SIO_ACK, "", 0, "430"},
	    {SIO_CONNECT, "/chat", -1, "40/chat,"},
	    {SIO_BINARY_EVENT, "/", -1, "453-"},
	    {SIO_BINARY_EVENT, "/chat", 7, "453-/chat,7"},
	    {SIO_BINARY_ACK, "/", 999999999999999, "463-999999999999999"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		char out[64];
		size_t n =
		    sio_write_head(t[i].type, 3, str(t[i].nsp), t[i].id >= 0, (uint64_t)t[i].id, out, sizeof out);
		struct sio_packet p;

		assert_slice(slice_make(out, n), t[i].want);
		if (t[i].type == SIO_CONNECT)
			continue;
		memcpy(out + n, "[\"e\",1]", 7);
		assert_int_equal(sio_decode(slice_make(out + 1, n + 6), &lim, &p), 0);
		assert_int_equal(p.type, t[i].type);
		assert_int_equal(p.attachments, t[i].type >= SIO_BINARY_EVENT ? 3 : 0);
		assert_int_equal(p.has_id, t[i].id >= 0);
		assert_slice(p.payload, "[\"e\",1]");
	}
	assert_int_equal(sio_write_head(SIO_BINARY_EVENT, 10, SLICE("/chat"), true, 1, NULL, 0), 12);
}

/* The rules of the payload are the same whatever the head was. */
static void payload_alone(void **state)
{
	struct sio_packet p = {.type = SIO_EVENT};

	(void)state;
	assert_int_equal(sio_decode_payload(SLICE(" [\"e\",1,[2]] "), &lim, &p), 0);
	assert_slice(p.payload, "[\"e\",1,[2]]");
	assert_slice(p.name, "e");
	assert_slice(p.args, ",1,[2]");
	assert_int_equal(p.nargs, 2);
	assert_int_equal(sio_decode_payload(SLICE("[\"connect\"]"), &lim, &p), PROTO_ERESERVED);
	assert_int_equal(sio_decode_payload(SLICE("[\"e\"]]"), &lim, &p), PROTO_EJSON);
	p.type = SIO_DISCONNECT;
	assert_int_equal(sio_decode_payload(SLICE(""), &lim, &p), 0);
	assert_int_equal(sio_decode_payload(SLICE("{}"), &lim, &p), PROTO_EPAYLOAD);
}

/* Never past CAP, and always the length that is needed. */
static void writers_at_every_capacity(void **state)
{
	char out[64], full[64];
	size_t n = sio_write_ack(SLICE("/chat"), 123, SLICE("\"x\",2"), full, sizeof full);

	(void)state;
	assert_int_equal(n, 18);
	for (size_t cap = 0; cap <= n; cap++) {
		memset(out, '#', sizeof out);
		assert_int_equal(sio_write_ack(SLICE("/chat"), 123, SLICE("\"x\",2"), out, cap), n);
		for (size_t i = cap; i < sizeof out; i++)
			assert_int_equal(out[i], '#');
	}
	assert_memory_equal(out, full, n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode_good),
	    cmocka_unit_test(decode_bad),
	    cmocka_unit_test(decode_every_prefix),
	    cmocka_unit_test(decode_limits),
	    cmocka_unit_test(reserved_names),
	    cmocka_unit_test(writers),
	    cmocka_unit_test(heads),
	    cmocka_unit_test(payload_alone),
	    cmocka_unit_test(writers_at_every_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
