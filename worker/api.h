/*
 * api.h - the admin listener: routing, keys, errors (CONTRACTS, "Admin API").
 */
#ifndef FORKCAST_WORKER_API_H
#define FORKCAST_WORKER_API_H

#include "proto/http.h"
#include "worker/conn.h"

/* A request on an admin listener. */
void api_handle(struct conn *c, const struct http_request *req, struct slice body);

/* {error: {code, message, field?}}; FIELD may be NULL.  Counts the refusal, but for 413 and 429, which the ring counted. */
void api_error(struct conn *c, unsigned status, const char *code, const char *message, const char *field);
struct verb_error;
/* The same of what was refused. */
void api_refuse(struct conn *c, const struct verb_error *err);
/* Counts a refusal with that status, as api_error() does. */
void api_count_refused(struct worker *w, unsigned status);
/* What the key in the request may do, bits of enum conf_may; 0 when it is none of the listener's. */
unsigned api_may(const struct conn *c, const struct http_request *req);
/* Such a body; it lives until the next one, or the next reply of a handler. */
struct slice api_error_body(struct worker *w, const char *code, const char *message, const char *field);
/* The same for what HTTP itself refused with that status; it lives until the turn's end. */
struct slice api_http_error(struct worker *w, unsigned status);
/* JSON with that status. */
void api_reply(struct conn *c, unsigned status, struct slice json);

/* Runs a verb for the request in hand, and answers it.  BODY, JSON, lives as long as the turn. */
void api_call(struct conn *c, const char *verb, struct slice body); /* api_verb.c */

/* Handlers, one file each. */
void api_emit(struct conn *c, const struct http_request *req, struct slice body);	    /* api_verb.c */
void api_events(struct conn *c, const struct http_request *req, struct slice body);
void api_batch(struct conn *c, const struct http_request *req, struct slice body);  /* batch.c */
void api_list_bans(struct conn *c, const struct http_request *req, struct slice body); /* api_bans.c */
void api_ban(struct conn *c, const struct http_request *req, struct slice body);
void api_unban(struct conn *c, const struct http_request *req, struct slice body);
void api_schedules(struct conn *c, const struct http_request *req, struct slice body);
void api_list_schedules(struct conn *c, const struct http_request *req, struct slice body); /* api_schedules.c */
void api_get_schedule(struct conn *c, const struct http_request *req, struct slice body);
void api_delete_schedule(struct conn *c, const struct http_request *req, struct slice body);
void api_sockets_join(struct conn *c, const struct http_request *req, struct slice body);
void api_sockets_leave(struct conn *c, const struct http_request *req, struct slice body);
void api_sockets_disconnect(struct conn *c, const struct http_request *req, struct slice body);
void api_list_sockets(struct conn *c, const struct http_request *req, struct slice body); /* api_query.c */
void api_get_socket(struct conn *c, const struct http_request *req, struct slice body);
void api_list_rooms(struct conn *c, const struct http_request *req, struct slice body);
void api_get_room(struct conn *c, const struct http_request *req, struct slice body);
void api_get_user(struct conn *c, const struct http_request *req, struct slice body);
void api_stats(struct conn *c, const struct http_request *req, struct slice body);   /* api_stats.c */
void api_metrics(struct conn *c, const struct http_request *req, struct slice body); /* metrics.c */
void api_health(struct conn *c, const struct http_request *req, struct slice body);  /* api_stats.c */
void api_ready(struct conn *c, const struct http_request *req, struct slice body);
void api_console(struct conn *c, const struct http_request *req, struct slice body); /* console.c */
void api_console_places(struct conn *c, const struct http_request *req, struct slice body);
void api_console_client(struct conn *c, const struct http_request *req, struct slice body);

#endif
