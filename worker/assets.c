#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/assets.h"

#define JAVASCRIPT "application/javascript; charset=utf-8"
#define SOURCE_MAP "application/json; charset=utf-8"

struct row {
	const char *name, *type;
};

/* What the reference serves. */
static const struct row client_rows[ASSETS_CLIENT] = {
    {"socket.io.js", JAVASCRIPT},
    {"socket.io.js.map", SOURCE_MAP},
    {"socket.io.min.js", JAVASCRIPT},
    {"socket.io.min.js.map", SOURCE_MAP},
    {"socket.io.esm.min.js", JAVASCRIPT},
    {"socket.io.esm.min.js.map", SOURCE_MAP},
    {"socket.io.msgpack.min.js", JAVASCRIPT},
    {"socket.io.msgpack.min.js.map", SOURCE_MAP},
};

static const struct row console_rows[ASSETS_CONSOLE] = {
    {"index.html", "text/html; charset=utf-8"},
    {"console.css", "text/css; charset=utf-8"},
    {"console.js", "text/javascript; charset=utf-8"},
    {"pane.js", "text/javascript; charset=utf-8"},
    {"api.js", "text/javascript; charset=utf-8"},
    {"openapi.json", "application/json"},
};

/* The bytes of an ordinary file at DIR/NAME.SUFFIX; *OUT stays as it is when there is none.  0 or -errno. */
static int read_file(const char *dir, const char *name, const char *suffix, struct slice *out)
{
	char path[PATH_MAX + 64];
	struct stat st;
	char *p = NULL;
	size_t got = 0;
	ssize_t k = 1;
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > ASSETS_FILE_MAX)
		goto out;
	p = malloc((size_t)st.st_size);
	if (p == NULL) {
		err = -ENOMEM;
		goto out;
	}
	while (got < (size_t)st.st_size && k > 0) {
		k = read(fd, p + got, (size_t)st.st_size - got);
		if (k > 0)
			got += (size_t)k;
	}
	if (got == (size_t)st.st_size) {
		*out = slice_make(p, got);
		p = NULL;
	}
out:
	free(p);
	close(fd);
	return err;
}

/* The client's files begin with a banner that names the version: "Socket.IO v4.8.4". */
static struct slice banner_version(struct slice file)
{
	static const char mark[] = "Socket.IO v";
	const char *p = memmem(file.p, file.n < 128 ? file.n : 128, mark, sizeof(mark) - 1);
	size_t n = 0, left;

	if (p == NULL)
		return slice_make("", 0);
	p += sizeof(mark) - 1;
	left = file.n - (size_t)(p - file.p);
	while (n < left && n < 32 &&
	    ((p[n] >= '0' && p[n] <= '9') || (p[n] >= 'a' && p[n] <= 'z') || p[n] == '.' || p[n] == '-'))
		n++;
	return slice_make(p, n);
}

/* FNV-1a: the same bytes have the same tag in every process and after every start. */
static uint64_t hash_of(struct slice s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Tags: the version that a banner of the set names, as the reference has it; without one, of the contents. */
static void tag(struct asset *a, unsigned n)
{
	struct slice version = {"", 0};

	for (unsigned i = 0; i < n && version.n == 0; i++) {
		if (a[i].body.p != NULL)
			version = banner_version(a[i].body);
	}
	for (unsigned i = 0; i < n; i++) {
		if (version.n > 0)
			snprintf(a[i].etag, sizeof(a[i].etag), "\"%.*s\"", (int)version.n, version.p);
		else
			snprintf(a[i].etag, sizeof(a[i].etag), "\"%016llx\"", (unsigned long long)hash_of(a[i].body));
	}
}

/* Fills the set from DIR.  Files found, or -errno. */
static int read_set(struct asset *a, const struct row *row, unsigned n, const char *dir)
{
	int found = 0;

	for (unsigned i = 0; i < n; i++) {
		int err = read_file(dir, row[i].name, "", &a[i].body);

		if (err == 0 && a[i].body.p != NULL)
			err = read_file(dir, row[i].name, ".gz", &a[i].gzip);
		if (err != 0)
			return err;
		found += a[i].body.p != NULL;
	}
	tag(a, n);
	return found;
}

/* Where make puts the files, and where make install does: both as seen from the binary. */
static void own_dir(const char *below, char out[PATH_MAX])
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	out[0] = '\0';
	if (n <= 0)
		return;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash == NULL || (size_t)(slash - exe) + strlen(below) + 2 > PATH_MAX)
		return;
	memcpy(out, exe, (size_t)(slash - exe) + 1);
	strcpy(out + (slash - exe) + 1, below);
}

static int read_own_set(struct asset *a, const struct row *row, unsigned n, char dir[PATH_MAX])
{
	static const char *const below[] = {"client", "../share/forkcast/client"};
	int found = 0;

	for (unsigned i = 0; i < sizeof(below) / sizeof(*below) && found == 0; i++) {
		own_dir(below[i], dir);
		if (dir[0] != '\0')
			found = read_set(a, row, n, dir);
	}
	return found;
}

int assets_load(const struct conf *conf, struct assets **out)
{
	const struct text *own = &conf->engine.client_dir;
	struct assets *a = calloc(1, sizeof(*a));
	char dir[PATH_MAX];
	int found, err;

	*out = NULL;
	if (a == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < ASSETS_CLIENT; i++)
		a->client[i] = (struct asset){.name = client_rows[i].name, .type = client_rows[i].type};
	for (unsigned i = 0; i < ASSETS_CONSOLE; i++)
		a->console[i] = (struct asset){.name = console_rows[i].name, .type = console_rows[i].type};
	if ((err = read_own_set(a->console, console_rows, ASSETS_CONSOLE, dir)) < 0)
		goto fail;
	if (own->p != NULL) {
		snprintf(a->client_dir, sizeof(a->client_dir), "%s", own->p);
		found = read_set(a->client, client_rows, ASSETS_CLIENT, a->client_dir);
	} else {
		found = read_own_set(a->client, client_rows, ASSETS_CLIENT, a->client_dir);
	}
	if (found < 0) {
		err = found;
		goto fail;
	}
	if (found == 0)
		a->client_dir[0] = '\0';
	*out = a;
	return found == 0 && own->p != NULL ? -ENOENT : 0;
fail:
	assets_free(a);
	return err;
}

static void free_set(struct asset *a, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free((char *)(uintptr_t)a[i].body.p);
		free((char *)(uintptr_t)a[i].gzip.p);
	}
}

void assets_free(struct assets *a)
{
	if (a == NULL)
		return;
	free_set(a->client, ASSETS_CLIENT);
	free_set(a->console, ASSETS_CONSOLE);
	free(a);
}

static const struct asset *find(const struct asset *a, unsigned n, struct slice name)
{
	for (unsigned i = 0; i < n; i++) {
		if (a[i].body.p != NULL && slice_is(name, a[i].name))
			return &a[i];
	}
	return NULL;
}

const struct asset *assets_client(const struct assets *a, struct slice name)
{
	return a != NULL ? find(a->client, ASSETS_CLIENT, name) : NULL;
}

const struct asset *assets_console(const struct assets *a, struct slice name)
{
	return a != NULL ? find(a->console, ASSETS_CONSOLE, name) : NULL;
}

bool assets_have_console(const struct assets *a)
{
	return assets_console(a, slice_make(console_rows[0].name, strlen(console_rows[0].name))) != NULL;
}
