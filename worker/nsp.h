/*
 * nsp.h - the namespaces of this worker.
 *
 * Declared by name they are there for ever; one that only a pattern covers ("/tenant-*") lives while it has sockets
 * here.  Everything that is about a namespace points to one of these, so two tenants never share a room.
 */
#ifndef FORKCAST_WORKER_NSP_H
#define FORKCAST_WORKER_NSP_H

#include <stdint.h>

#include "conf/catalogue.h"
#include "proto/slice.h"

struct worker;

#define NSP_NAME_MAX 128u /* bytes of a name that a pattern takes */

struct nsp {
	const struct catalogue_nsp *rules;
	struct text name;
	struct nsp *next;  /* of its chain */
	uint32_t nsockets; /* with the last of them one of a pattern goes */
	uint64_t next_ack; /* id of the next event that asks for an ack */
};

struct nsp_table;
/* One for each declared namespace of CAT; NULL when out of memory. */
struct nsp_table *nsp_table_new(const struct catalogue *cat);
/* NULL when it is not declared by name and has no socket here. */
struct nsp *nsp_find(const struct worker *w, struct slice name);
/* For a socket that enters: makes what a pattern covers.  NULL when nothing declares it.  nsp_put() when it leaves. */
struct nsp *nsp_get(struct worker *w, struct slice name);
void nsp_put(struct worker *w, struct nsp *nsp);

static inline struct slice nsp_name(const struct nsp *nsp)
{
	return slice_make(nsp->name.p, nsp->name.n);
}

#endif
