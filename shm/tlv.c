/*
 * tlv.c - see tlv.h.
 */
#include "shm/tlv.h"

#include <string.h>

#define TLV_HEAD  8u
#define TLV_ALIGN 8u

/* As in the ring; host byte order, since both ends run on the same machine. */
struct tlv_head {
	uint16_t type;
	uint16_t sub;
	uint32_t len;
};

_Static_assert(sizeof(struct tlv_head) == TLV_HEAD, "a field's head is 8 bytes");

static size_t tlv_padded(size_t len)
{
	return (len + TLV_ALIGN - 1) & ~(size_t)(TLV_ALIGN - 1);
}

/* Appends the head and makes room for LEN bytes behind it; NULL when the field does not fit. */
static uint8_t *tlv_reserve(struct tlv_writer *w, uint16_t type, uint16_t sub, size_t len)
{
	struct tlv_head h = {.type = type, .sub = sub, .len = (uint32_t)len};
	size_t room = w->cap - w->len;
	uint8_t *val;

	/* The first test keeps the sum of the second from wrapping. */
	if (w->over || len > UINT32_MAX - TLV_ALIGN || room < TLV_HEAD || tlv_padded(len) > room - TLV_HEAD) {
		w->over = true;
		return NULL;
	}
	memcpy(w->buf + w->len, &h, TLV_HEAD);
	val = w->buf + w->len + TLV_HEAD;
	w->len += TLV_HEAD + tlv_padded(len);
	/* The padding is zeroed: records are compared and checksummed as bytes. */
	memset(val + len, 0, tlv_padded(len) - len);
	return val;
}

void tlv_put(struct tlv_writer *w, uint16_t type, uint16_t sub, const void *val, size_t len)
{
	uint8_t *p = tlv_reserve(w, type, sub, len);

	if (p && len > 0)
		memcpy(p, val, len);
}

void tlv_put_hashed(struct tlv_writer *w, uint16_t type, uint16_t sub, uint64_t hash, const void *val, size_t len)
{
	uint8_t *p;

	if (len > UINT32_MAX - TLV_ALIGN - sizeof hash) {
		w->over = true;
		return;
	}
	p = tlv_reserve(w, type, sub, len + sizeof hash);
	if (!p)
		return;
	memcpy(p, &hash, sizeof hash);
	if (len > 0)
		memcpy(p + sizeof hash, val, len);
}

int tlv_next(const uint8_t *buf, size_t n, size_t *off, struct tlv *out)
{
	struct tlv_head h;
	size_t left;

	if (*off >= n)
		return *off == n ? 0 : -1;
	left = n - *off;
	if (left < TLV_HEAD)
		return -1;
	memcpy(&h, buf + *off, TLV_HEAD);
	left -= TLV_HEAD;
	/* The second test: padding belongs to the field, and its sum cannot wrap once the first has passed. */
	if (h.len > left || tlv_padded(h.len) > left)
		return -1;
	out->type = h.type;
	out->sub = h.sub;
	out->len = h.len;
	out->val = buf + *off + TLV_HEAD;
	*off += TLV_HEAD + tlv_padded(h.len);
	return 1;
}

bool tlv_hashed(const struct tlv *t, uint64_t *hash, const char **name, size_t *len)
{
	if (t->len < sizeof *hash)
		return false;
	memcpy(hash, t->val, sizeof *hash);
	*name = (const char *)t->val + sizeof *hash;
	*len = t->len - sizeof *hash;
	return true;
}
