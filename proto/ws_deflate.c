/*
 * ws_deflate.c - see ws_deflate.h.  RFC 6455, section 9.1:
 *
 *	Sec-WebSocket-Extensions = 1#( token *( ";" token [ "=" ( token | quoted-string ) ] ) )
 *
 * where what is quoted is a token too, and elements of the list may be empty (RFC 9110, section 5.6.1.2).
 */
#include "proto/ws_deflate.h"

#include <stdio.h>

#include "proto/deflate.h"
#include "proto/error.h"
#include "proto/http_token.h"

struct cursor {
	const char *p, *end;
};

struct param {
	struct slice name;
	bool has_value;
	unsigned len;  /* of the value */
	char value[3]; /* as much of it as could be a number of bits, and one more */
};

/* An offer of permessage-deflate while its parameters are read. */
struct offer {
	bool kept;     /* we could do all it asks for */
	unsigned seen; /* a bit for each of names[] */
	int server_bits;
};

enum name { SERVER_NO_TAKEOVER, CLIENT_NO_TAKEOVER, SERVER_BITS, CLIENT_BITS, NAMES };

static const char *const names[NAMES] = {
    [SERVER_NO_TAKEOVER] = "server_no_context_takeover",
    [CLIENT_NO_TAKEOVER] = "client_no_context_takeover",
    [SERVER_BITS] = "server_max_window_bits",
    [CLIENT_BITS] = "client_max_window_bits",
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

static bool take_token(struct cursor *c, struct slice *out)
{
	const char *start = c->p;

	while (c->p < c->end && http_is_token_char(*c->p))
		c->p++;
	*out = slice_make(start, (size_t)(c->p - start));
	return out->n > 0;
}

static bool take_value_char(struct cursor *c, struct param *out)
{
	if (c->p == c->end || !http_is_token_char(*c->p))
		return false;
	if (out->len < sizeof out->value)
		out->value[out->len++] = *c->p;
	c->p++;
	return true;
}

static bool take_value(struct cursor *c, struct param *out)
{
	out->has_value = true;
	if (!take(c, '"')) {
		while (take_value_char(c, out))
			;
		return out->len > 0;
	}
	while (!take(c, '"')) {
		(void)take(c, '\\');
		if (!take_value_char(c, out))
			return false;
	}
	return out->len > 0;
}

static bool take_param(struct cursor *c, struct param *out)
{
	*out = (struct param){.has_value = false};
	return take_token(c, &out->name) && (!take(c, '=') || take_value(c, out));
}

/* RFC 7692, section 7.1.2: 8 to 15 without leading zeros.  0 when it is something else. */
static int window_bits(const struct param *p)
{
	const char *v = p->value;

	if (p->len == 1 && (v[0] == '8' || v[0] == '9'))
		return v[0] - '0';
	if (p->len == 2 && v[0] == '1' && v[1] >= '0' && v[1] <= '5')
		return 10 + v[1] - '0';
	return 0;
}

/* False when no offer may have it. */
static bool offer_param(struct offer *o, const struct param *p)
{
	unsigned n = 0;

	while (n < NAMES && !slice_is(p->name, names[n]))
		n++;
	if (n == NAMES || (o->seen & 1u << n) != 0)
		return false;
	o->seen |= 1u << n;
	switch ((enum name)n) {
	case SERVER_BITS: o->server_bits = window_bits(p); return o->server_bits != 0;
	case CLIENT_BITS: return !p->has_value || window_bits(p) != 0;
	default: return !p->has_value;
	}
}

/* One extension with its parameters, up to the comma or the end. */
static bool take_extension(struct cursor *c, struct offer *out)
{
	struct slice name;

	if (!take_token(c, &name))
		return false;
	*out = (struct offer){.kept = slice_is(name, "permessage-deflate"), .server_bits = DEFLATE_BITS_MAX};
	for (;;) {
		struct param p;

		skip_space(c);
		if (!take(c, ';'))
			return c->p == c->end || *c->p == ',';
		skip_space(c);
		if (!take_param(c, &p))
			return false;
		out->kept = out->kept && offer_param(out, &p);
	}
}

/* Whoever asks for a limit has to be told that it is kept (RFC 7692, section 7.1.2.1). */
static void accept_offer(const struct offer *o, struct ws_deflate *d, char answer[WS_DEFLATE_ANSWER_MAX])
{
	char bits[4 + sizeof "; server_max_window_bits="] = "";

	*d = (struct ws_deflate){true, o->server_bits};
	if ((o->seen & 1u << SERVER_BITS) != 0)
		(void)snprintf(bits, sizeof bits, "; %s=%d", names[SERVER_BITS], o->server_bits);
	(void)snprintf(answer, WS_DEFLATE_ANSWER_MAX, "permessage-deflate; %s; %s%s", names[SERVER_NO_TAKEOVER],
	    names[CLIENT_NO_TAKEOVER], bits);
}

int ws_deflate_negotiate(struct slice value, struct ws_deflate *d, char answer[WS_DEFLATE_ANSWER_MAX])
{
	struct cursor c = {value.p, value.p + value.n};
	struct ws_deflate found = *d;
	bool any = false;

	if (!found.on)
		answer[0] = '\0';
	for (;;) {
		struct offer o;

		skip_space(&c);
		if (c.p == c.end)
			break;
		if (take(&c, ','))
			continue;
		if (!take_extension(&c, &o))
			return PROTO_EHTTP;
		any = true;
		if (o.kept && !found.on)
			accept_offer(&o, &found, answer);
	}
	if (!any)
		return PROTO_EHTTP;
	*d = found;
	return 0;
}
