/*
 * text.h - a counted string of the configuration; NUL-terminated too, lives as long as its struct conf.
 */
#ifndef FORKCAST_CONF_TEXT_H
#define FORKCAST_CONF_TEXT_H

#include <stddef.h>

struct text {
	const char *p;
	size_t n;
};

#endif
