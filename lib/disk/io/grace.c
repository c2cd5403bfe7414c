// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The daemon's death, invisible to an initiator with one write in flight per
 * zone.
 *
 * A write that reached the zone's file while its completion did not reach the
 * ring is sent again, at an LBA that is now below the write pointer.  Where it
 * is known (flight.h) that it was not answered, it has been taken back when the
 * disk was opened, and there is nothing to do.  But a process may die between
 * "it is being answered" and "it has been"; or nothing is known.  A zone of
 * which that is so has a grace, once: a WRITE that begins below the write
 * pointer (where what was being answered begins, or behind) and ends at or
 * behind it is the repeated one if its bytes below the write pointer are what
 * the file has.  Those count as written; the rest, if there is any, is an
 * ordinary write at the write pointer.  Anything else gets the sense data that
 * the standard demands.
 *
 * After the death of another machine that had everything durable which it
 * acknowledged (write_through), a write that was under way may be there in
 * pieces: a network file system cuts it up, and they arrive in any order.  So
 * what is below the write pointer may have holes, which read as zeros: a block
 * of it is what the write brings, or zeros.  Then all of it is written again.
 *
 * COMPARE AND WRITE has none: two hosts that want one lock send the same bytes.
 *
 * The grace of a zone ends with its first other write, FINISH, RESET or
 * SANITIZE, and for all zones GRACE_MS after opening.  tcmu-runner has the
 * kernel complete BUSY what was under way before it opens the disk, and lets
 * commands through as soon as the disk is open, so that most initiators are
 * back after milliseconds.  One that had timed out before (Linux: after 30 s)
 * first goes through its error recovery, whose steps have limits of 10 to 30 s
 * each.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/grace.h"
#include "disk/io/io.h"
#include "disk/medium/journal.h"

#define COMPARE_BYTES 16384 /* on the stack */

/* From where on a write to the slot may be a repeated one; @wp: nowhere. */
static uint32_t repeats_from(const struct disk *d, uint32_t slot, uint32_t wp)
{
	const struct zone_set *z = &d->zones;

	/* They take every write. */
	if (!zone_slot_traits(z, slot)->in_order)
		return wp;
	return flight_is_known(d) ? flight_repeats_from(d, slot, wp) : 0;
}

void grace_begin(struct disk *d, uint64_t ms)
{
	for (uint32_t i = 0; i < d->zones.nr_slots; i++) {
		uint32_t wp = zone_slot_wp_blocks(&d->zones, i);

		d->slots.at[i].grace_lo = repeats_from(d, i, wp);
		d->slots.at[i].grace = d->slots.at[i].grace_lo < wp;
	}
	d->grace_end_ms = flight_clock_ms() + ms;
}

void grace_begin_elsewhere(struct disk *d)
{
	d->grace_holes = true;
	/* The next one to open it may be to grant it as well: see JR_OWED. */
	d->grace_end_s =
		(uint32_t)(clock_real_ns() / 1000000000) + JOURNAL_GRACE_S;
	grace_begin(d, GRACE_ELSEWHERE_MS);
}

void grace_end_all(const struct io *io)
{
	const struct zone_set *z = &io->disk->zones;
	uint32_t last = zone_slot_of(z, io->pub->lba + io->pub->nr_blocks - 1);

	for (uint32_t i = io->slot; i <= last; i++)
		grace_end(io->disk, i);
}

/*
 * How many of the blocks would have to be there already, 0 = it is no repeated
 * write.  The two verdicts come after all that has to do with the zone itself.
 * Under the lock.
 */
static uint32_t blocks_below_wp(const struct io *io, enum zone_verdict verdict)
{
	const struct disk *d = io->disk;
	const struct zone_set *z = &d->zones;
	uint32_t phys_mask = z->geo.phys_blocks - 1;
	uint32_t slot, off, wp;

	if (verdict != ZV_UNALIGNED_WRITE && verdict != ZV_FULL)
		return 0;
	slot = zone_slot_of(z, io->pub->lba);
	if (!d->slots.at[slot].grace || d->slots.at[slot].flags & SLOT_BAD)
		return 0;
	off = (uint32_t)(io->pub->lba - zone_slot_start_lba(z, slot));
	wp = zone_slot_wp_blocks(z, slot);
	if (off & phys_mask || io->pub->nr_blocks & phys_mask)
		return 0;
	if (off < d->slots.at[slot].grace_lo || off >= wp)
		return 0;
	return wp - off <= io->pub->nr_blocks ? wp - off : 0;
}

static uint32_t look(struct io *io, enum zone_verdict verdict)
{
	struct disk *d = io->disk;
	bool over = flight_clock_ms() >= d->grace_end_ms;
	uint32_t blocks = 0;

	pthread_mutex_lock(&d->lock);
	if (!over && zone_write_check(&d->zones, io->pub->lba,
				      io->pub->nr_blocks, NULL) == verdict)
		blocks = blocks_below_wp(io, verdict);
	pthread_mutex_unlock(&d->lock);
	return blocks;
}

/* Whether each block is what the write brings, or may be a hole. */
static bool blocks_match(const struct disk *d, struct iov_cur *cur,
			 const uint8_t *data, size_t len)
{
	size_t block = d->meta.block_bytes;
	struct iov_cur at = *cur;

	if (iov_match(cur, data, len) == len)
		return true;
	if (!d->grace_holes)
		return false;
	*cur = at;
	for (; len; data += block, len -= block) {
		at = *cur;
		if (iov_match(cur, data, block) == block)
			continue;
		if (!bytes_are_zero(data, block))
			return false;
		*cur = at;
		iov_skip(cur, block);
	}
	return true;
}

/* Whether the file has the first @blocks of the write. */
static bool on_medium(struct io *io, uint32_t blocks)
{
	struct disk *d = io->disk;
	uint64_t start_lba = zone_slot_start_lba(&d->zones, io->slot);
	uint64_t off = blocks_to_bytes(d, io->pub->lba - start_lba);
	uint64_t left = blocks_to_bytes(d, blocks);
	struct iov_cur cur = iov_start(io->pub->iov, io->pub->iov_cnt);
	uint8_t data[COMPARE_BYTES];
	struct iovec iov = { data, 0 };

	for (; left; off += iov.iov_len, left -= iov.iov_len) {
		iov.iov_len = min_u64(left, sizeof(data));
		io->req = (struct store_req){ .op = STORE_READ,
					      .slot = io->slot,
					      .off = off,
					      .len = iov.iov_len,
					      .iov = &iov,
					      .iov_cnt = 1 };
		if (store_run(d->store, &io->req) != (int64_t)iov.iov_len ||
		    !blocks_match(d, &cur, data, iov.iov_len))
			return false;
	}
	return true;
}

bool grace_repeats(struct io *io, enum zone_verdict verdict)
{
	uint32_t blocks = look(io, verdict);

	if (!blocks)
		return false;
	io->slot = zone_slot_of(&io->disk->zones, io->pub->lba);
	/* What another machine wrote may be in the server's memory only: that
	 * is asked to keep what is written from here, and nothing else. */
	io->there_again = io->disk->grace_holes;
	/* Another look: meanwhile the zone may have become READ ONLY, or its
	 * blocks bad. */
	if (!on_medium(io, blocks) || look(io, verdict) != blocks)
		return false;
	io->there_blocks = blocks;
	return true;
}

void grace_count(struct disk *d)
{
	uint64_t absorbed;

	pthread_mutex_lock(&d->lock);
	absorbed = ++d->stats.n[DC_RETRIES_ABSORBED];
	pthread_mutex_unlock(&d->lock);
	/* A counter that cannot be kept is no reason to fail a write. */
	journal_append(&d->journal, JR_COUNTER, DC_RETRIES_ABSORBED, absorbed,
		       false);
}
