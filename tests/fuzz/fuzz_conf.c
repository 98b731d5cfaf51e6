/*
 * fuzz_conf.c - any bytes as a conf file: refused with lines that begin with file:line, or loaded, and then what is
 * printed of it loads again and prints the same; and it can be described.
 *
 * The bytes are read from a file in memory, since conf_load() reads files; the mode is the first byte's last bit.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/tools.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf *load(const void *data, size_t size, bool dev, struct conf_errors *errors)
{
	int fd = memfd_create("conf", 0);
	char path[64];
	struct conf *c;
	int rc;

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	rc = conf_load(path, dev, &c, errors);
	close(fd);
	assert((rc == 0) == (c != NULL));
	assert(rc == 0 || rc == -EFBIG || (rc == -EINVAL && errors->n > 0));
	return c;
}

static char *printed(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert(f != NULL);
	conf_print(c, f);
	fclose(f);
	return text;
}

/* Masked secrets cannot be loaded: each gets one of its own. */
static char *unmasked(const char *text)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);
	unsigned serial = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (strncmp(p, "\"****\"", 6) == 0) {
			fprintf(f, "\"stand-in-of-64-bytes-and-more-0123456789abcdef0123456789abcdef-%u\"", serial++);
			p += 5;
		} else {
			fputc(*p, f);
		}
	}
	fclose(f);
	return out;
}

static void check_errors(struct conf_errors *errors)
{
	for (unsigned i = 0; i < errors->n; i++) {
		const char *colon = strchr(errors->line[i], ':');
		const char *what = colon != NULL ? strstr(colon, ": ") : NULL;

		assert(what != NULL && strlen(errors->line[i]) < 4096);
		/* What reaches libConfuse is sound, and is read by it as it was by us. */
		assert(strncmp(what, ": libConfuse", 12) != 0);
	}
	conf_errors_free(errors);
}

/* All of it by doc and types, each event and room type by explain. */
static void described(const struct conf *c)
{
	FILE *f = fopen("/dev/null", "w");

	assert(f != NULL);
	tools_doc(c, f);
	tools_types(c, f);
	for (unsigned i = 0; i < c->catalogue.nnsp; i++) {
		const struct catalogue_nsp *nsp = &c->catalogue.nsp[i];
		struct tools_question q = {.nsp = nsp->pattern ? "/" : nsp->name.p, .user = "u", .role = "r"};

		for (unsigned j = 0; j < nsp->nevent; j++) {
			q.event = nsp->event[j].name.p;
			tools_explain(c, &q, f);
		}
		q.event = NULL;
		for (unsigned j = 0; j < nsp->nroom_type; j++) {
			q.room = nsp->room_type[j].name.p;
			tools_explain(c, &q, f);
		}
	}
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool dev = size > 0 && (data[0] & 1) != 0;
	struct conf_errors errors;
	struct conf *c = load(data, size, dev, &errors);

	check_errors(&errors);
	if (c != NULL) {
		char *first = printed(c);
		char *text = unmasked(first);
		struct conf *again = load(text, strlen(text), dev, &errors);
		char *second;

		for (unsigned i = 0; i < errors.n; i++)
			fprintf(stderr, "%s\n", errors.line[i]);
		assert(again != NULL);
		second = printed(again);
		assert(strcmp(first, second) == 0);
		described(c);
		conf_free(again);
		free(first);
		free(text);
		free(second);
	}
	conf_free(c);
	return 0;
}
