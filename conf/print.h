/*
 * print.h - the configuration as text again: print.c the server, print_rule.c the catalogue.
 *
 * What is printed loads again, and prints the same: that is tested, and fuzzed.
 */
#ifndef FORKCAST_CONF_PRINT_H
#define FORKCAST_CONF_PRINT_H

#include "conf/load.h"

/* One key of a block, up to behind its equal sign, at DEPTH tabs: three at most. */
void print_key(FILE *out, int depth, const char *name);
/* `name "title" {` and the end of the line. */
void print_title(FILE *out, int depth, const char *name, struct text t);
/* The options of the block at PATH that store themselves in BASE. */
void print_block(const char *path, const void *base, int depth, FILE *out);
void print_catalogue(const struct catalogue *cat, FILE *out);

#endif
