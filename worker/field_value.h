/*
 * field_value.h - one value against the type of its field.
 */
#ifndef FORKCAST_WORKER_FIELD_VALUE_H
#define FORKCAST_WORKER_FIELD_VALUE_H

#include "conf/field.h"
#include "proto/slice.h"
#include "worker/arena.h"
#include "worker/message.h"

/* True when V, scanned JSON whose placeholders name ATTACHED, is of kind K; members of objects are not looked at. */
bool field_value_fits(const struct field_kind *k, struct arena *a, struct slice v, const struct attachments *attached);

#endif
