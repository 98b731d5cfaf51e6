/*
 * libraries.h - the versions of the libraries that this process runs with, for the log at start: security fixes of
 * distributions are told from them.
 */
#ifndef FORKCAST_WORKER_LIBRARIES_H
#define FORKCAST_WORKER_LIBRARIES_H

/* "libevent 2.1.12-stable, OpenSSL 3.0.17 ..."; static storage, made at the first call. */
const char *libraries_versions(void);

#endif
