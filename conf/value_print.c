#include <arpa/inet.h>
#include <string.h>

#include "conf/load.h"

void value_print_text(struct text t, FILE *out)
{
	if (scan_bare(t)) {
		fwrite(t.p, 1, t.n, out);
		return;
	}
	fputc('\'', out);
	for (size_t i = 0; i < t.n; i++) {
		/* A backslash is literal unless a quote or another backslash follows. */
		if (t.p[i] == '\'' || (t.p[i] == '\\' && (i + 1 == t.n || t.p[i + 1] == '\'' || t.p[i + 1] == '\\')))
			fputc('\\', out);
		fputc(t.p[i], out);
	}
	fputc('\'', out);
}

static void print_unit(uint64_t n, const char *const *unit, const uint64_t *factor, FILE *out)
{
	unsigned i = 0;

	while (unit[i + 1] != NULL && n != 0 && n % factor[i + 1] == 0)
		i++;
	fprintf(out, "%llu%s", (unsigned long long)(n / factor[i]), n != 0 ? unit[i] : "");
}

void value_print_duration(int64_t ms, FILE *out)
{
	static const char *const unit[] = {"ms", "s", "m", "h", "d", NULL};
	static const uint64_t factor[] = {1, 1000, 60000, 3600000, 86400000};

	print_unit((uint64_t)ms, unit, factor, out);
}

void value_print_size(uint64_t bytes, FILE *out)
{
	static const char *const unit[] = {"", "K", "M", "G", NULL};
	static const uint64_t factor[] = {1, 1 << 10, 1 << 20, 1 << 30};

	print_unit(bytes, unit, factor, out);
}

static uint64_t number_of(const struct option *o, const void *p)
{
	uint8_t byte;
	uint32_t word;
	uint64_t n;

	if (o->size == sizeof byte) {
		memcpy(&byte, p, sizeof byte);
		return byte;
	}
	if (o->size == sizeof word) {
		memcpy(&word, p, sizeof word);
		return word;
	}
	memcpy(&n, p, sizeof n);
	return n;
}

static void print_word(const char *words, uint64_t index, FILE *out)
{
	while (index-- > 0)
		words += strcspn(words, " ") + 1;
	fprintf(out, "%.*s", (int)strcspn(words, " "), words);
}

static void print_cidr(const struct conf_cidr *c, FILE *out)
{
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(c->family == 4 ? AF_INET : AF_INET6, c->addr, addr, sizeof addr);
	fprintf(out, "%s/%u", addr, c->bits);
}

static void print_source(const struct conf_source *s, FILE *out)
{
	static const char *const prefix[] = {"auth.token", "bearer", "query.", "cookie."};
	char whole[512];
	int n;

	n = snprintf(whole, sizeof whole, "%s%s", prefix[s->kind], s->name.p != NULL ? s->name.p : "");
	value_print_text((struct text){whole, (size_t)n < sizeof whole ? (size_t)n : sizeof whole - 1}, out);
}

static void print_element(const struct option *o, const void *array, unsigned i, FILE *out)
{
	if (o->type == OPTION_TEXTS || o->type == OPTION_ORIGINS)
		value_print_text(((const struct text *)array)[i], out);
	else if (o->type == OPTION_CIDRS)
		print_cidr(&((const struct conf_cidr *)array)[i], out);
	else if (o->type == OPTION_TOKENS)
		print_source(&((const struct conf_source *)array)[i], out);
	else
		value_print_text(((const struct text_template *)array)[i].written, out);
}

static bool print_list(const struct option *o, const void *base, FILE *out)
{
	unsigned n;
	const void *array;

	memcpy(&n, (const char *)base + o->noffset, sizeof n);
	memcpy(&array, (const char *)base + o->offset, sizeof array);
	if (n == 0)
		return false;
	if (n > 1)
		fputc('{', out);
	for (unsigned i = 0; i < n; i++) {
		fputs(i > 0 ? ", " : "", out);
		print_element(o, array, i, out);
	}
	if (n > 1)
		fputc('}', out);
	return true;
}

/* The words of the set bits. */
static void print_bits(const char *words, uint64_t bits, FILE *out)
{
	const char *apart = "";

	fputc('{', out);
	for (; bits != 0; bits >>= 1) {
		size_t n = strcspn(words, " ");

		if ((bits & 1) != 0) {
			fprintf(out, "%s%.*s", apart, (int)n, words);
			apart = ", ";
		}
		words += n + strspn(words + n, " ");
	}
	fputc('}', out);
}

bool value_print(const struct option *o, const void *base, FILE *out)
{
	const void *p = (const char *)base + o->offset;
	const struct text *t = p;

	if (o->size == 0)
		return false;
	switch (o->type) {
	case OPTION_SWITCH: fputs(number_of(o, p) != 0 ? "yes" : "no", out); return true;
	case OPTION_COUNT:
	case OPTION_WORKERS: fprintf(out, "%llu", (unsigned long long)number_of(o, p)); return true;
	case OPTION_SYNC:
		if (number_of(o, p) == 0) {
			fputs("always", out);
			return true;
		}
		/* fall through */
	case OPTION_DURATION: value_print_duration((int64_t)number_of(o, p), out); return true;
	case OPTION_SIZE:
	case OPTION_POWER: value_print_size(number_of(o, p), out); return true;
	case OPTION_WORD: print_word(o->words, number_of(o, p), out); return true;
	case OPTION_TRANSPORTS:
	case OPTION_BY:
	case OPTION_MAY: print_bits(o->words, number_of(o, p), out); return true;
	case OPTION_RATE:
		fprintf(out, "%u/", ((const struct limit_rate *)p)->most);
		value_print_duration(((const struct limit_rate *)p)->period_ms, out);
		return true;
	case OPTION_KEY:
		if (t->p != NULL)
			fputs("\"****\"", out);
		return t->p != NULL;
	case OPTION_TEXT:
	case OPTION_NAME:
	case OPTION_PATH:
	case OPTION_URL_PATH:
	case OPTION_COOKIE_NAME:
		if (t->p != NULL)
			value_print_text(*t, out);
		return t->p != NULL;
	default: return print_list(o, base, out);
	}
}
