/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The process's cache of zone file descriptors, shared by all file stores:
 * bounded, also by half of RLIMIT_NOFILE, the least recently used leaves first,
 * of the same group (fd_group.h).  Any thread.
 *
 * An entry is pinned from fd_get() to fd_put(), and so is its descriptor:
 * whoever runs a request asynchronously keeps the pin until its completion.
 * When everything is pinned the cache grows over its bound rather than wait.
 *
 * Whatever syncs (a request, an eviction, a hint) counts what it finds lost as
 * store.h says, before another sync of the same file can end.
 */
#ifndef ZL_STORE_FILE_FD_CACHE_H
#define ZL_STORE_FILE_FD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct store_file;
struct fd_entry;

/*
 * Finds or opens the slot's file and pins it.  @nowait: only finds, -EAGAIN if
 * the file is not open.
 */
int fd_get(struct store_file *sf, uint32_t slot, bool nowait,
	   struct fd_entry **entry);
/* Unpins.  @nowait: leaves it to others to close what is over the bound. */
void fd_put(struct fd_entry *e, bool nowait);

/* The descriptor, of a pinned entry. */
int fd_of(const struct fd_entry *e);
/* The one for this transfer at @off: where possible that of direct I/O. */
int fd_for(const struct fd_entry *e, const struct iovec *iov, size_t cnt,
	   uint64_t off);
/* 0, or the errno why the file could be opened for reading only.  Such a
 * descriptor is closed when it is unpinned: its cause may be gone the next
 * time. */
int fd_wr_err(const struct fd_entry *e);
/* The pinned entry's one descriptor; -1: it has two. */
int fd_only(const struct fd_entry *e);
/*
 * Around each call that writes by one of the two: what goes through the page
 * cache is alone.  Where it makes a page dirty that a write past the page cache
 * then cannot drop, Linux says that a sync has failed.
 */
void fd_mixed_begin(struct fd_entry *e, int fd);
void fd_mixed_end(struct fd_entry *e);
/* Around each write of its file, which says whether that has failed. */
bool fd_write_begin(struct fd_entry *e);
void fd_write_end(struct fd_entry *e, bool begun, int64_t res);
/* The file has been changed: to be called after the change, still pinned. */
void fd_set_dirty(struct fd_entry *e);
/* Makes it durable: 0 or -errno.  -EROFS: the file system is read-only, nothing
 * was tried, and what was written is still to be synced. */
int fd_sync(struct fd_entry *e);
/* Begins to. */
void fd_start_sync(struct fd_entry *e);
/* Whether the pinned file is still the one that its name leads to, and has
 * @size bytes at least (0: whatever it is): 0, or -ESTALE and -ENODATA.  It is
 * looked at @now, or where that has not been done for some milliseconds; it is
 * @now_ns (clock_ns(); 0: not known). */
int fd_check(struct fd_entry *e, uint64_t size, uint64_t now_ns, bool now);

/* Closes the slot's descriptor if there is one; -EBUSY if it is pinned. */
int fd_drop(struct store_file *sf, uint32_t slot);
/*
 * The slot's name leads to another file: whoever wants one from now on opens
 * that.  Waits for nobody who has the old one pinned; it is closed with the
 * last pin, and not synced.
 */
void fd_forget(struct store_file *sf, uint32_t slot);
/* Closes and forgets all of a store, none of which may be pinned. */
void fd_drop_all(struct store_file *sf);
/* Closes the least recently used one that @sf (NULL: a local store) may close;
 * false if all are pinned. */
bool fd_evict(const struct store_file *sf);
/*
 * For whoever was refused a descriptor, and has none pinned: makes room, or
 * waits some time for one that is pinned to be let go.  *@end_ms is 0 at first.
 * False: there is none to be had.
 */
bool fd_make_room(const struct store_file *sf, uint64_t *end_ms);

/*
 * What syncs a descriptor, and fails with EROFS where fdatasync() may have done
 * nothing.  A variable so that tests can make it fail; to be changed only while
 * nothing else runs.
 */
extern int (*fd_sync_fn)(int fd);
/* How long fd_make_room() waits in all; likewise. */
extern unsigned fd_wait_ms;

#endif
