/*
 * api_page.h - pages of lists: what was asked for, and how one ends.
 */
#ifndef FORKCAST_WORKER_API_PAGE_H
#define FORKCAST_WORKER_API_PAGE_H

#include "worker/buf.h"
#include "worker/conn.h"

/* AFTER: decoded, "" when absent.  False when the error was answered. */
bool api_page(struct conn *c, struct slice query, char *after, size_t cap, unsigned *limit);

/* Ends the list of items in B, and the object around it; NEXT: where the following page begins, or "". */
void api_page_end(struct buf *b, const char *next);

#endif
