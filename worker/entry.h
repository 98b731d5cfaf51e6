/*
 * entry.h - what the master hands to the processes it forks: everything that crosses the fork, in one struct.
 *
 * The master owns all of it; a child inherits the mapping, the descriptors and the configuration, and keeps only what
 * it uses (each entry point closes the rest).
 */
#ifndef FORKCAST_WORKER_ENTRY_H
#define FORKCAST_WORKER_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "shm/doorbell.h"
#include "shm/mailbox.h"
#include "shm/segment.h"

struct assets;

enum heritage_listener_kind { HERITAGE_PUBLIC, HERITAGE_ADMIN };

/* One configured address.  fd[i] is the SO_REUSEPORT socket of worker i; a unix address has one, fd[0], for all. */
struct heritage_listener {
	enum heritage_listener_kind kind;
	const struct conf_listen *listen; /* PUBLIC */
	const struct conf_admin *admin;	  /* ADMIN */
	bool shared;			  /* unix: all workers accept on fd[0] */
	uint16_t port;			  /* bound port, for --print-ports */
	unsigned nfd;
	int *fd;
};

struct heritage {
	const struct conf *conf;
	struct segment *seg;
	struct doorbells bells;
	struct mailboxes mail; /* of the slots that workers live in: all take and put, see worker/handover.h */
	unsigned nlistener;
	struct heritage_listener *listener;
	unsigned nworker;	/* worker numbers 0 .. nworker-1 */
	unsigned keeper_slot;
	uint64_t nonce;
	char store_path[256];	/* of the volatile LMDB file */
	uint64_t max_connections; /* a worker may hold: the conf's, or what RLIMIT_NOFILE leaves */
	uint64_t started_ns;	/* CLOCK_MONOTONIC of the master's start, for uptime */
	int64_t started_ms;	/* wall clock of the same */
	pid_t master_pid;
	const struct assets *assets; /* NULL: none are served */
	/* the child's own place, filled in after fork */
	unsigned slot;
	uint32_t gen;
	unsigned index; /* worker number */
};

/*
 * Each runs a process until it is told to stop and returns its exit status.  Called in the child, after signals were
 * reset to default, PDEATHSIG set and privileges dropped.  SIGTERM drains, SIGINT and SIGQUIT stop now.
 */
int worker_main(const struct heritage *h);
int keeper_main(const struct heritage *h);

#endif
