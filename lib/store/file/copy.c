// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dir.h"
#include "base/limit.h"
#include "base/num.h"
#include "store/fs.h"

#define NAME_BYTES  32
#define PIECE_BYTES (8u << 20)
/* A file that was changed that recently may be changed again within the same
 * tick of its time. */
#define FRESH_NS  INT64_C(1000000000)
#define TELL_EACH 256u

struct copying {
	struct store_copy *how;
	struct zl_err *err;
	const char *from_path, *to_path;
	int from, to;
	char (*names)[NAME_BYTES];
	uint32_t nr, sorted, room;
	bool sync_each;
	bool no_clone; /* the file system said so */
	bool has_room; /* … for copies, as was checked */
};

static int say(struct copying *c, const char *what, const char *name,
	       const char *path)
{
	int error = errno;

	return zl_fail(c->err, error, "%s/%s cannot be %s: %s", path, name,
		       what, limit_strerror(error));
}

static int64_t time_of(const struct stat *sb)
{
	return sb->st_mtim.tv_sec * INT64_C(1000000000) + sb->st_mtim.tv_nsec;
}

/*
 * Names.
 */

static int keep_name(struct copying *c, const char *name)
{
	void *more;

	if (strlen(name) >= NAME_BYTES)
		return 0;
	if (c->nr == c->room) {
		c->room = c->room ? c->room * 2 : 1024;
		more = realloc(c->names, c->room * sizeof(*c->names));
		if (!more)
			return zl_fail(c->err, ENOMEM, "out of memory");
		c->names = more;
	}
	snprintf(c->names[c->nr++], NAME_BYTES, "%s", name);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct wanted {
	struct copying *c;
	int (*fn)(struct copying *c, const char *name);
	int ret; /* of that */
};

static int if_wanted(void *user, const char *name)
{
	struct wanted *w = user;

	w->ret = w->c->how->wants(name) ? w->fn(w->c, name) : 0;
	return w->ret;
}

/* Each file in a directory that may be part of a copy. */
static int each_wanted(struct copying *c, int dir_fd, const char *path,
		       int (*fn)(struct copying *c, const char *name))
{
	struct wanted w = { .c = c, .fn = fn };
	int ret = dir_each_of(dir_fd, if_wanted, &w);

	if (!ret || w.ret)
		return w.ret;
	errno = -ret;
	return say(c, "listed", ".", path);
}

static void sort_names(struct copying *c)
{
	if (c->nr)
		qsort(c->names, c->nr, NAME_BYTES, compare_names);
	c->sorted = c->nr;
}

static bool is_kept(const struct copying *c, const char *name)
{
	return c->sorted &&
	       bsearch(name, c->names, c->sorted, NAME_BYTES, compare_names);
}

/* The same of those that are known to be possible, listed or not. */
static int each_known(struct copying *c,
		      int (*fn)(struct copying *c, const char *name))
{
	const char *name;
	int ret = 0;

	for (uint32_t i = 0; !ret && c->how->known; i++) {
		name = c->how->known(c->how->known_user, i);
		if (!name)
			break;
		if (c->how->wants(name))
			ret = fn(c, name);
	}
	return ret;
}

/* One that the listing has left out goes behind those that it has not. */
static int keep_missed(struct copying *c, const char *name)
{
	if (is_kept(c, name) || !dir_has(c->from, name))
		return 0;
	return keep_name(c, name);
}

static int list(struct copying *c)
{
	int ret = each_wanted(c, c->from, c->from_path, keep_name);

	sort_names(c);
	if (!ret)
		ret = each_known(c, keep_missed);
	sort_names(c);
	return ret;
}

/*
 * One file.
 */

/* The part of the file from @at to its next hole; false: the rest is one. */
static bool next_data(int fd, off_t *at, off_t *end, off_t size)
{
	off_t data = lseek(fd, *at, SEEK_DATA);

	if (data < 0 && errno == ENXIO)
		return false;
	/* No such thing here: all of it. */
	*at = data < 0 ? *at : data;
	*end = data < 0 ? size : lseek(fd, data, SEEK_HOLE);
	if (*end < 0 || *end > size)
		*end = size;
	return *at < size;
}

static ssize_t copy_some(int in, int out, off_t at, size_t len)
{
	static _Thread_local char buf[65536];
	off_t to = at, from = at;
	ssize_t n = copy_file_range(in, &from, out, &to, len, 0);

	if (n > 0 || (n < 0 && errno != EXDEV && errno != EINVAL &&
		      errno != ENOSYS && errno != EOPNOTSUPP))
		return n;
	n = pread(in, buf, min_u64(len, sizeof(buf)), at);
	return n > 0 ? pwrite(out, buf, (size_t)n, at) : n;
}

static int copy_data(struct copying *c, int in, int out, off_t size)
{
	off_t at = 0, end;
	ssize_t n;

	while (at < size && next_data(in, &at, &end, size))
		for (; at < end; at += n) {
			if (c->how->end_ms && clock_ms() > c->how->end_ms) {
				errno = ETIMEDOUT;
				return -1;
			}
			n = copy_some(
				in, out, at,
				min_u64((uint64_t)(end - at), PIECE_BYTES));
			if (n < 0)
				return -1;
			if (!n) /* it has become shorter */
				return ftruncate(out, size);
			c->how->copied_bytes += (uint64_t)n;
		}
	return ftruncate(out, size);
}

static bool is_left(const struct copying *c, const char *name)
{
	return c->how->leaves && c->how->leaves(c->how->user, name);
}

static bool is_copied(const struct copying *c, const char *name,
		      const struct stat *sb)
{
	struct stat have;

	return is_left(c, name) ||
	       (!fstatat(c->to, name, &have, AT_SYMLINK_NOFOLLOW) &&
		S_ISREG(have.st_mode) && have.st_size == sb->st_size &&
		(time_of(&have) == time_of(sb) || !sb->st_size));
}

/* Room for all, before the first is copied. */
static int check_room(struct copying *c)
{
	char need_text[SIZE_TEXT_MAX], free_text[SIZE_TEXT_MAX];
	uint64_t need = 0, free_bytes;
	struct statvfs vfs;
	struct stat sb;

	if (c->has_room)
		return 0;
	for (uint32_t i = 0; i < c->nr; i++)
		if (!fstatat(c->from, c->names[i], &sb, AT_SYMLINK_NOFOLLOW) &&
		    !is_copied(c, c->names[i], &sb))
			need += min_u64((uint64_t)sb.st_blocks * 512,
					(uint64_t)sb.st_size);
	if (fstatvfs(c->to, &vfs) < 0)
		return say(c, "examined", ".", c->to_path);
	free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (need > free_bytes)
		return zl_fail(c->err, ENOSPC,
			       "a copy of %s needs %s, and there are %s free "
			       "for %s, whose file system cannot share blocks",
			       c->from_path, size_in_words(need, need_text),
			       size_in_words(free_bytes, free_text),
			       c->to_path);
	c->has_room = true;
	return 0;
}

static bool clone_file(struct copying *c, int in, int out)
{
	if (c->no_clone)
		return false;
	if (!ioctl(out, FICLONE, in))
		return true;
	c->no_clone = true;
	return false;
}

static int fill(struct copying *c, int in, int out, const struct stat *sb,
		const char *name)
{
	int ret;

	if (clone_file(c, in, out)) {
		c->how->cloned++;
		return 0;
	}
	ret = check_room(c);
	if (!ret && copy_data(c, in, out, sb->st_size) < 0)
		ret = say(c, "copied", name, c->from_path);
	return ret;
}

/* The copy's time is what the file's was, unless that may still stay the same
 * when it is changed once more. */
static void set_time(const struct copying *c, int fd, const struct stat *sb)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, sb->st_mtim };

	if (!c->how->last && clock_real_ns() - time_of(sb) < FRESH_NS)
		times[1] = (struct timespec){ 0 };
	futimens(fd, times);
}

static int copy_open(struct copying *c, int in, const char *name)
{
	struct stat sb;
	int out, ret = 0;

	if (fstat(in, &sb) < 0)
		return say(c, "examined", name, c->from_path);
	out = openat(c->to, name,
		     O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return say(c, "made", name, c->to_path);
	if (sb.st_size)
		ret = fill(c, in, out, &sb, name);
	set_time(c, out, &sb);
	if (!ret && c->sync_each && fdatasync(out) < 0)
		ret = say(c, "made durable", name, c->to_path);
	/* A network's file system may say only now that it cannot be written.
	 */
	if (close(out) < 0 && !ret)
		ret = say(c, "written", name, c->to_path);
	return ret;
}

static int copy_file(struct copying *c, const char *name)
{
	struct stat sb;
	int in, ret;

	if (fstatat(c->from, name, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && !c->how->stays
			       ? 0
			       : say(c, "examined", name, c->from_path);
	if (!S_ISREG(sb.st_mode) || is_copied(c, name, &sb))
		return 0;
	in = openat(c->from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return say(c, "opened", name, c->from_path);
	ret = copy_open(c, in, name);
	close(in);
	c->how->files += !ret;
	return ret;
}

static void tell(struct copying *c, uint32_t done)
{
	if (c->how->progress && (done % TELL_EACH == 0 || done == c->nr))
		c->how->progress(c->how->user, done, c->nr);
}

/* What was copied before, and is not there any more. */
static int remove_gone(struct copying *c, const char *name)
{
	if (is_kept(c, name) || is_left(c, name) || !unlinkat(c->to, name, 0) ||
	    errno == ENOENT)
		return 0;
	return say(c, "removed", name, c->to_path);
}

static int remove_all_gone(struct copying *c)
{
	int ret = each_wanted(c, c->to, c->to_path, remove_gone);

	return ret ? ret : each_known(c, remove_gone);
}

static int copy_all(struct copying *c)
{
	int ret = list(c);

	for (uint32_t i = 0; !ret && i < c->nr; i++) {
		ret = copy_file(c, c->names[i]);
		tell(c, i + 1);
		if (!ret && c->how->end_ms && clock_ms() > c->how->end_ms)
			ret = zl_fail(c->err, ETIMEDOUT,
				      "copying %s takes too long",
				      c->from_path);
	}
	return ret ? ret : remove_all_gone(c);
}

static int open_dir(const char *path, struct zl_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return zl_fail(err, errno, "%s cannot be opened: %s", path,
			       limit_strerror(errno));
	return fd;
}

static bool needs_syncs(int fd)
{
	struct fs fs;

	fs_of(fd, &fs);
	return !fs_syncs_all(&fs);
}

static int copy_with(const char *from, const char *to, struct store_copy *copy,
		     const char *name, struct zl_err *err)
{
	struct copying c = {
		.how = copy, .err = err, .from_path = from, .to_path = to
	};
	int ret;

	copy->files = copy->cloned = 0;
	copy->copied_bytes = 0;
	c.from = ret = open_dir(from, err);
	if (ret < 0)
		return ret;
	c.to = ret = open_dir(to, err);
	if (ret >= 0) {
		c.sync_each = copy->durable && needs_syncs(c.to);
		ret = name ? copy_file(&c, name) : copy_all(&c);
		close(c.to);
	}
	close(c.from);
	free(c.names);
	return ret;
}

int store_copy(const char *from, const char *to, struct store_copy *copy,
	       struct zl_err *err)
{
	return copy_with(from, to, copy, NULL, err);
}

int store_copy_file(const char *from, const char *to, const char *name,
		    struct zl_err *err)
{
	struct store_copy copy = { .last = true, .stays = true };

	return copy_with(from, to, &copy, name, err);
}

struct removal {
	int fd, failed;
	unsigned removed;
};

static int remove_file(void *user, const char *name)
{
	struct removal *r = user;

	if (name[0] == '.')
		return 0;
	if (!unlinkat(r->fd, name, 0))
		r->removed++;
	else if (errno != ENOENT)
		r->failed = -errno;
	return 0;
}

/* And the directory; again as long as it has what its list left out. */
static int remove_files(int fd, const char *path)
{
	struct removal r = { .fd = fd };
	int ret;

	do {
		r.removed = 0;
		ret = dir_each_of(fd, remove_file, &r);
		if (ret || r.failed)
			return ret ? ret : r.failed;
		if (!rmdir(path))
			return 0;
	} while (errno == ENOTEMPTY && r.removed);
	return -errno;
}

int store_remove_dir(const char *path, struct zl_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int ret;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	ret = fd < 0 ? -errno : remove_files(fd, path);
	if (fd >= 0)
		close(fd);
	if (ret)
		return zl_fail(err, -ret, "%s cannot be removed: %s", path,
			       limit_strerror(-ret));
	return 0;
}

static int sync_parent(const char *path)
{
	char parent[PATH_MAX];
	int fd, ret;

	if (snprintf(parent, sizeof(parent), "%s/..", path) >=
	    (int)sizeof(parent))
		return -ENAMETOOLONG;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int fail_durable(const char *path, int ret, struct zl_err *err)
{
	if (!ret)
		return 0;
	return zl_fail(err, -ret, "%s cannot be made durable: %s", path,
		       limit_strerror(-ret));
}

/*
 * What somebody was told of before a descriptor was opened Linux does not tell
 * that one (errseq_sample()): hence an older one.
 */
static int sync_files(int watch, const char *path, struct zl_err *err)
{
	int fd = open_dir(path, err), ret;

	if (fd < 0)
		return fd;
	ret = syncfs(watch) < 0 || fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return fail_durable(path, ret, err);
}

int store_copy_watch(const char *path, struct zl_err *err)
{
	return open_dir(path, err);
}

int store_copy_sync(int watch, const char *path, struct zl_err *err)
{
	int ret = sync_files(watch, path, err);

	return ret ? ret : fail_durable(path, sync_parent(path), err);
}

int store_copy_name(const char *from, const char *to, struct zl_err *err)
{
	int ret;

	if (rename(from, to) < 0)
		return zl_fail(err, errno, "%s cannot be renamed: %s", from,
			       limit_strerror(errno));
	ret = sync_parent(to);
	/* Who is told of an error is to find what was before. */
	if (ret)
		rename(to, from);
	return fail_durable(to, ret, err);
}
