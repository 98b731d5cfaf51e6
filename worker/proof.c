#include "worker/proof.h"

#include "worker/worker.h"

#define WORD	  "wallet:"
#define MARGIN_MS INT64_C(60000) /* remembered longer than taken: a clock may be set back a little */

enum proof_fault proof_read(const struct worker *w, struct slice key, struct slice signature, struct slice message,
    struct proof *out)
{
	const struct conf_wallet *conf = &w->conf->wallet;
	struct wallet_text text = {
	    slice_make(conf->before.p, conf->before.n), slice_make(conf->after.p, conf->after.n)};

	if (!wallet_key(key, out->key))
		return PROOF_KEY;
	if (!wallet_signature(signature, out->signature))
		return PROOF_SIGNATURE;
	if (!wallet_time(&text, message, &out->signed_ms))
		return PROOF_MESSAGE;
	out->message = message;
	wallet_digest(out->signature, out->digest);
	return PROOF_GOOD;
}

enum proof_fault proof_time(const struct worker *w, const struct proof *p, int64_t leeway_ms)
{
	if (p->signed_ms > w->now_ms + leeway_ms)
		return PROOF_EARLY;
	return w->now_ms - p->signed_ms > w->conf->wallet.max_age ? PROOF_STALE : PROOF_GOOD;
}

enum proof_fault proof_check(const struct proof *p)
{
	return wallet_signed(p->key, p->signature, p->message) ? PROOF_GOOD : PROOF_FORGED;
}

int proof_take(struct worker *w, const struct proof *p, ask_once_fn fn, void *arg)
{
	char key[sizeof(WORD) - 1 + WALLET_DIGEST_CHARS];
	int64_t left_ms = p->signed_ms + w->conf->wallet.max_age - w->now_ms;

	memcpy(key, WORD, sizeof(WORD) - 1);
	memcpy(key + sizeof(WORD) - 1, p->digest, sizeof(p->digest));
	return ask_once(w, slice_make(key, sizeof(key)), left_ms + MARGIN_MS, fn, arg);
}
