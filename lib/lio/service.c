// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What has to run below: kernel modules, configfs, tcmu-runner. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "lio/internal.h"

#define MODPROBE_MS 20000
#define START_MS    20000
#define EXEC_MS	    3000 /* until there is a process */
#define LOAD_MS	    2000 /* from a process to its handlers */
#define SETTLE_MS   30000
#define PARAMETERS  "/sys/module/target_core_user/parameters"

/*
 * tcmu-runner.
 */

struct search {
	int pid;
	bool handler, dying;
};

static bool has_handler(const char *comm)
{
	char path[PATH_MAX], line[PATH_MAX + 128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%.*s/maps",
		 (int)(lio_last(comm) - comm - 1), comm);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, "/handler_zloop.so") != NULL;
	fclose(f);
	return found;
}

/*
 * Whether the process with this /proc/PID/comm was killed, and is there still
 * since a thread of it waits for what cannot be interrupted: a file system that
 * does not answer, for example.  Once its first thread has ended it has no
 * memory to look at.
 */
static bool is_dying(const char *comm)
{
	unsigned long long pending, killed = 1ULL << (SIGKILL - 1);
	char path[PATH_MAX], line[128];
	bool zombie = false, signal = false;
	unsigned threads = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%.*s/status",
		 (int)(lio_last(comm) - comm - 1), comm);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		zombie |= !strncmp(line, "State:\tZ", 8);
		sscanf(line, "Threads: %u", &threads);
		if (sscanf(line, "SigPnd: %llx", &pending) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &pending) == 1)
			signal |= pending & killed;
	}
	fclose(f);
	return signal || (zombie && threads > 1);
}

static bool visit_process(void *user, const char *path)
{
	struct search *s = user;
	char comm[32];

	if (lio_read(path, comm, sizeof(comm)) || strcmp(comm, "tcmu-runner"))
		return true;
	/* One that finds another running is there for a moment, too. */
	s->handler = has_handler(path);
	if (s->handler || !s->pid) {
		s->pid = atoi(strstr(path, "/proc/") + 6);
		s->dying = is_dying(path);
	}
	return !s->handler;
}

static bool visit_number(void *user, const char *path)
{
	char comm[PATH_MAX];

	return !isdigit((unsigned char)*lio_last(path)) ||
	       lio_print(comm, sizeof(comm), "%s/comm", path) ||
	       visit_process(user, comm);
}

/* It sets that while it starts, so that the kernel does not wait for it. */
static bool netlink_is_blocked(const struct lio *lio)
{
	char path[PATH_MAX], text[16];

	lio_path(lio, path, PARAMETERS "/block_netlink");
	/* Else it says "unblocked". */
	return !lio_read(path, text, sizeof(text)) && !strcmp(text, "blocked");
}

/* The one that was ready when somebody looked: a handler stays. */
static int ready_pid;

/* To look at one process is cheaper than to look at all. */
static void search(const struct lio *lio, struct search *s)
{
	char path[PATH_MAX];

	if (ready_pid) {
		lio_path(lio, path, "/proc/%d/comm", ready_pid);
		visit_process(s, path);
	}
	/* By number: the kernel's threads for its disks come after it. */
	if (!s->handler) {
		lio_path(lio, path, "/proc");
		lio_each_entry(path, "", visit_number, s);
	}
	ready_pid = s->handler ? s->pid : 0;
}

enum lio_daemon lio_daemon_state(const struct lio *lio, int *pid)
{
	struct search s = { 0 };

	search(lio, &s);
	if (pid)
		*pid = s.pid;
	if (!s.pid)
		return LIO_DAEMON_NONE;
	if (s.dying)
		return LIO_DAEMON_HANGS;
	if (netlink_is_blocked(lio))
		return LIO_DAEMON_STARTING;
	return s.handler ? LIO_DAEMON_READY : LIO_DAEMON_NO_HANDLER;
}

const char *lio_daemon_trouble(const struct lio *lio, char buf[128])
{
	int pid;

	*buf = 0;
	switch (lio_daemon_state(lio, &pid)) {
	case LIO_DAEMON_NONE:
		strcpy(buf, "tcmu-runner does not run");
		break;
	case LIO_DAEMON_HANGS:
		snprintf(buf, 128,
			 "tcmu-runner (process %d) was killed, but does not "
			 "end: it waits for a file system that does not answer",
			 pid);
		break;
	case LIO_DAEMON_STARTING:
		snprintf(buf, 128, "tcmu-runner (process %d) is not ready",
			 pid);
		break;
	case LIO_DAEMON_NO_HANDLER:
		snprintf(buf, 128,
			 "tcmu-runner (process %d) has not loaded "
			 "handler_zloop.so; install it and restart tcmu-runner",
			 pid);
		break;
	case LIO_DAEMON_READY:
		break;
	}
	return buf;
}

static int set_parameter(const struct lio *lio, const char *name,
			 const char *value)
{
	char dir[PATH_MAX];

	lio_path(lio, dir, PARAMETERS);
	return lio_set(lio, dir, name, "%s", value);
}

/* In this order, as tcmu-runner does when it starts. */
static bool unblock(const struct lio *lio)
{
	int ret = set_parameter(lio, "block_netlink", "1");

	if (!ret)
		ret = set_parameter(lio, "reset_netlink", "1");
	return !set_parameter(lio, "block_netlink", "0") && !ret;
}

/* One at a time: the kernel takes no reset that another one's end comes before.
 */
bool lio_unblock(const struct lio *lio)
{
	char path[PATH_MAX];
	bool done;
	int fd;

	if (lio_daemon_state(lio, NULL) != LIO_DAEMON_NONE)
		return false;
	lio_path(lio, path, PARAMETERS);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	done = unblock(lio);
	if (fd >= 0)
		close(fd);
	return done;
}

void lio_settle(const struct lio *lio)
{
	static const char *const words[] = { "udevadm", "settle", NULL };
	char path[PATH_MAX];

	lio_path(lio, path, "/run/udev/control");
	if (lio_exists(path))
		lio_run_program(words,
				(unsigned)min_u64(SETTLE_MS, lio->wait_ms));
}

/*
 * Starting.
 */

static bool has_module(const struct lio *lio, const char *name)
{
	char path[PATH_MAX];

	lio_path(lio, path, "/sys/module/%s", name);
	return lio_is_dir(path);
}

static int need_module(const struct lio *lio, const char *name,
		       struct zl_err *err)
{
	const char *const words[] = { "modprobe", name, NULL };

	if (has_module(lio, name))
		return 0;
	/* Into this kernel, whatever the tree that is looked at. */
	if (!*lio->root)
		lio_run_program(words, MODPROBE_MS);
	if (has_module(lio, name))
		return 0;
	return zl_fail(err, ENODEV,
		       "the kernel has no module %s (modprobe %s fails); use "
		       "one with LIO, for example Debian's linux-image-amd64",
		       name, name);
}

static int need_configfs(const struct lio *lio, struct zl_err *err)
{
	char path[PATH_MAX];

	lio_path(lio, path, LIO_TARGET);
	if (lio_is_dir(path))
		return 0;
	if (!*lio->root)
		mount("configfs", "/sys/kernel/config", "configfs", 0, NULL);
	if (lio_is_dir(path))
		return 0;
	return zl_fail(err, ENODEV,
		       "%s is not there; mount configfs on /sys/kernel/config",
		       path);
}

static void start_bus(void)
{
	static const char *const uuid[] = { "dbus-uuidgen", "--ensure", NULL };
	static const char *const bus[] = { "dbus-daemon", "--system", "--fork",
					   NULL };

	if (lio_exists("/run/dbus/system_bus_socket"))
		return;
	mkdir("/run/dbus", 0755);
	lio_run_program(uuid, START_MS);
	lio_run_program(bus, START_MS);
}

static void start_daemon(void)
{
	static const char *const unit[] = { "systemctl", "start", "tcmu-runner",
					    NULL };
	static const char *const program[] = { "tcmu-runner", NULL };

	if (lio_is_dir("/run/systemd/system")) {
		lio_run_program(unit, START_MS);
		return;
	}
	/* It ends when there is no bus. */
	start_bus();
	lio_start_program(program);
}

static bool daemon_exists(void *user)
{
	return lio_daemon_state(user, NULL) != LIO_DAEMON_NONE;
}

static bool daemon_is_ready(void *user)
{
	return lio_daemon_state(user, NULL) == LIO_DAEMON_READY;
}

static bool daemon_has_started(void *user)
{
	return lio_daemon_state(user, NULL) != LIO_DAEMON_STARTING;
}

/* First it has no handler, then it is starting, then it has all of them. */
static void await_daemon(struct lio *lio)
{
	if (lio_daemon_state(lio, NULL) == LIO_DAEMON_NONE && !*lio->root) {
		start_daemon();
		lio_until(daemon_exists, lio, EXEC_MS);
	}
	if (lio_daemon_state(lio, NULL) != LIO_DAEMON_NONE &&
	    !lio_until(daemon_is_ready, lio, LOAD_MS))
		lio_until(daemon_has_started, lio, START_MS);
}

static int need_daemon(const struct lio *lio, struct zl_err *err)
{
	struct lio copy = *lio;
	char trouble[128];

	await_daemon(&copy);
	lio_daemon_trouble(lio, trouble);
	if (!*trouble)
		return 0;
	return zl_fail(err, ENODEV, "%s%s", trouble,
		       lio_daemon_state(lio, NULL) == LIO_DAEMON_NONE
			       ? " and could not be started; is it installed?"
			       : "");
}

/* As targetcli does before there is any target: it says where reservations
 * that outlive a restart are kept. */
static void set_db_root(const struct lio *lio)
{
	static const char dir[] = "/etc/rtslib-fb-target";
	char target[PATH_MAX];

	lio_path(lio, target, LIO_TARGET);
	if (!has_module(lio, "tcm_loop") && lio_is_dir(dir))
		lio_set(lio, target, "dbroot", "%s", dir);
}

int lio_ready(const struct lio *lio, bool iscsi, struct zl_err *err)
{
	int ret = need_module(lio, "target_core_user", err);

	if (!ret)
		ret = need_configfs(lio, err);
	if (!ret) {
		set_db_root(lio);
		ret = need_module(lio, "tcm_loop", err);
	}
	if (!ret && iscsi)
		ret = need_module(lio, "iscsi_target_mod", err);
	if (!ret)
		ret = need_daemon(lio, err);
	return ret;
}

/*
 * Saving.
 */

/* False: there is no such program. */
static bool try_to_save(const struct lio *lio, const char *program,
			const char *word, int *ret)
{
	char path[PATH_MAX];
	const char *const words[] = { path, word, NULL };

	lio_path(lio, path, "/usr/bin/%s", program);
	if (!lio_exists(path))
		return false;
	*ret = lio_run_program(words, lio->wait_ms);
	return true;
}

int lio_save(const struct lio *lio, struct zl_err *err)
{
	int ret;

	if (!try_to_save(lio, "targetctl", "save", &ret) &&
	    !try_to_save(lio, "targetcli", "saveconfig", &ret))
		return zl_fail(err, ENOENT,
			       "the configuration is not saved: there is "
			       "neither targetctl (python3-rtslib-fb) nor "
			       "targetcli");
	if (ret)
		return zl_fail(err, EIO,
			       "the configuration is not saved: targetctl "
			       "save %s; type it to see why",
			       ret == -ETIMEDOUT ? "takes too long" : "fails");
	return 0;
}
