/*
 * auth_keys.h - the keys that tokens are checked with: those of the conf, and what their files hold since.
 *
 * A key from a file follows the file: each worker looks at it at most once a second, and takes what is there when it
 * has changed.  A file that is gone, half written or wrong leaves the old key in force, and is warned of once.
 */
#ifndef FORKCAST_WORKER_AUTH_KEYS_H
#define FORKCAST_WORKER_AUTH_KEYS_H

#include "conf/conf.h"
#include "proto/jwt.h"

struct worker;

/* Reads keys from the conf.  0 or -errno. */
int auth_keys_open(struct worker *w);
/* Turn: looks at the files when it is time. */
void auth_keys_sweep(struct worker *w);
/* A key of the conf as the codec takes it; slices of the conf. */
struct jwt_key_spec auth_key_spec(const struct conf_jwt *j);

#endif
