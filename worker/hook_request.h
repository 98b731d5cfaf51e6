/*
 * hook_request.h - a request to a hook's backend as it goes over the wire (CATALOGUE section 9): head, signature, body.
 */
#ifndef FORKCAST_WORKER_HOOK_REQUEST_H
#define FORKCAST_WORKER_HOOK_REQUEST_H

#include <sodium.h>

#include "conf/hook.h"
#include "proto/slice.h"
#include "worker/uuid.h"

#define HOOK_HEAD_MAX 4096u

/* HMAC-SHA256 with the hook's secret put in, ready for what is signed; made once, copied for each request. */
struct hook_signer {
	bool on; /* the hook has a secret */
	crypto_auth_hmacsha256_state keyed;
};

#define HOOK_SIGNATURE_LEN 64u /* hex digits */

void hook_signer_init(struct hook_signer *s, const struct hook *h);
/* The hex digits of HMAC-SHA256(secret, timestamp "." body), and a NUL. */
void hook_sign(const struct hook_signer *s, const char *timestamp, struct slice body, char out[HOOK_SIGNATURE_LEN + 1]);
/* Writes the head of a POST of BODY at the time NOW_S under the name ID; its length. */
size_t hook_request_head(const struct hook *h, const struct hook_signer *s, const char id[UUID_LEN + 1], int64_t now_s,
    struct slice body, char out[HOOK_HEAD_MAX]);

#endif
