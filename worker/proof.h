/*
 * proof.h - a wallet's signature as a client presents it: read, judged, and taken once on the whole host.
 *
 * Reading and the time cost next to nothing, the signature 60 us, the taking a question to the keeper: callers go in this
 * order.  What is remembered is the signature (its digest, with the word `wallet:` in front), for as long as its message
 * may be taken: nobody but the wallet can make another one.
 */
#ifndef FORKCAST_WORKER_PROOF_H
#define FORKCAST_WORKER_PROOF_H

#include "proto/wallet.h"
#include "worker/ask.h"

struct worker;

struct proof {
	uint8_t key[WALLET_KEY_BYTES], signature[WALLET_SIGNATURE_BYTES];
	struct slice message; /* the caller's bytes */
	int64_t signed_ms;    /* what the message says */
	char digest[WALLET_DIGEST_CHARS];
};

enum proof_fault {
	PROOF_GOOD,
	PROOF_KEY,	 /* no address */
	PROOF_SIGNATURE, /* no signature by its form */
	PROOF_MESSAGE,	 /* not the text of the conf */
	PROOF_STALE,	 /* older than max_age */
	PROOF_EARLY,	 /* ahead of us */
	PROOF_FORGED,	 /* KEY did not sign it */
};

/* Reads the three texts (decoded).  PROOF_GOOD, _KEY, _SIGNATURE or _MESSAGE. */
enum proof_fault proof_read(const struct worker *w, struct slice key, struct slice signature, struct slice message,
    struct proof *out);
/* PROOF_GOOD, _STALE or _EARLY: by more than LEEWAY_MS. */
enum proof_fault proof_time(const struct worker *w, const struct proof *p, int64_t leeway_ms);
/* PROOF_GOOD or _FORGED. */
enum proof_fault proof_check(const struct proof *p);
/* Takes a proof that is good: as ask_once(). */
int proof_take(struct worker *w, const struct proof *p, ask_once_fn fn, void *arg);

#endif
