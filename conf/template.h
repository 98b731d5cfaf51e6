/*
 * template.h - compiled text and JSON templates (CATALOGUE section 5).
 *
 * A JSON template is a tree whose subtrees without placeholders are single literals, already compact, so running one
 * is copying bytes and inserting values; payload values are inserted as the bytes that came in.
 */
#ifndef FORKCAST_CONF_TEMPLATE_H
#define FORKCAST_CONF_TEMPLATE_H

#include "conf/condition.h"

/* {SOURCE}, {SOURCE?}, {SOURCE|default}, {CONDITION} */
struct hole {
	bool is_condition;
	bool optional;	    /* `?`: its member, element or text is left out when the value is absent */
	bool has_default;
	struct text dflt;   /* JSON where a value stands, plain text inside a string */
	struct source source;
	struct condition condition;
};

struct text_part {
	bool is_hole;
	struct text literal;
	struct hole hole;
};

/*
 * Text: rooms, names, keys.  Inserted values are strings of 1-128 bytes without control characters, or integers; their
 * holes are plain sources, with or without default.
 */
struct text_template {
	unsigned n;
	struct text_part *part;
	struct text written;
};

enum json_node_kind { JSON_NODE_LITERAL, JSON_NODE_HOLE, JSON_NODE_STRING, JSON_NODE_ARRAY, JSON_NODE_OBJECT };

struct json_node {
	enum json_node_kind kind;
	struct text literal;	 /* LITERAL: compact JSON */
	struct hole hole;	 /* HOLE */
	unsigned n;		 /* STRING: parts; ARRAY: elements; OBJECT: members */
	struct text_part *part;	 /* STRING: literals are already escaped */
	struct json_node *child; /* ARRAY, OBJECT */
	struct text *key;	 /* OBJECT: JSON string bodies, escaped, without quotes */
};

#endif
