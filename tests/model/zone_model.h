/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The zones of a disk once more, in another shape than lib/zone: every block is
 * looked at by itself, a zone's write pointer follows from which of its blocks
 * are written (their number, or the highest one), gap zones are zones like
 * others, the rules of zone management are a table, the implicitly opened zones
 * of all types one array.  Slow and plain on purpose; tests run both and
 * compare.
 */
#ifndef ZL_TESTS_MODEL_ZONE_MODEL_H
#define ZL_TESTS_MODEL_ZONE_MODEL_H

#include "zone/realm.h"
#include "zone/zone.h"

/* What is true of a zone type. */
enum model_rule {
	M_WP = 0x01,	   /* has a write pointer */
	M_ORDER = 0x02,	   /* is written at the write pointer */
	M_HIDES = 0x04,	   /* with URSWRZ=0 only what is written can be read */
	M_NON_SEQ = 0x08,  /* says when it was written elsewhere */
	M_ALONE = 0x10,	   /* takes no command that reaches another zone */
	M_MIXES = 0x20,	   /* goes with other types that mix */
	M_OPTIMAL = 0x40,  /* is better not open with too many others */
	M_LIMITED = 0x80,  /* must not be open with too many others */
	M_NO_DATA = 0x100, /* has none */
	M_UPTO = 0x200,	   /* is written from its write pointer or below */
	M_ONLY_RESET = 0x400, /* has no other zone management */
};

/* By zone type; tests add types of their own. */
#define MODEL_TYPES 128
extern unsigned model_rules[MODEL_TYPES];

struct model_zone {
	uint64_t start_lba, blocks;
	enum zone_type type;
	enum zone_cond cond;
	bool non_seq;
	/* ZONE_NO_REALM: in none. */
	uint32_t realm;
	unsigned domain;
};

struct zone_model {
	struct zone_geo geo;
	uint32_t *zone_of; /* by LBA; never changes, shared by copies */
	uint32_t nr_zones;
	struct model_zone *zones;
	bool *written; /* by LBA */
	uint32_t nr_imp;
	uint32_t *imp; /* implicitly opened zones, oldest first */
};

/* A disk as it comes from the factory.  Aborts without memory. */
void model_init(struct zone_model *m, const struct zone_geo *geo);
void model_free(struct zone_model *m);

/* Copies from a model of the same geometry; @to was made by model_clone(). */
void model_clone(struct zone_model *to, const struct zone_model *from);
void model_copy(struct zone_model *to, const struct zone_model *from);
void model_free_clone(struct zone_model *m);

/* As the functions of zone.h; zones are named by their start LBA. */
enum zone_verdict model_read(const struct zone_model *m, uint64_t lba,
			     uint64_t nr);
enum zone_verdict model_write_check(const struct zone_model *m, uint64_t lba,
				    uint64_t nr);
enum zone_verdict model_write_begin(struct zone_model *m, uint64_t lba,
				    uint64_t nr);
void model_write_end(struct zone_model *m, uint64_t lba, uint32_t nr);
enum zone_verdict model_op(struct zone_model *m, enum zone_op op,
			   uint64_t zone_id, uint16_t zone_count, bool all);
void model_power_on(struct zone_model *m);
void model_set_state(struct zone_model *m, uint64_t zone_lba,
		     enum zone_cond cond, uint32_t wp_blocks);
void model_set_non_seq(struct zone_model *m, uint64_t zone_lba, bool non_seq);

/* Each realm is active in @domain, or the first that it has. */
void model_realms_init(struct zone_model *m, unsigned domain);
/* ZONE ACTIVATE as asked for by @a: its unmet and unmet_lba are set, and if
 * there is none it is done. */
enum zone_verdict model_activate(struct zone_model *m,
				 struct zone_activation *a);

/* NULL when both show the same disk, else what differs (a static string). */
const char *model_compare(const struct zone_model *m,
			  const struct zone_set *set);

#endif
