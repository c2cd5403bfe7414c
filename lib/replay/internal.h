/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the files of lib/replay share. */
#ifndef ZL_REPLAY_INTERNAL_H
#define ZL_REPLAY_INTERNAL_H

#include <limits.h>

#include "replay/replay.h"
#include "store/store.h"
#include "zone/zone.h"

struct replay {
	char log[PATH_MAX], base[PATH_MAX];
	int held; /* the base, so that nobody deletes it; or -errno */
	struct record_reader rd;
	uint64_t *ends; /* by record: the sequence number of the one with which
			 * its command has ended; UINT64_MAX: none */
	struct disk_meta meta;
	struct zone_set zones;
	struct zone_slot *slots;
	uint32_t block_shift;
	uint32_t granule; /* blocks of a physical block */
};

#define NO_EFFECT UINT32_MAX

/* What a record does to one slot. */
struct effect {
	const struct record *rec;
	uint64_t end;	 /* see struct replay */
	uint32_t lo, hi; /* blocks of the slot; FINISH: what was there before
			  * ends at @hi, as far as that is known */
	uint32_t skip;	 /* blocks of its data before those */
	uint32_t next;	 /* of the same slot, in order */
	bool safe;	 /* only says that the blocks are durable */
};

static inline bool effect_failed(const struct effect *e)
{
	return e->rec->flags & RECORD_FAILED;
}

/* What of a slot's file comes before its effects. */
enum slot_base {
	SLOT_KEPT, /* the snapshot's file */
	SLOT_NEW,  /* a realm was activated: a new file */
	SLOT_GONE, /* … elsewhere: none */
};

struct slot_plan {
	uint32_t first, last; /* effects */
	uint64_t safe_seq;    /* what came until then is durable */
	uint32_t unsafe;      /* no effect before that one is not */
	uint32_t end;	      /* of what is written, if anything is known */
	/* By READs with FUA since the last effect; 0: none. */
	uint64_t read_seq;
	uint32_t read_hi;
	enum slot_base base;
	bool changes; /* not only what is durable is said */
	bool late;    /* there is a change that cannot have begun */
	uint64_t cut; /* then what a failed write brought is cut off; 0: none */
	bool closed;  /* nothing behind can have begun */
};

/* All that may be there, slot by slot. */
struct plan {
	const struct replay *r;
	uint64_t seq;	   /* of the point */
	bool crash;	   /* with what was in flight then */
	uint64_t safe_all; /* as safe_seq, of all slots */
	struct effect *effects;
	uint32_t nr, room;
	struct slot_plan *slots;
	/* Activations that were in flight, one after the other: so many there
	 * are, so many of the first of them are taken; and no more can be. */
	uint32_t nr_in_flight, take;
	bool barred;
	uint8_t *active; /* see struct disk_copy_news; NULL: no realms */
};

/* @take: of activations in flight, at most nr_in_flight of the plan with 0. */
int plan_make(const struct replay *r, uint64_t point, bool crash, uint32_t take,
	      struct plan *p, struct zl_err *err);
void plan_free(struct plan *p);

static inline bool plan_changes(const struct plan *p, uint32_t slot)
{
	return p->slots[slot].changes || p->slots[slot].base != SLOT_KEPT;
}

/* Whether the effect is durable at the point; in a slot without a write
 * pointer that is asked of each granule. */
bool plan_is_safe(const struct plan *p, uint32_t slot, const struct effect *e);
/* Steps of a slot with a write pointer that are not: a power failure leaves
 * some of the first of them. */
uint64_t plan_steps(const struct plan *p, uint32_t slot);
uint32_t effect_steps(const struct plan *p, const struct effect *e);

/* A granule of a slot without a write pointer. */
struct granule {
	uint64_t floor;	  /* what came until then is durable, as with what
			   * was flushed */
	uint32_t later;	  /* so many other changes */
	uint32_t unsure;  /* so many that failed: they are there or not */
	uint64_t settled; /* of those that came before nothing is left */
	uint64_t read;	  /* with FUA, by the last one so far */
};

/* at: the caller's to free. */
struct granules {
	uint32_t nr;
	struct granule *at;
};
/* The effect is there for certain. */
bool granule_is_safe(const struct plan *p, const struct granule *g,
		     const struct effect *e);
int plan_granules(const struct plan *p, uint32_t slot, struct granules *g);
void granules_free(struct granules *g);
/* How many states the slots without write pointers add, times @count; … */
uint64_t times(uint64_t a, uint64_t b);

/* A number that depends on both and looks like none (splitmix64). */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t z = a + (b + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* What a seed draws for one thing (a slot, a write): at another point something
 * else, or its fate would be the same at all of them. */
static inline uint64_t draw(const struct plan *p, uint64_t seed, uint64_t what)
{
	return mix(mix(seed, p->seq - p->r->rd.records[0].seq), what);
}

/* choose.c: one state of a plan. */

struct choice {
	const struct plan *plan;
	const struct replay_crash *crash; /* NULL: none */
	uint64_t state;			  /* digits that are left */
};

/* Blocks [lo, hi) of a slot become what the record has from block @skip on; of
 * other records than WRITE and UNMAP @hi is where the slot's file ends then. */
struct piece {
	const struct record *rec;
	uint32_t lo, hi, skip;
};

struct pieces {
	struct piece *p;
	uint32_t nr, room;
	int8_t non_seq; /* see struct disk_copy_news */
};

/* What the slot's file has on top of its base, of @base_blocks; for each slot
 * that the plan changes, in order.  0 or -ENOMEM. */
int choose_pieces(struct choice *c, uint32_t slot, uint32_t base_blocks,
		  struct pieces *out);
void pieces_free(struct pieces *pieces);

/* apply.c */

struct building {
	const struct plan *plan; /* now.plan */
	struct choice now;
	struct choice was; /* what is in the directory; plan NULL: the base */
	bool marks;	   /* another state will be built here */
	int dir_fd, base_fd;
	const char *dir;
	int8_t *non_seq; /* by slot; NULL: there is no such thing */
	struct zl_err *err;
};

void replay_slot_name(const struct replay *r, uint32_t slot,
		      char name[STORE_NAME_MAX]);
/* A slot that either plan changes. */
int apply_slot(struct building *b, uint32_t slot);

#endif
