/*
 * json_token.h - scanned JSON as a flat run of tokens: for passes over a whole text that must stay linear however
 * deeply it is nested.  (The walkers of json.h skip what they step over: a walk into every level reads the inner levels
 * once for each.)
 */
#ifndef FORKCAST_PROTO_JSON_TOKEN_H
#define FORKCAST_PROTO_JSON_TOKEN_H

#include "proto/json.h"

enum json_token_kind {
	JSON_TOKEN_VALUE, /* a scalar */
	JSON_TOKEN_KEY,   /* a member's name; its value follows */
	JSON_TOKEN_OPEN,
	JSON_TOKEN_CLOSE,
};

struct json_token {
	enum json_token_kind kind;
	enum json_type type; /* of VALUE and KEY (a string); of OPEN and CLOSE: JSON_ARRAY or JSON_OBJECT */
	struct slice text;   /* strings with their quotes */
};

/*
 * Takes the next token of *REST, which starts as text that json_scan() has accepted, and moves *REST behind it.  False
 * at the end.  On text that was never scanned the tokens make no sense, but they lie inside it and come to an end.
 */
bool json_next_token(struct slice *rest, struct json_token *out);

#endif
