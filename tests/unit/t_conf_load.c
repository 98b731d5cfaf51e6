/* t_conf_load.c - defaults, values with units, strings and environment, include(), files of secrets, --dev. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "tests/unit/conf_fixture.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static void defaults(void **state)
{
	struct conf *c = fixture_load(CONF_REST, false);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->name.n, 12);
	assert_true(c->workers >= 1 && c->workers <= 120);
	assert_false(c->cpu_affinity);
	assert_null(c->user.p);
	assert_null(c->pid_file.p);
	assert_true(c->runtime_dir.p[0] == '/');
	assert_int_equal(c->watchdog, 2000);
	assert_int_equal(c->max_connections, 0);
	assert_int_equal(c->max_rooms, 100);
	assert_int_equal(c->max_backlog, 1 << 20);
	assert_int_equal(c->header_timeout, 10000);
	assert_int_equal(c->ntrusted, 0);
	assert_int_equal(c->nlisten, 1);
	assert_int_equal(c->listen[0].backlog, 4096);
	assert_int_equal(c->nadmin, 0);
	assert_string_equal(c->engine.path.p, "/socket.io/");
	assert_int_equal(c->engine.ping_interval, 25000);
	assert_int_equal(c->engine.ping_timeout, 20000);
	assert_int_equal(c->engine.connect_timeout, 45000);
	assert_int_equal(c->engine.idle_timeout, 0);
	assert_int_equal(c->engine.max_payload, 1000000);
	assert_int_equal(c->engine.upgrade_timeout, 10000);
	assert_int_equal(c->engine.transports, CONF_TRANSPORT_POLLING | CONF_TRANSPORT_WEBSOCKET);
	assert_true(c->engine.allow_upgrades);
	assert_int_equal(c->engine.norigin, 0);
	assert_false(c->engine.credentials);
	assert_false(c->engine.cookie.on);
	assert_string_equal(c->engine.cookie.name.p, "io");
	assert_false(c->engine.compression);
	assert_int_equal(c->engine.compression_threshold, 1024);
	assert_true(c->engine.http_compression);
	assert_true(c->engine.serve_client);
	assert_null(c->engine.client_dir.p);
	assert_int_equal(c->necho, 0);
	assert_int_equal(c->auth.nsource, 2);
	assert_int_equal(c->auth.source[0].kind, CONF_TOKEN_AUTH);
	assert_int_equal(c->auth.source[1].kind, CONF_TOKEN_BEARER);
	assert_int_equal(c->auth.nuser, 3);
	assert_string_equal(c->auth.user[1].p, "userId");
	assert_int_equal(c->auth.nname, 2);
	assert_int_equal(c->auth.nrole, 1);
	assert_int_equal(c->auth.nroom, 3);
	assert_string_equal(c->auth.room[0].written.p, "user:{@user.id}");
	assert_int_equal(c->auth.expiry, CONF_EXPIRY_DISCONNECT);
	assert_int_equal(c->shm.sessions, 100000);
	assert_int_equal(c->shm.ring_size, 16 << 20);
	assert_int_equal(c->shm.overflow, 64 << 20);
	assert_int_equal(c->shm.store_size, 256 << 20);
	assert_int_equal(c->log.level, LOG_INFO);
	assert_false(c->log.json);
	assert_null(c->log.file.p);
	assert_int_equal(c->catalogue.nnsp, 1);
	assert_int_equal(c->catalogue.nevents, 0);
	for (int i = 0; i < REFUSAL_MAX; i++)
		assert_true(c->catalogue.texts[i].n > 0);
	assert_string_equal(c->catalogue.texts[REFUSAL_BUSY].p, "The server is busy, try again later");
	conf_free(c);
}

static void values(void **state)
{
	static const char text[] =
	    "workers = 7 cpu_affinity = yes watchdog = 500ms header_timeout=1m\n"
	    "// comment\n/* and\n another */ max_backlog = 64K # third\n"
	    "max_connections = 12 max_rooms = 3 user = www-data name = a-b_1\n"
	    "runtime_dir = /run/x pid_file = /run/x.pid\n"
	    "trusted_proxies = {10.0.0.0/8, 192.0.2.7, \"fe80::/10\"}\n"
	    "listen \"[::1]:3000\" { backlog = 1 }\nlisten \"unix:/run/a.sock\" { }\nlisten \"*:0\" { }\n"
	    "admin 127.0.0.1:9 { key = abc client ci { key = def may = {read, publish} } }\n"
	    "engine { idle_timeout = 2h max_payload = 1M ping_interval = 300ms transports = {websocket} }\n"
	    "auth { sources = {query.token, cookie.sid} expiry = refuse rooms = global:all\n"
	    "  jwt k1 { secret = " SECRET " issuer = me leeway = 0 }\n"
	    "  jwt k2 { algorithm = HS512 secret = " SECRET SECRET " audience = \"you, all\" }\n"
	    "  claims { user = https://x/uid role = {a.b} } }\n"
	    "shm { sessions = 16 ring_size = 64K store_size = 1G }\n"
	    "log { level = debug format = json file = /var/log/f.log }\n"
	    "texts { busy = \"later\" }\n";
	struct conf *c = fixture_load(text, false);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->workers, 7);
	assert_true(c->cpu_affinity);
	assert_int_equal(c->watchdog, 500);
	assert_int_equal(c->header_timeout, 60000);
	assert_int_equal(c->max_backlog, 65536);
	assert_int_equal(c->max_connections, 12);
	assert_int_equal(c->max_rooms, 3);
	assert_string_equal(c->user.p, "www-data");
	assert_string_equal(c->name.p, "a-b_1");
	assert_string_equal(c->pid_file.p, "/run/x.pid");
	assert_int_equal(c->ntrusted, 3);
	assert_int_equal(c->trusted[0].family, 4);
	assert_int_equal(c->trusted[0].bits, 8);
	assert_int_equal(c->trusted[0].addr[0], 10);
	assert_int_equal(c->trusted[1].bits, 32);
	assert_int_equal(c->trusted[2].family, 6);
	assert_int_equal(c->trusted[2].bits, 10);
	assert_int_equal(c->nlisten, 3);
	assert_string_equal(c->listen[0].addr.host.p, "::1");
	assert_int_equal(c->listen[0].addr.port, 3000);
	assert_int_equal(c->listen[0].addr.line, 8);
	assert_string_equal(c->listen[0].addr.title.p, "[::1]:3000");
	assert_int_equal(c->listen[0].backlog, 1);
	assert_true(c->listen[1].addr.is_unix);
	assert_string_equal(c->listen[1].addr.path.p, "/run/a.sock");
	assert_int_equal(c->listen[2].addr.host.n, 0);
	assert_int_equal(c->listen[2].addr.port, 0);
	assert_int_equal(c->nadmin, 1);
	assert_int_equal(c->admin[0].nclient, 2);
	assert_string_equal(c->admin[0].client[0].name.p, "");
	assert_string_equal(c->admin[0].client[0].key.p, "abc");
	assert_int_equal(c->admin[0].client[0].may, CONF_MAY_ALL);
	assert_string_equal(c->admin[0].client[1].name.p, "ci");
	assert_int_equal(c->admin[0].client[1].may, CONF_MAY_READ | CONF_MAY_PUBLISH);
	assert_false(c->admin[0].client[1].generated);
	assert_int_equal(c->engine.idle_timeout, 7200000);
	assert_int_equal(c->engine.max_payload, 1 << 20);
	assert_int_equal(c->engine.ping_interval, 300);
	assert_int_equal(c->auth.source[0].kind, CONF_TOKEN_QUERY);
	assert_string_equal(c->auth.source[0].name.p, "token");
	assert_int_equal(c->auth.source[1].kind, CONF_TOKEN_COOKIE);
	assert_int_equal(c->auth.expiry, CONF_EXPIRY_REFUSE);
	assert_int_equal(c->auth.nroom, 1);
	assert_int_equal(c->auth.njwt, 2);
	assert_string_equal(c->auth.jwt[0].kid.p, "k1");
	assert_string_equal(c->auth.jwt[0].secret.p, SECRET);
	assert_string_equal(c->auth.jwt[0].issuer.p, "me");
	assert_null(c->auth.jwt[0].audience.p);
	assert_int_equal(c->auth.jwt[0].leeway, 0);
	assert_int_equal(c->auth.jwt[1].alg, CONF_HS512);
	assert_string_equal(c->auth.jwt[1].audience.p, "you, all");
	assert_int_equal(c->auth.jwt[1].leeway, 30000);
	assert_string_equal(c->auth.user[0].p, "https://x/uid");
	assert_int_equal(c->shm.store_size, 1 << 30);
	assert_int_equal(c->log.level, LOG_DEBUG);
	assert_true(c->log.json);
	assert_string_equal(c->log.file.p, "/var/log/f.log");
	assert_string_equal(c->catalogue.texts[REFUSAL_BUSY].p, "later");
	conf_free(c);
}

static void the_engine(void **state)
{
	static const char text[] =
	    "engine { transports = polling  allow_upgrades = no  upgrade_timeout = 3s  compression = yes\n"
	    "  compression_threshold = 0  http_compression = no  serve_client = no  client_dir = /srv/client\n"
	    "  origins = {HTTPS://App.Example.COM, https://a.example:443, http://b.example:80, http://c.example:443,\n"
	    "    \"https://*.Example.com:8443\", \"http://[::1]:3000, http://127.0.0.1:65535\", \"*\"}\n"
	    "  cookie { } }\n"
	    "echo \"/ws\" { }\necho \"/ws/2\" { max_message = 64 }\n"
	    "echo \"/engine.io/\" { protocol = engine.io  max_message = 1M }\necho \"/socket.iox\" { }\n";
	static const char *const origins[] = {"https://app.example.com", "https://a.example", "http://b.example",
	    "http://c.example:443", "https://*.example.com:8443", "http://[::1]:3000", "http://127.0.0.1:65535", "*"};
	char whole[1024];
	struct conf *c;

	(void)state;
	snprintf(whole, sizeof whole, "%s" CONF_REST, text);
	c = fixture_load(whole, false);
	assert_non_null(c);
	assert_int_equal(c->engine.transports, CONF_TRANSPORT_POLLING);
	assert_false(c->engine.allow_upgrades);
	assert_int_equal(c->engine.upgrade_timeout, 3000);
	assert_true(c->engine.compression);
	assert_int_equal(c->engine.compression_threshold, 0);
	assert_false(c->engine.http_compression);
	assert_false(c->engine.serve_client);
	assert_string_equal(c->engine.client_dir.p, "/srv/client");
	assert_int_equal(c->engine.norigin, sizeof origins / sizeof origins[0]);
	for (unsigned i = 0; i < c->engine.norigin; i++)
		assert_string_equal(c->engine.origin[i].p, origins[i]);
	assert_true(c->engine.cookie.on);
	assert_string_equal(c->engine.cookie.name.p, "io");
	assert_true(c->engine.cookie.http_only);
	assert_int_equal(c->engine.cookie.samesite, CONF_SAMESITE_LAX);
	assert_false(c->engine.cookie.secure);
	assert_string_equal(c->engine.cookie.path.p, "/");
	assert_int_equal(c->necho, 4);
	assert_string_equal(c->echo[0].path.p, "/ws");
	assert_int_equal(c->echo[0].protocol, CONF_ECHO_WEBSOCKET);
	assert_int_equal(c->echo[0].max_message, 16 << 20);
	assert_int_equal(c->echo[1].max_message, 64);
	assert_string_equal(c->echo[2].path.p, "/engine.io/");
	assert_int_equal(c->echo[2].protocol, CONF_ECHO_ENGINE);
	assert_int_equal(c->echo[2].max_message, 1 << 20);
	conf_free(c);
	c = fixture_load("engine { origins = https://a  credentials = yes  cookie { name = __Host-x  httponly = no\n"
			 "samesite = none  secure = yes  path = /p } }" CONF_REST,
	    false);
	assert_non_null(c);
	assert_true(c->engine.credentials);
	assert_string_equal(c->engine.cookie.name.p, "__Host-x");
	assert_false(c->engine.cookie.http_only);
	assert_int_equal(c->engine.cookie.samesite, CONF_SAMESITE_NONE);
	assert_true(c->engine.cookie.secure);
	assert_string_equal(c->engine.cookie.path.p, "/p");
	conf_free(c);
	/* an engine block without cookie has none */
	c = fixture_load("engine { path = /x/ }\necho \"/socket.io/\" { }" CONF_REST, false);
	assert_non_null(c);
	assert_false(c->engine.cookie.on);
	conf_free(c);
}

/* A text is stored as it was meant: seen through `texts`, which take any line. */
static void strings_and_environment(void **state)
{
	static const struct {
		const char *written, *meant;
	} rows[] = {
	    {"abc", "abc"},
	    {"a:b/c.d_e-f|g@h%i", "a:b/c.d_e-f|g@h%i"},
	    {"http://x//y", "http://x//y"},
	    {"\"a b\"", "a b"},
	    {"\"\\\"q\\\" \\\\ \\$ \"", "\"q\" \\ $ "},
	    {"\"$ $x {y}\"", "$ $x {y}"},
	    {"\"#{a} // /* \"", "#{a} // /* "},
	    {"'${FORKCAST_TEST_SET} \\n \\\\ \\' \"'", "${FORKCAST_TEST_SET} \\n \\ ' \""},
	    {"\"${FORKCAST_TEST_SET}\"", "va$l\\ue"},
	    {"\"<${FORKCAST_TEST_SET}${FORKCAST_TEST_SET:-no}>\"", "<va$l\\ueva$l\\ue>"},
	    {"\"${FORKCAST_TEST_UNSET:-dflt 1}\"", "dflt 1"},
	    {"\"a${FORKCAST_TEST_UNSET:-}b\"", "ab"},
	    {"\"${FORKCAST_TEST_EMPTY:-dflt}\"", "dflt"},
	    {"\"a${FORKCAST_TEST_EMPTY}b\"", "ab"},
	    {"\"${FORKCAST_TEST_UNSET:-\\\"\\$}\"", "\"$"},
	    {"\"\\${FORKCAST_TEST_SET}\"", "${FORKCAST_TEST_SET}"},
	    {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	};

	(void)state;
	setenv("FORKCAST_TEST_SET", "va$l\\ue", 1);
	setenv("FORKCAST_TEST_EMPTY", "", 1);
	unsetenv("FORKCAST_TEST_UNSET");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		struct conf *c;

		snprintf(text, sizeof text, "texts { busy = %s }" CONF_REST, rows[i].written);
		c = fixture_load(text, false);
		assert_non_null(c);
		assert_string_equal(c->catalogue.texts[REFUSAL_BUSY].p, rows[i].meant);
		conf_free(c);
	}
}

/* libConfuse must not see a variable in what came out of one, nor in single quotes. */
static void environment_is_expanded_once(void **state)
{
	struct conf *c;

	(void)state;
	setenv("FORKCAST_TEST_OUTER", "${FORKCAST_TEST_INNER}\\n", 1);
	setenv("FORKCAST_TEST_INNER", "wrong", 1);
	c = fixture_load("texts { busy = \"${FORKCAST_TEST_OUTER}\" }" CONF_REST, false);
	assert_non_null(c);
	assert_string_equal(c->catalogue.texts[REFUSAL_BUSY].p, "${FORKCAST_TEST_INNER}\\n");
	conf_free(c);
}

static void include_is_relative_to_its_file(void **state)
{
	static const char inner[] = "room \"a\" { }\ninclude(\"deep.conf\")\n";
	static const char deep[] = "\nroom \"b\" { }\nlisten \":0\" { }\n";
	struct conf *c;

	(void)state;
	fixture_write("inner.conf", inner, strlen(inner));
	fixture_write("deep.conf", deep, strlen(deep));
	assert_int_equal(chdir("/"), 0);
	c = fixture_load("include(\"inner.conf\")\nroom \"c\" { }\nauth { anonymous = yes }", false);
	assert_non_null(c);
	assert_int_equal(c->catalogue.nsp[0].nroom_type, 6);
	assert_string_equal(c->listen[0].addr.file, fixture_path("deep.conf"));
	assert_int_equal(c->listen[0].addr.line, 3);
	conf_free(c);
}

static void wrong_includes(void **state)
{
	static const struct {
		const char *main, *other;
		const char *at, *say;
	} rows[] = {
	    {"\ninclude(\"none.conf\")", "", "test.conf:2: ", "cannot include"},
	    {"include(\"/tmp\")", "", "test.conf:1: ", "Is a directory"},
	    {"include(\"/dev/zero\")", "", "test.conf:1: ", "not a regular file"},
	    {"include(\"test.conf\")", "", "test.conf:1: ", "break the circle"},
	    {"include(\"other.conf\")", "\n\ninclude(\"./test.conf\")", "other.conf:3: ", "break the circle"},
	    {"include(\"other.conf\")", "\nworkers = 0", "other.conf:2: ", "out of range"},
	    {"workers = 1\ninclude(\"other.conf\")", "workers = 2", "other.conf:1: ", "first in line 1 of "},
	    {"include(\"other.conf\")", "room \"a\" {", "other.conf:1: ", "`room` is never closed"},
	    {"include(other.conf, x)", "", "test.conf:1: ", "write include("},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct conf_errors errors;
		char text[256];
		const char *path;
		struct conf *c;

		snprintf(text, sizeof text, "%s" CONF_REST, rows[i].main);
		fixture_write("other.conf", rows[i].other, strlen(rows[i].other));
		path = fixture_write("test.conf", text, strlen(text));
		assert_int_equal(conf_load(path, false, &c, &errors), -EINVAL);
		print_message("%s\n", errors.line[0]);
		assert_int_equal(errors.n, 1);
		assert_non_null(strstr(errors.line[0], rows[i].at));
		assert_non_null(strstr(errors.line[0], rows[i].say));
		conf_errors_free(&errors);
	}
}

/* A chain of files ends at a depth, a crowd of them at a number. */
static void include_has_limits(void **state)
{
	struct conf_errors errors;
	char name[32];
	char text[64];
	struct conf *c;

	(void)state;
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof name, "chain%d.conf", i);
		snprintf(text, sizeof text, "include(\"chain%d.conf\")", i + 1);
		fixture_write(name, text, strlen(text));
	}
	assert_int_equal(conf_load(fixture_path("chain0.conf"), true, &c, &errors), -EINVAL);
	assert_non_null(strstr(errors.line[errors.n - 1], "nested deeper than 8"));
	conf_errors_free(&errors);
}

static void secrets_from_files(void **state)
{
	struct conf_errors errors;
	struct conf *c;

	(void)state;
	fixture_write("jwt.key", SECRET "\n", sizeof SECRET);
	fixture_write("api.key", "k e y\r\n", 7);
	fixture_write("empty.key", "\n", 1);
	c = fixture_load(
	    "listen \":0\" { } auth { jwt \"a\" { secret_file = jwt.key } } admin \":1\" { key_file = api.key }",
	    false);
	assert_non_null(c);
	assert_string_equal(c->auth.jwt[0].secret.p, SECRET);
	assert_string_equal(c->admin[0].client[0].key.p, "k e y");
	assert_string_equal(strrchr(c->admin[0].client[0].file.p, '/'), "/api.key");
	assert_int_equal(c->admin[0].client[0].stamp.size, 7);
	conf_free(c);
	assert_null(fixture_load("admin \":1\" { key_file = empty.key }" CONF_REST, false));
	/* a mistake must not show what is secret */
	fixture_write("short.key", "hunter2", 7);
	assert_int_equal(
	    conf_load(fixture_write("test.conf", "listen \":0\" { } auth { jwt a { secret_file = short.key } }", 58),
		false, &c, &errors),
	    -EINVAL);
	assert_non_null(strstr(errors.line[0], "7 bytes is too short"));
	assert_null(strstr(errors.line[0], "hunter2"));
	conf_errors_free(&errors);
}

static void dev(void **state)
{
	static const char text[] =
	    "listen \"0.0.0.0:3000\" { }\nlisten \"[::]:3000\" { }\nlisten \"127.0.0.9:1\" { }\n"
	    "listen \"unix:/tmp/x\" { }\nlisten \"10.1.2.3:3001\" { }\nlisten \":3002\" { }\n"
	    "admin \"192.0.2.1:3003\" { client a { } client b { key = own } }\nadmin \":3004\" { }\n"
	    "auth { anonymous = no  jwt \"x\" { algorithm = HS512 } }\n"
	    "event \"only\" { dev = yes  emit = e  to = self }\nevent \"both\" { }\n";
	static const char *const hosts[] = {"127.0.0.1", "::1", "127.0.0.9", NULL, "127.0.0.1", "127.0.0.1"};
	const struct catalogue_nsp *nsp;
	struct conf *c = fixture_load(text, true);

	(void)state;
	assert_non_null(c);
	assert_true(c->dev);
	for (unsigned i = 0; i < 6; i++)
		if (hosts[i] != NULL)
			assert_string_equal(c->listen[i].addr.host.p, hosts[i]);
	assert_string_equal(c->admin[0].addr.host.p, "127.0.0.1");
	assert_true(c->auth.anonymous);
	assert_true(c->auth.jwt[0].generated);
	assert_int_equal(c->auth.jwt[0].secret.n, 64);
	assert_int_equal(c->admin[0].nclient, 2);
	assert_true(c->admin[0].client[0].generated);
	assert_false(c->admin[0].client[1].generated);
	assert_int_equal(c->admin[1].nclient, 1);
	assert_int_equal(c->admin[1].client[0].key.n, 32);
	assert_string_not_equal(c->admin[1].client[0].key.p, c->admin[0].client[0].key.p);
	nsp = &c->catalogue.nsp[0];
	assert_non_null(catalogue_event(nsp, "only", 4));
	assert_true(catalogue_event(nsp, "only", 4)->dev);
	conf_free(c);
	/* no jwt at all: one is made, to mint tokens with */
	c = fixture_load("listen \":0\" { }", true);
	assert_non_null(c);
	assert_int_equal(c->auth.njwt, 1);
	assert_int_equal(c->auth.jwt[0].secret.n, 64);
	conf_free(c);
	/* without --dev the rule is not there, and takes no index */
	c = fixture_load("event \"only\" { dev = yes }\nevent \"both\" { }" CONF_REST, false);
	assert_non_null(c);
	nsp = &c->catalogue.nsp[0];
	assert_null(catalogue_event(nsp, "only", 4));
	assert_int_equal(catalogue_event(nsp, "both", 4)->index, 0);
	assert_int_equal(c->catalogue.nevents, 1);
	conf_free(c);
}

/* Loading again and again, sound or not, leaves nothing behind that changes the next load (libConfuse has globals). */
static void loads_do_not_touch_each_other(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct conf *c;

		assert_null(fixture_load("name = \"abc", false));
		assert_null(fixture_load("engine { path = /* ", false));
		c = fixture_load("name = abc" CONF_REST, false);
		assert_non_null(c);
		assert_string_equal(c->name.p, "abc");
		conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(values),
	    cmocka_unit_test(the_engine),
	    cmocka_unit_test(strings_and_environment),
	    cmocka_unit_test(environment_is_expanded_once),
	    cmocka_unit_test(include_is_relative_to_its_file),
	    cmocka_unit_test(wrong_includes),
	    cmocka_unit_test(include_has_limits),
	    cmocka_unit_test(secrets_from_files),
	    cmocka_unit_test(dev),
	    cmocka_unit_test(loads_do_not_touch_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, conf_fixture_end);
}
