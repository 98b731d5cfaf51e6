#include "master/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *area; /* first byte of argv[0] */
static size_t area_len;
static char **moved; /* the environment; libc may replace the array, which it does not own */

void title_init(int argc, char **argv)
{
	size_t nenv = 0;
	char *end, **copy;

	if (argc == 0 || moved)
		return;
	end = argv[0];
	/* exec lays the strings out back to back; stop at the first that somebody has moved already. */
	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(argv[i]) + 1;
	while (environ && environ[nenv])
		nenv++;
	copy = calloc(nenv + 1, sizeof(*copy));
	if (!copy)
		return;
	for (size_t i = 0; i < nenv; i++) {
		if (environ[i] == end)
			end += strlen(environ[i]) + 1;
		copy[i] = strdup(environ[i]);
		if (!copy[i]) {
			while (i > 0)
				free(copy[--i]);
			free(copy);
			return;
		}
	}
	/* The copies live as long as the process: they are its environment. */
	environ = moved = copy;
	area = argv[0];
	area_len = (size_t)(end - area);
}

void title_set(const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!moved)
		return;
	va_start(ap, fmt);
	n = vsnprintf(area, area_len, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	/* Zeros to the very end: a non-zero last byte would make the kernel read on. */
	if ((size_t)n < area_len)
		memset(area + n, 0, area_len - (size_t)n);
}
