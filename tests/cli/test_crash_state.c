// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * One state of zloop crashtest that is interrupted: what was attached is
 * removed, and nobody waits for the command.  The test itself is the zloop that
 * attaches.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "crashtest.h"

static char dir[64];

/* As a terminal and crashtest do. */
static void interrupt(pid_t pid)
{
	kill(pid, SIGINT);
	kill(pid, SIGTERM);
}

static void note(const char *verb)
{
	FILE *f = fopen("calls", "a");

	fprintf(f, "%s ", verb);
	fclose(f);
}

/* zloop add, zloop remove. */
static int attach(const char *verb)
{
	note(verb);
	if (!strcmp(verb, "add")) {
		if (!access("interrupt", F_OK))
			interrupt(getppid());
		usleep(100000);
		puts("/dev/null");
	}
	return 0;
}

static char *calls(void)
{
	static char text[64];
	FILE *f = fopen("calls", "r");
	size_t n = 0;

	if (f) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = 0;
	return text;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/zloop-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(system(LOGSTORE " write d log good"), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	crash_remove(dir);
	return 0;
}

/* In a process of its own, to which both signals have come already if it is
 * @told. */
static enum crash_result result_of(const struct crashtest *t, bool told)
{
	const struct replay_state s = { .point = 1 };
	struct crash_place place = { .is_built = false };
	int status = 0;
	pid_t pid = fork();
	sigset_t set;

	if (!pid) {
		sigemptyset(&set);
		sigaddset(&set, SIGCHLD);
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGTERM);
		sigprocmask(SIG_BLOCK, &set, NULL);
		if (told)
			interrupt(getpid());
		_exit((int)crash_try(t, &place, &s, "built", "out", &status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (enum crash_result)WEXITSTATUS(status);
}

/* … within seconds. */
static enum crash_result try(const char *command, bool attached, bool told)
{
	char *words[] = { "sh", "-c", (char *)command, NULL };
	struct crash_args a = { .attach = attached, .command = words };
	struct crashtest t = { .args = &a };
	uint64_t begin_ms = clock_ms();
	enum crash_result result;
	struct zl_err err = { "" };

	if (replay_open("log", NULL, &t.replay, &err))
		fail_msg("%s", err.msg);
	result = result_of(&t, told);
	replay_close(t.replay);
	assert_true(clock_ms() - begin_ms < 20000);
	return result;
}

static void not_interrupted(void **state)
{
	(void)state;
	assert_int_equal(try("test $ZLOOP_DEVICE = /dev/null", true, false),
			 CRASH_PASSED);
	assert_string_equal(calls(), "add remove ");
}

static void before_it_is_attached(void **state)
{
	(void)state;
	assert_int_equal(try("touch ran", true, true), CRASH_INTERRUPTED);
	assert_string_equal(calls(), "");
	assert_int_not_equal(access("ran", F_OK), 0);
}

static void while_it_is_attached(void **state)
{
	(void)state;
	assert_int_equal(close(creat("interrupt", 0600)), 0);
	assert_int_equal(try("touch ran", true, false), CRASH_INTERRUPTED);
	assert_string_equal(calls(), "add remove ");
	assert_int_not_equal(access("ran", F_OK), 0);
}

static void while_the_command_runs(void **state)
{
	(void)state;
	assert_int_equal(
		try("kill -INT $PPID; kill -TERM $PPID; sleep 60", true, false),
		CRASH_INTERRUPTED);
	assert_string_equal(calls(), "add remove ");
}

/* It may not have made its group yet. */
static void before_the_command_runs(void **state)
{
	(void)state;
	assert_int_equal(try("sleep 60", false, true), CRASH_INTERRUPTED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(not_interrupted),	    T(before_it_is_attached),
		T(while_it_is_attached),    T(while_the_command_runs),
		T(before_the_command_runs),
	};

	if (argc > 1)
		return attach(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
