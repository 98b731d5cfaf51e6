/*
 * sio_placeholder.h - telling placeholders from other objects while their tokens pass by.  Private to sio_*.c.
 */
#ifndef FORKCAST_PROTO_SIO_PLACEHOLDER_H
#define FORKCAST_PROTO_SIO_PLACEHOLDER_H

#include "proto/json_token.h"

/* What an object has said so far.  Starts as zero; the last member of a name counts, so only the end decides. */
struct sio_placeholder {
	enum { SIO_MEMBER_OTHER, SIO_MEMBER_PLACEHOLDER, SIO_MEMBER_NUM } member; /* whose value is next */
	bool is;
	struct slice num; /* empty: none, or no number */
};

/* A token directly inside the object: a name, a scalar, or the opening of a container. */
static inline void sio_placeholder_see(struct sio_placeholder *ph, const struct json_token *t)
{
	if (t->kind == JSON_TOKEN_KEY) {
		struct slice name = json_string_raw(t->text);

		if (json_string_is(name, SLICE("_placeholder")))
			ph->member = SIO_MEMBER_PLACEHOLDER;
		else if (json_string_is(name, SLICE("num")))
			ph->member = SIO_MEMBER_NUM;
		else
			ph->member = SIO_MEMBER_OTHER;
	} else if (ph->member == SIO_MEMBER_PLACEHOLDER) {
		ph->is = t->type == JSON_TRUE;
	} else if (ph->member == SIO_MEMBER_NUM) {
		ph->num = t->type == JSON_NUMBER ? t->text : (struct slice){0};
	}
}

/* The attachment that a placeholder names, or -1 when it is none of COUNT.  1.0 is as good as 1. */
static inline int sio_placeholder_index(const struct sio_placeholder *ph, unsigned count)
{
	double num;
	unsigned i;

	if (!json_number(ph->num, &num) || !(num >= 0 && num < count))
		return -1;
	i = (unsigned)num;
	return i == num ? (int)i : -1;
}

#endif
