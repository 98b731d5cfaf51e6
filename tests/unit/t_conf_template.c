/* t_conf_template.c - rules, templates, conditions and sources, compiled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/conf_fixture.h"

static struct conf *conf;

/* The rule of an event "e" with this body; conf holds it until the next call. */
static const struct rule *rule_of(const char *body)
{
	char text[4096];

	conf_free(conf);
	snprintf(text, sizeof text, "room \"chat\" { } room \"board\" { single = yes }\nevent \"e\" {\n%s\n}" CONF_REST,
	    body);
	conf = fixture_load(text, false);
	if (conf == NULL) {
		print_message("refused: %s\n", body);
		fail();
		abort();
	}
	return catalogue_event(&conf->catalogue.nsp[0], "e", 1);
}

/* The tree as text: L(...) literal, H(...) hole, S[...] string, {key:...}, [...]; a constant begins with =. */
static void show_source(FILE *f, const struct source *s)
{
	size_t base = s->written.n;

	fprintf(f, "%s", s->kind == SOURCE_LITERAL ? "=" : "");
	/* the name that stands before the path, of which each part is its own */
	for (unsigned i = 0; i < s->nseg; i++)
		base -= s->seg[i].n + 1;
	if (s->kind != SOURCE_PATH && s->kind != SOURCE_LITERAL)
		fprintf(f, "%.*s", (int)base, s->written.p);
	for (unsigned i = 0; i < s->nseg; i++) {
		assert_int_equal(strlen(s->seg[i].p), s->seg[i].n);
		fprintf(f, "%s%s", i > 0 || s->kind > SOURCE_PATH ? (s->kind == SOURCE_LITERAL ? "" : ".") : "",
		    s->seg[i].p);
	}
}

static void show_condition(FILE *f, const struct condition *c)
{
	static const char *const ops[] = {"", "=", "!=", "<", "<=", ">", ">=", " in "};

	for (unsigned i = 0; i < c->n; i++) {
		fprintf(f, "%s%s", i > 0 ? " or " : "", c->term[i].negate ? "not " : "");
		show_source(f, &c->term[i].x);
		fprintf(f, "%s", ops[c->term[i].op]);
		if (c->term[i].op != COND_TRUTHY)
			show_source(f, &c->term[i].y);
	}
}

static void show_hole(FILE *f, const struct hole *h)
{
	fputs("H(", f);
	if (h->is_condition)
		show_condition(f, &h->condition);
	else
		show_source(f, &h->source);
	fprintf(f, "%s", h->optional ? "?" : "");
	if (h->has_default)
		fprintf(f, "|%s", h->dflt.p);
	fputc(')', f);
}

static void show_parts(FILE *f, unsigned n, const struct text_part *part)
{
	for (unsigned i = 0; i < n; i++) {
		if (part[i].is_hole) {
			show_hole(f, &part[i].hole);
		} else {
			assert_int_equal(strlen(part[i].literal.p), part[i].literal.n);
			fprintf(f, "<%s>", part[i].literal.p);
		}
	}
}

static void show_json(FILE *f, const struct json_node *n)
{
	switch (n->kind) {
	case JSON_NODE_LITERAL:
		assert_int_equal(strlen(n->literal.p), n->literal.n);
		fprintf(f, "L(%s)", n->literal.p);
		break;
	case JSON_NODE_HOLE: show_hole(f, &n->hole); break;
	case JSON_NODE_STRING:
		fputs("S[", f);
		show_parts(f, n->n, n->part);
		fputc(']', f);
		break;
	default:
		fputc(n->kind == JSON_NODE_ARRAY ? '[' : '{', f);
		for (unsigned i = 0; i < n->n; i++) {
			fputs(i > 0 ? "," : "", f);
			if (n->kind == JSON_NODE_OBJECT)
				fprintf(f, "%s:", n->key[i].p);
			show_json(f, &n->child[i]);
		}
		fputc(n->kind == JSON_NODE_ARRAY ? ']' : '}', f);
	}
}

static const char *shown_json(const struct json_node *n)
{
	static char buf[4096];
	FILE *f = fmemopen(buf, sizeof buf, "w");

	show_json(f, n);
	fclose(f);
	return buf;
}

static void json_templates(void **state)
{
	static const struct {
		const char *data, *tree;
	} rows[] = {
	    {"1", "L(1)"},
	    {"'{ \"a\" : [ 1 , 2.50 , -0 , 1e400, true ] , \"b\" : null }'",
		"L({\"a\":[1,2.50,-0,1e400,true],\"b\":null})"},
	    {"'123456789012345678901234567890.10'", "L(123456789012345678901234567890.10)"},
	    {"'\"\\u00e9 \\/ \\\\\\\\ \\ud83d\\ude00 \xc3\xa9\"'", "L(\"\\u00e9 \\/ \\\\ \\ud83d\\ude00 \xc3\xa9\")"},
	    {"'[]'", "L([])"},
	    {"'[{}]'", "L([{}])"},
	    {"'{a}'", "H(a)"},
	    {"'{a.b.0.*.c-d}'", "H(a.b.0.*.c-d)"},
	    {"'{@args}'", "H(@args)"},
	    {"'{@user.claims.org.id}'", "H(@user.claims.org.id)"},
	    {"'{@socket.auth}'", "H(@socket.auth)"},
	    {"'{@socket.auth.token}'", "H(@socket.auth.token)"},
	    {"'{ \"a\": {b}, \"c\": [1, {\"d\" : 2}] }'", "{a:H(b),c:L([1,{\"d\":2}])}"},
	    {"'[{a?}, {b|null}, {c|{\"x\" : [1, 2]}}, {d|\"}\"}]'", "[H(a?),H(b|null),H(c|{\"x\":[1,2]}),H(d|\"}\")]"},
	    {"'\"x {a} y\"'", "S[<x >H(a)< y>]"},
	    {"'\"{a}{b?}\"'", "S[H(a)H(b?)]"},
	    {"'\"Hi {@user.name|my guest, \\\"x\\\"}!\"'", "S[<Hi >H(@user.name|my guest, \"x\")<!>]"},
	    {"'\"{{a} {{ { 1{}\"'", "L(\"{a} { { 1{}\")"},
	    {"'\"{{{a}\\n\"'", "S[<{>H(a)<\\n>]"},
	    {"'{\"k{{\": {a}}'", "{k{:H(a)}"},
	    {"'{\"k\\u00e9\": {a}}'", "{k\\u00e9:H(a)}"},
	    {"'{a = 1}'", "H(a==1)"},
	    {"'[{a = \"}\"}, {not a or b in [1, 2]}]'", "[H(a==\"}\"),H(not a or b in =[1,2])]"},
	    {"'\"{a = \\\"}\\\"} {b}\"'", "S[H(a==\"}\")< >H(b)]"},
	    {"'{@user.id in players}'", "H(@user.id in players)"},
	    {"'{\"in\": {ok >= 3}}'", "{in:H(ok>==3)}"},
	    {"\"{a}\"", "H(a)"},
	    {"\"[\\\"\\$\\\", {a}]\"", "[L(\"$\"),H(a)]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char body[512];
		const struct rule *r;

		snprintf(body, sizeof body, "emit = x  to = self  data = %s", rows[i].data);
		r = rule_of(body);
		assert_int_equal(r->naction, 1);
		assert_int_equal(r->action[0].body, BODY_DATA);
		assert_string_equal(shown_json(&r->action[0].json), rows[i].tree);
	}
}

static const char *shown_condition(const struct condition *c)
{
	static char buf[1024];
	FILE *f = fmemopen(buf, sizeof buf, "w");

	show_condition(f, c);
	fclose(f);
	return buf;
}

static void conditions(void **state)
{
	static const struct {
		const char *written, *parsed;
	} rows[] = {
	    {"a", "a"},
	    {"'not a'", "not a"},
	    {"'nothing'", "nothing"},
	    {"'orange or inside'", "orange or inside"},
	    {"'a=1'", "a==1"},
	    {"'a = b'", "a=b"},
	    {"'a != \"x y\"'", "a!==\"x y\""},
	    {"'a < 1 or not b >= -2.5e3 or c'", "a<=1 or not b>==-2.5e3 or c"},
	    {"'a <= 1'", "a<==1"},
	    {"'a > 1'", "a>=1"},
	    {"'\"x\" in tags'", "=\"x\" in tags"},
	    {"'a in [ \"x\", 2 ]'", "a in =[\"x\",2]"},
	    {"'not @user.id in players'", "not @user.id in players"},
	    {"'a = null'", "a==null"},
	    {"'a = true'", "a==true"},
	    {"'true = a'", "=true=a"},
	    {"'truely = nullable'", "truely=nullable"},
	    {"'  a\n =\n  1  '", "a==1"},
	};
	const struct rule *r;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char body[256];

		snprintf(body, sizeof body, "if = %s", rows[i].written);
		r = rule_of(body);
		assert_int_equal(r->nif, 1);
		assert_string_equal(shown_condition(&r->ifs[0]), rows[i].parsed);
	}
	r = rule_of("if = {a, 'b = 1', \"not c\"}");
	assert_int_equal(r->nif, 3);
	assert_string_equal(shown_condition(&r->ifs[2]), "not c");
}

static const char *shown_room(const struct text_template *t)
{
	static char buf[1024];
	FILE *f = fmemopen(buf, sizeof buf, "w");

	show_parts(f, t->n, t->part);
	fclose(f);
	return buf;
}

static void room_templates(void **state)
{
	static const struct {
		const char *written, *parts, *type;
	} rows[] = {
	    {"\"chat:{chatId}\"", "<chat:>H(chatId)", "chat"},
	    {"\"chat:{a}:{@user.id}-x\"", "<chat:>H(a)<:>H(@user.id)<-x>", "chat"},
	    {"\"chat:a{b|none}\"", "<chat:a>H(b|none)", "chat"},
	    {"chat:1", "<chat:1>", "chat"},
	    {"board", "<board>", "board"},
	    {"\"user:{to}\"", "<user:>H(to)", "user"},
	    {"global:all", "<global:all>", "global"},
	    {"\"chat:{{1}\"", "<chat:{1}>", "chat"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char body[256];
		const struct rule *r;

		snprintf(body, sizeof body, "room = %s", rows[i].written);
		r = rule_of(body);
		assert_true(r->has_room);
		assert_string_equal(shown_room(&r->room), rows[i].parts);
		assert_string_equal(r->room_type->name.p, rows[i].type);
	}
}

static void rules(void **state)
{
	const struct rule *r;
	const struct action *a;

	(void)state;
	r = rule_of("");
	assert_int_equal(r->naction, 0);
	assert_int_equal(r->nrequire, 1);
	assert_int_equal(r->require[0].kind, WHO_ANY);
	assert_int_equal(r->ack, ACK_DEFAULT);
	assert_int_equal(r->line, 2);
	r = rule_of("room = board");
	assert_int_equal(r->require[0].kind, WHO_MEMBER);
	r = rule_of("room = board  require = {authenticated, \"role:a b\"}  ack = no");
	assert_int_equal(r->nrequire, 2);
	assert_int_equal(r->require[0].kind, WHO_AUTHENTICATED);
	assert_string_equal(r->require[1].role.p, "a b");
	assert_int_equal(r->ack, ACK_NONE);
	r = rule_of("room = board  emit = '\"q\"\xc3\xa9'  ack = '{\"ok\": {@room.id}}'");
	assert_int_equal(r->ack, ACK_TEMPLATE);
	assert_string_equal(shown_json(&r->ack_json), "{ok:H(@room.id)}");
	a = &r->action[0];
	assert_true(a->has_emit);
	assert_string_equal(a->emit.p, "\\\"q\\\"\xc3\xa9");
	assert_string_equal(a->emit_plain.p, "\"q\"\xc3\xa9");
	assert_int_equal(a->body, BODY_PASS);
	assert_int_equal(a->nto, 1);
	assert_int_equal(a->to[0].kind, TARGET_ROOM);
	assert_int_equal(a->nexcept, 0);
	r = rule_of("emit = x  to = {self, others, all, \"rooms:chat\", \"chat:{a}\", \"user:{b}\", board}  except = "
		    "{self, \"role:x\"}\n"
		    "add = {\"a\\\"b : c.d\", \"e:@now\"}  if = x\n"
		    "also { emit = y  to = self  args = '[1, {a}]' }\n"
		    "also { if = {z, w}  emit = z  to = self  args = '{@args}' }");
	assert_int_equal(r->naction, 3);
	assert_int_equal(r->nif, 1);
	a = &r->action[0];
	assert_false(a->also);
	assert_int_equal(a->nif, 0);
	assert_int_equal(a->nto, 7);
	assert_int_equal(a->to[0].kind, TARGET_SELF);
	assert_int_equal(a->to[1].kind, TARGET_OTHERS);
	assert_int_equal(a->to[2].kind, TARGET_ALL);
	assert_int_equal(a->to[3].kind, TARGET_ROOMS_OF);
	assert_string_equal(a->to[3].type->name.p, "chat");
	assert_int_equal(a->to[4].kind, TARGET_TEMPLATE);
	assert_string_equal(a->to[4].type->name.p, "chat");
	assert_null(a->to[5].type);
	assert_string_equal(shown_room(&a->to[5].room), "<user:>H(b)");
	assert_string_equal(a->to[6].type->name.p, "board");
	assert_int_equal(a->nexcept, 2);
	assert_int_equal(a->body, BODY_ADD);
	assert_int_equal(a->nadd, 2);
	assert_string_equal(a->add[0].key.p, "a\\\"b");
	assert_string_equal(a->add[0].key_plain.p, "a\"b");
	assert_int_equal(a->add[0].source.nseg, 2);
	assert_int_equal(a->add[1].source.kind, SOURCE_NOW);
	a = &r->action[1];
	assert_true(a->also);
	assert_int_equal(a->body, BODY_ARGS);
	assert_string_equal(shown_json(&a->json), "[L(1),H(a)]");
	assert_int_equal(r->action[2].nif, 2);
	assert_string_equal(shown_json(&r->action[2].json), "H(@args)");
}

static void on_connect(void **state)
{
	const struct rule *r;

	(void)state;
	conf_free(conf);
	conf = fixture_load("event \"b\" { }\nevent \"a\" { }\n"
			    "on \"connect\" { if = '@user.id'  emit = hi  to = {self, others}  data = '{\"u\": "
			    "{@user}, \"n\": {@namespace}}'\n"
			    " also { emit = ho  to = all } }" CONF_REST,
	    false);
	assert_non_null(conf);
	r = conf->catalogue.nsp[0].on[TRIGGER_CONNECT];
	assert_non_null(r);
	assert_int_equal(r->nif, 1);
	assert_int_equal(r->naction, 2);
	/* counters of its own */
	assert_int_equal(conf->catalogue.nevents, 3);
	assert_int_equal(r->index, 2);
	assert_int_equal(catalogue_event(&conf->catalogue.nsp[0], "a", 1)->index, 0);
}

static void room_types(void **state)
{
	const struct catalogue_nsp *nsp;
	const struct room_type *t;

	(void)state;
	conf_free(conf);
	conf = fixture_load(
	    "room \"z\" { join = {authenticated, \"role:admin\", own} }\nroom \"b\" { single = yes  join = any }\n"
	    "room \"a-1.x_\" { join = none }" CONF_REST,
	    false);
	assert_non_null(conf);
	nsp = catalogue_nsp_find(&conf->catalogue, "/", 1);
	assert_non_null(nsp);
	assert_null(catalogue_nsp_find(&conf->catalogue, "/x", 2));
	assert_int_equal(nsp->nroom_type, 6);
	for (unsigned i = 1; i < 6; i++)
		assert_true(strcmp(nsp->room_type[i - 1].name.p, nsp->room_type[i].name.p) < 0);
	t = catalogue_room_type(nsp, "z", 1);
	assert_int_equal(t->njoin, 3);
	assert_int_equal(t->join[0].kind, WHO_AUTHENTICATED);
	assert_int_equal(t->join[1].kind, WHO_ROLE);
	assert_string_equal(t->join[1].role.p, "admin");
	assert_int_equal(t->join[2].kind, WHO_OWN);
	assert_true(catalogue_room_type(nsp, "b", 1)->single);
	assert_int_equal(catalogue_room_type(nsp, "a-1.x_", 6)->njoin, 0);
	assert_true(catalogue_room_type(nsp, "global", 6)->builtin);
	assert_null(catalogue_room_type(nsp, "a", 1));
	assert_null(catalogue_room_type(nsp, "zz", 2));
	assert_null(catalogue_room_type(nsp, "", 0));
}

/* Many events, found by their whole name only. */
static void events_by_name(void **state)
{
	enum { N = 2000 };
	char *text = malloc(N * 64 + 128);
	const struct catalogue_nsp *nsp;
	size_t n = 0;

	(void)state;
	conf_free(conf);
	for (int i = 0; i < N; i++)
		n += (size_t)sprintf(text + n, "event \"game:%d:%.*s\" { }\n", i, i % 17, "abcdefghijklmnopq");
	strcpy(text + n, "event \"\xc3\xa9\" { }" CONF_REST);
	conf = fixture_load(text, false);
	assert_non_null(conf);
	nsp = &conf->catalogue.nsp[0];
	assert_int_equal(nsp->nevent, N + 1);
	assert_int_equal(conf->catalogue.nevents, N + 1);
	for (int i = 0; i < N; i++) {
		char name[64];
		size_t length = (size_t)sprintf(name, "game:%d:%.*s", i, i % 17, "abcdefghijklmnopq");
		const struct rule *r = catalogue_event(nsp, name, length);

		assert_non_null(r);
		assert_string_equal(r->name.p, name);
		assert_ptr_equal(r, &nsp->event[r->index]);
		assert_null(catalogue_event(nsp, name, length - 1));
		name[length] = '!';
		assert_null(catalogue_event(nsp, name, length + 1));
		name[length - 1] ^= 1;
		r = catalogue_event(nsp, name, length);
		assert_true(r == NULL || r->name.n == length);
	}
	/* Among so many some have the hash of an event, and must still not be taken for it. */
	for (uint64_t i = 0; i < 10 * 1000 * 1000; i++)
		assert_true(catalogue_event(nsp, (const char *)&i, sizeof i) == NULL);
	assert_non_null(catalogue_event(nsp, "\xc3\xa9", 2));
	assert_null(catalogue_event(nsp, "", 0));
	free(text);
}

static int end(void **state)
{
	conf_free(conf);
	return conf_fixture_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_templates),
	    cmocka_unit_test(conditions),
	    cmocka_unit_test(room_templates),
	    cmocka_unit_test(rules),
	    cmocka_unit_test(on_connect),
	    cmocka_unit_test(room_types),
	    cmocka_unit_test(events_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
