#include <errno.h>
#include <stdlib.h>

#include "worker/ask.h"
#include "worker/enter.h"
#include "worker/join.h"
#include "worker/ops.h"
#include "worker/rule_wait.h"
#include "worker/session.h"
#include "worker/worker.h"

/* One block; the texts of WHAT lie behind it. */
struct asked {
	struct entering what;
	char sid[SID_LEN + 1];
	int result;
};

/* The keeper has it in the room already. */
static void answer(struct socket *so, void *arg)
{
	struct asked *a = arg;

	if (a->result == 0)
		a->result = join_room_decided(so, a->what.room);
	a->what.fn(so, a->result, &a->what);
}

static void answered(struct worker *w, void *arg, int result, struct slice data)
{
	struct asked *a = arg;
	struct socket *so = socket_find(w, slice_make(a->sid, SID_LEN));

	(void)data;
	if (so != NULL) {
		a->result = result == RECORD_ONCE_NEW ? 0 : result == RECORD_ONCE_TAKEN ? -EUSERS : -ENOBUFS;
		/* no answer: whatever was decided, it is not in the room */
		if (a->result == -ENOBUFS)
			ops_leave(w, so, &a->what.room, 1);
		rule_wait_end(so, answer, a);
	}
	free(a);
}

int enter_ask(struct socket *so, uint32_t most, const struct entering *what)
{
	struct worker *w = so->session->w;
	struct op_head head = {.kind = OP_ENTER, .most = most, .time_ms = w->now_ms};
	struct question *q;
	struct asked *a;
	char *at;

	if (so->njoined >= w->conf->max_rooms)
		return -EDQUOT;
	q = ask_new(w, &head, SID_LEN + what->room.n + 48);
	if (q == NULL)
		return -ENOBUFS;
	tlv_put(ask_fields(q), OP_TLV_SID, 0, so->id.text, SID_LEN);
	tlv_put(ask_fields(q), OP_TLV_ROOM, OP_ROOM_JOINED, what->room.p, what->room.n);
	a = malloc(sizeof(*a) + what->room.n + what->data.n + 2);
	if (a == NULL)
		worker_die(w, "out of memory");
	at = (char *)(a + 1);
	*a = (struct asked){.what = *what};
	memcpy(a->sid, so->id.text, sizeof(a->sid));
	a->what.room = slice_keep(&at, what->room);
	a->what.data = slice_keep(&at, what->data);
	if (ask_send(w, q, answered, a) < 0) {
		free(a);
		return -ENOBUFS;
	}
	rule_wait_hold(so);
	return 0;
}
