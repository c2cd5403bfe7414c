// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* One state: built, attached, tried and removed. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "crashtest.h"

/* How long a command that was told to end may take to do so. */
#define END_MS 2000

static int remove_entry(const char *path, const struct stat *sb, int type,
			struct FTW *ftw)
{
	(void)sb, (void)type, (void)ftw;
	remove(path);
	return 0;
}

void crash_remove(const char *dir)
{
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Never returns. */
static void become(char **command, int out_fd, int err_fd)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(out_fd, STDOUT_FILENO) >= 0 &&
	    dup2(err_fd, STDERR_FILENO) >= 0)
		execvp(command[0], command);
	dprintf(err_fd, "%s cannot be run: %s\n", command[0], strerror(errno));
	_exit(127);
}

static void end(pid_t pid, bool kindly)
{
	struct timespec wait = { .tv_sec = END_MS / 1000 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (kindly && !kill(-pid, SIGTERM))
		sigtimedwait(&child, NULL, &wait);
	kill(-pid, SIGKILL);
}

/* The signals that tell us to end. */
static void add_ends(sigset_t *set)
{
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

static bool is_told_to_end(void)
{
	sigset_t ends, pending;

	sigemptyset(&ends);
	add_ends(&ends);
	sigpending(&pending);
	sigandset(&pending, &pending, &ends);
	return !sigisemptyset(&pending);
}

/* Until it ends, or one of @heeded tells us to end, or its time is over. */
static enum crash_result wait_for(pid_t pid, const sigset_t *heeded,
				  unsigned timeout_s, int *status)
{
	uint64_t until = clock_ms() + (uint64_t)timeout_s * 1000;
	enum crash_result forced = CRASH_PASSED;
	struct timespec wait = { .tv_sec = 1 };
	sigset_t set = *heeded;
	int got = 0, sig;

	sigaddset(&set, SIGCHLD);
	while (waitpid(pid, &got, WNOHANG) == 0) {
		sig = sigtimedwait(&set, NULL, &wait);
		if (sig == SIGINT || sig == SIGTERM)
			forced = CRASH_INTERRUPTED;
		else if (timeout_s && clock_ms() >= until)
			forced = CRASH_TIMEOUT;
		if (forced == CRASH_PASSED)
			continue;
		end(pid, forced == CRASH_INTERRUPTED);
		waitpid(pid, &got, 0);
		return forced;
	}
	*status = WIFSIGNALED(got) ? WTERMSIG(got) : WEXITSTATUS(got);
	if (WIFSIGNALED(got))
		return CRASH_SIGNAL;
	return *status ? CRASH_EXIT : CRASH_PASSED;
}

static enum crash_result run(char **command, const sigset_t *heeded, int out_fd,
			     int err_fd, unsigned timeout_s, int *status)
{
	pid_t pid = fork();

	if (!pid)
		become(command, out_fd, err_fd);
	if (pid < 0) {
		dprintf(err_fd, "no process can be made: %s\n",
			strerror(errno));
		return CRASH_BROKEN;
	}
	/* As it does itself: who ends it first finds the group. */
	setpgid(pid, pid);
	return wait_for(pid, heeded, timeout_s, status);
}

static enum crash_result run_command(const struct crashtest *t, int fd,
				     int *status)
{
	sigset_t ends;

	if (is_told_to_end())
		return CRASH_INTERRUPTED;
	sigemptyset(&ends);
	add_ends(&ends);
	return run(t->args->command, &ends, fd, fd, t->args->timeout_s, status);
}

/* zloop itself, with two words.  It comes to its end in any case: what is half
 * attached nobody removes. */
static enum crash_result run_zloop(const char *verb, const char *option,
				   const char *dir, int out_fd, int err_fd)
{
	char self[] = "/proc/self/exe";
	char *command[] = { self, (char *)verb, (char *)option, (char *)dir,
			    NULL };
	sigset_t none;
	int ignored;

	sigemptyset(&none);
	return run(command, &none, out_fd, err_fd, 0, &ignored);
}

/* ZLOOP_DEVICE, which zloop add prints. */
static int attach(const char *dir, int err_fd)
{
	char device[64] = "";
	int fds[2];
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	if (run_zloop("add", "--timeout=60", dir, fds[1], err_fd) !=
	    CRASH_PASSED) {
		close(fds[0]);
		close(fds[1]);
		return -EIO;
	}
	close(fds[1]);
	n = read(fds[0], device, sizeof(device) - 1);
	close(fds[0]);
	if (n <= 0)
		return -EIO;
	device[strcspn(device, "\n")] = 0;
	return setenv("ZLOOP_DEVICE", device, 1) ? -ENOMEM : 0;
}

const struct record *crash_last_mark(const struct replay *replay,
				     uint64_t point)
{
	while (point && replay_at(replay, point)->type != RECORD_MARK)
		point--;
	return point ? replay_at(replay, point) : NULL;
}

/* What the command may want to know. */
static int set_environment(const struct crashtest *t,
			   const struct replay_state *s, const char *dir)
{
	const struct record *mark = crash_last_mark(t->replay, s->point);
	char text[32], *last;
	int ret;

	last = mark ? strndup(mark->data, mark->data_bytes) : strdup("");
	if (!last)
		return -ENOMEM;
	ret = setenv("ZLOOP_DIR", dir, 1) | setenv("ZLOOP_MARK", last, 1);
	free(last);
	snprintf(text, sizeof(text), "%" PRIu64, s->point);
	ret |= setenv("ZLOOP_POINT", text, 1);
	snprintf(text, sizeof(text), "%" PRIu64, s->crash.state);
	ret |= setenv("ZLOOP_SEED", text, 1);
	return ret ? -ENOMEM : 0;
}

static enum crash_result try_built(const struct crashtest *t, const char *dir,
				   int fd, int *status)
{
	enum crash_result result;

	if (is_told_to_end())
		return CRASH_INTERRUPTED;
	if (t->args->attach && attach(dir, fd)) {
		dprintf(fd,
			"the state in %s cannot be attached; where COMMAND "
			"needs no device, use --no-attach\n",
			dir);
		return CRASH_BROKEN;
	}
	result = run_command(t, fd, status);
	if (t->args->attach &&
	    run_zloop("remove", "--force", dir, fd, fd) != CRASH_PASSED)
		result = CRASH_BROKEN;
	return result;
}

/* From what is there, if that is possible. */
static int build(const struct crashtest *t, struct crash_place *place,
		 const struct replay_state *s, const char *dir,
		 struct zl_err *err)
{
	struct replay_state was = place->was;
	int ret = -ENOENT;

	/* Whoever dies here leaves something else. */
	if (place->is_built) {
		place->is_built = false;
		ret = replay_build_next(t->replay, &was, s, dir, err);
	}
	if (ret) {
		crash_remove(dir);
		ret = replay_build_next(t->replay, NULL, s, dir, err);
	}
	place->was = *s;
	place->is_built = !ret;
	return ret;
}

enum crash_result crash_try(const struct crashtest *t,
			    struct crash_place *place,
			    const struct replay_state *s, const char *dir,
			    const char *out, int *status)
{
	int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
		      0600);
	enum crash_result result = CRASH_BROKEN;
	struct zl_err err = { "out of memory" };

	if (fd < 0)
		return CRASH_BROKEN;
	if (set_environment(t, s, dir) || build(t, place, s, dir, &err))
		dprintf(fd, "%s\n", err.msg);
	else
		result = try_built(t, dir, fd, status);
	close(fd);
	return result;
}
