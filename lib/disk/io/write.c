// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * WRITE.  In a zone that is written in order: at the write pointer, all or
 * nothing: what a failed write left behind is cut off again, so that a plain
 * retry works.
 *
 * In other zones: anywhere, and what was written before a failure stays.  Where
 * there is a write pointer it is the file's size all the same, so that here,
 * too, nothing is left behind it.
 */
#include <errno.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/grace.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/rw.h"
#include "disk/io/segment.h"
#include "disk/io/slot.h"
#include "disk/io/stats.h"
#include "disk/io/sync.h"
#include "disk/io/turn.h"
#include "disk/io/zone_journal.h"

enum write_state {
	WRITE_NEXT,	 /* nothing under way */
	WRITE_CUT_OLD,	 /* cutting off what an earlier failure left */
	WRITE_DATA,	 /* a segment is under way */
	WRITE_SYNC,	 /* FUA: the slot is being synced */
	WRITE_TAKE_BACK, /* cutting off what this failed write left */
};

static const struct zone_traits *traits(const struct io *io)
{
	return zone_slot_traits(&io->disk->zones, io->slot);
}

static bool has_wp(const struct io *io)
{
	return traits(io)->has_wp;
}

/* At the write pointer only, all or nothing. */
static bool appends(const struct io *io)
{
	return traits(io)->in_order;
}

/* Anywhere, but there is a write pointer. */
static bool moves_wp(const struct io *io)
{
	return has_wp(io) && !appends(io);
}

/* The first one that this write brings. */
static uint32_t first_block(const struct io *io)
{
	const struct zone_set *z = &io->disk->zones;

	return (uint32_t)(io->pub->lba - zone_slot_start_lba(z, io->slot)) +
	       io->there_blocks;
}

/* Nobody else moves the write pointer: the slot's turn is ours. */
static bool submit_cut(struct io *io, enum write_state state)
{
	struct disk *d = io->disk;
	uint32_t wp;

	pthread_mutex_lock(&d->lock);
	wp = zone_slot_wp_blocks(&d->zones, io->slot);
	pthread_mutex_unlock(&d->lock);
	io->req.op = STORE_CUT;
	io->req.flags = 0;
	io->req.slot = io->slot;
	io->req.off = blocks_to_bytes(d, wp);
	io->state = state;
	return true;
}

static bool finish_failed(struct io *io)
{
	struct disk *d = io->disk;

	if (appends(io)) {
		pthread_mutex_lock(&d->lock);
		zone_write_end(&d->zones, io->pub->lba, 0);
		/* It will be repeated once more. */
		if (io->there_blocks)
			d->slots.at[io->slot].grace = true;
		pthread_mutex_unlock(&d->lock);
		/* None of it is there any more, or no more than before. */
		io->at_bytes = blocks_to_bytes(d, io->pub->lba);
	}
	io_finish(io, io_fail_status(io, io->error, segment_lba(io)));
	return false;
}

static bool fail(struct io *io, int error)
{
	io->error = error;
	if (!has_wp(io))
		return finish_failed(io);
	return submit_cut(io, WRITE_TAKE_BACK);
}

/* Somebody has cut the slot's file; it gets its size again, so that the disk
 * goes on. */
static int mend(struct io *io)
{
	struct disk *d = io->disk;
	uint32_t blocks;
	uint8_t gen;

	pthread_mutex_lock(&d->lock);
	blocks = slot_file_blocks(d, io->slot);
	gen = d->slots.at[io->slot].gen;
	pthread_mutex_unlock(&d->lock);
	return sync_file_was_cut(d, io->slot, gen, blocks, true);
}

static void note_cut(struct io *io)
{
	struct disk *d = io->disk;

	/* It is shorter than that. */
	if (io->req.res == -EINVAL)
		io->req.res = mend(io);
	pthread_mutex_lock(&d->lock);
	if (io->req.res < 0)
		d->slots.at[io->slot].flags |= SLOT_CUT;
	else
		slot_was_cut(d, io->slot);
	pthread_mutex_unlock(&d->lock);
}

/* From the write's first one on, up to so many bytes of the segment. */
static uint32_t blocks_until(const struct io *io, uint64_t bytes)
{
	uint64_t end_lba = (io->at_bytes + bytes) >> io->disk->block_shift;

	return (uint32_t)(end_lba - io->pub->lba);
}

static bool write_next(struct io *io)
{
	struct disk *d = io->disk;
	uint64_t slot_bytes;
	bool cut = false;

	io->slot = zone_slot_of(&d->zones, segment_lba(io));
	slot_bytes = blocks_to_bytes(d, zone_slot_blocks(&d->zones, io->slot));
	if (!appends(io)) {
		pthread_mutex_lock(&d->lock);
		/* What is lost of a block that segments share is lost with the
		 * whole write. */
		if (segment_begins_slot(io))
			io->losses = slot_begin_change(d, io->slot);
		cut = d->slots.at[io->slot].flags & SLOT_CUT;
		io->size = blocks_to_bytes(d, slot_file_blocks(d, io->slot));
		pthread_mutex_unlock(&d->lock);
	} else {
		io->size = segment_offset(io);
	}
	if (cut)
		return submit_cut(io, WRITE_CUT_OLD);
	segment_prepare(io, STORE_WRITE, slot_bytes - segment_offset(io));
	io->tried_blocks =
		blocks_until(io, io->req.len + blocks_to_bytes(d, 1) - 1);
	io->req.size = io->size;
	if (io->pub->fua && !has_wp(io))
		io->req.flags = STORE_DSYNC;
	io->state = WRITE_DATA;
	return true;
}

/*
 * The segment reached a slot whose write pointer it may have moved.  Under the
 * lock.
 * Returns whether the journal does not know yet that it was out of order.
 */
static bool note_moved(struct io *io, uint64_t bytes)
{
	struct disk *d = io->disk;
	uint64_t end = (io->at_bytes + bytes) >> d->block_shift;

	/* A block that segments share is there with the last one. */
	zone_write_end(&d->zones, segment_lba(io),
		       (uint32_t)(end - segment_lba(io)));
	stats_note_zones(d);
	return d->zones.slots[io->slot].attrs & ZA_NON_SEQ &&
	       !d->slots.at[io->slot].journal_non_seq;
}

/* The blocks of the slot that the segment has a part of. */
static void segment_blocks(const struct io *io, uint32_t *lo, uint32_t *hi)
{
	const struct disk *d = io->disk;
	uint64_t round_up = (UINT64_C(1) << d->block_shift) - 1;

	*lo = (uint32_t)(io->req.off >> d->block_shift);
	*hi = (uint32_t)((io->req.off + io->req.len + round_up) >>
			 d->block_shift);
}

/* Those that it has ended: a block that segments share is not what it is to be
 * before the last of them. */
static uint32_t whole_blocks_end(const struct io *io)
{
	return (uint32_t)((io->req.off + io->req.len) >> io->disk->block_shift);
}

/* What was written in place is there, and acknowledged or not, somebody may
 * read it.  Under the lock; *tell: the journal does not know yet that it was
 * out of order. */
static int note_blocks(struct io *io, uint64_t bytes, uint32_t lo, uint32_t hi,
		       bool *tell)
{
	struct disk *d = io->disk;
	int ret = slot_clear_bad(d, io->slot, lo, whole_blocks_end(io));
	int ret2 = slot_written(io, lo, hi, io->pub->fua && !has_wp(io));

	if (moves_wp(io))
		*tell = note_moved(io, bytes);
	io->brought_blocks = blocks_until(io, bytes);
	if (ret2)
		slot_settle(d, io->slot);
	return ret ? ret : ret2;
}

/* The journal, of blocks that are no longer bad; where that fails they are so
 * again. */
static int tell_rewritten(struct io *io, uint32_t lo, uint32_t hi)
{
	struct disk *d = io->disk;
	int ret = slot_tell_bad(d, io->slot, false);

	if (!ret && io->pub->fua)
		ret = zone_journal_sync(d);
	if (!ret)
		return 0;
	pthread_mutex_lock(&d->lock);
	slot_add_bad(d, io->slot, lo, hi);
	pthread_mutex_unlock(&d->lock);
	return ret;
}

/* A write without FUA may have rewritten them, and the journal not know that
 * durably. */
static int tell_rewritten_before(struct io *io)
{
	int ret = slot_tell_bad(io->disk, io->slot, false);

	return ret ? ret : zone_journal_sync(io->disk);
}

/* The blocks of the segment that just reached a slot that is written in place.
 * -errno: a sync that failed may have had them, or the journal could not be
 * told. */
static int note_in_place(struct io *io, uint64_t bytes)
{
	struct disk *d = io->disk;
	bool tell = false, news;
	uint32_t lo, hi;
	int ret;

	segment_blocks(io, &lo, &hi);
	pthread_mutex_lock(&d->lock);
	ret = note_blocks(io, bytes, lo, hi, &tell);
	news = d->slots.at[io->slot].flags & SLOT_BAD_NEWS;
	pthread_mutex_unlock(&d->lock);
	if (ret) {
		slot_tell_bad(d, io->slot, true);
		return ret;
	}
	if (news)
		ret = tell_rewritten(io, lo, whole_blocks_end(io));
	else if (io->pub->fua && !has_wp(io))
		ret = tell_rewritten_before(io);
	return !ret && tell ? zone_journal_tell(d, io->slot) : ret;
}

int write_end(struct io *io, uint32_t lo, uint32_t hi, bool durable)
{
	struct disk *d = io->disk;

	if (slot_losses(d, io->slot) != io->losses)
		return -EIO;
	slot_note_there(d, io->slot, lo, hi);
	if (!durable)
		slot_mark_written(io, lo, hi);
	zone_write_end(&d->zones, zone_slot_start_lba(&d->zones, io->slot) + lo,
		       hi - lo);
	return 0;
}

static int note_appended(struct io *io)
{
	struct disk *d = io->disk;
	uint32_t lo = first_block(io);
	int ret;

	pthread_mutex_lock(&d->lock);
	if (io->there_again && !io->pub->fua)
		slot_mark_written(io, lo - io->there_blocks, lo);
	ret = write_end(io, lo, lo + io->pub->nr_blocks - io->there_blocks,
			io->pub->fua);
	pthread_mutex_unlock(&d->lock);
	return ret;
}

static bool finish_written(struct io *io)
{
	int ret = appends(io) ? note_appended(io) : 0;

	if (ret)
		return fail(io, ret);
	io_finish(io, DISK_OK);
	return false;
}

/*
 * FUA in a sequential zone makes the whole file durable: a write pointer that
 * survives while data below it does not would be a lie.
 */
static bool submit_sync(struct io *io)
{
	struct disk *d = io->disk;

	pthread_mutex_lock(&d->lock);
	sync_begin(d, io->slot, io->losses, &io->part);
	pthread_mutex_unlock(&d->lock);
	sync_request(d, &io->part, &io->req);
	io->state = WRITE_SYNC;
	return true;
}

/* What was written in place may be there in part, and stays: it can be read,
 * and so is to be synced. */
static bool data_failed(struct io *io)
{
	struct disk *d = io->disk;
	uint32_t lo, hi, wp;

	if (!appends(io)) {
		segment_blocks(io, &lo, &hi);
		pthread_mutex_lock(&d->lock);
		wp = zone_slot_wp_blocks(&d->zones, io->slot);
		/* What is behind the write pointer is cut off. */
		if (moves_wp(io) && hi > wp)
			hi = wp;
		if (slot_written(io, lo < hi ? lo : hi, hi, false))
			slot_settle(d, io->slot);
		pthread_mutex_unlock(&d->lock);
		slot_tell_bad(d, io->slot, true);
	}
	return fail(io, (int)io->req.res);
}

/* What an earlier segment of this write brought. */
static bool is_behind_wp(const struct io *io)
{
	struct disk *d = io->disk;
	bool behind;

	if (segment_begins_slot(io))
		return false;
	pthread_mutex_lock(&d->lock);
	behind = segment_offset(io) >
		 blocks_to_bytes(d, slot_file_blocks(d, io->slot));
	pthread_mutex_unlock(&d->lock);
	return behind;
}

/* Nothing was written, since somebody has cut the file.  What was to be there
 * of this write itself nobody misses: all of it is to be repeated. */
static bool mend_and_write(struct io *io)
{
	int ret = is_behind_wp(io) ? -EIO : mend(io);

	return ret ? fail(io, ret) : write_next(io);
}

static bool data_done(struct io *io)
{
	int ret = 0;

	if (io->req.res == -ENODATA)
		return mend_and_write(io);
	if (io->req.res < 0)
		return data_failed(io);
	if (!appends(io))
		ret = note_in_place(io, io->req.len);
	if (ret)
		return fail(io, ret);
	segment_pass(io, io->req.len);
	if (io->pub->fua && has_wp(io) && segment_ends_slot(io))
		return submit_sync(io);
	return io->left_bytes ? write_next(io) : finish_written(io);
}

/* FUA: none of the slot's blocks is known to be durable. */
static bool sync_failed(struct io *io, int error)
{
	uint64_t start_lba = zone_slot_start_lba(&io->disk->zones, io->slot);

	io->at_bytes =
		blocks_to_bytes(io->disk, max_u64(start_lba, io->pub->lba));
	return fail(io, error);
}

/* Whether a sync that failed took blocks along that came before its last part
 * began.  Under the lock. */
static bool lost_some(const struct io *io)
{
	const struct disk *d = io->disk;
	uint64_t start_lba = zone_slot_start_lba(&d->zones, io->slot);
	uint64_t lba = max_u64(start_lba, io->pub->lba);

	return slot_first_bad(d, io->slot, (uint32_t)(lba - start_lba),
			      (uint32_t)(segment_lba(io) - start_lba)) !=
	       UINT32_MAX;
}

static bool sync_done(struct io *io)
{
	struct disk *d = io->disk;
	int ret;

	ret = sync_end(d, &io->part, (int)io->req.res);
	pthread_mutex_lock(&d->lock);
	if (!ret && lost_some(io))
		ret = -EIO;
	pthread_mutex_unlock(&d->lock);
	if (!ret)
		ret = zone_journal_sync(d);
	if (ret)
		return sync_failed(io, ret);
	return io->left_bytes ? write_next(io) : finish_written(io);
}

/* What is not there yet. */
static bool write_rest(struct io *io)
{
	if (io->left_bytes)
		return write_next(io);
	/* A repeated write, all of which is there. */
	return io->pub->fua ? submit_sync(io) : finish_written(io);
}

static bool write_step(struct io *io)
{
	switch ((enum write_state)io->state) {
	case WRITE_NEXT:
		return write_next(io);
	case WRITE_CUT_OLD:
		note_cut(io);
		if (io->req.res < 0) {
			io->error = (int)io->req.res;
			return finish_failed(io);
		}
		return write_rest(io);
	case WRITE_DATA:
		return data_done(io);
	case WRITE_SYNC:
		return sync_done(io);
	case WRITE_TAKE_BACK:
		note_cut(io);
		return finish_failed(io);
	}
	__builtin_unreachable();
}

/* The first step: nothing has been submitted yet. */
static bool write_start(struct io *io)
{
	io->step = write_step;
	if (io->state == WRITE_CUT_OLD)
		return submit_cut(io, WRITE_CUT_OLD);
	return write_rest(io);
}

enum zone_verdict write_begin(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;

	verdict = zone_write_begin(&d->zones, io->pub->lba + io->there_blocks,
				   io->pub->nr_blocks - io->there_blocks, NULL);
	if (verdict || !io->pub->nr_blocks)
		return verdict;
	io->slot = zone_slot_of(&d->zones, io->pub->lba);
	stats_note_write(d, io);
	grace_end_all(io);
	flight_begin(io);
	io->losses = slot_begin_change(d, io->slot);
	return ZV_OK;
}

/* What must be cut off first is the first slot's matter, if the write must
 * begin there. */
static enum zone_verdict begin(struct io *io, bool *cut_first)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;

	pthread_mutex_lock(&d->lock);
	verdict = write_begin(io);
	if (!verdict && io->pub->nr_blocks)
		*cut_first =
			appends(io) && d->slots.at[io->slot].flags & SLOT_CUT;
	pthread_mutex_unlock(&d->lock);
	return verdict;
}

/* What nobody has been told of must not be taken for what this write brings.
 */
static void settle(struct io *io)
{
	uint32_t slot, end;

	for (turn_range(io, &slot, &end); slot < end; slot++)
		sync_settle(io->disk, slot);
}

void write_run(struct io *io)
{
	enum zone_verdict verdict;
	bool cut_first = false;

	if (io->gate == GATE_NONE && gate_needed(io) && !gate_enter(io, false))
		return;
	if (io->gate != GATE_PART && !turn_take_range(io))
		return;
	settle(io);
	io->there_blocks = 0;
	io->there_again = false;
	verdict = begin(io, &cut_first);
	if (verdict && grace_repeats(io, verdict)) {
		verdict = begin(io, &cut_first);
		if (!verdict)
			grace_count(io->disk);
	}
	if (verdict) {
		io_refuse(io, verdict);
		return;
	}
	if (!io->pub->nr_blocks) {
		io_finish(io, DISK_OK);
		return;
	}
	segment_start(io);
	if (!io->there_again)
		segment_pass(io, blocks_to_bytes(io->disk, io->there_blocks));
	io->state = cut_first ? WRITE_CUT_OLD : WRITE_NEXT;
	io->step = write_start;
	io_drive(io);
}
