/*
 * error.c - see error.h.
 */
#include "proto/error.h"

const char *proto_strerror(int err)
{
	switch ((enum proto_err)err) {
	case PROTO_EJSON: return "json";
	case PROTO_EJSON_DEPTH: return "json_depth";
	case PROTO_EJSON_SIZE: return "json_size";
	case PROTO_EJSON_UTF8: return "json_utf8";
	case PROTO_EPACKET: return "packet";
	case PROTO_EACKID: return "ack_id";
	case PROTO_EPAYLOAD: return "payload";
	case PROTO_EATTACH: return "attachments";
	case PROTO_ERESERVED: return "reserved_event";
	case PROTO_EMSGPACK: return "msgpack";
	case PROTO_EFRAME: return "frame";
	case PROTO_EFRAME_SIZE: return "frame_size";
	case PROTO_EFRAME_UTF8: return "frame_utf8";
	case PROTO_EFRAGMENTS: return "fragments";
	case PROTO_EFRAME_MEM: return "frame_memory";
	case PROTO_EFRAME_DEFLATE: return "frame_deflate";
	case PROTO_EHTTP: return "http";
	case PROTO_EHTTP_SMUGGLE: return "http_smuggle";
	case PROTO_EHTTP_HEADERS: return "http_headers";
	case PROTO_EHTTP_URI: return "http_uri";
	case PROTO_EHTTP_BODY: return "http_body";
	case PROTO_EHTTP_VERSION: return "http_version";
	case PROTO_EHTTP_CODING: return "http_coding";
	case PROTO_ETOKEN: return "token";
	case PROTO_ETOKEN_ALG: return "token_alg";
	case PROTO_ETOKEN_KEY: return "token_key";
	case PROTO_ETOKEN_SIG: return "token_signature";
	case PROTO_ETOKEN_CLAIMS: return "token_claims";
	case PROTO_ETOKEN_EXPIRED: return "token_expired";
	case PROTO_ETOKEN_EARLY: return "token_early";
	case PROTO_ETOKEN_ISSUER: return "token_issuer";
	case PROTO_ETOKEN_AUDIENCE: return "token_audience";
	}
	return "unknown";
}
