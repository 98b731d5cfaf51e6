#include <string.h>

#include "conf/load.h"

#define LONGEST 40

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if (c == '-')
		return '_';
	return c;
}

/*
 * Edits that turn A into B: insert, delete, replace, swap of neighbours (optimal string alignment).  Case, and - for _,
 * are no edits.
 */
static unsigned distance(const char *a, size_t an, const char *b, size_t bn)
{
	unsigned row[3][LONGEST + 1];
	unsigned(*before)[LONGEST + 1] = &row[0];
	unsigned(*last)[LONGEST + 1] = &row[1];
	unsigned(*now)[LONGEST + 1] = &row[2];

	for (size_t j = 0; j <= bn; j++)
		(*last)[j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		unsigned(*spare)[LONGEST + 1] = before;

		(*now)[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);
			size_t best = smaller((*last)[j] + 1U, (*now)[j - 1] + 1U);

			best = smaller(best, (*last)[j - 1] + (same ? 0U : 1U));
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
				best = smaller(best, (*before)[j - 2] + 1U);
			(*now)[j] = (unsigned)best;
		}
		before = last;
		last = now;
		now = spare;
	}
	return (*last)[bn];
}

void suggest_init(struct suggest *s, struct text given)
{
	*s = (struct suggest){.given = given, .distance = (unsigned)(given.n / 3 + 1)};
}

void suggest_offer(struct suggest *s, const char *name, size_t n)
{
	unsigned d;

	if (s->given.n > LONGEST || n > LONGEST)
		return;
	d = distance(s->given.p, s->given.n, name, n);
	/* A name that would have to be replaced altogether was not meant. */
	if (d < n && (s->best.p == NULL ? d <= s->distance : d < s->distance)) {
		s->distance = d;
		s->best = (struct text){name, n};
	}
}

void suggest_offer_words(struct suggest *s, const char *words)
{
	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		suggest_offer(s, words, n);
		words += n + strspn(words + n, " ");
	}
}

const char *suggest_text(struct load *l, const struct suggest *s)
{
	if (s->best.p == NULL)
		return "";
	return conf_arena_format(l->scratch, ": did you mean `%.*s`?", (int)s->best.n, s->best.p).p;
}
