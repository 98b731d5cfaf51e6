/*
 * worker_fixture.h - two workers as threads of one process, so that the thread sanitizer sees both sides of everything
 * they share.  The test gives their conf.  Each has a listener of its own, so a client chooses its worker.
 */
#ifndef FORKCAST_TESTS_WORKER_FIXTURE_H
#define FORKCAST_TESTS_WORKER_FIXTURE_H

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/conf.h"
#include "worker/accept.h"
#include "worker/entry.h"
#include "worker/handover.h"
#include "worker/turn.h"
#include "worker/worker.h"

#define WORKERS 2

struct bench {
	struct conf *conf;
	struct segment seg;
	char name[64];
	struct doorbells bells;
	struct mailboxes mail;
	struct heritage_listener listener[2]; /* the second is an admin's, and has no socket */
	struct heritage h[WORKERS];
	struct worker *w[WORKERS];
	struct event stop_ev[WORKERS];
	int stop_fd[WORKERS], listen_fd[WORKERS];
	uint16_t port[WORKERS];
	pthread_t thread[WORKERS];
};

static inline void fixture_on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->stop_now = true;
}

static inline void *fixture_run(void *arg)
{
	turn_loop(arg);
	return NULL;
}

static inline void load_conf(struct bench *b, const char *text)
{
	char path[] = "/tmp/t_worker.XXXXXX";
	struct conf_errors errors = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	if (conf_load(path, false, &b->conf, &errors) != 0) {
		for (unsigned i = 0; i < errors.n; i++)
			print_error("%s\n", errors.line[i]);
		fail();
	}
	unlink(path);
	assert_int_equal(log_open(&b->conf->log), 0);
}

static inline void open_listener(struct bench *b, unsigned i)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	b->listen_fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(b->listen_fd[i], (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(b->listen_fd[i], 64), 0);
	assert_int_equal(getsockname(b->listen_fd[i], (struct sockaddr *)&sin, &len), 0);
	b->port[i] = ntohs(sin.sin_port);
}

static inline void start_worker(struct bench *b, unsigned i)
{
	struct heritage *h = &b->h[i];
	struct slot *slot = segment_slot(&b->seg, i);

	*h = (struct heritage){.conf = b->conf,
	    .seg = &b->seg,
	    .bells = b->bells,
	    .mail = b->mail,
	    .nlistener = 2,
	    .listener = b->listener,
	    .nworker = WORKERS,
	    .keeper_slot = WORKERS,
	    .nonce = b->seg.spec.nonce,
	    .max_connections = 1000,
	    .slot = i,
	    .index = i};
	h->gen = slot_open(slot, SLOT_ROLE_WORKER, i, 1);
	b->w[i] = calloc(1, sizeof(*b->w[i]));
	assert_int_equal(worker_init(b->w[i], h), 0);
	slot_beat(slot, b->w[i]->now_ns);
	slot_ready(slot);
	assert_int_equal(handover_open(b->w[i]), 0);
	assert_int_equal(accept_open(b->w[i]), 0);
	b->stop_fd[i] = eventfd(0, EFD_NONBLOCK);
	event_assign(&b->stop_ev[i], b->w[i]->base, b->stop_fd[i], EV_READ | EV_PERSIST, fixture_on_stop, b->w[i]);
	event_add(&b->stop_ev[i], NULL);
}

/* SNDBUF: of the connections to the workers, 0: the system's. */
static inline int workers_start(void **state, const char *conf, int sndbuf)
{
	static struct bench bench; /* not freed, like a worker's memory: the leak checker still reaches it */
	struct bench *b = &bench;
	struct segment_spec spec = {
	    .ring_size = 1 << 20, .opring_size = 1 << 20, .dlog_size = 1 << 20, .sessions = 1000};

	assert_true(sodium_init() >= 0);
	load_conf(b, conf);
	spec.nonce = 1 + (uint64_t)getpid();
	snprintf(b->name, sizeof(b->name), "/forkcast-test-worker-%d", (int)getpid());
	segment_unlink(b->name);
	assert_int_equal(segment_create(&b->seg, b->name, &spec, NULL), 0);
	segment_unlink(b->name);
	for (unsigned i = 0; i <= WORKERS; i++)
		assert_int_equal(segment_reserve_slot(&b->seg, i, NULL), 0);
	assert_int_equal(doorbells_open(&b->bells, WORKERS + 1), 0);
	assert_int_equal(mailboxes_open(&b->mail, WORKERS), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		open_listener(b, i);
		/* inherited by what is accepted */
		if (sndbuf > 0)
			setsockopt(b->listen_fd[i], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	}
	b->listener[0] = (struct heritage_listener){
	    .kind = HERITAGE_PUBLIC, .listen = &b->conf->listen[0], .nfd = WORKERS, .fd = b->listen_fd};
	b->listener[1] = (struct heritage_listener){.kind = HERITAGE_ADMIN, .admin = &b->conf->admin[0]};
	for (unsigned i = 0; i < WORKERS; i++)
		start_worker(b, i);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&b->thread[i], NULL, fixture_run, b->w[i]), 0);
	*state = b;
	return 0;
}

static inline int workers_stop(void **state)
{
	struct bench *b = *state;
	uint64_t one = 1;

	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(write(b->stop_fd[i], &one, sizeof(one)), sizeof(one));
		assert_int_equal(pthread_join(b->thread[i], NULL), 0);
	}
	return 0;
}

#endif
