/*
 * t_hook_pool.c - the connections of a hook, step by step: the backend is this test, and so is the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/conf.h"
#include "worker/hook.h"
#include "worker/hook_pool.h"
#include "worker/hook_request.h"
#include "worker/worker.h"

#define REPLY "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n[{\"data\":1}]"

static struct hook hook;
static struct catalogue_nsp nsp;
static struct conf conf;
static struct counter_block counters;
static struct worker w;
static const struct hook_use use = {.hook = &hook};
static char path[64];
static int listener;

/* What became of a question. */
struct told {
	unsigned times;
	bool good;
	enum hook_failure why;
};

static void on_reply(void *arg, const struct hook_reply *reply, enum hook_failure why)
{
	struct told *t = arg;

	t->times++;
	t->good = reply != NULL;
	t->why = why;
}

static int open_backend(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(path, sizeof(path), "/tmp/t_hook_pool.%d", (int)getpid());
	strcpy(un.sun_path, path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	return bind(listener, (struct sockaddr *)&un, sizeof(un)) != 0 ? -1 : listen(listener, 16);
}

/* A worker with one hook, which the test changes as it wants. */
static int start(void **state)
{
	struct arena arena = w.arena;
	uint8_t *rbuf = w.rbuf;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.arena = arena;
	w.rbuf = rbuf;
	memset(&counters, 0, sizeof(counters));
	if (open_backend() != 0)
		return -1;
	hook = (struct hook){.name = {"h", 1}, .scheme = HOOK_UNIX, .host = {path, strlen(path)}, .authority = {"localhost", 9},
	    .target = {"/", 1}, .timeout = 1000, .queue = 10, .concurrency = 2};
	nsp = (struct catalogue_nsp){.nhook = 1, .hook = &hook};
	conf.catalogue = (struct catalogue){.nnsp = 1, .nsp = &nsp, .nhooks = 1, .nbreakers = 1};
	w.conf = &conf;
	w.ct = &counters;
	w.max_conn = 1000;
	w.base = event_base_new();
	worker_look_at_clock(&w); /* fresh: the callbacks leave it alone */
	return hooks_open(&w);
}

static void turn(void)
{
	for (int i = 0; i < 5; i++) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		alarms_run(&w.alarms, w.now_ns);
	}
}

static void later(uint64_t ms)
{
	w.now_ns += ms * NS_PER_MS;
	turn();
}

/* Everything comes to its end by itself, when there is time enough. */
static int stop(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		later(60000);
	assert_true(hooks_idle(&w));
	assert_null(w.hooks->pool[0].idle);
	assert_int_equal(w.hooks->pool[0].nconn, 0);
	assert_int_equal(w.hooks->bytes, 0);
	close(listener);
	unlink(path);
	close(w.hooks->lookups.fd[0]);
	close(w.hooks->lookups.fd[1]);
	event_del(&w.hooks->lookups.ev);
	event_base_free(w.base);
	free(w.hooks->pool);
	free(w.hooks->breaker);
	free(w.hooks);
	free(w.alarms.heap);
	arena_reset(&w.arena);
	return 0;
}

static struct hook_call *ask(struct told *t)
{
	enum hook_failure why = HOOK_FAILURES;
	struct hook_call *call = hook_ask(&w, &use, SLICE("{}"), false, on_reply, t, &why);

	if (call == NULL)
		on_reply(t, NULL, why);
	return call;
}

/* The next connection that was made; -1: none. */
static int taken(void)
{
	turn();
	return accept4(listener, NULL, NULL, SOCK_NONBLOCK);
}

/* The whole request that is on FD, as its id; false: there is none. */
static bool request_on(int fd, char id[64])
{
	char text[4096];
	ssize_t n;
	char *at;

	turn();
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	assert_true(strncmp(text, "POST / HTTP/1.1\r\n", 17) == 0);
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n{}");
	at = strstr(text, "forkcast-id: ");
	assert_non_null(at);
	snprintf(id, 37, "%s", at + 13);
	return true;
}

static void reply_on(int fd)
{
	assert_int_equal(write(fd, REPLY, sizeof(REPLY) - 1), sizeof(REPLY) - 1);
	turn();
}

static void assert_good(const struct told *t)
{
	assert_int_equal(t->times, 1);
	assert_true(t->good);
}

static void assert_failed(const struct told *t, enum hook_failure why)
{
	assert_int_equal(t->times, 1);
	assert_false(t->good);
	assert_int_equal(t->why, why);
}

static void no_more_connections_than_allowed(void **state)
{
	struct told t[4] = {{0}};
	char id[64];
	int a, b;

	(void)state;
	hook.queue = 1;
	for (int i = 0; i < 4; i++)
		ask(&t[i]);
	assert_failed(&t[3], HOOK_FAILED_BUSY);
	a = taken();
	b = taken();
	assert_true(a >= 0 && b >= 0);
	assert_int_equal(taken(), -1);
	assert_true(request_on(a, id) && request_on(b, id));
	assert_false(request_on(a, id));
	reply_on(a);
	assert_good(&t[0]);
	assert_true(request_on(a, id));
	reply_on(a);
	reply_on(b);
	assert_good(&t[1]);
	assert_good(&t[2]);
	assert_true(hooks_idle(&w));
	/* both are kept: the last one used is used next */
	t[0] = (struct told){0};
	ask(&t[0]);
	assert_int_equal(taken(), -1);
	assert_true(request_on(b, id));
	reply_on(b);
	assert_good(&t[0]);
	close(a);
	close(b);
	turn();
}

static void without_a_queue_a_free_connection_is_enough(void **state)
{
	struct told t[3] = {{0}};

	(void)state;
	hook.queue = 0;
	for (int i = 0; i < 3; i++)
		ask(&t[i]);
	assert_int_equal(t[0].times + t[1].times, 0);
	assert_failed(&t[2], HOOK_FAILED_BUSY);
	later(1001);
	assert_failed(&t[0], HOOK_FAILED_TIMEOUT);
	assert_failed(&t[1], HOOK_FAILED_TIMEOUT);
}

static void one_that_was_closed_while_idle_is_forgotten(void **state)
{
	struct told t = {0}, t2 = {0};
	char id[64];
	int fd;

	(void)state;
	ask(&t);
	fd = taken();
	assert_true(request_on(fd, id));
	reply_on(fd);
	close(fd);
	turn();
	ask(&t2);
	fd = taken();
	assert_true(request_on(fd, id));
	reply_on(fd);
	assert_good(&t2);
	close(fd);
}

static void a_stale_connection_costs_no_attempt_once(void **state)
{
	struct told t = {0}, t2 = {0};
	char id[64], again[64];
	int fd;

	(void)state;
	ask(&t);
	fd = taken();
	assert_true(request_on(fd, id));
	reply_on(fd);
	ask(&t2);
	assert_true(request_on(fd, id));
	close(fd);
	fd = taken();
	assert_true(request_on(fd, again));
	assert_string_equal(again, id);
	assert_int_equal(t2.times, 0);
	close(fd);
	turn();
	assert_failed(&t2, HOOK_FAILED_CLOSED);
	assert_int_equal(taken(), -1);
}

static void a_new_connection_that_dies_is_a_failure(void **state)
{
	struct told t = {0};
	char id[64];
	int fd;

	(void)state;
	ask(&t);
	fd = taken();
	assert_true(request_on(fd, id));
	close(fd);
	turn();
	assert_failed(&t, HOOK_FAILED_CLOSED);
}

static void an_attempt_has_its_time_and_a_retry_its_own(void **state)
{
	struct told t = {0};
	char id[64], again[64];
	int fd;

	(void)state;
	hook.retries = 1;
	ask(&t);
	fd = taken();
	assert_true(request_on(fd, id));
	later(999);
	assert_int_equal(t.times, 0);
	later(2);
	assert_int_equal(read(fd, again, 1), 0); /* it hung up */
	close(fd);
	assert_int_equal(taken(), -1);
	later(100);
	fd = taken();
	assert_true(request_on(fd, again));
	assert_string_equal(again, id);
	later(999);
	assert_int_equal(t.times, 0);
	later(2);
	assert_failed(&t, HOOK_FAILED_TIMEOUT);
	assert_true(hooks_idle(&w));
	close(fd);
	turn();
}

static void time_in_the_queue_counts(void **state)
{
	struct told t[2] = {{0}};

	(void)state;
	hook.concurrency = 1;
	ask(&t[0]);
	later(500);
	ask(&t[1]);
	later(501);
	assert_failed(&t[0], HOOK_FAILED_TIMEOUT);
	assert_int_equal(t[1].times, 0);
	later(500);
	assert_failed(&t[1], HOOK_FAILED_TIMEOUT);
}

static void nobody_hears_of_what_was_forgotten(void **state)
{
	struct told t = {0}, t2 = {0};
	char id[64];
	int fd;

	(void)state;
	hook_forget(ask(&t));
	fd = taken();
	assert_true(request_on(fd, id));
	reply_on(fd);
	assert_int_equal(t.times, 0);
	assert_true(hooks_idle(&w));
	ask(&t2);
	assert_true(request_on(fd, id));
	reply_on(fd);
	assert_good(&t2);
	close(fd);
}

static void whoever_asks_is_not_told_while_asking(void **state)
{
	struct told t = {0};

	(void)state;
	unlink(path);
	assert_non_null(ask(&t));
	assert_int_equal(t.times, 0);
	later(1);
	assert_failed(&t, HOOK_FAILED_CONNECT);
}

static void idle_connections_grow_old(void **state)
{
	struct told t[2] = {{0}};
	char id[64];
	int fd[2];

	(void)state;
	ask(&t[0]);
	ask(&t[1]);
	for (int i = 0; i < 2; i++) {
		fd[i] = taken();
		assert_true(request_on(fd[i], id));
		reply_on(fd[i]);
	}
	/* one is used again and again, the other not */
	for (int s = 0; s < 45; s += 5) {
		struct told u = {0};

		later(5000);
		ask(&u);
		assert_true(request_on(fd[1], id));
		reply_on(fd[1]);
		assert_good(&u);
	}
	assert_int_equal(read(fd[0], id, 1), 0);
	later(50000);
	assert_int_equal(read(fd[1], id, 1), 0);
	close(fd[0]);
	close(fd[1]);
}

static void more_than_a_reply_ends_the_connection(void **state)
{
	struct told t = {0};
	char id[64];
	int fd;

	(void)state;
	ask(&t);
	fd = taken();
	assert_true(request_on(fd, id));
	assert_int_equal(write(fd, REPLY "HTTP", sizeof(REPLY) + 3), sizeof(REPLY) + 3);
	turn();
	assert_good(&t);
	assert_int_equal(read(fd, id, 1), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_more_connections_than_allowed, start, stop),
		cmocka_unit_test_setup_teardown(without_a_queue_a_free_connection_is_enough, start, stop),
		cmocka_unit_test_setup_teardown(one_that_was_closed_while_idle_is_forgotten, start, stop),
		cmocka_unit_test_setup_teardown(a_stale_connection_costs_no_attempt_once, start, stop),
		cmocka_unit_test_setup_teardown(a_new_connection_that_dies_is_a_failure, start, stop),
		cmocka_unit_test_setup_teardown(an_attempt_has_its_time_and_a_retry_its_own, start, stop),
		cmocka_unit_test_setup_teardown(time_in_the_queue_counts, start, stop),
		cmocka_unit_test_setup_teardown(nobody_hears_of_what_was_forgotten, start, stop),
		cmocka_unit_test_setup_teardown(whoever_asks_is_not_told_while_asking, start, stop),
		cmocka_unit_test_setup_teardown(idle_connections_grow_old, start, stop),
		cmocka_unit_test_setup_teardown(more_than_a_reply_ends_the_connection, start, stop),
	};
	const struct log_options quiet = {.level = LOG_ERROR};

	if (sodium_init() < 0 || log_open(&quiet) != 0)
		return 1;
	arena_init(&w.arena);
	w.rbuf = malloc(WORKER_READ_SIZE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
