#include <string.h>

#include "conf/compile.h"

static void cookie(struct load *l, cfg_t *block, struct conf_cookie *c)
{
	if (!value_store_block(l, option_block("engine/cookie"), block, c))
		return;
	c->on = tree_written(l, block);
	if (c->samesite == CONF_SAMESITE_NONE && !c->secure)
		mistake(&l->mistakes, tree_value(block, "samesite", 0)->at,
		    "`samesite = none` without `secure = yes`: browsers drop such a cookie");
}

void engine_options(struct load *l, cfg_t *tree)
{
	struct conf_engine *e = &l->conf->engine;
	cfg_t *block = tree_block(tree, "engine", 0);
	bool good = value_store_block(l, option_block("engine"), block, e);

	for (unsigned i = 0; good && e->credentials && i < e->norigin; i++)
		if (text_is(e->origin[i], "*"))
			mistake(&l->mistakes, tree_value(block, "credentials", 0)->at,
			    "`credentials = yes` beside `origins = \"*\"`: browsers refuse that: name the origins");
	cookie(l, tree_block(block, "cookie", 0), &e->cookie);
}

static size_t without_slash(struct text path)
{
	return path.n > 0 && path.p[path.n - 1] == '/' ? path.n - 1 : path.n;
}

/* True when PATH is OUTER or below it, a slash at the end aside. */
static bool below(struct text path, struct text outer)
{
	size_t n = without_slash(outer);

	return path.n >= n && memcmp(path.p, outer.p, n) == 0 && (path.n == n || path.p[n] == '/');
}

/* Engine.IO has all that is below its path; a plain WebSocket has the path alone. */
static bool collide(const struct conf_echo *a, struct text b, bool b_is_engine)
{
	if (b_is_engine && below(a->path, b))
		return true;
	if (a->protocol == CONF_ECHO_ENGINE && below(b, a->path))
		return true;
	return text_equal(a->path, b);
}

const char *engine_owner(struct load *l, struct text path)
{
	const struct conf *c = l->conf;

	if (c->engine.path.p != NULL && below(path, c->engine.path))
		return "engine";
	for (unsigned i = 0; i < c->necho; i++)
		if (below(path, c->echo[i].path))
			return conf_arena_format(l->scratch, "echo `%s`", c->echo[i].path.p).p;
	return NULL;
}

void engine_echoes(struct load *l, cfg_t *tree)
{
	static const struct option path = {
	    .name = "echo", .type = OPTION_URL_PATH, .size = sizeof(struct text), .min = 1, .max = 128};
	struct conf *c = l->conf;
	unsigned n = tree_blocks(tree, "echo");

	c->echo = conf_arena_alloc(l->keep, n * sizeof *c->echo);
	for (unsigned i = 0; i < n; i++) {
		cfg_t *block = tree_block(tree, "echo", i);
		const struct token *title = tree_title(l, block);
		struct conf_echo *e = &c->echo[c->necho];
		bool good = value_store_block(l, option_block("echo"), block, e);

		if (!value_store(l, &path, &title, 1, &e->path) || !good)
			continue;
		if (c->engine.path.p != NULL && collide(e, c->engine.path, true))
			mistake(&l->mistakes, title->at, "echo `%s` is on the path of engine, `%s`: take another",
			    mistake_show(&l->mistakes, e->path), c->engine.path.p);
		for (unsigned j = 0; j < c->necho; j++) {
			const struct conf_echo *other = &c->echo[j];

			if (!collide(e, other->path, other->protocol == CONF_ECHO_ENGINE))
				continue;
			mistake(&l->mistakes, title->at, "echo `%s` is on the path of echo `%s`: take another",
			    mistake_show(&l->mistakes, e->path), other->path.p);
			break;
		}
		c->necho++;
	}
}
