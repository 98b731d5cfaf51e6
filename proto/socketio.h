/*
 * socketio.h - Socket.IO v5 packets in their text form (PROTOCOL.md section 2).
 *
 *	type [n "-"] [nsp ","] [ackId] [JSON]
 *
 * Accepts what the reference parser accepts, but for what only its use of Number() lets through: a type, count or ack
 * id written with white space, a sign or an exponent.  White space in front of the JSON is skipped, not taken for an
 * ack id of 0.
 */
#ifndef FORKCAST_PROTO_SOCKETIO_H
#define FORKCAST_PROTO_SOCKETIO_H

#include "proto/json.h"
#include "proto/slice.h"

enum sio_type {
	SIO_CONNECT = 0,
	SIO_DISCONNECT = 1,
	SIO_EVENT = 2,
	SIO_ACK = 3,
	SIO_CONNECT_ERROR = 4,
	SIO_BINARY_EVENT = 5,
	SIO_BINARY_ACK = 6,
};

#define SIO_ATTACHMENTS_MAX 10

struct sio_packet {
	enum sio_type type;
	struct slice nsp; /* "/" when absent; as it came otherwise (query part kept) */
	bool has_id;
	uint64_t id;
	unsigned attachments;
	struct slice payload; /* JSON, validated; empty when absent */
	/* EVENT and BINARY_EVENT */
	struct slice name; /* first element's raw string body, or the digits of a number */
	bool name_is_number;
	struct slice
	    args; /* what stands between the name and the closing bracket, leading comma included; may be empty */
	unsigned nargs;
};

/*
 * Decodes one text packet (without the Engine.IO type).  0, or PROTO_E*: every error closes the connection, as in the
 * reference.  Payload rules: CONNECT none or object; DISCONNECT none; EVENT array with a string or number first,
 * reserved names refused; ACK none or array; CONNECT_ERROR none, string or object.  "42" and "43" with nothing behind
 * them come out with an empty payload: the event is to be ignored, the ack has no arguments.
 */
int sio_decode(struct slice text, const struct json_limits *lim, struct sio_packet *out);

/*
 * What stands in front of the payload, which is only cut out: for text that this process wrote itself.  0 or PROTO_E*.
 */
int sio_decode_head(struct slice text, struct sio_packet *out);

/*
 * The payload alone, for packets whose head came in another form: TYPE of *OUT is set, and payload, name and args are
 * filled in.  0 or PROTO_E*; JSON that is empty or white space is accepted, as in sio_decode().
 */
int sio_decode_payload(struct slice json, const struct json_limits *lim, struct sio_packet *out);

/* The arguments without the comma that separates them from the name; p NULL: none. */
static inline struct slice sio_bare_args(const struct sio_packet *p)
{
	struct slice a = json_trim(p->args);

	return a.n == 0 ? slice_make(NULL, 0) : json_trim(slice_make(a.p + 1, a.n - 1));
}

/* True for connect, connect_error, disconnect, disconnecting, newListener, removeListener (decoded name). */
bool sio_is_reserved(struct slice raw_name);

/*
 * Writers: the whole Engine.IO text message, '4' included.  Each returns the length needed; the output is complete
 * when that is <= CAP.
 */
size_t sio_write_connect(struct slice nsp, const char *sid, char *out, size_t cap);
size_t sio_write_connect_error(struct slice nsp, struct slice json, char *out, size_t cap);
size_t sio_write_disconnect(struct slice nsp, char *out, size_t cap);
/* RAW_NAME: JSON string body; ARGS: as sio_packet.args. */
size_t sio_write_event(struct slice nsp, struct slice raw_name, struct slice args, char *out, size_t cap);
/* ARGS: JSON values separated by commas, without brackets. */
size_t sio_write_ack(struct slice nsp, uint64_t id, struct slice args, char *out, size_t cap);
/* What stands in front of the JSON, for any packet: 451-/chat,12.  ATTACHMENTS counts for binary types alone. */
size_t sio_write_head(
    enum sio_type type, unsigned attachments, struct slice nsp, bool has_id, uint64_t id, char *out, size_t cap);

#endif
