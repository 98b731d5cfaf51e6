#include <string.h>

#include "conf/load.h"

/* libConfuse passes no pointer of ours to its callbacks, and its lexer is one per process anyway. */
static struct load *loading;

static struct place line_place(const struct load *l, int line)
{
	if (line < 1 || (unsigned)line > l->nline)
		return (struct place){l->main, 1};
	return l->line[line - 1].token->at;
}

/* Value callback: the value is the token on this line. */
static int take(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct token *t =
	    cfg->line >= 1 && (unsigned)cfg->line <= loading->nline ? loading->line[cfg->line - 1].token : NULL;

	if (t == NULL || strcmp(t->bad && t->kind == TOKEN_STRING ? "" : t->text.p, value) != 0) {
		cfg_error(cfg, "reads `%s` differently", opt->name);
		return -1;
	}
	*(const struct token **)result = t;
	return 0;
}

static void refused(cfg_t *cfg, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
static void refused(cfg_t *cfg, const char *format, va_list ap)
{
	char what[256];

	vsnprintf(what, sizeof what, format, ap);
	mistake(&loading->mistakes, line_place(loading, cfg != NULL ? cfg->line : 0), "libConfuse: %s", what);
}

/* libConfuse's table of BLOCK, from ours. */
static cfg_opt_t *options_of(struct conf_arena *a, const struct option_block *block)
{
	cfg_opt_t *opt = conf_arena_alloc(a, (block->n + option_nblocks + 1) * sizeof *opt);
	unsigned n = 0;

	for (unsigned i = 0; i < block->n; i++) {
		const struct option *o = &block->option[i];

		opt[n].name = o->name;
		opt[n].type = CFGT_PTR;
		opt[n].flags = CFGF_NODEFAULT | (option_is_list(o->type) ? CFGF_LIST : CFGF_NONE);
		opt[n++].parsecb = take;
	}
	for (unsigned i = 0; i < option_nblocks; i++) {
		const struct option_block *b = &option_blocks[i];

		if (b->path[0] == '\0' || option_child(block, (struct text){b->name, strlen(b->name)}) != b)
			continue;
		opt[n].name = b->name;
		opt[n].type = CFGT_SEC;
		opt[n].flags = (b->title != NULL ? CFGF_TITLE : CFGF_NONE) | (b->many ? CFGF_MULTI : CFGF_NONE);
		opt[n++].subopts = options_of(a, b);
	}
	return opt;
}

cfg_t *tree_parse(struct load *l, const char *text)
{
	cfg_t *tree = cfg_init(options_of(l->scratch, option_block("")), CFGF_NONE);
	int rc = CFG_SUCCESS;

	if (tree == NULL) {
		mistake(&l->mistakes, (struct place){l->main, 1}, "libConfuse: no memory");
		return NULL;
	}
	loading = l;
	cfg_set_error_function(tree, refused);
	if (text[0] != '\0')
		rc = cfg_parse_buf(tree, text);
	loading = NULL;
	if (rc != CFG_SUCCESS) {
		mistake(&l->mistakes, line_place(l, tree->line), "libConfuse refuses the file here");
		cfg_free(tree);
		return NULL;
	}
	return tree;
}

void tree_free(cfg_t *tree)
{
	cfg_free(tree);
}

/* libConfuse would call it an error to ask for what a block has no row for. */
static cfg_opt_t *find(cfg_t *block, const char *name)
{
	for (cfg_opt_t *o = block->opts; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

unsigned tree_blocks(cfg_t *parent, const char *name)
{
	cfg_opt_t *o = find(parent, name);

	return o != NULL ? cfg_opt_size(o) : 0;
}

cfg_t *tree_block(cfg_t *parent, const char *name, unsigned i)
{
	return cfg_getnsec(parent, name, i);
}

/*
 * libConfuse leaves a block with the line of its closing brace.  One that it made up, inside a block that is written, has
 * the line where that one begins.
 */
bool tree_written(const struct load *l, const cfg_t *block)
{
	return block->line > 0 && (unsigned)block->line <= l->nline && l->line[block->line - 1].token->kind == '}';
}

static unsigned first_line(const struct load *l, const cfg_t *block)
{
	if (block->line < 1 || (unsigned)block->line > l->nline)
		return 0;
	return l->line[block->line - 1].open;
}

struct place tree_place(const struct load *l, const cfg_t *block)
{
	return line_place(l, (int)first_line(l, block));
}

const struct token *tree_title(const struct load *l, const cfg_t *block)
{
	unsigned line = first_line(l, block);

	return line > 0 && line < l->nline ? l->line[line].token : NULL;
}

unsigned tree_values(cfg_t *block, const char *key)
{
	return tree_blocks(block, key);
}

const struct token *tree_value(cfg_t *block, const char *key, unsigned i)
{
	cfg_opt_t *o = find(block, key);

	return o != NULL && i < cfg_opt_size(o) ? cfg_opt_getnptr(o, i) : NULL;
}
