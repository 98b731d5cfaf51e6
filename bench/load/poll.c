#include "bench/load/poll.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/client.h"
#include "bench/load/link.h"
#include "proto/sid.h"

#define SEPARATOR   '\x1e' /* between the packets of a payload, Engine.IO protocol v4 */
#define HEAD_MAX    512
#define PAYLOAD_MAX (64u * 1024)
#define WORKERS     256

struct poll {
	char sid[32];
	int worker; /* of the pool's list; -1: not known */
	struct link *get, *post;
	char *outbox; /* packets for the next POST */
	size_t outbox_len;
};

/* Connections without a request, by the worker that they served last; ids of one begin alike. */
struct poll_pool {
	struct worker {
		char prefix[SID_PREFIX];
		struct link *idle;
	} worker[WORKERS];
	int nworkers;
	struct link *unconnected;
};

struct poll_pool *poll_pool_new(void)
{
	return calloc(1, sizeof(struct poll_pool));
}

static struct link *pop(struct link **list)
{
	struct link *l = *list;

	if (l)
		*list = l->next;
	return l;
}

static void push(struct link **list, struct link *l)
{
	l->next = *list;
	*list = l;
}

/* -1: more of them than anybody has. */
static int worker_of(struct poll_pool *pool, const char *sid)
{
	int i;

	for (i = 0; i < pool->nworkers; i++)
		if (memcmp(pool->worker[i].prefix, sid, SID_PREFIX) == 0)
			return i;
	if (i == WORKERS)
		return -1;
	memcpy(pool->worker[i].prefix, sid, SID_PREFIX);
	return pool->nworkers++;
}

/* From the pool: one that served this client's worker last, or another. */
static struct link *take(struct client *c)
{
	struct poll_pool *pool = c->world->pool;
	struct link *l = NULL;
	int i;

	for (i = 0; !l && i < pool->nworkers; i++)
		if ((i == c->poll->worker) == (c->world->plan->links == LINKS_HOME))
			l = pop(&pool->worker[i].idle);
	if (!l)
		l = pop(&pool->unconnected);
	return l ? l : link_new(c->world->plan, c->world->epoll);
}

static void give_back(struct client *c, struct link *l)
{
	enum poll_links links = c->world->plan->links;

	l->where = c->poll->worker;
	if (links == LINKS_OWN)
		return;
	if (links == LINKS_FRESH || l->where < 0)
		link_drop(l);
	l->user = NULL;
	push(l->end.fd < 0 ? &c->world->pool->unconnected : &c->world->pool->worker[l->where].idle, l);
	if (c->poll->get == l)
		c->poll->get = NULL;
	else
		c->poll->post = NULL;
}

static void on_answer(struct link *l, int status, const char *body, size_t len, uint64_t now);

/* A GET, or with a payload a POST. */
static void ask(struct client *c, struct link **at, const char *payload, size_t len)
{
	static char request[HEAD_MAX + PAYLOAD_MAX];
	const struct plan *plan = c->world->plan;
	struct poll *p = c->poll;
	int n, error;

	if (!*at)
		*at = take(c);
	if (!*at) {
		client_lost(c, "out of memory");
		return;
	}
	(*at)->user = c;
	(*at)->on_answer = on_answer;
	n = snprintf(request, HEAD_MAX,
	    "%s /socket.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s", payload ? "POST" : "GET",
	    p->sid[0] ? "&sid=" : "", p->sid, plan->port, plan->links == LINKS_FRESH ? "Connection: close\r\n" : "");
	if (payload)
		n += snprintf(request + n, HEAD_MAX - (size_t)n,
		    "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %zu\r\n", len);
	n += snprintf(request + n, HEAD_MAX - (size_t)n, "\r\n");
	if (payload)
		memcpy(request + n, payload, len);
	error = link_ask(*at, c->id, request, (size_t)n + len);
	if (error)
		client_lost(c, strerror(-error));
}

static void post_outbox(struct client *c)
{
	struct poll *p = c->poll;
	size_t len = p->outbox_len;

	if (!len || (p->post && p->post->waiting))
		return;
	p->outbox_len = 0;
	ask(c, &p->post, p->outbox, len);
}

void poll_send(struct client *c, const char *text, size_t len)
{
	struct poll *p = c->poll;

	if (p->outbox_len + len + 1 > PAYLOAD_MAX) {
		client_lost(c, "the server does not answer POSTs");
		return;
	}
	if (!p->outbox)
		p->outbox = malloc(PAYLOAD_MAX);
	if (!p->outbox)
		abort();
	if (p->outbox_len)
		p->outbox[p->outbox_len++] = SEPARATOR;
	memcpy(p->outbox + p->outbox_len, text, len);
	p->outbox_len += len;
	post_outbox(c);
}

/* The open packet names the session. */
static void learn_sid(struct client *c, const char *text, size_t len)
{
	const char *sid = memmem(text, len, "\"sid\":\"", 7), *end;
	struct poll *p = c->poll;
	size_t n;

	end = sid ? memchr(sid + 7, '"', (size_t)(text + len - (sid + 7))) : NULL;
	n = end ? (size_t)(end - (sid + 7)) : sizeof p->sid;
	if (n >= sizeof p->sid) {
		client_refuse(c, text, len);
		return;
	}
	memcpy(p->sid, sid + 7, n);
	p->worker = worker_of(c->world->pool, p->sid);
}

static void on_payload(struct client *c, const char *body, size_t len, uint64_t now)
{
	const char *end;
	size_t n;

	while (len > 0 && c->state != CLIENT_LOST) {
		end = memchr(body, SEPARATOR, len);
		n = end ? (size_t)(end - body) : len;
		if (c->state == CLIENT_OPENING && body[0] == '0')
			learn_sid(c, body, n);
		if (c->state != CLIENT_LOST)
			client_packet(c, body, n, now);
		body += end ? n + 1 : n;
		len -= end ? n + 1 : n;
	}
}

static void on_answer(struct link *l, int status, const char *body, size_t len, uint64_t now)
{
	struct client *c = l->user;
	bool posted = l == c->poll->post;

	if (status < 0) {
		client_lost(c, body);
		return;
	}
	if (status != 200) {
		client_refuse(c, body, len);
		return;
	}
	c->world->requests++;
	if (posted) {
		c->world->on_posted(c, now - l->asked_at);
		give_back(c, l);
		post_outbox(c);
		return;
	}
	on_payload(c, body, len, now);
	if (c->state == CLIENT_LOST)
		return;
	give_back(c, l);
	ask(c, &c->poll->get, NULL, 0);
}

int poll_dial(struct client *c)
{
	if (!c->poll)
		c->poll = calloc(1, sizeof *c->poll);
	if (!c->poll ||
	    (c->world->plan->links == LINKS_OWN && !(c->poll->post = link_new(c->world->plan, c->world->epoll))))
		return -ENOMEM;
	c->poll->worker = -1;
	c->state = CLIENT_OPENING;
	ask(c, &c->poll->get, NULL, 0);
	return 0;
}

void poll_close(struct client *c)
{
	struct poll *p = c->poll;

	if (p->get)
		link_drop(p->get);
	if (p->post)
		link_drop(p->post);
	free(p->outbox);
	p->outbox = NULL;
	p->outbox_len = 0;
}
