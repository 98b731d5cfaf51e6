/* t_conf_limit.c - limits as they are compiled: rates, what counts together, and which rules they reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/conf_fixture.h"

static struct conf *load(const char *text)
{
	char whole[4096];
	struct conf *c;

	snprintf(whole, sizeof whole, "%s%s", text, CONF_REST);
	c = fixture_load(whole, false);
	assert_non_null(c);
	return c;
}

static void defaults(void **state)
{
	struct conf *c = load("limit a { rate = 10/1s } limit b { rate = 100/15m on = connect }");
	const struct catalogue_nsp *top = &c->catalogue.nsp[0];
	const struct limit *l = top->limit;

	(void)state;
	assert_int_equal(top->nlimit, 2);
	assert_string_equal(l[0].name.p, "a");
	assert_int_equal(l[0].rate.most, 10);
	assert_int_equal(l[0].rate.period_ms, 1000);
	assert_int_equal(l[0].by, LIMIT_BY_USER);
	assert_int_equal(l[0].on, LIMIT_ON_EVENTS);
	assert_int_equal(l[0].action, LIMIT_REPLY);
	assert_null(l[0].text.p);
	assert_int_equal(l[0].nevent, 0);
	assert_int_equal(l[0].nrole, 0);
	assert_int_equal(l[1].by, LIMIT_BY_IP);
	assert_int_equal(l[1].on, LIMIT_ON_CONNECT);
	assert_int_equal(l[1].rate.period_ms, 900000);
	assert_string_equal(c->catalogue.texts[REFUSAL_RATE_LIMITED].p, "Rate limit exceeded");
	assert_string_equal(catalogue_code_name(REFUSAL_RATE_LIMITED), "rate_limited");
	conf_free(c);
}

static void values(void **state)
{
	struct conf *c =
	    load("limit a { rate = 10000000/31d  by = {event, role, ip, user, socket}  text = 'no \"more\"'\n"
		 " action = disconnect  role \"x y\" { rate = 1/10ms } role z { rate = 3/2h } }\n"
		 "namespace /n { limit a { rate = 1/500ms } }\n"
		 "texts { rate_limited = Slow }");
	const struct limit *l = c->catalogue.nsp[0].limit;

	(void)state;
	assert_int_equal(l->rate.most, 10000000);
	assert_int_equal(l->rate.period_ms, INT64_C(31) * 86400000);
	assert_int_equal(l->by, 31);
	assert_int_equal(l->action, LIMIT_DISCONNECT);
	assert_string_equal(l->text.p, "no \\\"more\\\"");
	assert_string_equal(l->text_plain.p, "no \"more\"");
	assert_int_equal(l->nrole, 2);
	assert_string_equal(l->role[0].role.p, "x y");
	assert_int_equal(l->role[0].rate.period_ms, 10);
	assert_int_equal(l->role[1].rate.most, 3);
	assert_int_equal(l->role[1].rate.period_ms, 7200000);
	/* the same name elsewhere is another limit */
	assert_int_equal(c->catalogue.nsp[1].limit->rate.period_ms, 500);
	assert_int_not_equal(c->catalogue.nsp[1].limit->index, l->index);
	assert_string_equal(c->catalogue.texts[REFUSAL_RATE_LIMITED].p, "Slow");
	conf_free(c);
}

/* The limits of the rule, as "a b". */
static const char *of(const struct conf *c, const char *event)
{
	static char names[256];
	const struct rule *r = catalogue_event(&c->catalogue.nsp[0], event, strlen(event));

	assert_non_null(r);
	names[0] = '\0';
	for (unsigned i = 0; i < r->nlimit; i++) {
		strcat(names, i > 0 ? " " : "");
		strcat(names, r->limit[i]->name.p);
	}
	return names;
}

static void reach(void **state)
{
	struct conf *c = load("limit all { rate = 1/1s events = \"*\" } limit named { rate = 1/1s }\n"
			      "limit votes { rate = 1/1s events = {\"vote:*\", poll} }\n"
			      "event vote { } event vote: { } event vote:up { limit = {named, votes} } event poll { }\n"
			      "event other { limit = named }\n"
			      "namespace /n { event poll { } }");

	(void)state;
	assert_string_equal(of(c, "vote"), "all");
	assert_string_equal(of(c, "vote:"), "all votes");
	assert_string_equal(of(c, "vote:up"), "named votes all"); /* those it names first, each once */
	assert_string_equal(of(c, "poll"), "all votes");
	assert_string_equal(of(c, "other"), "named all");
	assert_int_equal(c->catalogue.nsp[1].event[0].nlimit, 0);
	conf_free(c);
}

/* Reactions and routes have those that they name: `events` is about what clients send. */
static void reactions(void **state)
{
	struct conf *c = load("limit all { rate = 1/1s  events = \"*\"  by = event } limit mine { rate = 1/1s } limit ip { rate = 1/1s  by = {ip, socket, role} }\n"
			      "room r { join = any }\n"
			      "route a { to = all  limit = all } route b { to = all }\n"
			      "on connect { emit = x  to = self  limit = {ip, mine, all} } on connecting { check { if = @user  error = no }  limit = ip }\n"
			      "on online { emit = x  to = all  limit = {all, mine} } on \"leave r\" { emit = x  to = all  limit = ip }\n"
			      "on disconnect { emit = x  to = all  limit = ip } on limited { emit = x  to = all  limit = mine }\n"
			      "every t { interval = 1s  emit = x  to = all  limit = all }");
	const struct catalogue_nsp *top = &c->catalogue.nsp[0];

	(void)state;
	assert_int_equal(catalogue_route(top, "a", 1)->nlimit, 1);
	assert_int_equal(catalogue_route(top, "b", 1)->nlimit, 0);
	assert_int_equal(top->on[TRIGGER_CONNECT]->nlimit, 3);
	assert_string_equal(top->on[TRIGGER_CONNECT]->limit[1]->name.p, "mine");
	assert_int_equal(top->on[TRIGGER_CONNECTING]->nlimit, 1);
	assert_int_equal(top->on[TRIGGER_ONLINE]->nlimit, 2);
	assert_int_equal(top->on[TRIGGER_DISCONNECT]->nlimit, 1);
	assert_int_equal(top->on[TRIGGER_LIMITED]->nlimit, 1);
	assert_int_equal(top->every[0].rule.nlimit, 1);
	conf_free(c);
}

static void source(void **state)
{
	struct conf *c = load("limit a { rate = 1/1s } limit b { rate = 1/1s }\n"
			      "event e { if = '@limit.b.remaining > 0' }");
	const struct source *s = &c->catalogue.nsp[0].event[0].ifs[0].term[0].x;

	(void)state;
	assert_int_equal(s->kind, SOURCE_LIMIT);
	assert_ptr_equal(s->limit, &c->catalogue.nsp[0].limit[1]);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(values),
	    cmocka_unit_test(reach),
	    cmocka_unit_test(reactions),
	    cmocka_unit_test(source),
	};

	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
