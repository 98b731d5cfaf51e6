/*
 * keeper_data.h - where the keeper of keeper_kill.c keeps what is to survive it.  On tmpfs: whether a disk is slow is
 * not what is tried here.
 */
#ifndef FORKCAST_TESTS_KEEPER_DATA_H
#define FORKCAST_TESTS_KEEPER_DATA_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "shm/durable.h"
#include "tests/unit/store_model.h"

static char data_parent[64], data_dir[80];

static inline void data_set_up(struct conf *conf)
{
	snprintf(data_parent, sizeof data_parent, "/dev/shm/forkcast-torture-%ld", (long)getpid());
	snprintf(data_dir, sizeof data_dir, "%s/d", data_parent);
	conf->data_dir = (struct text){data_parent, strlen(data_parent)};
	conf->name = (struct text){"d", 1};
	conf->shm.sync = 10;
}

static inline int data_count(void *ctx, const void *key, size_t key_len, const void *val, size_t len)
{
	(void)ctx;
	(void)key;
	(void)key_len;
	(void)val;
	(void)len;
	return 0;
}

/* Rows on disk. */
static inline int data_rows(void)
{
	struct durable *d = NULL;
	int n;

	MODEL_CHECK(durable_open(&d, data_dir, 32u << 20, false) == 0, "%s", data_dir);
	n = durable_each(d, NULL, 0, UINT32_MAX, data_count, NULL);
	durable_close(d);
	return n;
}

static inline void data_remove(void)
{
	char path[96];

	snprintf(path, sizeof path, "%s/store", data_dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/lock", data_dir);
	unlink(path);
	rmdir(data_dir);
	rmdir(data_parent);
}

#endif
