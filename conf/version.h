/*
 * version.h - the version of this build: `forkcast --version`, status output, @server.version.
 */
#ifndef FORKCAST_CONF_VERSION_H
#define FORKCAST_CONF_VERSION_H

#define FORKCAST_VERSION "0.1.0"

#endif
