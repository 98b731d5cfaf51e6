/*
 * factors.h - the second factor of `in_band { factors = both }`: the signature of the wallet that a token's user is.
 *
 * The signature that a token was minted for (the token has its digest) may be presented with that token for as long as
 * it lives, so a client that comes again needs no new one, and nothing is remembered for it.  Any other is taken once on
 * the whole host, while its message is fresh.
 */
#ifndef FORKCAST_WORKER_FACTORS_H
#define FORKCAST_WORKER_FACTORS_H

#include "worker/auth.h"
#include "worker/proof.h"

/* As they came: JSON, p NULL when absent. */
struct factors {
	struct slice token, signature, message;
};

enum factors_verdict {
	FACTORS_GOOD,
	FACTORS_FRESH, /* good when nobody took it: proof_take() */
	FACTORS_REFUSED,
};

/* The members of OBJECT. */
struct factors factors_of_object(struct slice object);
/* The members of the first argument when it is an object, else the first three; PAYLOAD is the array [event, ...]. */
struct factors factors_of_payload(struct slice payload);
/*
 * Judges signature and message for ID, whom the token named.  *PROOF is filled unless it is refused; *CODE says why it is.
 */
enum factors_verdict factors_judge(struct worker *w, const struct factors *f, const struct identity *id,
    struct proof *proof, enum refusal *code);

#endif
