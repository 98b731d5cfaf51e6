/*
 * fuzz_socketio.c - packets: what is accepted comes out again when it is written and decoded once more.
 */
#include "proto/error.h"
#include "proto/socketio.h"
#include "tests/fuzz/fuzz.h"

static const struct json_limits lim = {.depth = 64, .values = 10000};

static void decode_again(struct slice text, struct sio_packet *out)
{
	must(text.n > 1 && text.p[0] == '4');
	must(sio_decode(slice_make(text.p + 1, text.n - 1), &lim, out) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_make(data, size), body;
	struct sio_packet p, q;
	size_t cap = size + 64, n;
	char *out;
	int rc = sio_decode(in, &lim, &p);

	if (rc < 0) {
		must(rc <= PROTO_EJSON && rc >= PROTO_ERESERVED);
		return 0;
	}
	must(p.nsp.n > 0 && p.nsp.p[0] == '/');
	must_be_within(p.payload, in);
	must_be_within(p.name, p.payload);
	must_be_within(p.args, p.payload);
	must((p.attachments > 0) == (p.type >= SIO_BINARY_EVENT) && p.attachments <= SIO_ATTACHMENTS_MAX);
	must((p.nargs > 0) == (p.args.n > 0));
	out = malloc(cap);
	must(out != NULL);
	if ((p.type == SIO_EVENT || p.type == SIO_BINARY_EVENT) && p.payload.n > 0 && !p.name_is_number) {
		must(!sio_is_reserved(p.name));
		n = sio_write_event(p.nsp, p.name, p.args, out, cap);
		must(n <= cap);
		decode_again(slice_make(out, n), &q);
		must(q.type == SIO_EVENT && slice_eq(q.nsp, p.nsp) && slice_eq(q.name, p.name) &&
		    slice_eq(q.args, p.args) && q.nargs == p.nargs);
	} else if ((p.type == SIO_ACK || p.type == SIO_BINARY_ACK) && p.payload.n > 0) {
		body = slice_make(p.payload.p + 1, p.payload.n - 2);
		n = sio_write_ack(p.nsp, p.id, body, out, cap);
		must(n <= cap);
		decode_again(slice_make(out, n), &q);
		must(q.type == SIO_ACK && q.has_id && q.id == p.id && slice_eq(q.nsp, p.nsp) &&
		    slice_eq(q.payload, p.payload));
	} else if (p.type == SIO_CONNECT_ERROR && p.payload.n > 0) {
		n = sio_write_connect_error(p.nsp, p.payload, out, cap);
		must(n <= cap);
		decode_again(slice_make(out, n), &q);
		must(q.type == SIO_CONNECT_ERROR && slice_eq(q.nsp, p.nsp) && slice_eq(q.payload, p.payload));
	} else if (p.type == SIO_DISCONNECT) {
		n = sio_write_disconnect(p.nsp, out, cap);
		must(n <= cap);
		decode_again(slice_make(out, n), &q);
		must(q.type == SIO_DISCONNECT && slice_eq(q.nsp, p.nsp));
	}
	free(out);
	return 0;
}
