/*
 * eval_part.h - what the files of eval share: sources by what they are about, and how a value is given.
 */
#ifndef FORKCAST_WORKER_EVAL_PART_H
#define FORKCAST_WORKER_EVAL_PART_H

#include "worker/eval.h"

/* Each: the value as JSON; false when it is absent. */
bool eval_user_part(struct eval *e, const struct source *src, struct slice *json);
bool eval_socket_part(struct eval *e, const struct source *src, struct slice *json);
bool eval_room_part(struct eval *e, const struct source *src, struct slice *json);
bool eval_server_part(struct eval *e, const struct source *src, struct slice *json);

/* B's JSON, TEXT (p NULL: absent) and V as values, in the turn's arena. */
bool eval_give(struct eval *e, struct buf *b, struct slice *json);
bool eval_give_text(struct eval *e, struct slice text, struct slice *json);
bool eval_give_int(struct eval *e, int64_t v, struct slice *json);
/* What the segments of SRC from FROM on find in the JSON V. */
bool eval_path(struct eval *e, struct slice v, const struct source *src, unsigned from, struct slice *json);

#endif
