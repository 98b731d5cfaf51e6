#include "bench/load/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define REQUEST_MAX (64 * 1024)
#define PATIENCE_MS 5000

ssize_t http_whole(const char *in, size_t len, size_t max, int *status, const char **body)
{
	const char *end = memmem(in, len, "\r\n\r\n", 4), *line;
	size_t size = 0;
	bool sized = false;

	if (!end)
		return len == max ? -1 : 0;
	if (sscanf(in, "HTTP/1.1 %d", status) != 1)
		return -1;
	for (line = in; line < end; line = (const char *)memchr(line, '\n', (size_t)(end + 4 - line)) + 1) {
		if (strncasecmp(line, "Content-Length:", 15) == 0) {
			size = strtoul(line + 15, NULL, 10);
			sized = true;
		}
	}
	if (!sized && *status != 204)
		return -1;
	*body = end + 4;
	size += (size_t)(*body - in);
	return size > max ? -1 : size > len ? 0 : (ssize_t)size;
}

static void over(struct http *h)
{
	close(h->end.fd);
	h->end.fd = -1;
	h->on_reply(h, -1, "", 0, client_now());
}

static void on_event(struct endpoint *e, uint32_t events)
{
	struct http *h = (struct http *)e;
	const char *body;
	int status = 0;
	ssize_t n;

	(void)events;
	n = recv(h->end.fd, h->in + h->in_len, h->in_size - h->in_len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		h->in_len += (size_t)n;
	n = n <= 0 ? -1 : http_whole(h->in, h->in_len, h->in_size, &status, &body);
	if (n < 0 || (n > 0 && !h->busy)) {
		over(h);
		return;
	}
	if (n == 0)
		return;
	h->busy = false;
	h->on_reply(h, status, body, (size_t)(h->in + n - body), client_now());
	h->in_len -= (size_t)n;
	memmove(h->in, h->in + n, h->in_len);
}

int http_open(struct http *h, int epoll, unsigned id)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &h->end};
	struct pollfd p = {.events = POLLOUT};

	h->end.on_event = on_event;
	h->in_size = HTTP_REPLY_MAX + h->plan->batch * HTTP_LINE_MAX;
	h->in = malloc(h->in_size);
	if (!h->in)
		return -ENOMEM;
	p.fd = h->end.fd = client_socket(h->plan, id, h->plan->admin_port);
	if (h->end.fd < 0)
		return h->end.fd;
	if (poll(&p, 1, PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, h->end.fd, &ev) < 0 ? -errno : 0;
}

int http_emit(struct http *h, unsigned room, const char *data, size_t len, uint64_t now)
{
	static char request[REQUEST_MAX + 512];
	char before[80];
	int n, m;

	if (len > REQUEST_MAX)
		return -EMSGSIZE;
	m = snprintf(before, sizeof before, "{\"to\":\"market:%04u\",\"event\":\"tick\",\"data\":", room);
	n = snprintf(request, sizeof request,
	    "POST /v1/emit HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s%.*s}",
	    h->plan->admin_port, h->plan->admin_key ? h->plan->admin_key : "", (size_t)m + len + 1, before, (int)len,
	    data);
	h->busy = true;
	h->asked_at = now;
	return send(h->end.fd, request, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EIO;
}

int http_batch(struct http *h, const char *lines, size_t len, uint64_t now)
{
	char head[512];
	struct iovec iov[2] = {{head, 0}, {(void *)(uintptr_t)lines, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	size_t left;
	ssize_t n;

	left = len + (iov[0].iov_len = (size_t)snprintf(head, sizeof head,
	    "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
	    h->plan->admin_port, h->plan->admin_key ? h->plan->admin_key : "", len));
	h->busy = true;
	h->asked_at = now;
	while (left > 0) {
		struct pollfd p = {.fd = h->end.fd, .events = POLLOUT};

		n = sendmsg(h->end.fd, &msg, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN && poll(&p, 1, PATIENCE_MS) == 1)
			continue;
		if (n < 0)
			return -errno;
		left -= (size_t)n;
		for (struct iovec *v = iov; n > 0; v++) {
			size_t k = (size_t)n < v->iov_len ? (size_t)n : v->iov_len;

			v->iov_base = (char *)v->iov_base + k;
			v->iov_len -= k;
			n -= (ssize_t)k;
		}
	}
	return 0;
}

int http_get(const struct plan *plan, const char *path, char *out, size_t size)
{
	static char buf[HTTP_GET_MAX];
	struct pollfd p = {.events = POLLOUT};
	const char *body = buf;
	size_t len = 0;
	ssize_t n = 0;
	int status = -EIO;

	p.fd = client_socket(plan, 0, plan->admin_port);
	if (p.fd < 0)
		return p.fd;
	n = snprintf(buf, sizeof buf,
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", path,
	    plan->admin_port, plan->admin_key ? plan->admin_key : "");
	if (poll(&p, 1, PATIENCE_MS) != 1 || send(p.fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
		goto out;
	p.events = POLLIN;
	n = 0;
	while (n == 0 && poll(&p, 1, PATIENCE_MS) == 1) {
		n = recv(p.fd, buf + len, sizeof buf - len, 0);
		if (n <= 0)
			goto out;
		len += (size_t)n;
		n = http_whole(buf, len, sizeof buf, &status, &body);
	}
	if (n <= 0)
		status = -EPROTO;
	else
		snprintf(out, size, "%.*s", (int)(buf + n - body), body);
out:
	close(p.fd);
	return status;
}
