/*
 * ws.h - a client's WebSocket: what client.c calls when the plan says so.
 */
#ifndef BENCH_LOAD_WS_H
#define BENCH_LOAD_WS_H

#include <stddef.h>

struct client;

/* Connects; messages come to client_packet().  0 or -errno. */
int ws_dial(struct client *c);
/* Sends a text message now, or queues it behind what the kernel has not taken; each is its own send(2). */
void ws_send(struct client *c, const char *text, size_t len);
void ws_close(struct client *c);

#endif
