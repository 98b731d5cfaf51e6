/* t_master_bind.c - listening sockets: one port for all workers, sharing without stealing, socket files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/bind.h"

static char sock_path[64];

static struct text text(const char *s)
{
	return (struct text){.p = s, .n = strlen(s)};
}

static struct conf_address tcp(const char *host, uint16_t port)
{
	return (struct conf_address){
	    .title = text("the title"), .host = text(host), .port = port, .file = "x.conf", .line = 7};
}

static struct conf_address file(const char *path)
{
	return (struct conf_address){
	    .title = text("the title"), .is_unix = true, .path = text(path), .file = "x.conf", .line = 9};
}

static int open_one(struct bindings *b, struct conf_address a, unsigned nworker, struct fault *f)
{
	static struct conf_listen l;
	static struct conf c;
	const struct bind_options o = {.nworker = nworker, .uid = (uid_t)-1};

	l = (struct conf_listen){.addr = a, .backlog = 16};
	c = (struct conf){.nlisten = 1, .listen = &l};
	return bind_open(b, &c, &o, f);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	return ntohs(
	    ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port : ((struct sockaddr_in6 *)&ss)->sin6_port);
}

static bool connects(int family, const char *host, uint16_t port)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = {.sa = {.sa_family = (sa_family_t)family}};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (family == AF_INET) {
		a.in.sin_port = htons(port);
		assert_int_equal(inet_pton(AF_INET, host, &a.in.sin_addr), 1);
	} else {
		a.in6.sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, host, &a.in6.sin6_addr), 1);
	}
	ok = fd >= 0 && connect(fd, &a.sa, family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void done(struct bindings *b)
{
	bind_close(b);
	bind_fini(b);
}

static void port_zero_is_one_port_for_all(void **state)
{
	struct fault f = {0};
	struct bindings b;

	(void)state;
	assert_int_equal(open_one(&b, tcp("127.0.0.1", 0), 8, &f), 0);
	assert_int_equal(b.listener[0].nfd, 8);
	assert_true(b.listener[0].port > 0);
	for (unsigned i = 0; i < 8; i++) {
		int fd = b.listener[0].fd[i];

		assert_int_equal(port_of(fd), b.listener[0].port);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_true(connects(AF_INET, "127.0.0.1", b.listener[0].port));
	done(&b);
}

/* Of many connections every socket gets some: the group is one, and each member listens. */
static void connections_spread(void **state)
{
	enum { N = 4, TRIES = 200 };
	unsigned got[N] = {0}, total = 0;
	struct fault f = {0};
	struct bindings b;

	(void)state;
	assert_int_equal(open_one(&b, tcp("127.0.0.1", 0), N, &f), 0);
	for (int t = 0; t < TRIES; t++) {
		assert_true(connects(AF_INET, "127.0.0.1", b.listener[0].port));
		for (unsigned i = 0; i < N; i++) {
			int fd;

			while ((fd = accept(b.listener[0].fd[i], NULL, NULL)) >= 0) {
				got[i]++;
				total++;
				close(fd);
			}
		}
	}
	assert_int_equal(total, TRIES);
	for (unsigned i = 0; i < N; i++)
		assert_true(got[i] > 0);
	done(&b);
}

/* Without the probe, SO_REUSEPORT would let a second server share the port and take half of the clients. */
static void a_port_in_use_is_refused(void **state)
{
	struct fault f = {0};
	struct bindings b, second;

	(void)state;
	assert_int_equal(open_one(&b, tcp("127.0.0.1", 0), 2, &f), 0);
	assert_int_equal(open_one(&second, tcp("127.0.0.1", b.listener[0].port), 2, &f), -EADDRINUSE);
	assert_non_null(strstr(f.text, "x.conf:7: "));
	assert_non_null(strstr(f.text, "in use"));
	assert_int_equal(f.status, FAULT_RUNTIME);
	/* Closed, it can be had at once, connections in TIME_WAIT or not. */
	assert_true(connects(AF_INET, "127.0.0.1", b.listener[0].port));
	{
		uint16_t port = b.listener[0].port;

		done(&b);
		assert_int_equal(open_one(&second, tcp("127.0.0.1", port), 2, &f), 0);
		assert_int_equal(second.listener[0].port, port);
		done(&second);
	}
}

static void ipv6_is_taken_at_its_word(void **state)
{
	struct fault f = {0};
	struct bindings b;

	(void)state;
	assert_int_equal(open_one(&b, tcp("::1", 0), 2, &f), 0);
	assert_true(connects(AF_INET6, "::1", b.listener[0].port));
	done(&b);
	assert_int_equal(open_one(&b, tcp("::", 0), 2, &f), 0);
	assert_false(connects(AF_INET, "127.0.0.1", b.listener[0].port));
	done(&b);
	/* No host: both families on one port. */
	assert_int_equal(open_one(&b, tcp("", 0), 2, &f), 0);
	assert_true(connects(AF_INET, "127.0.0.1", b.listener[0].port));
	assert_true(connects(AF_INET6, "::1", b.listener[0].port));
	done(&b);
}

static void names_are_refused(void **state)
{
	struct fault f = {0};
	struct bindings b;

	(void)state;
	assert_int_equal(open_one(&b, tcp("localhost", 0), 1, &f), -EINVAL);
	assert_non_null(strstr(f.text, "numeric"));
}

static void unix_socket_is_one_for_all(void **state)
{
	struct fault f = {0};
	struct bindings b;
	struct stat st;

	(void)state;
	assert_int_equal(open_one(&b, file(sock_path), 5, &f), 0);
	assert_int_equal(b.listener[0].nfd, 1);
	assert_true(b.listener[0].shared);
	assert_int_equal(stat(sock_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	done(&b);
	assert_int_equal(access(sock_path, F_OK), -1);
}

static void a_live_socket_file_is_refused_a_stale_one_replaced(void **state)
{
	struct fault f = {0};
	struct bindings b, second;
	struct stat before, after;

	(void)state;
	assert_int_equal(open_one(&b, file(sock_path), 1, &f), 0);
	assert_int_equal(open_one(&second, file(sock_path), 1, &f), -EADDRINUSE);
	assert_non_null(strstr(f.text, "x.conf:9: "));
	assert_int_equal(access(sock_path, F_OK), 0);
	/* Its owner dies: the file stays, nobody answers. */
	close(b.listener[0].fd[0]);
	b.listener[0].fd[0] = -1;
	assert_int_equal(stat(sock_path, &before), 0);
	assert_int_equal(open_one(&second, file(sock_path), 1, &f), 0);
	assert_int_equal(stat(sock_path, &after), 0);
	/* The first owner's end must not take the second's file away. */
	if (before.st_ino != after.st_ino) {
		done(&b);
		assert_int_equal(access(sock_path, F_OK), 0);
	} else {
		bind_fini(&b);
	}
	done(&second);
	assert_int_equal(access(sock_path, F_OK), -1);
}

static void other_files_are_never_replaced(void **state)
{
	struct fault f = {0};
	struct bindings b;
	int fd;

	(void)state;
	fd = open(sock_path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(open_one(&b, file(sock_path), 1, &f), -EEXIST);
	assert_int_equal(access(sock_path, F_OK), 0);
	unlink(sock_path);
	assert_int_equal(
	    open_one(&b,
		file("/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
		     "8901234567890.sock"),
		1, &f),
	    -ENAMETOOLONG);
}

/* One bad address, and nothing of the others stays open. */
static void all_or_nothing(void **state)
{
	struct conf_listen l[2] = {{.addr = tcp("127.0.0.1", 0), .backlog = 16}, {.addr = tcp("no", 0), .backlog = 16}};
	struct conf c = {.nlisten = 2, .listen = l};
	const struct bind_options o = {.nworker = 3, .uid = (uid_t)-1};
	struct fault f = {0};
	struct bindings b;
	int before = dup(0), after;

	(void)state;
	assert_true(before >= 0);
	close(before);
	assert_true(bind_open(&b, &c, &o, &f) < 0);
	after = dup(0);
	assert_int_equal(after, before);
	close(after);
	assert_int_equal(bind_count(&c, 3), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(port_zero_is_one_port_for_all),
	    cmocka_unit_test(connections_spread),
	    cmocka_unit_test(a_port_in_use_is_refused),
	    cmocka_unit_test(ipv6_is_taken_at_its_word),
	    cmocka_unit_test(names_are_refused),
	    cmocka_unit_test(unix_socket_is_one_for_all),
	    cmocka_unit_test(a_live_socket_file_is_refused_a_stale_one_replaced),
	    cmocka_unit_test(other_files_are_never_replaced),
	    cmocka_unit_test(all_or_nothing),
	};

	snprintf(sock_path, sizeof(sock_path), "/tmp/forkcast-test-%ld.sock", (long)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
