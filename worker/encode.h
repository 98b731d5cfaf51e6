/*
 * encode.h - a run of messages in the bytes that a client wants, built at most once for all receivers that want the same.
 *
 * Two things make an encoding: the format of packets (text with placeholders and binary messages behind it, or
 * MessagePack) and what carries Engine.IO's messages (WebSocket frames, plain or compressed, or a poll's payload).
 */
#ifndef FORKCAST_WORKER_ENCODE_H
#define FORKCAST_WORKER_ENCODE_H

#include "worker/message.h"
#include "worker/out.h"

#define RUN_MAX 512u

struct encoder;
struct room;
struct worker;

enum carrier {
	CARRIER_WS,
	CARRIER_WS_DEFLATE,	  /* messages from compression_threshold on are compressed, by themselves */
	CARRIER_WS_DEFLATE_SMALL, /* the same with the smallest window, which fits every client's */
	CARRIER_WS_BASE64,	  /* for a client that asked for no binary frames (b64) */
	CARRIER_POLLING,	  /* with EIO_SEPARATOR between, but not around */
	CARRIERS
};

/* carrier, and ENCODING_MSGPACK or not */
typedef uint8_t encoding_t;
#define ENCODING_MSGPACK 8u
#define ENCODINGS	 16u

/* Consecutive messages for the same receivers. */
struct run {
	struct room *room;
	bool is_volatile;
	unsigned n;
	size_t bytes; /* of all parts of all messages */
	struct message message[RUN_MAX];
};

struct encoded {
	unsigned have; /* bit per encoding */
	struct span span[ENCODINGS];
};

struct encoder *encoder_new(void);
/* Builds what is missing; the span lives until the turn's end. */
const struct span *encoded_build(struct encoded *e, encoding_t enc, const struct run *run, struct worker *w);
/* One message, the same way. */
struct span encode_message(struct worker *w, encoding_t enc, const struct message *m);
/* One message of Engine.IO, to which no format applies: a packet as text, type digit included, or a binary message. */
struct span encode_frame(struct worker *w, enum carrier carrier, bool binary, struct slice data);

static inline enum carrier encoding_carrier(encoding_t enc)
{
	return (enum carrier)(enc & ~ENCODING_MSGPACK);
}

static inline const struct span *encoded_for(struct encoded *e, encoding_t enc, const struct run *run, struct worker *w)
{
	return e->have >> enc & 1 ? &e->span[enc] : encoded_build(e, enc, run, w);
}

#endif
