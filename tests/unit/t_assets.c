/* t_assets.c - the files that browsers get: what counts as one of them, its tag, its compressed twin. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/assets.h"

static char dir[] = "/tmp/forkcast-assets-XXXXXX";
static struct assets *loaded;

static void path_of(const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", dir, name);
}

static void write_file(const char *name, const char *text, size_t n)
{
	char path[128];
	FILE *f;

	path_of(name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void put(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

/* Loads from the directory alone. */
static int load(void)
{
	struct conf conf = {.engine = {.serve_client = true, .client_dir = {dir, strlen(dir)}}};

	assets_free(loaded);
	return assets_load(&conf, &loaded);
}

static const struct asset *client(const char *name)
{
	return assets_client(loaded, slice_make(name, strlen(name)));
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	assets_free(loaded);
	loaded = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void nothing_there(void **state)
{
	(void)state;
	assert_int_equal(load(), -ENOENT);
	assert_non_null(loaded);
	assert_string_equal(loaded->client_dir, "");
	assert_null(client("socket.io.js"));
	assert_null(assets_client(NULL, SLICE("socket.io.js")));
	assert_false(assets_have_console(NULL));
}

static void only_the_names_of_the_table(void **state)
{
	(void)state;
	put("socket.io.js", "a");
	put("other.js", "b");
	assert_int_equal(load(), 0);
	assert_string_equal(loaded->client_dir, dir);
	assert_true(slice_is(client("socket.io.js")->body, "a"));
	assert_null(client("other.js"));
	assert_null(client("socket.io.j"));
	assert_null(assets_client(loaded, SLICE("socket.io.js\0x")));
	assert_null(client("./socket.io.js"));
	assert_null(client(""));
	assert_null(assets_console(loaded, SLICE("socket.io.js")));
}

/* Neither a directory nor a pipe nobody writes to holds up the start; an empty or a huge file is none of the package.
 */
static void only_ordinary_files(void **state)
{
	char path[128];
	char *huge = calloc(1, ASSETS_FILE_MAX + 1);

	(void)state;
	path_of("socket.io.js", path);
	assert_int_equal(mkdir(path, 0700), 0);
	path_of("socket.io.min.js", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	put("socket.io.esm.min.js", "");
	write_file("socket.io.msgpack.min.js", huge, ASSETS_FILE_MAX + 1);
	assert_int_equal(load(), -ENOENT);
	write_file("socket.io.msgpack.min.js", huge, ASSETS_FILE_MAX);
	assert_int_equal(load(), 0);
	assert_null(client("socket.io.js"));
	assert_null(client("socket.io.min.js"));
	assert_null(client("socket.io.esm.min.js"));
	assert_int_equal(client("socket.io.msgpack.min.js")->body.n, ASSETS_FILE_MAX);
	free(huge);
}

static void tag_is_the_version_of_a_banner(void **state)
{
	(void)state;
	put("socket.io.js.map", "{}");
	put("socket.io.msgpack.min.js", "/*!\n * Socket.IO v4.8.4\n * ...");
	assert_int_equal(load(), 0);
	assert_string_equal(client("socket.io.js.map")->etag, "\"4.8.4\"");
	assert_string_equal(client("socket.io.msgpack.min.js")->etag, "\"4.8.4\"");
}

/* Nothing that would end the tag gets into it, and no read goes past the end. */
static void tag_of_odd_banners(void **state)
{
	static const struct {
		const char *text, *tag; /* NULL: of the contents */
	} odd[] = {
	    {"Socket.IO v", NULL},
	    {"Socket.IO v\"\r\n", NULL},
	    {"Socket.IO v1\"\r\nx: y", "\"1\""},
	    {"Socket.IO v5", "\"5\""},
	    {"Socket.IO v5.0.0-beta.1\n", "\"5.0.0-beta.1\""},
	    {"Socket.IO v1234567890.1234567890.1234567890.12", "\"1234567890.1234567890.1234567890\""},
	    {"Socket.IO", NULL},
	    {"the banner is too far away: ............................................................................"
	     "....................Socket.IO v4.8.4",
		NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		const char *tag;

		put("socket.io.js", odd[i].text);
		assert_int_equal(load(), 0);
		tag = client("socket.io.js")->etag;
		if (odd[i].tag != NULL) {
			assert_string_equal(tag, odd[i].tag);
		} else {
			assert_int_equal(strlen(tag), 18);
			assert_int_equal(strspn(tag + 1, "0123456789abcdef"), 16);
		}
	}
}

static void tag_of_contents_follows_them(void **state)
{
	char before[40];

	(void)state;
	put("socket.io.js", "one");
	assert_int_equal(load(), 0);
	strcpy(before, client("socket.io.js")->etag);
	assert_int_equal(load(), 0);
	assert_string_equal(before, client("socket.io.js")->etag);
	put("socket.io.js", "two");
	assert_int_equal(load(), 0);
	assert_string_not_equal(before, client("socket.io.js")->etag);
}

static void compressed_twin(void **state)
{
	(void)state;
	put("socket.io.js", "plain");
	put("socket.io.js.gz", "packed");
	put("socket.io.min.js", "plain");
	put("socket.io.esm.min.js.gz", "packed");
	assert_int_equal(load(), 0);
	assert_true(slice_is(client("socket.io.js")->gzip, "packed"));
	assert_null(client("socket.io.min.js")->gzip.p);
	assert_null(client("socket.io.esm.min.js"));
}

/* A test's binary lies in build/FLAVOUR/tests: beside it is no `client`, and above it no share/. */
static void without_a_client_dir(void **state)
{
	struct conf conf = {.engine = {.serve_client = true}};

	(void)state;
	assert_int_equal(assets_load(&conf, &loaded), 0);
	assert_string_equal(loaded->client_dir, "");
	assert_null(client("socket.io.js"));
	assert_false(assets_have_console(loaded));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_there, setup, teardown),
	    cmocka_unit_test_setup_teardown(only_the_names_of_the_table, setup, teardown),
	    cmocka_unit_test_setup_teardown(only_ordinary_files, setup, teardown),
	    cmocka_unit_test_setup_teardown(tag_is_the_version_of_a_banner, setup, teardown),
	    cmocka_unit_test_setup_teardown(tag_of_odd_banners, setup, teardown),
	    cmocka_unit_test_setup_teardown(tag_of_contents_follows_them, setup, teardown),
	    cmocka_unit_test_setup_teardown(compressed_twin, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_a_client_dir, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
