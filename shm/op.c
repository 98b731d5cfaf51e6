/*
 * op.c - see op.h.
 */
#include "shm/op.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct op_head) == 16, "operations outlive the binary that wrote them");
_Static_assert(offsetof(struct op_head, time_ms) == 8, "operations outlive the binary that wrote them");

void op_begin(struct tlv_writer *w, void *buf, size_t cap, const struct op_head *head)
{
	*w = (struct tlv_writer){.buf = buf, .cap = cap};
	if (cap < sizeof *head) {
		w->over = true;
		return;
	}
	memcpy(buf, head, sizeof *head);
	w->len = sizeof *head;
}

int op_parse(const void *buf, size_t len, struct op_head *head, const uint8_t **tlvs, size_t *tlvs_len)
{
	const uint8_t *p = buf;
	struct tlv t;
	size_t off = 0;
	int rc;

	if (len < sizeof *head)
		return -EPROTO;
	memcpy(head, p, sizeof *head);
	if (head->kind == 0)
		return -EPROTO;
	/* The whole of it before any of it: the keeper never stops in the middle of an operation. */
	do {
		rc = tlv_next(p + sizeof *head, len - sizeof *head, &off, &t);
	} while (rc > 0);
	if (rc < 0)
		return -EPROTO;
	*tlvs = p + sizeof *head;
	*tlvs_len = len - sizeof *head;
	return 0;
}
