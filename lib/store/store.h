/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Where a disk's bytes are: one directory, in it one file per slot and some
 * small named files.  Knows no LBA and no zone condition.
 *
 * Rules that hold everywhere here:
 * - Offsets and lengths are bytes.  A slot's number is its index on the disk;
 *   conventional slots are "cnv-%06u", the others "seq-%06u", as the
 *   kernel's zloop names them (drivers/block/zloop.c).
 * - Functions return 0 or a positive count, or -errno.  What a person must be
 *   told goes to a struct zl_err as well.
 * - Every change to the medium goes through one of the operations below, each
 *   of which could be undone until the next sync of the same file.  So a store
 *   that takes back what was not flushed can be put in front of any other.
 * - Stores stack: the fault-injecting store wraps another one, and whoever uses
 *   a store cannot tell which it is.
 * - Requests (struct store_req) may be submitted from any thread.  The user
 *   never has two requests that change one slot under way at the same time;
 *   reads and syncs may run beside anything.
 * - So may stat, make, unmake, space, aside, sync_dir and those of the small
 *   files (meta_*) be called from any thread, beside each other and beside
 *   requests; the user never has two calls for the same slot or the same small
 *   file under way. list, resize, lock, sync_all, start_engine, stop_engine and
 *   close are called while nothing else is.
 * - A change of names that could not be made durable is not forgotten: no later
 *   sync_dir, meta_replace or durable meta_append succeeds before it is.
 * - A thread must not be cancelled (pthread_cancel) in here: it may hold locks.
 */
#ifndef ZL_STORE_STORE_H
#define ZL_STORE_STORE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"

struct store;
struct store_req;

enum store_op {
	/* Fills iov from off; res = bytes, fewer than asked only at the end of
	 * the file. */
	STORE_READ,
	/* Writes iov at off.  Sequential slots: off is the file's size (the
	 * file grows), or anywhere where the zones permit it; what is passed
	 * over reads as zeros.  Conventional slots: within the file.  res =
	 * bytes, always all of them or -errno: a short write is continued
	 * below. After an error the file may have grown: see STORE_CUT. */
	STORE_WRITE,
	/* Sequential: the file becomes empty (RESET WRITE POINTER).  Its
	 * preallocation is given back, the kernel's write pointer attribute
	 * (user.zloop.wp) removed. */
	STORE_RESET,
	/* Sequential: the file grows to len without data (FINISH ZONE), its
	 * preallocation is given back.  -EINVAL if it is longer already. */
	STORE_FINISH,
	/* Sequential: the file is cut to off: takes back a failed write.
	 * -EINVAL if it is shorter already. */
	STORE_CUT,
	/* Deallocates len bytes from off of a conventional slot: they read as
	 * zeros. */
	STORE_PUNCH,
	/* Makes the file's data and size durable: 0 vouches for what was
	 * written before, as long as no loss has been counted since then (see
	 * struct store_losses); so does a write with STORE_DSYNC, for its own
	 * data.  An error without a loss: nothing was tried. */
	STORE_SYNC,
	STORE_NR_OPS,
};

/* Complete before store_submit() returns and never block (READ and WRITE): res
 * is -EAGAIN, or fewer bytes than asked for, where the rest would have;
 * -EOPNOTSUPP where the file system cannot tell (writes on ext4). */
#define STORE_NOWAIT 0x1
/* The data is durable when the request completes (WRITE: FUA).  Never together
 * with STORE_NOWAIT. */
#define STORE_DSYNC 0x2
/* Leave it to the engine, do not run it in the calling thread (READ and WRITE
 * without STORE_DSYNC, where store->async).  -EAGAIN if the calling thread
 * would have had to open a file first, or the engine cannot take it now. */
#define STORE_ASYNC 0x4
/* Complete before store_submit() returns (READ and WRITE): -EAGAIN if a file
 * would have to be opened first.  Apart from that it may block. */
#define STORE_NO_OPEN 0x8

struct store_req {
	/* Set by the user, unchanged below. */
	enum store_op op;
	uint32_t slot;
	unsigned flags;
	uint64_t off;
	uint64_t len; /* bytes in iov for READ and WRITE */
	/* WRITE, FINISH and SYNC: what the file must have, in bytes; 0 =
	 * whatever it has.  If it is found to have less, somebody else has cut
	 * it: nothing is done, and res is -ENODATA; -ESTALE if its name has
	 * been removed or given to another file.  Looked at when a file is
	 * opened, before each sync, and otherwise once in a while. */
	uint64_t size;
	uint64_t
		now_ns; /* clock_ns(), as far as that is known; 0 = it is not */
	const struct iovec *iov;
	size_t iov_cnt;
	/* Called exactly once, perhaps before store_submit() returns, on any
	 * thread.  The request is the user's again from then on. */
	void (*done)(struct store_req *req);
	void *user;

	/* Set below before done(): bytes for READ and WRITE, else 0; -errno */
	int64_t res;

	/* The store's own. */
	struct store_req *next;
	void *priv;
};

enum store_kind {
	STORE_KIND_MISSING,
	STORE_KIND_FILE,
	STORE_KIND_SYMLINK,
	STORE_KIND_DIR,
	STORE_KIND_OTHER,
};

struct store_stat {
	enum store_kind kind;
	uint64_t size_bytes;
	uint64_t alloc_bytes; /* st_blocks × 512 */
	int64_t mtime_ns; /* CLOCK_REALTIME; 0: it is not known, or is another
			     machine's */
	/* By this process, judged by mode and owner.  Root is judged like the
	 * owner, so that a file without write permission is a read-only zone
	 * for a daemon as well. */
	bool readable, writable;
};

struct store_space {
	uint64_t free_bytes;
	uint64_t
		free_inodes; /* UINT64_MAX where the file system has no limit */
	uint32_t block_bytes; /* the file system's block size */
	bool read_only;
};

/*
 * What the file system keeps a machine from that has lost its lock, since it
 * was cut off and another one has taken over.
 */
enum store_fence {
	/* From nothing; or that cannot be, since nobody else has the files. */
	STORE_FENCE_NONE,
	/* From what goes through a descriptor that was locked before.  The
	 * store locks all that it writes through.  Names are not kept from it:
	 * what is to be replaced while the disk runs is written in place. */
	STORE_FENCE_LOCKED,
	/* From everything. */
	STORE_FENCE_ALL,
};

/* The errno of all that would change something once the lock is lost, for good:
 * see store_prove(). */
#define STORE_FENCED ESHUTDOWN

/* What becomes of a slot's earlier file, "<its name>.undo". */
enum store_aside {
	/* The slot's file gets this name (in the place of what has it), and an
	 * empty one that of the slot. */
	STORE_ASIDE_SET,
	STORE_ASIDE_BACK, /* it is the slot's file again; -ENOENT */
	STORE_ASIDE_DROP, /* it is removed; -ENOENT */
};

/*
 * What a kind of store does.  One that wraps another leaves out what is to pass
 * it by; submit and close it must have.
 */
struct store_ops {
	const char *name; /* for logs: "file", "memory", "fault" */
	void (*submit)(struct store *st, struct store_req *req);
	void (*close)(struct store *st);
	int (*stat)(struct store *st, uint32_t slot, struct store_stat *stat);
	int (*make)(struct store *st, uint32_t slot, uint64_t size_bytes);
	int (*unmake)(struct store *st, uint32_t slot);
	int (*resize)(struct store *st, uint32_t slot, uint64_t size_bytes);
	int (*sync_dir)(struct store *st);
	int (*space)(struct store *st, struct store_space *space);
	int (*list)(struct store *st, int (*each)(void *user, const char *name),
		    void *user);
	int (*meta_read)(struct store *st, const char *name, void **data,
			 size_t *len);
	int (*meta_replace)(struct store *st, const char *name,
			    const void *data, size_t len);
	int (*meta_append)(struct store *st, const char *name, const void *data,
			   size_t len, bool sync);
	int (*meta_remove)(struct store *st, const char *name);
	int (*lock)(struct store *st, const char *name, unsigned wait_ms,
		    bool make, struct zl_err *err);
	int (*sync_all)(struct store *st);
	int (*aside)(struct store *st, uint32_t slot, enum store_aside what);
	int (*meta_cut)(struct store *st, const char *name, uint64_t size);
	int (*meta_write)(struct store *st, const char *name, uint64_t off,
			  const void *data, size_t len, bool sync);
	/* NULL in all: there is nothing that could be lost. */
	int (*prove)(struct store *st);
	/* These are never passed on. NULL: there is none. */
	int (*start_engine)(struct store *st);
	void (*stop_engine)(struct store *st);
	void (*start_sync)(struct store *st, uint32_t slot);
};

/*
 * Syncs that failed.  Linux reports an error once per open descriptor and calls
 * the pages clean: who shares a descriptor shares the error, and the next sync
 * succeeds without what was lost.  So they are counted, per slot, and a change
 * is durable only if a sync that came after it succeeded and the count is still
 * what it was *before the change*.
 *
 * A loss is counted before any other sync of the same slot can end.
 */
struct store_losses {
	uint32_t nr_slots;
	/* See store_on_unasked_loss(). */
	pthread_mutex_t lock;
	void (*unasked)(void *user, uint32_t slot);
	void *user;
	atomic_uint count[]; /* by slot; wraps */
};

#define STORE_MAX_RUNS 8

/* Which slots are conventional: runs of them, each behind the one before and up
 * to @end.  Slots behind the last are not. */
struct store_layout {
	struct store_run {
		uint32_t end;
		bool conv;
	} runs[STORE_MAX_RUNS];
};

/* The head of every kind of store. */
struct store {
	const struct store_ops *ops;
	struct store_losses *losses; /* NULL: nobody counts */
	struct store_layout layout;  /* set once by store_set_layout() */
	struct store *lower; /* the store that this one wraps; NULL = none */
	bool async;	     /* STORE_ASYNC means something */
	enum store_fence fence;
	/* How many calls are worth being under way at once where nothing else
	 * limits them: more than 1 where each waits for another machine. */
	unsigned at_once;
};

#define STORE_MAX_AT_ONCE 32

/* Which slots are conventional, for @st and all stores below it; before the
 * first use of a slot. */
static inline void store_set_layout(struct store *st,
				    struct store_layout layout)
{
	for (; st; st = st->lower)
		st->layout = layout;
}

/* The first @nr, and no others. */
static inline struct store_layout store_conv_first(uint32_t nr)
{
	return (struct store_layout){ .runs = { { nr, true } } };
}

/* The head of a store that wraps @lower, which becomes its own. */
static inline void store_wrap(struct store *st, const struct store_ops *ops,
			      struct store *lower)
{
	st->ops = ops;
	st->losses = lower->losses;
	st->layout = lower->layout;
	st->fence = lower->fence;
	st->at_once = lower->at_once;
	st->lower = lower;
}

/*
 * Lets @st and all stores below it count from now on, in memory that goes with
 * the lowest one.  Before the first request; 0 or -ENOMEM.
 */
int store_count_losses(struct store *st, uint32_t nr_slots);

/*
 * Calls @fn after a loss that no request will tell of: a file is closed to make
 * room for another one.  On the thread that does so, which may be another
 * store's user's; @fn may wait for small files, but not for zone files.  NULL:
 * nobody is told; when this returns nobody is being told either.
 */
void store_on_unasked_loss(struct store *st,
			   void (*fn)(void *user, uint32_t slot), void *user);
/* For the store that has counted it. */
void store_tell_unasked_loss(struct store *st, uint32_t slot);

/* How many syncs of the slot have failed.  Any thread. */
static inline unsigned store_nr_losses(const struct store *st, uint32_t slot)
{
	struct store_losses *l = st->losses;

	return l && slot < l->nr_slots ? atomic_load(&l->count[slot]) : 0;
}

/* Counts one.  Any thread. */
static inline void store_lost(struct store *st, uint32_t slot)
{
	struct store_losses *l = st->losses;

	if (l && slot < l->nr_slots)
		atomic_fetch_add(&l->count[slot], 1);
}

/*
 * For who makes a request fail that is not handed down: a STORE_SYNC is a loss,
 * unless @error is one with which nothing would have been tried: a read-only
 * file system, a file that cannot be opened for want of descriptors or memory.
 */
static inline void store_made_to_fail(struct store *st,
				      const struct store_req *req, int error)
{
	if (req->op == STORE_SYNC && error != -EROFS && error != -EMFILE &&
	    error != -ENFILE && error != -ENOMEM)
		store_lost(st, req->slot);
}

static inline bool store_slot_is_conv(const struct store *st, uint32_t slot)
{
	const struct store_run *run = st->layout.runs;

	for (int i = 0; i < STORE_MAX_RUNS; i++)
		if (slot < run[i].end)
			return run[i].conv;
	return false;
}

/* Bytes of the longest slot name with its final NUL. */
#define STORE_NAME_MAX 16

/* Writes the slot's file name to @buf. */
void store_slot_name(const struct store *st, uint32_t slot,
		     char buf[STORE_NAME_MAX]);

/* The store itself, or the first below it that has the operation @op. */
#define store_that_does(st, op)             \
	({                                  \
		struct store *that = (st);  \
		while (!that->ops->op)      \
			that = that->lower; \
		that;                       \
	})

/* Hands a request down.  Any thread. */
static inline void store_submit(struct store *st, struct store_req *req)
{
	st->ops->submit(st, req);
}

/*
 * Runs one request and waits for it: returns its res.  done and user are
 * overwritten.  Not to be called from a done().
 */
int64_t store_run(struct store *st, struct store_req *req);

/*
 * Has an engine for requests with STORE_ASYNC from now on: io_uring for a store
 * of files, which takes up a thread and descriptors only while there are such
 * requests.  After store_lock().  -ENOSYS or another -errno if there is none,
 * or the system does not permit it; the store then works without.
 */
int store_start_engine(struct store *st);
/* No request is under way.  When it returns the engine's thread has, from the
 * last done(), too. */
void store_stop_engine(struct store *st);

/*
 * Begins to write back what is dirty of a slot's file, so that syncs of many
 * files need not wait for one after the other.  Only a hint: says nothing about
 * success; what goes wrong is counted as a loss.
 */
static inline void store_start_sync(struct store *st, uint32_t slot)
{
	if (st->ops->start_sync)
		st->ops->start_sync(st, slot);
}

/* What a slot's file is now; a missing one is not an error. */
static inline int store_stat(struct store *st, uint32_t slot,
			     struct store_stat *stat)
{
	st = store_that_does(st, stat);
	return st->ops->stat(st, slot, stat);
}

/* Makes a slot's file with this size (sparse), mode 0600; -EEXIST if there is
 * anything of that name; on NFS an empty file is taken for the new one.  By
 * somebody who has the directory's lock. */
static inline int store_make(struct store *st, uint32_t slot,
			     uint64_t size_bytes)
{
	st = store_that_does(st, make);
	return st->ops->make(st, slot, size_bytes);
}

/* Removes a slot's file.  Reads of it may be under way and are not waited
 * for. */
static inline int store_unmake(struct store *st, uint32_t slot)
{
	st = store_that_does(st, unmake);
	return st->ops->unmake(st, slot);
}

/* Sets a file's size while nothing else runs: opening a damaged disk, and
 * repair. */
static inline int store_resize(struct store *st, uint32_t slot,
			       uint64_t size_bytes)
{
	st = store_that_does(st, resize);
	return st->ops->resize(st, slot, size_bytes);
}

/* Makes the directory's entries durable, and the sizes of the files made. */
static inline int store_sync_dir(struct store *st)
{
	st = store_that_does(st, sync_dir);
	return st->ops->sync_dir(st);
}

/*
 * Makes all files durable at once, whoever wrote them: for what a process that
 * died left in the page cache.  Syncs the whole file system, so that hundreds
 * of thousands of files cost no more than what is dirty of them.
 */
static inline int store_sync_all(struct store *st)
{
	st = store_that_does(st, sync_all);
	return st->ops->sync_all(st);
}

/* Room on the file system. */
static inline int store_space(struct store *st, struct store_space *space)
{
	st = store_that_does(st, space);
	return st->ops->space(st, space);
}

/* Calls @each for each name in the directory ("." and ".." left out) in any
 * order until it returns non-zero, which is then returned. */
static inline int store_list(struct store *st,
			     int (*each)(void *user, const char *name),
			     void *user)
{
	st = store_that_does(st, list);
	return st->ops->list(st, each, user);
}

/*
 * Small named files.  meta_read: *data is malloc'ed (with a NUL behind len
 * bytes) and the caller's; -ENOENT if there is none; files over 64 MiB, and
 * what is not a regular file, are refused (-EFBIG, -EINVAL; -ELOOP for a
 * symbolic link).  meta_replace: atomic and durable: temporary file, fsync,
 * rename, fsync of the directory.  meta_append: adds at the end in one write,
 * all or nothing, makes the file if there is none; @sync makes it durable (with
 * len 0: what was added before, and the file's name).  The locked file stays
 * locked over meta_replace; -ENOENT if its name leads elsewhere, since somebody
 * has taken it away: only meta_replace puts one in its place.  meta_remove:
 * -ENOENT if there is none.  meta_cut: gives the file size bytes, what is added
 * being zeros, and durably; needs no room.  meta_write: puts @len bytes at
 * @off, over what is there or behind it; in parts if it is interrupted; only of
 * the locked file, through the descriptor that has the lock.
 */
static inline int store_meta_read(struct store *st, const char *name,
				  void **data, size_t *len)
{
	st = store_that_does(st, meta_read);
	return st->ops->meta_read(st, name, data, len);
}

static inline int store_meta_replace(struct store *st, const char *name,
				     const void *data, size_t len)
{
	st = store_that_does(st, meta_replace);
	return st->ops->meta_replace(st, name, data, len);
}

static inline int store_meta_append(struct store *st, const char *name,
				    const void *data, size_t len, bool sync)
{
	st = store_that_does(st, meta_append);
	return st->ops->meta_append(st, name, data, len, sync);
}

static inline int store_meta_remove(struct store *st, const char *name)
{
	st = store_that_does(st, meta_remove);
	return st->ops->meta_remove(st, name);
}

static inline int store_meta_cut(struct store *st, const char *name,
				 uint64_t size)
{
	st = store_that_does(st, meta_cut);
	return st->ops->meta_cut(st, name, size);
}

static inline int store_meta_write(struct store *st, const char *name,
				   uint64_t off, const void *data, size_t len,
				   bool sync)
{
	st = store_that_does(st, meta_write);
	return st->ops->meta_write(st, name, off, data, len, sync);
}

/*
 * Whether the lock is still ours, by asking whoever keeps it: 0 if it was when
 * that was asked; -STORE_FENCED if it is lost, and will be so for good; another
 * -errno if that cannot be found out.  0 where it cannot be lost.  Waits for
 * the server.  Any thread.
 */
static inline int store_prove(struct store *st)
{
	while (st && !st->ops->prove)
		st = st->lower;
	return st ? st->ops->prove(st) : 0;
}

/*
 * Sets a sequential slot's file aside, or ends that.  The slot's name is never
 * missing, whenever the process dies; a file "<its name>.new" may be left.
 * Reads may run beside it, are not waited for and read either file; nothing
 * else of that slot.  Durable after store_sync_dir() and a STORE_SYNC of the
 * slot.
 */
static inline int store_aside(struct store *st, uint32_t slot,
			      enum store_aside what)
{
	st = store_that_does(st, aside);
	return st->ops->aside(st, slot, what);
}

/*
 * Takes the directory's lock: an exclusive flock on the directory, which holds
 * whatever becomes of its files and by whichever name it is reached, and one on
 * the file @name.  Held until close and for as long as a request can still
 * reach the medium.  Waits up to @wait_ms.  @make: make the file if it is
 * missing; else -ENOENT, with the directory locked.  -EBUSY when somebody else
 * has it: the sentence names the process (pid and command, from /proc/locks)
 * where that can be found out; else err->who_unknown.
 */
static inline int store_lock(struct store *st, const char *name,
			     unsigned wait_ms, bool make, struct zl_err *err)
{
	st = store_that_does(st, lock);
	return st->ops->lock(st, name, wait_ms, make, err);
}

/* Waits for nothing: the user has no request under way.  Frees the store. */
static inline void store_close(struct store *st)
{
	st->ops->close(st);
}

/*
 * The real store: files in the directory @path, which is opened once, with
 * O_NOFOLLOW on its last part; files are opened relative to it, with
 * O_NOFOLLOW, and kept in a descriptor cache of the process (LRU,
 * store_file_set_max_fds(), default 512).  A dirty file is synced before its
 * descriptor leaves the cache.  Requests run in the calling thread.
 * Returns 0, or -errno with a sentence (does not exist, is not a directory, is
 * a symbolic link, permission).
 */
int store_file_open(const char *path, struct store **st, struct zl_err *err);

/*
 * Whether somebody has the lock @name, for one who only looks, and who is in
 * nobody's way but for the moment until he closes the store: others who look do
 * the same side by side, and a store_lock() waits.  @alone: with no other who
 * does so, which file systems without a lock of directories (NFS) do not give.
 * Waits up to @wait_ms for who has it.  0, -ENOENT (there is no such file), or
 * -EBUSY and a sentence as of store_lock().  The store gets no lock that it
 * could write with.
 */
int store_file_look(struct store *st, const char *name, bool alone,
		    unsigned wait_ms, struct zl_err *err);

/*
 * Reads and writes go past the page cache (O_DIRECT) where the file system's
 * alignment allows it, through it where not; both see the same data.  Those
 * that must not block are refused with -EAGAIN, since a device always takes its
 * time.  Before the first request.
 */
void store_file_set_direct(struct store *st);

/* Bound of the process's cached descriptors, ≥ 4; half of RLIMIT_NOFILE is
 * another. */
void store_file_set_max_fds(unsigned max_fds);

/* Descriptors in the cache now (tests, statistics).  Over the bound only while
 * more requests than that are under way, or for some requests after a store on
 * another file system was opened, which takes its share. */
unsigned store_file_nr_fds(void);

/*
 * Asks whether anybody else has the slot's file open, above all the kernel's
 * zloop, which takes no lock.  Returns 0 if nobody has, -EBUSY if somebody has
 * (or a request of our own is under way), -ENOENT, -EACCES if it cannot be told
 * (neither root nor the file's owner), -EINVAL where the file system has no
 * leases that tell (fcntl_setlease(), fs/locks.c; on NFS and SMB they are
 * delegations).
 * It takes a write lease for some microseconds.  Somebody who opens the file in
 * that moment waits that long (with O_NONBLOCK: gets EWOULDBLOCK); the signal
 * sent to us then is SIGURG, which does nothing unless caught, and not the
 * usual SIGIO, which would end the process.
 */
int store_file_probe_users(struct store *st, uint32_t slot);

#endif
