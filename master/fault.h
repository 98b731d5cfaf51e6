/*
 * fault.h - why a command cannot go on: the sentence for the user and the exit status that goes with it.
 *
 * Used before the processes run, when a mistake is fatal and belongs on stderr; afterwards events are logged instead.
 */
#ifndef FORKCAST_MASTER_FAULT_H
#define FORKCAST_MASTER_FAULT_H

#define FAULT_RUNTIME 1 /* exit statuses */
#define FAULT_USAGE   2

struct fault {
	int status;
	char text[1024];
};

/* Fills *F and returns -ERR, so that a function can `return fault(f, EADDRINUSE, FAULT_RUNTIME, ...)`. */
int fault(struct fault *f, int err, int status, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Writes "forkcast: TEXT" to stderr; returns the status. */
int fault_print(const struct fault *f);

#endif
