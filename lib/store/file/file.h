/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The file store's inside, private to it and its tests: one file per subject
 * and file.c, which puts them together.  Everything returns 0, a count or a
 * descriptor, or -errno.
 */
#ifndef ZL_STORE_FILE_FILE_H
#define ZL_STORE_FILE_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/log.h"
#include "store/file/fd_cache.h"
#include "store/file/fd_group.h"
#include "store/file/fd_held.h"
#include "store/file/names.h"
#include "store/fs.h"
#include "store/store.h"

struct store_file {
	struct store head;
	char *path; /* for sentences; files are opened through dir_fd */
	int dir_fd;
	struct fs fs; /* that the directory is on */
	int lock_fd;  /* -1 = not locked */
	bool dir_locked;
	bool lock_read_only;
	char *lock_name;
	/* Of head.fence: the lock is known to be lost. */
	atomic_bool lost;
	/* The small files and which of them is locked, held over their I/O. */
	pthread_mutex_t names_lock;
	bool names_unsynced; /* a sync of the directory failed */
	/* Files have been made since the last sync_dir. */
	bool made;
	bool direct; /* past the page cache where that is possible */
	atomic_bool direct_told;
	struct zl_limit limit; /* of the log lines that requests cause */
	struct fd_held held;
	struct dir_names names;
	struct fd_group *group;
	struct store_file *next_held; /* the group's list */
	bool may_hold;		      /* it is in there */
	struct file_ring *ring; /* NULL: requests run where they come from */
};

static inline struct store_file *to_file(struct store *st)
{
	return (struct store_file *)st;
}

/* openat.c */

/*
 * openat() with O_NOFOLLOW and O_CLOEXEC, mode 0600, whatever the name is, in
 * the store's directory once that is open.  When the process is out of
 * descriptors, cached ones are closed.
 */
int file_openat_raw(struct store_file *sf, const char *name, int flags);

/*
 * Opens a regular file of the directory, with O_NOFOLLOW and O_CLOEXEC.
 * Anything else of that name is not opened: -ELOOP for a symbolic link, -EISDIR
 * or -EINVAL.
 */
int file_openat(struct store_file *sf, const char *name, int flags);

/* Opens a slot's file, read-only where it cannot be written: then *wr_err is
 * why (an errno), else 0.  *sb: what was opened. */
int file_open_slot(struct store_file *sf, uint32_t slot, int *wr_err,
		   struct stat *sb);

/* fsync of the directory.  With names_lock: a success must not take away the
 * mark of a failure that came after it. */
int file_sync_entries(struct store_file *sf);

/*
 * Removes what the kernel's driver knows of a slot's file.  It never does, and
 * with discard_write_cache cuts the file to that when its device is removed:
 * what we have written since, however durably, would be gone.
 */
int file_forget_flushed(int fd);

/* io.c: runs a request to its end; returns its res. */
int64_t file_request(struct store_file *sf, const struct store_req *req);

/* See store_start_sync(). */
void file_start_sync(struct store *st, uint32_t slot);

/*
 * direct.c: opens the file of @fd, a slot's, for direct I/O as well, and
 * says what memory and offsets must be multiples of.  -1: that is not possible
 * (a sentence in the log says so once).
 */
int file_direct_open(struct store_file *sf, int fd, bool read_only,
		     uint32_t *mem_align, uint32_t *off_align);
bool file_direct_fits(const struct iovec *iov, size_t cnt, uint64_t off,
		      uint32_t mem_align, uint32_t off_align);

/* ring.c: see store_start_engine().  start: with the lock taken. */
int file_ring_start(struct store_file *sf, struct file_ring **ring);
/* No request is under way. */
void file_ring_stop(struct file_ring *r);
/* READ and WRITE without STORE_DSYNC; -EAGAIN also where thread and ring cannot
 * be had. */
void file_ring_submit(struct file_ring *r, struct store_req *req);
/* @fd is the lock from now on: the ring holds it, if there is one.  Any thread;
 * the old one is still open. */
void file_ring_relock(struct file_ring *r, int fd);
/* How long thread and ring stay without a request; a variable for tests, to be
 * changed only while nothing else runs. */
extern unsigned file_ring_idle_ms;

/* dir.c */
int file_stat(struct store *st, uint32_t slot, struct store_stat *stat);
int file_make(struct store *st, uint32_t slot, uint64_t size_bytes);
int file_unmake(struct store *st, uint32_t slot);
int file_resize(struct store *st, uint32_t slot, uint64_t size_bytes);
int file_sync_dir(struct store *st);
int file_sync_all(struct store *st);
int file_space(struct store *st, struct store_space *space);
int file_list(struct store *st, int (*each)(void *user, const char *name),
	      void *user);

/* aside.c */
int file_aside(struct store *st, uint32_t slot, enum store_aside what);

/* meta.c */
int file_meta_read(struct store *st, const char *name, void **data,
		   size_t *len);
int file_meta_replace(struct store *st, const char *name, const void *data,
		      size_t len);
int file_meta_append(struct store *st, const char *name, const void *data,
		     size_t len, bool sync);
int file_meta_remove(struct store *st, const char *name);
int file_meta_cut(struct store *st, const char *name, uint64_t size);
int file_meta_write(struct store *st, const char *name, uint64_t off,
		    const void *data, size_t len, bool sync);

/* fence.c */

/* The lock was just taken. */
int file_fence_begin(struct store_file *sf);
/*
 * What will be written through @fd, and @direct if that is not -1: they are
 * locked, and only then is it proven that the lock still stands, so that they
 * are lost with it.
 */
int file_fence(struct store_file *sf, int fd, int direct);
/* See store_prove(). */
int file_prove(struct store *st);
/* -STORE_FENCED if the lock is known to be lost. */
static inline int file_is_lost(const struct store_file *sf)
{
	return __builtin_expect(
		       atomic_load_explicit(&sf->lost, memory_order_relaxed), 0)
		       ? -STORE_FENCED
		       : 0;
}

/* Before a change that the file system would let pass without the lock: it is
 * proven once more. */
int file_prove_first(struct store_file *sf);

/* lock.c */
int file_lock(struct store *st, const char *name, unsigned wait_ms, bool make,
	      struct zl_err *err);
/* With names_lock. */
bool file_is_locked(const struct store_file *sf, const char *name);
/* Whether the name still leads to it.  With names_lock, locked. */
bool file_lock_is_named(struct store_file *sf);
/* Locks @fd, a new file that is going to get the locked name. */
int file_lock_next(const struct store_file *sf, int fd);
/* @fd has got the locked name: it is the lock from now on.  With names_lock. */
void file_lock_swap(struct store_file *sf, int fd);
void file_unlock(struct store_file *sf);

#endif
