/* t_conf_print.c - what `forkcast check` prints loads again and prints the same; docs/conf.md is the option table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/option.h"
#include "tests/unit/conf_fixture.h"

#define STAND_IN "stand-in-for-a-masked-secret-of-64-bytes-0123456789abcdef0123456"

static char *printed(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	conf_print(c, f);
	fclose(f);
	return text;
}

/* Masked secrets cannot be loaded: each gets a stand-in of its own (two clients may not share a key). */
static char *unmasked(const char *text)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);
	unsigned serial = 0;

	assert_non_null(f);
	for (const char *p = text; *p != '\0'; p++) {
		if (strncmp(p, "\"****\"", 6) == 0) {
			fprintf(f, "\"%s%u\"", STAND_IN, serial++);
			p += 5;
		} else {
			fputc(*p, f);
		}
	}
	fclose(f);
	return out;
}

static void assert_fixed_point(const struct conf *c, bool dev)
{
	char *first = printed(c);
	char *text = unmasked(first);
	struct conf *again = fixture_load(text, dev);
	char *second;

	if (again == NULL)
		print_message("%s", first);
	assert_non_null(again);
	second = printed(again);
	assert_string_equal(first, second);
	assert_null(strstr(second, STAND_IN));
	conf_free(again);
	free(first);
	free(text);
	free(second);
}

static const char *const texts[] = {
    "",
    "workers = 3 user = nobody pid_file = 'a b.pid' trusted_proxies = {10.0.0.0/8, ::1} max_backlog = 1234567 watchdog "
    "= 1500ms\n"
    "listen \"[::1]:3000\" { backlog = 7 } listen \"unix:/tmp/it's\" { } listen 127.0.0.1:0 { }\n"
    "admin :1 { key = abc } admin :2 { client a { key = b may = {read} } client \"c d\" { key = e } }\n"
    "engine { path = /x max_payload = 3M idle_timeout = 90s ping_interval = 59m }\n"
    "shm { sessions = 64 ring_size = 1M } log { level = warn format = json file = /tmp/x.log }\n",
    "on connecting { if = '@user.id' check { if = {'@socket.auth.k = 1', @user.name} error = \"it's\" code = a-b_1 } "
    "check { if = @server.users error = e } }\n"
    "event a { check { if = 'x or y' error = '\"no\"' } ack_args = '[1, {x}]' emit = b to = self volatile = yes also { "
    "emit = c to = all volatile = yes } }\n"
    "event b { ack_args = '{@args}' } event c { ack_args = '[]' }\n",
    "room r { } namespace /a { room r { single = yes } on connecting { check { if = @user.id error = e } } on connect "
    "{ emit = x to = r\n"
    " also { if = @user.id emit = y to = 'user:{@user.id}' } } event a { room = r check { if = x error = e } also { "
    "emit = z } } }\n"
    "namespace \"/it's-*\" { event a { } } namespace '/*' { }",
    "event \"a\" { fields = {\"b: id\"} deny = silent check { if = b } check { if = b error = no } }",
    "engine { transports = websocket allow_upgrades = no origins = {\"*\", https://a:1} compression = yes client_dir = "
    "'a b'\n"
    " cookie { name = \"a'b\" samesite = strict } } echo /e { protocol = engine.io max_message = 1K } echo \"/it's\" { "
    "}",
    "engine { transports = polling origins = https://a credentials = yes cookie { secure = yes samesite = none } }",
    "limit a { rate = 10/1s emit = \"it's\" data = '[{@error.retry_after}, {@error.message}]' } limit b { rate = 100/15m by = ip on = connect text = \"it's\" action = drop }\n"
    "limit c { rate = 1/90s by = {event, user} events = {\"vote:*\", \"it's\", x} action = disconnect text = 'a \"b\"'\n"
    " role \"a b\" { rate = 5/1500ms } role c { rate = 10000000/31d } }\n"
    "event x { limit = {c, a} ack = '{@limit.c.remaining}' } event vote:y { limit = a } event z { }\n"
    "hook h { url = \"http://[::1]:80/a?b='c'\" timeout = 1500ms retries = 3 queue = 0 concurrency = 2 on_fail = continue breaker { failures = 0 reset = 1m text = 'a \"{@event}\"' } }\n"
    "hook i { url = unix:/a } room r { join = {own, hook} hook = h } event hooked { hook = h ack = '{@hook.x}' } event told { hook = i notify = yes } every e { interval = 1s hook = h emit = x to = all data = '{@hook}' }\n"
    "on connecting { hook = h } on connect { hook = i emit = x to = self data = '[{@hook}, {@user.data.a}]' }\n"
    "namespace /n { hook h { url = \"https://a/\" } event w { hook = h } event v { hook = i } limit a { rate = 2/10ms by = {role, socket} events = \"*\" } event x { } event y { limit = a } }",
    "hook h { url = unix:/a } limit a { rate = 1/1s by = event } limit b { rate = 1/1s } route r { to = all hook = h limit = a data = '{@hook}' } route s { to = all hook = h notify = yes }\n"
    "on connecting { limit = {a, b} hook = h } on connect { limit = {b, a} emit = x to = self } every e { interval = 1s limit = a emit = x to = all }\n",
    "texts { busy = \"it's \\\\ \\\"so\\\" \\\\\\\\ ${x:-}\" invalid = 'a\\\\' forbidden = '\\\\\\'\\\\n' }",
    "room r { join = {authenticated, \"role:a b\", own} } room s { single = yes join = any } room n { }\n"
    "event a { room = \"r:{x|y}\" require = {member, \"role:it's\"} if = {a, 'b = \"c\"'} emit = '\"q\" ev' to = "
    "{room, \"user:{u}\", \"rooms:r\", s}\n"
    " except = {self, others} data = '{\"a\": \"\\n it\\'s \\\\\\\\ {b}\", \"c\" : {d?}}'\n"
    " also { emit = x to = all args = '{@args}' } also { if = q emit = y add = {\"a b: c\", \"it's: @id\"} } ack = '1' "
    "}\n"
    "event '1' { ack = no also { emit = z to = self data = 1 } }\nevent \"it's\" { ack = '{\n\"multi\": \"line\"}' }\n"
    "on connect { if = '@user.id' emit = w to = self also { emit = v to = others } }\n",
    "auth { sources = {query.t, cookie.c} rooms = {\"user:{@user.id}\", \"global:x y\"} expiry = ignore claims { user "
    "= \"a b\" }\n"
    " jwt \"k 1\" { secret = 0123456789abcdef0123456789abcdef issuer = \"https://i/?a=b\" leeway = 0 }\n"
    " jwt k2 { algorithm = HS384 secret = 0123456789abcdef0123456789abcdef0123456789abcdef audience = x }\n"
    " in_band { event = 'log in' deadline = 1500ms refresh = no } }\nlisten :5 { }\n"
    "on authenticated { emit = a to = self data = '{@user}' }\n"
    "on auth_failed { if = '@error.code = \"x\"' emit = b to = self args = '[{@error.message}, {@error.code|null}]' }\n",
    "auth { jwt a { secret = 0123456789abcdef0123456789abcdef } jwt 'b c' { secret = 0123456789abcdef0123456789abcdefg } in_band { "
    "factors = both } }\nlisten :5 { }\n"
    "wallet { path = /api/auth/wallet message = \"it's {{ {ms}\" max_age = 90s token_ttl = 7d sign = 'b c' }",
    "auth { jwt a { secret = 0123456789abcdef0123456789abcdef } in_band { factors = both } }\nlisten :5 { }\n"
    "wallet { message = '{ms}' }",
    "auth { jwt a { secret = 0123456789abcdef0123456789abcdef } }\nlisten :5 { }\nwallet { path = /w message = 'a {ms}' }",
};

static void print_load_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char text[4096];
		struct conf *c;

		snprintf(text, sizeof text, "%s%s", texts[i], strstr(texts[i], "auth {") != NULL ? "" : CONF_REST);
		c = fixture_load(text, false);
		assert_non_null(c);
		assert_fixed_point(c, false);
		conf_free(c);
	}
}

/* Nothing of a rule is left out: what is not printed would not be missed by the test above. */
static void a_rule_whole(void **state)
{
	static const char expected[] =
	    "room \"s\" {\n\tjoin = {authenticated, 'role:a b', own}\n\tsingle = no\n\tcase = keep\n\tpersistent = no\n}\n"
	    "limit \"l\" {\n\trate = 5/2s\n\tby = {user, event}\n\ton = events\n\ttext = slow\n\taction = reply\n"
	    "\tevents = {'v:*', w}\n\temit = slow\n\tdata = '{\"a\": 1}'\n\trole \"r\" {\n\t\trate = 50/2s\n\t}\n}\n"
	    "on \"connect\" {\n\tif = {@user.id, 'not @user.name'}\n\temit = hi\n\tto = self\n"
	    "\tdata = '[1]'\n\talso {\n\t\tif = @user.role\n\t\temit = ho\n\t\tto = all\n\t\t"
	    "except = self\n\t\targs = '[{@id}]'\n\t}\n}\n"
	    "every \"pulse\" {\n\tinterval = 90s\n\tif = '@server.users > 1'\n\teach = s\n\temit = x\n\tto = room\n\tdata = '{@room}'\n"
	    "\talso {\n\t\tif = @now\n\t\temit = y\n\t\tto = all\n\t}\n}\n"
	    "event \"e\" {\n\tfields = {'x: string 1..5', 'a?: 0|1 = 1', 'b: any', 'u: id', 'v.w?: list int 0..1'}\n"
	    "\tunknown = reject\n\tdeny = silent\n\troom = 's:{x}'\n\tlimit = l\n\trequire = {member, role:r}\n\tif = a\n\temit = x\n"
	    "\tto = {room, rooms:s, 'user:{u}'}\n\texcept = {others, all}\n\tadd = {'k: v', 'l: @now'}\n"
	    "\talso {\n\t\tif = b\n\t\temit = y\n\t\tto = room\n\t\tvolatile = yes\n\t}\n\tack = '{\"a\": 1}'\n\tdev = "
	    "yes\n}\n"
	    "route \"t:s\" {\n\tfields = 'x: id'\n\tunknown = pass\n\troom = 's:{x}'\n\tif = x\n\tcheck {\n\t\tif = @vars.a\n"
	    "\t\terror = no\n\t\tcode = n\n\t}\n\tevict = '{@vars.u}'\n\tclose = yes\n\temit = tt\n\tto = {room, all}\n"
	    "\tvolatile = yes\n\tadd = 'y: @event'\n\talso {\n\t\tif = y\n\t\temit = u\n\t\tto = room\n\t\tdata = '{x}'\n\t}\n"
	    "\tdev = yes\n}\n"
	    "namespace \"/n\" {\n\terrors {\n\t\temit = oops\n\t\tdata = '{@error.message}'\n"
	    "\t\tack = '{\"success\": false, \"error\": {@error.message}, \"code\": {@error.code?}}'\n\t}\n"
	    "\tbuiltins {\n\t\tsubscribe = enter\n\t\tunsubscribe = unsubscribe\n\t\trooms = none\n\t\tping = ping\n\t}\n"
	    "\tenvelope \"typed\" {\n\t\tdata = '{\"t\": {@event}, \"d\": {@payload}}'\n\t}\n"
	    "\trole \"r\" {\n\t\tfeatures = {a, 'b c'}\n\t\trooms = t\n\t}\n\troom \"t\" {\n\t\tjoin = none\n\t\tsingle = yes\n\t\tcase = keep\n\t\tpersistent = no\n\t}\n"
	    "\ton \"connecting\" {\n\t\tif = @user.id\n\t\tcheck {\n\t\t\tif = {@user.name, '@now.s > 1'}\n"
	    "\t\t\terror = 'who are you'\n\t\t\tcode = who\n\t\t}\n\t}\n"
	    "\tevent \"e\" {\n\t\tparams = {'a: id', 'n?: int 0..5'}\n\t\tshape = both\n\t\tunknown = pass\n"
	    "\t\troom = t\n\t\trequire = member\n\t\tcheck {\n\t\t\tif = a\n\t\t\terror = no\n\t\t}\n"
	    "\t\talso {\n\t\t\teach = t\n\t\t\tjoin = {room, t}\n\t\t\tleave = {room, 't:*'}\n"
	    "\t\t\tevict = '{a}'\n\t\t\tclose = yes\n\t\t\tdisconnect = transport\n\t\t\temit = y\n\t\t\tto = {room, t}\n\t\t\tenvelope = typed\n\t\t}\n\t\tack_args = '[{@id}]'\n\t}\n}\n";
	/* What is printed, but for its first lines, is also what was read. */
	struct conf *c = fixture_load(expected, true);
	char text[4096];
	char *whole;

	(void)state;
	assert_null(c); /* no listen */
	snprintf(text, sizeof text, "%s" CONF_REST, expected);
	c = fixture_load(text, true);
	assert_non_null(c);
	whole = printed(c);
	assert_string_equal(strstr(whole, "room \"s\""), expected);
	free(whole);
	conf_free(c);
}

/* The sample is what `make run` serves. */
static void the_sample(void **state)
{
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	assert_int_equal(conf_load("conf/forkcast.conf", true, &c, &errors), 0);
	assert_int_equal(errors.n, 0);
	assert_int_equal(c->listen[0].addr.port, 3000);
	assert_string_equal(c->listen[0].addr.host.p, "127.0.0.1");
	assert_int_equal(c->admin[0].addr.port, 3001);
	assert_true(c->catalogue.nevents > 4);
	assert_fixed_point(c, true);
	conf_free(c);
	/* Served in earnest it wants its secrets, and nothing else. */
	assert_int_not_equal(conf_load("conf/forkcast.conf", false, &c, &errors), 0);
	assert_int_equal(errors.n, 2);
	assert_non_null(strstr(errors.line[0], "admin without a key"));
	assert_non_null(strstr(errors.line[1], "has no secret"));
	conf_errors_free(&errors);
}

static void secrets_are_masked(void **state)
{
	struct conf *c = fixture_load("listen :0 { } admin :1 { key = hunter2 client x { key = hunter3 } }\n"
				      "auth { jwt a { secret = hunter4-hunter4-hunter4-hunter4-hunter4 } }",
	    false);
	char *text;

	(void)state;
	assert_non_null(c);
	text = printed(c);
	assert_null(strstr(text, "hunter"));
	free(text);
	conf_free(c);
}

static void the_manual_is_the_table(void **state)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	FILE *page = fopen("docs/conf.md", "r");
	char *line = NULL;
	size_t size = 0;
	const char *p = text;

	(void)state;
	assert_non_null(f);
	conf_options_doc(f);
	fclose(f);
	assert_non_null(page);
	for (p = text; getline(&line, &size, page) > 0; p += strlen(line))
		if (strncmp(p, line, strlen(line)) != 0)
			fail_msg(
			    "docs/conf.md differs from the option table (forkcast doc --options > docs/conf.md): %s",
			    line);
	assert_string_equal(p, "");
	fclose(page);
	free(line);
	free(text);
}

/* Rows that could not work: a default outside the limits would be told to the user as the user's mistake. */
static void the_table_is_sound(void **state)
{
	(void)state;
	for (unsigned i = 0; i < option_nblocks; i++) {
		const struct option_block *b = &option_blocks[i];

		assert_ptr_equal(option_block(b->path), b);
		assert_true(b->help[strlen(b->help) - 1] == '.');
		for (unsigned j = 0; j < b->n; j++) {
			const struct option *o = &b->option[j];
			struct text name = {o->name, strlen(o->name)};

			assert_ptr_equal(option_find(b, name), o);
			assert_null(option_child(b, name));
			assert_true(o->help != NULL && o->help[strlen(o->help) - 1] == '.');
			assert_true(o->min <= o->max);
			assert_false(o->dflt != NULL && o->computed != NULL);
			if (o->type == OPTION_WORD)
				assert_non_null(o->words);
		}
	}
	/* Each refusal has its text. */
	for (int i = 0; i < REFUSAL_MAX; i++) {
		const char *code = catalogue_code_name((enum refusal)i);

		assert_non_null(option_find(option_block("texts"), (struct text){code, strlen(code)}));
		assert_int_equal(option_find(option_block("texts"), (struct text){code, strlen(code)})->offset,
		    (size_t)i * sizeof(struct text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(print_load_print),
	    cmocka_unit_test(a_rule_whole),
	    cmocka_unit_test(the_sample),
	    cmocka_unit_test(secrets_are_masked),
	    cmocka_unit_test(the_manual_is_the_table),
	    cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
