/*
 * jwt_mint.c - signing tokens of jwt.h, by the library: what the command line hands out is checked by other code than
 * made it.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "proto/jwt.h"
#include "proto/libjwt.h"

char *jwt_mint(const struct jwt_key_spec *key, const char *claims_json)
{
	static const jwt_alg_t alg[] = {
	    [JWT_ALG_HS256] = LIBJWT_ALG_HS256, [JWT_ALG_HS384] = LIBJWT_ALG_HS384, [JWT_ALG_HS512] = LIBJWT_ALG_HS512};
	char *token = NULL;
	jwt_t *jwt = NULL;
	int rc;

	if (key->alg > JWT_ALG_HS512 || key->secret.n == 0 || key->secret.n > INT_MAX) {
		errno = EINVAL;
		return NULL;
	}
	rc = jwt_new(&jwt);
	if (rc == 0 && key->kid && key->kid[0] != '\0')
		rc = jwt_add_header(jwt, "kid", key->kid);
	if (rc == 0)
		rc = jwt_add_grants_json(jwt, claims_json);
	if (rc == 0)
		rc = jwt_set_alg(jwt, alg[key->alg], (const unsigned char *)key->secret.p, (int)key->secret.n);
	if (rc == 0) {
		errno = 0;
		token = jwt_encode_str(jwt);
		if (token == NULL)
			rc = errno ? errno : ENOMEM;
	}
	jwt_free(jwt);
	if (rc != 0)
		errno = rc;
	return token;
}
