#include "conf/compile.h"

/* The names of blocks that rules call: hook "NAME", limit "NAME". */

#define NAME_LONGEST 64

struct text name_title(struct load *l, cfg_t *block, const char *kind)
{
	const struct token *title = tree_title(l, block);
	struct text name = conf_arena_text(l->keep, title->text.p, title->text.n);

	if (title->bad)
		return name;
	if (name.n > NAME_LONGEST) {
		mistake(&l->mistakes, title->at, "%s: a name of %zu bytes: at most %d", kind, name.n, NAME_LONGEST);
		return name;
	}
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (cursor_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-')
			continue;
		mistake(&l->mistakes, title->at, "%s `%s`: letters, digits, _ and - only", kind,
		    mistake_show(&l->mistakes, title->text));
		break;
	}
	return name;
}
