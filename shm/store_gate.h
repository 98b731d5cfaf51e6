/*
 * store_gate.h - one process opens the store at a time, and only beside a keeper.
 *
 * LMDB's lock file is made by whoever finds nobody else at it, under an exclusive lock that is then lowered to a shared
 * one.  Whoever comes meanwhile waits for the shared lock; and if the first is killed in the middle, gets it, together
 * with a reader table that is half made: a transaction number of 0, mutexes that are none.  It also would be wrong for
 * a reader to be the first one after a keeper died within a commit, which only the next keeper repairs (store_torn.h).
 *
 * So every open goes through a gate, which the killed leave behind open, and a reader waits until a keeper holds its
 * place, taken within the gate once its own open is done.  Then only keepers ever make the lock file, one at a time,
 * and one that dies doing so leaves nobody inside.  Both are locks on bytes of the store's file that belong to an open
 * file (F_OFD_SETLK), so the kernel releases them however the process ends.
 */
#ifndef FORKCAST_SHM_STORE_GATE_H
#define FORKCAST_SHM_STORE_GATE_H

#define STORE_GATE_WAIT_MS 1000 /* a reader waits for a keeper */

/* Enters the gate of the store at PATH.  The descriptor to leave with, or -errno: -ENOENT no such store. */
int store_gate_enter(const char *path);
/* The same for a reader: with a keeper in place.  -EAGAIN: none came in time. */
int store_gate_enter_reader(const char *path);
void store_gate_leave(int gate);
/* Takes the keeper's place.  The descriptor that holds it, or -errno: -EBUSY another has it. */
int store_gate_keep(const char *path);

#endif
