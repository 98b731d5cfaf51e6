/*
 * backend.c - the backend that bench/hooks measures hooks against: a bare epoll loop that answers every POST with the same
 * few bytes.
 *
 *	backend			prints "ports: 0=PORT" and serves
 *	backend PORT SECONDS N	asks such a backend over N connections, one request on each at a time, and prints one line of
 *				JSON: requests a second, and p50 and p99 of a request in microseconds, which is the backend's
 *				own time and the kernel's
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define INPUT_MAX	8192
#define EVENTS		64
#define SAMPLES_MAX	4000000u

static const char reply[] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n[{\"data\":1}]";
static const char question[] = "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 300\r\n"
			       "forkcast-id: 00000000-0000-4000-8000-000000000000\r\nforkcast-timestamp: 1700000000\r\n"
			       "forkcast-signature: v1=0000000000000000000000000000000000000000000000000000000000000000\r\n\r\n";

struct peer {
	int fd;
	size_t n;
	uint64_t sent_ns;
	char in[INPUT_MAX];
};

static struct peer *peers[CONNECTIONS_MAX];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Length of the whole message at the beginning of P: head and the body it announces; 0: not all there. */
static size_t message(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4), *length;
	size_t head, body = 0;

	if (end == NULL)
		return 0;
	head = (size_t)(end - p) + 4;
	length = memmem(p, head, "content-length: ", 16);
	if (length != NULL)
		body = strtoul(length + 16, NULL, 10);
	return n >= head + body ? head + body : 0;
}

static struct peer *peer_new(int ep, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
	struct peer *p = calloc(1, sizeof(*p));
	int on = 1;

	if (p == NULL || fd >= CONNECTIONS_MAX)
		errx(1, "too many connections");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->fd = fd;
	peers[fd] = p;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		err(1, "epoll_ctl");
	return p;
}

static void peer_free(struct peer *p)
{
	peers[p->fd] = NULL;
	close(p->fd);
	free(p);
}

/* Reads what is there; false: it is over. */
static bool receive(struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->n, sizeof(p->in) - p->n, MSG_DONTWAIT);

	if (n > 0)
		p->n += (size_t)n;
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Takes one whole message away. */
static bool take(struct peer *p)
{
	size_t n = message(p->in, p->n);

	memmove(p->in, p->in + n, p->n - n);
	p->n -= n;
	return n > 0;
}

static void serve(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN}, got[EVENTS];
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0), ep = epoll_create1(0);

	if (bind(l, (struct sockaddr *)&sin, len) != 0 || listen(l, 1024) != 0 || getsockname(l, (struct sockaddr *)&sin, &len) != 0)
		err(1, "listen");
	ev.data.fd = l;
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev);
	printf("ports: 0=%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, got, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = peers[got[i].data.fd];

			if (got[i].data.fd == l) {
				peer_new(ep, accept(l, NULL, NULL));
				continue;
			}
			if (!receive(p)) {
				peer_free(p);
				continue;
			}
			while (take(p)) {
				if (send(p->fd, reply, sizeof(reply) - 1, MSG_NOSIGNAL) < 0)
					break;
			}
		}
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void ask(struct peer *p)
{
	static char request[sizeof(question) + 300];

	if (request[0] == '\0') {
		memcpy(request, question, sizeof(question) - 1);
		memset(request + sizeof(question) - 1, 'x', 300);
	}
	p->sent_ns = now_ns();
	if (send(p->fd, request, sizeof(question) - 1 + 300, MSG_NOSIGNAL) < 0)
		err(1, "send");
}

static void drive(uint16_t port, double seconds, int nconn)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	uint32_t *took = malloc(SAMPLES_MAX * sizeof(*took));
	struct epoll_event got[EVENTS];
	uint64_t began = now_ns(), end = began + (uint64_t)(seconds * 1e9);
	int ep = epoll_create1(0);
	unsigned n = 0;

	if (took == NULL)
		errx(1, "no memory");
	for (int i = 0; i < nconn; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
			err(1, "connect");
		ask(peer_new(ep, fd));
	}
	while (now_ns() < end && n < SAMPLES_MAX) {
		int ready = epoll_wait(ep, got, EVENTS, 1000);

		for (int i = 0; i < ready && n < SAMPLES_MAX; i++) {
			struct peer *p = peers[got[i].data.fd];

			if (!receive(p))
				errx(1, "the backend closed");
			if (!take(p))
				continue;
			took[n++] = (uint32_t)(now_ns() - p->sent_ns);
			ask(p);
		}
	}
	qsort(took, n, sizeof(*took), by_value);
	if (n == 0)
		errx(1, "no reply");
	printf("{\"per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", n / ((double)(now_ns() - began) / 1e9), took[n / 2] / 1e3,
	    took[n - n / 100 - 1] / 1e3);
}

int main(int argc, char **argv)
{
	if (argc == 4)
		drive((uint16_t)atoi(argv[1]), atof(argv[2]), atoi(argv[3]));
	else
		serve();
	return 0;
}
