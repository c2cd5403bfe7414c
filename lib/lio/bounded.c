// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Changing configfs without being stuck in it: each change is made by a child
 * process.  One that the kernel does not let go is left behind with nothing of
 * ours but its memory, and ends when the kernel lets it.  To remove what it
 * hangs in would hang as well, and everybody who looks there with it, so the
 * child does that itself in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "lio/internal.h"

#define LOOK_MS 20 /* at what a child needs */
#define KEPT	3  /* a child's descriptor, behind the standard ones */

static int result(int ret)
{
	return ret < 0 ? -errno : 0;
}

static int kernel_make_dir(const char *path)
{
	return result(mkdir(path, 0777));
}

static int kernel_remove_dir(const char *path)
{
	return result(rmdir(path));
}

static int kernel_make_link(const char *to, const char *path)
{
	return result(symlink(to, path));
}

static int kernel_remove_link(const char *path)
{
	return result(unlink(path));
}

static int kernel_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = result((int)write(fd, text, strlen(text)));
	close(fd);
	return ret;
}

const struct lio_ops lio_kernel_ops = {
	.make_dir = kernel_make_dir,
	.remove_dir = kernel_remove_dir,
	.make_link = kernel_make_link,
	.remove_link = kernel_remove_link,
	.write = kernel_write,
};

/* Who waits for the end of our output, or for a lock that the caller has, must
 * not wait for the child, which may stay; nor must it keep a file system
 * mounted.  @keep: what it needs nevertheless, which becomes descriptor 3, or
 * -1.
 */
static bool leave_caller(int keep)
{
	int fd = open("/dev/null", O_RDWR);

	for (int std = 0; std <= 2; std++)
		if (fd < 0 || dup2(fd, std) < 0)
			close(std);
	if (keep >= 0 && keep != KEPT && dup2(keep, KEPT) < 0)
		return false;
	closefrom(keep < 0 ? KEPT : KEPT + 1);
	setsid();
	return !chdir("/");
}

struct child {
	pid_t pid;
	int here; /* is hung up when it ends */
	int status;
	const char *needs; /* stop waiting when this path is gone, or NULL */
	bool ended;
};

static bool has_ended(struct child *child)
{
	if (!child->ended)
		child->ended = waitpid(child->pid, &child->status, WNOHANG) ==
			       child->pid;
	return child->ended;
}

/* Until it ends, or it is time to look at what it needs. */
static void wait_a_while(struct child *child)
{
	struct pollfd p = { .fd = child->here };

	/* Its last descriptors are closed a moment before it has ended. */
	if (poll(&p, 1, LOOK_MS) > 0 && !has_ended(child))
		clock_sleep_ms(1);
}

/* Its exit status, or -errno; -EOWNERDEAD: what it needs is gone. */
static int wait_for_child(struct child *child, unsigned ms)
{
	uint64_t end = clock_ms() + ms;

	if (child->pid < 0)
		return -EAGAIN;
	while (!has_ended(child)) {
		if (child->needs && !lio_exists(child->needs))
			return -EOWNERDEAD;
		if (clock_ms() >= end)
			return -ETIMEDOUT;
		wait_a_while(child);
	}
	return WIFEXITED(child->status) ? WEXITSTATUS(child->status) : -EINTR;
}

struct change {
	const struct lio_ops *ops;
	const char *path, *text;
	int (*run)(const struct change *c);
	void (*late)(const struct change *c); /* when nobody waited for it */
};

/* Until here is closed, the child takes it that somebody waits. */
static void start_change(struct child *child, const struct change *c)
{
	int there, fds[2], ret;

	child->pid = -1;
	if (pipe2(fds, O_CLOEXEC))
		return;
	child->here = fds[0];
	there = fds[1];
	child->pid = fork();
	if (child->pid) {
		close(there);
		if (child->pid < 0)
			close(child->here);
		return;
	}
	close(child->here);
	if (!leave_caller(there))
		_exit(EIO);
	signal(SIGPIPE, SIG_IGN);
	ret = c->run(c);
	if (c->late && write(KEPT, "", 1) != 1)
		c->late(c);
	/* errno fits. */
	_exit(-ret);
}

static int change(const struct lio *lio, int (*run)(const struct change *c),
		  const char *path, const char *text)
{
	struct change c = { lio->ops, path, text, run, NULL };
	struct child child = { .needs = NULL };
	int ret;

	start_change(&child, &c);
	ret = wait_for_child(&child, lio->wait_ms);
	if (child.pid > 0)
		close(child.here);
	return ret > 0 ? -ret : ret;
}

static int do_make_dir(const struct change *c)
{
	return c->ops->make_dir(c->path);
}

static int do_remove_dir(const struct change *c)
{
	return c->ops->remove_dir(c->path);
}

static int do_make_link(const struct change *c)
{
	return c->ops->make_link(c->text, c->path);
}

static int do_remove_link(const struct change *c)
{
	return c->ops->remove_link(c->path);
}

static int do_write(const struct change *c)
{
	return c->ops->write(c->path, c->text);
}

int lio_make_dir(const struct lio *lio, const char *path)
{
	return change(lio, do_make_dir, path, NULL);
}

int lio_remove_dir(const struct lio *lio, const char *path)
{
	return change(lio, do_remove_dir, path, NULL);
}

int lio_make_link(const struct lio *lio, const char *to, const char *path)
{
	return change(lio, do_make_link, path, to);
}

int lio_remove_link(const struct lio *lio, const char *path)
{
	return change(lio, do_remove_link, path, NULL);
}

static int do_open(const struct change *c)
{
	int fd = open(c->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return result(fd);
}

int lio_open_device(const struct lio *lio, const char *path)
{
	return change(lio, do_open, path, NULL);
}

static int do_claim(const struct change *c)
{
	return result(
		open(c->path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC));
}

int lio_claim_device(const struct lio *lio, const char *path)
{
	return change(lio, do_claim, path, NULL);
}

static int do_look(const struct change *c)
{
	struct statx sx;

	/* What the client remembers is no answer. */
	return result(statx(AT_FDCWD, c->path, AT_STATX_FORCE_SYNC,
			    STATX_BASIC_STATS, &sx));
}

bool lio_answers(const struct lio *lio, const char *path, unsigned ms)
{
	struct change c = { lio->ops, path, NULL, do_look, NULL };
	struct child child = { .needs = NULL };
	int ret;

	start_change(&child, &c);
	ret = wait_for_child(&child, ms);
	if (ret == -ETIMEDOUT)
		kill(child.pid, SIGKILL);
	if (child.pid > 0)
		close(child.here);
	return ret != -ETIMEDOUT;
}

static int do_enable(const struct change *c)
{
	return c->ops->write(c->text, "1");
}

static void undo_enable(const struct change *c)
{
	char hba[PATH_MAX];

	c->ops->remove_dir(c->path);
	snprintf(hba, sizeof(hba), "%.*s",
		 (int)(lio_last(c->path) - c->path - 1), c->path);
	c->ops->remove_dir(hba);
}

int lio_enable(const struct lio *lio, const char *path)
{
	char enable[PATH_MAX], process[PATH_MAX];
	struct change c = { lio->ops, path, enable, do_enable, undo_enable };
	struct child child = { .needs = process };
	int ret, pid;

	if (lio_print(enable, sizeof(enable), "%s/enable", path))
		return -ENAMETOOLONG;
	if (lio_daemon_state(lio, &pid) == LIO_DAEMON_NONE)
		return -EOWNERDEAD;
	lio_path(lio, process, "/proc/%d", pid);
	start_change(&child, &c);
	ret = wait_for_child(&child, lio->wait_ms);
	/* Nobody will answer any more. */
	if (ret == -EOWNERDEAD && lio_unblock(lio)) {
		child.needs = NULL;
		ret = wait_for_child(&child, lio->wait_ms);
	}
	if (child.pid > 0)
		close(child.here);
	return ret > 0 ? -ret : ret;
}

int lio_need_dir(const struct lio *lio, const char *path)
{
	int ret;

	if (lio_is_dir(path))
		return 0;
	ret = lio_make_dir(lio, path);
	return ret == -EEXIST ? 0 : ret;
}

int lio_set(const struct lio *lio, const char *dir, const char *name,
	    const char *fmt, ...)
{
	char path[PATH_MAX], text[LIO_CONFIG_MAX + 64];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(text) ||
	    lio_print(path, sizeof(path), "%s/%s", dir, name))
		return -ENAMETOOLONG;
	return change(lio, do_write, path, text);
}

static pid_t spawn(const char *const *words)
{
	pid_t pid = fork();

	if (!pid) {
		if (!leave_caller(-1))
			_exit(126);
		execvp(words[0], (char *const *)words);
		_exit(127);
	}
	return pid;
}

int lio_run_program(const char *const *words, unsigned ms)
{
	struct child child = { .pid = spawn(words) };

	return wait_for_child(&child, ms);
}

int lio_start_program(const char *const *words)
{
	return spawn(words) < 0 ? -EAGAIN : 0;
}
