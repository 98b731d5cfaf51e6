#include <string.h>

#include "conf/compile.h"

#define DEPTH_MAX 32

/*
 * One value being read.  OUT receives all literal bytes in compact form, so that the text of a subtree without
 * placeholders is one slice of it; template_json() copies the slices that remain when the whole tree is known.
 */
struct builder {
	struct cursor *c;
	bool holes; /* placeholders may stand here */
	unsigned depth;
	char *out;
	size_t n;
};

static bool value(struct builder *b, struct json_node *node);

static void put(struct builder *b, const char *p, size_t n)
{
	memcpy(b->out + b->n, p, n);
	b->n += n;
}

static void literal_since(struct builder *b, struct json_node *node, size_t mark)
{
	node->kind = JSON_NODE_LITERAL;
	node->literal = (struct text){b->out + mark, b->n - mark};
}

/*
 * Where the placeholder that begins at P (a brace) ends inside a string's body: at the next closing brace outside a
 * quoted literal; behind `|` quotes mean nothing.  NULL: nowhere.
 */
static const char *hole_end(const char *p, const char *end)
{
	bool quoted = false;

	for (; p < end; p++) {
		if (*p == '|' && !quoted)
			return memchr(p, '}', (size_t)(end - p));
		if (*p == '}' && !quoted)
			return p;
		if (*p != '\\')
			continue;
		if (p[1] == '"')
			quoted = !quoted;
		/* an escaped backslash inside a literal escapes the next character there */
		else if (p[1] == '\\' && quoted && end - p > 3 && p[2] == '\\')
			p += 2;
		p++;
	}
	return NULL;
}

static bool string_hole(struct builder *b, const char *at, const char *close, struct hole *out)
{
	struct cursor *c = b->c;
	struct text raw = {at + 1, (size_t)(close - at - 1)};
	struct text plain = memchr(raw.p, '\\', raw.n) != NULL ? template_string_decode(c->load->scratch, raw) : raw;
	struct cursor inner = *c;

	inner.base = c->base + (size_t)(at + 1 - c->begin);
	inner.begin = plain.p;
	inner.p = plain.p;
	inner.end = plain.p + plain.n;
	if (hole_parse(&inner, HOLE_IN_STRING, out))
		return true;
	c->failed = true;
	return false;
}

static void add_literal(struct builder *b, struct json_node *node, size_t mark)
{
	if (b->n == mark)
		return;
	node->part = conf_arena_push(b->c->load->scratch, node->part, node->n, sizeof *node->part);
	node->part[node->n++].literal = (struct text){b->out + mark, b->n - mark};
}

/* A string's body as parts; a node without holes becomes a literal. */
static bool string_parts(struct builder *b, struct text body, struct json_node *node)
{
	const char *end = body.p + body.n;
	size_t whole = b->n;
	size_t mark;

	put(b, "\"", 1);
	mark = b->n;
	for (const char *p = body.p; p < end;) {
		if (b->holes && cursor_hole(p, end)) {
			const char *close = hole_end(p, end);

			b->c->p = p;
			if (close == NULL)
				return cursor_fail(b->c, "the placeholder is never closed: `}` is missing");
			add_literal(b, node, mark);
			node->part = conf_arena_push(b->c->load->scratch, node->part, node->n, sizeof *node->part);
			node->part[node->n].is_hole = true;
			if (!string_hole(b, p, close, &node->part[node->n].hole))
				return false;
			node->n++;
			p = close + 1;
			mark = b->n;
		} else {
			put(b, p, 1);
			p += b->holes && *p == '{' && end - p > 1 && p[1] == '{' ? 2 : 1;
		}
	}
	b->c->p = end + 1;
	if (node->n == 0) {
		put(b, "\"", 1);
		literal_since(b, node, whole);
		return true;
	}
	add_literal(b, node, mark);
	node->kind = JSON_NODE_STRING;
	return true;
}

/* A member's name; without placeholders. */
static bool member_name(struct builder *b, struct json_node *object, struct text *key)
{
	struct json_node name = {0};
	struct text body = {NULL, 0};

	if (b->c->p == b->c->end || *b->c->p != '"')
		return cursor_fail(b->c,
		    "%s where a member's name in quotes is expected; a placeholder is `{name}`, without spaces",
		    cursor_show(b->c));
	b->c->p++;
	if (!template_string_span(b->c, &body) || !string_parts(b, body, &name))
		return false;
	if (name.kind != JSON_NODE_LITERAL) {
		b->c->p = body.p;
		return cursor_fail(b->c, "a member's name takes no placeholder; `{{` writes a brace");
	}
	*key = (struct text){name.literal.p + 1, name.literal.n - 2};
	for (unsigned i = 0; i < object->n; i++) {
		if (!text_equal(object->key[i], *key))
			continue;
		b->c->p = body.p;
		return cursor_fail(b->c, "member `%s` stands twice: keep one", mistake_show(&b->c->load->mistakes, *key));
	}
	return true;
}

/* Members or elements, the cursor behind the opening bracket. */
static bool container(struct builder *b, struct json_node *node, char close)
{
	struct conf_arena *a = b->c->load->scratch;
	bool object = close == '}';
	size_t mark = b->n;
	bool literal = true;

	if (++b->depth > DEPTH_MAX)
		return cursor_fail(b->c, "nested deeper than %d: write it flatter", DEPTH_MAX);
	put(b, object ? "{" : "[", 1);
	cursor_space(b->c);
	while (b->c->p == b->c->end || *b->c->p != close || node->n > 0) {
		if (node->n > 0)
			put(b, ",", 1);
		node->child = conf_arena_push(a, node->child, node->n, sizeof *node->child);
		if (object) {
			node->key = conf_arena_push(a, node->key, node->n, sizeof *node->key);
			if (!member_name(b, node, &node->key[node->n]))
				return false;
			cursor_space(b->c);
			if (b->c->p == b->c->end || *b->c->p != ':')
				return cursor_fail(
				    b->c, "%s where `:` is expected behind a member's name: write \"name\": value", cursor_show(b->c));
			b->c->p++;
			put(b, ":", 1);
		}
		if (!value(b, &node->child[node->n]))
			return false;
		literal &= node->child[node->n++].kind == JSON_NODE_LITERAL;
		cursor_space(b->c);
		if (b->c->p < b->c->end && *b->c->p == close)
			break;
		if (b->c->p == b->c->end || *b->c->p != ',')
			return cursor_fail(b->c, "%s where `,` or `%c` is expected", cursor_show(b->c), close);
		b->c->p++;
		cursor_space(b->c);
	}
	b->c->p++;
	b->depth--;
	put(b, &close, 1);
	if (literal)
		literal_since(b, node, mark);
	else
		node->kind = object ? JSON_NODE_OBJECT : JSON_NODE_ARRAY;
	return true;
}

static size_t digits(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

/* Bytes of the JSON number at P, kept as they are written; 0 when it is none. */
static size_t number_length(const char *begin, const char *end)
{
	const char *p = begin;
	size_t n;

	p += p < end && *p == '-';
	n = digits(p, end);
	if (n == 0 || (n > 1 && *p == '0'))
		return 0;
	p += n;
	if (p < end && *p == '.') {
		n = digits(p + 1, end);
		if (n == 0)
			return 0;
		p += n + 1;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		n = digits(p, end);
		if (n == 0)
			return 0;
		p += n;
	}
	return (size_t)(p - begin);
}

static bool scalar(struct builder *b, struct json_node *node)
{
	static const char *const words[] = {"true", "false", "null"};
	struct cursor *c = b->c;
	size_t mark = b->n;
	size_t n = number_length(c->p, c->end);

	for (int i = 0; i < 3 && n == 0; i++)
		if ((size_t)(c->end - c->p) >= strlen(words[i]) && memcmp(c->p, words[i], strlen(words[i])) == 0)
			n = strlen(words[i]);
	/* "truely", "12ab" */
	if (n == 0 && strchr(",}]:", *c->p) != NULL)
		return cursor_fail(c, "a JSON value is missing before `%c`", *c->p);
	if (n == 0 || (c->p + n < c->end && (cursor_letter(c->p[n]) || (c->p[n] >= '0' && c->p[n] <= '9'))))
		return cursor_fail(
		    c, "%s is no JSON value%s", cursor_show(c), b->holes ? ": a placeholder is `{name}`" : "");
	put(b, c->p, n);
	c->p += n;
	literal_since(b, node, mark);
	return true;
}

static bool value(struct builder *b, struct json_node *node)
{
	struct cursor *c = b->c;
	struct text body = {NULL, 0};

	cursor_space(c);
	if (c->p == c->end)
		return cursor_fail(c, "a JSON value is missing at the end");
	if (cursor_hole(c->p, c->end)) {
		if (!b->holes)
			return cursor_fail(c, "no placeholder may stand here: write plain JSON");
		c->p++;
		node->kind = JSON_NODE_HOLE;
		return hole_parse(c, HOLE_IN_VALUE, &node->hole);
	}
	switch (*c->p) {
	case '"': c->p++; return template_string_span(c, &body) && string_parts(b, body, node);
	case '{':
	case '[': return container(b, node, *c->p++ == '{' ? '}' : ']');
	default: return scalar(b, node);
	}
}

/* Moves the tree to where the conf lives, exactly as large as it is. */
static void keep(struct conf_arena *a, struct json_node *node)
{
	struct json_node *child = conf_arena_alloc(a, node->child != NULL ? node->n * sizeof *child : 0);
	struct text_part *part = conf_arena_alloc(a, node->part != NULL ? node->n * sizeof *part : 0);
	struct text *key = conf_arena_alloc(a, node->key != NULL ? node->n * sizeof *key : 0);

	if (node->kind == JSON_NODE_LITERAL) {
		node->literal = conf_arena_text(a, node->literal.p, node->literal.n);
		node->child = NULL;
		node->part = NULL;
		node->key = NULL;
		node->n = 0;
		return;
	}
	for (unsigned i = 0; i < node->n; i++) {
		if (node->child != NULL) {
			child[i] = node->child[i];
			keep(a, &child[i]);
		}
		if (node->part != NULL) {
			part[i] = node->part[i];
			if (!part[i].is_hole)
				part[i].literal = conf_arena_text(a, part[i].literal.p, part[i].literal.n);
		}
		if (node->key != NULL)
			key[i] = conf_arena_text(a, node->key[i].p, node->key[i].n);
	}
	node->child = node->child != NULL ? child : NULL;
	node->part = node->part != NULL ? part : NULL;
	node->key = node->key != NULL ? key : NULL;
}

bool template_json(struct cursor *c, struct json_node *out)
{
	struct builder b = {.c = c, .holes = true};

	/* Compact text is never longer than what it was read from. */
	b.out = conf_arena_alloc(c->load->scratch, (size_t)(c->end - c->p) + 1);
	*out = (struct json_node){0};
	if (c->failed || !value(&b, out))
		return false;
	if (out->kind == JSON_NODE_HOLE && out->hole.optional)
		return cursor_fail(c, "`?` leaves out a member, an element or a part of a string: here is none");
	cursor_space(c);
	if (c->p < c->end)
		return cursor_fail(c, "%s behind the JSON value: remove it, or make the value a list", cursor_show(c));
	keep(c->load->keep, out);
	return true;
}

bool template_literal(struct cursor *c, struct text *out)
{
	struct builder b = {.c = c, .holes = false};
	struct json_node node = {0};

	/* One buffer for all: a template may have thousands of these, and none is read inside another. */
	if (c->load->literal == NULL)
		c->load->literal = conf_arena_alloc(c->load->scratch, SCAN_VALUE_MAX + 1);
	b.out = c->load->literal;
	if (c->failed || !value(&b, &node))
		return false;
	*out = conf_arena_text(c->load->keep, node.literal.p, node.literal.n);
	return true;
}
