/*
 * mailbox.c - see mailbox.h; unix(7), cmsg(3).
 */
#include "shm/mailbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 4 /* descriptors of one message that we look at, to close them; the kernel drops what is beyond */

void mailboxes_init(struct mailboxes *mb)
{
	for (unsigned i = 0; i < SLOT_MAX; i++)
		mb->in[i] = mb->out[i] = -1;
}

static int open_pair(struct mailboxes *mb, unsigned slot)
{
	const int bytes = MAILBOX_BYTES;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	/* Without the right to go beyond wmem_max this gives what may be had, which is smaller and works too. */
	if (setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	mb->in[slot] = pair[0];
	mb->out[slot] = pair[1];
	return 0;
}

int mailboxes_open(struct mailboxes *mb, unsigned n)
{
	int err = 0;

	mailboxes_init(mb);
	for (unsigned i = 0; i < n && i < SLOT_MAX && err == 0; i++)
		err = open_pair(mb, i);
	if (err != 0)
		mailboxes_close(mb);
	return err;
}

void mailboxes_close(struct mailboxes *mb)
{
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (mb->in[i] >= 0)
			close(mb->in[i]);
		if (mb->out[i] >= 0)
			close(mb->out[i]);
	}
	mailboxes_init(mb);
}

int mailbox_put(const struct mailboxes *mb, unsigned slot, int fd, const struct iovec *iov, size_t niov)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr mh = {
	    .msg_iov = (struct iovec *)iov,
	    .msg_iovlen = niov,
	    .msg_control = control.space,
	    .msg_controllen = sizeof control.space,
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	ssize_t rc;

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(cm), &fd, sizeof fd);
	do {
		rc = sendmsg(mb->out[slot], &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (rc < 0 && errno == EINTR);
	if (rc >= 0)
		return 0;
	if (errno == EWOULDBLOCK || errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM)
		return -EAGAIN;
	return -errno;
}

/* The descriptors that came with MH; returns how many. */
static size_t received_fds(struct msghdr *mh, int fds[FDS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		size_t k;

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		k = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (k > FDS_MAX - n)
			k = FDS_MAX - n;
		memcpy(fds + n, CMSG_DATA(cm), k * sizeof(int));
		n += k;
	}
	return n;
}

ssize_t mailbox_take(const struct mailboxes *mb, unsigned slot, int *fd, const struct iovec *iov, size_t niov)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct msghdr mh = {
	    .msg_iov = (struct iovec *)iov,
	    .msg_iovlen = niov,
	    .msg_control = control.space,
	    .msg_controllen = sizeof control.space,
	};
	int fds[FDS_MAX];
	size_t nfd;
	ssize_t rc;

	*fd = -1;
	do {
		rc = recvmsg(mb->in[slot], &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	nfd = received_fds(&mh, fds);
	if (nfd == 1 && (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
		*fd = fds[0];
		return rc;
	}
	for (size_t i = 0; i < nfd; i++)
		close(fds[i]);
	if (nfd == 0 && (mh.msg_flags & MSG_CTRUNC))
		return -EMFILE;
	return mh.msg_flags & MSG_TRUNC ? -EMSGSIZE : -EBADMSG;
}
