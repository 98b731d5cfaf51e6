#include "conf/scan.h"

#include <stdlib.h>
#include <string.h>

struct scanner {
	struct conf_arena *arena;
	struct mistakes *mistakes;
	struct place at; /* of p */
	const char *begin, *p, *end;
	size_t ntoken;
	struct token *token;
	char *value; /* of the string being read; SCAN_VALUE_MAX + 1 bytes */
	size_t nvalue;
	bool bad;
};

static bool bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr(":./_-|@%", c) != NULL);
}

bool scan_bare(struct text t)
{
	for (size_t i = 0; i < t.n; i++)
		if (!bare(t.p[i]))
			return false;
	/* These begin a comment. */
	return t.n > 0 && !(t.n > 1 && t.p[0] == '/' && t.p[1] == '/');
}

static struct token *add(struct scanner *s, int kind, struct place at)
{
	s->token = conf_arena_push(s->arena, s->token, s->ntoken, sizeof *s->token);
	s->token[s->ntoken] = (struct token){.kind = kind, .at = at};
	return &s->token[s->ntoken++];
}

static bool next_is(const struct scanner *s, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, what, n) == 0;
}

static void put(struct scanner *s, char c)
{
	if (s->nvalue < SCAN_VALUE_MAX)
		s->value[s->nvalue] = c;
	s->nvalue++;
}

static bool name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* One escape of a "..." string, s->p at the backslash. */
static void escape(struct scanner *s)
{
	static const char known[] = "\"\\$ntr";
	static const char meant[] = "\"\\$\n\t\r";
	const char *k;

	s->p++;
	if (s->p == s->end)
		return;
	k = *s->p != '\0' ? strchr(known, *s->p) : NULL;
	if (k != NULL) {
		put(s, meant[k - known]);
	} else {
		mistake(s->mistakes, s->at,
		    "unknown escape in \"...\": write one of \\\" \\\\ \\$ \\n \\t \\r, or use '...', where \\ is "
		    "literal");
		s->bad = true;
	}
	if (*s->p == '\n')
		s->at.line++;
	s->p++;
}

/* ${NAME} or ${NAME:-default}, s->p at the dollar. */
static void expand(struct scanner *s)
{
	const char *begin = s->p + 2;
	const char *p = begin;
	const char *found;
	struct text name;
	size_t mark = s->nvalue;

	while (p < s->end && name_char(*p, p == begin))
		p++;
	name = conf_arena_text(s->arena, begin, (size_t)(p - begin));
	s->p = p;
	if (name.n == 0 || p == s->end || (*p != '}' && !next_is(s, ":-"))) {
		mistake(
		    s->mistakes, s->at, "write ${NAME} or ${NAME:-default}, or \\$ for a dollar sign before a brace");
		s->bad = true;
		return;
	}
	found = getenv(name.p);
	if (*p == '}') {
		s->p++;
		if (found == NULL) {
			mistake(s->mistakes, s->at,
			    "environment variable %s is not set: set it, or write ${%s:-default}", name.p, name.p);
			s->bad = true;
		}
	} else {
		/* The default is read in any case, so that its mistakes show whatever the environment. */
		s->p += 2;
		while (s->p < s->end && *s->p != '}' && *s->p != '"') {
			if (*s->p == '\\') {
				escape(s);
				continue;
			}
			s->at.line += *s->p == '\n';
			put(s, *s->p++);
		}
		if (s->p == s->end || *s->p != '}') {
			mistake(s->mistakes, s->at, "${%s:- has no closing brace", name.p);
			s->bad = true;
			return;
		}
		s->p++;
		if (found != NULL && *found != '\0')
			s->nvalue = mark;
		else
			found = NULL;
	}
	for (; found != NULL && *found != '\0'; found++)
		put(s, *found);
}

/* False when the string has no end. */
static bool string_body(struct scanner *s, char quote)
{
	while (s->p < s->end) {
		if (*s->p == quote) {
			s->p++;
			return true;
		}
		if (quote == '"' && *s->p == '\\') {
			escape(s);
		} else if (quote == '"' && next_is(s, "${")) {
			expand(s);
		} else if (quote == '\'' && (next_is(s, "\\'") || next_is(s, "\\\\"))) {
			put(s, s->p[1]);
			s->p += 2;
		} else {
			s->at.line += *s->p == '\n';
			put(s, *s->p++);
		}
	}
	return false;
}

/* What every value must be: UTF-8, of bearable size, without bytes that no name or JSON may hold. */
static void check_value(struct scanner *s, struct token *t)
{
	for (size_t i = 0; i < t->text.n && !t->bad;) {
		uint32_t rune = 0;
		size_t length = text_rune(t->text.p + i, t->text.n - i, &rune);

		if (length == 0) {
			mistake(
			    s->mistakes, t->at, "not UTF-8 at byte %zu of the value: save the file as UTF-8", i + 1);
			t->bad = true;
		} else if ((rune < 0x20 && rune != '\n' && rune != '\t' && rune != '\r') || rune == 0x7f) {
			mistake(s->mistakes, t->at, "control character 0x%02x at byte %zu of the value: remove it",
			    (unsigned)rune, i + 1);
			t->bad = true;
		}
		i += length > 0 ? length : 1;
	}
}

static void string(struct scanner *s)
{
	struct place at = s->at;
	char quote = *s->p++;
	struct token *t;
	size_t kept;

	s->nvalue = 0;
	s->bad = false;
	if (!string_body(s, quote)) {
		mistake(s->mistakes, at, "the string that begins here is never closed: %c missing", quote);
		s->mistakes->unfinished = true;
		s->bad = true;
	}
	kept = s->nvalue;
	if (kept > SCAN_VALUE_MAX) {
		mistake(s->mistakes, at, "value of %zu bytes: at most %u", s->nvalue, SCAN_VALUE_MAX);
		s->bad = true;
		kept = SCAN_VALUE_MAX;
	}
	t = add(s, TOKEN_STRING, at);
	t->quote = quote;
	t->bad = s->bad;
	t->text = conf_arena_text(s->arena, s->value, kept);
	check_value(s, t);
}

static void word(struct scanner *s)
{
	const char *begin = s->p;
	struct token *t;

	while (s->p < s->end && bare(*s->p))
		s->p++;
	t = add(s, TOKEN_WORD, s->at);
	t->margin = begin == s->begin || begin[-1] == '\n';
	t->text = conf_arena_text(s->arena, begin, (size_t)(s->p - begin));
	if (t->text.n > SCAN_VALUE_MAX) {
		mistake(s->mistakes, s->at, "value of %zu bytes: at most %u", t->text.n, SCAN_VALUE_MAX);
		t->text = conf_arena_text(s->arena, begin, SCAN_VALUE_MAX);
		t->bad = true;
	}
	if (s->p < s->end && *s->p == '#') {
		mistake(
		    s->mistakes, s->at, "`#` right behind a value: put a space before a comment, or quote the value");
		t->bad = true;
	}
}

static void comment(struct scanner *s)
{
	struct place at = s->at;

	if (!next_is(s, "/*")) {
		while (s->p < s->end && *s->p != '\n')
			s->p++;
		return;
	}
	s->p += 2;
	while (s->p < s->end && !next_is(s, "*/"))
		s->at.line += *s->p++ == '\n';
	if (s->p < s->end) {
		s->p += 2;
		return;
	}
	mistake(s->mistakes, at, "the comment that begins here is never closed: */ missing");
	s->mistakes->unfinished = true;
}

/* A byte that begins nothing: says what was probably meant. */
static void stray(struct scanner *s)
{
	unsigned char c = (unsigned char)*s->p;
	uint32_t rune = 0;
	size_t length = text_rune(s->p, (size_t)(s->end - s->p), &rune);

	if (s->ntoken > 0)
		s->token[s->ntoken - 1].bad |= c != ';' && s->token[s->ntoken - 1].at.line == s->at.line;
	if (c == ';')
		mistake(s->mistakes, s->at, "no semicolons: the end of the value is enough");
	else if (c == '$')
		mistake(s->mistakes, s->at, "`$` needs quotes: \"${NAME}\" expands, '$' does not");
	else if (c == '+' && s->p + 1 < s->end && s->p[1] == '=')
		mistake(s->mistakes, s->at, "no `+=`: write the whole list with `=`");
	else if (length == 0 || text_rune_hidden(rune))
		mistake(s->mistakes, s->at, "byte 0x%02x outside a string: remove it", c);
	else
		mistake(s->mistakes, s->at, "`%.*s` needs quotes: unquoted are letters, digits and : . / _ - | @ %%",
		    (int)length, s->p);
	s->p += length > 0 ? length : 1;
}

struct token *scan(struct conf_arena *a, struct mistakes *m, const struct conf_file *file, const char *p, size_t n)
{
	struct scanner s = {.arena = a, .mistakes = m, .at = {file, 1}, .begin = p, .p = p, .end = p + n};

	s.value = conf_arena_alloc(a, SCAN_VALUE_MAX + 1);
	if (next_is(&s, "\xef\xbb\xbf"))
		s.p += 3; /* byte order mark */
	while (s.p < s.end) {
		char c = *s.p;

		if (c == '\n') {
			s.at.line++;
			s.p++;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			s.p++;
		} else if (c == '#' || next_is(&s, "//") || next_is(&s, "/*")) {
			comment(&s);
		} else if (c == '"' || c == '\'') {
			string(&s);
		} else if (bare(c)) {
			word(&s);
		} else if (c != '\0' && strchr("{}()=,", c) != NULL) {
			add(&s, c, s.at);
			s.p++;
		} else {
			stray(&s);
		}
	}
	add(&s, TOKEN_END, s.at);
	return s.token;
}
