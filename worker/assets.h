/*
 * assets.h - the files that browsers get: npm's socket.io-client, and the console of the admin listener and
 * the contract of its API.
 *
 * A fixed table of names, read once by the master before it forks: the processes share the pages, a file that changes
 * on disk changes nothing before the next start, and no path from the wire ever reaches the file system.
 */
#ifndef FORKCAST_WORKER_ASSETS_H
#define FORKCAST_WORKER_ASSETS_H

#include <limits.h>

#include "conf/conf.h"
#include "proto/slice.h"

#define ASSETS_CLIENT   8
#define ASSETS_CONSOLE  6
#define ASSETS_FILE_MAX (4u << 20) /* a larger file is not one of ours */

struct asset {
	const char *name; /* below the engine's path, or on the admin listener below "/" */
	const char *type;
	struct slice body; /* p NULL: there is no such file */
	struct slice gzip; /* the same compressed; p NULL: only as it is */
	char etag[40];     /* with its quotes */
};

/* Never changes after assets_load(); whoever loaded it frees it. */
struct assets {
	struct asset client[ASSETS_CLIENT];
	struct asset console[ASSETS_CONSOLE];
	char client_dir[PATH_MAX]; /* "": no client was found */
};

/*
 * Reads the client from the conf's client_dir, without one from `client` beside the binary or ../share/forkcast/client;
 * the console always from the latter.  0; -ENOENT when the conf's own client_dir has none of the files (*OUT holds the
 * rest then); -errno with *OUT NULL.
 */
int assets_load(const struct conf *conf, struct assets **out);
void assets_free(struct assets *a);

/* The asset of that name that has a file; NULL when there is none.  A may be NULL. */
const struct asset *assets_client(const struct assets *a, struct slice name);
const struct asset *assets_console(const struct assets *a, struct slice name);
/* True when there is a console to look at. */
bool assets_have_console(const struct assets *a);

#endif
