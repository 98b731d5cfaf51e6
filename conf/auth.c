#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "conf/compile.h"
#include "conf/key_file.h"
#include "conf/public_key.h"

struct text conf_random_hex(struct load *l, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char byte;
	char *hex = conf_arena_alloc(l->keep, 2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		while (getrandom(&byte, 1, 0) != 1)
			if (errno != EINTR)
				abort();
		hex[2 * i] = digits[byte >> 4];
		hex[2 * i + 1] = digits[byte & 15];
	}
	return (struct text){hex, 2 * n};
}

void auth_note_file(struct load *l, const struct token *name, struct text *file, struct file_stamp *stamp)
{
	if (name == NULL || name->bad)
		return;
	*file = file_beside(l->keep, name->at.file, name->text, true);
	*stamp = key_file_stamp(file->p);
}

static void jwt_secret(struct load *l, cfg_t *block, struct conf_jwt *out)
{
	const struct token *title = tree_title(l, block);
	const struct token *secret = tree_value(block, "secret", 0);

	if (out->secret.p == NULL && l->dev) {
		out->secret = conf_random_hex(l, 32);
		out->generated = true;
	}
	if (secret == NULL)
		secret = tree_value(block, "secret_file", 0);
	if (out->secret.p == NULL)
		mistake(&l->mistakes, title->at,
		    "jwt `%s` has no secret: add secret = \"${JWT_SECRET}\" or secret_file",
		    mistake_show(&l->mistakes, title->text));
	else if (out->secret.n < key_secret_min(out->alg))
		mistake(&l->mistakes, secret != NULL ? secret->at : title->at,
		    "jwt `%s`: a secret of %zu bytes is too short for %s: at least %zu",
		    mistake_show(&l->mistakes, title->text), out->secret.n, conf_jwt_alg_name(out->alg),
		    key_secret_min(out->alg));
}

static void jwt_public_key(struct load *l, cfg_t *block, struct conf_jwt *out)
{
	const struct token *title = tree_title(l, block);
	const struct token *file = tree_value(block, "public_key_file", 0);
	char why[256];
	void *der = conf_arena_alloc(l->scratch, KEY_FILE_MAX);
	int n;

	if (file == NULL) {
		mistake(&l->mistakes, title->at, "jwt `%s` has no key: %s is checked with public_key_file = \"...\"",
		    mistake_show(&l->mistakes, title->text), conf_jwt_alg_name(out->alg));
		return;
	}
	n = key_file_read(out->file.p, out->alg, der, &out->stamp, why, sizeof why);
	if (n < 0)
		mistake(&l->mistakes, file->at, "`public_key_file`: %s %s", mistake_show(&l->mistakes, out->file), why);
	else
		out->public_key = conf_arena_text(l->keep, der, (size_t)n);
}

/* True when the key's kind is not that of the algorithm. */
static bool wrong_kind(struct load *l, cfg_t *block, const struct conf_jwt *jwt)
{
	bool hmac = key_secret_min(jwt->alg) > 0;
	const char *wrong = hmac ? "public_key_file" : tree_values(block, "secret") > 0 ? "secret" : "secret_file";

	if (tree_values(block, wrong) == 0)
		return false;
	mistake(&l->mistakes, tree_value(block, wrong, 0)->at, "`%s` is not for %s, which is %s", wrong,
	    conf_jwt_alg_name(jwt->alg),
	    hmac ? "keyed with a secret: write algorithm = RS256, ES256 or EdDSA, or give a secret"
		 : "checked with a public key: write public_key_file, or algorithm = HS256");
	return true;
}

static void jwt(struct load *l, cfg_t *block, struct conf_jwt *out)
{
	const struct token *title = tree_title(l, block);

	out->kid = conf_arena_text(l->keep, title->text.p, title->text.n);
	auth_note_file(l, tree_value(block, "secret_file", 0), &out->file, &out->stamp);
	auth_note_file(l, tree_value(block, "public_key_file", 0), &out->file, &out->stamp);
	if (!value_store_block(l, option_block("auth/jwt"), block, out) || wrong_kind(l, block, out))
		return;
	if (key_secret_min(out->alg) > 0)
		jwt_secret(l, block, out);
	else
		jwt_public_key(l, block, out);
}

static void in_band(struct load *l, cfg_t *block, struct conf_auth *a)
{
	const struct token *event = tree_value(block, "event", 0);

	a->in_band.on = tree_written(l, block);
	if (!a->in_band.on || !value_store_block(l, option_block("auth/in_band"), block, &a->in_band))
		return;
	if (event != NULL)
		action_event_name(l, event, "event");
	if (a->njwt == 0)
		mistake(&l->mistakes, tree_place(l, block),
		    "`in_band` without a jwt block: there is no key to check tokens with");
}

/* Under --dev there is a key to mint tokens with. */
static void dev_key(struct load *l, struct conf_auth *a)
{
	for (unsigned i = 0; i < a->njwt; i++)
		if (key_secret_min(a->jwt[i].alg) > 0)
			return;
	a->jwt[a->njwt++] = (struct conf_jwt){
	    .kid = {"dev", 3}, .alg = CONF_HS256, .secret = conf_random_hex(l, 32), .leeway = 30000, .generated = true};
}

void auth_options(struct load *l, cfg_t *block)
{
	struct conf_auth *a = &l->conf->auth;
	unsigned n = tree_blocks(block, "jwt");
	bool good = value_store_block(l, option_block("auth"), block, a);

	value_store_block(l, option_block("auth/claims"), tree_block(block, "claims", 0), a);
	a->jwt = conf_arena_alloc(l->keep, (n + 1) * sizeof *a->jwt);
	a->njwt = n;
	for (unsigned i = 0; i < n; i++)
		jwt(l, tree_block(block, "jwt", i), &a->jwt[i]);
	if (l->dev) {
		a->anonymous = true;
		dev_key(l, a);
	}
	in_band(l, tree_block(block, "in_band", 0), a);
	if (l->dev || !good || l->mistakes.unfinished)
		return;
	if (n == 0 && !a->anonymous && tree_values(block, "anonymous") == 0) {
		mistake(&l->mistakes, tree_place(l, block),
		    "nobody could connect: add auth { jwt \"main\" { secret = \"${JWT_SECRET}\" } } or auth { "
		    "anonymous = yes }");
	} else if (n == 0 && !a->anonymous) {
		mistake(&l->mistakes, tree_value(block, "anonymous", 0)->at,
		    "nobody could connect: `anonymous = no` needs a jwt block in auth");
	}
}
