// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Counters. */
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/stats.h"

static void note_max(struct disk *d, enum disk_counter c, uint64_t now)
{
	d->stats.n[c] = max_u64(d->stats.n[c], now);
}

void stats_note_zones(struct disk *d)
{
	const uint32_t *nr = d->zones.nr_cond;
	uint64_t imp = nr[ZC_IMP_OPEN], exp = nr[ZC_EXP_OPEN];
	uint64_t taken = d->zones.nr_wp - nr[ZC_EMPTY];

	note_max(d, DC_MAX_OPEN, imp + exp);
	note_max(d, DC_MAX_IMP_OPEN, imp);
	note_max(d, DC_MAX_EXP_OPEN, exp);
	note_max(d, DC_MAX_TAKEN, taken);
	note_max(d, DC_MAX_NOT_EMPTY, taken - d->zones.nr_inactive_wp);
	note_max(d, DC_MAX_NON_SEQ, d->zones.nr_non_seq);
	/* No other zones are open that count against no resource. */
	note_max(d, DC_MAX_OPEN_BEFORE, d->zones.pools[ZR_NONE].nr_imp);
}

/* Whether it begins elsewhere than at the write pointer of a zone that tells
 * so.
 */
static bool is_non_seq(const struct zone_set *z, const struct io *io)
{
	uint64_t end_lba = io->pub->lba + io->pub->nr_blocks,
		 lba = io->pub->lba, start_lba;

	/* Nor does any other, since it stays there. */
	if (zone_slot_traits(z, io->slot)->span == ZS_ZONE &&
	    !zone_slot_traits(z, io->slot)->tells_non_seq)
		return false;
	for (uint32_t slot = io->slot; lba < end_lba; slot++) {
		start_lba = zone_slot_start_lba(z, slot);
		if (zone_slot_traits(z, slot)->tells_non_seq &&
		    lba - start_lba != zone_slot_wp_blocks(z, slot))
			return true;
		lba = start_lba + zone_slot_blocks(z, slot);
	}
	return false;
}

void stats_note_write(struct disk *d, const struct io *io)
{
	stats_note_zones(d);
	d->stats.n[DC_NON_SEQ_WRITES] += is_non_seq(&d->zones, io);
}

static bool is_read_rule(enum zone_verdict verdict)
{
	return verdict == ZV_READ_INVALID || verdict == ZV_READ_BOUNDARY;
}

static bool is_write_rule(enum zone_verdict verdict)
{
	return verdict == ZV_UNALIGNED_WRITE || verdict == ZV_WRITE_BOUNDARY ||
	       verdict == ZV_FULL;
}

void stats_note_refused(struct disk *d, const struct io *io,
			enum zone_verdict verdict)
{
	d->stats.n[DC_READ_VIOLATIONS] += is_read_rule(verdict);
	d->stats.n[DC_WRITE_VIOLATIONS] += is_write_rule(verdict);
	if (io->pub->op == DISK_ZONE && io->pub->zone_op == ZO_OPEN &&
	    verdict == ZV_NO_RESOURCES)
		d->stats.n[DC_FAILED_OPENS]++;
}

void disk_get_stats(struct disk *d, struct disk_stats *stats)
{
	pthread_mutex_lock(&d->lock);
	*stats = d->stats;
	pthread_mutex_unlock(&d->lock);
	stats->n[DC_FAULTS_INJECTED] = d->faults.injected;
}

void disk_reset_zone_stats(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	for (unsigned c = 0; c < DC_NR; c++)
		if (disk_counter_table[c].zoned)
			d->stats.n[c] = 0;
	stats_note_zones(d);
	pthread_mutex_unlock(&d->lock);
}
