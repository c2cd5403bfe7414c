/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Snapshots of a disk, copies, and the record that begins with one.
 *
 * Rules that hold everywhere here:
 * - A snapshot is a directory as the disk's own is, and could be opened: it has
 *   the disk's serial number, and its journal says that it was stopped.
 * - It is made as NAME.tmp and renamed when it is complete and durable.
 * - Where the file system has reflinks nothing is copied.
 * - Functions return 0, or -errno with a sentence.
 */
#ifndef ZL_DISK_SNAPSHOT_H
#define ZL_DISK_SNAPSHOT_H

#include <limits.h>

#include "disk/disk.h"
#include "record/log.h"

/* In the disk's directory, so that they are on its file system; no driver looks
 * at it. */
#define SNAPSHOT_DIR	  "zloop.snapshots"
#define SNAPSHOT_NAME_MAX 64
#define SNAPSHOT_LOG	  ".zlog" /* NAME.zlog: where a record goes at first */

/* How long a running disk's commands wait at most while its snapshot is
 * completed. */
#define SNAPSHOT_STOP_MS 8000

struct snapshot {
	char name[SNAPSHOT_NAME_MAX + 1];
	int64_t made_ns; /* CLOCK_REALTIME */
};

/* Letters, digits, '.', '_' and '-', at most SNAPSHOT_NAME_MAX; not ".tmp" or
 * ".zlog" at the end, nor '.' or '-' at the beginning. */
int snapshot_check_name(const char *name, struct zl_err *err);
/* Where it is; -ENAMETOOLONG. */
int snapshot_path(const char *dir, const char *name, char path[PATH_MAX],
		  struct zl_err *err);

/* NAME.zlog in the same place. */
int snapshot_log(const char *dir, const char *name, char path[PATH_MAX],
		 struct zl_err *err);

/* Calls @fn for each, by name, until it returns false; none is no error. */
int snapshot_each(const char *dir,
		  bool (*fn)(void *user, const struct snapshot *snap),
		  void *user, struct zl_err *err);
/* -ENOENT if there is none of that name. */
int snapshot_find(const char *dir, const char *name, struct zl_err *err);
/* -EBUSY: another is being made or deleted, or this one is held. */
int snapshot_delete(const char *dir, const char *name, struct zl_err *err);
/* Until the descriptor that is returned is closed nobody deletes the snapshot
 * whose directory is @path; -ENOENT, or -EBUSY: somebody is doing so. */
int snapshot_hold(const char *path, struct zl_err *err);

/* Of a disk that nobody has open; -EBUSY. */
int snapshot_take(const char *dir, const char *name, disk_progress_fn *progress,
		  void *user, struct zl_err *err);

/*
 * Of an open disk, in three steps, so that its commands wait for the second
 * only: begin() copies what there is, in any process; disk_snapshot() what has
 * changed since, while no command is under way, in the process that has the
 * disk; end() makes it durable and gives it its name.  Or give_up().
 */
struct snapshot_work {
	char dir[PATH_MAX], name[SNAPSHOT_NAME_MAX + 1];
	int lock_fd;
};
int snapshot_begin(const char *dir, const char *name,
		   disk_progress_fn *progress, void *user,
		   struct snapshot_work *work, struct zl_err *err);
int snapshot_end(struct snapshot_work *work, struct zl_err *err);
void snapshot_give_up(struct snapshot_work *work);

/*
 * The second step; commands that come meanwhile wait, SNAPSHOT_STOP_MS at most
 * (-ETIMEDOUT), and then go on while the disk is synced: -EIO if that finds
 * that something was lost.  @log: a new file in which everything is recorded
 * from that moment on, or NULL.  Not from done().
 */
int disk_snapshot(struct disk *disk, const char *name, const char *log,
		  struct zl_err *err);

/* See record/log.h. */
int disk_record_stop(struct disk *disk, const char *why, struct zl_err *err);
int disk_record_mark(struct disk *disk, const char *text, uint64_t *nr,
		     struct zl_err *err);
void disk_record_status(struct disk *disk, struct record_status *st);

/*
 * The disk in @dir becomes what it was; only one that nobody has open (-EBUSY).
 * What is interrupted is completed, or undone if it had not begun to replace
 * files, by disk_settle().
 */
int snapshot_restore(const char *dir, const char *name,
		     disk_progress_fn *progress, void *user,
		     struct zl_err *err);

/* Completes or undoes a restore that was interrupted; called by what opens or
 * checks a disk.  -EBUSY: one is under way. */
int disk_settle(const char *dir, unsigned lock_wait_ms, struct zl_err *err);

/*
 * A copy of the disk in @dir, or of its @snapshot, in the directory @to, which
 * is made, or is empty.  It has a serial number of its own, in *meta.
 */
int disk_clone(const char *dir, const char *snapshot, const char *to,
	       disk_progress_fn *progress, void *user, struct disk_meta *meta,
	       struct zl_err *err);

/* What the journal has to be told of files that were changed; NULL: nothing. */
struct disk_copy_news {
	/* By slot: whether it was written out of order (1), was not (0), or is
	 * as it was (-1). */
	const int8_t *non_seq;
	/* By realm: the domain that it was activated in, after which nothing is
	 * known of its zones but what non_seq says; UINT8_MAX: it was not. */
	const uint8_t *active;
};

/*
 * The two halves of that, for who changes the files in between: all but the
 * sidecar; and what makes a disk of it.  @meta: the sidecar's; a new serial
 * number is put into it.  @news may be NULL.  @durable: what it
 * writes is, the files are made so before; or it is for now.
 */
int disk_copy_files(const char *from, const char *to,
		    disk_progress_fn *progress, void *user, struct zl_err *err);
/* Brings what disk_copy_files() made, and was changed since, in step again, but
 * for the files that @leaves says.  -ENOTEMPTY: there are directories in it. */
int disk_copy_again(const char *from, const char *to,
		    bool (*leaves)(void *user, const char *name), void *user,
		    struct zl_err *err);
int disk_copy_complete(const char *to, struct disk_meta *meta,
		       const struct disk_copy_news *news, bool durable,
		       struct zl_err *err);
/* Makes the directory, or finds it empty: 1: made, 0: was there. */
int disk_copy_make_dir(const char *to, struct zl_err *err);
/* Takes that back, with the files of a disk that are in it. */
void disk_copy_drop(const char *to, bool made);

/* What a record, @log, begins with: the disk, and the directory of the
 * snapshot. */
int disk_record_head(const char *text, size_t len, const char *log,
		     char snapshot[PATH_MAX], struct disk_meta *meta,
		     struct zone_geo *geo, struct zl_err *err);

#endif
