// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Whether a directory's names are what they were: see names.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "store/file/names.h"
#include "store/fs.h"

int64_t names_settle_ns = INT64_C(3000000000);

static bool is_known(const char *type)
{
	static const char *const types[] = { "ext2",  "ext3", "ext4", "xfs",
					     "btrfs", "f2fs", "tmpfs" };

	for (unsigned i = 0; i < ZL_ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

void names_init(struct dir_names *n)
{
	n->gen = 1;
	pthread_mutex_init(&n->lock, NULL);
}

void names_start(struct dir_names *n, int dir_fd, const struct fs *fs)
{
	n->dir_fd = dir_fd;
	n->known = is_known(fs->type);
}

void names_destroy(struct dir_names *n)
{
	pthread_mutex_destroy(&n->lock);
}

/* When a name was changed last; -1: not known. */
static int64_t changed_ns(int dir_fd)
{
	struct statx sx;

	if (statx(dir_fd, "", AT_EMPTY_PATH, STATX_CTIME, &sx) < 0)
		return -1;
	return sx.stx_ctime.tv_sec * INT64_C(1000000000) + sx.stx_ctime.tv_nsec;
}

/*
 * Two changes that follow each other closely may have the same time: as long as
 * that can be, and once more after it, it counts as another one.  A clock that
 * was set back makes that last longer, and nothing go unseen.
 */
static void look(struct dir_names *n)
{
	int64_t time_ns = changed_ns(n->dir_fd);

	if (!n->settled || time_ns != n->time_ns)
		atomic_fetch_add(&n->gen, 1);
	n->time_ns = time_ns;
	n->settled =
		time_ns >= 0 && clock_real_ns() - time_ns > names_settle_ns;
}

uint64_t names_gen(struct dir_names *n, uint64_t at)
{
	if (!n->known)
		return 0;
	if (atomic_load_explicit(&n->at, memory_order_acquire) != at) {
		pthread_mutex_lock(&n->lock);
		if (n->at != at)
			look(n);
		atomic_store_explicit(&n->at, at, memory_order_release);
		pthread_mutex_unlock(&n->lock);
	}
	return atomic_load_explicit(&n->gen, memory_order_relaxed);
}

void names_opened(struct named_file *f, const struct stat *sb)
{
	f->dev = sb->st_dev;
	f->ino = sb->st_ino;
	atomic_store(&f->checked_at, 0);
	atomic_store(&f->gen, 0);
}

#define CHECK_NS 10000000

/* Never 0. */
static uint64_t tick(uint64_t now_ns)
{
	return 1 + (now_ns ? now_ns : clock_tick_ns()) / CHECK_NS;
}

/* No times: before it says those, Linux' NFS client writes back what is
 * dirty, and waits (nfs_getattr()). */
static int check_name(const struct dir_names *n, const struct named_file *f,
		      uint64_t size_bytes)
{
	struct statx sx;

	if (statx(n->dir_fd, f->name, AT_SYMLINK_NOFOLLOW,
		  STATX_INO | STATX_SIZE, &sx) < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	if (makedev(sx.stx_dev_major, sx.stx_dev_minor) != f->dev ||
	    sx.stx_ino != f->ino)
		return -ESTALE;
	return sx.stx_size < size_bytes ? -ENODATA : 0;
}

/* A fraction of the work.  Nobody uses the descriptor's place. */
static int check_size(int fd, uint64_t size_bytes)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0)
		return -errno;
	return (uint64_t)end < size_bytes ? -ENODATA : 0;
}

static int check(struct dir_names *n, struct named_file *f, int fd,
		 uint64_t size_bytes, uint64_t at)
{
	/* Asked for before the look: what happens meanwhile is another one. */
	uint64_t gen = names_gen(n, at);
	int ret;

	if (gen && gen == atomic_load_explicit(&f->gen, memory_order_relaxed))
		return check_size(fd, size_bytes);
	ret = check_name(n, f, size_bytes);
	if (!ret)
		atomic_store_explicit(&f->gen, gen, memory_order_relaxed);
	return ret;
}

int names_check(struct dir_names *n, struct named_file *f, int fd,
		uint64_t size_bytes, uint64_t now_ns, bool now)
{
	uint64_t at;
	int ret;

	if (!size_bytes)
		return 0;
	at = tick(now_ns);
	if (!now &&
	    atomic_load_explicit(&f->checked_at, memory_order_relaxed) == at)
		return 0;
	ret = now ? check_name(n, f, size_bytes)
		  : check(n, f, fd, size_bytes, at);
	if (!ret)
		atomic_store_explicit(&f->checked_at, at, memory_order_relaxed);
	return ret;
}
