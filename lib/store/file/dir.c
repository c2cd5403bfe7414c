// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store's directory: slots' files as a whole, names, room. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/num.h"
#include "store/file/file.h"

static enum store_kind kind_of(mode_t mode)
{
	if (S_ISREG(mode))
		return STORE_KIND_FILE;
	if (S_ISLNK(mode))
		return STORE_KIND_SYMLINK;
	return S_ISDIR(mode) ? STORE_KIND_DIR : STORE_KIND_OTHER;
}

/* The three mode bits that are ours.  No access(): that would be one more call
 * per slot, and says yes to root whatever the mode. */
static unsigned our_bits(const struct statx *sx)
{
	uid_t uid = geteuid();

	if (uid == 0 || uid == sx->stx_uid)
		return sx->stx_mode >> 6 & 7;
	if (group_member(sx->stx_gid))
		return sx->stx_mode >> 3 & 7;
	return sx->stx_mode & 7;
}

/* What another machine has made of a file must be known when it is opened, and
 * not some time later. */
static int ask(const struct store_file *sf, const char *name, struct statx *sx)
{
	int flags = AT_SYMLINK_NOFOLLOW;

	if (fs_sizes_get_old(&sf->fs))
		flags |= AT_STATX_FORCE_SYNC;
	return statx(sf->dir_fd, name, flags, STATX_BASIC_STATS, sx) < 0
		       ? -errno
		       : 0;
}

int file_stat(struct store *st, uint32_t slot, struct store_stat *stat)
{
	char name[STORE_NAME_MAX];
	struct statx sx;
	int ret;

	memset(stat, 0, sizeof(*stat));
	store_slot_name(st, slot, name);
	ret = ask(to_file(st), name, &sx);
	if (ret)
		return ret == -ENOENT ? 0 : ret; /* STORE_KIND_MISSING */
	stat->kind = kind_of(sx.stx_mode);
	stat->size_bytes = sx.stx_size;
	stat->alloc_bytes = sx.stx_blocks * 512;
	if (!fs_is_remote(&to_file(st)->fs))
		stat->mtime_ns = sx.stx_mtime.tv_sec * INT64_C(1000000000) +
				 sx.stx_mtime.tv_nsec;
	stat->readable = our_bits(&sx) & 4;
	stat->writable = our_bits(&sx) & 2;
	return 0;
}

/*
 * With O_EXCL, Linux' NFS client gives a new file its times once more, since
 * the OPEN has used them otherwise (nfs4_exclusive_attrset()): two requests,
 * each of which the server makes durable, where one will do.  Who makes files
 * has the directory's lock.
 */
static int open_new_on_nfs(struct store_file *sf, const char *name)
{
	struct stat sb;
	int fd = file_openat_raw(sf, name,
				 O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		if (!fstatat(sf->dir_fd, name, &sb, AT_SYMLINK_NOFOLLOW))
			return -EEXIST;
		return fd;
	}
	if (!fstat(fd, &sb) && S_ISREG(sb.st_mode) && !sb.st_size)
		return fd;
	close(fd);
	return -EEXIST;
}

static int open_new(struct store_file *sf, const char *name)
{
	if (sf->fs.kind == FS_NFS)
		return open_new_on_nfs(sf, name);
	/* Nothing that exists is opened, so nothing need be checked. */
	return file_openat_raw(sf, name, O_RDWR | O_CREAT | O_EXCL);
}

static int make_sized(struct store_file *sf, const char *name,
		      uint64_t size_bytes)
{
	int fd = open_new(sf, name), ret = 0;

	if (fd < 0)
		return fd;
	if (size_bytes && ftruncate(fd, (off_t)size_bytes) < 0) {
		ret = -errno;
		unlinkat(sf->dir_fd, name, 0);
	}
	close(fd);
	return ret;
}

/* Without an opening and a closing, which are a quarter of the time where a
 * disk has hundreds of thousands. */
static int make_empty(struct store_file *sf, const char *name)
{
	if (mknodat(sf->dir_fd, name, S_IFREG | 0600, 0) == 0)
		return 0;
	/* Not every file system has it. */
	if (errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP)
		return make_sized(sf, name, 0);
	return -errno;
}

int file_make(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	struct store_file *sf = to_file(st);
	char name[STORE_NAME_MAX];

	if (file_is_lost(sf))
		return -STORE_FENCED;
	store_slot_name(st, slot, name);
	pthread_mutex_lock(&sf->names_lock);
	sf->made = true;
	pthread_mutex_unlock(&sf->names_lock);
	if (size_bytes || sf->fs.kind == FS_NFS)
		return make_sized(sf, name, size_bytes);
	return make_empty(sf, name);
}

int file_unmake(struct store *st, uint32_t slot)
{
	char name[STORE_NAME_MAX];
	int ret = file_prove_first(to_file(st));

	if (ret)
		return ret;
	store_slot_name(st, slot, name);
	if (unlinkat(to_file(st)->dir_fd, name, 0) < 0)
		return -errno;
	fd_forget(to_file(st), slot);
	return 0;
}

int file_resize(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	struct fd_entry *e;
	int ret = fd_get(to_file(st), slot, false, &e);

	if (ret < 0)
		return ret;
	ret = -fd_wr_err(e);
	if (ret == 0)
		ret = file_prove_first(to_file(st));
	if (ret == 0 && ftruncate(fd_of(e), (off_t)size_bytes) < 0)
		ret = -errno;
	fd_set_dirty(e);
	fd_put(e, false);
	return ret;
}

/*
 * Of what could not be written back Linux tells one who calls syncfs(),
 * whosever files it was: the next disk on the same file system would not hear
 * of its own.
 */
static atomic_ullong lossy[16];

/* Whether syncfs() has ever failed there; @now: it has. */
static bool is_lossy(const struct store_file *sf, bool now)
{
	unsigned long long none, dev;
	struct stat sb;

	if (fstat(sf->dir_fd, &sb) < 0)
		return true;
	dev = (unsigned long long)sb.st_dev + 1;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(lossy); i++) {
		none = 0;
		if (now)
			atomic_compare_exchange_strong(&lossy[i], &none, dev);
		if (atomic_load(&lossy[i]) == dev)
			return true;
		if (!atomic_load(&lossy[i]))
			return false;
	}
	return true;
}

static int sync_fs(struct store_file *sf)
{
	int ret = syncfs(sf->dir_fd) < 0 ? -errno : 0;

	if (ret)
		is_lossy(sf, true);
	return ret;
}

/*
 * The new files' sizes must be durable too, and a sync of the directory alone
 * promises only their names (XFS, btrfs).  One sync of the file system, once
 * per disk made, is cheaper than one of each of many files.
 */
static int sync_made(struct store_file *sf)
{
	int ret = sf->made ? sync_fs(sf) : 0;

	if (ret)
		return ret;
	sf->made = false;
	return file_sync_entries(sf);
}

int file_sync_dir(struct store *st)
{
	struct store_file *sf = to_file(st);
	int ret;

	pthread_mutex_lock(&sf->names_lock);
	ret = sync_made(sf);
	pthread_mutex_unlock(&sf->names_lock);
	return ret;
}

int file_sync_all(struct store *st)
{
	struct store_file *sf = to_file(st);
	int ret = sync_fs(sf);

	return !ret && is_lossy(sf, false) ? -EIO : ret;
}

int file_space(struct store *st, struct store_space *space)
{
	struct statvfs sv;

	if (fstatvfs(to_file(st)->dir_fd, &sv) < 0)
		return -errno;
	space->free_bytes = (uint64_t)sv.f_bavail * sv.f_frsize;
	/* btrfs makes inodes as needed and says 0 of 0. */
	space->free_inodes = sv.f_files ? sv.f_favail : UINT64_MAX;
	space->block_bytes = (uint32_t)sv.f_bsize;
	space->read_only = sv.f_flag & ST_RDONLY;
	return 0;
}

/*
 * Linux' NFS client has what files are told along with their names, many at a
 * time, as long as somebody wants to know it as they are listed
 * (nfs_use_readdirplus()).  Asks no server for what has come so.
 */
static void want_to_know(DIR *dir, const char *name)
{
	struct statx sx;

	statx(dirfd(dir), name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC,
	      STATX_TYPE, &sx);
}

struct listing {
	const struct store_file *sf;
	DIR *dir;
	int (*each)(void *user, const char *name);
	void *user;
};

static int take_name(void *listing, const char *name)
{
	struct listing *l = listing;

	if (fs_is_deleted_name(name))
		return 0;
	if (l->sf->fs.kind == FS_NFS)
		want_to_know(l->dir, name);
	return l->each(l->user, name);
}

int file_list(struct store *st, int (*each)(void *user, const char *name),
	      void *user)
{
	struct listing l = { .sf = to_file(st), .each = each, .user = user };
	int fd, ret;

	/* Not a dup(): that would share the position. */
	fd = file_openat_raw(to_file(st), ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	l.dir = fdopendir(fd);
	if (!l.dir) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = dir_each(l.dir, take_name, &l);
	closedir(l.dir);
	return ret;
}

int store_file_probe_users(struct store *st, uint32_t slot)
{
	struct store_file *sf = to_file(st);
	int fd, wr_err, ret;
	struct stat sb;

	if (!fs_leases_tell(&sf->fs))
		return -EINVAL;
	/* A descriptor of our own would count as a user. */
	ret = fd_drop(sf, slot);
	if (ret < 0)
		return ret;
	fd = file_open_slot(sf, slot, &wr_err, &sb);
	if (fd < 0)
		return fd;
	/* Before the lease is there, since SIGIO would end the process. */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		ret = -errno;
	else if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		ret = errno == EAGAIN ? -EBUSY : -errno;
	else
		fcntl(fd, F_SETLEASE, F_UNLCK);
	close(fd);
	return ret;
}
