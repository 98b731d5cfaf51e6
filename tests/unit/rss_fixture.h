/*
 * rss_fixture.h - how much memory a test takes, as the kernel counts it.
 */
#ifndef FORKCAST_TESTS_RSS_FIXTURE_H
#define FORKCAST_TESTS_RSS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of /proc/self/status; KEY with its colon.  0 when it is not there. */
static inline size_t rss_status_kb(const char *key)
{
	char line[256];
	size_t kb = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			kb = strtoul(line + strlen(key), NULL, 10);
	}
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

/*
 * Lets the peak (VmHWM) start anew from what is resident now.  False where that means nothing: no such kernel, or a
 * sanitizer that keeps what was freed.
 */
static inline bool rss_peak_start(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#else
	FILE *f = fopen("/proc/self/clear_refs", "we");
	bool ok = f != NULL && fputs("5", f) >= 0;

	return f != NULL && fclose(f) == 0 && ok;
#endif
}

#endif
