/*
 * api_keys.h - the keys of the admin listeners' clients: those of the conf, and what their files hold since.
 *
 * They follow their files as those of tokens do (auth_keys.h): each worker looks once a second, and a file that is gone
 * or wrong leaves the old key in force.
 */
#ifndef FORKCAST_WORKER_API_KEYS_H
#define FORKCAST_WORKER_API_KEYS_H

#include "conf/conf.h"
#include "proto/slice.h"

struct worker;

/* Takes the keys of the conf.  0 or -errno. */
int api_keys_open(struct worker *w);
/* Turn: looks at the files when it is time. */
void api_keys_sweep(struct worker *w);
/* What KEY may do on the listener of A: bits of enum conf_may, 0 for no key of it.  In constant time. */
unsigned api_keys_may(const struct worker *w, const struct conf_admin *a, struct slice key);

#endif
