#include <string.h>

#include "conf/compile.h"
#include "conf/public_key.h"

static bool is_time(const char *p, const char *end)
{
	return end - p >= 4 && memcmp(p, "{ms}", 4) == 0;
}

/* Cuts `message` at its {ms}; a brace that is written twice is one. */
static void message(struct load *l, const struct token *t, struct conf_wallet *w)
{
	const char *p = w->message.p, *end = p + w->message.n;
	char *out = conf_arena_alloc(l->keep, w->message.n + 2);
	size_t n = 0, cut = 0;
	bool timed = false;

	for (; p < end; p++) {
		if (is_time(p, end) && !timed) {
			timed = true;
			cut = n;
			out[n++] = '\0';
			p += 3;
			continue;
		}
		if (*p == '{' && p + 1 < end && p[1] == '{') {
			p++;
		} else if (*p == '{') {
			mistake(&l->mistakes, t->at, "`message`, byte %zu: %s", (size_t)(p - w->message.p) + 1,
			    is_time(p, end) ? "{ms} stands twice: keep one"
					    : "{ms} alone may stand in braces: write {{ for a brace");
			return;
		}
		out[n++] = *p;
	}
	out[n] = '\0';
	if (!timed) {
		mistake(&l->mistakes, t->at, "`message` has no {ms}: a signature without a time would hold forever");
		return;
	}
	w->before = (struct text){out, cut};
	w->after = (struct text){out + cut + 1, n - cut - 1};
}

static void path(struct load *l, const struct token *t, const struct conf_wallet *w)
{
	const char *owner = engine_owner(l, w->path);

	if (owner != NULL)
		mistake(&l->mistakes, t->at, "`path = %s` is on the path of %s: take another", w->path.p, owner);
}

/* The key that signs: the one that T names, or the first that can. */
static void sign(struct load *l, struct place at, const struct token *t, struct conf_wallet *w)
{
	const struct conf_auth *a = &l->conf->auth;
	struct suggest s;

	for (unsigned i = 0; i < a->njwt; i++) {
		const struct conf_jwt *j = &a->jwt[i];
		bool named = t != NULL && text_equal(j->kid, w->sign);

		if (j->alg > CONF_HS512 && named) {
			mistake(&l->mistakes, t->at, "`sign = %s`: %s has a public key here, which only checks: name a jwt with a secret",
			    mistake_show(&l->mistakes, w->sign), conf_jwt_alg_name(j->alg));
			return;
		}
		if (j->alg <= CONF_HS512 && (named || t == NULL)) {
			w->sign = j->kid;
			w->key = i;
			return;
		}
	}
	if (t == NULL) {
		mistake(&l->mistakes, at, "wallet has no key to sign tokens with: add auth { jwt \"main\" { secret = \"${JWT_SECRET}\" } }");
		return;
	}
	suggest_init(&s, w->sign);
	for (unsigned i = 0; i < a->njwt; i++)
		if (a->jwt[i].kid.p != NULL)
			suggest_offer(&s, a->jwt[i].kid.p, a->jwt[i].kid.n);
	mistake(&l->mistakes, t->at, "`sign = %s`: auth has no jwt of that title%s", mistake_show(&l->mistakes, w->sign),
	    suggest_text(l, &s));
}

void wallet_options(struct load *l, cfg_t *tree)
{
	cfg_t *block = tree_block(tree, "wallet", 0), *in_band = tree_block(tree_block(tree, "auth", 0), "in_band", 0);
	struct conf_wallet *w = &l->conf->wallet;
	bool both = l->conf->auth.in_band.on && l->conf->auth.in_band.factors == CONF_FACTORS_BOTH;

	w->on = tree_written(l, block);
	if (!w->on) {
		if (both && !l->mistakes.unfinished)
			mistake(&l->mistakes, tree_value(in_band, "factors", 0)->at,
			    "`factors = both` without a wallet block: add wallet { message = \"NAME authentication: {ms}\" }");
		return;
	}
	if (!value_store_block(l, option_block("wallet"), block, w))
		return;
	if (w->message.p == NULL)
		mistake(&l->mistakes, tree_place(l, block),
		    "wallet has no message: add message = \"NAME authentication: {ms}\", the text that wallets sign");
	else
		message(l, tree_value(block, "message", 0), w);
	if (w->path.p == NULL && !both)
		mistake(&l->mistakes, tree_place(l, block),
		    "wallet does nothing: add path = /api/auth/wallet, or auth { in_band { factors = both } }");
	if (w->path.p != NULL)
		path(l, tree_value(block, "path", 0), w);
	if (w->path.p != NULL || w->sign.p != NULL)
		sign(l, tree_place(l, block), tree_value(block, "sign", 0), w);
}
