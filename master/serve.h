/*
 * serve.h - the server itself: makes everything that crosses the fork, supervises, and takes it all down again.
 */
#ifndef FORKCAST_MASTER_SERVE_H
#define FORKCAST_MASTER_SERVE_H

/* `forkcast [-c FILE] [--dev] [--print-ports]`; returns the exit status. */
int serve_command(int argc, char **argv);

#endif
