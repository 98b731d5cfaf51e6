#include "conf/say.h"

#include <string.h>

#include "conf/load.h"

void say_code(FILE *out, struct text t)
{
	/* Two of them may hold one. */
	const char *fence = memchr(t.p, '`', t.n) != NULL ? "``" : "`";
	bool space = false;

	fputs(fence, out);
	for (size_t i = 0; i < t.n; i++) {
		bool white = (unsigned char)t.p[i] <= ' ';

		if (!white || !space)
			fputc(white ? ' ' : t.p[i], out);
		space = white;
	}
	fputs(fence, out);
}

/* Between the parts of an enumeration of N, before part I. */
static void apart(FILE *out, unsigned i, unsigned n, const char *last)
{
	fputs(i == 0 ? "" : i + 1 < n ? ", " : last, out);
}

void say_conditions(FILE *out, unsigned n, const struct condition *c)
{
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n, " and ");
		say_code(out, c[i].written);
	}
}

void say_who(FILE *out, unsigned n, const struct who *who)
{
	static const char *const words[] = {[WHO_ANY] = "anybody",
	    [WHO_AUTHENTICATED] = "users with a token",
	    [WHO_MEMBER] = "members of the room",
	    [WHO_OWN] = "the user whose id the room has",
	    [WHO_ROLE] = "users with the role ",
	    [WHO_CLAIM] = "users whose token has the room's id in ",
	    [WHO_HOOK] = "whom the hook admits"};

	if (n == 0)
		fputs("nobody", out);
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n, " or ");
		fputs(words[who[i].kind], out);
		if (who[i].kind == WHO_ROLE)
			say_code(out, who[i].role);
		if (who[i].kind == WHO_CLAIM)
			say_code(out, who[i].claim.written);
	}
}

void say_targets(FILE *out, unsigned n, const struct target *t)
{
	static const char *const words[] = {[TARGET_ROOM] = "everyone in the room",
	    [TARGET_OTHERS] = "the others",
	    [TARGET_SELF] = "this client",
	    [TARGET_ALL] = "everyone in the namespace",
	    [TARGET_ROOMS_OF] = "this client's rooms of type ",
	    [TARGET_TEMPLATE] = ""};

	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n, " and ");
		fputs(words[t[i].kind], out);
		if (t[i].kind == TARGET_ROOMS_OF)
			say_code(out, t[i].type->name);
		if (t[i].kind == TARGET_TEMPLATE)
			say_code(out, t[i].room.written);
	}
}

void say_rooms(FILE *out, unsigned n, const struct target *t)
{
	for (unsigned i = 0; i < n; i++) {
		apart(out, i, n, " and ");
		if (t[i].kind == TARGET_TEMPLATE)
			say_code(out, t[i].room.written);
		else if (t[i].kind == TARGET_ROOMS_OF)
			fprintf(out, "all rooms of type `%s`", t[i].type->name.p);
		else
			fputs(t[i].kind == TARGET_ROOM ? "the room" : "all rooms", out);
	}
}

static void rate(FILE *out, const struct limit_rate *r)
{
	fprintf(out, "%u in ", (unsigned)r->most);
	value_print_duration(r->period_ms, out);
}

void say_limit(FILE *out, const struct limit *l)
{
	static const char *const words[] = {"socket", "user", "ip", "role", "event"};
	unsigned n = (unsigned)__builtin_popcount(l->by), said = 0;

	fputs("at most ", out);
	rate(out, &l->rate);
	fputs(", counted together by ", out);
	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
		if ((l->by & 1U << i) == 0)
			continue;
		apart(out, said++, n, " and ");
		fputs(words[i], out);
	}
	for (unsigned i = 0; i < l->nrole; i++) {
		fputs("; with the role ", out);
		say_code(out, l->role[i].role);
		fputc(' ', out);
		rate(out, &l->role[i].rate);
	}
	if (l->action == LIMIT_DROP)
		fputs("; one too many is dropped without a word", out);
	if (l->action == LIMIT_DISCONNECT)
		fputs("; one too many ends the connection", out);
	if (l->emit.p != NULL) {
		fputs("; one too many also emits ", out);
		say_code(out, l->emit_plain);
		fputs(" to this client", out);
	}
}

static void body(FILE *out, const struct action *a)
{
	switch (a->body) {
	case BODY_PASS: fputs(", with the arguments as they came", out); break;
	case BODY_DATA:
		fputs(", with ", out);
		say_code(out, a->json_written);
		break;
	case BODY_ARGS:
		fputs(", with the arguments ", out);
		say_code(out, a->json_written);
		break;
	case BODY_ADD:
		fputs(", with the payload and in it ", out);
		for (unsigned i = 0; i < a->nadd; i++) {
			apart(out, i, a->nadd, " and ");
			say_code(out, a->add[i].key_plain);
			fputs(" = ", out);
			say_code(out, a->add[i].source.written);
		}
		break;
	}
	if (a->envelope != NULL) {
		fputs(", in the envelope ", out);
		say_code(out, a->envelope->written);
	}
}

/* What is done beside sending; AGAIN: something was said before. */
static void moves(FILE *out, const struct action *a, bool again)
{
	const char *comma = again ? "; at last " : "at last ";

	if (a->nleave > 0) {
		fprintf(out, "%sthis client leaves ", comma);
		say_rooms(out, a->nleave, a->leave);
		comma = " and ";
	}
	if (a->has_evict) {
		fprintf(out, "%sthe sockets of user ", comma);
		say_code(out, a->evict.written);
		fputs(" leave ", out);
		say_rooms(out, a->nto, a->to);
		comma = " and ";
	}
	if (a->close) {
		fprintf(out, "%severybody leaves ", comma);
		say_rooms(out, a->nto, a->to);
		comma = " and ";
	}
	if (a->disconnect != DISCONNECT_NO)
		fprintf(out, "%sthis client %s", comma,
		    a->disconnect == DISCONNECT_NAMESPACE ? "is taken out of the namespace" : "is disconnected");
}

void say_action(FILE *out, const struct action *a)
{
	if (a->each != NULL) {
		fputs("for each room of type ", out);
		say_code(out, a->each->name);
		fputs(" that this client is in: ", out);
	}
	if (a->also && a->nif > 0) {
		fputs("if ", out);
		say_conditions(out, a->nif, a->ifs);
		fputs(": ", out);
	}
	if (a->njoin > 0) {
		fputs("this client joins ", out);
		say_rooms(out, a->njoin, a->join);
		fputs(a->has_emit ? "; " : "", out);
	}
	if (a->has_emit) {
		fputs("emit ", out);
		say_code(out, a->emit_plain);
		fputs(" to ", out);
		say_targets(out, a->nto, a->to);
		if (a->nexcept > 0) {
			fputs(" but not ", out);
			say_targets(out, a->nexcept, a->except);
		}
		body(out, a);
		if (a->is_volatile)
			fputs("; a client too slow for it misses it", out);
	}
	moves(out, a, a->has_emit || a->njoin > 0);
}

void say_ack(FILE *out, const struct rule *r)
{
	switch (r->ack) {
	case ACK_DEFAULT: fputs("`{\"success\":true}`", out); break;
	case ACK_NONE: fputs("none", out); break;
	case ACK_TEMPLATE: say_code(out, r->ack_written); break;
	case ACK_ARGS:
		fputs("the arguments ", out);
		say_code(out, r->ack_written);
		break;
	}
}

void say_hook(FILE *out, const struct hook_use *use)
{
	fputs(use->notify ? "tells the hook " : "asks the hook ", out);
	say_code(out, use->hook->name);
	if (use->notify)
		fputs(" and does not wait", out);
	else if (use->hook->goes_on)
		fputs("; goes on without a reply when it fails", out);
	else
		fputs("; ends with the code hook_failed when it fails", out);
}
