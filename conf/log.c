#include "conf/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/log_value.h"

#define REPEATS   32
#define EVENT_MAX 40
#define WINDOW_MS 1000

/* One event name that was limited or may be soon. */
struct repeat {
	char event[EVENT_MAX]; /* "": free */
	enum log_level level;
	int64_t since_ms; /* when its second began */
	unsigned told, left_out;
};

static struct {
	int fd;
	enum log_level level;
	bool json;
	char role[16];
	int slot;
} out = {.fd = STDERR_FILENO, .level = LOG_INFO, .role = "-", .slot = -1};

static _Thread_local struct repeat repeats[REPEATS];
static _Thread_local unsigned nleft_out; /* entries with left_out > 0 */

int log_open(const struct log_options *o)
{
	int fd = STDERR_FILENO;

	if (o->file.p != NULL) {
		fd = open(o->file.p, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
		if (fd < 0)
			return -errno;
	}
	if (out.fd != STDERR_FILENO)
		close(out.fd);
	out.fd = fd;
	out.level = o->level;
	out.json = o->json;
	return 0;
}

int log_descriptor(void)
{
	return out.fd;
}

void log_identify(const char *role, int slot)
{
	snprintf(out.role, sizeof out.role, "%s", role);
	out.slot = slot;
}

bool log_enabled(enum log_level level)
{
	return level <= out.level;
}

static int64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Days since 1970-01-01 to a Gregorian date, without gmtime(), which may read a file and allocate. */
static void date_of_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468; /* since 0000-03-01, so that a leap day ends its year */
	int64_t era = z / 146097;
	int64_t doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static void line_begin(struct log_line *l, enum log_level level, const char *event)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	struct timespec ts;
	int64_t seconds;
	char head[96];
	int year;
	int month;
	int day;
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	seconds = ts.tv_sec % 86400;
	date_of_days(ts.tv_sec / 86400, &year, &month, &day);
	log_line_init(l, out.json);
	n = snprintf(head, sizeof head, "%s%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", out.json ? "{\"time\":\"" : "", year,
	    month, day, (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60),
	    (int)(ts.tv_nsec / 1000000));
	log_line_raw(l, head, (size_t)n);
	if (out.json) {
		log_line_raw(l, "\"", 1);
		log_line_pair(l, "level", 5, names[level], strlen(names[level]), false);
		log_line_pair(l, "role", 4, out.role, strlen(out.role), false);
		if (out.slot >= 0) {
			n = snprintf(head, sizeof head, "%d", out.slot);
			log_line_pair(l, "slot", 4, head, (size_t)n, true);
		}
		log_line_pair(l, "event", 5, event, strlen(event), false);
		return;
	}
	n = snprintf(head, sizeof head, " %s %s ", names[level], out.role);
	log_line_raw(l, head, (size_t)n);
	n = out.slot >= 0 ? snprintf(head, sizeof head, "%d ", out.slot) : snprintf(head, sizeof head, "- ");
	log_line_raw(l, head, (size_t)n);
	log_line_value(l, event, strlen(event));
}

static void line_end(struct log_line *l, unsigned left_out)
{
	ssize_t wrote;

	log_line_finish(l, left_out);
	/* What a full disk or a gone reader does not take is lost: there is nobody to tell. */
	do
		wrote = write(out.fd, l->buf, l->n);
	while (wrote < 0 && errno == EINTR);
}

static void tell_left_out(struct repeat *r)
{
	struct log_line l;

	line_begin(&l, r->level, r->event);
	line_end(&l, r->left_out);
	r->left_out = 0;
	nleft_out--;
}

/* Entries whose second is over say what they left out, even if their event never comes again. */
static void sweep(int64_t now)
{
	for (unsigned i = 0; i < REPEATS && nleft_out > 0; i++)
		if (repeats[i].left_out > 0 && now - repeats[i].since_ms >= WINDOW_MS)
			tell_left_out(&repeats[i]);
}

void log_flush(void)
{
	for (unsigned i = 0; i < REPEATS && nleft_out > 0; i++)
		if (repeats[i].left_out > 0)
			tell_left_out(&repeats[i]);
}

/* The entry of EVENT, a free one, or the oldest, told off first. */
static struct repeat *repeat_of(enum log_level level, const char *event, int64_t now)
{
	struct repeat *oldest = &repeats[0];

	for (unsigned i = 0; i < REPEATS; i++) {
		if (repeats[i].level == level && strncmp(repeats[i].event, event, EVENT_MAX - 1) == 0)
			return &repeats[i];
		if (repeats[i].since_ms < oldest->since_ms)
			oldest = &repeats[i];
	}
	if (oldest->left_out > 0)
		tell_left_out(oldest);
	snprintf(oldest->event, sizeof oldest->event, "%s", event);
	oldest->level = level;
	oldest->since_ms = now;
	oldest->told = 0;
	return oldest;
}

/* True when the line may be written; *LEFT_OUT is what it must tell. */
static bool admit(enum log_level level, const char *event, unsigned *left_out)
{
	int64_t now = monotonic_ms();
	struct repeat *r;

	*left_out = 0;
	r = level <= LOG_WARN ? repeat_of(level, event, now) : NULL;
	if (r != NULL && now - r->since_ms >= WINDOW_MS) {
		if (r->left_out > 0)
			nleft_out--;
		*left_out = r->left_out;
		r->left_out = 0;
		r->told = 0;
		r->since_ms = now;
	}
	if (nleft_out > 0)
		sweep(now);
	if (r == NULL)
		return true;
	if (r->told < LOG_BURST) {
		r->told++;
		return true;
	}
	if (r->left_out++ == 0)
		nleft_out++;
	return false;
}

void log_event(enum log_level level, const char *event, const char *keys, ...)
{
	int saved = errno;
	struct log_line l;
	unsigned left_out;
	va_list ap;

	if (!log_enabled(level) || !admit(level, event, &left_out))
		goto done;
	line_begin(&l, level, event);
	errno = saved; /* for %m */
	va_start(ap, keys);
	log_line_pairs(&l, keys, &ap);
	va_end(ap);
	line_end(&l, left_out);
done:
	errno = saved;
}
