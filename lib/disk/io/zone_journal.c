// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What the journal is told of zones, and when that is durable. */
#include "disk/internal.h"
#include "disk/io/slot.h"
#include "disk/io/zone_journal.h"
#include "disk/medium/journal.h"

static bool is_exp_open(const struct disk *d, uint32_t slot)
{
	return zone_slot_cond(&d->zones, slot) == ZC_EXP_OPEN;
}

bool zone_journal_is_owed(const struct disk *d, uint32_t slot)
{
	bool was = d->slots.at[slot].flags & SLOT_JOURNAL_EXP;

	return is_exp_open(d, slot) != was || d->slots.at[slot].journal_owed;
}

static int journal_exp(struct disk *d, uint32_t slot)
{
	struct disk_slot *s = &d->slots.at[slot];
	bool is, news;
	int ret;

	pthread_mutex_lock(&d->lock);
	is = is_exp_open(d, slot);
	news = zone_journal_is_owed(d, slot);
	s->flags &= ~SLOT_JOURNAL_EXP;
	s->flags |= is ? SLOT_JOURNAL_EXP : 0;
	pthread_mutex_unlock(&d->lock);
	if (!news)
		return 0;
	/* With write_through it outlives the machine. */
	ret = journal_append(&d->journal, JR_EXP_OPEN, slot, is,
			     d->write_through);
	pthread_mutex_lock(&d->lock);
	s->journal_owed = ret;
	pthread_mutex_unlock(&d->lock);
	return ret;
}

/* Durable before the write that it tells of is acknowledged. */
static int journal_non_seq(struct disk *d, uint32_t slot)
{
	struct disk_slot *s = &d->slots.at[slot];
	bool is, was;
	int ret;

	pthread_mutex_lock(&d->lock);
	is = d->zones.slots[slot].attrs & ZA_NON_SEQ;
	was = s->journal_non_seq;
	s->journal_non_seq = is;
	d->journal.told += was && !is;
	pthread_mutex_unlock(&d->lock);
	if (is == was)
		return 0;
	ret = journal_append(&d->journal, JR_NON_SEQ, slot, is, is);
	if (!ret)
		return 0;
	/* It will be tried again; "no longer" comes with the rewritten file. */
	pthread_mutex_lock(&d->lock);
	if (is)
		s->journal_non_seq = was;
	else
		s->journal_owed = true;
	pthread_mutex_unlock(&d->lock);
	return ret;
}

static bool is_behind(struct disk *d, uint64_t *told, uint64_t *emptied)
{
	bool behind;

	pthread_mutex_lock(&d->lock);
	*told = d->journal.told;
	behind = d->journal.safe != *told;
	*emptied = d->stats.n[DC_EMPTIED];
	pthread_mutex_unlock(&d->lock);
	return behind;
}

/* A counter's record carries those before it along: what is told meanwhile may
 * come behind it. */
static int catch_up(struct disk *d, uint64_t told, uint64_t emptied)
{
	int ret = journal_append(&d->journal, JR_COUNTER, DC_EMPTIED, emptied,
				 true);

	if (ret)
		return ret;
	pthread_mutex_lock(&d->lock);
	d->journal.safe = told;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* Who comes while another catches up waits for it. */
int zone_journal_sync(struct disk *d)
{
	uint64_t told, emptied;
	int ret = 0;

	if (!is_behind(d, &told, &emptied))
		return 0;
	pthread_mutex_lock(&d->exp_lock);
	if (is_behind(d, &told, &emptied))
		ret = catch_up(d, told, emptied);
	pthread_mutex_unlock(&d->exp_lock);
	return ret;
}

/* All, even if one fails: what is not told is noted, for the next sync
 * to catch up with. */
int zone_journal_tell(struct disk *d, uint32_t slot)
{
	int ret, ret2, ret3;

	pthread_mutex_lock(&d->exp_lock);
	ret = journal_exp(d, slot);
	ret2 = journal_non_seq(d, slot);
	pthread_mutex_unlock(&d->exp_lock);
	ret3 = slot_tell_bad(d, slot, false);
	if (!ret)
		ret = ret2;
	return ret ? ret : ret3;
}
