// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "disk/snapshot.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/named.h"
#include "disk/internal.h"
#include "disk/io/hold.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/life/copies.h"
#include "disk/life/users.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "store/copy.h"
#include "store/rollback.h"

/*
 * Names.
 */

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return n && n <= SNAPSHOT_NAME_MAX && name[0] != '.' &&
	       name[0] != '-' && !ends_in(name, ".tmp") &&
	       !ends_in(name, SNAPSHOT_LOG);
}

int snapshot_check_name(const char *name, struct zl_err *err)
{
	if (is_name(name))
		return 0;
	return zl_fail(err, EINVAL,
		       "'%.80s' is no snapshot's name: that has 1 to %u "
		       "letters, digits, '.', '_' and '-', begins with a "
		       "letter, a digit or '_', and does not end in .tmp "
		       "or " SNAPSHOT_LOG,
		       name, SNAPSHOT_NAME_MAX);
}

/* @name may be "", for the directory of all. */
static int path_of(const char *dir, const char *name, const char *end,
		   char path[PATH_MAX], struct zl_err *err)
{
	int n = snprintf(path, PATH_MAX, "%s/" SNAPSHOT_DIR "%s%s%s", dir,
			 *name ? "/" : "", name, end);

	if (n < PATH_MAX)
		return 0;
	return zl_fail(err, ENAMETOOLONG, "%.64s… is too long a path", dir);
}

int snapshot_path(const char *dir, const char *name, char path[PATH_MAX],
		  struct zl_err *err)
{
	return path_of(dir, name, "", path, err);
}

int snapshot_log(const char *dir, const char *name, char path[PATH_MAX],
		 struct zl_err *err)
{
	return path_of(dir, name, SNAPSHOT_LOG, path, err);
}

int snapshot_find(const char *dir, const char *name, struct zl_err *err)
{
	char path[PATH_MAX];
	struct stat sb;
	int ret = snapshot_check_name(name, err);

	if (!ret)
		ret = snapshot_path(dir, name, path, err);
	if (ret)
		return ret;
	if (lstat(path, &sb) < 0 || !S_ISDIR(sb.st_mode))
		return zl_fail(err, ENOENT,
			       "there is no snapshot %s of %s; zloop snapshots "
			       "lists those that there are",
			       name, dir);
	return 0;
}

int copies_hold(const char *dir, const char *name, char path[PATH_MAX],
		int *held, struct zl_err *err)
{
	int ret = snapshot_find(dir, name, err);

	if (!ret)
		ret = snapshot_path(dir, name, path, err);
	if (!ret)
		ret = *held = snapshot_hold(path, err);
	return ret < 0 ? ret : 0;
}

/*
 * Listing.
 */

static int is_listed(const struct dirent *e)
{
	return is_name(e->d_name);
}

static bool take_entry(const char *path, const char *name,
		       struct snapshot *snap)
{
	char full[PATH_MAX];
	struct stat sb;

	if (snprintf(full, sizeof(full), "%s/%s", path, name) >= PATH_MAX ||
	    lstat(full, &sb) < 0 || !S_ISDIR(sb.st_mode))
		return false;
	snprintf(snap->name, sizeof(snap->name), "%.*s", SNAPSHOT_NAME_MAX,
		 name);
	snap->made_ns =
		sb.st_mtim.tv_sec * INT64_C(1000000000) + sb.st_mtim.tv_nsec;
	return true;
}

int snapshot_each(const char *dir,
		  bool (*fn)(void *user, const struct snapshot *snap),
		  void *user, struct zl_err *err)
{
	struct dirent **entries;
	struct snapshot snap;
	char path[PATH_MAX];
	bool more = true;
	int n, ret = path_of(dir, "", "", path, err);

	if (ret)
		return ret;
	n = scandir(path, &entries, is_listed, alphasort);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return zl_fail(err, errno, "%s cannot be listed: %s", path,
			       limit_strerror(errno));
	for (int i = 0; i < n; i++) {
		if (more && take_entry(path, entries[i]->d_name, &snap))
			more = fn(user, &snap);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

/*
 * One who changes what is in zloop.snapshots at a time.
 */

static int is_interrupted(const struct dirent *e)
{
	char name[sizeof(e->d_name)];

	snprintf(name, sizeof(name), "%s", e->d_name);
	if (!ends_in(name, ".tmp"))
		return false;
	name[strlen(name) - strlen(".tmp")] = 0;
	return is_name(name);
}

/* What a process that was killed has left, which is nobody's now.  The daemon
 * of such a one may still write into it: what stays goes the next time. */
static void remove_interrupted(const char *all)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int n = scandir(all, &entries, is_interrupted, NULL);

	for (int i = 0; i < n; i++) {
		if (!settle_path(all, entries[i]->d_name, path, NULL))
			store_remove_dir(path, NULL);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static int lock_all(const char *dir, bool make, struct zl_err *err)
{
	char path[PATH_MAX];
	int fd, ret = path_of(dir, "", "", path, err);

	if (ret)
		return ret;
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return zl_fail(err, errno, "%s cannot be made: %s", path,
			       limit_strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return zl_fail(err, errno, "%s cannot be opened: %s", path,
			       limit_strerror(errno));
	/* Who deletes the last one removes the directory, perhaps under us. */
	if (!flock(fd, LOCK_EX | LOCK_NB) && fd_is_named(fd, AT_FDCWD, path)) {
		/* A lock on a directory is this machine's alone. */
		if (!disk_is_shared(dir))
			remove_interrupted(path);
		return fd;
	}
	close(fd);
	return zl_fail(err, EBUSY, "a snapshot of %s is being made or deleted",
		       dir);
}

void copies_tidy(const char *dir)
{
	char path[PATH_MAX];
	int fd = lock_all(dir, false, NULL);

	if (fd < 0)
		return;
	if (!path_of(dir, "", "", path, NULL)) {
		/* Who has the disk's lock knows that none is being made. */
		remove_interrupted(path);
		rmdir(path);
	}
	close(fd);
}

/* What is left of an earlier one of that name. */
static int remove_tmp(const char *tmp, struct zl_err *err)
{
	int ret = store_remove_dir(tmp, err);

	return ret == -ENOENT ? 0 : ret;
}

/* Not half a snapshot, whatever happens. */
static int remove_one(const char *path, const char *tmp, struct zl_err *err)
{
	int held = copies_hold_alone(path, err), ret;

	/* What has no sidecar is of no use to anybody. */
	if (held < 0 && held != -ENOENT)
		return held;
	ret = remove_tmp(tmp, err);
	if (!ret && rename(path, tmp) < 0)
		ret = zl_fail(err, errno, "%s cannot be removed: %s", path,
			      limit_strerror(errno));
	/* By that name nobody holds it any more; and on NFS what is open is not
	 * removed, but renamed. */
	if (held >= 0)
		close(held);
	return ret ? ret : store_remove_dir(tmp, err);
}

int snapshot_delete(const char *dir, const char *name, struct zl_err *err)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	int fd, ret = snapshot_find(dir, name, err);

	if (!ret)
		ret = snapshot_path(dir, name, path, err);
	if (!ret)
		ret = path_of(dir, name, ".tmp", tmp, err);
	if (ret)
		return ret;
	fd = lock_all(dir, false, err);
	if (fd < 0)
		return fd;
	ret = remove_one(path, tmp, err);
	close(fd);
	if (!ret && !path_of(dir, "", "", path, NULL))
		rmdir(path); /* the last one */
	return ret;
}

/*
 * Making.
 */

/* All of it, or what has changed since. */
static int fill(const char *dir, const char *name, bool last,
		disk_progress_fn *progress, void *user, uint64_t end_ms,
		struct zl_err *err)
{
	struct store_copy copy = { .wants = copies_is_contents,
				   .last = last,
				   .durable = true,
				   .progress = progress,
				   .user = user,
				   .end_ms = end_ms };
	char tmp[PATH_MAX];
	int ret = path_of(dir, name, ".tmp", tmp, err);

	return ret ? ret : copies_make(dir, tmp, &copy, err);
}

static int make_tmp(struct snapshot_work *w, struct zl_err *err)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	struct stat sb;
	int ret = snapshot_path(w->dir, w->name, path, err);

	if (!ret)
		ret = path_of(w->dir, w->name, ".tmp", tmp, err);
	if (ret)
		return ret;
	if (!lstat(path, &sb))
		return zl_fail(err, EEXIST,
			       "there is a snapshot %s of %s; give this one "
			       "another name, or delete that",
			       w->name, w->dir);
	ret = remove_tmp(tmp, err);
	if (ret)
		return ret;
	if (mkdir(tmp, 0700) < 0)
		return zl_fail(err, errno, "%s cannot be made: %s", tmp,
			       limit_strerror(errno));
	return 0;
}

static int begin(const char *dir, const char *name, bool last,
		 disk_progress_fn *progress, void *user,
		 struct snapshot_work *w, struct zl_err *err)
{
	int ret = snapshot_check_name(name, err);

	if (ret)
		return ret;
	snprintf(w->dir, sizeof(w->dir), "%s", dir);
	snprintf(w->name, sizeof(w->name), "%s", name);
	w->lock_fd = lock_all(dir, true, err);
	if (w->lock_fd < 0)
		return w->lock_fd;
	ret = make_tmp(w, err);
	if (ret) {
		close(w->lock_fd);
		return ret;
	}
	ret = fill(dir, name, last, progress, user, 0, err);
	if (ret)
		snapshot_give_up(w);
	return ret;
}

int snapshot_begin(const char *dir, const char *name,
		   disk_progress_fn *progress, void *user,
		   struct snapshot_work *w, struct zl_err *err)
{
	return begin(dir, name, false, progress, user, w, err);
}

void snapshot_give_up(struct snapshot_work *w)
{
	char path[PATH_MAX];

	if (!path_of(w->dir, w->name, ".tmp", path, NULL))
		store_remove_dir(path, NULL);
	close(w->lock_fd);
	if (!path_of(w->dir, "", "", path, NULL))
		rmdir(path);
}

/* It is one of a disk that was stopped. */
static int stop_tmp(const char *tmp, struct zl_err *err)
{
	struct disk_meta meta;
	struct store *st;
	int ret = copies_meta(tmp, &meta, err);

	if (!ret)
		ret = store_file_open(tmp, &st, err);
	if (ret)
		return ret;
	ret = copies_end_journal(st, tmp, &meta, NULL, true, err);
	store_close(st);
	return ret;
}

int snapshot_end(struct snapshot_work *w, struct zl_err *err)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	int ret = snapshot_path(w->dir, w->name, path, err);

	if (!ret)
		ret = path_of(w->dir, w->name, ".tmp", tmp, err);
	if (!ret)
		ret = stop_tmp(tmp, err);
	if (!ret)
		ret = store_copy_sync(w->lock_fd, tmp, err);
	if (!ret)
		ret = store_copy_name(tmp, path, err);
	if (ret)
		snapshot_give_up(w);
	else
		close(w->lock_fd);
	return ret;
}

int snapshot_take(const char *dir, const char *name, disk_progress_fn *progress,
		  void *user, struct zl_err *err)
{
	struct snapshot_work w;
	struct disk_meta meta;
	struct store *st;
	int ret = snapshot_check_name(name, err);

	if (!ret)
		ret = copies_enter(dir, DISK_MOMENT_MS, &meta, &st, err);
	if (ret)
		return ret;
	ret = begin(dir, name, true, progress, user, &w, err);
	if (!ret)
		ret = snapshot_end(&w, err);
	store_close(st);
	return ret;
}

/*
 * Of a running disk.
 */

/* What is at the beginning of a log: which disk, and which snapshot of it. */
static int start_log(struct disk *d, const char *name, const char *log,
		     struct zl_err *err)
{
	char path[PATH_MAX], *head = NULL;
	int ret = snapshot_path(d->name, name, path, err);

	if (ret)
		return ret;
	head = sidecar_head(&d->meta, path);
	if (!head)
		return zl_fail(err, ENOMEM, "out of memory");
	ret = record_log_start(&d->record, log, d->name, head, strlen(head),
			       err);
	free(head);
	return ret;
}

/* What is written or reset later is readable again, which a record does not
 * tell: what is built from it would go on with what the snapshot says. */
static int check_readable(struct disk *d, struct zl_err *err)
{
	const struct bad_range *bad;
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	bad = d->slots.bad.first;
	if (bad)
		ret = zl_fail(
			err, EIO,
			"%s cannot be recorded: blocks %u to %u of zone "
			"%u were lost and are unreadable; rewrite them or "
			"reset the zone first",
			d->name, bad->lo, bad->hi - 1, bad->slot);
	pthread_mutex_unlock(&d->lock);
	return ret;
}

/* Of all slots: losses that were counted. */
static unsigned nr_losses(const struct disk *d)
{
	unsigned nr = 0;

	for (uint32_t i = 0; i < d->zones.nr_slots; i++)
		nr += slot_losses(d, i);
	return nr;
}

/* What is lost, and no command has been told of, is bad from now on. */
static int tell_losses(struct disk *d, struct zl_err *err)
{
	bool news;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < d->zones.nr_slots; i++) {
		pthread_mutex_lock(&d->lock);
		slot_settle(d, i);
		news = slot_has_news(d, i);
		pthread_mutex_unlock(&d->lock);
		if (news)
			ret = slot_tell_bad(d, i, true);
	}
	if (!ret)
		return 0;
	return zl_fail(
		err, -ret,
		"what is unreadable cannot be written to %s/" DISK_JOURNAL
		", so there is no snapshot: %s",
		d->name, limit_strerror(-ret));
}

/*
 * Nobody changes anything now, but for the journal, whose lock is ours.  What
 * is lost all the same, since a descriptor is closed to make room, may have
 * been copied as the medium has it: then the journal is copied once more, which
 * says so.
 */
static int copy_stopped(struct disk *d, const char *name, uint64_t end_ms,
			unsigned *losses, struct zl_err *err)
{
	int ret;

	do {
		*losses = nr_losses(d);
		ret = tell_losses(d, err);
		if (ret)
			return ret;
		pthread_mutex_lock(&d->journal.lock);
		ret = fill(d->name, name, true, NULL, NULL, end_ms, err);
		pthread_mutex_unlock(&d->journal.lock);
	} while (!ret && nr_losses(d) != *losses);
	return ret;
}

static int complete(struct disk *d, const char *name, const char *log,
		    unsigned *losses, struct zl_err *err)
{
	uint64_t end_ms = clock_ms() + SNAPSHOT_STOP_MS;
	int ret;

	if (!sync_stop(d, end_ms))
		return zl_fail(
			err, ETIMEDOUT,
			"a SYNCHRONIZE CACHE takes too long; there is no "
			"snapshot");
	ret = copy_stopped(d, name, end_ms, losses, err);
	if (!ret && log)
		ret = check_readable(d, err);
	if (!ret && log)
		ret = start_log(d, name, log, err);
	if (ret)
		sync_go_on(d);
	return ret;
}

/*
 * The kernel may have failed to write something back before it was copied, and
 * told nobody yet: then the copy has what the medium has, and nothing says so.
 * A sync is told, if it comes before anything else can be; commands need not
 * wait for this one.
 */
static int prove_copied(struct disk *d, const char *log, unsigned losses,
			struct zl_err *err)
{
	/* Without it a simulated power failure takes back what it would. */
	if (!d->powerfail.possible)
		sync_round(d);
	sync_go_on(d);
	if (nr_losses(d) == losses)
		return 0;
	if (log) {
		record_log_stop(&d->record, "its snapshot failed", NULL);
		unlink(log);
	}
	return zl_fail(
		err, EIO,
		"what was written to %s just before could not be synced, "
		"so there is no snapshot; take another one",
		d->name);
}

int disk_snapshot(struct disk *d, const char *name, const char *log,
		  struct zl_err *err)
{
	uint64_t stopped_ms;
	unsigned losses = 0;
	int ret = snapshot_check_name(name, err);

	if (ret)
		return ret;
	if (hold_stop(d))
		return zl_fail(err, EBUSY,
			       "a command takes too long; there is no snapshot "
			       "(an injected delay ends when it is cleared)");
	stopped_ms = clock_ms();
	ret = complete(d, name, log, &losses, err);
	stopped_ms = clock_ms() - stopped_ms;
	hold_resume(d);
	if (!ret)
		ret = prove_copied(d, log, losses, err);
	if (!ret)
		zl_log(ZL_LOG_INFO, "%s: snapshot %s, after %llu ms%s%s",
		       d->name, name, (unsigned long long)stopped_ms,
		       log ? "; recording to " : "", log ? log : "");
	return ret;
}

int disk_record_stop(struct disk *d, const char *why, struct zl_err *err)
{
	struct record_status st;

	record_log_status(&d->record, &st);
	if (!st.on && !d->record.running)
		return zl_fail(err, EINVAL, "nothing is recorded");
	return record_log_stop(&d->record, why, err);
}

int disk_record_mark(struct disk *d, const char *text, uint64_t *nr,
		     struct zl_err *err)
{
	return record_log_mark(&d->record, text, nr, err);
}

void disk_record_status(struct disk *d, struct record_status *st)
{
	record_log_status(&d->record, st);
}
