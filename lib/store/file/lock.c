// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The directory's lock, and who has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/named.h"
#include "base/num.h"
#include "store/file/file.h"

#define RETRY_MS 20
/* Longer than anybody looks who is not stopped. */
#define LOOKING_MS 5000

/* @how: LOCK_EX, LOCK_SH, or 0 for nothing. */
static int flock_now(int fd, int how)
{
	int ret;

	if (!how)
		return 0;
	do
		ret = flock(fd, how | LOCK_NB) < 0 ? -errno : 0;
	while (ret == -EINTR);
	return ret;
}

/*
 * An NFS server on this machine keeps its clients' locks as POSIX ones, which
 * flock() does not meet, and does not show them flock()s.  -EWOULDBLOCK; on a
 * client itself they are the same.
 */
static int with_clients(const struct store_file *sf, int fd, int cmd,
			short type)
{
	struct flock all = { .l_type = type, .l_whence = SEEK_SET };
	int ret;

	if (fs_is_remote(&sf->fs))
		return 0;
	do
		ret = fcntl(fd, cmd, &all) < 0 ? -errno : 0;
	while (ret == -EINTR);
	if (ret == -EACCES || ret == -EAGAIN ||
	    (!ret && cmd == F_OFD_GETLK && all.l_type != F_UNLCK))
		return -EWOULDBLOCK;
	return ret;
}

/* One that cannot be written can be read for that, which meets those who
 * write. */
static int take_from_clients(const struct store_file *sf, int fd,
			     bool read_only)
{
	return with_clients(sf, fd, F_OFD_SETLK, read_only ? F_RDLCK : F_WRLCK);
}

static int open_lock(struct store_file *sf, const char *name, bool make,
		     bool *read_only)
{
	int fd =
		file_openat(sf, name, O_RDWR | O_APPEND | (make ? O_CREAT : 0));

	*read_only = fd == -EACCES || fd == -EROFS || fd == -EPERM;
	return *read_only ? file_openat(sf, name, O_RDONLY) : fd;
}

/*
 * The directory itself: a file of it can be deleted or replaced while somebody
 * has it locked, and then be locked again.  Where directories cannot be locked
 * (NFS), the file must do.
 */
static int lock_dir(struct store_file *sf, int how)
{
	int ret = sf->dir_locked ? 0 : flock_now(sf->dir_fd, how);

	if (ret == -EWOULDBLOCK)
		return ret;
	sf->dir_locked = !ret;
	return 0;
}

/* One attempt; -ESTALE if the file was replaced in between. */
static int try_once(struct store_file *sf, const char *name, bool make, int how)
{
	bool read_only;
	int fd = open_lock(sf, name, make, &read_only);
	int ret;

	if (fd < 0)
		return fd;
	ret = flock_now(fd, how);
	/* A rename over it (meta_replace) leaves those who waited with a lock
	 * on a file that is gone. */
	if (ret == 0 && !fd_is_named(fd, sf->dir_fd, name))
		ret = -ESTALE;
	if (ret < 0) {
		close(fd);
		return ret;
	}
	sf->lock_fd = fd;
	sf->lock_read_only = read_only;
	return 0;
}

/* The holder's pid in a line of /proc/locks if that is about @sb's inode; a
 * waiter's line ("->") does not match.  *same_dev: about its device, too. */
static int line_pid(const char *line, const struct stat *sb, bool *same_dev)
{
	unsigned maj, min;
	unsigned long long ino;
	int pid;

	if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%llu", &pid, &maj, &min,
		   &ino) != 4 ||
	    ino != sb->st_ino)
		return 0;
	*same_dev = makedev(maj, min) == sb->st_dev;
	return pid;
}

static int try_file(struct store_file *sf, const char *name, bool make, int how)
{
	int ret;

	do
		ret = try_once(sf, name, make, how);
	while (ret == -ESTALE);
	return ret;
}

/* The lock is good only if no client has it: @ret. */
static int unless_client(struct store_file *sf, int ret)
{
	if (ret) {
		close(sf->lock_fd);
		sf->lock_fd = -1;
	}
	return ret;
}

/* -EWOULDBLOCK if somebody has it. */
static int try_lock(struct store_file *sf, const char *name, bool make)
{
	int ret = lock_dir(sf, LOCK_EX);

	if (!ret)
		ret = try_file(sf, name, make, LOCK_EX);
	if (ret)
		return ret;
	return unless_client(
		sf, take_from_clients(sf, sf->lock_fd, sf->lock_read_only));
}

/*
 * The same for who only looks.  Who has the disk has the directory for himself,
 * so that with a share of it nobody does, and the file is for who looks alone
 * among those who look: -EINPROGRESS if one of them does.
 */
static int try_look(struct store_file *sf, const char *name, bool alone)
{
	int ret = lock_dir(sf, LOCK_SH);

	if (ret)
		return ret;
	if (!sf->dir_locked)
		return try_file(sf, name, false, LOCK_SH);
	ret = try_file(sf, name, false, alone ? LOCK_EX : 0);
	if (ret)
		return ret == -EWOULDBLOCK ? -EINPROGRESS : ret;
	return unless_client(
		sf, with_clients(sf, sf->lock_fd, F_OFD_GETLK, F_RDLCK));
}

/*
 * 0 if it cannot be found out.  btrfs gives every subvolume a device number of
 * its own, which /proc/locks does not show: there the inode's number decides.
 */
static int find_holder(const struct stat *sb)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256];
	int pid, found = 0;
	bool same_dev;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		pid = line_pid(line, sb, &same_dev);
		if (pid <= 0)
			continue;
		found = pid;
		if (same_dev)
			break;
	}
	fclose(f);
	return found;
}

static void read_comm(int pid, char *comm, size_t size)
{
	char path[32];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(comm, (int)size, f))
		snprintf(comm, size, "?");
	comm[strcspn(comm, "\n")] = 0;
	if (f)
		fclose(f);
}

static int refuse_busy(struct store_file *sf, const char *name,
		       struct zl_err *err)
{
	struct stat sb;
	char comm[64];
	int pid = 0;

	if (!sf->dir_locked && fstat(sf->dir_fd, &sb) == 0)
		pid = find_holder(&sb);
	if (!pid && fstatat(sf->dir_fd, name, &sb, AT_SYMLINK_NOFOLLOW) == 0)
		pid = find_holder(&sb);
	if (!pid) {
		zl_fail_in_use(err, sf->path, "another process");
		if (err)
			err->who_unknown = true;
		return -EBUSY;
	}
	read_comm(pid, comm, sizeof(comm));
	return zl_fail_in_use(err, sf->path, "process %d (%s)%s", pid, comm,
			      pid == getpid() ? ", which is this one" : "");
}

static int refuse(struct store_file *sf, const char *name, int ret,
		  struct zl_err *err)
{
	if (ret == -EWOULDBLOCK)
		return refuse_busy(sf, name, err);
	return zl_fail(err, -ret, "cannot lock %s/%s: %s", sf->path, name,
		       limit_strerror(-ret));
}

int store_file_look(struct store *st, const char *name, bool alone,
		    unsigned wait_ms, struct zl_err *err)
{
	struct store_file *sf = to_file(st);
	uint64_t begun = clock_ms(), wait;
	int ret;

	do {
		ret = try_look(sf, name, alone);
		if (ret != -EWOULDBLOCK && ret != -EINPROGRESS)
			break;
		wait = ret == -EINPROGRESS ? LOOKING_MS : wait_ms;
	} while (clock_wait_step(begun + wait, RETRY_MS));
	if (ret == -EINPROGRESS)
		ret = -EWOULDBLOCK;
	return ret ? refuse(sf, name, ret, err) : 0;
}

int file_lock(struct store *st, const char *name, unsigned wait_ms, bool make,
	      struct zl_err *err)
{
	struct store_file *sf = to_file(st);
	uint64_t end_ms = clock_ms() + wait_ms;
	char *copy;
	int ret;

	if (sf->lock_fd >= 0)
		return zl_fail(err, EALREADY, "%s is locked already", sf->path);
	copy = strdup(name);
	if (!copy)
		return zl_fail(err, ENOMEM, "out of memory");
	do
		ret = try_lock(sf, name, make);
	while (ret == -EWOULDBLOCK && clock_wait_step(end_ms, RETRY_MS));
	if (ret < 0) {
		free(copy);
		return refuse(sf, name, ret, err);
	}
	sf->lock_name = copy;
	ret = file_fence_begin(sf);
	return ret ? refuse(sf, name, ret, err) : 0;
}

bool file_lock_is_named(struct store_file *sf)
{
	return fd_is_named(sf->lock_fd, sf->dir_fd, sf->lock_name);
}

bool file_is_locked(const struct store_file *sf, const char *name)
{
	return sf->lock_name && !strcmp(sf->lock_name, name);
}

int file_lock_next(const struct store_file *sf, int fd)
{
	int ret = flock_now(fd, LOCK_EX);

	return ret ? ret : take_from_clients(sf, fd, false);
}

void file_lock_swap(struct store_file *sf, int fd)
{
	int old = sf->lock_fd;

	sf->lock_fd = fd;
	sf->lock_read_only = false;
#ifdef ZL_URING
	if (sf->ring)
		file_ring_relock(sf->ring, fd);
#endif
	close(old);
}

/* io_uring, which is done with them, closes its own later. */
void file_unlock(struct store_file *sf)
{
	if (sf->lock_fd >= 0) {
		with_clients(sf, sf->lock_fd, F_OFD_SETLK, F_UNLCK);
		flock(sf->lock_fd, LOCK_UN);
		close(sf->lock_fd);
	}
	if (sf->dir_locked)
		flock(sf->dir_fd, LOCK_UN);
	sf->lock_fd = -1;
	sf->dir_locked = false;
	free(sf->lock_name);
	sf->lock_name = NULL;
}
