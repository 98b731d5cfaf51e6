/*
 * facts.h - what the conf's sources want to know of a handshake, kept for as long as anybody may ask: @socket.query.X and
 * @socket.headers.X.  Where no source names one, sessions keep nothing.
 */
#ifndef FORKCAST_WORKER_FACTS_H
#define FORKCAST_WORKER_FACTS_H

#include "conf/catalogue.h"
#include "proto/slice.h"

struct http_request;

struct facts;

/* Those of REQ that CAT's sources name; NULL: none is there.  One reference is the caller's. */
struct facts *facts_new(const struct catalogue *cat, const struct http_request *req);
struct facts *facts_get(struct facts *f);
/* F may be NULL. */
void facts_put(struct facts *f);
/* Fact I of the catalogue as text (UTF-8); p NULL when the handshake had none.  F may be NULL. */
struct slice facts_at(const struct facts *f, unsigned i);

#endif
