/*
 * mailbox.h - a descriptor and some bytes to another process of the instance: one socket pair per slot.
 *
 * The master makes the pairs before it forks and keeps both ends of all, so a message outlives its sender and its
 * receiver: whoever lives in the slot next, or looks after it meanwhile, takes it.  A message is taken by one process
 * alone, whole, or not at all (SOCK_SEQPACKET), and the descriptor in it is open in the kernel until then.
 *
 * Nothing blocks.  A box is full when the bytes in it, with what the kernel adds to each message (half a kilobyte),
 * pass MAILBOX_BYTES, or the system's wmem_max where we may not go beyond it; all who send to it share that.
 */
#ifndef FORKCAST_SHM_MAILBOX_H
#define FORKCAST_SHM_MAILBOX_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "shm/slot.h"

#define MAILBOX_BYTES (2u << 20)

/* -1 where none was made. */
struct mailboxes {
	int in[SLOT_MAX];  /* where the slot's process takes */
	int out[SLOT_MAX]; /* where all others put */
};

/* No boxes: what a struct of zeros, which are descriptors, is not. */
void mailboxes_init(struct mailboxes *mb);
/* Master: makes boxes (close-on-exec) for slots [0, n).  0 or -errno, with none left open. */
int mailboxes_open(struct mailboxes *mb, unsigned n);
void mailboxes_close(struct mailboxes *mb);

/*
 * Puts the bytes of IOV and a copy of the descriptor FD into SLOT's box.  0; -EAGAIN: full, or too many descriptors of
 * this user are under way, or no memory: try again later; or -errno: this will never fit (-EMSGSIZE), or no such box.
 */
int mailbox_put(const struct mailboxes *mb, unsigned slot, int fd, const struct iovec *iov, size_t niov);
/*
 * Takes the next message of SLOT's box.  Returns its bytes, in IOV, and its descriptor in *FD (close-on-exec, the
 * caller's); -EAGAIN when the box is empty.  Any other error has used a message up: -EMFILE, there was no room for the
 * descriptor, which is closed now; -EMSGSIZE, more bytes than IOV holds; -EBADMSG, not exactly one descriptor.
 */
ssize_t mailbox_take(const struct mailboxes *mb, unsigned slot, int *fd, const struct iovec *iov, size_t niov);

#endif
