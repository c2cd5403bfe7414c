// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop check --repair --yes killed before each of its calls that changes
 * something, and run again: then all is as if it had not been killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "skip.h"

#define OPTIONS                                                     \
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,block_size=512," \
	"zone_capacity_mb=1,max_open_zones=0"

static char good_serial[64];

static void sh(const char *cmd)
{
	if (system(cmd))
		fail_msg("%s", cmd);
}

static char *serial_of(const char *path)
{
	char *text = read_file(path), *at = strstr(text, "\"serial\"");
	char *serial;

	assert_non_null(at);
	serial = strndup(at, strcspn(at, "\n"));
	free(text);
	return serial;
}

static int make_good(void **state)
{
	char *serial;

	work_enter(state);
	assert_int_equal(zloop("create", OPTIONS, "good", NULL), 0);
	sh("seq 1 6000 | head -c 2560 > good/seq-000003");
	sh("yes conv | head -c 1048576 > good/cnv-000001");
	assert_int_equal(zloop("check", "good", NULL), 0);
	serial = serial_of("good/zloop.json");
	snprintf(good_serial, sizeof(good_serial), "%s", serial);
	free(serial);
	return 0;
}

static bool changes(uint64_t nr)
{
	static const int calls[] = {
		SYS_openat,    SYS_write,  SYS_ftruncate, SYS_fsync,
		SYS_fdatasync, SYS_flock,  SYS_unlinkat,  SYS_renameat,
		SYS_renameat2, SYS_syncfs,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (nr == (uint64_t)calls[i])
			return true;
	return false;
}

static void start_traced(void)
{
	int null = open("/dev/null", O_WRONLY);

	/* It cannot look for leaks while it is traced. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
	if (dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(126);
	execl(ZLOOP_PATH, ZLOOP_PATH, "check", "--repair", "--yes", "-o",
	      OPTIONS, "d", (char *)NULL);
	_exit(127);
}

/* At the entry of a call of the main thread that may change something. */
static bool at_change(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info),
		      &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && changes(info.entry.nr);
}

/* False: it has ended before its call number @n. */
static bool kill_repair_at(unsigned n)
{
	pid_t pid = fork();
	int status, sig = 0;

	assert_true(pid >= 0);
	if (!pid)
		start_traced();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
		skip_test("no process may be traced here");
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			return false;
		sig = WSTOPSIG(status);
		if (sig != (SIGTRAP | 0x80))
			continue;
		sig = 0;
		if (at_change(pid) && !n--)
			break;
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void must_be_whole(unsigned n)
{
	char *serial;

	if (zloop("check", "-ry", "-o", OPTIONS, "d", NULL))
		fail_msg("killed at call %u: %s%s", n, run_out, run_err);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
	serial = serial_of("d/zloop.json");
	if (strcmp(serial, good_serial))
		fail_msg("killed at call %u: %s instead of %s", n, serial,
			 good_serial);
	free(serial);
	sh("cmp good/seq-000003 d/seq-000003");
	sh("cmp good/cnv-000001 d/cnv-000001");
}

static void killed_at_each_call(const char *damage)
{
	bool killed = true;
	unsigned n;

	for (n = 0; killed; n++) {
		sh("rm -rf d && cp -a good d");
		sh(damage);
		killed = kill_repair_at(n);
		must_be_whole(n);
	}
	print_message("killed %u times\n", n - 1);
	assert_in_range(n, 10, 1000);
}

static void at_a_sidecar(void **state)
{
	(void)state;
	killed_at_each_call("truncate -s -3 d/zloop.json");
}

static void at_zones_and_journal(void **state)
{
	(void)state;
	killed_at_each_call("printf junk >> d/zloop.state;"
			    "rm d/seq-000004 d/cnv-000000;"
			    "printf x >> d/seq-000005;"
			    "truncate -s 2M d/seq-000006");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_good, work_leave)
	const struct CMUnitTest tests[] = {
		T(at_a_sidecar),
		T(at_zones_and_journal),
	};

	return skip_run_tests(tests, NULL, NULL);
}
