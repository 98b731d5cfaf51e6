#include "master/tools.h"

#include <stdio.h>

#include "conf/tools.h"
#include "master/argv.h"
#include "master/fault.h"

/* What was printed may not have arrived: a full disk must not look like success. */
static int printed(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? status : FAULT_RUNTIME;
}

/* Loads the conf, prints it by FN, and is done. */
static int print_conf(int argc, char **argv, const char *command, void (*fn)(const struct conf *, FILE *))
{
	struct argv_options o;
	struct conf *c;
	int status = argv_parse(&o, argc, argv, command, fn == tools_doc ? "cdo" : "cd");

	if (status)
		return status;
	if (o.options) {
		conf_options_doc(stdout);
		argv_fini(&o);
		return printed(0);
	}
	c = argv_load(&o, &status);
	if (c) {
		fn(c, stdout);
		conf_free(c);
		status = printed(0);
	}
	argv_fini(&o);
	return status;
}

int tools_doc_command(int argc, char **argv)
{
	return print_conf(argc, argv, "doc", tools_doc);
}

int tools_types_command(int argc, char **argv)
{
	return print_conf(argc, argv, "types", tools_types);
}

int tools_explain_command(int argc, char **argv)
{
	struct argv_options o;
	struct conf *c = NULL;
	int status = argv_parse(&o, argc, argv, "explain", "cde");

	if (status)
		return status;
	if (o.operand == NULL && o.room == NULL) {
		fprintf(stderr, "forkcast: explain needs the name of an event, or --room ROOM\n");
		status = FAULT_USAGE;
	} else {
		c = argv_load(&o, &status);
	}
	if (c) {
		const struct tools_question q = {
		    .event = o.operand, .room = o.room, .nsp = o.nsp, .user = o.user, .role = o.role};

		status = printed(tools_explain(c, &q, stdout) ? 0 : FAULT_RUNTIME);
		conf_free(c);
	}
	argv_fini(&o);
	return status;
}
