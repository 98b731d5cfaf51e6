#include "worker/hook_request.h"

#include <stdio.h>

#include "conf/version.h"

void hook_signer_init(struct hook_signer *s, const struct hook *h)
{
	s->on = h->secret.p != NULL;
	if (s->on)
		crypto_auth_hmacsha256_init(&s->keyed, (const unsigned char *)h->secret.p, h->secret.n);
}

void hook_sign(const struct hook_signer *s, const char *timestamp, struct slice body, char out[HOOK_SIGNATURE_LEN + 1])
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state st = s->keyed;

	crypto_auth_hmacsha256_update(&st, (const unsigned char *)timestamp, strlen(timestamp));
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&st, (const unsigned char *)body.p, body.n);
	crypto_auth_hmacsha256_final(&st, mac);
	sodium_bin2hex(out, HOOK_SIGNATURE_LEN + 1, mac, sizeof(mac));
}

size_t hook_request_head(const struct hook *h, const struct hook_signer *s, const char id[UUID_LEN + 1], int64_t now_s,
    struct slice body, char out[HOOK_HEAD_MAX])
{
	char timestamp[24], signature[HOOK_SIGNATURE_LEN + 1] = "";
	int n;

	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)now_s);
	if (s->on)
		hook_sign(s, timestamp, body, signature);
	/* the conf bounds host and target, so it fits */
	n = snprintf(out, HOOK_HEAD_MAX,
	    "POST %s HTTP/1.1\r\nhost: %s\r\nuser-agent: forkcast/" FORKCAST_VERSION "\r\ncontent-type: application/json\r\n"
	    "content-length: %zu\r\nforkcast-id: %s\r\nforkcast-timestamp: %s\r\n%s%s%s\r\n",
	    h->target.p, h->authority.p, body.n, id, timestamp, s->on ? "forkcast-signature: v1=" : "", signature,
	    s->on ? "\r\n" : "");
	return n > 0 && (unsigned)n < HOOK_HEAD_MAX ? (size_t)n : 0;
}
