/*
 * main.c - which command was asked for.  Each command reads its own options (argv.h) and returns the exit status:
 * 0 done, 1 runtime failure, 2 conf or usage.
 */
#include <stdio.h>
#include <string.h>

#include "conf/version.h"
#include "master/argv.h"
#include "master/fault.h"
#include "master/mint.h"
#include "master/ask.h"
#include "master/serve.h"
#include "master/tools.h"

static int check_command(int argc, char **argv)
{
	struct argv_options o;
	struct conf *c;
	int status = argv_parse(&o, argc, argv, "check", "cd");

	if (status)
		return status;
	c = argv_load(&o, &status);
	if (c) {
		conf_print(c, stdout);
		conf_free(c);
	}
	argv_fini(&o);
	return status;
}

static int missing_command(int argc, char **argv)
{
	(void)argc;
	fprintf(stderr, "forkcast: %s is not in this build; see forkcast --help\n", argv[0]);
	return FAULT_USAGE;
}

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name */
	const char *synopsis;              /* NULL: not shown */
};

static const struct command commands[] = {
    {"check", check_command, "check -c FILE [--dev]     say what is wrong with FILE, or its effective values"},
    {"token", mint_command,
	"token -c FILE --user U    mint a token: [--name N] [--role R] [--ttl 1h] [--claim k=v]..."},
    {"status", ask_status, "status -c FILE [--json]   counters of the live instance, per process"},
    {"-s", ask_signal, "-s stop -c FILE           drain the live instance and wait until it is gone"},
    {"doc", tools_doc_command, "doc -c FILE               the application in Markdown, for who writes a client; doc --options: the manual"},
    {"types", tools_types_command, "types -c FILE             its events as TypeScript, for socket.io-client"},
    {"explain", tools_explain_command,
	"explain -c FILE [EVENT]   what happens to it: [--user U] [--role R] [--namespace N] [--room ROOM]"},
    {"top", missing_command, NULL},
};

static int usage(FILE *out, int status)
{
	fputs(
	    "forkcast " FORKCAST_VERSION " - a Socket.IO server cluster in one binary\n\n"
	    "  forkcast [-c FILE]                 serve in the foreground; without -c: " ARGV_DEFAULT_CONF "\n"
	    "           [--print-ports]             once ready, one line \"ports: CONFIGURED=BOUND ...\" on stdout\n"
	    "  forkcast --dev [-c FILE]           the same for development: loopback only, anonymous, generated keys\n",
	    out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].synopsis)
			fprintf(out, "  forkcast %s\n", commands[i].synopsis);
	fputs("  forkcast --version, --help\n\n"
	      "A conf that was served with --dev is named to status and -s stop with --dev too.\n"
	      "Exit status: 0 done, 1 runtime failure, 2 conf or usage.\n",
	    out);
	return status;
}

int main(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, 0);
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("forkcast " FORKCAST_VERSION);
		return 0;
	}
	if (argc < 2 || (argv[1][0] == '-' && strcmp(argv[1], "-s") != 0))
		return serve_command(argc, argv);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "forkcast: unknown command \"%s\"\n\n", argv[1]);
	return usage(stderr, FAULT_USAGE);
}
