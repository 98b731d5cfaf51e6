/*
 * record.c - see record.h.
 */
#include "shm/record.h"

#include <errno.h>
#include <string.h>

#define PRIORITY_MAX 2

_Static_assert(sizeof(struct record_head) == 56, "records cross from one binary to another");
_Static_assert(offsetof(struct record_head, sequence) == 16, "records cross from one binary to another");
_Static_assert(offsetof(struct record_head, mask) == 24, "records cross from one binary to another");

struct record_head *record_begin(struct tlv_writer *w, void *buf, size_t cap, enum record_kind kind)
{
	struct record_head *head = buf;

	*w = (struct tlv_writer){.buf = buf, .cap = cap};
	if (cap < sizeof *head) {
		w->over = true;
		return NULL;
	}
	memset(head, 0, sizeof *head);
	head->kind = (uint8_t)kind;
	w->len = sizeof *head;
	return head;
}

static bool head_ok(const struct record_head *h)
{
	if (h->priority > PRIORITY_MAX)
		return false;
	switch (h->kind) {
	case RECORD_BROADCAST: return h->act == 0;
	case RECORD_CONTROL: return h->act >= RECORD_ACT_JOIN && h->act <= RECORD_ACT_BAN;
	case RECORD_ANSWER: return h->act >= RECORD_ANSWER_COUNT && h->act <= RECORD_ANSWER_KEEPER;
	case RECORD_EDGE: return h->act >= RECORD_EDGE_ONLINE && h->act <= RECORD_EDGE_TICK;
	default: return false;
	}
}

/* Takes one field into REC; false when this code could not have written it. */
static bool take_field(struct record *rec, const struct tlv *t)
{
	uint64_t hash;
	const char *name;
	size_t len;

	switch (t->type) {
	case RECORD_TLV_NSP:
		if (rec->nsp)
			return false;
		rec->nsp = (const char *)t->val;
		rec->nsp_len = t->len;
		return true;
	case RECORD_TLV_PACKET:
		if (rec->packet)
			return false;
		rec->packet = (const char *)t->val;
		rec->packet_len = t->len;
		return true;
	case RECORD_TLV_ROOM:
		if (!tlv_hashed(t, &hash, &name, &len))
			return false;
		if (rec->nrooms++ == 0) {
			rec->room_hash = hash;
			rec->room = name;
			rec->room_len = len;
			rec->room_sub = t->sub;
		}
		return true;
	case RECORD_TLV_EXCEPT: rec->nexcepts++; return tlv_hashed(t, &hash, &name, &len);
	case RECORD_TLV_ARG_ROOM: rec->nargs++; return tlv_hashed(t, &hash, &name, &len);
	case RECORD_TLV_ATTACH: rec->nattached++; return true;
	case RECORD_TLV_ACK:
		if (rec->has_ack || t->len != sizeof rec->ack)
			return false;
		memcpy(&rec->ack, t->val, sizeof rec->ack);
		rec->has_ack = true;
		return true;
	case RECORD_TLV_COUNT:
		if (t->len != sizeof rec->count)
			return false;
		memcpy(&rec->count, t->val, sizeof rec->count);
		return true;
	default: return true; /* of a newer binary, or one that needs no look here */
	}
}

int record_parse(struct record *rec, const void *buf, size_t len)
{
	struct tlv t;
	size_t off = 0;
	int rc;

	if (len < sizeof rec->head)
		return -EPROTO;
	memset(rec, 0, sizeof *rec);
	memcpy(&rec->head, buf, sizeof rec->head);
	if (!head_ok(&rec->head))
		return -EPROTO;
	rec->tlvs = (const uint8_t *)buf + sizeof rec->head;
	rec->tlvs_len = len - sizeof rec->head;
	while ((rc = tlv_next(rec->tlvs, rec->tlvs_len, &off, &t)) > 0)
		if (!take_field(rec, &t))
			return -EPROTO;
	if (rc < 0)
		return -EPROTO;
	if (!rec->nsp) {
		rec->nsp = "/";
		rec->nsp_len = 1;
	}
	if (rec->head.kind == RECORD_BROADCAST && !rec->packet)
		return -EPROTO;
	if (rec->head.kind == RECORD_ANSWER && (!rec->has_ack || (rec->head.act == RECORD_ANSWER_ARGS && !rec->packet)))
		return -EPROTO;
	return rec->head.splice == 0 || rec->head.splice < rec->packet_len ? 0 : -EPROTO;
}

bool record_next_room(
    const struct record *rec, uint16_t type, size_t *off, uint64_t *hash, const char **name, size_t *len, uint16_t *sub)
{
	struct tlv t;

	while (tlv_next(rec->tlvs, rec->tlvs_len, off, &t) > 0) {
		if (t.type == type && tlv_hashed(&t, hash, name, len)) {
			*sub = t.sub;
			return true;
		}
	}
	return false;
}

bool record_next_attached(const struct record *rec, size_t *off, const char **val, size_t *len)
{
	struct tlv t;

	while (tlv_next(rec->tlvs, rec->tlvs_len, off, &t) > 0) {
		if (t.type == RECORD_TLV_ATTACH) {
			*val = (const char *)t.val;
			*len = t.len;
			return true;
		}
	}
	return false;
}
