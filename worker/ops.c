#include <errno.h>
#include <netinet/in.h>

#include "shm/op.h"
#include "worker/ops.h"
#include "worker/room.h"
#include "worker/session.h"
#include "worker/user.h"
#include "worker/worker.h"

static int64_t ops_send(struct worker *w, const struct tlv_writer *t, bool reserve)
{
	struct iovec iov = {t->buf, t->len};
	struct outlet_msg msg = {.iov = &iov, .niov = 1, .reserve = reserve};
	uint64_t rung = w->ops.wakeups;
	int64_t ticket;

	if (t->over)
		worker_die(w, "operation longer than its buffer");
	ticket = outlet_put(&w->ops, &msg, clock_mono_ns());
	counter_add(w->ct, COUNTER_WAKEUPS, w->ops.wakeups - rung);
	w->congested = outlet_congested(&w->bcast) || outlet_congested(&w->ops);
	return ticket;
}

static bool ops_put(struct worker *w, const struct tlv_writer *t, bool reserve)
{
	if (ops_send(w, t, reserve) > 0)
		return true;
	/* A lost removal would be a lie for ever; a dead generation is purged whole. */
	if (reserve)
		worker_die(w, "operations cannot be queued");
	counter_add_to(&w->ct->refused[REFUSED_BUSY], 1);
	return false;
}

int ops_ask(struct worker *w, const struct tlv_writer *op)
{
	int64_t ticket = ops_send(w, op, false);

	if (ticket > 0)
		return 0;
	counter_add_to(&w->ct->refused[ticket == -EMSGSIZE ? REFUSED_TOO_LONG : REFUSED_BUSY], 1);
	return (int)ticket;
}

static void ops_begin(struct worker *w, struct tlv_writer *t, enum op_kind kind, const struct socket *so, size_t more)
{
	struct op_head head = {.kind = (uint8_t)kind, .transport = (uint8_t)so->session->tr->op,
	    .time_ms = so->connected_ms};

	buf_reset(&w->record);
	buf_reserve(&w->record, sizeof(head) + 1024 + more);
	op_begin(t, w->record.p, w->record.cap, &head);
	tlv_put(t, OP_TLV_SID, 0, so->id.text, SID_LEN);
}

static void put_text(struct tlv_writer *t, enum op_tlv type, struct slice s)
{
	if (s.p != NULL)
		tlv_put(t, (uint16_t)type, 0, s.p, s.n);
}

static bool ops_socket(struct worker *w, enum op_kind kind, const struct socket *so)
{
	struct tlv_writer t;
	char ip[INET6_ADDRSTRLEN];
	size_t more = 0;

	for (unsigned i = 1; i < so->nrooms; i++)
		more += so->rooms[i].room->name_len + 24u;
	ops_begin(w, &t, kind, so, more);
	if (so->nsp->name.n > 1)
		tlv_put(&t, OP_TLV_NSP, 0, so->nsp->name.p, so->nsp->name.n);
	if (so->user != NULL) {
		put_text(&t, OP_TLV_USER, user_id(so->user));
		put_text(&t, OP_TLV_NAME, user_name(so->user));
		put_text(&t, OP_TLV_ROLE, user_role(so->user));
	}
	peer_text(&so->session->peer, ip, sizeof(ip));
	tlv_put(&t, OP_TLV_IP, 0, ip, strlen(ip));
	for (unsigned i = 1; i < so->nrooms; i++) {
		const struct membership *m = &so->rooms[i];

		tlv_put(&t, OP_TLV_ROOM, m->automatic ? OP_ROOM_AUTO : OP_ROOM_JOINED, m->room->name, m->room->name_len);
	}
	return ops_put(w, &t, false);
}

bool ops_socket_add(struct worker *w, const struct socket *so)
{
	return ops_socket(w, OP_SOCKET_ADD, so);
}

bool ops_socket_set(struct worker *w, const struct socket *so)
{
	return ops_socket(w, OP_SOCKET_SET, so);
}

static bool ops_rooms(struct worker *w, enum op_kind kind, const struct socket *so, const struct slice *rooms,
    unsigned n, bool reserve)
{
	struct tlv_writer t;
	size_t more = 0;

	for (unsigned i = 0; i < n; i++)
		more += rooms[i].n + 24;
	ops_begin(w, &t, kind, so, more);
	for (unsigned i = 0; i < n; i++)
		tlv_put(&t, OP_TLV_ROOM, OP_ROOM_JOINED, rooms[i].p, rooms[i].n);
	return ops_put(w, &t, reserve);
}

bool ops_join(struct worker *w, const struct socket *so, const struct slice *rooms, unsigned n)
{
	return n == 0 || ops_rooms(w, OP_JOIN, so, rooms, n, false);
}

void ops_leave(struct worker *w, const struct socket *so, const struct slice *rooms, unsigned n)
{
	if (n > 0)
		ops_rooms(w, OP_LEAVE, so, rooms, n, true);
}

void ops_socket_transport(struct worker *w, const struct socket *so)
{
	struct tlv_writer t;

	ops_begin(w, &t, OP_TRANSPORT, so, 0);
	(void)ops_put(w, &t, false); /* what the API shows may lag; nothing rests on it */
}

void ops_socket_del(struct worker *w, const struct socket *so)
{
	struct tlv_writer t;

	ops_begin(w, &t, OP_SOCKET_DEL, so, 0);
	ops_put(w, &t, true);
}

void ops_pump(struct worker *w)
{
	if (w->ops.waiting > 0)
		outlet_pump(&w->ops, clock_mono_ns());
}
