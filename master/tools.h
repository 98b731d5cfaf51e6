/*
 * tools.h - the commands that describe a conf: doc, types, explain.  Each returns the exit status.
 */
#ifndef FORKCAST_MASTER_TOOLS_H
#define FORKCAST_MASTER_TOOLS_H

int tools_doc_command(int argc, char **argv);
int tools_types_command(int argc, char **argv);
/* 1 when the conf has no rule for the event, or no such room or namespace. */
int tools_explain_command(int argc, char **argv);

#endif
