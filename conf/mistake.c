#include "conf/mistake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 60

void mistake(struct mistakes *m, struct place at, const char *format, ...)
{
	struct text what;
	va_list ap;
	char *p;
	int n;

	if (m->n >= MISTAKES_SHOWN) {
		m->n++; /* only counted */
		return;
	}
	va_start(ap, format);
	n = vasprintf(&p, format, ap);
	va_end(ap);
	if (n < 0)
		abort();
	what = conf_arena_text(m->arena, p, (size_t)n);
	free(p);
	for (unsigned i = 0; i < m->n; i++)
		if (m->list[i].at.file == at.file && m->list[i].at.line == at.line && text_equal(m->list[i].what, what))
			return;
	m->list = conf_arena_push(m->arena, m->list, m->n, sizeof *m->list);
	m->list[m->n] = (struct mistake){.at = at, .number = m->n, .what = what};
	m->n++;
}

const char *mistake_show(struct mistakes *m, struct text t)
{
	char *shown = conf_arena_alloc(m->arena, SHOWN + 8);
	size_t n = 0;
	size_t i = 0;

	while (i < t.n) {
		uint32_t rune = 0;
		size_t length = text_rune(t.p + i, t.n - i, &rune);
		bool hidden = length == 0 || text_rune_hidden(rune);

		if (n + length > SHOWN) {
			memcpy(shown + n, "...", 4);
			break;
		}
		if (hidden)
			shown[n++] = rune == '\n' || rune == '\t' ? ' ' : '?';
		else
			memcpy(shown + n, t.p + i, length);
		n += hidden ? 0 : length;
		i += length > 0 ? length : 1;
	}
	return shown;
}

static int by_place(const void *a, const void *b)
{
	const struct mistake *x = a;
	const struct mistake *y = b;

	if (x->at.file->number != y->at.file->number)
		return x->at.file->number < y->at.file->number ? -1 : 1;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void mistakes_tell(const struct mistakes *m, struct conf_errors *e)
{
	unsigned kept = m->n < MISTAKES_SHOWN ? m->n : MISTAKES_SHOWN;

	e->n = 0;
	e->line = calloc((size_t)kept + 1, sizeof *e->line);
	if (e->line == NULL)
		abort();
	if (kept > 0)
		qsort(m->list, kept, sizeof *m->list, by_place);
	for (unsigned i = 0; i < kept; i++) {
		const struct mistake *one = &m->list[i];

		if (asprintf(&e->line[e->n], "%s:%d: %s", one->at.file->path, one->at.line, one->what.p) < 0)
			abort();
		e->n++;
	}
	if (m->n > kept && asprintf(&e->line[e->n], "%s: and %u more", m->list[0].at.file->path, m->n - kept) > 0)
		e->n++;
}
