/*
 * jwt_sign.c - tokens made by a running server, with the key that also checks them: so they follow its file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base64.h"
#include "proto/json.h"
#include "proto/jwt_key.h"

#define KID_MAX 1024 /* as a JSON string */

/* TEXT behind the N characters of TOKEN, and a dot in front of it when it is not the first.  The length then. */
static size_t put_part(char *token, size_t n, const void *text, size_t len)
{
	if (n > 0)
		token[n++] = '.';
	base64url_encode(text, len, token + n);
	return n + BASE64URL_ENCODED(len);
}

char *jwt_key_token(const struct jwt_key *k, struct slice claims)
{
	char kid[KID_MAX + 1], header[KID_MAX + 64], *token;
	uint8_t mac[JWT_MAC_MAX];
	struct slice name = slice_make(k->kid, strlen(k->kid));
	size_t nkid = json_escape(name, kid, KID_MAX), nmac, n;
	int nheader;

	if (k->mac == NULL || nkid > KID_MAX || claims.n > JWT_TEXT_MAX / 2) {
		errno = EINVAL;
		return NULL;
	}
	kid[nkid] = '\0';
	nheader = snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"JWT\"%s%s%s}", jwt_alg_name(k->alg),
	    nkid > 0 ? ",\"kid\":\"" : "", kid, nkid > 0 ? "\"" : "");
	token = malloc(BASE64URL_ENCODED((size_t)nheader) + BASE64URL_ENCODED(claims.n) + BASE64URL_ENCODED(JWT_MAC_MAX) + 3);
	if (token == NULL)
		return NULL;
	n = put_part(token, 0, header, (size_t)nheader);
	n = put_part(token, n, claims.p, claims.n);
	nmac = jwt_key_mac(k, slice_make(token, n), mac);
	if (nmac == 0) {
		free(token);
		errno = EIO;
		return NULL;
	}
	n = put_part(token, n, mac, nmac);
	token[n] = '\0';
	return token;
}
