/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Whose descriptors a store may close to make room for its own.  To sync and to
 * close a file on a server or a device that does not answer takes until it
 * does, so that is left to the stores on the same file system, which are one
 * group. Each group has its share of the cache.  Any thread.
 */
#ifndef ZL_STORE_FILE_FD_GROUP_H
#define ZL_STORE_FILE_FD_GROUP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* More file systems than that have the last group together. */
#define FD_NR_GROUPS 16

struct store_file;

struct fd_group {
	atomic_uint nr_fds; /* open, or about to be */
	/* The stores of the group that may hold pins: fd_cache.c's. */
	pthread_mutex_t held_lock;
	struct store_file *held_stores;
	/* Under a lock of all groups'. */
	dev_t dev;
	atomic_bool remote;
	atomic_uint nr_stores;
};

extern struct fd_group fd_groups[FD_NR_GROUPS];

/* For a store on the file system @dev. */
struct fd_group *fd_group_join(bool remote, dev_t dev);
void fd_group_leave(struct fd_group *g);
/* Whether, where the process is out of descriptors and @own has none to spare,
 * one of @from may be closed: those of local files. */
bool fd_group_may_take(const struct fd_group *own, const struct fd_group *from);
/* How many of @bound descriptors the group may have open. */
unsigned fd_group_share(const struct fd_group *g, unsigned bound);

#endif
