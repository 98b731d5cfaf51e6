#include "master/ask.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "master/argv.h"
#include "master/instance.h"
#include "master/remains.h"
#include "master/supervise.h"

#define ANSWER_WAIT_S 5
/* The longest that a stop takes (drain, then the keeper), and some for the machine. */
#define STOP_WAIT_MS (int)((SUPERVISE_DRAIN_NS + 2 * SUPERVISE_STOP_NS) / TICK_MS + 2000)

/* Finds the live instance that the conf names; the caller ends *R with remains_fini(). */
static int find(const struct argv_options *o, struct remains *r)
{
	struct fault f = {0};
	struct conf *c;
	int status, err, fd;

	*r = (struct remains){.live_lock_fd = -1, .live_dir_fd = -1};
	c = argv_load(o, &status);
	if (!c)
		return status;
	fd = instance_runtime_open(c->runtime_dir.p, false, &f);
	if (fd == -ENOENT) {
		fprintf(stderr, "forkcast: no instance \"%s\" is running\n", c->name.p);
		status = FAULT_RUNTIME;
		goto out;
	}
	if (fd < 0) {
		status = fault_print(&f);
		goto out;
	}
	if (instance_runtime_lock(fd, c->runtime_dir.p, &f) < 0) {
		status = fault_print(&f);
		close(fd);
		goto out;
	}
	err = remains_scan(fd, c->name.p, false, geteuid(), r);
	close(fd); /* and with it the lock */
	if (err || r->live_pid == 0) {
		fprintf(stderr, "forkcast: no instance \"%s\" is running%s\n", c->name.p,
		    r->draining ? ", but processes of a killed one still drain" : "");
		remains_fini(r);
		status = FAULT_RUNTIME;
	}
out:
	conf_free(c);
	return status;
}

static int copy_answer(int fd)
{
	char buf[16384];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return FAULT_RUNTIME;
		total += (size_t)n;
	}
	if (n < 0 || total == 0) {
		fprintf(stderr, "forkcast: the master did not answer: %s\n", n < 0 ? strerror(errno) : "closed");
		return FAULT_RUNTIME;
	}
	return fflush(stdout) == 0 ? 0 : FAULT_RUNTIME;
}

static int ask(int dir_fd, const char *request)
{
	const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int status = FAULT_RUNTIME;

	if (fd < 0) {
		fprintf(stderr, "forkcast: %s\n", strerror(errno));
		return status;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	instance_socket_addr(&sun, dir_fd, "control");
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		fprintf(stderr, "forkcast: cannot ask the master: %s\n", strerror(errno));
	else
		status = copy_answer(fd);
	close(fd);
	return status;
}

int ask_status(int argc, char **argv)
{
	struct argv_options o;
	struct remains r;
	int status = argv_parse(&o, argc, argv, "status", "cdj");

	if (status)
		return status;
	status = find(&o, &r);
	if (status == 0) {
		status = ask(r.live_dir_fd, o.json ? "status json\n" : "status table\n");
		remains_fini(&r);
	}
	argv_fini(&o);
	return status;
}

/* Signals by pidfd: a pid that was read from a file may be somebody else's by now, a held lock and a pidfd cannot. */
static int stop(const struct remains *r)
{
	struct pollfd pfd = {.fd = pidfd_open(r->live_pid, 0), .events = POLLIN};
	int status = 0;

	if (pfd.fd < 0 || !remains_locked(r->live_lock_fd)) {
		if (pfd.fd >= 0)
			close(pfd.fd);
		return 0; /* it ended by itself meanwhile */
	}
	if (pidfd_send_signal(pfd.fd, SIGTERM, NULL, 0) < 0 && errno != ESRCH) {
		fprintf(stderr, "forkcast: cannot signal the master %ld: %s\n", (long)r->live_pid, strerror(errno));
		status = FAULT_RUNTIME;
	} else if (poll(&pfd, 1, STOP_WAIT_MS) == 0) {
		fprintf(stderr, "forkcast: the master %ld has not ended after %d s\n", (long)r->live_pid,
		    STOP_WAIT_MS / 1000);
		status = FAULT_RUNTIME;
	}
	close(pfd.fd);
	return status;
}

int ask_signal(int argc, char **argv)
{
	struct argv_options o;
	struct remains r;
	int status;

	if (argc < 2) {
		fprintf(stderr, "forkcast: -s needs a word: stop\n");
		return FAULT_USAGE;
	}
	if (strcmp(argv[1], "reload") == 0 || strcmp(argv[1], "drain") == 0 || strcmp(argv[1], "upgrade") == 0) {
		fprintf(stderr, "forkcast: -s %s is not in this build; it has -s stop (drain, then exit)\n", argv[1]);
		return FAULT_USAGE;
	}
	if (strcmp(argv[1], "stop") != 0) {
		fprintf(stderr, "forkcast: -s %s: unknown word; write -s stop\n", argv[1]);
		return FAULT_USAGE;
	}
	status = argv_parse(&o, argc - 1, argv + 1, "-s stop", "cd");
	if (status)
		return status;
	status = find(&o, &r);
	if (status == 0) {
		status = stop(&r);
		remains_fini(&r);
	}
	argv_fini(&o);
	return status;
}
