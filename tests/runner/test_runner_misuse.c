// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// The stand-in notices each broken rule: a child process runs a handler that
// breaks it and must abort, saying what was wrong.

#include "testing.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct misuse {
	const char *mode;
	const char *message;
	const char *asan_message; /* when AddressSanitizer is first */
	int remove;		  /* wait for nothing: remove while busy */
};

static void nothing_done(struct runner_cmd *cmd)
{
	(void)cmd;
}

/* SYNCHRONIZE CACHE twice, a READ(10), TEST UNIT READY until memory cycles. */
static void run_commands(struct tcmu_device *dev)
{
	static const uint8_t sync_cache[10] = { 0x35 };
	static const uint8_t read_10[10] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const uint8_t test_unit_ready[6];
	uint8_t block[512];
	int i;

	runner_exec(dev, sync_cache, 10, RUNNER_NONE, NULL, 0, NULL);
	runner_exec(dev, sync_cache, 10, RUNNER_NONE, NULL, 0, NULL);
	runner_exec(dev, read_10, 10, RUNNER_IN, block, 512, NULL);
	for (i = 0; i < 20; i++)
		runner_exec(dev, test_unit_ready, 6, RUNNER_NONE, NULL, 0,
			    NULL);
}

static void submit_one(struct tcmu_device *dev)
{
	static struct runner_cmd cmd = { .cdb = { 0x35 },
					 .cdb_len = 10,
					 .done = nothing_done };

	runner_submit(dev, &cmd);
	runner_settle(dev);
}

static void misbehave(const struct misuse *m, enum runner_split split)
{
	struct runner_dev_params p = { .size_bytes = DISK_BYTES,
				       .drain_timeout_ms = 300,
				       .ring.depth = 4,
				       .ring.split = split };
	struct tcmu_device *dev;
	char cfgstring[64];
	char *why;

	snprintf(cfgstring, sizeof(cfgstring), "bad/%s", m->mode);
	p.cfgstring = cfgstring;
	if (runner_add(runner_load(HANDLER_DIR "/handler_bad.so", &why), &p,
		       &dev))
		_exit(3);
	if (m->remove) {
		submit_one(dev);
		runner_remove_busy(dev);
	} else {
		run_commands(dev);
		runner_remove(dev);
	}
	/* What comes after close ends the process. */
	for (int i = 0; i < (m->remove ? 300 : 2); i++)
		usleep(100000);
	_exit(0);
}

static size_t read_all(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size - 1 && (got = read(fd, text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return n;
}

/* Returns the wait status; *text is what the child wrote to stderr. */
static int run_child(const struct misuse *m, enum runner_split split,
		     char *text, size_t size)
{
	int status;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		misbehave(m, split);
	}
	close(fds[1]);
	read_all(fds[0], text, size);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void check(const struct misuse *m, enum runner_split split)
{
	static char text[65536];
	const char *expect = m->message;
	int status = run_child(m, split, text, sizeof(text));

#ifdef HAVE_ASAN
	if (m->asan_message)
		expect = m->asan_message;
#endif
	if (!strstr(text, expect))
		fail_msg("%s: expected \"%s\", got \"%s\"", m->mode, expect,
			 text);
	if (expect != m->message)
		assert_int_not_equal(status, 0);
	else
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static const struct misuse misuses[] = {
	{ "complete-in-handle-cmd", "inside handle_cmd", NULL, 0 },
	{ "return-and-complete", "inside handle_cmd", NULL, 0 },
	{ "sync-then-complete", "completed before, by its return", NULL, 0 },
	{ "async-handled", "nothing can complete it", NULL, 0 },
	{ "status-from-handle-cmd", "with status 99", NULL, 0 },
	{ "status", "with status 77", NULL, 0 },
	{ "status-async-handled", "with status -2", NULL, 0 },
	{ "no-sense", "without sense data", NULL, 0 },
	{ "emulation", "daemon's own emulation", NULL, 0 },
	{ "none", "for a command that is none", NULL, 0 },
	{ "not-quite", "for a command that is none", NULL, 0 },
	{ "twice", "completed before, asynchronously", NULL, 0 },
	{ "complete-and-fail", "which it had completed", NULL, 0 },
	{ "changed-done", "changed the tcmur_cmd", NULL, 0 },
	{ "late-write", "written at offset 35 after its completion",
	  "use-after-poison", 0 },
	{ "overrun", "outside its data buffers", NULL, 0 },
	{ "underrun", "outside its data buffers", NULL, 0 },
	{ "never", "never completed before close, one of them is 35", NULL, 1 },
	{ "complete-after-close", "after close", NULL, 1 },
	{ "complete-at-close", "completed before", NULL, 1 },
};

static void test_misuse(void **state)
{
	const struct misuse *m = *state;

	check(m, RUNNER_WHOLE);
	check(m, RUNNER_ODD);
}

/* Otherwise the checks above would prove nothing. */
static void test_no_misuse(void **state)
{
	const struct misuse m = { "nothing", "", NULL, 0 };
	static char text[65536];

	(void)state;
	assert_int_equal(run_child(&m, RUNNER_ODD, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

int main(void)
{
	struct CMUnitTest tests[sizeof(misuses) / sizeof(misuses[0]) + 1] = {
		cmocka_unit_test(test_no_misuse),
	};
	size_t i;

	for (i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++)
		tests[i + 1] = (struct CMUnitTest){
			.name = misuses[i].mode,
			.test_func = test_misuse,
			.initial_state = (void *)(uintptr_t)&misuses[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
