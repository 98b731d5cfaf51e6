/*
 * sid.c - see sid.h.
 *
 * Layout: slot, generation (high byte first), 12 random bytes.  The first three bytes are exactly the first four
 * characters, so all ids of one process lifetime sort together in a store.
 */
#include "proto/sid.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "proto/base64.h"

#define SID_BYTES  15u
#define SID_RANDOM 12u

_Static_assert(BASE64URL_ENCODED(SID_BYTES) == SID_LEN, "20 characters carry 15 bytes");

/* One call to the kernel serves 341 ids; each thread has its own.  Bytes are wiped as they are handed out. */
static _Thread_local struct {
	size_t left;
	uint8_t buf[4096];
} pool;

static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

/* Parent and child would make the same ids from what is left. */
static void pool_forked(void)
{
	memset(pool.buf, 0, sizeof pool.buf);
	pool.left = 0;
}

static void pool_init(void)
{
	/* Without it two processes could share ids: nothing to go on with. */
	if (pthread_atfork(NULL, NULL, pool_forked) != 0)
		abort();
}

static void pool_fill(void)
{
	size_t n = 0;

	while (n < sizeof pool.buf) {
		ssize_t r = getrandom(pool.buf + n, sizeof pool.buf - n, 0);

		if (r > 0)
			n += (size_t)r;
		else if (r < 0 && errno != EINTR)
			abort(); /* a kernel without getrandom(2): ids could be guessed */
	}
	pool.left = n;
}

void sid_make(char out[SID_LEN + 1], unsigned slot, uint32_t gen)
{
	uint8_t raw[SID_BYTES] = {(uint8_t)slot, (uint8_t)(gen >> 8), (uint8_t)gen};
	uint8_t *r;

	pthread_once(&pool_once, pool_init);
	if (pool.left < SID_RANDOM)
		pool_fill();
	pool.left -= SID_RANDOM;
	r = pool.buf + pool.left;
	memcpy(raw + 3, r, SID_RANDOM);
	memset(r, 0, SID_RANDOM);
	base64url_encode(raw, sizeof raw, out);
	out[SID_LEN] = '\0';
}

bool sid_parse(struct slice s, unsigned *slot, uint32_t *gen16)
{
	uint8_t raw[SID_BYTES];

	if (s.n != SID_LEN || base64url_decode(s, raw, sizeof raw) != (ssize_t)sizeof raw)
		return false;
	*slot = raw[0];
	*gen16 = (uint32_t)raw[1] << 8 | raw[2];
	return true;
}
