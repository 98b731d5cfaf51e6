#include "worker/auth_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/key_file.h"
#include "conf/log.h"
#include "worker/worker.h"

#define LOOK_NS NS_PER_S

struct jwt_key_spec auth_key_spec(const struct conf_jwt *j)
{
	static const enum jwt_alg alg[] = {
	    [CONF_HS256] = JWT_ALG_HS256,
	    [CONF_HS384] = JWT_ALG_HS384,
	    [CONF_HS512] = JWT_ALG_HS512,
	    [CONF_RS256] = JWT_ALG_RS256,
	    [CONF_RS384] = JWT_ALG_RS384,
	    [CONF_RS512] = JWT_ALG_RS512,
	    [CONF_ES256] = JWT_ALG_ES256,
	    [CONF_ES384] = JWT_ALG_ES384,
	    [CONF_ES512] = JWT_ALG_ES512,
	    [CONF_EDDSA] = JWT_ALG_EDDSA,
	};

	return (struct jwt_key_spec){
	    .kid = j->kid.p,
	    .alg = alg[j->alg],
	    .secret = slice_make(j->secret.p, j->secret.n),
	    .public_key = slice_make(j->public_key.p, j->public_key.n),
	    .issuer = j->issuer.p,
	    .audience = j->audience.p,
	    .leeway_s = j->leeway / 1000,
	};
}

int auth_keys_open(struct worker *w)
{
	const struct conf_auth *a = &w->conf->auth;
	struct jwt_key_spec *keys;

	if (a->njwt == 0)
		return 0;
	keys = calloc(a->njwt, sizeof(*keys));
	w->key_seen = calloc(a->njwt, sizeof(*w->key_seen));
	if (keys == NULL || w->key_seen == NULL) {
		free(keys);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < a->njwt; i++) {
		keys[i] = auth_key_spec(&a->jwt[i]);
		w->key_seen[i] = a->jwt[i].stamp;
	}
	w->jwt = jwt_ring_new(keys, a->njwt);
	free(keys);
	return w->jwt != NULL ? 0 : -errno;
}

/* Key I's file is not what it was. */
static void take_file(struct worker *w, unsigned i)
{
	const struct conf_jwt *j = &w->conf->auth.jwt[i];
	struct jwt_key_spec spec = auth_key_spec(j);
	char key[KEY_FILE_MAX], why[256];
	struct slice *into = j->alg <= CONF_HS512 ? &spec.secret : &spec.public_key;
	int n = key_file_read(j->file.p, j->alg, key, &w->key_seen[i], why, sizeof(why));

	if (n > 0) {
		*into = slice_make(key, (size_t)n);
		n = jwt_ring_replace(w->jwt, i, &spec);
		if (n == 0)
			log_info("key_changed", "kid=%s file=%s", j->kid.p, j->file.p);
		else
			log_warn("key_not_changed", "kid=%s file=%s why=%s", j->kid.p, j->file.p, strerror(-n));
	} else {
		log_warn("key_not_changed", "kid=%s file=%s why=%s", j->kid.p, j->file.p, why);
	}
	explicit_bzero(key, sizeof(key));
}

void auth_keys_sweep(struct worker *w)
{
	const struct conf_auth *a = &w->conf->auth;

	if (w->now_ns - w->keys_ns < LOOK_NS)
		return;
	w->keys_ns = w->now_ns;
	for (unsigned i = 0; i < a->njwt; i++) {
		struct file_stamp now;

		if (a->jwt[i].file.p == NULL)
			continue;
		now = key_file_stamp(a->jwt[i].file.p);
		if (key_file_same(&now, &w->key_seen[i]))
			continue;
		w->key_seen[i] = now;
		take_file(w, i);
	}
}
