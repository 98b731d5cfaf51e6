/*
 * title.h - the name a process shows in ps: "forkcast: worker 0 [NAME]".
 *
 * The kernel reads it from the memory where exec placed argv and the environment, so title_init() moves the
 * environment away and the titles are written over both.
 */
#ifndef FORKCAST_MASTER_TITLE_H
#define FORKCAST_MASTER_TITLE_H

/* Once, before anything keeps a pointer into the environment.  Without memory for a copy, titles stay as they are. */
void title_init(int argc, char **argv);
void title_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
