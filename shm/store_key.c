/*
 * store_key.c - see store_key.h.
 */
#include "shm/store_key.h"

#include <assert.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

/* A sid is base64url of slot, generation, 12 random bytes (proto/sid.c): the key is what it encodes. */
bool store_sid_pack(uint8_t raw[STORE_SID_RAW], const char sid[OP_SID_LEN])
{
	for (int i = 0; i < OP_SID_LEN / 4; i++) {
		uint8_t *p = raw + i * 3;
		int v[4];

		for (int j = 0; j < 4; j++) {
			v[j] = sextet(sid[i * 4 + j]);
			if (v[j] < 0)
				return false;
		}
		p[0] = (uint8_t)(v[0] << 2 | v[1] >> 4);
		p[1] = (uint8_t)(v[1] << 4 | v[2] >> 2);
		p[2] = (uint8_t)(v[2] << 6 | v[3]);
	}
	return true;
}

void store_sid_unpack(char sid[OP_SID_LEN + 1], const uint8_t raw[STORE_SID_RAW])
{
	for (int i = 0; i < OP_SID_LEN / 4; i++) {
		const uint8_t *p = raw + i * 3;

		sid[i * 4] = alphabet[p[0] >> 2];
		sid[i * 4 + 1] = alphabet[(p[0] & 3) << 4 | p[1] >> 4];
		sid[i * 4 + 2] = alphabet[(p[1] & 15) << 2 | p[2] >> 6];
		sid[i * 4 + 3] = alphabet[p[2] & 63];
	}
	sid[OP_SID_LEN] = '\0';
}

size_t store_num_put(uint8_t *p, uint64_t n)
{
	size_t len = 1;

	assert(n >> 61 == 0);
	while (len < STORE_NUM_MAX && n >> (8 * len - 3) != 0)
		len++;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(n >> 8 * (len - 1 - i));
	p[0] = (uint8_t)(p[0] | (len - 1) << 5);
	return len;
}

size_t store_num_get(const uint8_t *p, size_t len, uint64_t *n)
{
	size_t want;
	uint64_t v;

	if (len == 0)
		return 0;
	want = (size_t)(p[0] >> 5) + 1;
	if (want > len)
		return 0;
	v = p[0] & 0x1f;
	for (size_t i = 1; i < want; i++)
		v = v << 8 | p[i];
	*n = v;
	return want;
}

size_t store_room_key(
    uint8_t key[STORE_ROOM_KEY_MAX], const char *nsp, size_t nsp_len, const char *room, size_t room_len)
{
	assert(nsp_len + room_len <= OP_NAME_MAX);
	key[0] = (uint8_t)nsp_len;
	memcpy(key + 1, nsp, nsp_len);
	if (room_len > 0)
		memcpy(key + 1 + nsp_len, room, room_len);
	return 1 + nsp_len + room_len;
}

size_t store_member_key(uint8_t key[STORE_MEMBER_KEY_MAX], uint64_t room_no, uint64_t user_no, const uint8_t *raw)
{
	size_t n = store_num_put(key, room_no);

	n += store_num_put(key + n, user_no);
	if (raw) {
		memcpy(key + n, raw, STORE_SID_RAW);
		n += STORE_SID_RAW;
	}
	return n;
}

size_t store_user_key(uint8_t key[STORE_USER_KEY_MAX], const char *user, size_t user_len)
{
	assert(user_len <= OP_USER_MAX);
	key[0] = (uint8_t)user_len;
	memcpy(key + 1, user, user_len);
	return 1 + user_len;
}

size_t store_user_key_in(uint8_t key[STORE_USER_KEY_MAX], size_t len, uint64_t nsp_no, const uint8_t *raw)
{
	len += store_num_put(key + len, nsp_no);
	if (raw) {
		memcpy(key + len, raw, STORE_SID_RAW);
		len += STORE_SID_RAW;
	}
	return len;
}

bool store_member_split(const uint8_t *key, size_t len, uint64_t *room_no, uint64_t *user_no, const uint8_t **raw)
{
	size_t n = store_num_get(key, len, room_no), m;

	if (n == 0)
		return false;
	m = store_num_get(key + n, len - n, user_no);
	if (m == 0 || len - n - m != STORE_SID_RAW)
		return false;
	*raw = key + n + m;
	return true;
}
