/*
 * data_dir.h - the directory of what survives a restart, made while the master may still give it away.
 */
#ifndef FORKCAST_MASTER_DATA_DIR_H
#define FORKCAST_MASTER_DATA_DIR_H

#include "master/fault.h"
#include "master/identity.h"

/*
 * Makes data_dir, which others may pass through, and in it the instance's own, which belongs to ID and to nobody else.
 * Nothing to do without a data_dir, and without a drop: then the keeper makes both when it first has something to keep.
 * 0, or -errno with *F (status 1).
 */
int data_dir_prepare(const struct conf *c, const struct identity *id, struct fault *f);

#endif
