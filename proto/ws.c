/*
 * ws.c - frames of ws.h without any state: the handshake's answer, headers out, and a look at headers that come in.
 */
#include "proto/ws.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "proto/error.h"
#include "proto/utf8.h"

#define KEY_LEN  24u /* base64 of 16 bytes */
#define SHA1_LEN 20u
#define RSV1     0x40u

static struct {
	pthread_once_t once;
	EVP_MD *md;
} sha1 = {.once = PTHREAD_ONCE_INIT};

/* Looking an algorithm up by name costs more than the digest. */
static void sha1_init(void)
{
	sha1.md = EVP_MD_fetch(NULL, "SHA1", NULL);
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static bool is_key(struct slice key)
{
	if (key.n != KEY_LEN || key.p[KEY_LEN - 1] != '=' || key.p[KEY_LEN - 2] != '=')
		return false;
	for (size_t i = 0; i < KEY_LEN - 2; i++) {
		if (!is_base64(key.p[i]))
			return false;
	}
	return true;
}

int ws_accept(struct slice key, char out[WS_ACCEPT_LEN + 1])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, section 1.3 */
	uint8_t text[KEY_LEN + sizeof guid - 1], digest[SHA1_LEN];

	if (!is_key(key))
		return -EINVAL;
	pthread_once(&sha1.once, sha1_init);
	memcpy(text, key.p, KEY_LEN);
	memcpy(text + KEY_LEN, guid, sizeof guid - 1);
	if (sha1.md == NULL || EVP_Digest(text, sizeof text, digest, NULL, sha1.md, NULL) != 1)
		return -ENOMEM;
	(void)EVP_EncodeBlock((uint8_t *)out, digest, sizeof digest);
	return 0;
}

size_t ws_header(uint8_t out[WS_HEADER_MAX], bool fin, enum ws_opcode op, uint64_t len)
{
	unsigned bytes = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;

	out[0] = (uint8_t)((fin ? 0x80u : 0) | (unsigned)op);
	out[1] = (uint8_t)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
	for (unsigned i = 0; i < bytes; i++)
		out[2 + i] = (uint8_t)(len >> 8 * (bytes - 1 - i));
	return 2 + bytes;
}

size_t ws_header_deflated(uint8_t out[WS_HEADER_MAX], enum ws_opcode op, uint64_t len)
{
	size_t n = ws_header(out, true, op, len);

	out[0] |= RSV1;
	return n;
}

size_t ws_close_frame(uint8_t out[2 + 125], unsigned code, struct slice reason)
{
	size_t n = reason.n;

	if (code == 0)
		return ws_header(out, true, WS_CLOSE, 0);
	/* Cut between characters: half of one would make the frame invalid. */
	if (n > 123) {
		n = 123;
		while (n > 0 && ((uint8_t)reason.p[n] & 0xc0) == 0x80)
			n--;
	}
	(void)ws_header(out, true, WS_CLOSE, 2 + n);
	out[2] = (uint8_t)(code >> 8);
	out[3] = (uint8_t)code;
	if (n > 0)
		memcpy(out + 4, reason.p, n);
	return 4 + n;
}

/* RFC 6455, section 5.2, and RFC 7692, section 6: what the reserved bits may be. */
static bool reserved_bits_ok(unsigned first, unsigned opcode, bool deflate)
{
	unsigned bits = first & 0x70u;

	return bits == 0 || (bits == RSV1 && deflate && (opcode == WS_TEXT || opcode == WS_BINARY));
}

ssize_t ws_peek(const uint8_t *p, size_t n, const struct ws_limits *lim, bool deflate)
{
	unsigned opcode, bytes;
	uint64_t len;

	if (n < 2)
		return 0;
	opcode = p[0] & 15u;
	if (!reserved_bits_ok(p[0], opcode, deflate) || (opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
		return PROTO_EFRAME;
	if ((p[1] & 0x80) == 0)
		return PROTO_EFRAME; /* a client masks */
	len = p[1] & 0x7fu;
	if (opcode >= WS_CLOSE && ((p[0] & 0x80) == 0 || len > 125))
		return PROTO_EFRAME;
	bytes = len < 126 ? 0 : len == 126 ? 2 : 8;
	if (n < 2 + bytes)
		return 0;
	if (bytes > 0) {
		len = 0;
		for (unsigned i = 0; i < bytes; i++)
			len = len << 8 | p[2 + i];
		/* RFC 6455, section 5.2: the shortest form, and the highest bit is 0. */
		if (len < 126 || (bytes == 8 && (len <= UINT16_MAX || len >> 63 != 0)))
			return PROTO_EFRAME;
	}
	if (opcode < WS_CLOSE && len > lim->max_message)
		return PROTO_EFRAME_SIZE;
	return (ssize_t)(2 + bytes + 4 + len);
}

bool ws_text_may_be_valid(const uint8_t *p, size_t n, uint32_t *seen, uint8_t *scratch)
{
	size_t bytes = n < 2 ? 0 : (p[1] & 0x7f) < 126 ? 0 : (p[1] & 0x7f) == 126 ? 2 : 8, head = 2 + bytes + 4;
	const uint8_t *mask = p + head - 4;
	ssize_t whole;

	if (n <= head || (p[0] & 0x4f) != WS_TEXT) /* RSV1: compressed */
		return true;
	for (size_t i = *seen; i < n - head; i++)
		scratch[i - *seen] = p[head + i] ^ mask[i % 4];
	whole = utf8_prefix((const char *)scratch, n - head - *seen);
	if (whole < 0)
		return false;
	*seen += (uint32_t)whole;
	return true;
}

unsigned ws_error_code(int err)
{
	switch (err) {
	case PROTO_EFRAME_SIZE: return 1009;
	case PROTO_EFRAME_UTF8:
	case PROTO_EFRAME_DEFLATE: return 1007; /* data that is not what it claims to be */
	case PROTO_EFRAGMENTS: return 1008;
	case PROTO_EFRAME_MEM: return 1011;
	default: return 1002;
	}
}
