#include "bench/load/token.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static size_t put_base64url(char *out, const void *in, size_t len)
{
	size_t n = (size_t)EVP_EncodeBlock((unsigned char *)out, in, (int)len), i;

	while (n && out[n - 1] == '=')
		n--;
	for (i = 0; i < n; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
	out[n] = '\0';
	return n;
}

int token_mint(const char *secret, const char *user, char *out)
{
	static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"bench\"}";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned sum_len = 0;
	char claims[256];
	long now = (long)time(NULL);
	size_t n;
	int len;

	len = snprintf(claims, sizeof claims,
	    "{\"sub\":\"%s\",\"name\":\"Client %s\",\"role\":\"user\",\"iat\":%ld,\"exp\":%ld}", user, user, now,
	    now + 86400);
	if (len < 0 || (size_t)len >= sizeof claims)
		return -EINVAL;
	n = put_base64url(out, head, sizeof head - 1);
	out[n++] = '.';
	n += put_base64url(out + n, claims, (size_t)len);
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)out, n, sum, &sum_len))
		return -EINVAL;
	out[n++] = '.';
	put_base64url(out + n, sum, sum_len);
	return 0;
}
