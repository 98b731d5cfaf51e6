/*
 * announce.h - what the master says on stdout once every process is LIVE: the ports, and the banner of --dev.
 */
#ifndef FORKCAST_MASTER_ANNOUNCE_H
#define FORKCAST_MASTER_ANNOUNCE_H

#include <stdbool.h>
#include <stdio.h>

#include "conf/conf.h"
#include "master/bind.h"

/* "ports: 3000=41233 /run/x.sock=/run/x.sock": configured=bound, in the order of the conf, `listen` before `admin`. */
void announce_ports(FILE *out, const struct bindings *b);
/*
 * Every URL, a token, and lines to try; secrets of this machine's development, hence only under --dev.  CONSOLE: the
 * page is there.
 */
void announce_dev(FILE *out, const struct conf *c, const struct bindings *b, bool console);

#endif
