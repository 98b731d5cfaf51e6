/*
 * prober.c - opens connections all the time and says what became of each: prober PORT TOKEN RATE
 *
 * An attempt is what a client does: a TCP connection, the WebSocket handshake, Engine.IO's open packet, a Socket.IO
 * CONNECT with the token and its answer; then the connection is closed.  RATE attempts a second are begun whether or
 * not those before have ended.  Beside each attempt goes one of the same shape (a connection, two round trips) to an
 * echo server that this program forks: what that one had to wait is the machine's doing, not the server's.
 *
 * Ends when stdin does.  On stdout, one line each, times are CLOCK_MONOTONIC in ns:
 *
 *	fault KIND PHASE START END	refused, cut (reset or closed before the answer), hung (no end within HUNG_NS),
 *					answer (another answer than the one due)
 *	slow START END			served, but after more than SLOW_NS
 *	stall START END			the echo took more than STALL_NS
 *	sum {...}			last, counts and quantiles in us
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS   1024 /* at a time */
#define HUNG_NS	   UINT64_C(5000000000)
#define SLOW_NS	   UINT64_C(300000000)
#define STALL_NS   UINT64_C(20000000)
#define SOURCES	   200 /* source addresses, so that ports in TIME_WAIT do not run out */
#define TOKEN_ROOM 1024

enum phase { CONNECTING, UPGRADING, OPENING, JOINING, FREE };
static const char *const phase_name[] = {"connecting", "upgrading", "opening", "joining"};

struct attempt {
	int fd;
	enum phase phase;
	bool control;
	uint64_t start;
	size_t len;
	char in[2048];
};

struct samples {
	uint32_t *us;
	size_t n, cap;
};

static struct attempt attempts[ATTEMPTS];
static struct samples connect_us, served_us, control_us, late_us;
static uint64_t tried, established, served, refused, cut, hung, answered_else, slow, stalls, skipped;
static int poller;
static struct sockaddr_in target, echo;
static char join_frame[TOKEN_ROOM + 64];
static size_t join_len;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void sample(struct samples *s, uint64_t ns)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 1024;
		s->us = realloc(s->us, s->cap * sizeof *s->us);
		if (!s->us)
			die("realloc");
	}
	s->us[s->n++] = (uint32_t)(ns / 1000);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void put_samples(const char *name, struct samples *s)
{
	if (s->n == 0)
		return;
	qsort(s->us, s->n, sizeof *s->us, by_size);
	printf(",\"%s\":{\"p50\":%u,\"p99\":%u,\"max\":%u}", name, s->us[s->n / 2], s->us[s->n * 99 / 100], s->us[s->n - 1]);
}

/* ---- the echo ---- */

/* Answers each byte with itself; a loop over epoll like the server's. */
static void serve_echo(int listener)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = listener};
	int ep = epoll_create1(0), c;
	char b;

	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		if (epoll_wait(ep, &ev, 1, -1) < 1)
			continue;
		if (ev.data.fd == listener) {
			c = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			if (c < 0)
				continue;
			ev = (struct epoll_event){.events = EPOLLIN, .data.fd = c};
			epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
		} else if (read(ev.data.fd, &b, 1) != 1 || write(ev.data.fd, &b, 1) != 1) {
			close(ev.data.fd);
		}
	}
}

static void start_echo(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof echo;
	pid_t parent = getpid();

	echo = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)&echo, sizeof echo) < 0 || listen(fd, ATTEMPTS) < 0 ||
	    getsockname(fd, (struct sockaddr *)&echo, &len) < 0)
		die("echo");
	switch (fork()) {
	case -1: die("fork"); break;
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		serve_echo(fd);
		_exit(0);
	default: close(fd); break;
	}
}

/* ---- attempts ---- */

static void end_attempt(struct attempt *a)
{
	close(a->fd);
	a->phase = FREE;
}

static void fault(struct attempt *a, const char *kind, uint64_t *count)
{
	if (a->control) {
		fprintf(stderr, "prober: the echo failed (%s)\n", kind);
		exit(1);
	}
	++*count;
	printf("fault %s %s %llu %llu\n", kind, phase_name[a->phase], (unsigned long long)a->start,
	    (unsigned long long)now_ns());
	fflush(stdout);
	end_attempt(a);
}

static void done(struct attempt *a)
{
	uint64_t now = now_ns(), took = now - a->start;

	end_attempt(a);
	sample(a->control ? &control_us : &served_us, took);
	if (!a->control)
		served++;
	if (a->control ? took <= STALL_NS : took <= SLOW_NS)
		return;
	++*(a->control ? &stalls : &slow);
	printf("%s %llu %llu\n", a->control ? "stall" : "slow", (unsigned long long)a->start, (unsigned long long)now);
	fflush(stdout);
}

static void begin(bool control)
{
	static unsigned source;
	struct sockaddr_in from = {.sin_family = AF_INET};
	const struct sockaddr_in *to = control ? &echo : &target;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	struct attempt *a = NULL;
	int one = 1;

	for (unsigned i = 0; i < ATTEMPTS && !a; i++)
		if (attempts[i].phase == FREE)
			a = &attempts[i];
	if (!a) {
		skipped++;
		return;
	}
	*a = (struct attempt){.control = control, .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
	if (a->fd < 0)
		die("socket");
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + source++ % SOURCES);
	setsockopt(a->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(a->fd, (struct sockaddr *)&from, sizeof from) < 0)
		die("bind");
	ev.data.ptr = a;
	if (epoll_ctl(poller, EPOLL_CTL_ADD, a->fd, &ev) < 0)
		die("epoll_ctl");
	tried += !control;
	a->start = now_ns();
	if (connect(a->fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS) {
		fprintf(stderr, "prober: connect: %s\n", strerror(errno));
		fault(a, "refused", &refused);
	}
}

static void say(struct attempt *a, const char *p, size_t n)
{
	/* A fresh connection's buffer holds it; what fails here is heard of by reading. */
	(void)!send(a->fd, p, n, MSG_NOSIGNAL);
}

static void on_established(struct attempt *a)
{
	char req[512];
	int err = 0, n;
	socklen_t len = sizeof err;

	getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err != 0) {
		fault(a, err == ECONNREFUSED ? "refused" : "cut", err == ECONNREFUSED ? &refused : &cut);
		return;
	}
	a->phase = UPGRADING;
	if (a->control) {
		say(a, "a", 1);
		return;
	}
	established++;
	sample(&connect_us, now_ns() - a->start);
	n = snprintf(req, sizeof req,
	    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
	    ntohs(target.sin_port));
	say(a, req, (size_t)n);
}

static void on_echo(struct attempt *a)
{
	if (a->len == 1 && a->phase == UPGRADING) {
		a->phase = JOINING;
		say(a, "b", 1);
	} else if (a->len == 2) {
		done(a);
	}
}

static void take(struct attempt *a, size_t n)
{
	a->len -= n;
	memmove(a->in, a->in + n, a->len);
}

/* One unmasked text frame below 64K at the start of the buffer; NULL: not all there. */
static const char *frame(const struct attempt *a, size_t *head, size_t *len)
{
	const uint8_t *p = (const uint8_t *)a->in;

	*head = 2;
	if (a->len < 4)
		return NULL;
	*len = p[1];
	if (p[1] == 126) {
		*head = 4;
		*len = (size_t)p[2] << 8 | p[3];
	}
	return a->len < *head + *len ? NULL : a->in + *head;
}

static void on_bytes(struct attempt *a)
{
	const char *end, *text;
	size_t head, len;

	if (a->control) {
		on_echo(a);
		return;
	}
	if (a->phase == UPGRADING) {
		end = memmem(a->in, a->len, "\r\n\r\n", 4);
		if (!end)
			return;
		if (memcmp(a->in, "HTTP/1.1 101 ", 13) != 0) {
			fault(a, "answer", &answered_else);
			return;
		}
		a->phase = OPENING;
		take(a, (size_t)(end + 4 - a->in));
	}
	while (a->phase != FREE && (text = frame(a, &head, &len)) != NULL) {
		if (a->phase == OPENING && text[0] == '0') {
			a->phase = JOINING;
			say(a, join_frame, join_len);
			take(a, head + len);
		} else if (a->phase == JOINING && len > 2 && memcmp(text, "40{", 3) == 0) {
			done(a);
		} else {
			fault(a, "answer", &answered_else);
		}
	}
}

static void on_ready(struct attempt *a, uint32_t events)
{
	ssize_t n;

	if (a->phase == FREE)
		return;
	if (a->phase == CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		on_established(a);
	while (a->phase != FREE && a->phase != CONNECTING) {
		if (a->len == sizeof a->in) {
			fault(a, "answer", &answered_else);
			return;
		}
		n = recv(a->fd, a->in + a->len, sizeof a->in - a->len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			fault(a, "cut", &cut);
			return;
		}
		a->len += (size_t)n;
		on_bytes(a);
	}
}

static void give_up(void)
{
	uint64_t now = now_ns();

	for (unsigned i = 0; i < ATTEMPTS; i++)
		if (attempts[i].phase != FREE && now - attempts[i].start > HUNG_NS)
			fault(&attempts[i], "hung", &hung);
}

static bool any_left(void)
{
	for (unsigned i = 0; i < ATTEMPTS; i++)
		if (attempts[i].phase != FREE)
			return true;
	return false;
}

/* 40{"token":"..."} as one masked frame; the mask is zero, which masks nothing. */
static void make_join(const char *token)
{
	char text[TOKEN_ROOM];
	int n = snprintf(text, sizeof text, "40{\"token\":\"%s\"}", token);
	uint8_t *p = (uint8_t *)join_frame;

	if (n < 126 || (size_t)n >= sizeof text) {
		fprintf(stderr, "prober: this is no token\n");
		exit(2);
	}
	p[0] = 0x81;
	p[1] = 0x80 | 126;
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
	memset(p + 4, 0, 4);
	memcpy(p + 8, text, (size_t)n);
	join_len = 8 + (size_t)n;
}

static void run(uint64_t every_ns)
{
	uint64_t next = now_ns(), now;
	struct epoll_event ev[64], in = {.events = EPOLLIN, .data.ptr = NULL};
	bool over = false;
	int n;

	epoll_ctl(poller, EPOLL_CTL_ADD, 0, &in);
	while (!over || any_left()) {
		now = now_ns();
		if (!over && now >= next) {
			sample(&late_us, now - next);
			begin(false);
			begin(true);
			/* Late is late: no burst afterwards. */
			next = now - next > every_ns ? now + every_ns : next + every_ns;
		}
		give_up();
		n = epoll_wait(poller, ev, 64, over ? 20 : next > now ? (int)((next - now) / 1000000) + 1 : 0);
		for (int i = 0; i < n; i++) {
			char rest[64];

			if (ev[i].data.ptr != NULL) {
				on_ready(ev[i].data.ptr, ev[i].events);
			} else if (read(0, rest, sizeof rest) <= 0) {
				epoll_ctl(poller, EPOLL_CTL_DEL, 0, NULL);
				over = true;
			}
		}
	}
}

int main(int argc, char **argv)
{
	double rate = argc == 4 ? atof(argv[3]) : 0;

	if (rate < 1 || rate > 10000) {
		fprintf(stderr, "usage: prober PORT TOKEN RATE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	target = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)atoi(argv[1]))};
	make_join(argv[2]);
	start_echo();
	for (unsigned i = 0; i < ATTEMPTS; i++)
		attempts[i].phase = FREE;
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0)
		die("epoll_create1");
	run((uint64_t)(1e9 / rate));
	printf("sum {\"tried\":%llu,\"established\":%llu,\"served\":%llu,\"refused\":%llu,\"cut\":%llu,\"hung\":%llu,"
	       "\"answer\":%llu,\"slow\":%llu,\"stalls\":%llu,\"skipped\":%llu",
	    (unsigned long long)tried, (unsigned long long)established, (unsigned long long)served,
	    (unsigned long long)refused, (unsigned long long)cut, (unsigned long long)hung,
	    (unsigned long long)answered_else, (unsigned long long)slow, (unsigned long long)stalls,
	    (unsigned long long)skipped);
	put_samples("connect_us", &connect_us);
	put_samples("served_us", &served_us);
	put_samples("echo_us", &control_us);
	put_samples("late_us", &late_us);
	printf("}\n");
	return 0;
}
