/* t_conf_log.c - lines as text and JSON, escaping, levels, limits, one write a line. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <time.h>

#include <cmocka.h>

#include "conf/log.h"
#include "tests/unit/conf_fixture.h"

static char written[1 << 18];
static const char *path;
static char *volatile nothing;

static void begin(bool json, enum log_level level)
{
	struct log_options o = {.level = level, .json = json};

	path = fixture_path("log");
	unlink(path);
	o.file = (struct text){path, strlen(path)};
	assert_int_equal(log_open(&o), 0);
	log_identify("worker", 3);
}

/* What was written since begin(). */
static const char *lines(void)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(written, 1, sizeof written - 1, f);
	written[n] = '\0';
	fclose(f);
	return written;
}

/* The one text line, without its time. */
static const char *line(void)
{
	const char *text = lines();

	assert_true(strlen(text) > 26);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	written[strlen(text) - 1] = '\0';
	return text + 25;
}

/* The one JSON line behind its time. */
static const char *json_line(void)
{
	const char *text = lines();

	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	written[strlen(text) - 1] = '\0';
	assert_memory_equal(text, "{\"time\":\"", 9);
	return text + 34;
}

static void text_values(void **state)
{
	(void)state;
	begin(false, LOG_INFO);
	log_info("ready", "");
	assert_string_equal(line(), "info worker 3 ready");
	begin(false, LOG_INFO);
	log_identify("master", -1);
	log_info("ready", "a=%d b=%u c=%ld d=%zu e=%" PRIu64 " f=%.1f g=%x h=%c", -1, 2U, 3L, (size_t)4, UINT64_MAX,
	    1.25, 255U, 'q');
	assert_string_equal(line(), "info master - ready a=-1 b=2 c=3 d=4 e=18446744073709551615 f=1.2 g=ff h=q");
	begin(false, LOG_INFO);
	log_info("x", "plain=%s empty=%s space=%s none=%s from=%s:%u cut=%.*s lit=abc pct=%d%%", "a-b/c", "", "a b",
	    nothing, "10.0.0.1", 80U, 3, "abcdef", 50);
	assert_string_equal(line(),
	    "info worker 3 x plain=a-b/c empty=\"\" space=\"a b\" none=- from=10.0.0.1:80 cut=abc lit=abc pct=50%");
	begin(false, LOG_INFO);
	log_info("x", "q=%s nl=%s ctl=%s utf=%s bad=%s bidi=%s eq=%s", "a\"b\\c", "a\nb\tc\r", "\x1b[31m\x7f",
	    "\xc3\xa9", "\xff\xc3", "\xe2\x80\xae", "k=v");
	assert_string_equal(line(),
	    "info worker 3 x q=\"a\\\"b\\\\c\" nl=\"a\\nb\\tc\\x0d\" ctl=\"\\x1b[31m\\x7f\" utf=\"\xc3\xa9\" "
	    "bad=\"\\xff\\xc3\" bidi=\"\\u202e\" eq=\"k=v\"");
	begin(false, LOG_INFO);
	errno = ENOENT;
	log_info("open", "error=%m");
	assert_string_equal(line(), "info worker 3 open error=\"No such file or directory\"");
	errno = EBADF;
	log_info("x", "a=%d", 1);
	assert_int_equal(errno, EBADF);
}

static void json_values(void **state)
{
	(void)state;
	begin(true, LOG_INFO);
	log_info("ready", "");
	assert_string_equal(json_line(), ",\"level\":\"info\",\"role\":\"worker\",\"slot\":3,\"event\":\"ready\"}");
	begin(true, LOG_INFO);
	log_identify("master", -1);
	log_info("x", "a=%d b=%s c=%.2f d=%s:%d e=%x f=%05d g=%lld h=%f", -1, "2", 0.5, "h", 1, 10U, 7, 1LL << 60,
	    1.0 / 0.0);
	assert_string_equal(json_line(),
	    ",\"level\":\"info\",\"role\":\"master\",\"event\":\"x\",\"a\":-1,\"b\":\"2\",\"c\":0.50,"
	    "\"d\":\"h:1\",\"e\":\"a\",\"f\":\"00007\",\"g\":1152921504606846976,\"h\":\"inf\"}");
	begin(true, LOG_INFO);
	log_info("x", "q=%s nl=%s utf=%s bad=%s sep=%s none=%s", "a\"b\\c", "a\n\x01", "\xc3\xa9", "\xff",
	    "\xe2\x80\xa8", nothing);
	assert_string_equal(json_line(),
	    ",\"level\":\"info\",\"role\":\"worker\",\"slot\":3,\"event\":\"x\",\"q\":\"a\\\"b\\\\c\",\"nl\":"
	    "\"a\\n\\u0001\","
	    "\"utf\":\"\xc3\xa9\",\"bad\":\"\\ufffd\",\"sep\":\"\\u2028\",\"none\":\"-\"}");
}

static void the_time_is_iso_8601(void **state)
{
	struct tm tm = {0};
	time_t now = time(NULL);
	const char *rest;

	(void)state;
	begin(false, LOG_INFO);
	log_info("x", "");
	rest = strptime(lines(), "%Y-%m-%dT%H:%M:%S", &tm);
	assert_non_null(rest);
	assert_true(rest[0] == '.' && rest[4] == 'Z' && rest[5] == ' ');
	assert_true(timegm(&tm) >= now && timegm(&tm) <= now + 2);
}

static void levels(void **state)
{
	(void)state;
	begin(false, LOG_WARN);
	assert_true(log_enabled(LOG_ERROR));
	assert_false(log_enabled(LOG_INFO));
	log_info("info", "");
	log_debug("debug", "");
	assert_string_equal(lines(), "");
	log_error("error", "");
	assert_non_null(strstr(lines(), "error worker 3 error\n"));
	begin(false, LOG_DEBUG);
	log_debug("debug", "a=%d", 1);
	assert_string_equal(line(), "debug worker 3 debug a=1");
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *p = lines(); (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void nap(void)
{
	struct timespec ts = {1, 20 * 1000 * 1000};

	nanosleep(&ts, NULL);
}

static void repeats_are_limited_and_told(void **state)
{
	(void)state;
	begin(false, LOG_INFO);
	for (int i = 0; i < 50; i++) {
		log_warn("storm", "i=%d", i);
		log_warn("other", "i=%d", i);
		log_info("calm", "i=%d", i);
	}
	assert_int_equal(count(" storm "), LOG_BURST);
	assert_int_equal(count(" other "), LOG_BURST);
	assert_int_equal(count(" calm "), 50);
	assert_int_equal(count("repeated="), 0);
	nap();
	/* the next of the same event tells its own, and any line the others' */
	log_warn("storm", "i=%d", 50);
	assert_int_equal(count("storm i=50 repeated=30\n"), 1);
	assert_int_equal(count("warn worker 3 other repeated=30\n"), 1);
	assert_int_equal(count("repeated="), 2);
	log_flush();
	assert_int_equal(count("repeated="), 2);
	/* an error is not the warning of the same name */
	for (int i = 0; i < 30; i++)
		log_error("storm", "");
	assert_int_equal(count("error worker 3 storm\n"), LOG_BURST);
	log_flush();
	assert_int_equal(count("error worker 3 storm repeated=10\n"), 1);
	begin(true, LOG_INFO);
	nap();
	for (int i = 0; i < 22; i++)
		log_warn("storm", "");
	log_flush();
	assert_int_equal(count("\"event\":\"storm\",\"repeated\":2}\n"), 1);
}

/* More events at once than there are entries: none is forgotten. */
static void many_events_at_once(void **state)
{
	char name[32];
	unsigned told = 0;

	(void)state;
	begin(false, LOG_INFO);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "event%d", i);
		for (int j = 0; j < LOG_BURST + 3; j++)
			log_warn(name, "");
	}
	log_flush();
	told = count("repeated=3\n");
	assert_int_equal(told, 100);
	assert_int_equal(count("\n"), 100 * (LOG_BURST + 1));
}

static void a_line_is_cut_not_split(void **state)
{
	char big[3 * LOG_LINE];
	int pipes[2];
	ssize_t n;
	char buf[2 * LOG_LINE];

	(void)state;
	memset(big, 'a', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	begin(false, LOG_INFO);
	log_info("big", "a=%d b=%s c=%d", 1, big, 2);
	assert_true(strlen(lines()) <= LOG_LINE && strlen(lines()) > LOG_LINE - 100);
	assert_int_equal(count(" truncated=yes\n"), 1);
	begin(true, LOG_INFO);
	memset(big, '\n', sizeof big - 1);
	log_info("big", "a=%d b=%s c=%d", 1, big, 2);
	assert_int_equal(count("\\n\",\"truncated\":true}\n"), 1);
	assert_true(strlen(lines()) <= LOG_LINE);
	/* one write: a pipe in packet mode keeps the borders of writes */
	assert_int_equal(pipe2(pipes, O_DIRECT), 0);
	begin(false, LOG_INFO);
	assert_true(log_descriptor() > 2);
	assert_int_equal(dup2(pipes[1], log_descriptor()), log_descriptor());
	log_info("first", "x=%s", "a b");
	log_info("second", "");
	n = read(pipes[0], buf, sizeof buf);
	assert_true(n > 0 && buf[n - 1] == '\n');
	assert_non_null(memmem(buf, (size_t)n, "first x=\"a b\"\n", 14));
	assert_null(memmem(buf, (size_t)n, "second", 6));
	close(pipes[0]);
	close(pipes[1]);
}

static void a_file_that_cannot_be_opened_changes_nothing(void **state)
{
	struct log_options o = {.level = LOG_DEBUG, .file = {"/nonexistent/x", 14}};

	(void)state;
	begin(false, LOG_INFO);
	assert_int_equal(log_open(&o), -ENOENT);
	log_info("still", "");
	log_debug("not", "");
	assert_string_equal(line(), "info worker 3 still");
}

static int end(void **state)
{
	log_open(&(struct log_options){.level = LOG_INFO});
	return conf_fixture_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text_values),
	    cmocka_unit_test(json_values),
	    cmocka_unit_test(the_time_is_iso_8601),
	    cmocka_unit_test(levels),
	    cmocka_unit_test(repeats_are_limited_and_told),
	    cmocka_unit_test(many_events_at_once),
	    cmocka_unit_test(a_line_is_cut_not_split),
	    cmocka_unit_test(a_file_that_cannot_be_opened_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
