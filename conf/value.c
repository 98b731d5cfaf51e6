#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"
#include "conf/value_element.h"

#define SECRET_FILE_MAX 4096

static void *member(const struct reading *r)
{
	return r->base + r->o->offset;
}

/* Stores an integer in a member of 1, 4 or 8 bytes. */
static void store_number(const struct reading *r, int64_t n)
{
	void *p = member(r);
	uint8_t byte = (uint8_t)n;
	uint32_t word = (uint32_t)n;

	if (r->o->size == sizeof byte)
		memcpy(p, &byte, sizeof byte);
	else if (r->o->size == sizeof word)
		memcpy(p, &word, sizeof word);
	else
		memcpy(p, &n, sizeof n);
}

static const char *amount(const struct reading *r, int64_t n)
{
	char *p = NULL;
	size_t size;
	FILE *f = open_memstream(&p, &size);
	const char *kept;

	if (f == NULL)
		return "?";
	if (r->o->type == OPTION_DURATION || r->o->type == OPTION_SYNC)
		value_print_duration(n, f);
	else if (r->o->type == OPTION_SIZE || r->o->type == OPTION_POWER)
		value_print_size((uint64_t)n, f);
	else
		fprintf(f, "%lld", (long long)n);
	fclose(f);
	kept = conf_arena_text(r->l->scratch, p, size).p;
	free(p);
	return kept;
}

/* Leading digits of the value; the rest in *UNIT.  False when there are none or too many. */
static bool digits(const struct reading *r, int64_t *n, const char **unit)
{
	const char *p = r->t->text.p;

	*n = 0;
	while (*p >= '0' && *p <= '9') {
		if (*n > INT64_MAX / 10 - 1)
			return false;
		*n = *n * 10 + (*p++ - '0');
	}
	*unit = p;
	return p != r->t->text.p;
}

static bool within(const struct reading *r, int64_t n)
{
	if (n >= r->o->min && n <= r->o->max)
		return true;
	mistake(&r->l->mistakes, r->t->at, "`%s = %s` is out of range: at least %s, at most %s", r->o->name,
	    value_shown(r), amount(r, r->o->min), amount(r, r->o->max));
	return false;
}

/* A number with a unit, one of UNITS whose factors are FACTOR. */
static bool number(const struct reading *r, const char *const *units, const int64_t *factor, const char *expected)
{
	const char *unit;
	int64_t n;

	if (digits(r, &n, &unit)) {
		for (unsigned i = 0; units[i] != NULL; i++) {
			if (strcmp(units[i], unit) != 0 && !(n == 0 && *unit == '\0'))
				continue;
			/* Too large for a number is too large for any limit. */
			n = n > INT64_MAX / factor[i] ? INT64_MAX : n * factor[i];
			if (!within(r, n))
				return false;
			store_number(r, n);
			return true;
		}
	}
	mistake(&r->l->mistakes, r->t->at, "`%s = %s`: write %s", r->o->name, value_shown(r), expected);
	return false;
}

static bool duration(const struct reading *r)
{
	static const char *const units[] = {"ms", "s", "m", "h", "d", NULL};
	static const int64_t factor[] = {1, 1000, 60000, 3600000, 86400000};

	return number(r, units, factor, "a duration with its unit: 500ms, 25s, 5m, 2h or 7d");
}

static bool sync_value(const struct reading *r)
{
	int64_t always = 0;

	if (!text_is(r->t->text, "always"))
		return duration(r);
	memcpy(member(r), &always, sizeof always);
	return true;
}

static bool power_of_two(const struct reading *r)
{
	uint64_t n;
	uint64_t up = 1;

	memcpy(&n, member(r), sizeof n);
	while (up < n)
		up *= 2;
	if (up == n)
		return true;
	mistake(&r->l->mistakes, r->t->at, "`%s = %s` is no power of two: write %s or %s", r->o->name, value_shown(r),
	    amount(r, (int64_t)(up / 2)), amount(r, (int64_t)up));
	return false;
}

static bool size(const struct reading *r)
{
	static const char *const units[] = {"", "K", "M", "G", NULL};
	static const int64_t factor[] = {1, 1 << 10, 1 << 20, 1 << 30};

	return number(r, units, factor, "a size in bytes, or with K, M or G: 64K, 1M") &&
	    (r->o->type != OPTION_POWER || power_of_two(r));
}

static bool count(const struct reading *r)
{
	static const char *const units[] = {"", NULL};
	static const int64_t factor[] = {1};

	return number(r, units, factor, r->o->type == OPTION_WORKERS ? "auto or a number" : "a number");
}

static bool switch_value(const struct reading *r)
{
	bool yes = text_is(r->t->text, "yes");

	if (!yes && !text_is(r->t->text, "no")) {
		mistake(&r->l->mistakes, r->t->at, "`%s = %s`: write yes or no", r->o->name, value_shown(r));
		return false;
	}
	store_number(r, yes);
	return true;
}

static bool word(const struct reading *r)
{
	const char *w = r->o->words;
	struct suggest s;

	for (int i = 0; *w != '\0'; i++) {
		size_t n = strcspn(w, " ");

		if (n == r->t->text.n && memcmp(w, r->t->text.p, n) == 0) {
			store_number(r, i);
			return true;
		}
		w += n + strspn(w + n, " ");
	}
	suggest_init(&s, r->t->text);
	suggest_offer_words(&s, r->o->words);
	mistake(&r->l->mistakes, r->t->at, "`%s = %s`: write one of %s%s", r->o->name, value_shown(r), r->o->words,
	    suggest_text(r->l, &s));
	return false;
}

static bool text_value(const struct reading *r, struct text t)
{
	if (!value_line(r, t))
		return false;
	*(struct text *)member(r) = conf_arena_text(r->l->keep, t.p, t.n);
	return true;
}

static bool name(const struct reading *r)
{
	for (size_t i = 0; i < r->t->text.n; i++) {
		char c = r->t->text.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		    (c == '-' && i > 0))
			continue;
		mistake(&r->l->mistakes, r->t->at, "`%s = %s`: letters, digits, _ and - only, - not first", r->o->name,
		    value_shown(r));
		return false;
	}
	return text_value(r, r->t->text);
}

static bool url_path(const struct reading *r)
{
	struct text t = r->t->text;

	for (size_t i = 0; i < t.n; i++) {
		if (t.p[0] == '/' && t.p[i] > ' ' && t.p[i] < 0x7f && strchr("?#%;\"\\", t.p[i]) == NULL)
			continue;
		mistake(&r->l->mistakes, r->t->at, "`%s = %s`: a path begins with / and has no space, ?, #, ; or %%",
		    r->o->name, value_shown(r));
		return false;
	}
	return text_value(r, t);
}

/* A token of RFC 9110, as RFC 6265 wants it. */
static bool cookie_name(const struct reading *r)
{
	for (size_t i = 0; i < r->t->text.n; i++) {
		char c = r->t->text.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("!#$%&'*+-.^_`|~", c) != NULL)
			continue;
		mistake(&r->l->mistakes, r->t->at, "`%s = %s`: a cookie's name has letters, digits, - and _ only",
		    r->o->name, value_shown(r));
		return false;
	}
	return text_value(r, r->t->text);
}

/* `forkcast check` prints secrets as asterisks; what it printed must not become a secret that everybody knows. */
static bool secret(const struct reading *r, struct text t)
{
	if (t.n > 0 && strspn(t.p, "*") == t.n) {
		mistake(&r->l->mistakes, r->t->at, "`%s` is masked: put the secret itself, or ${ENV}", r->o->name);
		return false;
	}
	return text_value(r, t);
}

/* The option that a `..._file` stands for, in the same block. */
static const struct option *plain_option(const struct option_block *block, const struct option *file)
{
	return option_find(block, (struct text){file->name, strlen(file->name) - strlen("_file")});
}

static bool secret_file(const struct reading *r, const struct option_block *block)
{
	struct reading plain = *r;
	struct text path = file_beside(r->l->scratch, r->t->at.file, r->t->text, false);
	struct text t;
	int rc;

	rc = file_read(r->l->scratch, path.p, SECRET_FILE_MAX, false, &t, NULL);
	if (rc != 0) {
		mistake(&r->l->mistakes, r->t->at, "`%s`: cannot read %s: %s", r->o->name,
		    mistake_show(&r->l->mistakes, path), rc == -EINVAL ? "not a regular file" : strerror(-rc));
		return false;
	}
	if (t.n > 0 && t.p[t.n - 1] == '\n')
		t.n--;
	if (t.n > 0 && t.p[t.n - 1] == '\r')
		t.n--;
	if (t.n == 0 || strlen(t.p) < t.n) {
		mistake(&r->l->mistakes, r->t->at, "`%s`: %s %s", r->o->name, mistake_show(&r->l->mistakes, path),
		    t.n == 0 ? "is empty" : "has a zero byte");
		return false;
	}
	plain.o = plain_option(block, r->o);
	return secret(&plain, conf_arena_text(r->l->scratch, t.p, t.n));
}

static bool path_value(const struct reading *r)
{
	return text_value(r, file_beside(r->l->scratch, r->t->at.file, r->t->text, true));
}

static bool list(struct reading *r, const struct token *const *v, unsigned n)
{
	size_t size_each = value_element_size(r->o->type);
	char *array = conf_arena_alloc(r->l->keep, n * size_each);
	unsigned bits = 0;
	bool good = true;

	for (unsigned i = 0; i < n; i++) {
		r->t = v[i];
		for (unsigned j = 0; j < i; j++) {
			if (!text_equal(v[j]->text, v[i]->text))
				continue;
			mistake(&r->l->mistakes, v[i]->at, "`%s` has `%s` twice: keep one", r->o->name, value_shown(r));
			good = false;
			break;
		}
		if (v[i]->bad || !value_element(r, array + i * size_each, &bits))
			good = false;
	}
	if (!good)
		return false;
	if (r->o->type == OPTION_MAY || r->o->type == OPTION_TRANSPORTS || r->o->type == OPTION_BY)
		store_number(r, bits);
	if (size_each > 0) {
		*(void **)member(r) = array;
		*(unsigned *)(void *)(r->base + r->o->noffset) = n;
	}
	return true;
}

static bool store(struct load *l, const struct option_block *block, const struct option *o,
    const struct token *const *v, unsigned n, void *base)
{
	struct reading r = {.l = l, .o = o, .base = base, .t = v[0]};

	if (option_is_list(o->type))
		return list(&r, v, n);
	if (v[0]->bad)
		return false;
	switch (o->type) {
	case OPTION_SWITCH: return switch_value(&r);
	case OPTION_COUNT: return count(&r);
	case OPTION_WORKERS:
		if (!text_is(v[0]->text, "auto"))
			return count(&r);
		store_number(&r, cores_usable((unsigned)o->max));
		return true;
	case OPTION_DURATION: return duration(&r);
	case OPTION_SYNC: return sync_value(&r);
	case OPTION_SIZE:
	case OPTION_POWER: return size(&r);
	case OPTION_WORD: return word(&r);
	case OPTION_TEXT: return text_value(&r, v[0]->text);
	case OPTION_NAME: return name(&r);
	case OPTION_PATH: return path_value(&r);
	case OPTION_URL_PATH: return url_path(&r);
	case OPTION_COOKIE_NAME: return cookie_name(&r);
	case OPTION_RATE: return rate_read(&r, member(&r));
	case OPTION_KEY: return secret(&r, v[0]->text);
	case OPTION_KEY_FILE: return secret_file(&r, block);
	default: return true; /* the catalogue's, read by their compilers */
	}
}

bool value_store(struct load *l, const struct option *o, const struct token *const *v, unsigned n, void *base)
{
	return store(l, NULL, o, v, n, base);
}

/* The words of a default, as tokens that stand where the block does. */
static unsigned default_tokens(struct load *l, const struct option *o, struct place at, const struct token ***out)
{
	const char *p = o->dflt;
	unsigned n = 0;

	*out = NULL;
	while (*p != '\0') {
		const char *comma = option_is_list(o->type) ? strstr(p, ", ") : NULL;
		size_t length = comma != NULL ? (size_t)(comma - p) : strlen(p);
		struct token *t = conf_arena_alloc(l->scratch, sizeof *t);

		*t = (struct token){.kind = TOKEN_STRING, .at = at, .text = conf_arena_text(l->scratch, p, length)};
		*out = conf_arena_push(l->scratch, *out, n, sizeof **out);
		(*out)[n++] = t;
		p += length + (comma != NULL ? 2 : 0);
	}
	return n;
}

/*
 * Origins have no commas, so "${ORIGINS}" may hold several: "https://a.example, https://b.example".  An element between two
 * commas that is empty is judged like any other.
 */
static unsigned at_commas(struct load *l, const struct token **v, unsigned n, const struct token ***out)
{
	unsigned m = 0;

	*out = NULL;
	for (unsigned i = 0; i < n; i++) {
		const char *p = v[i]->text.p;
		const char *end = p + v[i]->text.n;

		for (;;) {
			const char *comma = v[i]->bad ? NULL : memchr(p, ',', (size_t)(end - p));
			const char *to = comma != NULL ? comma : end;
			struct token *t = conf_arena_alloc(l->scratch, sizeof *t);

			while (p < to && *p == ' ' && p > v[i]->text.p)
				p++;
			*t = *v[i];
			t->text = conf_arena_text(l->scratch, p, (size_t)(to - p));
			*out = conf_arena_push(l->scratch, *out, m, sizeof **out);
			(*out)[m++] = t;
			if (comma == NULL)
				break;
			p = comma + 1;
		}
	}
	return m;
}

static bool store_option(
    struct load *l, const struct option_block *block, const struct option *o, cfg_t *tree, void *base)
{
	unsigned n = tree_values(tree, o->name);
	const struct token **v = NULL;

	if (n > 0) {
		v = conf_arena_alloc(l->scratch, n * sizeof *v);
		for (unsigned j = 0; j < n; j++)
			v[j] = tree_value(tree, o->name, j);
	} else if (o->dflt != NULL && o->size > 0) {
		n = default_tokens(l, o, tree_place(l, tree), &v);
	}
	if (n == 0)
		return true;
	if (o->type == OPTION_ORIGINS)
		n = at_commas(l, v, n, &v);
	if (o->type == OPTION_KEY_FILE && tree_values(tree, plain_option(block, o)->name) > 0) {
		mistake(&l->mistakes, v[0]->at, "`%s` beside `%s`: keep one", o->name, plain_option(block, o)->name);
		return false;
	}
	return store(l, block, o, v, n, base);
}

bool value_store_block(struct load *l, const struct option_block *block, cfg_t *tree, void *base)
{
	bool good = true;

	for (unsigned i = 0; i < block->n; i++)
		good &= store_option(l, block, &block->option[i], tree, base);
	return good;
}

bool value_store_option(
    struct load *l, const struct option_block *block, const char *name, cfg_t *tree, void *base)
{
	return store_option(l, block, option_find(block, (struct text){name, strlen(name)}), tree, base);
}
