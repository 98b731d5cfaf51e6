/*
 * error.h - why a decoder refused its input.  Banded by codec, negative, stable: the worker maps them to close reasons
 * and HTTP statuses.
 */
#ifndef FORKCAST_PROTO_ERROR_H
#define FORKCAST_PROTO_ERROR_H

enum proto_err {
	/* JSON */
	PROTO_EJSON = -100,       /* not JSON */
	PROTO_EJSON_DEPTH = -101, /* nested deeper than the limit */
	PROTO_EJSON_SIZE = -102,  /* more values than the limit */
	PROTO_EJSON_UTF8 = -103,
	/* Engine.IO, Socket.IO */
	PROTO_EPACKET = -120,   /* empty, or unknown packet type */
	PROTO_EACKID = -122,    /* ack id above 2^53 - 1 */
	PROTO_EPAYLOAD = -123,  /* payload that the packet type does not allow */
	PROTO_EATTACH = -124,   /* attachment count missing, 0 or above the limit */
	PROTO_ERESERVED = -125, /* reserved event name */
	PROTO_EMSGPACK = -126,  /* not MessagePack, or an extension that is not known */
	/* WebSocket */
	PROTO_EFRAME = -140,      /* protocol error: close 1002 */
	PROTO_EFRAME_SIZE = -141, /* too big: close 1009 */
	PROTO_EFRAME_UTF8 = -142, /* close 1007 */
	PROTO_EFRAGMENTS = -143,  /* too many fragments: close 1008 */
	PROTO_EFRAME_MEM = -144,
	PROTO_EFRAME_DEFLATE = -145, /* compressed data that does not inflate: close 1007 */
	/* HTTP */
	PROTO_EHTTP = -160,         /* syntax: 400 */
	PROTO_EHTTP_SMUGGLE = -161, /* ambiguous framing: 400 */
	PROTO_EHTTP_HEADERS = -162, /* head too long or too many fields: 431 */
	PROTO_EHTTP_URI = -163,     /* target too long: 414 */
	PROTO_EHTTP_BODY = -164,    /* body over the limit: 413 */
	PROTO_EHTTP_VERSION = -165, /* 505 */
	PROTO_EHTTP_CODING = -166,  /* transfer coding other than chunked: 501 */
	/* Tokens */
	PROTO_ETOKEN = -180,         /* not a JWT by its text */
	PROTO_ETOKEN_ALG = -181,     /* algorithm is not the configured one */
	PROTO_ETOKEN_KEY = -182,     /* no key with that kid */
	PROTO_ETOKEN_SIG = -183,     /* signature does not match */
	PROTO_ETOKEN_CLAIMS = -184,  /* payload is no object, or a claim has the wrong type */
	PROTO_ETOKEN_EXPIRED = -185, /* exp passed, or missing */
	PROTO_ETOKEN_EARLY = -186,   /* nbf in the future */
	PROTO_ETOKEN_ISSUER = -187,
	PROTO_ETOKEN_AUDIENCE = -188,
};

/* A short lower-case word for logs and metrics, never NULL. */
const char *proto_strerror(int err);

#endif
