// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The process's cache of zone file descriptors. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "store/file/fd_writes.h"
#include "store/file/file.h"

#define NR_SHARDS  16
#define NR_BUCKETS 256
#define MIN_FDS	   4

struct fd_entry {
	struct fd_entry *next;		/* of the bucket */
	struct fd_entry *newer, *older; /* in the LRU list while it has fd */
	struct store_file *sf;
	uint32_t slot;
	struct named_file file;
	int fd;	    /* -1: being opened, or closed */
	int wr_err; /* why fd is read-only */
	int direct; /* the same file for direct I/O, -1: not possible */
	uint32_t mem_align, off_align; /* … of what it can do */
	unsigned pins;
	bool busy; /* a thread opens or closes it: wait for the shard */
	/* Nobody finds it; closed with its last pin. */
	atomic_bool forgotten;
	/* Misses when it was last moved in the list. */
	_Atomic(uint64_t) stamp;
	atomic_bool dirty;

	/* One sync at a time: the kernel reports an error to one only, and the
	 * others must find it counted. */
	pthread_mutex_t sync_lock;
	struct fd_writes writes; /* where they may be told of a loss */
	pthread_rwlock_t mixed;	 /* with direct: see fd_mixed_begin() */
};

/*
 * A shard's lock covers its lists and its entries' fields but for those of
 * syncing.  Nobody holds two shards' locks, nor one while calling the kernel.
 * Order: sync_lock and a shard's lock are never held together; a group's
 * held_lock, of the list of its stores that may hold pins, before a shard's.
 * Whoever calls pins back from other stores ends them under it, so that a store
 * which has left the list has none any more.
 */
struct shard {
	pthread_mutex_t lock;
	pthread_cond_t not_busy;
	struct fd_entry *bucket[NR_BUCKETS];
	struct fd_entry *newest, *oldest; /* with a descriptor */
} __attribute__((aligned(64)));

static struct shard shards[NR_SHARDS] = {
	[0 ... NR_SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER,
				  .not_busy = PTHREAD_COND_INITIALIZER },
};
static atomic_uint max_fds = 512;
static atomic_uint bound = 512; /* max_fds, or less: see set_bound() */
/* The LRU's clock.  It stands still while every descriptor is found, so that
 * threads on different shards share no line that is written. */
static atomic_uint_fast64_t misses;

int (*fd_sync_fn)(int fd) = fdatasync;
unsigned fd_wait_ms = 5000;

static uint32_t hash(const struct store_file *sf, uint32_t slot)
{
	uint64_t h = (uintptr_t)sf / sizeof(*sf) + slot;

	return (uint32_t)(h * UINT64_C(0x9e3779b97f4a7c15) >> 40);
}

static struct shard *shard_of(const struct store_file *sf, uint32_t slot)
{
	return &shards[hash(sf, slot) % NR_SHARDS];
}

static struct fd_entry **bucket_of(struct shard *sh,
				   const struct store_file *sf, uint32_t slot)
{
	return &sh->bucket[hash(sf, slot) / NR_SHARDS % NR_BUCKETS];
}

static struct fd_entry *find(struct shard *sh, const struct store_file *sf,
			     uint32_t slot)
{
	struct fd_entry *e = *bucket_of(sh, sf, slot);

	while (e && (e->sf != sf || e->slot != slot || e->forgotten))
		e = e->next;
	return e;
}

/* The entry once no other thread opens or closes it; NULL if there is none. */
static struct fd_entry *find_settled(struct shard *sh,
				     const struct store_file *sf, uint32_t slot)
{
	struct fd_entry *e;

	while ((e = find(sh, sf, slot)) && e->busy)
		pthread_cond_wait(&sh->not_busy, &sh->lock);
	return e;
}

static void lru_add(struct shard *sh, struct fd_entry *e)
{
	e->stamp = atomic_load(&misses);
	e->newer = NULL;
	e->older = sh->newest;
	if (e->older)
		e->older->newer = e;
	else
		sh->oldest = e;
	sh->newest = e;
}

/* No descriptor has been opened since it was moved. */
static bool is_new(const struct fd_entry *e)
{
	return e->stamp == atomic_load_explicit(&misses, memory_order_relaxed);
}

static void lru_del(struct shard *sh, struct fd_entry *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		sh->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		sh->oldest = e->newer;
}

/* Those that go past the page cache may never end. */
static void init_mixed(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

static struct fd_entry *new_entry(struct shard *sh, struct store_file *sf,
				  uint32_t slot)
{
	struct fd_entry **b = bucket_of(sh, sf, slot);
	struct fd_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	pthread_mutex_init(&e->sync_lock, NULL);
	fd_writes_init(&e->writes);
	init_mixed(&e->mixed);
	e->sf = sf;
	e->slot = slot;
	store_slot_name(&sf->head, slot, e->file.name);
	e->fd = e->direct = -1;
	e->next = *b;
	*b = e;
	return e;
}

static void free_entry(struct shard *sh, struct fd_entry *e)
{
	struct fd_entry **p = bucket_of(sh, e->sf, e->slot);

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	pthread_rwlock_destroy(&e->mixed);
	fd_writes_destroy(&e->writes);
	pthread_mutex_destroy(&e->sync_lock);
	free(e);
}

/* The group's least recently used entry that is not pinned.  Few are. */
static struct fd_entry *oldest_idle(const struct shard *sh,
				    const struct fd_group *g)
{
	struct fd_entry *e = sh->oldest;

	while (e && (e->pins || e->sf->group != g))
		e = e->newer;
	return e;
}

static void not_busy(struct shard *sh, struct fd_entry *e)
{
	e->busy = false;
	pthread_cond_broadcast(&sh->not_busy);
	if (e->fd < 0)
		free_entry(sh, e);
}

static void log_lost(const struct fd_entry *e, int ret)
{
	zl_log_limited(&e->sf->limit, ZL_LOG_ERR, "%s/%s: sync failed: %s",
		       e->sf->path, e->file.name, limit_strerror(-ret));
}

/* Before it is closed; @tell: who has lost something by that may be told. */
static void sync_idle(struct fd_entry *e, bool tell)
{
	unsigned losses = store_nr_losses(&e->sf->head, e->slot);
	int ret = fd_sync(e);

	if (ret < 0 && ret != -EROFS)
		log_lost(e, ret);
	/* Nobody has asked for this sync, and nobody would hear of what it has
	 * lost before the next one. */
	if (tell && store_nr_losses(&e->sf->head, e->slot) != losses)
		store_tell_unasked_loss(&e->sf->head, e->slot);
}

static void close_both(struct fd_entry *e, int fd)
{
	atomic_uint *nr_fds = &e->sf->group->nr_fds;

	close(fd);
	atomic_fetch_sub(nr_fds, 1);
	if (e->direct < 0)
		return;
	close(e->direct);
	atomic_fetch_sub(nr_fds, 1);
	e->direct = -1;
}

/* Closes an idle entry's descriptor, the lock let go meanwhile. */
static void close_idle(struct shard *sh, struct fd_entry *e, bool tell)
{
	lru_del(sh, e);
	e->busy = true;
	pthread_mutex_unlock(&sh->lock);
	if (!e->forgotten && atomic_exchange(&e->dirty, false))
		sync_idle(e, tell);
	close_both(e, e->fd);
	pthread_mutex_lock(&sh->lock);
	e->fd = e->direct = -1;
	not_busy(sh, e);
}

/* The shard with the group's oldest idle entry, NULL if all are pinned. */
static struct shard *oldest_shard(const struct fd_group *g)
{
	uint64_t stamp = UINT64_MAX;
	struct shard *found = NULL;
	struct fd_entry *e;

	for (struct shard *sh = shards; sh < shards + NR_SHARDS; sh++) {
		pthread_mutex_lock(&sh->lock);
		e = oldest_idle(sh, g);
		if (e && e->stamp < stamp) {
			stamp = e->stamp;
			found = sh;
		}
		pthread_mutex_unlock(&sh->lock);
	}
	return found;
}

static void unpin(struct fd_entry *e, bool used);

static void call_back(struct store_file *sf)
{
	struct fd_entry *e;

	for (uint32_t at = 0; at < FD_HELD_MAX; at++) {
		e = fd_held_take_any(&sf->held, at);
		if (e)
			unpin(e, false);
	}
}

/* Pins that no request has: what is idle is to be seen as such. */
static void call_all_back(struct fd_group *g)
{
	pthread_mutex_lock(&g->held_lock);
	for (struct store_file *sf = g->held_stores; sf; sf = sf->next_held)
		if (atomic_exchange(&sf->held.some, false))
			call_back(sf);
	pthread_mutex_unlock(&g->held_lock);
}

static void join_held(struct store_file *sf)
{
	struct fd_group *g = sf->group;

	pthread_mutex_lock(&g->held_lock);
	if (!sf->may_hold) {
		sf->may_hold = true;
		sf->next_held = g->held_stores;
		g->held_stores = sf;
	}
	pthread_mutex_unlock(&g->held_lock);
}

static void leave_held(struct store_file *sf)
{
	struct store_file **link = &sf->group->held_stores;

	pthread_mutex_lock(&sf->group->held_lock);
	while (*link && *link != sf)
		link = &(*link)->next_held;
	if (*link)
		*link = sf->next_held;
	sf->may_hold = false;
	call_back(sf);
	pthread_mutex_unlock(&sf->group->held_lock);
}

static bool evict(struct fd_group *g, bool tell)
{
	struct shard *sh;
	struct fd_entry *e;

	call_all_back(g);
	/* Another thread may take the oldest one first: look again. */
	while ((sh = oldest_shard(g))) {
		pthread_mutex_lock(&sh->lock);
		e = oldest_idle(sh, g);
		if (e)
			close_idle(sh, e, tell);
		pthread_mutex_unlock(&sh->lock);
		if (e)
			return true;
	}
	return false;
}

static const struct fd_group *group_of(const struct store_file *sf)
{
	return sf ? sf->group : NULL;
}

static bool evict_other(const struct fd_group *own)
{
	for (struct fd_group *g = fd_groups; g < fd_groups + FD_NR_GROUPS; g++)
		if (g != own && fd_group_may_take(own, g) && evict(g, false))
			return true;
	return false;
}

/* Who needs a descriptor at once may be about to write the journal, which
 * telling would wait for. */
bool fd_evict(const struct store_file *sf)
{
	const struct fd_group *own = group_of(sf);

	return (own && evict(sf->group, false)) || evict_other(own);
}

static bool is_pinned(struct shard *sh, const struct fd_group *own)
{
	struct fd_entry *e;

	pthread_mutex_lock(&sh->lock);
	for (e = sh->oldest; e; e = e->newer)
		if (e->pins && fd_group_may_take(own, e->sf->group))
			break;
	pthread_mutex_unlock(&sh->lock);
	return e;
}

static bool any_is_pinned(const struct fd_group *own)
{
	for (struct shard *sh = shards; sh < shards + NR_SHARDS; sh++)
		if (is_pinned(sh, own))
			return true;
	return false;
}

bool fd_make_room(const struct store_file *sf, uint64_t *end_ms)
{
	if (fd_evict(sf))
		return true;
	if (!*end_ms)
		*end_ms = clock_ms() + fd_wait_ms;
	if (clock_ms() >= *end_ms || !any_is_pinned(group_of(sf)))
		return false;
	clock_sleep_ms(1);
	return true;
}

/* At most half of what the process may have, now: others need some, too. */
static void set_bound(void)
{
	unsigned max = atomic_load(&max_fds);
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit))
		max = (unsigned)min_u64(max, limit.rlim_cur / 2);
	atomic_store(&bound, max < MIN_FDS ? MIN_FDS : max);
}

static bool is_over(const struct fd_group *g)
{
	return atomic_load(&g->nr_fds) > fd_group_share(g, atomic_load(&bound));
}

/* More than comes with one that is opened, and no more: each may have to be
 * synced first, while a command waits. */
static void trim(struct fd_group *g)
{
	for (unsigned i = 0; i < 2 && is_over(g) && evict(g, true); i++)
		;
}

static void trim_all(struct fd_group *g)
{
	while (is_over(g) && evict(g, true))
		;
}

/* Once in the cache it may be changed at any time.  Who has no lock only looks.
 */
static void forget_flushed(const struct fd_entry *e, int fd)
{
	int ret = 0;

	if (e->sf->lock_name && !store_slot_is_conv(&e->sf->head, e->slot))
		ret = file_forget_flushed(fd);
	if (!ret)
		return;
	zl_log_limited(&e->sf->limit, ZL_LOG_WARN,
		       "%s/%s: the attribute of the kernel's zloop cannot be "
		       "removed (%s): with discard_write_cache that would cut "
		       "off what is written from now on",
		       e->sf->path, e->file.name, limit_strerror(-ret));
}

/* Opens a busy entry's file, without the shard's lock. */
static int open_entry(struct fd_entry *e, int *wr_err, struct stat *sb)
{
	struct fd_group *g = e->sf->group;
	int fd;

	atomic_fetch_add(&misses, 1);
	atomic_fetch_add(&g->nr_fds, 1);
	set_bound();
	trim(g);
	fd = file_open_slot(e->sf, e->slot, wr_err, sb);
	if (fd < 0)
		atomic_fetch_sub(&g->nr_fds, 1);
	else if (!*wr_err)
		forget_flushed(e, fd);
	return fd;
}

/* The entry is busy still, so that nobody looks at it. */
static void open_direct(struct fd_entry *e, int fd, int wr_err)
{
	e->direct = file_direct_open(e->sf, fd, wr_err, &e->mem_align,
				     &e->off_align);
	if (e->direct >= 0)
		atomic_fetch_add(&e->sf->group->nr_fds, 1);
}

static int fence(struct fd_entry *e, int fd)
{
	int ret = file_fence(e->sf, fd, e->direct);

	if (!ret)
		return fd;
	close_both(e, fd);
	return ret;
}

/* Opens and pins an entry that has no descriptor; the lock is let go
 * meanwhile. */
static int fill(struct shard *sh, struct fd_entry *e)
{
	int wr_err = 0, fd;
	struct stat sb;

	e->busy = true;
	pthread_mutex_unlock(&sh->lock);
	fd = open_entry(e, &wr_err, &sb);
	if (fd >= 0 && e->sf->direct)
		open_direct(e, fd, wr_err);
	if (fd >= 0)
		fd = fence(e, fd);
	join_held(e->sf);
	pthread_mutex_lock(&sh->lock);
	if (fd >= 0) {
		e->fd = fd;
		names_opened(&e->file, &sb);
		e->wr_err = wr_err;
		e->pins = 1;
		lru_add(sh, e);
	}
	not_busy(sh, e);
	return fd < 0 ? fd : 0;
}

static int get_nowait(struct shard *sh, struct store_file *sf, uint32_t slot,
		      struct fd_entry **entry)
{
	struct fd_entry *e = find(sh, sf, slot);

	if (!e || e->busy || e->fd < 0)
		return -EAGAIN;
	e->pins++;
	*entry = e;
	return 0;
}

static int get_wait(struct shard *sh, struct store_file *sf, uint32_t slot,
		    struct fd_entry **entry)
{
	struct fd_entry *e = find_settled(sh, sf, slot);

	if (!e)
		e = new_entry(sh, sf, slot);
	if (!e)
		return -ENOMEM;
	*entry = e;
	if (e->fd < 0)
		return fill(sh, e);
	e->pins++;
	return 0;
}

/* With the pin that a request before it has left. */
static bool get_held(struct store_file *sf, uint32_t slot,
		     struct fd_entry **entry)
{
	struct fd_entry *e = fd_held_take(&sf->held, slot);

	if (!e)
		return false;
	*entry = e;
	if (e->slot == slot && !atomic_load(&e->forgotten))
		return true;
	unpin(e, false);
	return false;
}

int fd_get(struct store_file *sf, uint32_t slot, bool nowait,
	   struct fd_entry **entry)
{
	struct shard *sh;
	int ret;

	if (nowait && get_held(sf, slot, entry))
		return 0;
	sh = shard_of(sf, slot);
	pthread_mutex_lock(&sh->lock);
	if (nowait)
		ret = get_nowait(sh, sf, slot, entry);
	else
		ret = get_wait(sh, sf, slot, entry);
	pthread_mutex_unlock(&sh->lock);
	return ret;
}

/* @used: just now.  What was left had its place in the list when it was. */
static void unpin(struct fd_entry *e, bool used)
{
	struct shard *sh = shard_of(e->sf, e->slot);

	pthread_mutex_lock(&sh->lock);
	assert(e->pins);
	e->pins--;
	/* Nothing to do while everybody finds what he wants. */
	if (used && !is_new(e)) {
		lru_del(sh, e);
		lru_add(sh, e);
	}
	/* With wr_err: next time its file may be one to write to. */
	if (!e->pins && (e->wr_err || e->forgotten))
		close_idle(sh, e, false);
	pthread_mutex_unlock(&sh->lock);
}

/* Leaves the pin for the slot's next request. */
static bool hold(struct fd_entry *e)
{
	struct fd_held *h = &e->sf->held;
	unsigned recalls = atomic_load(&h->recalls);

	if (e->wr_err || atomic_load(&e->forgotten) || !is_new(e))
		return false;
	e = fd_held_put(h, e->slot, e, recalls);
	if (e)
		unpin(e, true);
	return true;
}

void fd_put(struct fd_entry *e, bool nowait)
{
	struct fd_group *g = e->sf->group;

	if (nowait && hold(e))
		return;
	unpin(e, true);
	if (!nowait)
		trim(g);
}

int fd_of(const struct fd_entry *e)
{
	return e->fd;
}

int fd_for(const struct fd_entry *e, const struct iovec *iov, size_t cnt,
	   uint64_t off)
{
	if (e->direct >= 0 &&
	    file_direct_fits(iov, cnt, off, e->mem_align, e->off_align))
		return e->direct;
	return e->fd;
}

int fd_only(const struct fd_entry *e)
{
	return e->direct < 0 ? e->fd : -1;
}

void fd_mixed_begin(struct fd_entry *e, int fd)
{
	if (fd == e->direct)
		pthread_rwlock_rdlock(&e->mixed);
	else
		pthread_rwlock_wrlock(&e->mixed);
}

void fd_mixed_end(struct fd_entry *e)
{
	pthread_rwlock_unlock(&e->mixed);
}

int fd_wr_err(const struct fd_entry *e)
{
	return e->wr_err;
}

/* A sync that takes the mark away after this look begins after it, and finds
 * the change. */
void fd_set_dirty(struct fd_entry *e)
{
	if (!atomic_load(&e->dirty))
		atomic_store(&e->dirty, true);
}

/*
 * Somebody's data are lost.  What is in the page cache of them is clean now, so
 * that it would be read until it is evicted, and what is on the medium from
 * then on: the latter at once.  No other sync of it can end meanwhile.
 */
static void count_loss(struct fd_entry *e)
{
	store_lost(&e->sf->head, e->slot);
	posix_fadvise(e->fd, 0, 0, POSIX_FADV_DONTNEED);
}

static bool writes_tell(const struct fd_entry *e)
{
	return e->sf->fs.kind == FS_NFS;
}

bool fd_write_begin(struct fd_entry *e)
{
	return writes_tell(e) && fd_writes_begin(&e->writes);
}

/*
 * What is written is put off there, so that hardly any error is the write's
 * own. It may be another than the one for which the client looked.  But it has
 * not begun where it was not to wait.
 */
void fd_write_end(struct fd_entry *e, bool begun, int64_t res)
{
	if (!writes_tell(e))
		return;
	if (res < 0 && res != -EAGAIN && res != -EOPNOTSUPP)
		count_loss(e);
	fd_writes_end(&e->writes, begun);
}

/*
 * Below a read-only mount ext4 and f2fs answer fdatasync() with success and
 * sync nothing; what a descriptor from before wrote since is in the page cache.
 * (A server would have to be asked, and that it does not answer is no loss.)
 */
static bool syncs_nothing(const struct fd_entry *e)
{
	struct statvfs fs;

	return e->sf->fs.kind == FS_LOCAL && !fstatvfs(e->fd, &fs) &&
	       fs.f_flag & ST_RDONLY;
}

/* 0 or -errno; also where there is no such call. */
static int sync_range(const struct fd_entry *e, unsigned flags)
{
	if (!sync_file_range(e->fd, 0, 0, flags) || errno == EINTR ||
	    errno == EINVAL || errno == ENOSYS || errno == ESPIPE)
		return 0;
	return -errno;
}

/*
 * What could not be written back until now.  ext4 whose journal is aborted
 * answers fdatasync() with EROFS, and has told by that, once and for all, what
 * became of the data: so they are asked for first.  What is being written back
 * fdatasync() would wait for as well.
 */
static int lost_before(const struct fd_entry *e)
{
	int ret = 0;

	if (e->sf->fs.kind == FS_LOCAL)
		ret = sync_range(e, SYNC_FILE_RANGE_WAIT_BEFORE);
	return ret == -EROFS ? 0 : ret;
}

static int sync_all(const struct fd_entry *e)
{
	int ret;

	do
		ret = fd_sync_fn(e->fd) ? -errno : 0;
	while (ret == -EINTR);
	return !ret && syncs_nothing(e) ? -EROFS : ret;
}

/* With sync_lock held. */
static int sync_once(struct fd_entry *e)
{
	int lost = lost_before(e);
	int ret = lost ? lost : sync_all(e);

	/* Not tried: it is still to be done. */
	if (lost || ret == -EROFS)
		atomic_store(&e->dirty, true);
	if (ret < 0 && ret != -EROFS)
		count_loss(e);
	else if (!ret && writes_tell(e))
		fd_writes_wait(&e->writes);
	return ret;
}

int fd_sync(struct fd_entry *e)
{
	int ret;

	pthread_mutex_lock(&e->sync_lock);
	/* Cleared first: what changes from here on may miss this sync. */
	atomic_store(&e->dirty, false);
	ret = sync_once(e);
	pthread_mutex_unlock(&e->sync_lock);
	return ret;
}

/*
 * A file system that finds no room for what it has put off allocating may say
 * so here and never again.  One that is read-only, or out of memory, has tried
 * nothing.
 */
void fd_start_sync(struct fd_entry *e)
{
	int ret;

	pthread_mutex_lock(&e->sync_lock);
	ret = sync_range(e, SYNC_FILE_RANGE_WRITE);
	if (ret && ret != -EROFS && ret != -ENOMEM)
		count_loss(e);
	pthread_mutex_unlock(&e->sync_lock);
}

int fd_check(struct fd_entry *e, uint64_t size, uint64_t now_ns, bool now)
{
	return names_check(&e->sf->names, &e->file, e->fd, size, now_ns, now);
}

static void call_slot_back(struct store_file *sf, uint32_t slot)
{
	struct fd_entry *e = fd_held_recall(&sf->held, slot);

	if (e)
		unpin(e, false);
}

int fd_drop(struct store_file *sf, uint32_t slot)
{
	struct shard *sh = shard_of(sf, slot);
	struct fd_entry *e;
	int ret = 0;

	call_slot_back(sf, slot);
	pthread_mutex_lock(&sh->lock);
	e = find_settled(sh, sf, slot);
	if (e && e->pins)
		ret = -EBUSY;
	else if (e && e->fd >= 0)
		close_idle(sh, e, false);
	pthread_mutex_unlock(&sh->lock);
	return ret;
}

void fd_forget(struct store_file *sf, uint32_t slot)
{
	struct shard *sh = shard_of(sf, slot);
	struct fd_entry *e;

	pthread_mutex_lock(&sh->lock);
	e = find_settled(sh, sf, slot);
	if (e)
		e->forgotten = true;
	if (e && !e->pins)
		close_idle(sh, e, false);
	pthread_mutex_unlock(&sh->lock);
	call_slot_back(sf, slot);
}

/* An entry of @sf in the shard, NULL if there is none. */
static struct fd_entry *any_of(struct shard *sh, const struct store_file *sf)
{
	for (int i = 0; i < NR_BUCKETS; i++)
		for (struct fd_entry *e = sh->bucket[i]; e; e = e->next)
			if (e->sf == sf)
				return e;
	return NULL;
}

void fd_drop_all(struct store_file *sf)
{
	struct fd_entry *e;

	leave_held(sf);
	for (struct shard *sh = shards; sh < shards + NR_SHARDS; sh++) {
		pthread_mutex_lock(&sh->lock);
		while ((e = any_of(sh, sf))) {
			assert(!e->pins);
			if (e->busy)
				pthread_cond_wait(&sh->not_busy, &sh->lock);
			else if (e->fd >= 0)
				close_idle(sh, e, false);
			else
				free_entry(sh, e);
		}
		pthread_mutex_unlock(&sh->lock);
	}
}

void store_file_set_max_fds(unsigned n)
{
	atomic_store(&max_fds, n < MIN_FDS ? MIN_FDS : n);
	set_bound();
	for (unsigned i = 0; i < FD_NR_GROUPS; i++)
		trim_all(&fd_groups[i]);
}

unsigned store_file_nr_fds(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < FD_NR_GROUPS; i++)
		sum += atomic_load(&fd_groups[i].nr_fds);
	return sum;
}
