/*
 * ask.h - the commands that talk to a live instance: `forkcast status` and `forkcast -s stop`.
 */
#ifndef FORKCAST_MASTER_ASK_H
#define FORKCAST_MASTER_ASK_H

/* Both print to stdout or complain on stderr and return the exit status; argv[0] is the command. */
int ask_status(int argc, char **argv);
/* -s SIGNAL: stop ends the instance (drain, then exit) and returns when it is gone. */
int ask_signal(int argc, char **argv);

#endif
