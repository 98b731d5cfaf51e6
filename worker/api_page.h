/*
 * api_page.h - what a page was asked for: limit and after.
 */
#ifndef FORKCAST_WORKER_API_PAGE_H
#define FORKCAST_WORKER_API_PAGE_H

#include "worker/conn.h"

/* AFTER: decoded, "" when absent.  False when the error was answered. */
bool api_page(struct conn *c, struct slice query, char *after, size_t cap, unsigned *limit);

#endif
