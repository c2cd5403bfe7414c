// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Noting what is under way, while the disk runs: see flight.h. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/flight_file.h"
#include "disk/io/io.h"

#define STATE_BITS 2
#define ID_MASK	   (UINT32_MAX >> STATE_BITS)

static uint32_t whose(uint32_t id, enum flight_state state)
{
	return id << STATE_BITS | state;
}

uint32_t flight_sum(const struct flight_record *r, uint32_t slot)
{
	return (r->wp * UINT32_C(0x9e3779b1)) ^ (r->lo * UINT32_C(0x85ebca6b)) ^
	       (r->hi * UINT32_C(0xc2b2ae35)) ^
	       (r->begun * UINT32_C(0x27d4eb2f)) ^ ~slot;
}

/* Whoever is killed in here has begun nothing yet. */
void flight_put(struct flight_record *r, uint32_t slot, uint32_t state,
		const struct flight_record *what)
{
	atomic_store_explicit(&r->state, FLIGHT_NONE, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	r->wp = what->wp;
	r->lo = what->lo;
	r->hi = what->hi;
	r->begun = what->begun;
	r->sum = flight_sum(what, slot);
	atomic_store_explicit(&r->state, state, memory_order_release);
}

static uint32_t begun(const struct io *io)
{
	return flight_time(io->start_ns ? io->start_ns : clock_ns());
}

/* Of the slots that the I/O writes to, one that has a write pointer. */
static void begin_slot(const struct io *io, uint32_t slot, uint32_t id)
{
	struct disk *d = io->disk;
	const struct zone_set *z = &d->zones;
	uint64_t start_lba = zone_slot_start_lba(z, slot);
	uint64_t end_lba = io->pub->lba + io->pub->nr_blocks;
	struct flight_record r = {
		.wp = zone_slot_wp_blocks(z, slot),
		.begun = begun(io),
		.lo = (uint32_t)(max_u64(io->pub->lba, start_lba) - start_lba),
		.hi = (uint32_t)min_u64(end_lba - start_lba,
					zone_slot_blocks(z, slot)),
	};

	flight_put(&d->flight.records[slot], slot, whose(id, FLIGHT_BEGUN), &r);
}

void flight_begin(struct io *io)
{
	struct disk *d = io->disk;
	struct flight *f = &d->flight;
	const struct zone_set *z = &d->zones;
	uint32_t slot = io->slot, last = slot;

	assert(!io->flight.nr);
	if (!f->head)
		return;
	/* What is written to conventional zones can be written again. */
	if (zone_slot_traits(z, slot)->span != ZS_ZONE)
		last = zone_slot_of(z, io->pub->lba + io->pub->nr_blocks - 1);
	while (slot <= last && !zone_slot_has_wp(z, slot))
		slot++;
	if (slot > last)
		return;
	f->ids = (f->ids + 1) & ID_MASK;
	io->flight.slot = slot;
	io->flight.nr = last + 1 - slot;
	io->flight.id = f->ids;
	for (; slot <= last; slot++)
		if (zone_slot_has_wp(z, slot))
			begin_slot(io, slot, f->ids);
}

/* Of a compare's record; they are few. */
static uint32_t claim_compare(struct disk *d)
{
	struct flight *f = &d->flight;
	uint32_t n;

	pthread_mutex_lock(&d->lock);
	for (n = 0; n < f->nr_compares; n++)
		if (!(f->compares_claimed & 1u << n))
			break;
	if (n < f->nr_compares)
		f->compares_claimed |= 1u << n;
	pthread_mutex_unlock(&d->lock);
	return n < f->nr_compares ? n + 1 : 0;
}

static void end_compare(struct disk *d, uint32_t compare)
{
	struct flight *f = &d->flight;

	if (!compare)
		return;
	atomic_store_explicit(&f->compares[compare - 1].state, FLIGHT_NONE,
			      memory_order_release);
	pthread_mutex_lock(&d->lock);
	f->compares_claimed &= ~(1u << (compare - 1));
	pthread_mutex_unlock(&d->lock);
}

void flight_compare_begin(struct io *io)
{
	struct disk *d = io->disk;
	struct flight *f = &d->flight;
	struct iov_cur cur = iov_start(io->pub->iov, io->pub->iov_cnt);
	uint64_t bytes = blocks_to_bytes(d, io->pub->nr_blocks);
	uint32_t slot = zone_slot_of(&d->zones, io->pub->lba);
	struct flight_compare *c;
	uint8_t *blocks;

	if (!f->head || bytes > f->blocks_bytes)
		return;
	/* There it writes at the write pointer, as any write. */
	if (zone_slot_traits(&d->zones, slot)->in_order)
		return;
	io->flight.compare = claim_compare(d);
	if (!io->flight.compare)
		return;
	c = &f->compares[io->flight.compare - 1];
	blocks = f->blocks + (io->flight.compare - 1) * f->blocks_bytes;
	iov_get(&cur, blocks, bytes);
	c->lba = io->pub->lba;
	c->nr_blocks = io->pub->nr_blocks;
	c->begun = begun(io);
	c->crc = crc32c(blocks, bytes);
	atomic_store_explicit(&c->state, FLIGHT_BEGUN, memory_order_release);
}

/* The record may have become another write's, or have been dropped. */
static void note_answering(struct disk *d, const struct flight_mark *mark)
{
	uint32_t was;

	for (uint32_t n = 0; n < mark->nr; n++) {
		was = whose(mark->id, FLIGHT_BEGUN);
		atomic_compare_exchange_strong(
			&d->flight.records[mark->slot + n].state, &was,
			whose(mark->id, FLIGHT_ANSWERING));
	}
	if (mark->compare)
		atomic_store_explicit(
			&d->flight.compares[mark->compare - 1].state,
			FLIGHT_ANSWERING, memory_order_release);
}

static void end_slot(struct disk *d, uint32_t slot, uint32_t id)
{
	_Atomic uint32_t *state = &d->flight.records[slot].state;
	uint32_t now = atomic_load_explicit(state, memory_order_relaxed);

	while (now && now >> STATE_BITS == id &&
	       !atomic_compare_exchange_weak(state, &now, FLIGHT_NONE))
		;
}

void flight_end(struct disk *d, const struct flight_mark *mark)
{
	for (uint32_t n = 0; n < mark->nr; n++)
		end_slot(d, mark->slot + n, mark->id);
	end_compare(d, mark->compare);
}

/* It was not acknowledged, and if something of it could not be cut off yet, the
 * next process is to do so. */
static void end_failed(struct disk *d, const struct flight_mark *mark)
{
	uint32_t slot = mark->slot;

	pthread_mutex_lock(&d->lock);
	for (; slot < mark->slot + mark->nr; slot++)
		if (!(d->slots.at[slot].flags & SLOT_CUT))
			end_slot(d, slot, mark->id);
	pthread_mutex_unlock(&d->lock);
	end_compare(d, mark->compare);
}

struct flight_mark flight_answer(struct io *io)
{
	bool ok = io->pub->status == DISK_OK;
	bool last = !ok || !io->pub->is_last || io->pub->is_last(io->pub);
	struct flight_mark mark = io->flight;

	/* Of a part the whole takes it over. */
	if ((!mark.nr && !mark.compare) || io->gate == GATE_PART)
		return (struct flight_mark){ 0 };
	io->flight = (struct flight_mark){ 0 };
	if (!ok) {
		end_failed(io->disk, &mark);
		return (struct flight_mark){ 0 };
	}
	if (last) {
		note_answering(io->disk, &mark);
		return mark;
	}
	/* It is no longer alone: others may write there from now on. */
	end_compare(io->disk, mark.compare);
	mark.compare = 0;
	io->flight = mark;
	return (struct flight_mark){ 0 };
}

/* As note_answering(), but under the lock, where nobody else changes a record
 * that is this I/O's. */
static void tried_answering(struct disk *d, const struct flight_mark *mark)
{
	_Atomic uint32_t *state;

	for (uint32_t n = 0; n < mark->nr; n++) {
		state = &d->flight.records[mark->slot + n].state;
		if (atomic_load_explicit(state, memory_order_relaxed) ==
		    whose(mark->id, FLIGHT_BEGUN))
			atomic_store_explicit(state,
					      whose(mark->id, FLIGHT_ANSWERING),
					      memory_order_release);
	}
}

void flight_tried(struct io *io, bool written)
{
	if (written)
		tried_answering(io->disk, &io->flight);
	else if (!(io->disk->slots.at[io->slot].flags & SLOT_CUT))
		flight_end(io->disk, &io->flight);
	if (!written)
		io->flight = (struct flight_mark){ 0 };
}

void disk_answered(struct disk *d, struct disk_io *pub)
{
	struct io *io = io_of(pub);

	if (!io->flight.nr && !io->flight.compare)
		return;
	flight_end(d, &io->flight);
	io->flight = (struct flight_mark){ 0 };
}

void flight_note_dirty(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct flight_record *r;

	if (!d->flight.head || lo >= hi)
		return;
	r = &d->flight.records[slot];
	if (!r->dirty_hi || lo < r->dirty_lo)
		r->dirty_lo = lo;
	atomic_signal_fence(memory_order_seq_cst);
	if (hi > r->dirty_hi)
		r->dirty_hi = hi;
}

void flight_note_clean(struct disk *d, uint32_t slot)
{
	if (d->flight.head)
		d->flight.records[slot].dirty_hi = 0;
}

void flight_note_lost(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct flight_lost *l;

	if (!d->flight.head)
		return;
	l = &d->flight.lost[slot];
	if (!l->hi || lo < l->lo)
		l->lo = lo;
	atomic_signal_fence(memory_order_seq_cst);
	if (hi > l->hi)
		l->hi = hi;
}

void flight_note_rewritten(struct disk *d, uint32_t slot, uint32_t lo,
			   uint32_t hi)
{
	struct flight_lost *l;

	if (!d->flight.head)
		return;
	l = &d->flight.lost[slot];
	if (lo <= l->lo && hi >= l->hi)
		l->hi = 0;
	else if (lo <= l->lo && hi > l->lo)
		l->lo = hi;
	else if (lo < l->hi && hi >= l->hi)
		l->hi = lo;
}

void flight_note_told(struct disk *d, uint32_t slot)
{
	flight_note_rewritten(d, slot, 0, UINT32_MAX);
}

void flight_drop(struct disk *d, uint32_t slot)
{
	if (d->flight.head)
		atomic_store_explicit(&d->flight.records[slot].state,
				      FLIGHT_NONE, memory_order_release);
}
