// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// A command's way through the stand-in: fetch, handle_cmd, dispatch to the
// callouts, completion. The order is tcmu-runner's (tcmur_cmd_handler.c,
// tcmur_aio.c); the checks are ours.

#include "dev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, len)   ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

#define POISON 0x5a

static void generic_done(struct tcmu_device *dev, struct tcmur_cmd *cmd,
			 int sts);

/* ---- slots: the memory of commands ---- */

struct cdb_text {
	char s[3 * 16 + 1];
};

static struct cdb_text cdb_text(const struct slot *slot)
{
	struct cdb_text t = { "" };
	uint8_t first[16];
	int len;
	int i;

	memcpy(first, slot->cdb, sizeof(first));
	len = tcmu_cdb_get_length(first);
	for (i = 0; i < len && i < 16; i++)
		sprintf(t.s + strlen(t.s), i ? " %02x" : "%02x", first[i]);
	return t;
}

void slots_make(struct tcmu_device *dev)
{
	size_t most = sizeof(struct tcmulib_cmd) +
		      ring_max_iovecs(dev->ring) * sizeof(struct iovec) +
		      RUNNER_CDB_BYTES + sizeof(struct tcmur_cmd);
	uint32_t i;

	/* Twice the depth: a finished command's memory rests a while. */
	dev->num_slots = 2 * ring_depth(dev->ring);
	dev->slot_stride = (most + 127) / 64 * 64;
	dev->slots = calloc(dev->num_slots, sizeof(*dev->slots));
	dev->free_slots = calloc(dev->num_slots, sizeof(uint32_t));
	dev->slot_mem = aligned_alloc(64, dev->num_slots * dev->slot_stride);
	if (!dev->slots || !dev->free_slots || !dev->slot_mem)
		runner_abort("out of memory");
	memset(dev->slot_mem, POISON, dev->num_slots * dev->slot_stride);
	ASAN_POISON_MEMORY_REGION(dev->slot_mem,
				  dev->num_slots * dev->slot_stride);
	for (i = 0; i < dev->num_slots; i++) {
		dev->slots[i].mem = dev->slot_mem + i * dev->slot_stride;
		dev->free_slots[i] = i;
	}
	dev->free_head = 0;
	dev->free_count = dev->num_slots;
}

static size_t first_changed(const struct slot *slot, size_t len)
{
	size_t i;

	if ((uint8_t)slot->mem[0] == POISON &&
	    !memcmp(slot->mem, slot->mem + 1, len - 1))
		return len;
	for (i = 0; (uint8_t)slot->mem[i] == POISON; i++)
		;
	return i;
}

/* Unpoisons the slot's memory and looks whether it is as it was left. */
static void slot_check_rest(struct tcmu_device *dev, struct slot *slot)
{
	size_t at;

	ASAN_UNPOISON_MEMORY_REGION(slot->mem, dev->slot_stride);
	at = first_changed(slot, dev->slot_stride);
	if (at < dev->slot_stride)
		runner_abort("memory of command %s was written at offset %zu "
			     "after its completion",
			     cdb_text(slot).s, at);
}

void slots_free(struct tcmu_device *dev)
{
	uint32_t i;

	for (i = 0; i < dev->num_slots; i++)
		slot_check_rest(dev, &dev->slots[i]);
	free(dev->slots);
	free(dev->free_slots);
	free(dev->slot_mem);
}

static struct slot *slot_take(struct tcmu_device *dev)
{
	struct slot *slot;

	pthread_mutex_lock(&dev->mailbox);
	if (!dev->free_count)
		runner_abort("no command memory left");
	slot = &dev->slots[dev->free_slots[dev->free_head % dev->num_slots]];
	dev->free_head++;
	dev->free_count--;
	pthread_mutex_unlock(&dev->mailbox);
	slot_check_rest(dev, slot);
	return slot;
}

/* Lays a command out as libtcmu does: iovecs, CDB, tcmur_cmd, no gaps. */
static void slot_fill(struct tcmu_device *dev, struct slot *slot, int entry,
		      size_t cdb_len)
{
	struct tcmulib_cmd *lib = (struct tcmulib_cmd *)slot->mem;
	const uint8_t *cdb = ring_cdb(dev->ring, entry);

	slot->entry = entry;
	slot->lib = lib;
	lib->cmd_id = (uint16_t)entry;
	lib->iovec = (struct iovec *)(lib + 1);
	lib->iov_cnt = ring_iovecs(dev->ring, entry, lib->iovec);
	lib->cdb = (uint8_t *)(lib->iovec + lib->iov_cnt);
	memcpy(lib->cdb, cdb, cdb_len);
	memcpy(slot->cdb, cdb, sizeof(slot->cdb));

	slot->cmd = (struct tcmur_cmd *)(lib->cdb + cdb_len);
	lib->hm_private = slot->cmd;
	memset(slot->cmd, 0, sizeof(*slot->cmd));
	slot->cmd->lib_cmd = lib;

	slot->used_bytes =
		(size_t)((char *)(slot->cmd + 1) - (char *)slot->mem);
	ASAN_POISON_MEMORY_REGION(slot->mem + slot->used_bytes,
				  dev->slot_stride - slot->used_bytes);
	atomic_fetch_add(&slot->generation, 1);
	atomic_store(&slot->state, SLOT_HANDLE_CMD);
}

/* Only the part that was in use needs wiping; the rest must be untouched. */
static void slot_release(struct tcmu_device *dev, struct slot *slot)
{
	uint32_t at;

	memset(slot->mem, POISON, slot->used_bytes);
	ASAN_POISON_MEMORY_REGION(slot->mem, dev->slot_stride);
	atomic_store(&slot->state, SLOT_FREE);
	at = (dev->free_head + dev->free_count++) % dev->num_slots;
	dev->free_slots[at] = (uint32_t)(slot - dev->slots);
}

static struct slot *slot_of(struct tcmu_device *dev, void *cmd)
{
	uintptr_t at = (uintptr_t)cmd - (uintptr_t)dev->slot_mem;
	struct slot *slot;

	if (!cmd || at >= dev->num_slots * dev->slot_stride)
		return NULL;
	slot = &dev->slots[at / dev->slot_stride];
	return slot->cmd == cmd ? slot : NULL;
}

void slots_abort_if_open(struct tcmu_device *dev, const char *when)
{
	uint32_t open = 0;
	uint32_t first = 0;
	uint32_t i;

	for (i = dev->num_slots; i-- > 0;)
		if (atomic_load(&dev->slots[i].state) != SLOT_FREE) {
			first = i;
			open++;
		}
	if (open)
		runner_abort("%u command(s) never completed %s, one of them "
			     "is %s",
			     open, when, cdb_text(&dev->slots[first]).s);
}

/* ---- tracking of what the drain waits for ---- */

static void track_start(struct tcmu_device *dev)
{
	pthread_mutex_lock(&dev->track_lock);
	dev->tracked++;
	pthread_mutex_unlock(&dev->track_lock);
}

static void track_finish_locked(struct tcmu_device *dev)
{
	if (!--dev->tracked)
		pthread_cond_broadcast(&dev->track_empty);
}

static void track_finish(struct tcmu_device *dev)
{
	pthread_mutex_lock(&dev->track_lock);
	track_finish_locked(dev);
	pthread_mutex_unlock(&dev->track_lock);
}

int track_wait_empty(struct tcmu_device *dev, int timeout_ms)
{
	struct timespec until;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&dev->track_lock);
	while (dev->tracked && !ret)
		ret = pthread_cond_timedwait(&dev->track_empty,
					     &dev->track_lock, &until);
	pthread_mutex_unlock(&dev->track_lock);
	return -ret;
}

/* ---- completion ---- */

static void kick(struct tcmu_device *dev)
{
	atomic_fetch_add(&dev->kicks, 1);
	ring_kick(dev->ring);
}

static void check_status(const struct slot *slot, int sts)
{
	uint8_t code;

	if (!sts_completes(sts))
		runner_abort("command %s was completed with status %d, which "
			     "completes nothing",
			     cdb_text(slot).s, sts);
	if (sts != TCMU_STS_PASSTHROUGH_ERR)
		return;
	code = slot->lib->sense_buf[0] & 0x7f;
	if (code < 0x70 || code > 0x73)
		runner_abort("command %s ended PASSTHROUGH_ERR without sense "
			     "data",
			     cdb_text(slot).s);
}

/* Puts a completion into the ring; the command's memory is gone then. */
static void post(struct tcmu_device *dev, struct slot *slot, int sts, bool sync)
{
	uint8_t status;

	check_status(slot, sts);
	if (!ring_guards_intact(dev->ring, slot->entry))
		runner_abort("command %s: bytes outside its data buffers were "
			     "written",
			     cdb_text(slot).s);
	status = sts_to_scsi(sts, slot->lib->sense_buf);
	slot->last_status = sts;
	slot->last_sync = sync;

	pthread_mutex_lock(&dev->mailbox);
	ring_post(dev->ring, slot->entry, status, slot->lib->sense_buf, false);
	slot_release(dev, slot);
	pthread_mutex_unlock(&dev->mailbox);
}

static void post_sync(struct tcmu_device *dev, struct slot *slot, int sts)
{
	atomic_store(&slot->state, SLOT_COMPLETING);
	post(dev, slot, sts, true);
	atomic_fetch_add(&dev->sync, 1);
}

/*
 * The first of several finishing threads kicks for all of them, and again
 * when others came meanwhile.
 */
static bool must_kick_first(struct tcmu_device *dev)
{
	bool first;

	pthread_mutex_lock(&dev->track_lock);
	first = ++dev->pending_wakeups == 1;
	track_finish_locked(dev);
	pthread_mutex_unlock(&dev->track_lock);
	return first;
}

static bool must_kick_again(struct tcmu_device *dev)
{
	bool again;

	pthread_mutex_lock(&dev->track_lock);
	again = dev->pending_wakeups > 1;
	dev->pending_wakeups = again ? 1 : 0;
	pthread_mutex_unlock(&dev->track_lock);
	return again;
}

static void generic_done(struct tcmu_device *dev, struct tcmur_cmd *cmd,
			 int sts)
{
	bool again;

	post(dev, slot_of(dev, cmd), sts, false);
	atomic_fetch_add(&dev->async, 1);
	for (again = must_kick_first(dev); again; again = must_kick_again(dev))
		kick(dev);
}

__attribute__((noreturn)) static void misused(const struct slot *slot,
					      int state, int sts)
{
	switch (state) {
	case SLOT_HANDLE_CMD:
		runner_abort("tcmur_cmd_complete(%d) for command %s inside "
			     "handle_cmd: done is NULL, the daemon would jump "
			     "there",
			     sts, cdb_text(slot).s);
	case SLOT_FREE:
		runner_abort("tcmur_cmd_complete(%d) for command %s, which "
			     "was completed before, %s, with status %d",
			     sts, cdb_text(slot).s,
			     slot->last_sync ? "by its return value"
					     : "asynchronously",
			     slot->last_status);
	default:
		runner_abort("two threads complete command %s at once",
			     cdb_text(slot).s);
	}
}

static void complete(struct tcmu_device *dev, struct slot *slot, int sts)
{
	int state = SLOT_CALLED_OUT;

	if (!atomic_compare_exchange_strong(&slot->state, &state,
					    SLOT_COMPLETING))
		misused(slot, state, sts);
	if (slot->cmd->done != generic_done || slot->cmd->lib_cmd != slot->lib)
		runner_abort("the handler changed the tcmur_cmd of command %s",
			     cdb_text(slot).s);
	slot->cmd->done(dev, slot->cmd, sts);
}

void tcmur_cmd_complete(struct tcmu_device *dev, void *cmd, int sts)
{
	struct slot *slot;

	if (!dev || (dev->magic != DEV_LIVE && dev->magic != DEV_GONE))
		runner_abort("tcmur_cmd_complete for a device that is none");
	atomic_fetch_add(&dev->completers, 1);
	if (dev->magic == DEV_GONE)
		runner_abort("tcmur_cmd_complete after close");
	slot = slot_of(dev, cmd);
	if (!slot)
		runner_abort("tcmur_cmd_complete for a command that is none");
	complete(dev, slot, sts);
	atomic_fetch_sub(&dev->completers, 1);
}

/* ---- callouts ---- */

static int call_read(struct tcmu_device *dev, struct slot *slot)
{
	struct tcmulib_cmd *lib = slot->lib;

	return dev->ops->read(dev, slot->cmd, lib->iovec, lib->iov_cnt,
			      tcmu_iovec_length(lib->iovec, lib->iov_cnt),
			      (off_t)tcmu_cdb_to_byte(dev, lib->cdb));
}

static int call_write(struct tcmu_device *dev, struct slot *slot)
{
	struct tcmulib_cmd *lib = slot->lib;

	return dev->ops->write(dev, slot->cmd, lib->iovec, lib->iov_cnt,
			       tcmu_iovec_length(lib->iovec, lib->iov_cnt),
			       (off_t)tcmu_cdb_to_byte(dev, lib->cdb));
}

static int call_flush(struct tcmu_device *dev, struct slot *slot)
{
	return dev->ops->flush(dev, slot->cmd);
}

static int call_handle_cmd(struct tcmu_device *dev, struct slot *slot)
{
	return dev->ops->handle_cmd(dev, slot->cmd);
}

static void check_still_ours(const struct slot *slot, uint64_t generation,
			     int ret)
{
	if (atomic_load(&slot->generation) != generation ||
	    atomic_load(&slot->state) != SLOT_CALLED_OUT)
		runner_abort("a callout returned status %d for command %s, "
			     "which it had completed with "
			     "tcmur_cmd_complete (status %d)",
			     ret, cdb_text(slot).s, slot->last_status);
}

static void work_queue(struct tcmu_device *dev, struct slot *slot,
		       int (*fn)(struct tcmu_device *dev, struct slot *slot))
{
	struct work *w = malloc(sizeof(*w));

	if (!w)
		runner_abort("out of memory");
	*w = (struct work){ .slot = slot, .fn = fn };
	pthread_mutex_lock(&dev->work_lock);
	*dev->work_tail = w;
	dev->work_tail = &w->next;
	pthread_cond_signal(&dev->work_cond);
	pthread_mutex_unlock(&dev->work_lock);
}

/* Calls out, or has a worker do it. Returns ASYNC_HANDLED or a status. */
static int schedule(struct tcmu_device *dev, struct slot *slot,
		    int (*fn)(struct tcmu_device *dev, struct slot *slot))
{
	uint64_t generation = atomic_load(&slot->generation);
	int ret;

	slot->cmd->done = generic_done;
	atomic_store(&slot->state, SLOT_CALLED_OUT);
	if (dev->ops->nr_threads) {
		work_queue(dev, slot, fn);
		return TCMU_STS_ASYNC_HANDLED;
	}
	ret = fn(dev, slot);
	if (ret == TCMU_STS_OK || ret == TCMU_STS_ASYNC_HANDLED)
		return TCMU_STS_ASYNC_HANDLED;
	check_still_ours(slot, generation, ret);
	return ret;
}

/* The daemon's checks before read and write, in its order. */
static int check_extent(struct tcmu_device *dev, struct tcmulib_cmd *lib)
{
	uint64_t lba = tcmu_cdb_get_lba(lib->cdb);
	uint64_t blocks = tcmu_cdb_get_xfer_length(lib->cdb);
	size_t bytes = tcmu_iovec_length(lib->iovec, lib->iov_cnt);

	if (bytes != tcmu_lba_to_byte(dev, blocks)) {
		tcmu_err_message(dev, __func__, __LINE__,
				 "iov len mismatch: iov len %zu, xfer len %u\n",
				 bytes, (unsigned int)blocks);
		return TCMU_STS_HW_ERR;
	}
	if (lba + blocks > dev->lib.num_lbas || lba + blocks < lba) {
		tcmu_err_message(dev, __func__, __LINE__,
				 "cmd exceeds last lba\n");
		return TCMU_STS_RANGE;
	}
	return TCMU_STS_OK;
}

static int read_or_write(struct tcmu_device *dev, struct slot *slot, bool write)
{
	int ret = check_extent(dev, slot->lib);

	if (ret)
		return ret;
	if (write ? !dev->ops->write : !dev->ops->read)
		runner_abort("command %s needs the callout %s, which is NULL",
			     cdb_text(slot).s, write ? "write" : "read");
	return schedule(dev, slot, write ? call_write : call_read);
}

/* What the daemon would do itself, on its own or on top of read and write. */
static bool daemon_emulates(const uint8_t *cdb)
{
	switch (cdb[0]) {
	case 0x9e: /* SERVICE ACTION IN(16): READ CAPACITY(16) */
		return cdb[1] == 0x10;
	case 0x84: /* RECEIVE COPY RESULTS: OPERATING PARAMETERS */
		return (cdb[1] & 0x1f) == 0x03;
	case 0xa3: /* MAINTENANCE IN: REPORT TARGET PORT GROUPS */
		return (cdb[1] & 0x1f) == 0x0a;
	case 0xa4: /* MAINTENANCE OUT: SET TARGET PORT GROUPS */
		return cdb[1] == 0x0a;
	}
	/* In the order of the codes: TEST UNIT READY, FORMAT UNIT, INQUIRY,
	 * MODE SELECT(6), MODE SENSE(6), START STOP UNIT, READ CAPACITY(10),
	 * WRITE AND VERIFY(10), WRITE SAME(10), UNMAP, MODE SELECT(10), MODE
	 * SENSE(10), EXTENDED COPY, COMPARE AND WRITE, WRITE AND VERIFY(16),
	 * WRITE SAME(16). */
	return cdb[0] == 0x00 ||
	       memchr("\x04\x12\x15\x1a\x1b\x25\x2e\x41\x42\x55\x5a\x83\x89"
		      "\x8e\x93",
		      cdb[0], 15);
}

/* NOT_HANDLED by handle_cmd. The CDB is looked at as the handler left it. */
static int dispatch(struct tcmu_device *dev, struct slot *slot)
{
	const uint8_t *cdb = slot->lib->cdb;

	if (daemon_emulates(cdb))
		runner_abort("handle_cmd left command %s to the daemon's own "
			     "emulation",
			     cdb_text(slot).s);
	switch (cdb[0]) {
	case 0x08: /* READ */
	case 0x28:
	case 0xa8:
	case 0x88:
		return read_or_write(dev, slot, false);
	case 0x0a: /* WRITE */
	case 0x2a:
	case 0xaa:
	case 0x8a:
		return read_or_write(dev, slot, true);
	case 0x35: /* SYNCHRONIZE CACHE */
	case 0x91:
		if (dev->ops->flush)
			return schedule(dev, slot, call_flush);
	}
	return TCMU_STS_NOT_HANDLED;
}

static void check_sync(const struct slot *slot, uint64_t generation, int ret)
{
	if (atomic_load(&slot->generation) != generation ||
	    atomic_load(&slot->state) != SLOT_HANDLE_CMD)
		runner_abort("handle_cmd touched the completion of command %s",
			     cdb_text(slot).s);
	if (ret == TCMU_STS_ASYNC_HANDLED)
		runner_abort("handle_cmd returned ASYNC_HANDLED for command "
			     "%s: nothing can complete it",
			     cdb_text(slot).s);
}

static int try_handle_cmd(struct tcmu_device *dev, struct slot *slot)
{
	uint64_t generation = atomic_load(&slot->generation);
	int ret;

	if (!dev->ops->handle_cmd)
		return TCMU_STS_NOT_HANDLED;
	ret = dev->ops->handle_cmd(dev, slot->cmd);
	check_sync(slot, generation, ret);
	return ret;
}

/* Tracks around @fn, and beyond it when the command is queued. */
static int tracked(struct tcmu_device *dev, struct slot *slot,
		   int (*fn)(struct tcmu_device *dev, struct slot *slot))
{
	int ret;

	track_start(dev);
	ret = fn(dev, slot);
	if (ret != TCMU_STS_ASYNC_HANDLED)
		track_finish(dev);
	return ret;
}

static int schedule_handle_cmd(struct tcmu_device *dev, struct slot *slot)
{
	return schedule(dev, slot, call_handle_cmd);
}

static bool passthrough_only(const struct tcmur_handler *ops)
{
	return !ops->read && !ops->write && !ops->flush;
}

static bool unit_attention(struct tcmu_device *dev, const struct slot *slot)
{
	if (slot->cdb[0] == 0x12 || slot->cdb[0] == 0x03)
		return false; /* INQUIRY, REQUEST SENSE */
	return atomic_exchange(&dev->pending_uas, 0) != 0;
}

static int handle(struct tcmu_device *dev, struct slot *slot)
{
	int ret;

	if (passthrough_only(dev->ops)) {
		if (!dev->ops->nr_threads || !dev->ops->handle_cmd)
			return try_handle_cmd(dev, slot);
		return tracked(dev, slot, schedule_handle_cmd);
	}
	if (unit_attention(dev, slot))
		return TCMU_STS_CAPACITY_CHANGED;
	ret = tracked(dev, slot, try_handle_cmd);
	if (ret == TCMU_STS_NOT_HANDLED)
		ret = tracked(dev, slot, dispatch);
	return ret;
}

/* ---- the command thread's batch ---- */

/* libtcmu never completes these; the kernel's time-out does, as this. */
static void drop(struct tcmu_device *dev, int entry)
{
	uint8_t sense[RUNNER_SENSE_BYTES];

	tcmu_sense_set_data(sense, 0x2, 0x0800);
	pthread_mutex_lock(&dev->mailbox);
	ring_post(dev->ring, entry, 0x02, sense, true);
	pthread_mutex_unlock(&dev->mailbox);
}

/* True when the command was completed. */
static bool run_one(struct tcmu_device *dev, int entry)
{
	uint8_t first[RUNNER_CDB_BYTES];
	struct slot *slot;
	int cdb_len;
	int ret;

	memcpy(first, ring_cdb(dev->ring, entry), sizeof(first));
	cdb_len = tcmu_cdb_get_length(first);
	if (cdb_len < 0) {
		drop(dev, entry);
		return true;
	}
	slot = slot_take(dev);
	slot_fill(dev, slot, entry, (size_t)cdb_len);
	if (tcmu_get_log_level() > 7)
		tcmu_cdb_print_info(dev, slot->lib, NULL);

	ret = handle(dev, slot);
	if (ret == TCMU_STS_NOT_HANDLED)
		tcmu_cdb_print_info(dev, slot->lib, "is not supported");
	if (ret == TCMU_STS_ASYNC_HANDLED)
		return false;
	post_sync(dev, slot, ret);
	return true;
}

/* The next entry, unless the device goes; dev->busy is set then. */
static int next_entry(struct tcmu_device *dev)
{
	int entry = -1;

	dev->busy = true;
	if (!dev->stopping)
		entry = ring_fetch(dev->ring);
	if (entry < 0)
		dev->busy = false;
	return entry;
}

void run_batch(struct tcmu_device *dev)
{
	bool completed = false;
	bool any = false;
	int entry;

	while ((entry = next_entry(dev)) >= 0) {
		any = true;
		completed |= run_one(dev, entry);
		dev->busy = false;
	}
	if (any)
		atomic_fetch_add(&dev->batches, 1);
	if (completed)
		kick(dev);
}

/* ---- worker threads, for handlers with nr_threads ---- */

static void unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

static struct work *work_take(struct tcmu_device *dev)
{
	struct work *w;

	pthread_mutex_lock(&dev->work_lock);
	pthread_cleanup_push(unlock, &dev->work_lock);
	while (!dev->work_head)
		pthread_cond_wait(&dev->work_cond, &dev->work_lock);
	w = dev->work_head;
	dev->work_head = w->next;
	if (!w->next)
		dev->work_tail = &dev->work_head;
	pthread_cleanup_pop(1);
	return w;
}

static void *worker(void *arg)
{
	struct tcmu_device *dev = arg;

	tcmu_set_thread_name("aio", dev);
	for (;;) {
		struct work *w = work_take(dev);
		struct slot *slot = w->slot;
		uint64_t generation = atomic_load(&slot->generation);
		int ret;

		pthread_cleanup_push(free, w);
		ret = w->fn(dev, slot);
		check_still_ours(slot, generation, ret);
		tcmur_cmd_complete(dev, slot->cmd, ret);
		pthread_cleanup_pop(1);
	}
	return NULL;
}

int workers_start(struct tcmu_device *dev)
{
	int i;

	dev->work_tail = &dev->work_head;
	pthread_mutex_init(&dev->work_lock, NULL);
	pthread_cond_init(&dev->work_cond, NULL);
	dev->workers =
		calloc((size_t)dev->ops->nr_threads + 1, sizeof(pthread_t));
	if (!dev->workers)
		return -ENOMEM;
	for (i = 0; i < dev->ops->nr_threads; i++)
		if (pthread_create(&dev->workers[i], NULL, worker, dev))
			runner_abort("cannot create a worker thread");
	return 0;
}

void workers_cancel(struct tcmu_device *dev)
{
	int i;

	for (i = 0; i < dev->ops->nr_threads; i++) {
		pthread_cancel(dev->workers[i]);
		pthread_join(dev->workers[i], NULL);
	}
}

void workers_free(struct tcmu_device *dev)
{
	free(dev->workers);
	pthread_cond_destroy(&dev->work_cond);
	pthread_mutex_destroy(&dev->work_lock);
}
