/*
 * mint.h - `forkcast token`: a token for trying things out, signed with the first key of the conf.
 */
#ifndef FORKCAST_MASTER_MINT_H
#define FORKCAST_MASTER_MINT_H

#include <stdbool.h>
#include <stdint.h>

int mint_command(int argc, char **argv);
/* "90s", "15m", "1h", "7d" or plain seconds -> seconds, at most ten years. */
bool mint_ttl(const char *text, int64_t *seconds);

#endif
