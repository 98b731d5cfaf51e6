/*
 * fuzz_sio_attach.c - placeholders, against a recursive search that reads every level anew; and what is renumbered is
 * renumbered to itself.
 */
#include "proto/error.h"
#include "proto/sio_attach.h"
#include "tests/fuzz/fuzz.h"

#define ATTACHMENTS 4u

static const struct json_limits lim = {.depth = 100};

struct found {
	size_t count, faults;
	uint8_t num[SIO_ATTACHMENTS_MAX];
};

static void search(struct slice v, struct found *f)
{
	struct json_iter it = json_iter(v);
	struct slice key, value;
	double num;

	if (json_type(v) == JSON_ARRAY) {
		while (json_next_element(&it, &value))
			search(value, f);
	} else if (json_type(v) == JSON_OBJECT) {
		if (json_get(v, SLICE("_placeholder"), &value) && json_type(value) == JSON_TRUE) {
			if (!json_get(v, SLICE("num"), &value) || !json_number(value, &num) || num < 0 ||
			    num >= ATTACHMENTS || num != (unsigned)num)
				f->faults++;
			else if (f->count < SIO_ATTACHMENTS_MAX)
				f->num[f->count] = (uint8_t)num;
			f->count++;
			return;
		}
		while (json_next_member(&it, &key, &value))
			search(value, f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size);
	uint8_t map[SIO_ATTACHMENTS_MAX], again[SIO_ATTACHMENTS_MAX];
	unsigned nmap, nagain;
	struct found f = {0};
	ssize_t n, m;
	char *out, *twice;

	if (!json_valid(in, &lim)) {
		/* Makes no sense, and reads nothing else. */
		(void)sio_attach_renumber(in, ATTACHMENTS, NULL, 0, map, &nmap);
		return 0;
	}
	search(json_trim(in), &f);
	must(sio_attach_check(in, ATTACHMENTS) == (f.faults ? PROTO_EATTACH : (ssize_t)f.count));
	n = sio_attach_renumber(in, ATTACHMENTS, NULL, 0, map, &nmap);
	if (f.faults || f.count > SIO_ATTACHMENTS_MAX) {
		must(n == PROTO_EATTACH);
		return 0;
	}
	must(n > 0 && nmap == f.count && (nmap == 0 || memcmp(map, f.num, nmap) == 0));
	must((size_t)n <= size + nmap * SIO_PLACEHOLDER_MAX);
	out = malloc((size_t)n);
	twice = malloc((size_t)n);
	must(out != NULL && twice != NULL);
	must(sio_attach_renumber(in, ATTACHMENTS, out, (size_t)n / 2, map, &nmap) == n);
	must(sio_attach_renumber(in, ATTACHMENTS, out, (size_t)n, map, &nmap) == n);
	must(json_valid(slice_make(out, (size_t)n), &lim));
	must(sio_attach_check(slice_make(out, (size_t)n), nmap) == (ssize_t)nmap);
	m = sio_attach_renumber(slice_make(out, (size_t)n), nmap, twice, (size_t)n, again, &nagain);
	must(m == n && nagain == nmap && memcmp(out, twice, (size_t)n) == 0);
	for (unsigned i = 0; i < nmap; i++)
		must(again[i] == i);
	free(out);
	free(twice);
	return 0;
}
