/*
 * pidfile.h - conf `pid_file`: the master's pid for service managers.
 */
#ifndef FORKCAST_MASTER_PIDFILE_H
#define FORKCAST_MASTER_PIDFILE_H

#include "master/fault.h"

/* 0, or -errno with *F.  A file that is there is written over; a link is not followed. */
int pidfile_write(const char *path, struct fault *f);
/* Removes it, if it still holds our pid. */
void pidfile_remove(const char *path);

#endif
