/*
 * t_mailbox.c - descriptors in messages: whole, once, closed when something is wrong with them, kept when processes
 * die.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shm/mailbox.h"

#define LONGEST (150u * 1024)

static struct mailboxes boxes;
static uint8_t sent[LONGEST], got[LONGEST];

static int open_boxes(void **state)
{
	(void)state;
	return mailboxes_open(&boxes, 2);
}

static int close_boxes(void **state)
{
	(void)state;
	mailboxes_close(&boxes);
	return 0;
}

static int put(unsigned slot, int fd, size_t n)
{
	const struct iovec iov[] = {{sent, n / 3}, {sent + n / 3, n - n / 3}};

	return mailbox_put(&boxes, slot, fd, iov, 2);
}

static ssize_t take(unsigned slot, int *fd, size_t room)
{
	const struct iovec iov[] = {{got, room / 2}, {got + room / 2, room - room / 2}};

	return mailbox_take(&boxes, slot, fd, iov, 2);
}

/* A pipe whose writing end goes away with the descriptor that was sent: its reader then sees the end. */
static int pipe_end(int *reader)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	*reader = p[0];
	return p[1];
}

static bool ended(int reader)
{
	char c;
	ssize_t n = read(reader, &c, 1);

	assert_true(n == 0 || (n < 0 && errno == EAGAIN));
	return n == 0;
}

static void boxes_are_made_for_those_slots_alone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SLOT_MAX; i++) {
		if (i >= 2) {
			assert_int_equal(boxes.in[i], -1);
			assert_int_equal(boxes.out[i], -1);
			continue;
		}
		assert_true(fcntl(boxes.in[i], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(boxes.out[i], F_GETFD) & FD_CLOEXEC);
	}
}

static void bytes_and_descriptor_arrive(void **state)
{
	int reader, fd, writer = pipe_end(&reader);
	char c;

	(void)state;
	for (size_t i = 0; i < LONGEST; i++)
		sent[i] = (uint8_t)(i * 31 >> 3);
	assert_int_equal(take(0, &fd, LONGEST), -EAGAIN);
	assert_int_equal(fd, -1);
	assert_int_equal(put(0, writer, LONGEST), 0);
	assert_int_equal(take(1, &fd, LONGEST), -EAGAIN);
	assert_int_equal(take(0, &fd, LONGEST), LONGEST);
	assert_memory_equal(got, sent, LONGEST);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(writer);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(reader, &c, 1), 1);
	assert_false(ended(reader));
	close(fd);
	assert_true(ended(reader));
	close(reader);
}

static void messages_stay_apart_and_in_order(void **state)
{
	int fd;

	(void)state;
	for (size_t n = 0; n < 20; n++) {
		memset(sent, (int)n, n);
		assert_int_equal(put(0, 0, n), 0);
	}
	for (size_t n = 0; n < 20; n++) {
		assert_int_equal(take(0, &fd, LONGEST), n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(got[i], n);
		close(fd);
	}
}

static void a_full_box_takes_no_more_until_something_is_taken(void **state)
{
	unsigned n = 0, taken = 0;
	int fd, err;

	(void)state;
	while ((err = put(0, 0, 1000)) == 0)
		n++;
	assert_int_equal(err, -EAGAIN);
	assert_true(n >= 50);
	assert_int_equal(put(1, 0, 1000), 0); /* the others are not full */
	assert_int_equal(take(1, &fd, LONGEST), 1000);
	close(fd);
	while (take(0, &fd, LONGEST) == 1000) {
		close(fd);
		taken++;
	}
	assert_int_equal(taken, n);
	assert_int_equal(put(0, 0, 1000), 0);
	assert_int_equal(take(0, &fd, LONGEST), 1000);
	close(fd);
}

static void what_never_fits_is_told_apart(void **state)
{
	const size_t n = 64u << 20;
	uint8_t *p = calloc(1, n);
	const struct iovec iov = {p, n};

	(void)state;
	assert_int_equal(mailbox_put(&boxes, 0, 0, &iov, 1), -EMSGSIZE);
	assert_int_equal(mailbox_put(&boxes, 7, 0, &iov, 1), -EBADF);
	free(p);
}

static void a_message_longer_than_the_room_is_refused_and_its_descriptor_closed(void **state)
{
	int reader, fd, writer = pipe_end(&reader);

	(void)state;
	assert_int_equal(put(0, writer, 101), 0);
	assert_int_equal(put(0, writer, 100), 0);
	close(writer);
	assert_int_equal(take(0, &fd, 100), -EMSGSIZE);
	assert_int_equal(fd, -1);
	assert_int_equal(take(0, &fd, 100), 100);
	close(fd);
	assert_true(ended(reader));
	close(reader);
}

/* N copies of FD in one message, as no mailbox_put() makes it. */
static void put_many(int fd, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	struct iovec iov = {sent, 10};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;

	if (n > 0) {
		mh.msg_control = control.space;
		mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(cm) + i * sizeof(int), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(boxes.out[0], &mh, MSG_DONTWAIT), 10);
}

static void not_exactly_one_descriptor_is_refused_and_all_are_closed(void **state)
{
	static const size_t many[] = {0, 2, 3, 4, 5, 8};
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++) {
		int reader, writer = pipe_end(&reader);

		put_many(writer, many[i]);
		close(writer);
		assert_int_equal(take(0, &fd, LONGEST), -EBADMSG);
		assert_int_equal(fd, -1);
		assert_true(ended(reader));
		close(reader);
	}
	assert_int_equal(put(0, 0, 10), 0);
	assert_int_equal(take(0, &fd, LONGEST), 10);
	close(fd);
}

static void without_a_free_descriptor_the_message_is_lost_and_its_descriptor_closed(void **state)
{
	int reader, fd, writer = pipe_end(&reader), lowest;
	struct rlimit old, low;

	(void)state;
	assert_int_equal(put(0, writer, 10), 0);
	assert_int_equal(put(0, writer, 11), 0);
	close(writer);
	lowest = dup(0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){(rlim_t)lowest, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(take(0, &fd, LONGEST), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(take(0, &fd, LONGEST), 11);
	close(fd);
	assert_true(ended(reader));
	close(reader);
}

static void what_a_killed_process_left_is_taken_by_another(void **state)
{
	int reader, fd, status, writer = pipe_end(&reader);
	pid_t pid;

	(void)state;
	/* One process puts a message and dies; another takes one of two and dies with it. */
	pid = fork();
	if (pid == 0) {
		put(0, writer, 5);
		put(0, writer, 6);
		raise(SIGKILL);
	}
	close(writer);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = fork();
	if (pid == 0) {
		if (take(0, &fd, LONGEST) != 5)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_false(ended(reader));
	assert_int_equal(take(0, &fd, LONGEST), 6);
	close(fd);
	assert_true(ended(reader));
	close(reader);
}

/* The kernel allows a user as many descriptors under way as one process may have open. */
static int as_nobody(void)
{
	const struct rlimit low = {30, 30};
	unsigned n = 0;
	int err;

	if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0 || setrlimit(RLIMIT_NOFILE, &low) != 0)
		return 1;
	while ((err = put(0, 0, 10)) == 0)
		n++;
	return err == -EAGAIN && n < 100 ? 0 : 2;
}

static void too_many_descriptors_under_way_are_a_full_box(void **state)
{
	int status, fd;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0)
		_exit(as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	while (take(0, &fd, LONGEST) >= 0)
		close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(boxes_are_made_for_those_slots_alone),
	    cmocka_unit_test(bytes_and_descriptor_arrive),
	    cmocka_unit_test(messages_stay_apart_and_in_order),
	    cmocka_unit_test(a_full_box_takes_no_more_until_something_is_taken),
	    cmocka_unit_test(what_never_fits_is_told_apart),
	    cmocka_unit_test(a_message_longer_than_the_room_is_refused_and_its_descriptor_closed),
	    cmocka_unit_test(not_exactly_one_descriptor_is_refused_and_all_are_closed),
	    cmocka_unit_test(without_a_free_descriptor_the_message_is_lost_and_its_descriptor_closed),
	    cmocka_unit_test(what_a_killed_process_left_is_taken_by_another),
	    cmocka_unit_test(too_many_descriptors_under_way_are_a_full_box),
	};

	return cmocka_run_group_tests(tests, open_boxes, close_boxes);
}
