/*
 * tlv.h - type, length, value: how records and operations are written inside a ring.
 *
 * Each field is {u16 type, u16 sub, u32 len} and len bytes, padded to 8.  A reader skips types that it does not know,
 * so a field can be added while two binaries share a segment.  Readers only ever parse a private copy, and every
 * length is checked: another process may have died while it wrote.
 */
#ifndef FORKCAST_SHM_TLV_H
#define FORKCAST_SHM_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tlv {
	uint16_t type;
	uint16_t sub;
	uint32_t len;
	const uint8_t *val; /* into the buffer parsed, 8-aligned relative to its start */
};

/* Appends to a caller's buffer; once a field did not fit, `over` stays set and later calls do nothing. */
struct tlv_writer {
	uint8_t *buf;
	size_t cap, len;
	bool over;
};

void tlv_put(struct tlv_writer *w, uint16_t type, uint16_t sub, const void *val, size_t len);
/* One field made of a 64-bit number followed by bytes (hash and name). */
void tlv_put_hashed(struct tlv_writer *w, uint16_t type, uint16_t sub, uint64_t hash, const void *val, size_t len);
/* Reads the field at *off of a buffer of N bytes and moves *off behind it.  1, 0 at the end, -1 malformed. */
int tlv_next(const uint8_t *buf, size_t n, size_t *off, struct tlv *out);
/* Splits a field of tlv_put_hashed().  False when it is too short. */
bool tlv_hashed(const struct tlv *t, uint64_t *hash, const char **name, size_t *len);

#endif
