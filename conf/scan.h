/*
 * scan.h - the text of a conf file as tokens (CATALOGUE section 1), with the places and the mistakes that libConfuse
 * cannot tell.
 *
 *	word	unquoted: letters, digits and : . / _ - | @ %
 *	string	"..." expands ${ENV} and ${ENV:-default} and knows \" \\ \$ \n \t \r; '...' is literal but for \' and \\
 *	others	{ } ( ) = ,
 *
 * Comments: # and // to the end of the line, and C comments.
 */
#ifndef FORKCAST_CONF_SCAN_H
#define FORKCAST_CONF_SCAN_H

#include "conf/mistake.h"

#define SCAN_FILE_MAX  (1u << 20)  /* bytes of one file */
#define SCAN_VALUE_MAX (64u << 10) /* bytes of one value */

/* The others are their own character. */
enum token_kind { TOKEN_END = 1, TOKEN_WORD, TOKEN_STRING };

struct token {
	int kind;
	char quote;  /* of a string */
	bool margin; /* a word that is not indented */
	bool bad;    /* already told: its text is not to be judged */
	struct place at;
	struct text text; /* value of a word or string */
};

/* Tokens of the N bytes at P, the last one TOKEN_END.  Never fails: what is no token is told and skipped. */
struct token *scan(struct conf_arena *a, struct mistakes *m, const struct conf_file *file, const char *p, size_t n);

/* True when the bytes may stand without quotes. */
bool scan_bare(struct text t);

#endif
