#include "bench/load/plan.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/load/crew.h"
#include "bench/load/http.h"
#include "bench/load/stamp.h"

#define FDS_SPARE        64
#define CLIENTS_A_SOURCE 20000 /* of the 28,232 ephemeral ports an address has */
#define SOURCES_FRESH    8     /* ports of closed connections rest for a minute */

static const char usage[] =
    "usage: load --port P [option...]\n"
    "  server\n"
    "    --raw                 WebSocket only, no Socket.IO: for rawsend\n"
    "    --secret TEXT         HS256 secret of the clients' tokens; none: connect without a token\n"
    "    --admin P --key TEXT  port and key of the admin API\n"
    "    --pid N[,N...]        processes whose CPU and memory, with all their descendants, is the server's\n"
    "  clients\n"
    "    --poll                long polling instead of WebSocket\n"
    "    --links WHICH         with --poll, the connections of requests: own (a client's, kept alive), fresh (one "
    "each),\n"
    "                          home or away (a proxy's pool, to the session's worker or to another)  [own]\n"
    "    --rooms R --members M subscribers                                       [1, 1000]\n"
    "    --clients N           instead: N clients that connect and do nothing\n"
    "    --beside N            N more of these beside the subscribers\n"
    "    --concurrency C       connections being made at a time                  [64]\n"
    "    --settle S            seconds of rest before memory is read             [0.1]\n"
    "    --procs N             processes of the generator      [as the descriptor limit asks]\n"
    "    --sources N           source addresses 127.0.0.1..N   [as the ephemeral ports ask]\n"
    "  messages\n"
    "    --window W            closed loop: W messages published and not yet with all members  [1]\n"
    "    --rate N              open loop: N messages a second, latency from the intended time\n"
    "    --publishers P        publishing connections for each room              [1]\n"
    "    --http                publish with POST /v1/emit instead, each connection after its last reply\n"
    "    --batch N             with --http, POST /v1/batch with N lines, each for the next room, with --rate or as replies come\n"
    "    --feeds F             connections for that, each with its share of the rooms    [2]\n"
    "    --echo                each member asks and is answered with an ack, one message at a time\n"
    "    --checked             publish the event `checked`, whose rule checks its four members and sends two of them\n"
    "    --seconds S           measured stretch                                  [5]\n"
    "    --warmup S                                                              [1]\n"
    "    --size B              bytes of the event's argument                     [64]\n"
    "    --by-worker           latency of every room apart, with the workers involved\n"
    "Prints one JSON object.  Exit status 1: the run failed; 3: it went through, but deliveries were wrong.\n";

static double number(const char *text, double low, double high)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || v < low || v > high)
		errx(2, "%s: not a number from %g to %g", text, low, high);
	return v;
}

static unsigned count(const char *text, unsigned low, unsigned high)
{
	return (unsigned)number(text, low, high);
}

static void parse_pids(struct plan *p, char *text)
{
	char *word;

	for (word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		if (p->npids == PLAN_PIDS_MAX)
			errx(2, "more than %d pids", PLAN_PIDS_MAX);
		p->pids[p->npids++] = (pid_t)count(word, 1, 1u << 22);
	}
}

/* What one process may open, after asking for as much as it may. */
static unsigned descriptors(void)
{
	struct rlimit nofile;

	if (getrlimit(RLIMIT_NOFILE, &nofile) < 0)
		err(1, "getrlimit");
	nofile.rlim_cur = nofile.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &nofile) < 0)
		err(1, "setrlimit");
	return nofile.rlim_cur > 1u << 20 ? 1u << 20 : (unsigned)nofile.rlim_cur;
}

static enum poll_links links_named(const char *text)
{
	static const char *const name[] = {
	    [LINKS_OWN] = "own", [LINKS_FRESH] = "fresh", [LINKS_HOME] = "home", [LINKS_AWAY] = "away"};
	unsigned i;

	for (i = 0; i < sizeof name / sizeof *name; i++)
		if (strcmp(text, name[i]) == 0)
			return (enum poll_links)i;
	errx(2, "%s: not own, fresh, home or away", text);
}

/* Each member is a room of its own, and its publisher. */
static void complete_echo(struct plan *p)
{
	if (p->raw || p->http || p->by_worker || p->publishers != 1)
		errx(2, "--echo goes with none of --raw, --http, --by-worker, --publishers");
	p->members = 1;
	p->procs = 1;
	if (!p->rate && p->window == 1)
		p->window = CREW_FLIGHTS; /* the answers set the pace */
}

static void complete(struct plan *p, bool idle)
{
	unsigned limit = descriptors(), need, nsubs;

	if (!p->port)
		errx(2, "--port is missing\n%s", usage);
	if (idle)
		p->rooms = p->members = 0;
	else if (p->checked && (p->raw || p->http || p->echo))
		errx(2, "--checked goes with none of --raw, --http, --echo");
	else if (p->echo)
		complete_echo(p);
	if (!idle)
		p->clients = p->rooms * p->members + p->beside;
	if (p->batch && (!p->http || p->publishers != 1 || p->feeds > p->rooms))
		errx(2, "--batch goes with --http, one publisher a room and not more --feeds than rooms");
	nsubs = p->clients + plan_npublishers(p);
	if (plan_npublishers(p) > STAMP_FROM_MAX)
		errx(2, "more than %d publishers", STAMP_FROM_MAX);
	if (p->poll && p->raw)
		errx(2, "--poll is Socket.IO");
	if (p->rate > 0 || p->batch)
		p->window = 0;
	else if (p->http)
		p->window = CREW_FLIGHTS; /* the replies set the pace */
	if (p->http && (!p->admin_port || p->raw))
		errx(2, "--http needs --admin");
	if (p->by_worker && (!p->admin_port || p->raw || p->http || p->rooms > 256))
		errx(2, "--by-worker needs --admin, at most 256 rooms and WebSocket publishers");
	if (limit <= 2 * FDS_SPARE)
		errx(2, "too few descriptors allowed: %u", limit);
	/* The publishers all live in the first process; the rest is dealt out evenly. */
	need = 1 +
	    p->clients * plan_links_a_client(p) / (limit - FDS_SPARE - plan_npublishers(p) * plan_links_a_client(p));
	if (p->procs < need)
		p->procs = need;
	if (p->by_worker || p->echo)
		p->procs = 1;
	if (p->sources == 0 && p->links == LINKS_FRESH)
		p->sources = SOURCES_FRESH;
	if (p->sources == 0)
		p->sources = 1 + nsubs * plan_links_a_client(p) / CLIENTS_A_SOURCE;
}

void plan_parse(struct plan *p, int argc, char **argv)
{
	enum {
		PORT = 1,
		RAW,
		SECRET,
		ADMIN,
		KEY,
		PID,
		ROOMS,
		MEMBERS,
		CLIENTS,
		CONCURRENCY,
		SETTLE,
		PROCS,
		SOURCES,
		WINDOW,
		RATE,
		PUBLISHERS,
		HTTP,
		SECONDS,
		WARMUP,
		SIZE,
		BY_WORKER,
		POLL,
		LINKS,
		BATCH,
		FEEDS,
		BESIDE,
		ECHO_EACH,
		CHECKED,
		HELP
	};
	static const struct option options[] = {{"port", 1, NULL, PORT}, {"raw", 0, NULL, RAW},
	    {"secret", 1, NULL, SECRET}, {"admin", 1, NULL, ADMIN}, {"key", 1, NULL, KEY}, {"pid", 1, NULL, PID},
	    {"rooms", 1, NULL, ROOMS}, {"members", 1, NULL, MEMBERS}, {"clients", 1, NULL, CLIENTS},
	    {"concurrency", 1, NULL, CONCURRENCY}, {"settle", 1, NULL, SETTLE}, {"procs", 1, NULL, PROCS},
	    {"sources", 1, NULL, SOURCES}, {"window", 1, NULL, WINDOW}, {"rate", 1, NULL, RATE},
	    {"publishers", 1, NULL, PUBLISHERS}, {"http", 0, NULL, HTTP}, {"seconds", 1, NULL, SECONDS},
	    {"warmup", 1, NULL, WARMUP}, {"size", 1, NULL, SIZE}, {"by-worker", 0, NULL, BY_WORKER},
	    {"poll", 0, NULL, POLL}, {"links", 1, NULL, LINKS}, {"echo", 0, NULL, ECHO_EACH}, {"batch", 1, NULL, BATCH},
	    {"feeds", 1, NULL, FEEDS}, {"beside", 1, NULL, BESIDE}, {"checked", 0, NULL, CHECKED}, {"help", 0, NULL, HELP},
	    {NULL, 0, NULL, 0}};
	bool idle = false;
	int o;

	*p = (struct plan){.rooms = 1,
	    .members = 1000,
	    .concurrency = 64,
	    .settle = 0.1,
	    .procs = 1,
	    .publishers = 1,
	    .feeds = 2,
	    .window = 1,
	    .warmup = 1,
	    .seconds = 5,
	    .size = 64};
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case PORT: p->port = (uint16_t)count(optarg, 1, 65535); break;
		case RAW: p->raw = true; break;
		case SECRET: p->secret = optarg; break;
		case ADMIN: p->admin_port = (uint16_t)count(optarg, 1, 65535); break;
		case KEY: p->admin_key = optarg; break;
		case PID: parse_pids(p, optarg); break;
		case ROOMS: p->rooms = count(optarg, 1, STAMP_ROOM_MAX + 1); break;
		case MEMBERS: p->members = count(optarg, 1, 1000000); break;
		case CLIENTS:
			p->clients = count(optarg, 1, 4000000);
			idle = true;
			break;
		case CONCURRENCY: p->concurrency = count(optarg, 1, 100000); break;
		case SETTLE: p->settle = number(optarg, 0, 600); break;
		case PROCS: p->procs = count(optarg, 1, 64); break;
		case SOURCES: p->sources = count(optarg, 1, 250); break;
		case WINDOW: p->window = count(optarg, 1, CREW_FLIGHTS); break;
		case RATE: p->rate = number(optarg, 0.1, 1e7); break;
		case PUBLISHERS: p->publishers = count(optarg, 1, 4096); break;
		case HTTP: p->http = true; break;
		case SECONDS: p->seconds = number(optarg, 0.1, 3600); break;
		case WARMUP: p->warmup = number(optarg, 0, 600); break;
		case SIZE: p->size = count(optarg, STAMP_MIN, 60000); break;
		case BY_WORKER: p->by_worker = true; break;
		case POLL: p->poll = true; break;
		case LINKS: p->links = links_named(optarg); break;
		case ECHO_EACH: p->echo = true; break;
		case CHECKED: p->checked = true; break;
		case BATCH: p->batch = count(optarg, 1, HTTP_LINES_MAX); break;
		case FEEDS: p->feeds = count(optarg, 1, 256); break;
		case BESIDE: p->beside = count(optarg, 0, 1000000); break;
		case HELP: fputs(usage, stdout); exit(0);
		default: fputs(usage, stderr); exit(2);
		}
	}
	if (optind != argc)
		errx(2, "%s: not an option\n%s", argv[optind], usage);
	complete(p, idle);
}
