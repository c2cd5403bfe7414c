// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The zones of a disk, block by block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/zone_model.h"
#include "zone/internal.h"

static void *need(size_t nr, size_t size)
{
	void *p = calloc(nr ? nr : 1, size);

	if (!p)
		abort();
	return p;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

unsigned model_rules[MODEL_TYPES] = {
	[ZT_CONVENTIONAL] = M_MIXES,
	[ZT_SEQ_REQUIRED] = M_WP | M_ORDER | M_HIDES | M_ALONE | M_LIMITED,
	[ZT_SEQ_PREFERRED] = M_WP | M_NON_SEQ | M_MIXES | M_OPTIMAL,
	[ZT_SEQ_OR_BEFORE] = M_WP | M_UPTO | M_HIDES | M_ONLY_RESET,
	[ZT_GAP] = M_NO_DATA,
};

static bool is(enum zone_type type, unsigned rule)
{
	return model_rules[type] & rule;
}

static bool has_wp(enum zone_type type)
{
	return is(type, M_WP);
}

static void add_zone(struct zone_model *m, uint64_t start_lba, uint64_t blocks,
		     enum zone_type type)
{
	uint32_t z = m->nr_zones;

	if (!blocks)
		return;
	for (uint64_t i = 0; i < blocks; i++)
		m->zone_of[start_lba + i] = z;
	m->zones[z] = (struct model_zone){
		.start_lba = start_lba,
		.blocks = blocks,
		.type = type,
		.cond = has_wp(type) ? ZC_EMPTY : ZC_NOT_WP,
		.realm = ZONE_NO_REALM,
	};
	m->nr_zones++;
}

static enum zone_type type_of_slot(const struct zone_geo *geo, uint64_t slot)
{
	int i = 0;

	while (slot >= geo->runs[i].end)
		i++;
	return geo->runs[i].type;
}

/* The zones of one domain, realm by realm. */
static void give_to_realms(struct zone_model *m, unsigned domain)
{
	const struct zone_domain *d = &m->geo.domains.d[domain];
	uint32_t slot = d->first_slot, realm = d->first_realm;

	for (uint32_t n = 0; n < d->nr_realms; n++, realm++) {
		if (realm == d->hole_at)
			realm += d->hole_realms;
		for (uint32_t i = 0; i < d->realm_slots; i++, slot++) {
			uint32_t z = m->zone_of[slot * m->geo.zone_blocks];

			m->zones[z].realm = realm;
			m->zones[z].domain = domain;
		}
	}
}

void model_init(struct zone_model *m, const struct zone_geo *geo)
{
	uint64_t size = geo->zone_blocks, room, cap;
	uint64_t max_zones = 2 * (geo->capacity_blocks / size + 1);

	*m = (struct zone_model){ .geo = *geo };
	m->zone_of = need(geo->capacity_blocks, sizeof(*m->zone_of));
	m->written = need(geo->capacity_blocks, sizeof(*m->written));
	m->zones = need(max_zones, sizeof(*m->zones));
	m->imp = need(max_zones, sizeof(*m->imp));
	for (uint64_t lba = 0, n = 0; lba < geo->capacity_blocks;
	     lba += size, n++) {
		room = least(size, geo->capacity_blocks - lba);
		cap = has_wp(type_of_slot(geo, n))
			      ? least(room, geo->zone_cap_blocks)
			      : room;
		add_zone(m, lba, cap, type_of_slot(geo, n));
		add_zone(m, lba + cap, room - cap, ZT_GAP);
	}
	for (unsigned d = 0; d < geo->domains.nr; d++)
		give_to_realms(m, d);
}

void model_free_clone(struct zone_model *m)
{
	free(m->zones);
	free(m->written);
	free(m->imp);
}

void model_free(struct zone_model *m)
{
	model_free_clone(m);
	free(m->zone_of);
}

void model_copy(struct zone_model *to, const struct zone_model *from)
{
	memcpy(to->zones, from->zones, from->nr_zones * sizeof(*from->zones));
	memcpy(to->written, from->written, from->geo.capacity_blocks);
	memcpy(to->imp, from->imp, from->nr_imp * sizeof(*from->imp));
	to->nr_imp = from->nr_imp;
}

void model_clone(struct zone_model *to, const struct zone_model *from)
{
	*to = *from;
	to->zones = need(from->nr_zones, sizeof(*to->zones));
	to->written = need(from->geo.capacity_blocks, sizeof(*to->written));
	to->imp = need(from->nr_zones, sizeof(*to->imp));
	model_copy(to, from);
}

/* Where the zone's write pointer is.  Of a zone that must be written in order:
 * behind as many blocks as are written; of another one: behind the highest. */
static uint32_t written_blocks(const struct zone_model *m, uint32_t z)
{
	const struct model_zone *zone = &m->zones[z];
	uint32_t n = 0, highest = 0;

	for (uint32_t i = 0; i < zone->blocks; i++) {
		if (!m->written[zone->start_lba + i])
			continue;
		n++;
		highest = i + 1;
	}
	return is(zone->type, M_ORDER) ? n : highest;
}

/* The first @nr blocks of the zone are written, the others are not. */
static void set_written(struct zone_model *m, uint32_t z, uint64_t nr)
{
	const struct model_zone *zone = &m->zones[z];

	for (uint64_t i = 0; i < zone->blocks; i++)
		m->written[zone->start_lba + i] = i < nr;
}

static uint32_t nr_in(const struct zone_model *m, unsigned rule,
		      enum zone_cond cond)
{
	uint32_t n = 0;

	for (uint32_t z = 0; z < m->nr_zones; z++)
		n += m->zones[z].cond == cond && is(m->zones[z].type, rule);
	return n;
}

static void forget_imp(struct zone_model *m, uint32_t z)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->nr_imp; i++)
		if (m->imp[i] != z)
			m->imp[kept++] = m->imp[i];
	m->nr_imp = kept;
}

static void become(struct zone_model *m, uint32_t z, enum zone_cond cond)
{
	forget_imp(m, z);
	m->zones[z].cond = cond;
	if (cond == ZC_IMP_OPEN)
		m->imp[m->nr_imp++] = z;
}

static void close_zone(struct zone_model *m, uint32_t z)
{
	become(m, z, written_blocks(m, z) ? ZC_CLOSED : ZC_EMPTY);
}

static unsigned resource_of(enum zone_type type)
{
	return model_rules[type] & (M_OPTIMAL | M_LIMITED);
}

/* One more zone with this rule is to be opened: close the oldest that may be
 * closed. */
static void make_room(struct zone_model *m, unsigned rule, const bool *spared)
{
	uint32_t max = m->geo.max_open;

	if (!max ||
	    nr_in(m, rule, ZC_IMP_OPEN) + nr_in(m, rule, ZC_EXP_OPEN) < max)
		return;
	for (uint32_t i = 0; i < m->nr_imp; i++) {
		if (!is(m->zones[m->imp[i]].type, rule) ||
		    (spared && spared[m->imp[i]]))
			continue;
		close_zone(m, m->imp[i]);
		return;
	}
	if (rule != M_LIMITED)
		return; /* more than the optimal number */
	fprintf(stderr, "model: no zone to close\n");
	abort();
}

static const enum zone_verdict refuses_write[16] = {
	[ZC_READ_ONLY] = ZV_READ_ONLY,
	[ZC_OFFLINE] = ZV_OFFLINE,
	[ZC_INACTIVE] = ZV_INACTIVE,
};
static const struct model_zone *zone_at(const struct zone_model *m,
					uint64_t lba)
{
	return &m->zones[m->zone_of[lba]];
}

static bool beyond(const struct zone_model *m, uint64_t lba, uint64_t nr)
{
	return (unsigned __int128)lba + nr > m->geo.capacity_blocks;
}

/* Types that mix do so on a disk without domains. */
static bool go_together(const struct zone_model *m, enum zone_type a,
			enum zone_type b)
{
	return a == b ||
	       (is(a, M_MIXES) && is(b, M_MIXES) && m->geo.domains.nr == 0);
}

static bool all_in_zone(const struct zone_model *m, uint64_t lba, uint64_t nr)
{
	for (uint64_t i = lba; i < lba + nr; i++)
		if (zone_at(m, i) != zone_at(m, lba))
			return false;
	return true;
}

/* Not written, but something behind it in its zone is. */
static bool passed_over(const struct zone_model *m, uint64_t lba)
{
	return lba <
	       zone_at(m, lba)->start_lba + written_blocks(m, m->zone_of[lba]);
}

/* What a block says to a read that began at @first. */
static enum zone_verdict block_says(const struct zone_model *m, uint64_t lba,
				    uint64_t first)
{
	const struct model_zone *zone = zone_at(m, lba);

	if (is(zone->type, M_NO_DATA) && !m->geo.urswrz)
		return ZV_GAP;
	if (zone->cond == ZC_OFFLINE)
		return ZV_OFFLINE;
	if (zone->cond == ZC_INACTIVE && !m->geo.urswrz && has_wp(zone->type))
		return ZV_INACTIVE;
	if (!go_together(m, zone->type, zone_at(m, first)->type))
		return ZV_READ_INVALID;
	return ZV_OK;
}

enum zone_verdict model_read(const struct zone_model *m, uint64_t lba,
			     uint64_t nr)
{
	enum zone_type type;

	if (beyond(m, lba, nr))
		return ZV_LBA_RANGE;
	if (!nr)
		return ZV_OK;
	for (uint64_t i = lba; i < lba + nr; i++)
		if (block_says(m, i, lba))
			return block_says(m, i, lba);
	if (m->geo.urswrz)
		return ZV_OK;
	type = zone_at(m, lba)->type;
	if (is(type, M_HIDES) && is(type, M_ALONE) && !all_in_zone(m, lba, nr))
		return ZV_READ_BOUNDARY;
	for (uint64_t i = lba; i < lba + nr; i++)
		if (is(zone_at(m, i)->type, M_HIDES) && !m->written[i] &&
		    !passed_over(m, i))
			return ZV_READ_INVALID;
	return ZV_OK;
}

/* Whether the zone's part of the range is where its write pointer is. */
static enum zone_verdict in_order(const struct zone_model *m, uint64_t lba,
				  uint64_t nr, uint32_t z)
{
	const struct model_zone *zone = &m->zones[z];
	uint64_t end_lba = least(lba + nr, zone->start_lba + zone->blocks);

	if (lba < zone->start_lba)
		lba = zone->start_lba;
	if (zone->cond == ZC_FULL)
		return ZV_FULL;
	if (lba != zone->start_lba + written_blocks(m, z) ||
	    lba % m->geo.phys_blocks || end_lba % m->geo.phys_blocks)
		return ZV_UNALIGNED_WRITE;
	return ZV_OK;
}

/* Whether the zone's part of the range begins at its write pointer or below,
 * and is whole physical blocks where it goes on behind it. */
static enum zone_verdict up_to_wp(const struct zone_model *m, uint64_t lba,
				  uint64_t nr, uint32_t z)
{
	const struct model_zone *zone = &m->zones[z];
	uint64_t end_lba = least(lba + nr, zone->start_lba + zone->blocks);
	uint64_t wp_lba = zone->start_lba + written_blocks(m, z);

	if (lba < zone->start_lba)
		lba = zone->start_lba;
	if (lba > wp_lba)
		return ZV_UNALIGNED_WRITE;
	if (end_lba > wp_lba && end_lba % m->geo.phys_blocks)
		return ZV_UNALIGNED_WRITE;
	return ZV_OK;
}

static enum zone_verdict zone_says(const struct zone_model *m, uint64_t lba,
				   uint64_t nr, uint32_t z)
{
	const struct model_zone *zone = &m->zones[z];

	if (is(zone->type, M_NO_DATA))
		return ZV_GAP;
	if (refuses_write[zone->cond])
		return refuses_write[zone->cond];
	if (!go_together(m, zone->type, zone_at(m, lba)->type))
		return ZV_WRITE_BOUNDARY;
	if (is(zone->type, M_ALONE) &&
	    lba + nr > zone->start_lba + zone->blocks)
		return ZV_WRITE_BOUNDARY;
	if (is(zone->type, M_ORDER))
		return in_order(m, lba, nr, z);
	return is(zone->type, M_UPTO) ? up_to_wp(m, lba, nr, z) : ZV_OK;
}

enum zone_verdict model_write_check(const struct zone_model *m, uint64_t lba,
				    uint64_t nr)
{
	uint32_t z, to_open = 0;

	if (beyond(m, lba, nr))
		return ZV_LBA_RANGE;
	if (!nr)
		return ZV_OK;
	for (z = m->zone_of[lba]; z <= m->zone_of[lba + nr - 1]; z++) {
		const struct model_zone *zone = &m->zones[z];

		if (zone_says(m, lba, nr, z))
			return zone_says(m, lba, nr, z);
		to_open += is(zone->type, M_LIMITED) &&
			   (zone->cond == ZC_EMPTY || zone->cond == ZC_CLOSED);
	}
	if (to_open && m->geo.max_open &&
	    nr_in(m, M_LIMITED, ZC_EXP_OPEN) + to_open > m->geo.max_open)
		return ZV_NO_RESOURCES;
	return ZV_OK;
}

static bool opens_implicitly(enum zone_cond cond)
{
	return cond == ZC_EMPTY || cond == ZC_IMP_OPEN || cond == ZC_CLOSED;
}

enum zone_verdict model_write_begin(struct zone_model *m, uint64_t lba,
				    uint64_t nr)
{
	enum zone_verdict verdict = model_write_check(m, lba, nr);
	enum zone_cond cond;

	if (verdict || !nr)
		return verdict;
	for (uint64_t i = lba; i < lba + nr; i++) {
		/* once for each zone */
		if (i > lba && m->zone_of[i] == m->zone_of[i - 1])
			continue;
		cond = zone_at(m, i)->cond;
		if (!opens_implicitly(cond))
			continue;
		if (cond != ZC_IMP_OPEN)
			make_room(m, resource_of(zone_at(m, i)->type), NULL);
		become(m, m->zone_of[i], ZC_IMP_OPEN);
	}
	return ZV_OK;
}

static void settle(struct zone_model *m, uint32_t z)
{
	if (refuses_write[m->zones[z].cond])
		return;
	if (written_blocks(m, z) == m->zones[z].blocks)
		become(m, z, ZC_FULL);
	else if (m->zones[z].cond == ZC_EMPTY)
		become(m, z, ZC_CLOSED);
}

/* One block of a zone that must be written in order. */
static void append_block(struct zone_model *m, uint32_t z)
{
	if (m->zones[z].cond == ZC_FULL)
		return;
	set_written(m, z, written_blocks(m, z) + 1);
	settle(m, z);
}

/* One block of another zone; @first: what the write began with there. */
static void put_block(struct zone_model *m, uint32_t z, uint64_t lba,
		      bool first)
{
	struct model_zone *zone = &m->zones[z];

	if (is(zone->type, M_NON_SEQ) && first &&
	    lba != zone->start_lba + written_blocks(m, z))
		zone->non_seq = true;
	m->written[lba] = true;
	if (zone->cond != ZC_FULL)
		settle(m, z);
}

void model_write_end(struct zone_model *m, uint64_t lba, uint32_t nr)
{
	for (uint64_t i = lba; i < lba + nr; i++) {
		uint32_t z = m->zone_of[i];

		if (is(m->zones[z].type, M_ORDER))
			append_block(m, z);
		else if (has_wp(m->zones[z].type))
			put_block(m, z, i, i == lba || m->zone_of[i - 1] != z);
	}
}

/*
 * ZBC-2, zone management: what a command makes of a zone in a condition, and
 * whether it does so with ALL too.  Conditions without an entry stay.
 */
enum result {
	STAYS,
	TO_EXP_OPEN,
	TO_CLOSED_OR_EMPTY,
	TO_FULL,
	TO_EMPTY,
};
#define ONE  false
#define BOTH true
static const struct rule {
	enum result result;
	bool with_all;
} rules[5][16] = {
	[ZO_OPEN] = {
		[ZC_EMPTY]    = { TO_EXP_OPEN, ONE },
		[ZC_IMP_OPEN] = { TO_EXP_OPEN, ONE },
		[ZC_CLOSED]   = { TO_EXP_OPEN, BOTH },
	},
	[ZO_CLOSE] = {
		[ZC_IMP_OPEN] = { TO_CLOSED_OR_EMPTY, BOTH },
		[ZC_EXP_OPEN] = { TO_CLOSED_OR_EMPTY, BOTH },
	},
	[ZO_FINISH] = {
		[ZC_EMPTY]    = { TO_FULL, ONE },
		[ZC_IMP_OPEN] = { TO_FULL, BOTH },
		[ZC_EXP_OPEN] = { TO_FULL, BOTH },
		[ZC_CLOSED]   = { TO_FULL, BOTH },
	},
	[ZO_RESET] = {
		[ZC_IMP_OPEN] = { TO_EMPTY, BOTH },
		[ZC_EXP_OPEN] = { TO_EMPTY, BOTH },
		[ZC_CLOSED]   = { TO_EMPTY, BOTH },
		[ZC_FULL]     = { TO_EMPTY, BOTH },
	},
};

static bool has_op(enum zone_type type, enum zone_op op)
{
	return has_wp(type) && (op == ZO_RESET || !is(type, M_ONLY_RESET));
}

/* Marks the zones that the command names; checks ID, COUNT and conditions. */
static enum zone_verdict mark_range(const struct zone_model *m, enum zone_op op,
				    uint64_t zone_id, uint32_t count,
				    bool *marked)
{
	uint32_t z;

	if (zone_id >= m->geo.capacity_blocks)
		return ZV_LBA_RANGE;
	z = m->zone_of[zone_id];
	if (m->zones[z].start_lba == zone_id && is(m->zones[z].type, M_NO_DATA))
		return ZV_GAP;
	if (m->zones[z].start_lba != zone_id || !has_wp(m->zones[z].type))
		return ZV_ZONE_ID;
	for (uint32_t i = z; i < z + count; i++)
		if (i >= m->nr_zones || !has_wp(m->zones[i].type))
			return ZV_ZONE_COUNT;
	for (uint32_t i = z; i < z + count; i++) {
		if (refuses_write[m->zones[i].cond])
			return refuses_write[m->zones[i].cond];
		if (!has_op(m->zones[i].type, op))
			return i == z ? ZV_ZONE_ID : ZV_ZONE_COUNT;
	}
	for (uint32_t i = z; i < z + count; i++)
		marked[i] = true;
	return ZV_OK;
}

/* Of the marked zones (ALL: of all) leave those marked that will change. */
static void mark_changing(const struct zone_model *m, enum zone_op op, bool all,
			  bool *marked)
{
	const struct rule *rule;

	for (uint32_t z = 0; z < m->nr_zones; z++) {
		rule = &rules[op][m->zones[z].cond];
		marked[z] = (all || marked[z]) && rule->result != STAYS &&
			    (!all || rule->with_all) &&
			    has_op(m->zones[z].type, op);
	}
}

static bool open_fits(const struct zone_model *m, const bool *marked)
{
	uint32_t n = nr_in(m, M_LIMITED, ZC_EXP_OPEN);

	for (uint32_t z = 0; z < m->nr_zones; z++)
		n += marked[z] && is(m->zones[z].type, M_LIMITED);
	return !m->geo.max_open || n <= m->geo.max_open;
}

static void change(struct zone_model *m, uint32_t z, enum result result,
		   const bool *marked)
{
	switch (result) {
	case TO_EXP_OPEN:
		if (m->zones[z].cond != ZC_IMP_OPEN)
			make_room(m, resource_of(m->zones[z].type), marked);
		become(m, z, ZC_EXP_OPEN);
		break;
	case TO_CLOSED_OR_EMPTY:
		close_zone(m, z);
		break;
	case TO_FULL:
		set_written(m, z, m->zones[z].blocks);
		become(m, z, ZC_FULL);
		break;
	case TO_EMPTY:
		set_written(m, z, 0);
		m->zones[z].non_seq = false;
		become(m, z, ZC_EMPTY);
		break;
	case STAYS:
		break;
	}
}

static enum zone_verdict run_op(struct zone_model *m, enum zone_op op,
				uint64_t zone_id, uint16_t zone_count, bool all,
				bool *marked)
{
	enum zone_verdict verdict = ZV_OK;

	if (!all)
		verdict = mark_range(m, op, zone_id,
				     zone_count ? zone_count : 1, marked);
	if (verdict)
		return verdict;
	mark_changing(m, op, all, marked);
	if (op == ZO_OPEN && !open_fits(m, marked))
		return ZV_NO_RESOURCES;
	for (uint32_t z = 0; z < m->nr_zones; z++)
		if (marked[z])
			change(m, z, rules[op][m->zones[z].cond].result,
			       marked);
	return ZV_OK;
}

enum zone_verdict model_op(struct zone_model *m, enum zone_op op,
			   uint64_t zone_id, uint16_t zone_count, bool all)
{
	bool few[16] = { false }, *marked = few;
	enum zone_verdict verdict;

	if (m->nr_zones > 16)
		marked = need(m->nr_zones, sizeof(*marked));
	verdict = run_op(m, op, zone_id, zone_count, all, marked);
	if (marked != few)
		free(marked);
	return verdict;
}

void model_power_on(struct zone_model *m)
{
	for (uint32_t z = 0; z < m->nr_zones; z++)
		if (m->zones[z].cond == ZC_IMP_OPEN ||
		    m->zones[z].cond == ZC_EXP_OPEN)
			close_zone(m, z);
}

void model_set_state(struct zone_model *m, uint64_t zone_lba,
		     enum zone_cond cond, uint32_t wp_blocks)
{
	uint32_t z = m->zone_of[zone_lba];

	if (has_wp(m->zones[z].type))
		set_written(m, z, wp_blocks);
	m->zones[z].non_seq &= wp_blocks > 0;
	become(m, z, cond);
}

void model_set_non_seq(struct zone_model *m, uint64_t zone_lba, bool non_seq)
{
	m->zones[m->zone_of[zone_lba]].non_seq = non_seq;
}

/* Realms. */

static bool realm_has(const struct zone_model *m, uint32_t realm,
		      unsigned domain)
{
	for (uint32_t z = 0; z < m->nr_zones; z++)
		if (m->zones[z].realm == realm && m->zones[z].domain == domain)
			return true;
	return false;
}

/* Where the first zone is that is not INACTIVE. */
static const struct model_zone *active_zone(const struct zone_model *m,
					    uint32_t realm)
{
	for (uint32_t z = 0; z < m->nr_zones; z++)
		if (m->zones[z].realm == realm &&
		    m->zones[z].cond != ZC_INACTIVE)
			return &m->zones[z];
	abort();
}

static void set_active(struct zone_model *m, uint32_t realm, unsigned domain)
{
	for (uint32_t z = 0; z < m->nr_zones; z++) {
		const struct model_zone *zone = &m->zones[z];

		if (zone->realm != realm)
			continue;
		set_written(m, z, 0);
		if (zone->domain != domain)
			become(m, z, ZC_INACTIVE);
		else
			become(m, z, has_wp(zone->type) ? ZC_EMPTY : ZC_NOT_WP);
	}
}

void model_realms_init(struct zone_model *m, unsigned domain)
{
	for (uint32_t r = 0; r < m->geo.domains.nr_realms; r++) {
		unsigned d = domain;

		for (unsigned i = 0; !realm_has(m, r, d); i++)
			d = i;
		set_active(m, r, d);
	}
}

static bool same_realm(const struct model_zone *a, const struct model_zone *b)
{
	return a->realm == b->realm && a->domain == b->domain;
}

static enum zone_verdict name_realms(const struct zone_model *m,
				     struct zone_activation *a,
				     unsigned *domain, bool *named)
{
	const struct model_zone *first, *z, *all = m->zones + m->nr_zones;

	if (a->zone_id >= m->geo.capacity_blocks)
		return ZV_LBA_RANGE;
	first = zone_at(m, a->zone_id);
	if (first->start_lba != a->zone_id || first->realm == ZONE_NO_REALM)
		return ZV_ZONE_ID;
	if (!a->nr_zones || a->nr_zones > all - first)
		return ZV_ZONE_COUNT;
	if (first->cond == ZC_INACTIVE)
		*domain = first->domain;
	for (z = first; z < first + a->nr_zones; z++) {
		if (z->realm == ZONE_NO_REALM || z->domain != first->domain) {
			a->unmet = 0x28;
			a->unmet_lba = z->start_lba;
			return ZV_OK;
		}
		named[z->realm] = true;
	}
	if ((first > m->zones && same_realm(first - 1, first)) ||
	    (z < all && same_realm(z - 1, z))) {
		a->unmet = 0x04;
		a->unmet_lba = a->zone_id;
	}
	return ZV_OK;
}

/* The first realm that is named and as @test has it. */
static bool find_realm(const struct zone_model *m, unsigned domain,
		       const bool *named, struct zone_activation *a,
		       bool (*test)(const struct zone_model *, uint32_t realm,
				    unsigned domain),
		       uint8_t why)
{
	for (uint32_t r = 0; r < m->geo.domains.nr_realms && !a->unmet; r++)
		if (named[r] && test(m, r, domain)) {
			a->unmet = why;
			a->unmet_lba = active_zone(m, r)->start_lba;
		}
	return a->unmet;
}

static bool lacks(const struct zone_model *m, uint32_t realm, unsigned domain)
{
	return !realm_has(m, realm, domain);
}

static bool is_there(const struct zone_model *m, uint32_t realm,
		     unsigned domain)
{
	return active_zone(m, realm)->domain == domain;
}

static void check_empty(const struct zone_model *m, const bool *named,
			struct zone_activation *a)
{
	for (uint32_t z = 0; z < m->nr_zones && !a->unmet; z++) {
		const struct model_zone *zone = &m->zones[z];

		if (zone->realm == ZONE_NO_REALM || !named[zone->realm] ||
		    zone->cond == ZC_INACTIVE || zone->cond == ZC_EMPTY ||
		    zone->cond == ZC_NOT_WP)
			continue;
		a->unmet = 0x02;
		a->unmet_lba = zone->start_lba;
	}
}

/* @named has room for all. */
static enum zone_verdict activate(struct zone_model *m,
				  struct zone_activation *a, bool *named)
{
	uint32_t nr = m->geo.domains.nr_realms;
	unsigned domain = a->other;
	enum zone_verdict verdict = ZV_OK;

	for (uint32_t r = 0; r < nr; r++)
		named[r] = a->all && realm_has(m, r, domain) &&
			   !is_there(m, r, domain);
	if (!a->all)
		verdict = name_realms(m, a, &domain, named);
	if (verdict)
		return verdict;
	if (!find_realm(m, domain, named, a, lacks, 0x10) &&
	    !find_realm(m, domain, named, a, is_there, 0x01))
		check_empty(m, named, a);
	for (uint32_t r = 0; r < nr; r++)
		if (named[r] && !a->unmet)
			set_active(m, r, domain);
	return ZV_OK;
}

enum zone_verdict model_activate(struct zone_model *m,
				 struct zone_activation *a)
{
	enum zone_verdict verdict;
	bool *named;

	a->unmet = 0;
	a->unmet_lba = 0;
	if (a->other >= m->geo.domains.nr)
		return ZV_DOMAIN;
	named = need(m->geo.domains.nr_realms, sizeof(*named));
	verdict = activate(m, a, named);
	free(named);
	return verdict;
}

static const char *compare_realms(const struct zone_model *m,
				  const struct zone_set *set)
{
	for (uint32_t r = 0; r < m->geo.domains.nr_realms; r++)
		if (set->active[r] != active_zone(m, r)->domain)
			return "active domain";
	return NULL;
}

static uint64_t shown_wp_lba(const struct zone_model *m, uint32_t z)
{
	static const bool has_wp[16] = {
		[ZC_EMPTY] = true,  [ZC_IMP_OPEN] = true, [ZC_EXP_OPEN] = true,
		[ZC_CLOSED] = true, [ZC_FULL] = true,
	};

	if (!has_wp[m->zones[z].cond])
		return UINT64_MAX;
	return m->zones[z].start_lba + written_blocks(m, z);
}

static const char *compare_zone(const struct zone_model *m, uint32_t z,
				const struct zone_set *set)
{
	const struct model_zone *zone = &m->zones[z];
	struct zone_info info;

	zone_info_at(set, zone->start_lba, &info);
	if (info.start_lba != zone->start_lba)
		return "zone start";
	if (info.blocks != zone->blocks)
		return "zone length";
	if (info.type != zone->type)
		return "zone type";
	if (info.cond != zone->cond)
		return "zone condition";
	if (!(info.attrs & ZA_NON_SEQ) != !zone->non_seq)
		return "NON_SEQ";
	if (info.wp_lba != shown_wp_lba(m, z))
		return "write pointer";
	if (info.slot != zone->start_lba / m->geo.zone_blocks)
		return "slot";
	/* READ ONLY and OFFLINE zones do not show it. */
	if (has_wp(zone->type) &&
	    set->slots[info.slot].wp_blocks != written_blocks(m, z))
		return "blocks written";
	return NULL;
}

static const char *compare_lru(const struct zone_model *m,
			       const struct zone_set *set,
			       enum zone_resource resource, unsigned rule)
{
	uint32_t slot = set->pools[resource].lru_head;

	for (uint32_t i = 0; i < m->nr_imp; i++) {
		const struct model_zone *zone = &m->zones[m->imp[i]];

		if (resource_of(zone->type) != rule)
			continue;
		if (slot == SLOT_NONE ||
		    zone_slot_start_lba(set, slot) != zone->start_lba)
			return "order of implicitly opened zones";
		slot = set->slots[slot].lru_next;
	}
	return slot == SLOT_NONE ? NULL : "number of implicitly opened zones";
}

const char *model_compare(const struct zone_model *m,
			  const struct zone_set *set)
{
	const char *what;

	if (zone_count_all(set) != m->nr_zones)
		return "number of zones";
	for (uint32_t z = 0; z < m->nr_zones; z++) {
		what = compare_zone(m, z, set);
		if (what)
			return what;
	}
	what = compare_realms(m, set);
	if (!what)
		what = compare_lru(m, set, ZR_NONE, 0);
	if (!what)
		what = compare_lru(m, set, ZR_OPTIMAL, M_OPTIMAL);
	return what ? what : compare_lru(m, set, ZR_LIMITED, M_LIMITED);
}
