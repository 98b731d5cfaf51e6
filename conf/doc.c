#include <string.h>

#include "conf/load.h"

static const char *type_name(enum option_type type)
{
	switch (type) {
	case OPTION_SWITCH: return "yes or no";
	case OPTION_COUNT: return "number";
	case OPTION_WORKERS: return "`auto` or number";
	case OPTION_DURATION: return "duration";
	case OPTION_SYNC: return "`always` or duration";
	case OPTION_SIZE: return "size";
	case OPTION_POWER: return "size, a power of two";
	case OPTION_WORD: return "word";
	case OPTION_TEXT: return "text";
	case OPTION_NAME: return "name";
	case OPTION_PATH: return "path";
	case OPTION_URL_PATH: return "URL path";
	case OPTION_COOKIE_NAME: return "name";
	case OPTION_KEY: return "secret";
	case OPTION_KEY_FILE: return "path";
	case OPTION_TEXTS: return "list of claims";
	case OPTION_CIDRS: return "list of networks";
	case OPTION_TOKENS: return "list of places";
	case OPTION_TRANSPORTS: return "list of transports";
	case OPTION_ORIGINS: return "list of origins";
	case OPTION_MAY: return "list of rights";
	case OPTION_BY: return "list of words";
	case OPTION_RATE: return "rate";
	case OPTION_ROOMS: return "list of room templates";
	case OPTION_TEMPLATE: return "room template";
	case OPTION_CONDITIONS: return "list of conditions";
	case OPTION_EVENT: return "event name";
	case OPTION_TARGETS: return "list of targets";
	case OPTION_JSON: return "JSON template";
	case OPTION_MEMBERS: return "list of members";
	case OPTION_WORDS: return "list of words";
	case OPTION_FIELDS: return "list of fields";
	case OPTION_ACK: return "yes, no or JSON template";
	case OPTION_WHO:
	case OPTION_POLICY: return "list of who";
	case OPTION_EVENTS: return "list of names";
	case OPTION_LIMITS: return "list of names";
	}
	return "";
}

static void limits(const struct option *o, FILE *out)
{
	if (o->type == OPTION_WORD) {
		fprintf(out, ": `");
		for (const char *p = o->words; *p != '\0'; p++)
			fputs(*p == ' ' ? "`, `" : (char[]){*p, '\0'}, out);
		fputc('`', out);
		return;
	}
	if (o->max == 0)
		return;
	fputs(", ", out);
	if (o->type == OPTION_DURATION || o->type == OPTION_SYNC) {
		value_print_duration(o->min, out);
		fputs(" to ", out);
		value_print_duration(o->max, out);
	} else if (o->type == OPTION_SIZE || o->type == OPTION_POWER) {
		value_print_size((uint64_t)o->min, out);
		fputs(" to ", out);
		value_print_size((uint64_t)o->max, out);
	} else if (o->type == OPTION_COUNT || o->type == OPTION_WORKERS) {
		fprintf(out, "%lld to %lld", (long long)o->min, (long long)o->max);
	} else {
		fprintf(out, "at most %lld bytes", (long long)o->max);
	}
}

static void row(const struct option *o, FILE *out)
{
	fprintf(out, "| `%s` | %s", o->name, type_name(o->type));
	limits(o, out);
	fputs(" | ", out);
	if (o->dflt != NULL)
		fprintf(out, "`%s`", o->dflt);
	else
		fputs(o->computed != NULL ? o->computed : "none", out);
	fprintf(out, " | %s | %s |\n", o->reload ? "yes" : "no", o->help);
}

static void heading(const struct option_block *b, FILE *out)
{
	const char *slash = strchr(b->path, '/');

	fputs("\n## ", out);
	if (b->path[0] == '\0')
		fputs("Top level", out);
	if (slash != NULL) /* auth { jwt "KID" { } } */
		fprintf(out, "%.*s { ", (int)(slash - b->path), b->path);
	fputs(b->name, out);
	if (b->title != NULL)
		fprintf(out, " \"%s\"", b->title);
	fprintf(out, "%s%s\n\n", b->path[0] != '\0' ? " { }" : "", slash != NULL ? " }" : "");
	fprintf(out, "%s%s\n", b->help, b->many ? " May stand more than once." : "");
}

void conf_options_doc(FILE *out)
{
	fputs("# Options of the conf file\n\n"
	      "Written by `forkcast doc --options` from the option table; edit `conf/option.c`, not this page.\n\n"
	      "Durations have a unit: `500ms`, `25s`, `5m`, `2h`, `7d`. Sizes are bytes, or binary with `K`, `M`, `G`. "
	      "Lists are\n"
	      "`{a, b}`; one value needs no braces. Paths are relative to the file they stand in. A value that has\n"
	      "other characters than letters, digits and `: . / _ - | @ %` stands in quotes; `\"${NAME}\"` is a variable "
	      "of the environment,\n`\"${NAME:-default}\"` has a default. "
	      "*Reload*: a reload may change it; this build has none yet, so each change takes a restart.\n\n"
	      "What the keys mean together: [rules.md](rules.md) for the blocks of an application, "
	      "[operations.md](operations.md) for those of the server.\n",
	    out);
	for (unsigned i = 0; i < option_nblocks; i++) {
		const struct option_block *b = &option_blocks[i];

		heading(b, out);
		if (b->n == 0)
			continue;
		fputs("\n| key | value | default | reload | |\n|---|---|---|---|---|\n", out);
		for (unsigned j = 0; j < b->n; j++)
			row(&b->option[j], out);
	}
}
