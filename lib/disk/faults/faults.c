// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Faults that happen to an open disk's I/O. */
#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/thread.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/where.h"

void faults_stop(struct disk *d)
{
	struct disk_faults *fs = &d->faults;

	pthread_mutex_lock(&fs->lock);
	assert(!fs->delayed);
	fs->stop = true;
	pthread_cond_signal(&fs->more);
	pthread_mutex_unlock(&fs->lock);
	if (fs->has_thread)
		pthread_join(fs->thread, NULL);
	attrs_drop(fs);
	pthread_cond_destroy(&fs->more);
	pthread_mutex_destroy(&fs->lock);
}

/*
 * Looks for a fault and counts it; *found is a copy, as the list may change.
 */
static bool meets(struct disk *d, enum inject_kind kind, enum inject_op op,
		  uint64_t lba, uint64_t nr_blocks, struct inject_fault *found)
{
	struct disk_faults *fs = &d->faults;
	const struct inject_fault *f;

	pthread_mutex_lock(&fs->lock);
	f = inject_match(&fs->list, kind, op, lba, nr_blocks);
	if (f) {
		*found = *f;
		fs->injected++;
		if (!f->count)
			atomic_fetch_sub(&fs->armed, 1);
		/* So that it happens no more often after a restart. */
		if (f->persistent && f->count != INJECT_ALWAYS)
			faults_save(d);
	}
	pthread_mutex_unlock(&fs->lock);
	if (!f)
		return false;
	zl_log_limited(&fs->log_limit, ZL_LOG_INFO,
		       "%s: injected %s (fault %u) at LBA %llu", d->name,
		       inject_kind_name(kind), found->id,
		       (unsigned long long)max_u64(lba, found->lba));
	return true;
}

/* The blocks that an I/O is about; 0 = all. */
static uint64_t io_range(const struct io *io)
{
	if (io->pub->op == DISK_SYNC ||
	    (io->pub->op == DISK_ZONE && io->pub->zone_all))
		return 0;
	if (io->pub->op == DISK_ZONE)
		return max_u64(io->pub->zone_count, 1) *
		       io->disk->zones.geo.zone_blocks;
	return max_u64(io->pub->nr_blocks, 1);
}

static enum inject_op io_op(const struct io *io)
{
	static const enum inject_op ops[] = {
		[DISK_READ] = INJECT_OP_READ,
		[DISK_WRITE] = INJECT_OP_WRITE,
		[DISK_SYNC] = INJECT_OP_SYNC,
		[DISK_ZONE] = INJECT_OP_ZONE,
		[DISK_COMPARE] = INJECT_OP_READ,
		[DISK_COMPARE_WRITE] = INJECT_OP_WRITE,
		[DISK_UNMAP] = INJECT_OP_WRITE,
		[DISK_REFILL] = INJECT_OP_ZONE,
	};

	return ops[io->pub->op];
}

static bool io_meets(struct io *io, enum inject_kind kind,
		     struct inject_fault *found)
{
	return meets(io->disk, kind, io_op(io), io->pub->lba, io_range(io),
		     found);
}

/*
 * Each of these returns true when the I/O is finished.
 */

static bool writes(const struct io *io)
{
	return io->pub->op == DISK_WRITE || io->pub->op == DISK_COMPARE_WRITE;
}

static bool reads(const struct io *io)
{
	return io->pub->op == DISK_READ || io->pub->op == DISK_COMPARE ||
	       io->pub->op == DISK_COMPARE_WRITE;
}

/* Errors of the medium are for what the zones allow. */
static bool zones_allow(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;

	pthread_mutex_lock(&d->lock);
	if (writes(io))
		verdict = zone_write_check(&d->zones, io->pub->lba,
					   io->pub->nr_blocks, NULL);
	else
		verdict = zone_read_check(&d->zones, io->pub->lba,
					  io->pub->nr_blocks, NULL);
	pthread_mutex_unlock(&d->lock);
	return !verdict;
}

static bool fail_read(struct io *io)
{
	struct inject_fault f;

	if (!zones_allow(io) || !io_meets(io, INJECT_READ_ERROR, &f))
		return false;
	io->pub->bad_lba = max_u64(io->pub->lba, f.lba);
	io_finish(io, DISK_READ_ERROR);
	return true;
}

/* The part that was to be written is on the medium. */
static void part_written(struct disk_io *pub)
{
	struct io *io = io_of(pub);
	uint64_t bad_lba = io->pub->lba + io->pub->nr_blocks;

	io->pub->nr_blocks = io->faulty.asked_blocks;
	if (io->pub->status == DISK_OK) {
		io->pub->status = DISK_WRITE_ERROR;
		io->pub->bad_lba = bad_lba;
	}
	io->start_ns = io->faulty.start_ns;
	meter_finish(io->disk, io);
	io->faulty.done(pub);
}

static bool fail_write(struct io *io)
{
	struct disk *d = io->disk;
	struct inject_fault f;

	if (!zones_allow(io) || !io_meets(io, INJECT_WRITE_ERROR, &f))
		return false;
	/* COMPARE AND WRITE writes all or nothing. */
	if (io->pub->op == DISK_COMPARE_WRITE)
		f.written_blocks = 0;
	/* A write pointer between physical blocks would end the zone's life. */
	f.written_blocks -= f.written_blocks % d->zones.geo.phys_blocks;
	if (!f.written_blocks) {
		io->pub->bad_lba = io->pub->lba;
		io_finish(io, DISK_WRITE_ERROR);
		return true;
	}
	io->faulty.asked_blocks = io->pub->nr_blocks;
	io->pub->nr_blocks =
		(uint32_t)min_u64(f.written_blocks, io->pub->nr_blocks - 1);
	io->pub->nr_blocks -= io->pub->nr_blocks % d->zones.geo.phys_blocks;
	io->faulty.start_ns = io->start_ns;
	io->start_ns = 0;
	io->faulty.done = io->pub->done;
	io->pub->done = part_written;
	return false;
}

/* Whether to open the slot would take a resource.  Under the lock. */
static bool takes_resource(const struct disk *d, uint32_t slot)
{
	enum zone_cond cond = zone_slot_cond(&d->zones, slot);

	return cond == ZC_EMPTY || cond == ZC_CLOSED;
}

static bool write_would_open(struct io *io)
{
	struct disk *d = io->disk;
	bool would;

	pthread_mutex_lock(&d->lock);
	would = !zone_write_check(&d->zones, io->pub->lba, io->pub->nr_blocks,
				  NULL) &&
		io->pub->nr_blocks &&
		takes_resource(d, zone_slot_of(&d->zones, io->pub->lba));
	pthread_mutex_unlock(&d->lock);
	return would;
}

/* The next slot from @from on that OPEN would take a resource for, or
 * UINT32_MAX. */
static uint32_t next_to_open(struct disk *d, const struct zone_sel *sel,
			     uint32_t from)
{
	uint32_t slot;

	pthread_mutex_lock(&d->lock);
	do {
		slot = zone_op_next(&d->zones, ZO_OPEN, sel, from);
		from = slot + 1;
	} while (slot != UINT32_MAX && !takes_resource(d, slot));
	pthread_mutex_unlock(&d->lock);
	return slot;
}

/* OPEN has one zone, several, or all that are CLOSED. */
static bool open_meets(struct io *io, struct inject_fault *f)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;
	struct zone_sel sel;
	uint32_t slot;

	pthread_mutex_lock(&d->lock);
	verdict = zone_op_check(&d->zones, ZO_OPEN, io->pub->lba,
				io->pub->zone_count, io->pub->zone_all, &sel);
	pthread_mutex_unlock(&d->lock);
	if (verdict)
		return false;
	for (slot = next_to_open(d, &sel, 0); slot != UINT32_MAX;
	     slot = next_to_open(d, &sel, slot + 1))
		if (meets(d, INJECT_NO_RESOURCES, INJECT_OP_ZONE,
			  zone_slot_start_lba(&d->zones, slot),
			  zone_slot_blocks(&d->zones, slot), f))
			return true;
	return false;
}

static bool refuse_open(struct io *io)
{
	struct inject_fault f;
	bool refused;

	if (io->pub->op == DISK_ZONE)
		refused = io->pub->zone_op == ZO_OPEN && open_meets(io, &f);
	else
		refused = write_would_open(io) &&
			  io_meets(io, INJECT_NO_RESOURCES, &f);
	if (refused)
		io_refuse(io, ZV_NO_RESOURCES);
	return refused;
}

static bool be_busy(struct io *io)
{
	struct inject_fault f;

	if (io->pub->goes_on || !io_meets(io, INJECT_BUSY, &f))
		return false;
	io_finish(io, DISK_BUSY);
	return true;
}

static void run_now(struct io *io)
{
	bool finished = be_busy(io);

	io->run = io_run_table[io->pub->op];
	if (!finished && reads(io) && io->pub->nr_blocks)
		finished = fail_read(io);
	if (!finished && (writes(io) || io->pub->op == DISK_ZONE))
		finished = refuse_open(io);
	if (!finished && writes(io) && io->pub->nr_blocks)
		finished = fail_write(io);
	if (!finished)
		io->run(io);
}

/*
 * Delays: a thread of their own, so that no worker sleeps.
 */

/* The first I/O, once it is due; NULL: stop. */
static struct io *wait_due(struct disk_faults *fs)
{
	struct timespec t;
	struct io *io;

	pthread_mutex_lock(&fs->lock);
	while (!fs->stop) {
		if (!fs->delayed) {
			pthread_cond_wait(&fs->more, &fs->lock);
			continue;
		}
		if (fs->delayed->faulty.due_ms <= clock_ms())
			break;
		t = clock_at_ms(fs->delayed->faulty.due_ms);
		pthread_cond_timedwait(&fs->more, &fs->lock, &t);
	}
	io = fs->stop ? NULL : fs->delayed;
	if (io)
		fs->delayed = io->next;
	pthread_mutex_unlock(&fs->lock);
	return io;
}

static void *delay_thread(void *arg)
{
	struct disk *d = arg;
	struct io *io;

	while ((io = wait_due(&d->faults))) {
		io->run = run_now;
		where_go(io);
	}
	return NULL;
}

/* Under the lock.  False: there is no thread to be had. */
static bool need_thread(struct disk *d)
{
	struct disk_faults *fs = &d->faults;

	if (!fs->has_thread)
		fs->has_thread = !thread_start(&fs->thread, "zloop-delay",
					       delay_thread, d);
	return fs->has_thread;
}

/* In the order of their time; who need not wait any more comes first.  Under
 * the lock. */
static void put(struct disk_faults *fs, struct io *io)
{
	struct io **link = &fs->delayed;

	if (fs->no_delays || !inject_find(&fs->list, io->faulty.fault_id))
		io->faulty.due_ms = 0;
	while (*link && (*link)->faulty.due_ms <= io->faulty.due_ms)
		link = &(*link)->next;
	io->next = *link;
	*link = io;
}

static bool delay(struct io *io, const struct inject_fault *f)
{
	struct disk_faults *fs = &io->disk->faults;
	bool ok;

	io->faulty.due_ms = clock_ms() + f->delay_ms;
	io->faulty.fault_id = f->id;
	pthread_mutex_lock(&fs->lock);
	ok = need_thread(io->disk);
	if (ok) {
		put(fs, io);
		pthread_cond_signal(&fs->more);
	}
	pthread_mutex_unlock(&fs->lock);
	return ok;
}

void faults_let_go(struct disk_faults *fs)
{
	struct io *io, *next = fs->delayed;

	fs->delayed = NULL;
	while ((io = next)) {
		next = io->next;
		put(fs, io);
	}
	pthread_cond_signal(&fs->more);
}

void disk_end_delays(struct disk *d)
{
	struct disk_faults *fs = &d->faults;

	pthread_mutex_lock(&fs->lock);
	fs->no_delays = true;
	faults_let_go(fs);
	pthread_mutex_unlock(&fs->lock);
}

static void faults_run(struct io *io)
{
	struct inject_fault f;

	if (io_meets(io, INJECT_DELAY, &f) && delay(io, &f))
		return;
	run_now(io);
}

/*
 * Calls of the store.
 */

static int faults_store_error(struct disk *d, const struct store_req *req)
{
	static const enum inject_op ops[STORE_NR_OPS] = {
		[STORE_READ] = INJECT_OP_READ,
		[STORE_WRITE] = INJECT_OP_WRITE,
		[STORE_RESET] = INJECT_OP_RESET,
		[STORE_FINISH] = INJECT_OP_FINISH,
		[STORE_CUT] = INJECT_OP_CUT,
		[STORE_PUNCH] = INJECT_OP_WRITE,
		[STORE_SYNC] = INJECT_OP_SYNC,
	};
	uint64_t lba = zone_slot_start_lba(&d->zones, req->slot);
	uint64_t nr_blocks = zone_slot_blocks(&d->zones, req->slot);
	struct inject_fault f;

	if (ops[req->op] == INJECT_OP_ANY)
		return 0;
	if (req->op == STORE_READ || req->op == STORE_WRITE ||
	    req->op == STORE_PUNCH) {
		lba += req->off >> d->block_shift;
		nr_blocks = max_u64(req->len >> d->block_shift, 1);
	}
	return meets(d, INJECT_BACKING_ERROR, ops[req->op], lba, nr_blocks, &f)
		       ? -f.error
		       : 0;
}

static const struct fault_hooks hooks = {
	.run = faults_run,
	.store_error = faults_store_error,
	.zone_was_reset = attrs_zone_was_reset,
	.settle = faults_settle,
};

void faults_init(struct disk_faults *fs)
{
	fs->hooks = &hooks;
	pthread_mutex_init(&fs->lock, NULL);
	clock_cond_init(&fs->more);
}
