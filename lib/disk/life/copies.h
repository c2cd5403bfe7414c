/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What snapshots, clones and restoring share. */
#ifndef ZL_DISK_LIFE_COPIES_H
#define ZL_DISK_LIFE_COPIES_H

#include "disk/snapshot.h"
#include "store/copy.h"
#include "store/store.h"

/* copies.c */

/* What of a directory makes the disk's contents: all but the sidecar. */
bool copies_wants(const char *name);
/* … with it. */
bool copies_is_contents(const char *name);
/* The names that such a disk's files can have, one for each number, then NULL:
 * store_copy's known. */
struct copies_names {
	struct store layout;
	uint32_t nr_slots;
	char name[STORE_NAME_MAX]; /* the last one */
};
void copies_names_of(const struct disk_meta *meta, struct copies_names *names);
const char *copies_file(void *names, uint32_t nr);
/* store_copy() from the directory of a disk, or a snapshot: none of its files
 * is missed. */
int copies_make(const char *from, const char *to, struct store_copy *copy,
		struct zl_err *err);
/* disk_copy_files() for what will be made durable. */
int copies_make_durable(const char *from, const char *to,
			disk_progress_fn *progress, void *user,
			struct zl_err *err);
/* Removes what copies_is_contents(). */
void copies_empty(const char *dir);
/* What its sidecar says; a disk that is half made is none. */
int copies_meta(const char *dir, struct disk_meta *meta, struct zl_err *err);
/* Marks the journal as one of a disk that was stopped; see
 * disk_copy_complete(). */
int copies_end_journal(struct store *st, const char *name,
		       const struct disk_meta *meta,
		       const struct disk_copy_news *news, bool durable,
		       struct zl_err *err);

/* snapshot.c */

/* snapshot_hold() of the one of that name, and where it is. */
int copies_hold(const char *dir, const char *name, char path[PATH_MAX],
		int *held, struct zl_err *err);

/* Removes what is left of interrupted ones, and the directory of all if it is
 * empty; not while one is being made or deleted. */
void copies_tidy(const char *dir);

/* snapshot_hold.c: for who deletes a snapshot; nobody holds it until the
 * descriptor is closed. */
int copies_hold_alone(const char *path, struct zl_err *err);

/* settle.c: what a restore makes first, and its name when it is complete. */
#define SETTLE_READY "zloop.restore"
#define SETTLE_TMP   SETTLE_READY ".tmp"
/* At the end of a name in it: the disk's file of that name is to go, since the
 * snapshot has none. */
#define SETTLE_GONE ".gone"

int settle_path(const char *dir, const char *name, char path[PATH_MAX],
		struct zl_err *err);
/* Whether there is a complete one. */
bool settle_is_due(const char *dir);
/* Each complete copy takes the place of the disk's file; @disk has the lock. */
int settle_finish(const char *dir, struct store *disk, struct zl_err *err);
/* Before a name is changed in a directory: nothing but having asked keeps a
 * machine from it that has lost the lock. */
int settle_prove(const char *dir, struct store *disk, struct zl_err *err);
/* Opens and locks the directory of a disk that nobody has open. */
int copies_enter(const char *dir, unsigned lock_wait_ms, struct disk_meta *meta,
		 struct store **st, struct zl_err *err);

#endif
