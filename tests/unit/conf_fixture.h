/*
 * conf_fixture.h - conf files of a test, in a folder of its own that conf_fixture_end() removes.
 */
#ifndef FORKCAST_TESTS_CONF_FIXTURE_H
#define FORKCAST_TESTS_CONF_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"

/* What a conf needs to be whole when a test is about something else. */
#define CONF_REST "\nlisten :0 { }\nauth { anonymous = yes }\n"

static char fixture_dir[64];

static inline const char *fixture_path(const char *name)
{
	static char path[4][512];
	static unsigned turn;

	if (fixture_dir[0] == '\0') {
		snprintf(fixture_dir, sizeof fixture_dir, "/tmp/forkcast-test-XXXXXX");
		if (mkdtemp(fixture_dir) == NULL)
			abort();
	}
	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", fixture_dir, name);
	return path[turn];
}

static inline const char *fixture_write(const char *name, const char *text, size_t n)
{
	const char *path = fixture_path(name);
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(text, 1, n, f) != n || fclose(f) != 0)
		abort();
	return path;
}

/* The conf of TEXT; NULL, and the mistakes on stdout, when it is refused. */
static inline struct conf *fixture_load(const char *text, bool dev)
{
	const char *path = fixture_write("test.conf", text, strlen(text));
	struct conf_errors errors;
	struct conf *c;

	conf_load(path, dev, &c, &errors);
	for (unsigned i = 0; i < errors.n; i++)
		printf("%s\n", errors.line[i]);
	conf_errors_free(&errors);
	return c;
}

static inline int conf_fixture_end(void **state)
{
	DIR *d = fixture_dir[0] != '\0' ? opendir(fixture_dir) : NULL;
	struct dirent *e;

	(void)state;
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	return fixture_dir[0] != '\0' ? rmdir(fixture_dir) : 0;
}

#endif
