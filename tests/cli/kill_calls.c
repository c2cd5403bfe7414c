// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See kill_calls.h. */
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kill_calls.h"
#include "run.h"

#define MAX_WORDS 16

static bool is_one_of(uint64_t nr)
{
	static const int calls[] = {
		SYS_write,   SYS_ftruncate,	  SYS_fsync,	 SYS_fdatasync,
		SYS_flock,   SYS_unlinkat,	  SYS_renameat,	 SYS_renameat2,
		SYS_syncfs,  SYS_mknodat,	  SYS_utimensat, SYS_pwrite64,
		SYS_mkdirat, SYS_copy_file_range,
#ifdef SYS_rename /* not where there are only those with at */
		SYS_rename,  SYS_mkdir,		  SYS_rmdir,	 SYS_unlink,
#endif
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (nr == (uint64_t)calls[i])
			return true;
	return false;
}

static bool changes(uint64_t nr, const uint64_t *args)
{
	if (nr == SYS_openat)
		return args[2] & (O_CREAT | O_ACCMODE);
	if (nr == SYS_ioctl)
		return args[1] == FICLONE;
	return is_one_of(nr);
}

static void start_traced(const char *const words[])
{
	char *argv[MAX_WORDS + 2] = { (char *)(uintptr_t)ZLOOP_PATH };
	size_t n;
	int null = open("/dev/null", O_WRONLY);

	/* It cannot look for leaks while it is traced. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
	if (dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(126);
	for (n = 0; words[n] && n < MAX_WORDS; n++)
		argv[n + 1] = (char *)(uintptr_t)words[n];
	execv(ZLOOP_PATH, argv);
	_exit(127);
}

/* At the entry of a call of the main thread that may change something. */
static bool at_change(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info),
		      &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       changes(info.entry.nr, info.entry.args);
}

/* Stops before that call; as kill_zloop_at(). */
static int stop_at(unsigned n, const char *const words[], pid_t *child,
		   int *status)
{
	pid_t pid = *child = fork();
	int sig = 0;

	assert_true(pid >= 0);
	if (!pid)
		start_traced(words);
	assert_int_equal(waitpid(pid, status, 0), pid);
	if (WIFEXITED(*status) && WEXITSTATUS(*status) == 126)
		return -1;
	assert_true(WIFSTOPPED(*status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	       (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig);
		assert_int_equal(waitpid(pid, status, 0), pid);
		if (!WIFSTOPPED(*status))
			return 0;
		sig = WSTOPSIG(*status);
		if (sig != (SIGTRAP | 0x80))
			continue;
		sig = 0;
		if (at_change(pid) && !n--)
			return 1;
	}
}

int kill_zloop_at(unsigned n, const char *const words[])
{
	int status, ret;
	pid_t pid;

	ret = stop_at(n, words, &pid, &status);
	if (ret == 1) {
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	return ret;
}

int hold_zloop_at(unsigned n, const char *const words[],
		  void (*meanwhile)(pid_t pid), int *exit_status)
{
	int status, ret;
	pid_t pid;

	ret = stop_at(n, words, &pid, &status);
	if (ret == 1) {
		meanwhile(pid);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	*exit_status = WIFEXITED(status) ? WEXITSTATUS(status)
					 : 128 + WTERMSIG(status);
	return ret;
}
