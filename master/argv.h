/*
 * argv.h - the options that commands share, copied out of argv (titles are written over it later).
 */
#ifndef FORKCAST_MASTER_ARGV_H
#define FORKCAST_MASTER_ARGV_H

#include <stdbool.h>

#include "conf/conf.h"

#define ARGV_DEFAULT_CONF "/etc/forkcast/forkcast.conf"

struct argv_options {
	char *conf; /* -c */
	bool dev;
	bool print_ports;
	bool json;
	bool options; /* doc --options */
	char *user, *role; /* token, explain */
	/* token */
	char *name, *ttl;
	unsigned nclaim;
	char **claim; /* "k=v" */
	/* explain */
	char *operand, *nsp, *room;
};

/*
 * Reads the options in argv[1..]; ALLOWED names those the command takes, as letters: c conf, d dev, p print-ports,
 * j json, o options, t those of token, e those of explain, and an operand.  0, or 2 with a message on stderr.
 */
int argv_parse(struct argv_options *o, int argc, char **argv, const char *command, const char *allowed);
void argv_fini(struct argv_options *o);
/* Loads the conf that the options name; prints every mistake.  NULL: failed, *STATUS is the exit status. */
struct conf *argv_load(const struct argv_options *o, int *status);

#endif
