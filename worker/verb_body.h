/*
 * verb_body.h - reading the bodies of verbs: their members, target words, and what is wrong with them.
 *
 * Functions that return false have told why in *ERR.
 */
#ifndef FORKCAST_WORKER_VERB_BODY_H
#define FORKCAST_WORKER_VERB_BODY_H

#include "worker/publish.h"
#include "worker/verb.h"

#define VERB_TARGETS_MAX 200
#define VERB_ROOMS_MAX	 100
#define VERB_MEMBERS_MAX 16

/* A list of target words, resolved; in the turn's arena. */
struct verb_targets {
	struct target_room *room;
	unsigned n;
	bool all; /* the whole namespace */
};

/* The members of a body, by their position in a list of names; p NULL: absent.  Of several of one name the last counts. */
struct verb_members {
	const char *const *name; /* NULL behind the last */
	struct slice value[VERB_MEMBERS_MAX];
};

struct verb_emit {
	struct slice nsp;   /* with a NUL behind it */
	struct slice event; /* JSON string body */
	struct slice args;  /* apart by commas, without brackets */
	struct verb_targets to, except;
	bool is_volatile, local;
	int64_t timeout_ms; /* acks are asked for, and waited for so long; 0: none */
};

struct verb_act {
	struct slice nsp; /* with a NUL behind it */
	struct verb_targets in, except;
	struct slice *room;
	unsigned nroom;
	bool close;
};

struct eval;
struct rule;
struct verb_shot;

struct verb_event {
	struct slice nsp; /* with a NUL behind it */
	const struct rule *route;
	const struct catalogue_nsp *rules;
	struct eval *hook; /* what the route's hook is told; NULL: it has none, or `if` does not hold */
	struct verb_shot *shot; /* in the turn's arena */
	unsigned nshot;
	char id[UUID_LEN + 1];
};

struct verb {
	const struct verb_kind *kind;
	struct slice id; /* that the caller chose, or of what waits; p NULL: none */
	bool waits;	 /* it is an emit that is sent AT_MS */
	bool cancels;	 /* it takes what waits under ID away */
	int64_t at_ms;
	struct slice body; /* of what waits: members, for who asks */
	union {
		struct verb_emit emit;
		struct verb_event event;
		struct verb_act act;
	} u;
};

/* Always false. */
bool verb_wrong(struct verb_error *err, unsigned status, const char *code, const char *message, const char *field);
/* BODY must be an object without other members than NAMES. */
bool verb_members(
    struct worker *w, struct slice body, const char *const *names, struct verb_members *out, struct verb_error *err);
/* Member NAME, one of the list; p NULL: absent. */
struct slice verb_member(const struct verb_members *m, const char *name);
/*
 * Member NAME as a target word or a list of them: a room, user:ID, role:R, socket:SID, all.  REQUIRED: its absence is an
 * error.
 */
bool verb_targets(struct worker *w, const struct verb_members *m, const char *name, bool required,
    struct verb_targets *out, struct verb_error *err);
/* The ids of the rooms among them as their types say (`case = lower`). */
void verb_fold_targets(struct worker *w, struct slice nsp, struct verb_targets *t);
void verb_fold_room(struct worker *w, struct slice nsp, struct slice name);
/* The targets as the store wants them (NULL: the whole namespace), in the turn's arena. */
const char *const *verb_target_names(struct worker *w, const struct verb_targets *t, unsigned *n);
/* The targets as the audience of a record, which points to both. */
struct audience verb_audience(struct slice nsp, const struct verb_targets *to, const struct verb_targets *except);
/* Member NAME as true or false; absent: false. */
bool verb_bool(const struct verb_members *m, const char *name, bool *out, struct verb_error *err);
/* Member `namespace`, absent: "/".  Must be declared; with a NUL behind it. */
bool verb_namespace(struct worker *w, const struct verb_members *m, struct slice *out, struct verb_error *err);
/* Text of 1 to OP_NAME_MAX bytes without control characters, decoded into the turn's arena. */
bool verb_room_text(struct worker *w, struct slice value, struct slice *out);

/* Member `id`: text of 1 to VERB_ID_MAX bytes without control characters; absent: p NULL. */
bool verb_id(struct worker *w, const struct verb_members *m, struct slice *out, struct verb_error *err);

/* What a record that was not taken is called: ERR is publish_message()'s. */
bool verb_unpublished(struct verb_error *err, int64_t published);

/* verb.c: does what its kind does, whatever its id. */
bool verb_do(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);
const char *verb_name(const struct verb *v);
/* The id that the caller chose, or else ID. */
void verb_result_id(struct verb_result *out, const struct verb *v, const char id[UUID_LEN + 1]);

/* verb_once.c: *OUT as if it were the first of its id; FN NULL: nobody waits for what the keeper says. */
bool verb_run_held(struct worker *w, const struct verb *v, struct verb_result *out, verb_done_fn fn, void *arg,
    struct verb_error *err);

/* verb_emit.c */
bool verb_emit_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err);
bool verb_emit_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);
/* 42/nsp,["event",args] in w->packet. */
struct message verb_emit_packet(struct worker *w, const struct verb_emit *e);
/* RECORD_VOLATILE and the like. */
uint32_t verb_emit_flags(const struct verb_emit *e);

/* verb_event.c */
bool verb_event_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err);
bool verb_event_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);
/* The actions of EV's route, about E. */
bool verb_event_shots(struct eval *e, struct verb_event *ev, struct verb_error *err);

/* Counts it in the limits of its route.  Nothing else of a verb is limited. */
bool verb_event_admit(struct worker *w, const struct verb *v, struct verb_error *err);

/* verb.c */
bool verb_admit(struct worker *w, const struct verb *v, struct verb_error *err);

/* verb_hook.c: the hook of a route that does not wait for it. */
void verb_hook_tell(const struct verb *v);
struct eval_kept *verb_hook_keep(const struct verb *v); /* NULL: nobody is told */
/* KEPT may be NULL, and is freed. */
void verb_hook_tell_kept(const struct rule *route, struct eval_kept *kept, bool tell);

/* verb_schedule.c: `delay` and `at` of an emit that is read otherwise. */
bool verb_later(struct worker *w, const struct verb_members *m, struct verb *v, struct verb_error *err);
bool verb_schedule_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err);
bool verb_cancel_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err);
bool verb_cancel_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);

/* verb_act.c */
bool verb_join_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err);
bool verb_disconnect_read(
    struct worker *w, const struct verb_members *m, enum verb_way way, struct verb *v, struct verb_error *err);
bool verb_join_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);
bool verb_leave_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);
bool verb_disconnect_run(struct worker *w, const struct verb *v, struct verb_result *out, struct verb_error *err);

#endif
