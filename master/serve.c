#include "master/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/version.h"
#include "master/announce.h"
#include "master/argv.h"
#include "master/data_dir.h"
#include "master/limits.h"
#include "master/pidfile.h"
#include "master/remains.h"
#include "master/snapshot.h"
#include "master/supervise.h"
#include "master/title.h"
#include "worker/assets.h"
#include "worker/libraries.h"

/* Everything the master owns, in the order in which it is made. */
struct serve {
	const struct argv_options *o;
	struct conf *conf;
	struct identity identity;
	uint64_t max_connections; /* a worker */
	int runtime_fd;
	int signal_fd;
	sigset_t old_mask; /* before our signals were blocked */
	struct bindings bindings;
	bool bound, announced;
	struct assets *assets;
	/* made anew when the instance has to restart */
	struct instance instance;
	struct segment segment;
	struct heritage heritage;
	struct answerer control;
	struct supervisor supervisor;
};

static void on_up(void *ctx)
{
	struct serve *s = ctx;

	if (s->announced)
		return;
	s->announced = true;
	if (s->conf->dev)
		announce_dev(stdout, s->conf, &s->bindings, assets_have_console(s->assets));
	if (s->o->print_ports)
		announce_ports(stdout, &s->bindings);
}

/* Clears what former instances left and makes sure that none of our name lives; the runtime lock is held. */
static int look_around(struct serve *s, struct fault *f)
{
	const char *name = s->conf->name.p;
	struct remains r;
	int err = remains_scan(s->runtime_fd, name, true, s->identity.uid, &r);

	if (err)
		return fault(f, -err, FAULT_RUNTIME, "cannot look at runtime_dir: %s", strerror(-err));
	s->supervisor.former = r.draining;
	if (r.live_pid)
		err = fault(f, EEXIST, FAULT_RUNTIME,
		    "an instance \"%s\" is running already: master %ld; stop it (forkcast -s stop%s -c %s) or give "
		    "this "
		    "one "
		    "another name",
		    name, (long)r.live_pid, s->conf->dev ? " --dev" : "", s->conf->path.p);
	remains_fini(&r);
	return err;
}

static int make_segment(struct serve *s, struct fault *f)
{
	unsigned nslot = s->conf->workers + 1;
	struct segment_spec spec;
	size_t need = 0;
	int err;

	limits_segment_spec(s->conf, s->instance.nonce, &spec);
	err = limits_check_shm(s->conf, &spec, nslot, f);
	if (err)
		return err;
	err = segment_create(&s->segment, s->instance.segment_name, &spec, &need);
	if (err == -EINVAL)
		return fault(f, EINVAL, FAULT_USAGE,
		    "%s: shm { ring_size  sessions } cannot be used: ring_size must be a power of two of 1M or more",
		    s->conf->path.p);
	for (unsigned i = 0; i < nslot && !err; i++)
		err = segment_reserve_slot(&s->segment, i, &need);
	if (!err)
		err = instance_mark_alive(&s->instance);
	if (err == -ENOSPC || err == -ENOMEM)
		return limits_shm_fault(s->conf, (uint64_t)segment_need(&spec, nslot) + s->conf->shm.store_size, f);
	if (err)
		return fault(f, -err, FAULT_RUNTIME, "cannot make the shared memory %s: %s", s->instance.segment_name,
		    strerror(-err));
	return 0;
}

static int make_heritage(struct serve *s, struct fault *f)
{
	struct heritage *h = &s->heritage;
	int err = doorbells_open(&h->bells, s->conf->workers + 1);
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	if (err)
		return fault(f, -err, FAULT_RUNTIME, "cannot make doorbells: %s", strerror(-err));
	err = mailboxes_open(&h->mail, s->conf->workers);
	if (err)
		return fault(f, -err, FAULT_RUNTIME, "cannot make mailboxes: %s", strerror(-err));
	h->conf = s->conf;
	h->seg = &s->segment;
	h->nlistener = s->bindings.n;
	h->listener = s->bindings.listener;
	h->nworker = s->conf->workers;
	h->keeper_slot = s->conf->workers;
	h->nonce = s->instance.nonce;
	strcpy(h->store_path, s->instance.store_path);
	h->max_connections = s->max_connections;
	h->started_ns = tick_now();
	h->started_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
	h->master_pid = getpid();
	h->assets = s->assets;
	return 0;
}

static void unmake(struct serve *s)
{
	answer_close(&s->control);
	doorbells_close(&s->heritage.bells);
	mailboxes_close(&s->heritage.mail);
	if (s->segment.base)
		segment_detach(&s->segment);
	instance_end(&s->instance);
}

static int listen_all(struct serve *s, struct fault *f)
{
	const struct bind_options bo = {
	    .nworker = s->conf->workers,
	    .uid = s->identity.drop ? s->identity.uid : (uid_t)-1,
	    .gid = s->identity.gid,
	    .patient = s->supervisor.former > 0,
	};
	int err = bind_open(&s->bindings, s->conf, &bo, f);

	s->bound = err == 0;
	return err;
}

/* Under the runtime lock until our own locks are held: nobody takes a half-made instance for a dead one. */
static int claim(struct serve *s, bool first, struct fault *f)
{
	int err = instance_runtime_lock(s->runtime_fd, s->conf->runtime_dir.p, f);

	if (err)
		return err;
	err = look_around(s, f);
	if (!err)
		err = instance_begin(&s->instance, s->runtime_fd, s->conf->name.p, f);
	if (!err) {
		if (first)
			err = listen_all(s, f);
		if (!err)
			err = make_segment(s, f);
		if (err)
			unmake(s);
	}
	instance_runtime_unlock(s->runtime_fd);
	return err;
}

static enum supervise_end supervise(struct serve *s)
{
	struct supervisor *sv = &s->supervisor;

	sv->spawn = (struct spawn){
	    .heritage = &s->heritage,
	    .instance = &s->instance,
	    .control = &s->control,
	    .identity = &s->identity,
	    .signal_fd = s->signal_fd,
	    .old_mask = s->old_mask,
	};
	sched_getaffinity(0, sizeof(sv->spawn.cpus), &sv->spawn.cpus);
	sv->bindings = &s->bindings;
	sv->control = &s->control;
	sv->on_up = on_up;
	sv->ctx = s;
	log_info("instance",
	    "name=%s nonce=%016" PRIx64 " workers=%u segment_mib=%zu store_mib=%zu max_connections=%" PRIu64,
	    s->conf->name.p, s->instance.nonce, s->conf->workers,
	    segment_need(&s->segment.spec, s->conf->workers + 1) >> 20, s->conf->shm.store_size >> 20,
	    s->max_connections);
	return supervise_run(sv);
}

/* One life of the instance.  FIRST also binds; a restart keeps the sockets. */
static int live(struct serve *s, bool first, enum supervise_end *end, struct fault *f)
{
	int err;

	memset(&s->supervisor, 0, sizeof(s->supervisor));
	s->segment = (struct segment){.fd = -1};
	s->control.fd = -1;
	for (unsigned i = 0; i < SLOT_MAX; i++)
		s->heritage.bells.fd[i] = -1;
	mailboxes_init(&s->heritage.mail);
	err = claim(s, first, f);
	if (err)
		return err;
	err = make_heritage(s, f);
	if (!err)
		err = answer_open(&s->control, s->instance.dir_fd, snapshot_answer, &s->supervisor, f);
	if (!err)
		*end = supervise(s);
	unmake(s);
	return err;
}

/* What can be found wrong before anything is made. */
static int check_host(struct serve *s, struct fault *f)
{
	const struct conf *c = s->conf;
	unsigned nslot = c->workers + 1;
	uint64_t nofile = 0;
	int err = identity_resolve(&s->identity, c, f);

	if (!err)
		err = data_dir_prepare(c, &s->identity, f);
	if (!err)
		err = limits_raise_nofile(&nofile, f);
	if (!err)
		err = limits_set_connections(c, nofile, bind_count(c, c->workers), nslot, &s->max_connections, f);
	if (err)
		return err;
	s->runtime_fd = instance_runtime_open(c->runtime_dir.p, true, f);
	return s->runtime_fd < 0 ? s->runtime_fd : 0;
}

/* What browsers get; a client_dir of the conf without the files is a mistake in the conf. */
static int load_assets(struct serve *s, struct fault *f)
{
	const struct conf_engine *e = &s->conf->engine;
	int err = assets_load(s->conf, &s->assets);

	if (err == -ENOENT && e->serve_client)
		return fault(f, ENOENT, FAULT_USAGE,
		    "%s: engine { client_dir = %s } has no socket.io.js or the like: name the `dist` of npm's "
		    "socket.io-client",
		    s->conf->path.p, e->client_dir.p);
	if (err && err != -ENOENT)
		return fault(f, -err, FAULT_RUNTIME, "cannot read the browser's client: %s", strerror(-err));
	if (e->serve_client && s->assets->client_dir[0] == '\0')
		log_warn("client_not_served", "looked_in=\"client beside the binary, ../share/forkcast/client\"");
	return 0;
}

static int run(struct serve *s, struct fault *f)
{
	enum supervise_end end = SUPERVISE_DONE;
	bool first = true;
	int err;

	err = log_open(&s->conf->log);
	if (err)
		return fault(f, -err, FAULT_RUNTIME, "cannot open the log %s: %s",
		    s->conf->log.file.p ? s->conf->log.file.p : "(stderr)", strerror(-err));
	log_identify("master", -1);
	title_set("forkcast: master [%s]", s->conf->name.p);
	log_info("start", "version=%s conf=%s libraries=%s", FORKCAST_VERSION, s->conf->path.p, libraries_versions());
	err = load_assets(s, f);
	if (!err)
		err = check_host(s, f);
	if (err)
		return err;
	s->signal_fd = supervise_signals(&s->old_mask);
	if (s->signal_fd < 0)
		return fault(f, -s->signal_fd, FAULT_RUNTIME, "cannot wait for signals: %s", strerror(-s->signal_fd));
	if (s->conf->pid_file.p)
		err = pidfile_write(s->conf->pid_file.p, f);
	do {
		if (!err)
			err = live(s, first, &end, f);
		first = false;
	} while (!err && end == SUPERVISE_RESTART);
	if (s->bound) {
		bind_close(&s->bindings);
		bind_fini(&s->bindings);
	}
	if (s->conf->pid_file.p)
		pidfile_remove(s->conf->pid_file.p);
	close(s->signal_fd);
	if (!err && end == SUPERVISE_FAILED)
		err = fault(f, ECHILD, FAULT_RUNTIME, "the processes cannot start; the log says why");
	log_info("end", "status=%d", err ? f->status : 0);
	return err;
}

int serve_command(int argc, char **argv)
{
	struct argv_options o;
	struct serve s = {.runtime_fd = -1};
	struct fault f = {0};
	int status = argv_parse(&o, argc, argv, "forkcast", "cdp");

	if (status)
		return status;
	s.o = &o;
	s.conf = argv_load(&o, &status);
	if (!s.conf) {
		argv_fini(&o);
		return status;
	}
	title_init(argc, argv);
	if (run(&s, &f) < 0)
		status = fault_print(&f);
	if (s.runtime_fd >= 0)
		close(s.runtime_fd);
	assets_free(s.assets);
	identity_fini(&s.identity);
	conf_free(s.conf);
	argv_fini(&o);
	return status;
}
