/*
 * client.h - one client of the server: WebSocket (ws.h) or long polling (poll.h), over it Engine.IO v4, over it
 * Socket.IO v5 (or, raw, nothing).
 *
 *	DIALING --tcp--> UPGRADING --101--> OPENING --0--> JOINING --40--> SUBSCRIBING --ack--> READY
 *				|				  `--- (no room) ----------------^
 *	   |			`--- (raw) --------------------------------------------------------------'
 *	   `--- (polling) ---------------> OPENING
 *	any ----> LOST
 */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/plan.h"
#include "bench/load/stamp.h"

enum client_state {
	CLIENT_DIALING,
	CLIENT_UPGRADING,
	CLIENT_OPENING,
	CLIENT_JOINING,
	CLIENT_SUBSCRIBING,
	CLIENT_READY,
	CLIENT_LOST,
};

#define INPUT_MAX (256 * 1024) /* bytes read at a time, and the longest that may be unfinished */

/* What epoll points to. */
struct endpoint {
	void (*on_event)(struct endpoint *e, uint32_t events);
	int fd;
};

struct client {
	struct endpoint end; /* WebSocket, as are rest and backlog */
	struct client_world *world;
	enum client_state state;
	unsigned id; /* 0.., all processes together: names the user and chooses the source address */
	unsigned room;
	bool member, publisher;
	char sid[32];
	uint64_t dialed_at;
	char *rest; /* bytes of an unfinished frame */
	size_t rest_len;
	uint8_t *backlog; /* bytes the kernel did not take */
	size_t backlog_len;
	struct poll *poll; /* long polling */
	struct seen *seen; /* [publishers of the room] */
};

/* What all clients of a process have in common. */
struct client_world {
	const struct plan *plan;
	int epoll;
	void *owner;
	uint64_t requests; /* long polling: answered so far */
	struct poll_pool *pool;
	void (*on_ready)(struct client *c, uint64_t now);
	void (*on_argument)(
	    struct client *c, const char *text, size_t len, uint64_t now); /* text: from its first '{' */
	void (*on_posted)(struct client *c, uint64_t took_ns);             /* long polling: a POST was answered */
	void (*on_lost)(struct client *c, const char *why);
};

uint64_t client_now(void); /* CLOCK_MONOTONIC, ns */

/* A connected or connecting socket from a source address chosen by id; -errno. */
int client_socket(const struct plan *plan, unsigned id, uint16_t port);

/* Sets out; what follows comes through the world's callbacks.  0 or -errno. */
int client_dial(struct client *c);

void client_send(struct client *c, const char *text, size_t len);

/* From the transport: one packet of Engine.IO; what was not understood; the end; raw: all there is to wait for. */
void client_packet(struct client *c, const char *text, size_t len, uint64_t now);
void client_refuse(struct client *c, const char *text, size_t len);
void client_lost(struct client *c, const char *why);
void client_ready(struct client *c, uint64_t now);

#endif
