/* t_master_answer.c - the control socket: one question each, and no client can hold the master up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/answer.h"
#include "master/instance.h"

#define BIG (4u << 20)

static char dir[64];
static int dir_fd;
static struct answerer ctl;

static char *answer(void *ctx, const char *request, size_t *len)
{
	char *big;

	(void)ctx;
	if (strcmp(request, "hello") == 0) {
		*len = 5;
		return strdup("world");
	}
	if (strcmp(request, "big") != 0)
		return NULL;
	big = malloc(BIG);
	memset(big, 'x', BIG);
	*len = BIG;
	return big;
}

static int setup(void **state)
{
	struct fault f;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/forkcast-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return answer_open(&ctl, dir_fd, answer, NULL, &f);
}

static int teardown(void **state)
{
	(void)state;
	answer_close(&ctl);
	unlinkat(dir_fd, "control", 0);
	close(dir_fd);
	return rmdir(dir);
}

static int client(const char *say)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	instance_socket_addr(&sun, dir_fd, "control");
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(send(fd, say, strlen(say), MSG_NOSIGNAL), strlen(say));
	return fd;
}

/* Rounds of the master's loop at time NOW until nothing is ready. */
static void turn(uint64_t now)
{
	struct pollfd pfds[ANSWER_POLLFDS];
	unsigned n;

	do {
		n = answer_poll(&ctl, pfds);
		if (poll(pfds, n, 0) <= 0) {
			answer_handle(&ctl, pfds, n, now);
			return;
		}
		answer_handle(&ctl, pfds, n, now);
	} while (1);
}

static void answers(void **state)
{
	int fd = client("hello\n");
	char buf[16];

	(void)state;
	turn(1);
	assert_int_equal(read(fd, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "world", 5);
	assert_int_equal(read(fd, buf, sizeof(buf)), 0);
	close(fd);
	assert_int_equal(ctl.n, 0);
}

static void a_request_may_come_in_pieces(void **state)
{
	int fd = client("he");
	char buf[16];

	(void)state;
	turn(1);
	assert_int_equal(ctl.n, 1);
	assert_int_equal(send(fd, "llo\n", 4, MSG_NOSIGNAL), 4);
	turn(2);
	assert_int_equal(read(fd, buf, sizeof(buf)), 5);
	close(fd);
}

static void nonsense_is_closed(void **state)
{
	int fd = client("who are you\n"), longer = client("0123456789012345678901234567890123456789");
	char c;

	(void)state;
	turn(1);
	assert_int_equal(ctl.n, 0);
	assert_int_equal(read(fd, &c, 1), 0);
	assert_true(read(longer, &c, 1) <= 0);
	close(fd);
	close(longer);
}

static void the_idle_are_dropped_at_the_deadline(void **state)
{
	int fd[ANSWER_CLIENTS + 2];

	(void)state;
	for (size_t i = 0; i < ANSWER_CLIENTS + 1; i++)
		fd[i] = client("he");
	turn(1);
	assert_int_equal(ctl.n, ANSWER_CLIENTS);
	turn(ANSWER_DEADLINE);
	assert_int_equal(ctl.n, ANSWER_CLIENTS);
	turn(1 + ANSWER_DEADLINE);
	/* The one that waited outside has come in. */
	turn(1 + ANSWER_DEADLINE);
	assert_int_equal(ctl.n, 1);
	for (size_t i = 0; i < ANSWER_CLIENTS + 1; i++)
		close(fd[i]);
	turn(2 + ANSWER_DEADLINE);
	assert_int_equal(ctl.n, 0);
}

static void a_slow_reader_waits_for_nobody_but_itself(void **state)
{
	static char buf[1 << 16];
	int fd = client("big\n"), quick = client("hello\n");
	size_t total = 0;
	ssize_t n;

	(void)state;
	turn(1);
	assert_int_equal(ctl.n, 1);
	assert_int_equal(read(quick, buf, sizeof(buf)), 5);
	do {
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			total += (size_t)n;
		turn(2);
	} while (n < 0 && errno == EAGAIN);
	assert_int_equal(total, BIG);
	close(fd);
	close(quick);
	/* One that goes away in the middle. */
	fd = client("big\n");
	turn(3);
	close(fd);
	turn(4);
	assert_int_equal(ctl.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(a_request_may_come_in_pieces),
	    cmocka_unit_test(nonsense_is_closed),
	    cmocka_unit_test(the_idle_are_dropped_at_the_deadline),
	    cmocka_unit_test(a_slow_reader_waits_for_nobody_but_itself),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
