/*
 * user.h - who a socket is: id, name and role, shared by all sockets of this worker that have the same three.
 */
#ifndef FORKCAST_WORKER_USER_H
#define FORKCAST_WORKER_USER_H

#include <stdint.h>

#include "proto/slice.h"

struct worker;

struct user {
	struct user *next;
	uint64_t hash;
	uint32_t refs;
	uint16_t id_len, name_len, role_len;
	uint8_t has_name, has_role;
	char text[]; /* id, name, role, each NUL-terminated */
};

struct user_table;
struct user_table *user_table_new(void);
/* A reference to the user; NAME and ROLE have p NULL when unknown. */
struct user *user_get(struct worker *w, struct slice id, struct slice name, struct slice role);
void user_put(struct worker *w, struct user *u);

static inline struct slice user_id(const struct user *u)
{
	return slice_make(u->text, u->id_len);
}

/* p NULL when unknown. */
static inline struct slice user_name(const struct user *u)
{
	return u->has_name ? slice_make(u->text + u->id_len + 1, u->name_len) : slice_make(NULL, 0);
}

static inline struct slice user_role(const struct user *u)
{
	return u->has_role ? slice_make(u->text + u->id_len + 1 + u->name_len + 1, u->role_len) : slice_make(NULL, 0);
}

#endif
