#include "bench/load/wire.h"

#include <stdio.h>
#include <string.h>

/* The sample handshake of RFC 6455, 1.3: one key for all saves the generator a hash per connection. */
static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char accepted[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

size_t wire_upgrade(char *buf, size_t size, const char *target, unsigned port)
{
	int n = snprintf(buf, size,
	    "GET /%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
	    target, port, key);

	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

ssize_t wire_upgraded(const char *buf, size_t len)
{
	static const char status[] = "HTTP/1.1 101 ";
	const char *end = memmem(buf, len, "\r\n\r\n", 4);

	if (len >= sizeof status - 1 && memcmp(buf, status, sizeof status - 1) != 0)
		return -1;
	if (!end)
		return 0;
	if (!memmem(buf, (size_t)(end - buf), accepted, sizeof accepted - 1))
		return -1;
	return end + 4 - buf;
}

/* A mask that changes, so that a server has to unmask: xorshift, which RFC 6455 would not let a browser use. */
static uint32_t next_mask(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

size_t wire_frame(uint8_t *buf, enum wire_opcode opcode, const char *payload, size_t len)
{
	uint32_t mask = next_mask();
	uint8_t m[4];
	size_t o = 0, i;

	buf[o++] = (uint8_t)(0x80 | opcode);
	if (len < 126) {
		buf[o++] = (uint8_t)(0x80 | len);
	} else if (len < 65536) {
		buf[o++] = 0x80 | 126;
		buf[o++] = (uint8_t)(len >> 8);
		buf[o++] = (uint8_t)len;
	} else {
		buf[o++] = 0x80 | 127;
		for (i = 0; i < 8; i++)
			buf[o++] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	}
	memcpy(m, &mask, 4);
	memcpy(buf + o, m, 4);
	o += 4;
	for (i = 0; i < len; i++)
		buf[o + i] = (uint8_t)payload[i] ^ m[i & 3];
	return o + len;
}

ssize_t wire_read(const uint8_t *buf, size_t len, struct wire_message *m)
{
	size_t head = 2, i;
	uint64_t size;

	if (len < 2)
		return 0;
	if (!(buf[0] & 0x80) || buf[0] & 0x70 || buf[1] & 0x80)
		return -1; /* fragments, extensions and masks were not asked for */
	size = buf[1];
	if (size >= 126) {
		head = size == 126 ? 4 : 10;
		if (len < head)
			return 0;
		for (size = 0, i = 2; i < head; i++)
			size = size << 8 | buf[i];
	}
	if (size > 16u << 20)
		return -1;
	if (len < head + size)
		return 0;
	m->opcode = buf[0] & 0x0f;
	m->data = (const char *)buf + head;
	m->len = (size_t)size;
	return (ssize_t)(head + size);
}
