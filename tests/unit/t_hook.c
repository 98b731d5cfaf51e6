/*
 * t_hook.c - hooks without a network: breakers, signatures, requests, and what a reply may be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

#include "worker/clock.h"
#include "worker/hook.h"
#include "worker/hook_breaker.h"
#include "worker/hook_reply.h"
#include "worker/hook_request.h"
#include "worker/worker.h"

#define TEXT(s)                                                                                                        \
	(struct text)                                                                                                  \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

static const struct hook hook3 = {.failures = 3, .reset = 1000};

static uint32_t admitted(struct hook_breaker *b, uint64_t now_ns)
{
	uint32_t round;

	assert_true(hook_breaker_admits(b, &hook3, now_ns, &round));
	return round;
}

static void assert_refused(struct hook_breaker *b, uint64_t now_ns)
{
	uint32_t round;

	assert_false(hook_breaker_admits(b, &hook3, now_ns, &round));
}

static void a_breaker_opens_after_failures_in_a_row(void **state)
{
	struct hook_breaker b = {0};
	uint64_t now = 5 * NS_PER_S;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_false(hook_breaker_failed(&b, &hook3, now, admitted(&b, now)));
	hook_breaker_succeeded(&b, admitted(&b, now));
	for (int i = 0; i < 2; i++)
		assert_false(hook_breaker_failed(&b, &hook3, now, admitted(&b, now)));
	assert_true(hook_breaker_failed(&b, &hook3, now, admitted(&b, now)));
	assert_refused(&b, now);
	assert_refused(&b, now + 999 * NS_PER_MS);
}

static struct hook_breaker opened_at(uint64_t now)
{
	struct hook_breaker b = {0};

	for (int i = 0; i < 3; i++)
		hook_breaker_failed(&b, &hook3, now, admitted(&b, now));
	assert_int_equal(b.state, BREAKER_OPEN);
	return b;
}

static void half_open_admits_one(void **state)
{
	struct hook_breaker b = opened_at(0);
	uint64_t later = NS_PER_S;
	uint32_t trial = admitted(&b, later);

	(void)state;
	assert_refused(&b, later);
	assert_refused(&b, later + 9 * NS_PER_S);
	assert_true(hook_breaker_failed(&b, &hook3, later, trial));
	assert_refused(&b, later + 999 * NS_PER_MS);
	trial = admitted(&b, later + NS_PER_S);
	hook_breaker_succeeded(&b, trial);
	assert_int_equal(b.state, BREAKER_CLOSED);
	/* the failures before do not count any more */
	assert_false(hook_breaker_failed(&b, &hook3, later, admitted(&b, later)));
	assert_false(hook_breaker_failed(&b, &hook3, later, admitted(&b, later)));
}

static void a_trial_that_was_not_made_is_somebody_elses(void **state)
{
	struct hook_breaker b = opened_at(0);

	(void)state;
	hook_breaker_unasked(&b, admitted(&b, NS_PER_S));
	hook_breaker_succeeded(&b, admitted(&b, NS_PER_S));
	assert_int_equal(b.state, BREAKER_CLOSED);
}

static void what_was_asked_before_it_opened_changes_nothing(void **state)
{
	struct hook_breaker b = {0};
	uint32_t early = admitted(&b, 0), trial;

	(void)state;
	for (int i = 0; i < 3; i++)
		hook_breaker_failed(&b, &hook3, 0, admitted(&b, 0));
	hook_breaker_succeeded(&b, early);
	assert_refused(&b, 1);
	trial = admitted(&b, NS_PER_S);
	assert_false(hook_breaker_failed(&b, &hook3, NS_PER_S, early));
	hook_breaker_unasked(&b, early);
	assert_refused(&b, NS_PER_S);
	hook_breaker_succeeded(&b, early);
	assert_refused(&b, NS_PER_S);
	hook_breaker_succeeded(&b, trial);
	assert_int_equal(b.state, BREAKER_CLOSED);
}

static void without_failures_there_is_no_breaker(void **state)
{
	const struct hook none = {.failures = 0, .reset = 1};
	struct hook_breaker b = {0};
	uint32_t round;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_true(hook_breaker_admits(&b, &none, 0, &round));
		assert_false(hook_breaker_failed(&b, &none, 0, round));
	}
}

static void a_signature_is_hmac_sha256_of_time_and_body(void **state)
{
	const struct hook h = {.secret = TEXT("Jefe")}, longer = {.secret = TEXT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")};
	char out[HOOK_SIGNATURE_LEN + 1];
	struct hook_signer s;

	(void)state;
	/* openssl dgst -sha256 -hmac KEY over "1700000000.{}" */
	hook_signer_init(&s, &h);
	hook_sign(&s, "1700000000", SLICE("{}"), out);
	assert_string_equal(out, "d3793e2b4103edfbd98cc19591832f5fad701d413db9fcae0ae7dab8184ed207");
	hook_sign(&s, "1700000000", SLICE("{}"), out);
	assert_string_equal(out, "d3793e2b4103edfbd98cc19591832f5fad701d413db9fcae0ae7dab8184ed207");
	hook_sign(&s, "0", SLICE(""), out);
	assert_string_equal(out, "813f643c8863ba9754215e64cdab172f2e96c1a413d772978aba7398cc864e55");
	hook_signer_init(&s, &longer);
	hook_sign(&s, "1700000000", SLICE("{}"), out);
	assert_string_equal(out, "2a586d1d79510e95d4897b5a4cf39152e462fc0e3c0bc608b614dc4ad19acd5d");
}

static void a_request_as_it_goes_over_the_wire(void **state)
{
	struct hook h = {.target = TEXT("/hook?a=1"), .authority = TEXT("app.test:4000"), .secret = TEXT("Jefe")};
	char head[HOOK_HEAD_MAX];
	struct hook_signer s;
	size_t n;

	(void)state;
	hook_signer_init(&s, &h);
	n = hook_request_head(&h, &s, "00000000-0000-4000-8000-000000000000", 1700000000, SLICE("{}"), head);
	assert_int_equal(n, strlen(head));
	assert_memory_equal(head, "POST /hook?a=1 HTTP/1.1\r\nhost: app.test:4000\r\n", 46);
	assert_non_null(strstr(head, "\r\ncontent-type: application/json\r\n"));
	assert_non_null(strstr(head, "\r\ncontent-length: 2\r\n"));
	assert_non_null(strstr(head, "\r\nforkcast-id: 00000000-0000-4000-8000-000000000000\r\n"));
	assert_non_null(strstr(head, "\r\nforkcast-timestamp: 1700000000\r\n"));
	assert_non_null(strstr(head, "\r\nforkcast-signature: v1=d3793e2b4103edfbd98cc19591832f5fad701d413db9fcae0ae7dab8184ed207\r\n\r\n"));
	h.secret = (struct text){NULL, 0};
	hook_signer_init(&s, &h);
	n = hook_request_head(&h, &s, "00000000-0000-4000-8000-000000000000", 1700000000, SLICE("{}"), head);
	assert_null(strstr(head, "signature"));
	assert_memory_equal(head + n - 4, "\r\n\r\n", 4);
}

static struct worker w;

static bool reads(const char *body, bool connecting, struct hook_reply *out)
{
	return hook_reply_read(&w, slice_make(body, strlen(body)), connecting, out);
}

static void assert_slice(struct slice s, const char *text)
{
	assert_int_equal(s.n, strlen(text));
	assert_memory_equal(s.p, text, s.n);
}

static void replies_that_are_lists_of_verbs(void **state)
{
	struct hook_reply r;

	(void)state;
	assert_true(reads(" [ ] ", false, &r));
	assert_true(reads("[{\"data\":{\"a\": 1}},{\"ack\": [1,2] }]", false, &r));
	assert_slice(r.data, "{\"a\": 1}");
	assert_slice(r.ack, "[1,2]");
	assert_false(r.refused);
	assert_true(reads("[{\"data\":1},{\"data\":null}]", false, &r));
	assert_slice(r.data, "null");
	assert_true(reads("[{\"data\":1},{\"error\":{\"message\":\"no\",\"code\":\"c\",\"data\":[3]}},{\"data\":2}]", false, &r));
	assert_true(r.refused);
	assert_slice(r.message, "\"no\"");
	assert_slice(r.code, "\"c\"");
	assert_slice(r.error_data, "[3]");
	assert_slice(r.data, "1");
	assert_true(reads("[{\"user\":{\"name\":\"Ann\",\"role\":null,\"data\":{},\"rooms\":[\"a:1\"]}}]", true, &r));
	assert_slice(r.name, "\"Ann\"");
	assert_null(r.role.p);
	assert_slice(r.rooms, "[\"a:1\"]");
	arena_reset(&w.arena);
}

static void replies_that_are_none(void **state)
{
	static const char *const bad[] = {"", " ", "{}", "null", "[", "[]]", "[1]", "[{}]", "[{\"data\":1,\"ack\":2}]", "[{\"shout\":1}]",
	    "[{\"data\":01}]", "[{\"error\":\"x\"}]", "[{\"error\":{}}]", "[{\"error\":{\"message\":1}}]",
	    "[{\"error\":{\"message\":\"x\",\"code\":1}}]", "[{\"user\":{}}]", "[{\"data\":\"\xff\"}]"};
	static const char *const bad_users[] = {"[{\"user\":1}]", "[{\"user\":{\"name\":1}}]", "[{\"user\":{\"role\":\"a\\u0000b\"}}]",
	    "[{\"user\":{\"role\":\"\"}}]", "[{\"user\":{\"rooms\":\"a\"}}]", "[{\"user\":{\"rooms\":[1]}}]",
	    "[{\"user\":{\"name\":\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	    "01234567890123456789012345678\"}}]"};
	struct hook_reply r;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(reads(bad[i], false, &r));
	for (unsigned i = 0; i < sizeof(bad_users) / sizeof(*bad_users); i++)
		assert_false(reads(bad_users[i], true, &r));
	arena_reset(&w.arena);
}

static void a_long_list_is_refused(void **state)
{
	char text[HOOK_VERBS_MAX * 12 + 32];
	struct hook_reply r;
	size_t n = 0;

	(void)state;
	text[n++] = '[';
	for (unsigned i = 0; i < HOOK_VERBS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s{\"data\":1}", i > 0 ? "," : "");
	memcpy(text + n, "]", 2);
	assert_true(reads(text, false, &r));
	memcpy(text + n, ",{\"data\":1}]", 13);
	assert_false(reads(text, false, &r));
	arena_reset(&w.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_breaker_opens_after_failures_in_a_row),
		cmocka_unit_test(half_open_admits_one),
		cmocka_unit_test(a_trial_that_was_not_made_is_somebody_elses),
		cmocka_unit_test(what_was_asked_before_it_opened_changes_nothing),
		cmocka_unit_test(without_failures_there_is_no_breaker),
		cmocka_unit_test(a_signature_is_hmac_sha256_of_time_and_body),
		cmocka_unit_test(a_request_as_it_goes_over_the_wire),
		cmocka_unit_test(replies_that_are_lists_of_verbs),
		cmocka_unit_test(replies_that_are_none),
		cmocka_unit_test(a_long_list_is_refused),
	};

	if (sodium_init() < 0)
		return 1;
	arena_init(&w.arena);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
