#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/load.h"
#include "conf/seen.h"

#define FILES_MAX  64
#define DEPTH_MAX  8
#define BLOCKS_MAX 10000 /* libConfuse compares each title with all before */
#define VALUES_MAX 256

struct outline {
	struct load *l;
	struct seen *seen;
	const struct conf_file *file;
	const struct token *t; /* the next one */
	unsigned mute;         /* > 0: inside something refused, which is read for its mistakes only */
};

/* " in a.conf" when PLACE is in another file than this one. */
static const char *elsewhere(struct outline *o, const struct place *place)
{
	if (place->file == o->file)
		return "";
	return conf_arena_format(o->l->scratch, " of %s", place->file->path).p;
}

static const char *show(struct outline *o, struct text t)
{
	return mistake_show(&o->l->mistakes, t);
}

static unsigned emit(struct outline *o, const struct token *t, unsigned open)
{
	struct load *l = o->l;

	if (o->mute > 0)
		return 0;
	l->line = conf_arena_push(l->scratch, l->line, l->nline, sizeof *l->line);
	l->line[l->nline++] = (struct load_line){t, open};
	if (t->kind != TOKEN_STRING && t->kind != TOKEN_WORD) {
		fprintf(l->text, "%c\n", t->kind);
		return l->nline;
	}
	/*
	 * Escaped so that libConfuse reads back these bytes: it has its own idea of $, \ and line breaks.  Of a bad
	 * string nobody wants the bytes, among which may be a zero.
	 */
	fputc('"', l->text);
	for (size_t i = 0; i < t->text.n && !(t->bad && t->kind == TOKEN_STRING); i++) {
		char c = t->text.p[i];

		if (c == '\n')
			fputs("\\n", l->text);
		else if (c == '"' || c == '\\' || c == '$')
			fprintf(l->text, "\\%c", c);
		else
			fputc(c, l->text);
	}
	fputs("\"\n", l->text);
	return l->nline;
}

static const char *token_name(struct outline *o, const struct token *t)
{
	if (t->kind == TOKEN_END)
		return "the end of the file";
	if (t->kind == TOKEN_WORD || t->kind == TOKEN_STRING)
		return conf_arena_format(o->l->scratch, "`%s`", show(o, t->text)).p;
	return conf_arena_format(o->l->scratch, "`%c`", t->kind).p;
}

/* o->t at an opening brace: to behind its closing one. */
static void skip_braces(struct outline *o)
{
	unsigned depth = 0;

	do {
		depth += o->t->kind == '{';
		depth -= o->t->kind == '}';
		if (o->t->kind == TOKEN_END)
			return;
		o->t++;
	} while (depth > 0);
}

/* True when an item begins at T: `key =`, `block {`, `block "title" {`, `include(`. */
static bool item_begins(const struct token *t)
{
	if (t->kind != TOKEN_WORD)
		return false;
	if (t[1].kind == '=' || t[1].kind == '{' || t[1].kind == '(')
		return true;
	return (t[1].kind == TOKEN_STRING || t[1].kind == TOKEN_WORD) && t[2].kind == '{';
}

/* True when T, behind an equal sign, is no value but begins the item of another line. */
static bool next_item(const struct token *t, const struct token *equal)
{
	return t->at.line != equal->at.line && item_begins(t);
}

/* To the next token where reading may go on. */
static void recover(struct outline *o)
{
	while (o->t->kind != TOKEN_END && o->t->kind != '}' && !item_begins(o->t)) {
		if (o->t->kind == '{')
			skip_braces(o);
		else
			o->t++;
	}
}

static const char *block_title(const struct option_block *b)
{
	return b->path[0] == '\0' ? "the top level" : b->name;
}

/* The block that knows a name like this one, which S then offers. */
static const struct option_block *elsewhere_known(struct text name, struct suggest *s)
{
	const struct option_block *near = NULL;

	suggest_init(s, name);
	s->distance = (unsigned)(name.n / 5 + 1); /* among so many, only what is hardly a slip */
	for (unsigned i = 1; i < option_nblocks; i++) {
		for (unsigned j = 0; j < option_blocks[i].n; j++) {
			const char *best = s->best.p;
			const char *known = option_blocks[i].option[j].name;

			suggest_offer(s, known, strlen(known));
			if (s->best.p != best)
				near = &option_blocks[i];
		}
	}
	return near;
}

/* NAME is nothing that BLOCK knows: later, elsewhere, misspelled or unheard of, in this order. */
static void unknown(struct outline *o, const struct option_block *block, const struct token *name)
{
	struct mistakes *m = &o->l->mistakes;
	struct conf_arena *a = o->l->scratch;
	const char *shown = show(o, name->text);
	const struct option_block *near;
	struct suggest s;
	const char *known = "", *why;

	if (name->bad)
		return;
	if (m->n >= MISTAKES_SHOWN) {
		mistake(m, name->at, "unknown key"); /* to be counted only */
		return;
	}
	if (later_key(block->path, name->text)) {
		mistake(m, name->at, "`%s` is not in this build of forkcast: remove it", shown);
		return;
	}
	if ((why = never_key(block->path, name->text)) != NULL) {
		mistake(m, name->at, "`%s` in %s: %s", shown, block_title(block), why);
		return;
	}
	for (unsigned i = 0; i < option_nblocks; i++) {
		const struct option_block *b = &option_blocks[i];

		if (b != block && (option_find(b, name->text) != NULL || option_child(b, name->text) != NULL)) {
			mistake(m, name->at, "`%s` does not belong in %s: it belongs in %s%s", shown,
			    block_title(block), block_title(b), b->path[0] == '\0' ? "" : " { }");
			return;
		}
	}
	suggest_init(&s, name->text);
	for (unsigned i = 0; i < block->n; i++) {
		suggest_offer(&s, block->option[i].name, strlen(block->option[i].name));
		known = conf_arena_format(a, "%s%s%s", known, known[0] != '\0' ? ", " : "", block->option[i].name).p;
	}
	for (unsigned i = 0; i < option_nblocks; i++) {
		const struct option_block *b = &option_blocks[i];

		if (b->path[0] == '\0' || option_child(block, (struct text){b->name, strlen(b->name)}) != b)
			continue;
		suggest_offer(&s, b->name, strlen(b->name));
		known = conf_arena_format(a, "%s%s%s", known, known[0] != '\0' ? ", " : "", b->name).p;
	}
	if (s.best.p != NULL)
		mistake(m, name->at, "unknown key `%s` in %s%s", shown, block_title(block), suggest_text(o->l, &s));
	else if ((near = elsewhere_known(name->text, &s)) != NULL)
		mistake(m, name->at, "unknown key `%s` in %s%s It belongs in %s { }", shown, block_title(block),
		    suggest_text(o->l, &s), near->name);
	else
		mistake(m, name->at, "unknown key `%s` in %s: it knows %s", shown, block_title(block), known);
}

/* Words that follow a value on its line were meant as part of it. */
static void loose_words(struct outline *o, const struct token *value)
{
	const struct token *t = o->t;

	if ((t->kind != TOKEN_WORD && t->kind != TOKEN_STRING) || t->at.line != value->at.line || item_begins(t))
		return;
	if (!value->bad)
		mistake(&o->l->mistakes, t->at, "%s follows a value on its line: a value with spaces needs quotes",
		    token_name(o, t));
	while ((o->t->kind == TOKEN_WORD || o->t->kind == TOKEN_STRING) && o->t->at.line == value->at.line &&
	    !item_begins(o->t))
		o->t++;
}

/* `{a, b}`, o->t behind the brace.  Values go to V; false when the list is refused. */
static bool list(struct outline *o, const struct token *key, const struct token **v, unsigned *n)
{
	bool comma = true;

	for (;; o->t++) {
		const struct token *t = o->t;

		if (t->kind == '}') {
			o->t++;
			break;
		}
		if (t->kind == ',' && !comma) {
			comma = true;
		} else if ((t->kind == TOKEN_WORD || t->kind == TOKEN_STRING) && comma && *n < VALUES_MAX) {
			v[(*n)++] = t;
			comma = false;
		} else {
			if (*n == VALUES_MAX && comma)
				mistake(&o->l->mistakes, t->at, "`%s` has more than %d values", show(o, key->text),
				    VALUES_MAX);
			else if (t->kind == ',')
				mistake(&o->l->mistakes, t->at, "a value is missing before this comma");
			else if (!comma && (t->kind == TOKEN_WORD || t->kind == TOKEN_STRING))
				mistake(&o->l->mistakes, t->at, "a comma is missing before %s", token_name(o, t));
			else
				mistake(&o->l->mistakes, t->at, "%s in the list of `%s`: write `%s = {a, b}`",
				    token_name(o, t), show(o, key->text), show(o, key->text));
			while (o->t->kind != '}' && o->t->kind != TOKEN_END && !item_begins(o->t))
				o->t++;
			if (o->t->kind == '}')
				o->t++;
			return false;
		}
	}
	if (*n == 0) {
		mistake(&o->l->mistakes, key->at, "`%s` is an empty list: give a value, or leave the key out",
		    show(o, key->text));
		return false;
	}
	if (comma)
		mistake(&o->l->mistakes, o->t[-1].at, "a value is missing after the last comma of `%s`",
		    show(o, key->text));
	return !comma;
}

/* `key = value`, o->t behind the equal sign. */
static void assignment(struct outline *o, const struct option_block *block, unsigned scope, const struct token *key)
{
	const struct option *opt = option_find(block, key->text);
	const struct token *v[VALUES_MAX];
	const struct token *equal = o->t - 1;
	const struct place *before;
	struct token brace = {.kind = '{', .at = key->at};
	struct token comma = {.kind = ',', .at = key->at};
	struct token *punct;
	bool braces = o->t->kind == '{';
	bool good = true;
	unsigned n = 0;

	if (braces) {
		o->t++;
		good = list(o, key, v, &n);
	} else if (o->t->kind == TOKEN_STRING || (o->t->kind == TOKEN_WORD && !next_item(o->t, equal))) {
		v[n++] = o->t++;
		loose_words(o, v[0]);
	} else {
		mistake(&o->l->mistakes, equal->at, "`%s =` has no value: give one, or leave the key out", show(o, key->text));
		good = false;
	}
	if (opt == NULL) {
		if (option_child(block, key->text) != NULL)
			mistake(&o->l->mistakes, key->at, "`%s` is a block: write `%s { }`", key->text.p, key->text.p);
		else
			unknown(o, block, key);
		return;
	}
	before = seen_before(o->l->scratch, o->seen, scope, key->text, (struct text){0}, key->at);
	if (before != NULL) {
		mistake(&o->l->mistakes, key->at, "`%s` is given twice, first in line %d%s: keep one", opt->name,
		    before->line, elsewhere(o, before));
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (v[i]->text.n > 0 || v[i]->bad)
			continue;
		mistake(&o->l->mistakes, v[i]->at, "`%s` is empty: give a value, or leave the key out", opt->name);
		good = false;
	}
	if (good && n > 1 && !option_is_list(opt->type)) {
		mistake(&o->l->mistakes, key->at, "`%s` takes one value, here are %u: keep one", opt->name, n);
		good = false;
	}
	if (!good) {
		/* It is written, but nobody is to judge it again, or to miss it. */
		struct token *bad = conf_arena_alloc(o->l->scratch, sizeof *bad);

		*bad = (struct token){.kind = TOKEN_STRING, .bad = true, .at = key->at, .text = {"", 0}};
		v[0] = bad;
		n = 1;
	}
	punct = conf_arena_alloc(o->l->scratch, 3 * sizeof *punct);
	punct[0] = brace;
	punct[1] = comma;
	punct[2] = (struct token){.kind = '}', .at = key->at};
	emit(o, key, 0);
	emit(o, equal, 0);
	if (!option_is_list(opt->type)) {
		emit(o, v[0], 0);
		return;
	}
	emit(o, &punct[0], 0);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			emit(o, &punct[1], 0);
		emit(o, v[i], 0);
	}
	emit(o, &punct[2], 0);
}

static bool body(struct outline *o, const struct option_block *block, const struct token *name);

/* Why a block may not stand here; NULL when it may. */
static const char *refusal(struct outline *o, const struct option_block *b, unsigned scope, const struct token *name,
    const struct token *title)
{
	struct conf_arena *a = o->l->scratch;
	const struct place *before = NULL;

	if (b->title == NULL && title != NULL)
		return conf_arena_format(a, "`%s` has no title: write `%s { }`", b->name, b->name).p;
	if (b->title != NULL && title == NULL)
		return conf_arena_format(a, "`%s` needs a title: write `%s \"%s\" { }`", b->name, b->name, b->title).p;
	if (title != NULL && title->text.n == 0)
		return conf_arena_format(
		    a, "`%s` has an empty title: write `%s \"%s\" { }`", b->name, b->name, b->title)
		    .p;
	if (title != NULL)
		before = seen_before(o->l->scratch, o->seen, scope, name->text, title->text, name->at);
	else if (!b->many)
		before = seen_before(o->l->scratch, o->seen, scope, name->text, (struct text){0}, name->at);
	if (before == NULL)
		return NULL;
	if (title != NULL)
		return conf_arena_format(a, "`%s \"%s\"` stands twice, first in line %d%s: make them one block",
		    b->name, show(o, title->text), before->line, elsewhere(o, before))
		    .p;
	return conf_arena_format(a, "`%s` stands twice, first in line %d%s: make them one block", b->name, before->line,
	    elsewhere(o, before))
	    .p;
}

/* `name { }` or `name "title" { }`, o->t at the brace. */
static void block_item(struct outline *o, const struct option_block *block, unsigned scope, const struct token *name,
    const struct token *title)
{
	const struct option_block *b = option_child(block, name->text);
	struct token *brace;
	const char *why;
	unsigned open;

	if (b == NULL) {
		if (option_find(block, name->text) != NULL)
			mistake(
			    &o->l->mistakes, name->at, "`%s` is a key: write `%s = value`", name->text.p, name->text.p);
		else
			unknown(o, block, name);
		skip_braces(o);
		return;
	}
	why = refusal(o, b, scope, name, title);
	if (why != NULL)
		mistake(&o->l->mistakes, name->at, "%s", why);
	if (++o->l->nblock == BLOCKS_MAX)
		mistake(&o->l->mistakes, name->at, "more than %d blocks: use fewer, or patterns", BLOCKS_MAX);
	if (o->l->nblock >= BLOCKS_MAX) {
		skip_braces(o);
		return;
	}
	o->mute += why != NULL;
	open = emit(o, name, 0);
	if (title != NULL)
		emit(o, title, 0);
	emit(o, o->t++, 0);
	brace = conf_arena_alloc(o->l->scratch, sizeof *brace);
	*brace = (struct token){.kind = '}', .at = name->at};
	if (body(o, b, name))
		*brace = o->t[-1];
	else
		o->l->mistakes.unfinished = true;
	emit(o, brace, open);
	o->mute -= why != NULL;
}

static void outline_file(struct load *l, struct seen *seen, const struct conf_file *file, struct text text);

static void include(struct outline *o, const struct token *word)
{
	struct mistakes *m = &o->l->mistakes;
	struct load *l = o->l;
	const struct token *name = o->t + 1;
	struct conf_file *file;
	struct stat st;
	struct text text;
	int rc;

	if (!text_is(word->text, "include") || (name->kind != TOKEN_STRING && name->kind != TOKEN_WORD) ||
	    name[1].kind != ')') {
		mistake(m, word->at, "`%s(` is not understood: write include(\"file.conf\")", show(o, word->text));
		o->t++;
		recover(o);
		return;
	}
	o->t += 3;
	if (name->bad)
		return;
	file = conf_arena_alloc(l->keep, sizeof *file);
	file->path = file_beside(l->keep, o->file, name->text, false).p;
	file->from = o->file;
	file->depth = o->file->depth + 1;
	file->number = l->nfile++;
	if (file->depth > DEPTH_MAX || l->nfile > FILES_MAX) {
		mistake(m, word->at, "include() of more than %d files, or nested deeper than %d", FILES_MAX, DEPTH_MAX);
		return;
	}
	rc = file_read(l->scratch, file->path, SCAN_FILE_MAX, false, &text, &st);
	if (rc != 0) {
		mistake(m, word->at, "cannot include %s: %s", show(o, (struct text){file->path, strlen(file->path)}),
		    rc == -EINVAL ? "not a regular file" : strerror(-rc));
		return;
	}
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	for (const struct conf_file *f = file->from; f != NULL; f = f->from) {
		if (f->dev != file->dev || f->ino != file->ino)
			continue;
		mistake(
		    m, word->at, "include() of %s, which includes this file: break the circle", show(o, name->text));
		return;
	}
	outline_file(l, o->seen, file, text);
}

/* One item, o->t at its first word. */
static void item(struct outline *o, const struct option_block *block, unsigned scope)
{
	const struct token *name = o->t;

	if (name[1].kind == '=') {
		o->t += 2;
		assignment(o, block, scope, name);
	} else if (name[1].kind == '{') {
		o->t++;
		block_item(o, block, scope, name, NULL);
	} else if (name[1].kind == '(') {
		o->t++;
		if (block->path[0] == '\0') {
			include(o, name);
		} else {
			mistake(&o->l->mistakes, name->at, "`%s(` inside %s: include() stands at the top level only",
			    show(o, name->text), block_title(block));
			recover(o);
		}
	} else {
		o->t += 2;
		block_item(o, block, scope, name, &name[1]);
	}
}

/* True when a block of the top level begins at T, unindented, inside BLOCK: the brace before it was forgotten. */
static bool outdented(const struct option_block *block, const struct token *t)
{
	return t->margin && t[1].kind != '=' && option_child(block, t->text) == NULL &&
	    option_child(option_block(""), t->text) != NULL;
}

/* The items of BLOCK up to its closing brace; NAME is its first token, NULL at the top level.  False: no brace came. */
static bool body(struct outline *o, const struct option_block *block, const struct token *name)
{
	/* Files of the top level share scope 0; each other block has its own. */
	unsigned scope = name != NULL ? o->l->nblock : 0;

	for (;;) {
		const struct token *t = o->t;

		if (t->kind == TOKEN_END) {
			if (name != NULL)
				mistake(
				    &o->l->mistakes, name->at, "`%s` is never closed: its `}` is missing", block->name);
			return false;
		}
		if (t->kind == '}') {
			o->t++;
			if (name != NULL)
				return true;
			mistake(&o->l->mistakes, t->at, "`}` without a `{` before it: remove it");
		} else if (item_begins(t) && name != NULL && outdented(block, t)) {
			mistake(&o->l->mistakes, name->at, "`%s` is never closed: its `}` is missing before line %d",
			    block->name, t->at.line);
			return false;
		} else if (item_begins(t)) {
			item(o, block, scope);
		} else {
			if (t->kind == TOKEN_WORD && !t->bad)
				mistake(&o->l->mistakes, t->at,
				    "`%s` is followed by %s: write `%s = value` or `%s { }`", show(o, t->text),
				    token_name(o, &t[1]), show(o, t->text), show(o, t->text));
			else if (!t->bad)
				mistake(
				    &o->l->mistakes, t->at, "%s where a key or a block is expected", token_name(o, t));
			if (t->kind == '{')
				skip_braces(o);
			else
				o->t++;
			recover(o);
		}
	}
}

static void outline_file(struct load *l, struct seen *seen, const struct conf_file *file, struct text text)
{
	struct outline o = {.l = l, .seen = seen, .file = file};

	o.t = scan(l->scratch, &l->mistakes, file, text.p, text.n);
	body(&o, option_block(""), NULL);
}

int outline(struct load *l, const char *path)
{
	struct conf_file *file = conf_arena_alloc(l->keep, sizeof *file);
	struct seen seen = {0};
	struct stat st;
	struct text text;
	int rc;

	rc = file_read(l->scratch, path, SCAN_FILE_MAX, true, &text, &st);
	if (rc != 0)
		return rc;
	file->path = conf_arena_text(l->keep, path, strlen(path)).p;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	file->number = l->nfile++;
	l->main = file;
	outline_file(l, &seen, file, text);
	return 0;
}
