/*
 * claim.h - rooms whose members a token names: `join = "claim:clans"`.
 */
#ifndef FORKCAST_WORKER_CLAIM_H
#define FORKCAST_WORKER_CLAIM_H

#include "conf/source.h"
#include "worker/socket.h"

/* True when ID is in the claim: it is that text or number, or an element of the list, or a member's name of the object. */
bool claim_names(const struct socket *so, const struct source *claim, struct slice id);

#endif
