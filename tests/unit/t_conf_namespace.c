/* t_conf_namespace.c - namespaces and their names, what stands in them, checks, on "connecting", ack_args, volatile. */
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

	snprintf(whole, sizeof whole, "%s" CONF_REST, text);
	c = fixture_load(whole, false);
	assert_non_null(c);
	return c;
}

/* The written name of the block that serves NAME, or "none". */
static const char *serves(const struct conf *c, const char *name)
{
	const struct catalogue_nsp *nsp = catalogue_nsp_find(&c->catalogue, name, strlen(name));

	return nsp != NULL ? nsp->name.p : "none";
}

static void names(void **state)
{
	static const struct {
		const char *name, *block;
	} rows[] = {
	    {"/", "/"},
	    {"/chat", "/chat"},
	    {"/chat/", "none"},
	    {"/cha", "none"},
	    {"/Chat", "none"},
	    {"chat", "none"},
	    {"", "none"},
	    {"/tenant-", "none"}, /* the star is one character or more */
	    {"/tenant-1", "/tenant-*"},
	    {"/tenant-1/x", "/tenant-*"},
	    {"/tenant-main", "/tenant-main"}, /* exact before pattern, wherever it stands */
	    {"/tenant-a1", "/tenant-a*"},     /* the longest */
	    {"/tenant-a", "/tenant-*"},
	    {"/tenant-ab1", "/tenant-ab*"},
	    {"/tenant-xend", "/tenant-*end"},
	    {"/tenant-ab-end", "/tenant-*end"},
	    {"/tenant-end", "/tenant-*"},  /* nothing is left for the star of the other */
	    {"/tenant-w-z", "/tenant-w*"}, /* of equals the one with more before its star */
	    {"/tenant-v-z", "/tenant-*z"},
	    {"/tenant-*", "/tenant-*"},
	    {"/ab", "none"},
	    {"/aab", "none"}, /* beginning and end do not share a character */
	    {"/axab", "/a*ab"},
	    {"/aaab", "/a*ab"},
	    {"/aa", "none"},
	};
	char longest[130];
	struct conf *c;

	(void)state;
	c = load("namespace \"/tenant-*\" { }\nnamespace \"/tenant-a*\" { }\nnamespace \"/chat\" { }\n"
		 "namespace \"/a*ab\" { }\nnamespace \"/tenant-*end\" { }\nnamespace \"/tenant-ab*\" { }\n"
		 "namespace \"/tenant-main\" { }\nnamespace \"/tenant-*z\" { }\nnamespace \"/tenant-w*\" { }\n");
	assert_int_equal(c->catalogue.nnsp, 10);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(serves(c, rows[i].name), rows[i].block);
	/* what clients make up has a limit */
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "/tenant-", 8);
	assert_non_null(catalogue_nsp_find(&c->catalogue, longest, CATALOGUE_NSP_MAX));
	assert_null(catalogue_nsp_find(&c->catalogue, longest, CATALOGUE_NSP_MAX + 1));
	/* a zero byte is a byte like others */
	assert_null(catalogue_nsp_find(&c->catalogue, "/chat\0", 6));
	assert_string_equal(c->catalogue.nsp[3].name.p, "/chat");
	assert_false(c->catalogue.nsp[3].pattern);
	assert_true(c->catalogue.nsp[5].pattern);
	assert_string_equal(c->catalogue.nsp[5].prefix.p, "/tenant-");
	assert_string_equal(c->catalogue.nsp[5].suffix.p, "end");
	conf_free(c);
	c = load("namespace \"/*\" { }");
	assert_string_equal(serves(c, "/"), "/");
	assert_string_equal(serves(c, "/x"), "/*");
	assert_string_equal(serves(c, "x"), "none");
	conf_free(c);
}

/* Two namespaces may use the same words for different things, and neither sees the other's. */
static void each_has_its_own(void **state)
{
	const struct catalogue_nsp *root;
	const struct catalogue_nsp *nsp;
	const struct rule *r;
	struct conf *c;

	(void)state;
	c = load("room \"r\" { single = yes }\nevent \"e\" { room = r }\nevent \"only\" { }\n"
		 "on \"connect\" { emit = a  to = r }\n"
		 "namespace \"/n\" {\n"
		 " room \"r\" { join = any }\n"
		 " event \"e\" { room = \"r:{x}\"  emit = b  to = {room, \"rooms:r\", \"user:{y}\"} }\n"
		 " on \"connecting\" { check { if = @user.id  error = e } }\n"
		 "}\n"
		 "namespace \"/o\" { on \"connect\" { emit = c  to = self  data = '{@namespace}' } }\n");
	root = &c->catalogue.nsp[0];
	nsp = catalogue_nsp_find(&c->catalogue, "/n", 2);
	assert_ptr_equal(nsp, &c->catalogue.nsp[1]);
	assert_int_equal(nsp->nroom_type, 4);
	assert_int_equal(c->catalogue.nsp[2].nroom_type, 3);
	assert_true(catalogue_room_type(&c->catalogue.nsp[2], "global", 6)->builtin);
	assert_ptr_not_equal(catalogue_room_type(root, "r", 1), catalogue_room_type(nsp, "r", 1));
	assert_true(catalogue_room_type(root, "r", 1)->single);
	assert_false(catalogue_room_type(nsp, "r", 1)->single);
	r = catalogue_event(nsp, "e", 1);
	assert_ptr_equal(r->room_type, catalogue_room_type(nsp, "r", 1));
	assert_ptr_equal(r->action[0].to[1].type, catalogue_room_type(nsp, "r", 1));
	assert_int_equal(r->line, 7);
	assert_ptr_equal(catalogue_event(root, "e", 1)->room_type, catalogue_room_type(root, "r", 1));
	assert_ptr_equal(root->on[TRIGGER_CONNECT]->action[0].to[0].type, catalogue_room_type(root, "r", 1));
	assert_null(catalogue_event(nsp, "only", 4));
	assert_null(catalogue_event(&c->catalogue.nsp[2], "e", 1));
	assert_null(nsp->on[TRIGGER_CONNECT]);
	assert_null(root->on[TRIGGER_CONNECTING]);
	assert_non_null(nsp->on[TRIGGER_CONNECTING]);
	assert_non_null(c->catalogue.nsp[2].on[TRIGGER_CONNECT]);
	/* each rule has a counter of its own: e, only and connect of the root, e and connecting, connect */
	assert_int_equal(c->catalogue.nevents, 6);
	assert_int_equal(r->index, 3);
	assert_int_equal(nsp->on[TRIGGER_CONNECTING]->index, 4);
	assert_int_equal(c->catalogue.nsp[2].on[TRIGGER_CONNECT]->index, 5);
	conf_free(c);
}

static void checks(void **state)
{
	const struct rule *r;
	struct conf *c;

	(void)state;
	c = load("room \"r\" { single = yes }\nevent \"none\" { }\n"
		 "event \"e\" {\n room = r\n"
		 " check { if = {a, \"b = 1\"}  error = \"say \\\"a\\\"\"  code = no-a }\n"
		 " emit = x\n"
		 " check { if = \"@room.user_count < 3 or @user.role = \\\"x\\\"\"  error = full }\n}\n");
	r = catalogue_event(&c->catalogue.nsp[0], "e", 1);
	assert_int_equal(r->ncheck, 2);
	assert_int_equal(r->check[0].nif, 2);
	assert_string_equal(r->check[0].ifs[1].written.p, "b = 1");
	assert_string_equal(r->check[0].error_plain.p, "say \"a\"");
	assert_string_equal(r->check[0].error.p, "say \\\"a\\\"");
	assert_string_equal(r->check[0].code.p, "no-a");
	assert_int_equal(r->check[1].nif, 1);
	assert_int_equal(r->check[1].ifs[0].n, 2);
	assert_int_equal(r->check[1].ifs[0].term[0].x.kind, SOURCE_ROOM_USER_COUNT);
	assert_string_equal(r->check[1].error.p, "full");
	assert_null(r->check[1].code.p);
	assert_int_equal(r->naction, 1);
	assert_int_equal(r->nif, 0);
	assert_int_equal(catalogue_event(&c->catalogue.nsp[0], "none", 4)->ncheck, 0);
	conf_free(c);
}

static void connecting(void **state)
{
	/* all that is known before a client is admitted */
	static const char *const known[] = {"@user", "@user.id", "@user.name", "@user.role", "@user.claims.a.b",
	    "@user.sockets", "@socket.id", "@socket.ip", "@socket.transport", "@socket.auth", "@socket.auth.k",
	    "@namespace", "@id", "@now", "@now.ms", "@now.s", "@server.connections", "@server.users", "@server.rooms",
	    "@server.memory", "@server.uptime", "@server.host", "@server.worker", "@server.version"};
	const struct rule *r;
	struct conf *c;

	(void)state;
	c = load("on \"connecting\" {\n if = \"@namespace = \\\"/\\\"\"\n"
		 " check { if = \"@socket.auth.key = 1\"  error = \"No key\"  code = no_key }\n"
		 " check { if = \"@user.claims.org\"  error = \"No organisation\" }\n}\n"
		 "on \"connect\" { emit = a  to = self }\n");
	r = c->catalogue.nsp[0].on[TRIGGER_CONNECTING];
	assert_non_null(r);
	assert_string_equal(r->name.p, "connecting");
	assert_int_equal(r->nif, 1);
	assert_int_equal(r->naction, 0);
	assert_int_equal(r->ncheck, 2);
	assert_string_equal(r->check[0].error.p, "No key");
	assert_int_equal(r->check[0].ifs[0].term[0].x.kind, SOURCE_SOCKET_AUTH);
	assert_int_equal(r->line, 1);
	assert_true(c->catalogue.uses_auth);
	assert_true(c->catalogue.uses_claims);
	assert_int_equal(c->catalogue.nsp[0].on[TRIGGER_CONNECT]->naction, 1);
	assert_int_equal(c->catalogue.nsp[0].on[TRIGGER_CONNECT]->ncheck, 0);
	conf_free(c);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		char text[256];

		snprintf(text, sizeof text, "on connecting { check { if = %s error = e } }", known[i]);
		conf_free(load(text));
	}
}

static void answers_and_volatile(void **state)
{
	const struct rule *r;
	struct conf *c;

	(void)state;
	c = load("event \"a\" { ack_args = '[1, {x}, {\"y\": {@id}}]' }\nevent \"b\" { ack_args = '{@args}' }\n"
		 "event \"c\" { ack_args = '[]'  emit = x  to = self  volatile = yes\n"
		 " also { emit = y  to = self }\n also { emit = z  to = self  volatile = yes }\n"
		 " also { emit = z  to = self  volatile = no } }\n"
		 "event \"d\" { ack = '[1]' }\non \"connect\" { emit = x  to = self  volatile = yes }\n");
	r = catalogue_event(&c->catalogue.nsp[0], "a", 1);
	assert_int_equal(r->ack, ACK_ARGS);
	assert_int_equal(r->ack_json.kind, JSON_NODE_ARRAY);
	assert_int_equal(r->ack_json.n, 3);
	assert_string_equal(r->ack_written.p, "[1, {x}, {\"y\": {@id}}]");
	r = catalogue_event(&c->catalogue.nsp[0], "b", 1);
	assert_int_equal(r->ack, ACK_ARGS);
	assert_int_equal(r->ack_json.kind, JSON_NODE_HOLE);
	assert_int_equal(r->ack_json.hole.source.kind, SOURCE_ARGS);
	r = catalogue_event(&c->catalogue.nsp[0], "c", 1);
	assert_int_equal(r->ack, ACK_ARGS);
	assert_string_equal(r->ack_json.literal.p, "[]");
	assert_true(r->action[0].is_volatile);
	assert_false(r->action[1].is_volatile);
	assert_true(r->action[2].is_volatile);
	assert_false(r->action[3].is_volatile);
	/* one argument that is an array */
	assert_int_equal(catalogue_event(&c->catalogue.nsp[0], "d", 1)->ack, ACK_TEMPLATE);
	assert_true(c->catalogue.nsp[0].on[TRIGGER_CONNECT]->action[0].is_volatile);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(each_has_its_own),
	    cmocka_unit_test(checks),
	    cmocka_unit_test(connecting),
	    cmocka_unit_test(answers_and_volatile),
	};

	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
