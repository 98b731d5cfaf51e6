/*
 * mistake.h - what is wrong with a configuration, collected while it is read, told in file order.
 *
 * Reading goes on after a mistake, so one run shows as many as possible.  Each says where, what is wrong and what to
 * write instead.
 */
#ifndef FORKCAST_CONF_MISTAKE_H
#define FORKCAST_CONF_MISTAKE_H

#include "conf/conf.h"
#include "conf/conf_arena.h"

#define MISTAKES_SHOWN 100 /* a file of another language would else give thousands */

struct conf_file {
	const char *path;             /* as given, or the including file's folder and what include() said */
	unsigned number;              /* in order of first use */
	const struct conf_file *from; /* who includes it, NULL for the main file */
	unsigned depth;
	uint64_t dev, ino;
};

/* A line of a file. */
struct place {
	const struct conf_file *file;
	int line;
};

struct mistake {
	struct place at;
	unsigned number; /* order of finding, among those of one line */
	struct text what;
};

struct mistakes {
	struct conf_arena *arena;
	bool unfinished; /* something is never closed, and may have swallowed what seems to be missing */
	unsigned n;
	struct mistake *list;
};

void mistake(struct mistakes *m, struct place at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* T as it may stand in a message: at most 60 bytes, control characters and line breaks replaced. */
const char *mistake_show(struct mistakes *m, struct text t);
/* Fills E with what was found, sorted; the caller owns it (conf_errors_free()). */
void mistakes_tell(const struct mistakes *m, struct conf_errors *e);

#endif
