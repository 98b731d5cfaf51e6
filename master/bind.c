#include "master/bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ADMIN_BACKLOG    511
#define PATIENCE_TRIES   40
#define PATIENCE_WAIT_NS 50000000 /* 40 tries: 2 s */

union endpoint {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int at_line(struct fault *f, int err, const struct conf_address *a, const char *what)
{
	return fault(f, err, FAULT_RUNTIME, "%s:%d: cannot listen on \"%s\": %s", a->file, a->line, a->title.p, what);
}

const struct conf_address *bind_address(const struct bindings *b, unsigned i)
{
	const struct heritage_listener *l = &b->listener[i];

	return l->kind == HERITAGE_PUBLIC ? &l->listen->addr : &l->admin->addr;
}

static bool have_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* The address to bind; *V6ONLY as bind.h promises. */
static int resolve(const struct conf_address *a, union endpoint *ep, socklen_t *len, int *v6only)
{
	memset(ep, 0, sizeof(*ep));
	*v6only = 1;
	if (a->host.n == 0 && have_ipv6()) {
		*v6only = 0;
		ep->in6.sin6_family = AF_INET6;
	} else if (a->host.n == 0) {
		ep->in.sin_family = AF_INET;
	} else if (inet_pton(AF_INET, a->host.p, &ep->in.sin_addr) == 1) {
		ep->in.sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, a->host.p, &ep->in6.sin6_addr) == 1) {
		ep->in6.sin6_family = AF_INET6;
	} else {
		return -EINVAL;
	}
	if (ep->sa.sa_family == AF_INET)
		ep->in.sin_port = htons(a->port);
	else
		ep->in6.sin6_port = htons(a->port);
	*len = ep->sa.sa_family == AF_INET ? sizeof(ep->in) : sizeof(ep->in6);
	return 0;
}

static int tcp_socket(const union endpoint *ep, socklen_t len, int v6only, bool share)
{
	const int on = 1;
	int err, fd = socket(ep->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 || /* what is accepted inherits it */
	    (ep->sa.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0) ||
	    bind(fd, &ep->sa, len) < 0) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

/*
 * SO_REUSEPORT lets any two servers of one user share a port without a word, so a socket without it asks first whether
 * somebody listens there.  A port that the kernel chooses is never one in use, shared or not.
 */
static int probe(const union endpoint *ep, socklen_t len, int v6only, bool patient)
{
	const struct timespec wait = {.tv_nsec = PATIENCE_WAIT_NS};
	int fd = -EADDRINUSE;

	for (int i = 0; i < (patient ? PATIENCE_TRIES : 1); i++) {
		fd = tcp_socket(ep, len, v6only, false);
		if (fd >= 0) {
			close(fd);
			return 0;
		}
		if (fd != -EADDRINUSE)
			break;
		if (patient)
			nanosleep(&wait, NULL);
	}
	return fd;
}

/* N sockets on one port; with port 0 the first gets it from the kernel and the others follow. */
static int open_tcp(struct heritage_listener *l, const struct conf_address *a, int backlog,
    const struct bind_options *o, struct fault *f)
{
	union endpoint ep;
	socklen_t len;
	int v6only, err;

	if (resolve(a, &ep, &len, &v6only) < 0)
		return at_line(f, EINVAL, a, "the host must be a numeric address, [IPv6], or empty for all");
	err = a->port ? probe(&ep, len, v6only, o->patient) : 0;
	if (err == -EADDRINUSE)
		return at_line(f, EADDRINUSE, a, "the address is in use by another process");
	if (err < 0)
		return at_line(f, -err, a, strerror(-err));

	for (unsigned i = 0; i < l->nfd; i++) {
		l->fd[i] = tcp_socket(&ep, len, v6only, true);
		if (l->fd[i] < 0)
			return at_line(f, -l->fd[i], a, strerror(-l->fd[i]));
		if (i == 0) {
			if (getsockname(l->fd[0], &ep.sa, &len) < 0)
				return at_line(f, errno, a, strerror(errno));
			l->port = ntohs(ep.sa.sa_family == AF_INET ? ep.in.sin_port : ep.in6.sin6_port);
		}
		if (listen(l->fd[i], backlog) < 0)
			return at_line(f, errno, a, strerror(errno));
	}
	return 0;
}

/* A file that is in the way goes only if it is a socket on which nobody answers. */
static int clear_path(const struct sockaddr_un *sun, const struct conf_address *a, struct fault *f)
{
	struct stat st;
	int fd, err;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : at_line(f, errno, a, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return at_line(f, EEXIST, a, "a file that is not a socket is in the way");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return at_line(f, errno, a, strerror(errno));
	err = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? errno : 0;
	close(fd);
	if (err != ECONNREFUSED)
		return at_line(
		    f, EADDRINUSE, a, err == 0 || err == EAGAIN ? "another process answers there" : strerror(err));
	if (unlink(sun->sun_path) < 0)
		return at_line(f, errno, a, strerror(errno));
	return 0;
}

static int open_unix(struct heritage_listener *l, struct bind_file *file, const struct conf_address *a, int backlog,
    const struct bind_options *o, struct fault *f)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int err;

	if (a->path.n == 0 || a->path.n >= sizeof(sun.sun_path))
		return at_line(f, ENAMETOOLONG, a, "the path must have 1 to 107 bytes");
	memcpy(sun.sun_path, a->path.p, a->path.n);
	err = clear_path(&sun, a, f);
	if (err)
		return err;
	l->fd[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd[0] < 0)
		return at_line(f, errno, a, strerror(errno));
	/* The mode is right from the first moment: nobody else can connect before it would be changed. */
	mask = umask(0117);
	err = bind(l->fd[0], (const struct sockaddr *)&sun, sizeof(sun)) < 0 ? errno : 0;
	umask(mask);
	if (err)
		return at_line(f, err, a, strerror(err));
	if (lstat(sun.sun_path, &st) == 0)
		*file = (struct bind_file){.dev = st.st_dev, .ino = st.st_ino};
	if (o->uid != (uid_t)-1 && lchown(sun.sun_path, o->uid, o->gid) < 0)
		return at_line(f, errno, a, strerror(errno));
	if (listen(l->fd[0], backlog) < 0)
		return at_line(f, errno, a, strerror(errno));
	return 0;
}

static int open_one(struct bindings *b, unsigned i, const struct bind_options *o, struct fault *f)
{
	struct heritage_listener *l = &b->listener[i];
	const struct conf_address *a = bind_address(b, i);
	int backlog = l->kind == HERITAGE_PUBLIC ? l->listen->backlog : ADMIN_BACKLOG;

	l->shared = a->is_unix;
	l->nfd = a->is_unix ? 1 : o->nworker;
	l->fd = malloc(l->nfd * sizeof(*l->fd));
	if (!l->fd)
		return at_line(f, ENOMEM, a, "out of memory");
	for (unsigned k = 0; k < l->nfd; k++)
		l->fd[k] = -1;
	return a->is_unix ? open_unix(l, &b->file[i], a, backlog, o, f) : open_tcp(l, a, backlog, o, f);
}

int bind_open(struct bindings *b, const struct conf *c, const struct bind_options *o, struct fault *f)
{
	int err = 0;

	*b = (struct bindings){.n = c->nlisten + c->nadmin};
	b->listener = calloc(b->n ? b->n : 1, sizeof(*b->listener));
	b->file = calloc(b->n ? b->n : 1, sizeof(*b->file));
	if (!b->listener || !b->file) {
		bind_fini(b);
		return fault(f, ENOMEM, FAULT_RUNTIME, "out of memory");
	}
	for (unsigned i = 0; i < c->nlisten; i++)
		b->listener[i] = (struct heritage_listener){.kind = HERITAGE_PUBLIC, .listen = &c->listen[i]};
	for (unsigned i = 0; i < c->nadmin; i++)
		b->listener[c->nlisten + i] = (struct heritage_listener){.kind = HERITAGE_ADMIN, .admin = &c->admin[i]};
	for (unsigned i = 0; i < b->n && !err; i++)
		err = open_one(b, i, o, f);
	if (err) {
		bind_close(b);
		bind_fini(b);
	}
	return err;
}

void bind_bound(const struct bindings *b, unsigned i, char *buf, size_t n)
{
	const struct conf_address *a = bind_address(b, i);
	bool v6 = !a->is_unix && a->host.n > 0 && strchr(a->host.p, ':');

	if (a->is_unix)
		snprintf(buf, n, "%s", a->path.p);
	else
		snprintf(buf, n, "%s%s%s:%u", v6 ? "[" : "", a->host.n > 0 ? a->host.p : "*", v6 ? "]" : "",
		    b->listener[i].port);
}

unsigned bind_count(const struct conf *c, unsigned nworker)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->nlisten; i++)
		n += c->listen[i].addr.is_unix ? 1 : nworker;
	for (unsigned i = 0; i < c->nadmin; i++)
		n += c->admin[i].addr.is_unix ? 1 : nworker;
	return n;
}

static void close_listener(const struct heritage_listener *l)
{
	for (unsigned k = 0; k < l->nfd && l->fd; k++) {
		if (l->fd[k] >= 0)
			close(l->fd[k]);
		l->fd[k] = -1;
	}
}

void bind_close(struct bindings *b)
{
	struct stat st;

	for (unsigned i = 0; i < b->n; i++) {
		const char *path = bind_address(b, i)->path.p;

		close_listener(&b->listener[i]);
		if (b->file[i].ino && lstat(path, &st) == 0 && st.st_ino == b->file[i].ino &&
		    st.st_dev == b->file[i].dev)
			unlink(path);
		b->file[i] = (struct bind_file){0};
	}
}

void bind_child_close(const struct heritage *h)
{
	for (unsigned i = 0; i < h->nlistener; i++)
		close_listener(&h->listener[i]);
}

void bind_fini(struct bindings *b)
{
	for (unsigned i = 0; i < b->n && b->listener; i++)
		free(b->listener[i].fd);
	free(b->listener);
	free(b->file);
	*b = (struct bindings){0};
}
