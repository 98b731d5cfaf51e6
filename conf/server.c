#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/compile.h"

static cfg_t *only(cfg_t *parent, const char *name)
{
	return tree_block(parent, name, 0);
}

/* FNV-1a: the same path gives the same name, so a restart finds what it left. */
static struct text name_of(struct load *l, struct text path)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < path.n; i++)
		h = (h ^ (unsigned char)path.p[i]) * UINT64_C(0x100000001b3);
	return conf_arena_format(l->keep, "%012llx", (unsigned long long)(h >> 16));
}

#define DATA_DIR_ROOT "/var/lib/forkcast"

static struct text default_runtime_dir(struct load *l)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return conf_arena_format(l->keep, "/run/forkcast");
	if (xdg != NULL && xdg[0] == '/' && strlen(xdg) <= 64)
		return conf_arena_text(l->keep, xdg, strlen(xdg));
	return conf_arena_format(l->keep, "/tmp/forkcast-%u", (unsigned)geteuid());
}

static void listeners(struct load *l, cfg_t *tree)
{
	struct conf *c = l->conf;

	c->nlisten = tree_blocks(tree, "listen");
	c->listen = conf_arena_alloc(l->keep, c->nlisten * sizeof *c->listen);
	for (unsigned i = 0; i < c->nlisten; i++) {
		cfg_t *block = tree_block(tree, "listen", i);

		address_parse(l, tree_title(l, block), &c->listen[i].addr);
		value_store_block(l, option_block("listen"), block, &c->listen[i]);
	}
}

/* A generated key where none is given, under --dev; else it is a mistake that only the caller can word. */
static bool key_present(struct load *l, struct conf_api_client *client, size_t bytes)
{
	if (client->key.p != NULL)
		return true;
	if (!l->dev)
		return false;
	client->key = conf_random_hex(l, bytes);
	client->generated = true;
	return true;
}

static void api_client(struct load *l, cfg_t *block, struct conf_api_client *client)
{
	const struct token *title = tree_title(l, block);

	client->name = conf_arena_text(l->keep, title->text.p, title->text.n);
	auth_note_file(l, tree_value(block, "key_file", 0), &client->file, &client->stamp);
	if (value_store_block(l, option_block("admin/client"), block, client) && !key_present(l, client, 16))
		mistake(&l->mistakes, title->at, "client `%s` has no key: add key = \"...\" or key_file = \"...\"",
		    mistake_show(&l->mistakes, title->text));
}

static void admins(struct load *l, cfg_t *tree)
{
	struct conf *c = l->conf;

	c->nadmin = tree_blocks(tree, "admin");
	c->admin = conf_arena_alloc(l->keep, c->nadmin * sizeof *c->admin);
	for (unsigned i = 0; i < c->nadmin; i++) {
		cfg_t *block = tree_block(tree, "admin", i);
		unsigned nclient = tree_blocks(block, "client");
		struct conf_admin *admin = &c->admin[i];
		struct conf_api_client own = {.name = {"", 0}, .may = CONF_MAY_ALL};
		bool good;

		address_parse(l, tree_title(l, block), &admin->addr);
		admin->client = conf_arena_alloc(l->keep, (nclient + 1) * sizeof *admin->client);
		auth_note_file(l, tree_value(block, "key_file", 0), &own.file, &own.stamp);
		good = value_store_block(l, option_block("admin"), block, &own);
		if (good && nclient == 0 && !key_present(l, &own, 16))
			mistake(&l->mistakes, tree_place(l, block),
			    "admin without a key would be open to all: add key = \"${ADMIN_KEY}\", key_file or client "
			    "blocks");
		if (own.key.p != NULL)
			admin->client[admin->nclient++] = own;
		for (unsigned j = 0; j < nclient; j++) {
			struct conf_api_client *client = &admin->client[admin->nclient];

			api_client(l, tree_block(block, "client", j), client);
			for (unsigned k = 0; k < admin->nclient && client->key.p != NULL; k++)
				if (text_equal(admin->client[k].key, client->key))
					mistake(&l->mistakes, tree_place(l, tree_block(block, "client", j)),
					    "client `%s` has another client's key: give each its own",
					    mistake_show(&l->mistakes, client->name));
			admin->nclient++;
		}
	}
}

static bool same_address(const struct conf_address *a, const struct conf_address *b)
{
	if (a->is_unix != b->is_unix)
		return false;
	if (a->is_unix)
		return text_equal(a->path, b->path);
	return a->port == b->port && a->port != 0 && text_equal(a->host, b->host);
}

/* Titles differ, but what they mean may not: "*:80" and ":80", or two that --dev moved to the loopback. */
static void addresses(struct load *l, cfg_t *tree)
{
	const struct conf *c = l->conf;
	unsigned n = c->nlisten + c->nadmin;

	for (unsigned i = 0; i < n; i++) {
		const struct conf_address *a = i < c->nlisten ? &c->listen[i].addr : &c->admin[i - c->nlisten].addr;
		cfg_t *block =
		    i < c->nlisten ? tree_block(tree, "listen", i) : tree_block(tree, "admin", i - c->nlisten);

		for (unsigned j = 0; j < i && (a->is_unix || a->host.p != NULL); j++) {
			const struct conf_address *b =
			    j < c->nlisten ? &c->listen[j].addr : &c->admin[j - c->nlisten].addr;

			if (!same_address(a, b))
				continue;
			mistake(&l->mistakes, tree_title(l, block)->at, "address `%s` is the same as that of line %d%s",
			    a->title.p, b->line, l->dev ? " (under --dev all are on the loopback)" : "");
			break;
		}
	}
}

void server_options(struct load *l, cfg_t *tree)
{
	struct conf *c = l->conf;

	value_store_block(l, option_block(""), tree, c);
	if (c->name.p == NULL)
		c->name = name_of(l, c->path);
	if (c->runtime_dir.p == NULL)
		c->runtime_dir = default_runtime_dir(l);
	if (c->data_dir.p == NULL && geteuid() == 0 && !l->dev)
		c->data_dir = (struct text){DATA_DIR_ROOT, strlen(DATA_DIR_ROOT)};
	listeners(l, tree);
	if (c->nlisten == 0 && !l->mistakes.unfinished)
		mistake(&l->mistakes, (struct place){l->main, 1}, "no `listen`: add listen \"0.0.0.0:3000\" { }");
	admins(l, tree);
	addresses(l, tree);
	engine_options(l, tree);
	engine_echoes(l, tree);
	auth_options(l, only(tree, "auth"));
	wallet_options(l, tree);
	value_store_block(l, option_block("shm"), only(tree, "shm"), &c->shm);
	value_store_block(l, option_block("log"), only(tree, "log"), &c->log);
	value_store_block(l, option_block("texts"), only(tree, "texts"), c->catalogue.texts);
}
