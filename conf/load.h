/*
 * load.h - what the steps of loading a configuration share, and what each does.
 *
 *	file -> scan -> outline -> libConfuse (tree) -> server, rule ... -> struct conf
 *
 * outline finds what is unknown, repeated, misplaced or unfinished, follows include() and writes the sound rest as a
 * text for libConfuse with one token a line, so the line that libConfuse reports is the token's number.  libConfuse
 * parses that text into its tree, whose values are our tokens; the compilers read the tree.  Each step goes on after
 * mistakes; a configuration with any mistake is refused in the end.
 */
#ifndef FORKCAST_CONF_LOAD_H
#define FORKCAST_CONF_LOAD_H

#include <confuse.h>

#include "conf/option.h"
#include "conf/scan.h"

/* A line of the text for libConfuse. */
struct load_line {
	const struct token *token;
	unsigned open; /* of a block's closing brace: line of its name; the title is on the next one */
};

struct load {
	struct conf *conf;
	struct conf_arena *keep;    /* lives with the conf */
	struct conf_arena *scratch; /* ends with the loading */
	struct mistakes mistakes;
	const struct conf_file *main;
	const struct catalogue_nsp *nsp; /* the one being compiled: its room types are those that names may have */
	const struct fields *fields; /* of the rule being compiled: bare paths begin with one of these; NULL: any */
	const char *client;	     /* the last source that was about a client, as it was written; NULL: none since it was reset */
	bool dev;
	unsigned nfile, nblock;
	char *literal; /* of template_literal(), SCAN_VALUE_MAX + 1 bytes */
	FILE *text;    /* for libConfuse */
	unsigned nline;
	struct load_line *line; /* line[i] is line i + 1 */
};

/* file.c */

/*
 * Reads PATH, at most MAX bytes.  Only regular files, and pipes when PIPES.  0 or -errno; -EFBIG, -EISDIR, -EINVAL for
 * what is too large, a folder, or neither.  *ST may be NULL.
 */
struct stat;
int file_read(struct conf_arena *a, const char *path, size_t max, bool pipes, struct text *out, struct stat *st);
/* NAME as seen from the folder of FILE; ABSOLUTE: links in that folder's own path resolved. */
struct text file_beside(struct conf_arena *a, const struct conf_file *file, struct text name, bool absolute);

/* outline.c */

/* Reads PATH and what it includes into l->text and l->line.  0 or -errno when PATH itself cannot be read. */
int outline(struct load *l, const char *path);

/* tree.c */

/* Runs libConfuse over the N bytes of TEXT.  NULL when it refuses, which is told; else tree_free() it. */
cfg_t *tree_parse(struct load *l, const char *text);
void tree_free(cfg_t *tree);
/* Blocks NAME in PARENT, 0 where it can have none; an untitled block that is not written counts as one, with tree_written() false. */
unsigned tree_blocks(cfg_t *parent, const char *name);
cfg_t *tree_block(cfg_t *parent, const char *name, unsigned i);
bool tree_written(const struct load *l, const cfg_t *block);
/* Where a block's name stands; line 1 of the main file when it is not written. */
struct place tree_place(const struct load *l, const cfg_t *block);
const struct token *tree_title(const struct load *l, const cfg_t *block);
/* Values of a key: how many, 0 when it is not written or not known there; the I-th, NULL when there is none. */
unsigned tree_values(cfg_t *block, const char *key);
const struct token *tree_value(cfg_t *block, const char *key, unsigned i);

/* value.c */

/* Reads the N values V of option O, no KEY_FILE, into the member of BASE.  False when they are told to be wrong. */
bool value_store(struct load *l, const struct option *o, const struct token *const *v, unsigned n, void *base);
/* Stores every option of BLOCK that stores itself, from the tree or by default.  False after a mistake. */
bool value_store_block(struct load *l, const struct option_block *block, cfg_t *tree, void *base);
/* The same for one option of it. */
bool value_store_option(
    struct load *l, const struct option_block *block, const char *name, cfg_t *tree, void *base);

/* value_print.c */

/* The member of BASE as it would be written; false when there is none, and nothing is printed. */
bool value_print(const struct option *o, const void *base, FILE *out);
/* A text as it would be written: bare, or in single quotes. */
void value_print_text(struct text t, FILE *out);
/* "25s", "16M": in the largest unit that divides it. */
void value_print_duration(int64_t ms, FILE *out);
void value_print_size(uint64_t bytes, FILE *out);

/* suggest.c */

/* The name nearest to GIVEN among those offered, if near enough to be meant. */
struct suggest {
	struct text given;
	unsigned distance;
	struct text best; /* p NULL: none */
};
void suggest_init(struct suggest *s, struct text given);
void suggest_offer(struct suggest *s, const char *name, size_t n);
/* Offers each of the names in WORDS, which are apart by spaces. */
void suggest_offer_words(struct suggest *s, const char *words);
/* ": did you mean `x`?" or "". */
const char *suggest_text(struct load *l, const struct suggest *s);

/* later.c */

/* True when BLOCK of another build has NAME: it is a name of forkcast, but not of this build. */
bool later_key(const char *block, struct text name);
bool later_trigger(struct text trigger);
bool later_source(struct text name);
/* Why BLOCK has no NAME though its neighbours do, and what to write instead; NULL: nothing is known about it. */
const char *never_key(const char *block, struct text name);

#endif
