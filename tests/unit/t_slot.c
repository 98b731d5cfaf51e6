/* t_slot.c - the life of a slot, edge by edge. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shm/slot.h"

static void a_life(void **state)
{
	struct slot s;

	(void)state;
	memset(&s, 0, sizeof s);
	assert_false(slot_is_alive(&s));
	assert_int_equal(slot_open(&s, SLOT_ROLE_WORKER, 3, 1000), 1);
	assert_int_equal(s.state, SLOT_STARTING);
	assert_int_equal(s.role, SLOT_ROLE_WORKER);
	assert_int_equal(s.index, 3);
	assert_int_equal(s.heartbeat_ns, 1000); /* the watchdog waits from here */
	assert_false(slot_is_alive(&s));
	slot_set_pid(&s, 42);
	slot_ready(&s);
	assert_true(slot_is_alive(&s));
	slot_beat(&s, 2000);
	assert_int_equal(s.heartbeat_ns, 2000);
	s.sleeping = 1;
	slot_drain(&s);
	assert_int_equal(s.state, SLOT_DRAINING);
	assert_true(slot_is_alive(&s));
	slot_ready(&s); /* no way back */
	assert_int_equal(s.state, SLOT_DRAINING);
	slot_bury(&s);
	assert_false(slot_is_alive(&s));
	assert_int_equal(s.restarts, 0); /* it left on request */
	slot_free(&s);
	assert_int_equal(s.state, SLOT_EMPTY);
	assert_int_equal(s.pid, 0);
	assert_int_equal(s.sleeping, 0);
	assert_int_equal(s.role, SLOT_ROLE_NONE);
	assert_int_equal(s.gen, 1);

	assert_int_equal(slot_open(&s, SLOT_ROLE_BRIDGE, 0, 3000), 2);
	slot_bury(&s); /* died while it started */
	assert_int_equal(s.restarts, 1);
	slot_bury(&s); /* once */
	assert_int_equal(s.restarts, 1);
	slot_ready(&s); /* the dead do not rise */
	assert_int_equal(s.state, SLOT_DEAD);
	slot_drain(&s);
	assert_int_equal(s.state, SLOT_DEAD);
	slot_free(&s);

	slot_open(&s, SLOT_ROLE_WORKER, 0, 4000);
	slot_drain(&s); /* told to stop before it was ready */
	assert_int_equal(s.state, SLOT_DRAINING);
}

static void generation_skips_zero(void **state)
{
	struct slot s;

	(void)state;
	memset(&s, 0, sizeof s);
	s.gen = UINT32_MAX;
	assert_int_equal(slot_open(&s, SLOT_ROLE_WORKER, 0, 1), 1);
}

static int aborts(void (*fn)(struct slot *), struct slot *s)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		fn(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void open_again(struct slot *s)
{
	slot_open(s, SLOT_ROLE_WORKER, 0, 1);
}

/* The master's order of steps is an invariant: a slot that is not empty is never opened, a living one never freed. */
static void wrong_order(void **state)
{
	struct slot s;

	(void)state;
	memset(&s, 0, sizeof s);
	slot_open(&s, SLOT_ROLE_WORKER, 0, 1);
	assert_true(aborts(open_again, &s));
	assert_true(aborts(slot_free, &s));
	slot_bury(&s);
	assert_true(aborts(open_again, &s));
	assert_false(aborts(slot_free, &s));
}

static void masks(void **state)
{
	struct slot_mask a = {{0}}, b = {{0}};

	(void)state;
	for (unsigned i = 0; i < SLOT_MAX; i += 3)
		slot_mask_set(i % 2 ? &a : &b, i);
	slot_mask_or(&a, &b);
	for (unsigned i = 0; i < SLOT_MAX; i++)
		assert_int_equal(slot_mask_has(&a, i), i % 3 == 0);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(slot_role_name(SLOT_ROLE_KEEPER), "keeper");
	assert_string_equal(slot_role_name(99), "unknown");
	assert_string_equal(slot_state_name(SLOT_DRAINING), "draining");
	assert_string_equal(slot_state_name(5), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_life),
	    cmocka_unit_test(generation_skips_zero),
	    cmocka_unit_test(wrong_order),
	    cmocka_unit_test(masks),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
