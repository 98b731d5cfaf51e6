#include "master/argv.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master/fault.h"

enum { OPT_USER = 256, OPT_ROLE, OPT_NAME, OPT_TTL, OPT_CLAIM, OPT_NAMESPACE, OPT_ROOM };

static const struct option longs[] = {
    {"conf", required_argument, NULL, 'c'},
    {"dev", no_argument, NULL, 'd'},
    {"print-ports", no_argument, NULL, 'p'},
    {"json", no_argument, NULL, 'j'},
    {"options", no_argument, NULL, 'o'},
    {"user", required_argument, NULL, OPT_USER},
    {"name", required_argument, NULL, OPT_NAME},
    {"role", required_argument, NULL, OPT_ROLE},
    {"ttl", required_argument, NULL, OPT_TTL},
    {"claim", required_argument, NULL, OPT_CLAIM},
    {"namespace", required_argument, NULL, OPT_NAMESPACE},
    {"room", required_argument, NULL, OPT_ROOM},
    {0},
};

static void set(char **field, const char *value)
{
	free(*field);
	*field = strdup(value);
	if (!*field)
		abort(); /* a few bytes, at the start of a command: there is nothing to save */
}

static void add_claim(struct argv_options *o, const char *value)
{
	char **more = reallocarray(o->claim, o->nclaim + 1, sizeof(*more));

	if (!more)
		abort();
	o->claim = more;
	o->claim[o->nclaim] = NULL;
	set(&o->claim[o->nclaim++], value);
}

static void take(struct argv_options *o, int c, const char *value)
{
	switch (c) {
	case 'c': set(&o->conf, value); break;
	case 'd': o->dev = true; break;
	case 'p': o->print_ports = true; break;
	case 'j': o->json = true; break;
	case 'o': o->options = true; break;
	case OPT_USER: set(&o->user, value); break;
	case OPT_NAME: set(&o->name, value); break;
	case OPT_ROLE: set(&o->role, value); break;
	case OPT_TTL: set(&o->ttl, value); break;
	case OPT_CLAIM: add_claim(o, value); break;
	case OPT_NAMESPACE: set(&o->nsp, value); break;
	case OPT_ROOM: set(&o->room, value); break;
	default: break;
	}
}

/* The option that was read from AT on, which operands may stand before. */
static const char *culprit(int argc, char **argv, int at)
{
	if (optind > at)
		at = optind - 1 - (optarg != NULL && optarg == argv[optind - 1]);
	return argv[at < argc ? at : argc - 1];
}

/* True when the letters that a command allows have that of option C. */
static bool allows(const char *allowed, int c)
{
	switch (c) {
	case OPT_USER:
	case OPT_ROLE: return strpbrk(allowed, "te") != NULL;
	case OPT_NAME:
	case OPT_TTL:
	case OPT_CLAIM: return strchr(allowed, 't') != NULL;
	case OPT_NAMESPACE:
	case OPT_ROOM: return strchr(allowed, 'e') != NULL;
	default: return strchr(allowed, c) != NULL;
	}
}

int argv_parse(struct argv_options *o, int argc, char **argv, const char *command, const char *allowed)
{
	int c, at = 1;

	*o = (struct argv_options){0};
	set(&o->conf, ARGV_DEFAULT_CONF);
	opterr = 0;
	optind = 1;
	while (at = optind, (c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (c == '?' || !allows(allowed, c)) {
			fprintf(stderr, "forkcast: %s does not take %s, or it lacks its value; see forkcast --help\n",
			    command, culprit(argc, argv, at));
			argv_fini(o);
			return FAULT_USAGE;
		}
		take(o, c, optarg);
	}
	if (optind < argc && strchr(allowed, 'e') != NULL)
		set(&o->operand, argv[optind++]);
	if (optind < argc) {
		fprintf(stderr, "forkcast: %s does not take \"%s\"; see forkcast --help\n", command, argv[optind]);
		argv_fini(o);
		return FAULT_USAGE;
	}
	return 0;
}

void argv_fini(struct argv_options *o)
{
	free(o->conf);
	free(o->user);
	free(o->name);
	free(o->role);
	free(o->ttl);
	free(o->operand);
	free(o->nsp);
	free(o->room);
	for (unsigned i = 0; i < o->nclaim; i++)
		free(o->claim[i]);
	free(o->claim);
	*o = (struct argv_options){0};
}

struct conf *argv_load(const struct argv_options *o, int *status)
{
	struct conf_errors errors = {0};
	struct conf *c = NULL;
	int err = conf_load(o->conf, o->dev, &c, &errors);

	*status = 0;
	if (err == 0)
		return c;
	for (unsigned i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.line[i]);
	if (errors.n == 0)
		fprintf(
		    stderr, "forkcast: cannot read %s: %s; name a conf file with -c FILE\n", o->conf, strerror(-err));
	conf_errors_free(&errors);
	*status = FAULT_USAGE;
	return NULL;
}
