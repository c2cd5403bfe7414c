/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The zone state machine of a zoned block device (ZBC-2 clause 4.4): which
 * conditions zones are in, which commands they accept, which zones hold an
 * open resource.
 *
 * Rules that hold everywhere here:
 * - Pure functions over memory: no I/O, no threads, no allocation.  The caller
 *   serialises calls for one struct zone_set; functions that take it as const
 *   may run side by side with each other.
 * - All lengths and addresses are logical blocks.  An LBA is absolute; an
 *   offset is relative to its zone's start.
 * - A "slot" is zone_blocks of address space (the last one may be smaller) and
 *   the unit of storage: one zone file each.  Slots have numbers from 0; zones
 *   are named by their start LBA, as in SCSI.
 * - A slot has a zone type, for good; slots of any type may stand anywhere.
 *   What a zone may do follows from the type's row of traits and from nothing
 *   else.  A slot with a write pointer whose capacity is below its size holds
 *   two zones: a gap zone is behind the other.
 * - A verdict other than ZV_OK means that nothing has changed.
 */
#ifndef ZL_ZONE_ZONE_H
#define ZL_ZONE_ZONE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* ZONE TYPE field, ZBC-2 table "Zone type". */
enum zone_type {
	ZT_CONVENTIONAL = 0x1,
	ZT_SEQ_REQUIRED = 0x2,
	ZT_SEQ_PREFERRED = 0x3,
	ZT_SEQ_OR_BEFORE = 0x4,
	ZT_GAP = 0x5,
};

/* The zones that one command may read or write at once. */
enum zone_span {
	ZS_NOTHING, /* there is nothing to read or write */
	ZS_ZONE,    /* writes: one zone; reads: zones of its type, but one zone
		       with URSWRZ=0 */
	ZS_TYPE,    /* zones of its type */
	ZS_TYPES,   /* zones of its type and of others that have this span */
};

/* What an open zone counts against. */
enum zone_resource {
	ZR_NONE,    /* nothing */
	ZR_OPTIMAL, /* max_open is the optimal number: more are not refused */
	ZR_LIMITED, /* no more than max_open are open */
	ZR_NR,
};

/* What zones of a type are like.  All else is the same for all. */
struct zone_traits {
	const char *name; /* NULL: there is no such type */
	bool has_wp;	  /* a write pointer, and with it the conditions and
			     commands of zones that have one */
	bool in_order;	  /* writes: at the write pointer, whole physical
			     blocks, not when FULL */
	bool up_to_wp;	  /* writes: from the write pointer or below it; what
			     moves it ends on a physical block */
	bool only_reset;  /* OPEN, CLOSE and FINISH are not for them */
	bool hides_unwritten; /* reads with URSWRZ=0: below the write pointer */
	bool tells_non_seq;   /* what is written elsewhere sets ZA_NON_SEQ */
	bool made_full;	      /* on a new disk FULL, for hosts that know no
				 zones */
	enum zone_span span;
	enum zone_resource resource;
};

/* By type; traits.inc has the rows. */
extern const struct zone_traits zone_traits[];
extern const unsigned zone_nr_types;

/* ZONE CONDITION field, ZBC-2 table "Zone condition". */
enum zone_cond {
	ZC_NOT_WP = 0x0,
	ZC_EMPTY = 0x1,
	ZC_IMP_OPEN = 0x2,
	ZC_EXP_OPEN = 0x3,
	ZC_CLOSED = 0x4,
	ZC_INACTIVE = 0x5,
	ZC_READ_ONLY = 0xd,
	ZC_FULL = 0xe,
	ZC_OFFLINE = 0xf,
};

/* Zone attributes: the low bits of byte 1 of a zone descriptor. */
#define ZA_RESET   0x01 /* RESET WRITE POINTER recommended */
#define ZA_NON_SEQ 0x02 /* non-sequential write resources active */
#define ZA_PUEP	   0x04 /* predicted unrecovered errors present */

/* Service actions of ZBC OUT (94h). */
enum zone_op {
	ZO_CLOSE = 0x01,
	ZO_FINISH = 0x02,
	ZO_OPEN = 0x03,
	ZO_RESET = 0x04,
};

/*
 * Why a command is refused.  lib/scsi turns each into sense data (facts of the
 * standard: ZBC-2 clause 4.4.3 for the access rules, 5.x for the commands).
 */
enum zone_verdict {
	ZV_OK,
	ZV_LBA_RANGE,	    /* 5/21/00 beyond the capacity */
	ZV_UNALIGNED_WRITE, /* 5/21/04 not at the write pointer, or not whole
			       physical blocks */
	ZV_WRITE_BOUNDARY,  /* 5/21/05 write leaves the zone (or zone type) */
	ZV_READ_INVALID,    /* 5/21/06 read of another zone type, or of
			       unwritten blocks with URSWRZ=0 */
	ZV_READ_BOUNDARY,   /* 5/21/07 read leaves the zone with URSWRZ=0 */
	ZV_GAP,		    /* 5/21/09 a gap zone: writes, zone management, and
			       reads with URSWRZ=0 */
	ZV_FULL,	    /* 5/24/00 write to a full zone */
	ZV_ZONE_ID,	    /* 5/24/00 ZONE ID: not the start of a zone with a
			       write pointer, or one that is not for the
			       command */
	ZV_ZONE_COUNT,	    /* 5/24/00 ZONE COUNT: reaches such a zone, or
			       beyond the last */
	ZV_READ_ONLY,	    /* 7/27/08 */
	ZV_OFFLINE,	    /* 7/2C/0E */
	ZV_INACTIVE,	    /* 7/2C/12 */
	ZV_NO_RESOURCES,    /* 7/55/0E */
	ZV_DOMAIN,	    /* 5/24/00 there is no such zone domain */
};

/* Slots of one type: those behind the run before, up to @end. */
struct zone_run {
	uint32_t end; /* the first slot that is not of it; UINT32_MAX: none */
	enum zone_type type;
};

#define ZONE_MAX_RUNS 8

/*
 * A zone domain: consecutive slots of one type.  Those realms that have zones
 * in it have realm_slots of them each, one realm's behind the other's:
 * nr_realms of them, counted from first_realm on without the hole_realms from
 * hole_at on.
 */
struct zone_domain {
	enum zone_type type;
	uint32_t first_slot;
	uint32_t realm_slots;
	uint32_t first_realm, nr_realms;
	uint32_t hole_at, hole_realms;
};

#define ZONE_MAX_DOMAINS 4

/* In the order of their slots; what is between two of them is gap zones. */
struct zone_domains {
	uint32_t nr; /* 0: the disk has neither domains nor realms */
	uint32_t nr_realms;
	struct zone_domain d[ZONE_MAX_DOMAINS];
};

struct zone_geo {
	uint64_t capacity_blocks; /* the whole disk: MAXIMUM LBA + 1 */
	uint32_t zone_blocks;	  /* distance of zone starts, > 0 */
	uint32_t zone_cap_blocks; /* writable part of a slot with a write
				     pointer, 1 … zone_blocks */
	uint32_t max_open;    /* open zones of each resource; 0 = no limit */
	uint32_t phys_blocks; /* logical blocks per physical block (a power
				 of two, ≥ 1): granularity of writes in
				 zones that are written in order */
	bool urswrz;	      /* unrestricted reads (VPD B6h URSWRZ) */
	/* All slots, from the first on; what is behind the last run is 0. */
	struct zone_run runs[ZONE_MAX_RUNS];
	struct zone_domains domains; /* see zone/realm.h */
};

/* One slot's state.  Private to lib/zone, laid open for its size: a disk may
 * have a million of them. */
struct zone_slot {
	uint32_t wp_blocks; /* blocks written, offset from the zone's start;
			       the capacity when FULL.  Not in order: up to
			       the highest one written */
	uint32_t lru_prev, lru_next; /* in its pool's list */
	uint8_t cond;
	uint8_t attrs;
	uint8_t type; /* enum zone_type */
};

/* The open zones of one resource. */
struct zone_pool {
	uint32_t lru_head, lru_tail; /* implicitly opened ones, oldest first */
	uint32_t nr_imp, nr_exp;
};

struct zone_set {
	struct zone_geo geo;
	uint32_t nr_slots;
	uint8_t zone_shift; /* log2 of geo.zone_blocks; 0: none, or 1 block */
	struct zone_slot *slots;
	struct zone_pool pools[ZR_NR];
	uint32_t nr_cond[16]; /* slots by condition */
	uint32_t nr_wp;	      /* slots with a write pointer */
	uint32_t nr_gaps;     /* gap zones behind such a slot's capacity */
	uint32_t nr_non_seq;  /* slots with ZA_NON_SEQ */
	/* By realm: its active domain; and how many realms are active in each
	 * domain.  See zone/realm.h. */
	uint8_t *active;
	uint32_t nr_active[ZONE_MAX_DOMAINS];
	uint32_t nr_inactive_wp; /* INACTIVE slots with a write pointer */
};

/* A zone as REPORT ZONES shows it. */
struct zone_info {
	uint64_t start_lba;
	uint64_t blocks; /* ZONE LENGTH */
	uint64_t wp_lba; /* UINT64_MAX where the standard leaves it invalid; for
			    FULL start + length, as scsi_debug and sd.c have it
			  */
	enum zone_type type;
	enum zone_cond cond;
	uint8_t attrs;
	uint32_t slot;
};

/* Slots that a possible geometry has: capacity / size, rounded up. */
uint32_t zone_geo_slots(const struct zone_geo *geo);
/* The zone type of a slot, which is one of them. */
enum zone_type zone_geo_type(const struct zone_geo *geo, uint32_t slot);
/* Whether any slot has that type. */
bool zone_geo_has(const struct zone_geo *geo, enum zone_type type);
/* The first slot with a write pointer; a possible geometry has one. */
uint32_t zone_geo_first_wp(const struct zone_geo *geo);

/*
 * Why a geometry is impossible (a clause without units, e.g. "the zone size is
 * larger than the disk"), or NULL.  A limit of open zones beyond the number of
 * zones is possible: it limits nothing.
 */
const char *zone_geo_error(const struct zone_geo *geo);

/*
 * Makes all zones EMPTY (without a write pointer: NOT WRITE POINTER).  @slots
 * has room for zone_geo_slots() elements and stays the caller's.  @geo must be
 * possible.
 */
void zone_set_init(struct zone_set *set, const struct zone_geo *geo,
		   struct zone_slot *slots);

/* What never changes of a slot.  Any thread, without the caller's lock. */
static inline const struct zone_traits *
zone_slot_traits(const struct zone_set *set, uint32_t slot)
{
	return &zone_traits[set->slots[slot].type];
}

static inline bool zone_slot_has_wp(const struct zone_set *set, uint32_t slot)
{
	return zone_slot_traits(set, slot)->has_wp;
}

/* Address arithmetic.  @lba is below the capacity, @slot below nr_slots. */
static inline uint32_t zone_slot_of(const struct zone_set *set, uint64_t lba)
{
	assert(lba < set->geo.capacity_blocks);
	return (uint32_t)(set->zone_shift ? lba >> set->zone_shift
					  : lba / set->geo.zone_blocks);
}

static inline uint64_t zone_slot_start_lba(const struct zone_set *set,
					   uint32_t slot)
{
	assert(slot < set->nr_slots);
	return (uint64_t)slot * set->geo.zone_blocks;
}

static inline uint32_t zone_slot_blocks(const struct zone_set *set,
					uint32_t slot)
{
	uint64_t rest =
		set->geo.capacity_blocks - zone_slot_start_lba(set, slot);

	return (uint32_t)(rest < set->geo.zone_blocks ? rest
						      : set->geo.zone_blocks);
}

/* Writable blocks: the capacity of a slot with a write pointer, the size of
 * another, 0 of a gap. */
static inline uint32_t zone_slot_cap_blocks(const struct zone_set *set,
					    uint32_t slot)
{
	const struct zone_traits *t = zone_slot_traits(set, slot);
	uint32_t blocks = zone_slot_blocks(set, slot);

	if (t->span == ZS_NOTHING)
		return 0;
	return t->has_wp && blocks > set->geo.zone_cap_blocks
		       ? (uint32_t)set->geo.zone_cap_blocks
		       : blocks;
}

/*
 * How far the data of a slot with a write pointer reaches: the write pointer,
 * the capacity when FULL, what zone_set_state() was given when READ ONLY or
 * OFFLINE.
 */
static inline uint32_t zone_slot_wp_blocks(const struct zone_set *set,
					   uint32_t slot)
{
	return set->slots[slot].wp_blocks;
}

static inline enum zone_cond zone_slot_cond(const struct zone_set *set,
					    uint32_t slot)
{
	return (enum zone_cond)set->slots[slot].cond;
}

/* Describes the zone that contains @lba, which is below the capacity. */
void zone_info_at(const struct zone_set *set, uint64_t lba,
		  struct zone_info *info);

/* Zones on the disk, gap zones included. */
uint64_t zone_count_all(const struct zone_set *set);

/*
 * Sets a slot's state as found on the medium or as a fault demands: any
 * condition that its type can have.  Where there is one @wp_blocks becomes the
 * write pointer (EMPTY needs 0, FULL the capacity, CLOSED > 0, and below
 * the capacity; opened ones below it; READ ONLY and OFFLINE keep what they are
 * given, which is how far data can be read; INACTIVE likewise, for later);
 * elsewhere it is ignored.  Adjusts the accounts (a zone that
 * becomes implicitly opened is the most recently used); the caller sees to the
 * limit of open zones.  A zone without data loses ZA_NON_SEQ.
 */
void zone_set_state(struct zone_set *set, uint32_t slot, enum zone_cond cond,
		    uint32_t wp_blocks);
/* ZA_NON_SEQ: only of a zone with data whose type has it. */
void zone_set_attrs(struct zone_set *set, uint32_t slot, uint8_t attrs);
/* Whether one more zone of that type can be explicitly opened when each
 * implicitly opened one may be closed for it. */
bool zone_slot_may_open(const struct zone_set *set, uint32_t slot);

/*
 * Reads of @nr blocks from @lba: the access rules of ZBC-2 4.4.3 with the order
 * of checks documented in access.c.  nr == 0 checks the LBA only (lba ==
 * capacity passes).  @slot (may be NULL) gets the slot at fault when the
 * verdict is not ZV_OK: the lowest where zones are out of reach, UINT32_MAX
 * where the range ends beyond the capacity, else the slot of @lba.
 */
enum zone_verdict zone_read_check(const struct zone_set *set, uint64_t lba,
				  uint64_t nr, uint32_t *slot);

/*
 * Writes: the check, without effect; @nr and @slot as above.  Order of checks:
 * capacity; of each zone from the first on: gap; read only, offline, inactive;
 * boundaries; full; alignment with write pointer and physical blocks; then open
 * resources.
 */
enum zone_verdict zone_write_check(const struct zone_set *set, uint64_t lba,
				   uint64_t nr, uint32_t *slot);

/*
 * Starts a write: zone_write_check(), and on ZV_OK, for nr > 0, opens each
 * zone of the range that has a write pointer implicitly (closing the least
 * recently used implicitly opened zone where the limit demands it) and makes it
 * the most recently used; one that is FULL stays so.  The write pointers stay
 * until zone_write_end().
 */
enum zone_verdict zone_write_begin(struct zone_set *set, uint64_t lba,
				   uint64_t nr, uint32_t *slot);

/*
 * Ends a write that zone_write_begin() let through, or a part of it: the @nr
 * blocks from @lba reached the medium (0: it failed).  No effect on slots
 * without a write pointer.
 *
 * In order: @lba is the write pointer, which moves.  At the capacity the zone
 * becomes FULL and gives its resource back.  If @nr is not a multiple of
 * phys_blocks the zone takes no further write until it is reset.
 *
 * Elsewhere the write pointer moves behind the highest block written if it is
 * not there already; what was passed over counts as written.  Where @lba (or
 * the next zone's start) is not the write pointer the zone gets ZA_NON_SEQ if
 * its type has it.
 *
 * Between begin and end the caller lets no other write into the slots and does
 * not RESET them.  All else may happen: closed implicitly or by CLOSE, an EMPTY
 * zone becomes CLOSED here after all; a zone that is FULL by now stays so; one
 * that became READ ONLY, OFFLINE or INACTIVE stays so with its data grown.
 */
void zone_write_end(struct zone_set *set, uint64_t lba, uint32_t nr);

/* The slots that a zone management command names. */
struct zone_sel {
	uint32_t first, count; /* count slots from first; ALL: every slot */
	bool all;
};

/*
 * Checks OPEN, CLOSE, FINISH or RESET (ZBC-2 5.x) completely, in this order:
 * ZONE ID (beyond the capacity: ZV_LBA_RANGE), ZONE COUNT (0 means 1), every
 * zone from the lowest LBA up, its condition and whether it is one that the
 * command is for; open resources.  With the ALL bit ZONE ID and ZONE COUNT are
 * ignored and only the resources matter.  A gap zone is ZV_GAP as ZONE ID; it
 * counts as a zone without a write pointer, so that on a disk with gap zones a
 * ZONE COUNT above 1 is ZV_ZONE_COUNT.  On ZV_OK fills @sel.
 */
enum zone_verdict zone_op_check(const struct zone_set *set, enum zone_op op,
				uint64_t zone_id, uint16_t zone_count, bool all,
				struct zone_sel *sel);

/*
 * The first slot at or after @from among @sel that @op would change, or
 * UINT32_MAX.  With ALL the rules of the ALL bit apply (OPEN takes CLOSED zones
 * only, FINISH leaves EMPTY ones alone); zones that no longer accept the
 * command are passed over.  Returns at once when the disk has no zone in a
 * condition that the command changes.
 */
uint32_t zone_op_next(const struct zone_set *set, enum zone_op op,
		      const struct zone_sel *sel, uint32_t from);

/*
 * Carries CLOSE, FINISH or RESET out on one slot; no effect on a slot that the
 * command leaves alone.  For FINISH and RESET the caller has done the I/O.
 */
void zone_op_apply(struct zone_set *set, enum zone_op op, uint32_t slot);

/*
 * Carries OPEN out on all of @sel at once (all or nothing): needs the resources
 * as zone_op_check() found them, and returns ZV_NO_RESOURCES unchanged where
 * they are not; zones that no longer accept the command are passed over.
 * Implicitly opened zones outside @sel are closed where the limit demands it,
 * least recently used first, and are not opened again by the same command.
 */
enum zone_verdict zone_open_apply(struct zone_set *set,
				  const struct zone_sel *sel);

/* Check and apply in one, for commands that need no I/O, and for tests. */
enum zone_verdict zone_op_run(struct zone_set *set, enum zone_op op,
			      uint64_t zone_id, uint16_t zone_count, bool all);

/*
 * What power on does: opened zones become CLOSED, or EMPTY where
 * nothing was written.
 */
void zone_power_on(struct zone_set *set);

/* Names for logs and reports: "EMPTY", "sequential write required", … */
const char *zone_cond_name(enum zone_cond cond);
const char *zone_type_name(enum zone_type type);
const char *zone_verdict_name(enum zone_verdict verdict);

#endif
