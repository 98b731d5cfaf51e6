#include "conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/compile.h"

/* FILE without links and dots; a pipe has no such name, and keeps the one it was given. */
static struct text absolute(struct conf_arena *a, const char *file)
{
	char *real = realpath(file, NULL);
	char *cwd = NULL;
	struct text path;

	if (real != NULL)
		path = conf_arena_text(a, real, strlen(real));
	else if (file[0] == '/' || (cwd = getcwd(NULL, 0)) == NULL)
		path = conf_arena_text(a, file, strlen(file));
	else
		path = conf_arena_format(a, "%s/%s", cwd, file);
	free(real);
	free(cwd);
	return path;
}

static void compile(struct load *l, const char *text)
{
	cfg_t *tree = tree_parse(l, text);

	if (tree == NULL)
		return;
	namespace_types(l, tree);
	server_options(l, tree);
	namespace_rules(l, tree);
	tree_free(tree);
}

int conf_load(const char *file, bool dev, struct conf **out, struct conf_errors *errors)
{
	struct load l = {.dev = dev};
	char *text = NULL;
	size_t ntext;
	int rc;

	*out = NULL;
	*errors = (struct conf_errors){0};
	l.keep = conf_arena_new();
	l.scratch = conf_arena_new();
	l.mistakes.arena = l.scratch;
	l.conf = conf_arena_alloc(l.keep, sizeof *l.conf);
	l.conf->arena = l.keep;
	l.conf->dev = dev;
	l.text = open_memstream(&text, &ntext);
	if (l.text == NULL) {
		rc = -errno;
		goto done;
	}
	rc = outline(&l, file);
	fclose(l.text);
	if (rc != 0)
		goto done;
	l.conf->path = absolute(l.keep, file);
	compile(&l, text);
	if (l.mistakes.n > 0) {
		mistakes_tell(&l.mistakes, errors);
		rc = -EINVAL;
	}
done:
	free(text);
	conf_arena_free(l.scratch);
	if (rc == 0)
		*out = l.conf;
	else
		conf_arena_free(l.keep);
	return rc;
}

void conf_free(struct conf *c)
{
	if (c != NULL)
		conf_arena_free(c->arena);
}

void conf_errors_free(struct conf_errors *e)
{
	for (unsigned i = 0; i < e->n; i++)
		free(e->line[i]);
	free(e->line);
	*e = (struct conf_errors){0};
}
