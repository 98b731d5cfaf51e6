/*
 * t_sid.c - ids and their base64url: form, what they carry, canonical text only, nothing repeated across a fork.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base64.h"
#include "proto/sid.h"

static int by_text(const void *a, const void *b)
{
	return memcmp(a, b, SID_LEN);
}

static void sid_carries_slot_and_generation(void **state)
{
	char sid[SID_LEN + 1];

	(void)state;
	for (unsigned slot = 0; slot < 256; slot += 5) {
		for (uint32_t gen = 0; gen < 0x30000; gen += 0x1fff) {
			unsigned s;
			uint32_t g;

			sid_make(sid, slot, gen);
			assert_int_equal(strlen(sid), SID_LEN);
			assert_true(sid_parse(slice_make(sid, SID_LEN), &s, &g));
			assert_int_equal(s, slot);
			assert_int_equal(g, gen & 0xffff);
		}
	}
}

/* Stores scan a dead generation by this prefix. */
static void sid_prefix_is_the_generation(void **state)
{
	char a[SID_LEN + 1], b[SID_LEN + 1];

	(void)state;
	sid_make(a, 7, 0x1234);
	sid_make(b, 7, 0x1234);
	assert_memory_equal(a, b, SID_PREFIX);
	assert_memory_not_equal(a + SID_PREFIX, b + SID_PREFIX, SID_LEN - SID_PREFIX);
	sid_make(b, 7, 0x1235);
	assert_memory_not_equal(a, b, SID_PREFIX);
}

static void sid_refuses_other_forms(void **state)
{
	static const char *const bad[] = {"", "AAAA", "AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA",
	    "AAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAA+", "AAAAAAAAA/AAAAAAAAAA", " AAAAAAAAAAAAAAAAAAA",
	    "AAAAAAAAAAAAAAAAAA\xc3\xa9"};
	unsigned slot;
	uint32_t gen;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(sid_parse(slice_make(bad[i], strlen(bad[i])), &slot, &gen));
	assert_true(sid_parse(SLICE("AAAAAAAAAAAAAAAAAA-_"), &slot, &gen));
}

static void sid_never_repeats(void **state)
{
	enum { N = 20000 };
	char(*all)[SID_LEN + 1] = calloc(N, sizeof *all);

	(void)state;
	assert_non_null(all);
	for (size_t i = 0; i < N; i++)
		sid_make(all[i], 1, 1);
	qsort(all, N, sizeof *all, by_text);
	for (size_t i = 1; i < N; i++)
		assert_memory_not_equal(all[i - 1], all[i], SID_LEN);
	free(all);
}

/* A child must not continue the parent's pool of random bytes. */
static void sid_differs_after_fork(void **state)
{
	char before[SID_LEN + 1], mine[SID_LEN + 1], theirs[2][SID_LEN + 1];
	int fd[2];

	(void)state;
	sid_make(before, 1, 1);
	assert_int_equal(pipe(fd), 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			sid_make(mine, 1, 1);
			_exit(write(fd[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(read(fd[0], theirs[i], sizeof theirs[i]), sizeof theirs[i]);
	}
	sid_make(mine, 1, 1);
	assert_string_not_equal(theirs[0], theirs[1]);
	assert_string_not_equal(theirs[0], mine);
	assert_string_not_equal(theirs[1], mine);
	close(fd[0]);
	close(fd[1]);
}

static void base64url_vectors(void **state)
{
	/* RFC 4648, section 10, without padding. */
	static const struct {
		const char *plain, *text;
	} v[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"},
	    {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		size_t n = strlen(v[i].plain), m = strlen(v[i].text);

		assert_int_equal(BASE64URL_ENCODED(n), m);
		base64url_encode(v[i].plain, n, out);
		assert_memory_equal(out, v[i].text, m);
		assert_int_equal(base64url_decode(slice_make(v[i].text, m), out, sizeof out), n);
		assert_memory_equal(out, v[i].plain, n);
		if (n > 0)
			assert_int_equal(base64url_decode(slice_make(v[i].text, m), out, n - 1), -1);
	}
}

/* Of all texts of up to three characters exactly one decodes to each value. */
static void base64url_is_canonical(void **state)
{
	unsigned ok[4] = {0};
	uint8_t out[4];
	char back[4];

	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		for (unsigned x = 0; x < 1u << (7 * n); x++) {
			char text[3] = {(char)(x & 127), (char)(x >> 7 & 127), (char)(x >> 14)};
			ssize_t r = base64url_decode(slice_make(text, n), out, sizeof out);

			if (r < 0)
				continue;
			ok[n]++;
			base64url_encode(out, (size_t)r, back);
			assert_memory_equal(back, text, n);
		}
	}
	assert_int_equal(ok[1], 0);
	assert_int_equal(ok[2], 256);
	assert_int_equal(ok[3], 65536);
}

static void base64url_refuses(void **state)
{
	static const char *const bad[] = {
	    "Zg==", "Zm8=", "Zm9v\n", " Zm9v", "Zm+v", "Zm/v", "Zh", "Zm9", "Z", "Zm9v\xc3\xa9", "Zm9vZ"};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(base64url_decode(slice_make(bad[i], strlen(bad[i])), out, sizeof out), -1);
	assert_int_equal(base64url_decode(slice_make("Zm\0v", 4), out, sizeof out), -1);
	assert_true(base64url_alphabet(SLICE("AZaz09-_")));
	assert_false(base64url_alphabet(SLICE("AZaz09-_=")));
	assert_false(base64url_alphabet(SLICE("A.B")));
	assert_true(base64url_alphabet(SLICE("")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sid_carries_slot_and_generation),
	    cmocka_unit_test(sid_prefix_is_the_generation),
	    cmocka_unit_test(sid_refuses_other_forms),
	    cmocka_unit_test(sid_never_repeats),
	    cmocka_unit_test(sid_differs_after_fork),
	    cmocka_unit_test(base64url_vectors),
	    cmocka_unit_test(base64url_is_canonical),
	    cmocka_unit_test(base64url_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
