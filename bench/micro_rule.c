/*
 * micro_rule.c - what fields and templates cost a rule: nanoseconds (and, under callgrind, instructions) per message.
 *
 *	make bench-rule
 *
 * `decode` is there for scale: every event pays it.  A relay with four checked fields and a JSON template costs `fields`
 * and `template` more than a bare one.  Nanoseconds are the best of several repetitions; with `count ROW N` only N
 * operations of that row are run, for scripts/bench-micro.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "proto/socketio.h"
#include "worker/eval.h"
#include "worker/fields.h"
#include "worker/worker.h"

static const char conf_text[] =
    "listen :0 { } auth { anonymous = yes } room \"chat\" { }\n"
    "event \"m\" { room = \"chat:{chatId}\"  emit = m\n"
    "  fields = {'chatId: id', 'content: string 1..2000', 'contentType: text|emoji|gif = \"text\"', 'seq: int 0..1000000'}\n"
    "  data = '{\"chatId\": {chatId}, \"content\": {content}, \"type\": \"{contentType}\", \"seq\": {seq}, \"v\": 1}' }\n";

static const char whole[] =
    "2[\"m\",{\"chatId\":\"room-17\",\"content\":\"a message of some forty characters, ok\",\"contentType\":\"emoji\",\"seq\":4711}]";
static const char ragged[] =
    "2[\"m\",{\"x\":1,\"chatId\":\"room-17\",\"content\":\"a message of some forty characters, ok\",\"seq\":4711,\"y\":{}}]";

static struct conf *conf;
static const struct rule *rule;
static struct worker w;

static void start(void)
{
	char path[] = "/tmp/micro_rule.XXXXXX";
	struct conf_errors errors;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, conf_text, sizeof(conf_text) - 1) != (ssize_t)sizeof(conf_text) - 1 ||
	    conf_load(path, false, &conf, &errors) != 0) {
		fprintf(stderr, "micro_rule: its conf does not load\n");
		exit(1);
	}
	close(fd);
	unlink(path);
	rule = catalogue_event(&conf->catalogue.nsp[0], "m", 1);
	w.conf = conf;
	arena_init(&w.arena);
}

static void decode(const char *text, struct sio_packet *p)
{
	static const struct json_limits limits = {.depth = 128};

	if (sio_decode(slice_make(text, strlen(text)), &limits, p) != 0)
		exit(1);
}

static bool source(void *e, const struct source *src, struct slice *json)
{
	return eval_source(e, src, json);
}

static void check(const struct sio_packet *p, struct eval *e)
{
	struct slice args = slice_make(p->args.p + 1, p->args.n - 1);
	struct fields_result got;

	eval_init(e, &w, NULL);
	if (!fields_check(rule->fields, &w.arena, args, &e->attached, source, e, &got))
		exit(1);
	e->payload = got.payload;
	e->state = got.state;
}

static void run_decode(uint64_t n, const char *text)
{
	struct sio_packet p;

	for (uint64_t i = 0; i < n; i++)
		decode(text, &p);
}

static void run_fields(uint64_t n, const char *text)
{
	struct sio_packet p;
	struct eval e;

	decode(text, &p);
	for (uint64_t i = 0; i < n; i++) {
		check(&p, &e);
		arena_reset(&w.arena);
	}
}

static void run_template(uint64_t n, const char *text)
{
	struct sio_packet p;
	struct eval e;

	decode(text, &p);
	check(&p, &e);
	for (uint64_t i = 0; i < n; i++) {
		buf_reset(&w.json);
		eval_json(&e, &rule->action[0].json, &w.json);
	}
	arena_reset(&w.arena);
}

static const struct row {
	const char *name;
	void (*run)(uint64_t n, const char *text);
	const char *text;
} rows[] = {
    {"decode", run_decode, whole},
    {"fields", run_fields, whole},
    {"fields-edited", run_fields, ragged},
    {"template", run_template, whole},
};

#define NROWS (sizeof(rows) / sizeof(*rows))

static double best_ns(const struct row *r)
{
	const uint64_t n = 100000;
	double best = 1e9;

	for (int i = 0; i < 15; i++) {
		struct timespec a, b;
		double ns;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		r->run(n, r->text);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)n;
		best = ns < best ? ns : best;
	}
	return best;
}

/* Of a row, from the counts that scripts/bench-micro hands in as NAME=COUNT. */
static const char *instructions(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], name, strlen(name)) == 0 && argv[i][strlen(name)] == '=')
			return argv[i] + strlen(name) + 1;
	return "-";
}

int main(int argc, char **argv)
{
	start();
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < NROWS; i++)
			printf("%s -\n", rows[i].name);
		return 0;
	}
	if (argc == 5 && strcmp(argv[1], "count") == 0) {
		for (size_t i = 0; i < NROWS; i++)
			if (strcmp(rows[i].name, argv[2]) == 0)
				rows[i].run((uint64_t)atoll(argv[4]), rows[i].text);
		return 0;
	}
	printf("%-20s %10s %14s\n", "per message", "ns", "instructions");
	for (size_t i = 0; i < NROWS; i++)
		printf("%-20s %10.1f %14s\n", rows[i].name, best_ns(&rows[i]), instructions(argc, argv, rows[i].name));
	return 0;
}
