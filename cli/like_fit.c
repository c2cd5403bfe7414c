// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * From a report to a disk: whether the report is of a whole drive, and whether
 * a disk here can have its zones: one length, conventional ones first, one kind
 * of sequential ones.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"
#include "like.h"

static bool has_wp(const struct like_zone *z)
{
	return z->type != ZT_CONVENTIONAL;
}

static uint64_t cap(const struct like_zone *z)
{
	return z->cap == LIKE_NONE ? z->blocks : z->cap;
}

static uint32_t unit(const struct like *like)
{
	return like->unit_bytes ? like->unit_bytes : like->block_bytes;
}

/*
 * Is it a drive's?
 */

static int check_zone(const struct like *like, const struct like_zone *z,
		      uint64_t end, struct zl_err *err)
{
	if (z->start > INT64_MAX / 4096 || z->blocks > INT64_MAX / 4096 ||
	    z->start + z->blocks > INT64_MAX / 4096)
		return like_refuse(like, z->at, err,
				   "the zone ends beyond what a disk can have");
	if (z == like->zones && z->start)
		return like_refuse(like, z->at, err,
				   "the first zone starts at 0x%" PRIx64
				   "; give a report that begins at 0",
				   z->start);
	if (z->start != end)
		return like_refuse(like, z->at, err,
				   "the zone starts at 0x%" PRIx64
				   ", but the one before ends at 0x%" PRIx64
				   "; give a report of all zones",
				   z->start, end);
	if (!z->blocks)
		return like_refuse(like, z->at, err, "the zone has no length");
	if (cap(z) > z->blocks || !cap(z))
		return like_refuse(
			like, z->at, err,
			"the zone's capacity is 0x%" PRIx64
			"; it must be from 1 to its length, 0x%" PRIx64,
			cap(z), z->blocks);
	return 0;
}

static int check_whole(const struct like *like, uint64_t end,
		       struct zl_err *err)
{
	if (like->nr_said != LIKE_NONE && like->nr_said != like->nr)
		return zl_fail(err, EINVAL,
			       "%s has %" PRIu32
			       " zones, but says itself that there are %" PRIu64
			       "; give a report of all zones",
			       like->name, like->nr, like->nr_said);
	if (like->end != LIKE_NONE && like->end != end)
		return zl_fail(err, EINVAL,
			       "the zones in %s end at 0x%" PRIx64
			       ", but says itself that the drive ends at "
			       "0x%" PRIx64 "; give a report of all zones",
			       like->name, end, like->end);
	return 0;
}

static int check_report(const struct like *like, struct zl_err *err)
{
	uint64_t end = 0;
	int ret = 0;

	if (!like->nr)
		return zl_fail(err, EINVAL, "%s has no zone", like->name);
	for (uint32_t i = 0; !ret && i < like->nr; i++) {
		ret = check_zone(like, &like->zones[i], end, err);
		end = like->zones[i].start + like->zones[i].blocks;
	}
	return ret ? ret : check_whole(like, end, err);
}

/*
 * Can a disk here have such zones?
 */

static const char *word_of_type(unsigned type, char buf[CLI_WORD_MAX])
{
	return cli_word(zone_type_name((enum zone_type)type), buf);
}

/* A list of zones does not say which of them are one realm's. */
static int check_active(const struct like *like, struct zl_err *err)
{
	for (uint32_t i = 0; i < like->nr; i++)
		if (like->zones[i].cond == ZC_INACTIVE)
			return like_refuse(
				like, like->zones[i].at, err,
				"the zone is inactive, so the drive has zone "
				"domains and realms, of which a list of zones "
				"tells too little; give model=realms and what "
				"REPORT ZONE DOMAINS and REPORT REALMS say, "
				"without --like");
	return 0;
}

/* A gap zone is what its slot has behind the capacity. */
static int join_gaps(struct like *like, struct zl_err *err)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < like->nr; i++) {
		struct like_zone *z = &like->zones[i];
		struct like_zone *slot = nr ? &like->zones[nr - 1] : NULL;

		if (z->type != ZT_GAP) {
			like->zones[nr++] = *z;
			continue;
		}
		if (!slot || slot->type != ZT_SEQ_REQUIRED ||
		    slot->cap != LIKE_NONE)
			return like_refuse(like, z->at, err,
					   "the gap zone is not behind a "
					   "sequential write required zone; a "
					   "disk here has gap zones nowhere "
					   "else");
		slot->cap = slot->blocks;
		slot->blocks += z->blocks;
	}
	like->nr = nr;
	return 0;
}

static int check_type(const struct like *like, const struct like_zone *z,
		      unsigned seq, struct zl_err *err)
{
	char word[CLI_WORD_MAX], other[CLI_WORD_MAX];

	if (z->type == ZT_CONVENTIONAL && seq)
		return like_refuse(like, z->at, err,
				   "a conventional zone is behind sequential "
				   "ones; a disk here has its conventional "
				   "zones at the start");
	if (z->type == ZT_CONVENTIONAL)
		return 0;
	if (z->type != ZT_SEQ_REQUIRED && z->type != ZT_SEQ_PREFERRED)
		return like_refuse(like, z->at, err,
				   "zones of type 0x%x (%s) cannot be copied; "
				   "a disk made so has conventional and "
				   "sequential write required or preferred "
				   "ones",
				   z->type, word_of_type(z->type, word));
	if (seq && z->type != seq)
		return like_refuse(like, z->at, err,
				   "the zone is %s, but those before are %s; a "
				   "disk here has one kind of sequential zones",
				   word_of_type(z->type, word),
				   word_of_type(seq, other));
	return 0;
}

static int check_size(const struct like *like, const struct like_zone *z,
		      const struct like_zone *seq, struct zl_err *err)
{
	uint64_t size = like->zones[0].blocks;
	bool last = z == &like->zones[like->nr - 1];

	if (z->blocks != size && !(last && z->blocks < size))
		return like_refuse(like, z->at, err,
				   "the zone has a length of 0x%" PRIx64
				   ", but the first one has 0x%" PRIx64
				   "; a disk here has zones of one length, of "
				   "which only the last may be smaller",
				   z->blocks, size);
	if (has_wp(z) && cap(z) != min_u64(cap(seq), z->blocks))
		return like_refuse(
			like, z->at, err,
			"the zone has a capacity of 0x%" PRIx64
			", but the first sequential one has 0x%" PRIx64
			"; a disk here has one capacity",
			cap(z), cap(seq));
	return 0;
}

static int check_slots(const struct like *like, const struct like_zone **seq,
		       struct zl_err *err)
{
	int ret = 0;

	*seq = NULL;
	for (uint32_t i = 0; !ret && i < like->nr; i++) {
		const struct like_zone *z = &like->zones[i];

		ret = check_type(like, z, *seq ? (*seq)->type : 0, err);
		if (!*seq && has_wp(z))
			*seq = z;
		if (!ret)
			ret = check_size(like, z, *seq, err);
	}
	if (!ret && !*seq)
		ret = zl_fail(err, EINVAL,
			      "%s has no sequential zone; a disk here has one "
			      "at least",
			      like->name);
	return ret;
}

/*
 * What was read becomes options.
 */

static void set(struct disk_opts *opts, enum disk_opt_id id, uint64_t value)
{
	opts->num[id] = value;
	disk_opt_give(opts, id);
}

static void set_default(struct disk_opts *opts, enum disk_opt_id id,
			uint64_t value)
{
	if (!disk_opt_given(opts, id))
		set(opts, id, value);
}

static int check_given(const struct like *like, const struct disk_opts *opts,
		       struct zl_err *err)
{
	static const enum disk_opt_id ids[] = {
		OPT_CAPACITY_MB, OPT_ZONE_SIZE_MB,	OPT_ZONE_CAPACITY_MB,
		OPT_CONV_ZONES,	 OPT_SMALLER_LAST_ZONE, OPT_MODEL,
	};

	for (size_t i = 0; i < ZL_ARRAY_SIZE(ids); i++)
		if (disk_opt_given(opts, ids[i]) &&
		    !(like->takes_conv && ids[i] == OPT_CONV_ZONES))
			return zl_fail(err, EINVAL,
				       "%s is what %s says; leave it out, or "
				       "leave --like out",
				       disk_opt_table[ids[i]].name, like->name);
	return 0;
}

static int check_block(const struct like *like, const char *what,
		       uint32_t bytes, struct zl_err *err)
{
	if (!bytes || bytes == 512 || bytes == 4096)
		return 0;
	return zl_fail(err, EINVAL,
		       "%s has %s blocks of %" PRIu32
		       " bytes; a disk here can have 512 or 4096",
		       like->name, what, bytes);
}

/* What the report counts in may be known from an option only. */
static int fit_blocks(struct like *like, struct disk_opts *opts,
		      struct zl_err *err)
{
	uint64_t given = opts->num[OPT_BLOCK_SIZE];

	if (check_block(like, "logical", like->block_bytes, err) ||
	    check_block(like, "physical", like->phys_bytes, err))
		return -EINVAL;
	if (!disk_opt_given(opts, OPT_BLOCK_SIZE)) {
		if (!like->block_bytes && !like->unit_bytes)
			cli_note("%s counts in logical blocks and does not say "
				 "their size; they are taken for %" PRIu64
				 " bytes, block_size=4096 says otherwise",
				 like->name, given);
	} else if (!like->unit_bytes && like->block_bytes &&
		   like->block_bytes != given) {
		return zl_fail(err, EINVAL,
			       "block_size=%" PRIu64
			       " is not what %s counts in, blocks of %" PRIu32
			       " bytes; leave block_size out",
			       given, like->name, like->block_bytes);
	} else {
		like->block_bytes = (uint32_t)given;
	}
	if (!like->block_bytes)
		like->block_bytes = (uint32_t)given;
	set_default(opts, OPT_BLOCK_SIZE, like->block_bytes);
	if (like->phys_bytes)
		set_default(opts, OPT_PHYSICAL_BLOCK_SIZE, like->phys_bytes);
	return 0;
}

static int fit_mib(const struct like *like, const struct like_zone *z,
		   const char *what, uint64_t units, enum disk_opt_id id,
		   struct disk_opts *opts, struct zl_err *err)
{
	uint64_t bytes = units * unit(like);

	if (bytes % ZL_MIB || bytes / ZL_MIB > disk_opt_table[id].max)
		return like_refuse(like, z->at, err,
				   "the zone's %s is %" PRIu64
				   " bytes; a disk here can have whole MiB, up "
				   "to %" PRIu64,
				   what, bytes, disk_opt_table[id].max);
	set(opts, id, bytes / ZL_MIB);
	return 0;
}

static int fit_zones(const struct like *like, const struct like_zone *seq,
		     struct disk_opts *opts, struct zl_err *err)
{
	uint64_t size = like->zones[0].blocks;
	int ret = fit_mib(like, &like->zones[0], "length", size,
			  OPT_ZONE_SIZE_MB, opts, err);

	if (!ret && cap(seq) < min_u64(size, seq->blocks))
		ret = fit_mib(like, seq, "capacity", cap(seq),
			      OPT_ZONE_CAPACITY_MB, opts, err);
	if (ret)
		return ret;
	set(opts, OPT_CONV_ZONES, (uint64_t)(seq - like->zones));
	if (seq->type == ZT_SEQ_PREFERRED)
		set(opts, OPT_MODEL, MODEL_HOST_AWARE);
	if (like->zones[like->nr - 1].blocks < size)
		set(opts, OPT_SMALLER_LAST_ZONE, 1);
	if (!is_pow2(opts->num[OPT_ZONE_SIZE_MB])) {
		cli_note("zones of %" PRIu64 " MiB are as %s has them, but "
			 "Linux refuses disks whose zone size is no power of "
			 "two",
			 opts->num[OPT_ZONE_SIZE_MB], like->name);
		set(opts, OPT_ANY_ZONE_SIZE, 1);
	}
	return 0;
}

/* Zero and all ones: there is no limit, or none is told. */
static void fit_max_open(const struct like *like, struct disk_opts *opts)
{
	uint64_t seq = like->nr - opts->num[OPT_CONV_ZONES];

	if (like->max_open != LIKE_NONE && like->max_open < seq)
		set_default(opts, OPT_MAX_OPEN_ZONES, like->max_open);
}

/*
 * Conditions and write pointers.
 */

static bool is_active(const struct like_zone *z)
{
	return z->cond == ZC_IMP_OPEN || z->cond == ZC_EXP_OPEN ||
	       z->cond == ZC_CLOSED;
}

static int check_wp(const struct like *like, const struct like_zone *z,
		    uint64_t write_bytes, struct zl_err *err)
{
	if (!is_active(z))
		return 0;
	if (z->wp == LIKE_NONE || z->wp < z->start || z->wp - z->start > cap(z))
		return like_refuse(like, z->at, err,
				   "the write pointer is not in the zone, "
				   "which is open or closed; leave "
				   "--with-state out, or give a report of "
				   "when it was");
	if ((z->wp - z->start) * unit(like) % write_bytes)
		return like_refuse(like, z->at, err,
				   "the write pointer, 0x%" PRIx64
				   ", is not at a whole block of %" PRIu64
				   " bytes; leave physical_block_size out, or "
				   "--with-state",
				   z->wp, write_bytes);
	return 0;
}

static bool is_possible(const struct like_zone *z)
{
	switch (z->cond) {
	case ZC_READ_ONLY:
	case ZC_OFFLINE:
		return true;
	case ZC_NOT_WP:
		return !has_wp(z);
	case ZC_EMPTY:
	case ZC_FULL:
		return has_wp(z);
	default:
		return has_wp(z) && is_active(z);
	}
}

static int check_state(const struct like *like, const struct disk_opts *opts,
		       struct zl_err *err)
{
	uint64_t write_bytes = max_u64(opts->num[OPT_BLOCK_SIZE],
				       opts->num[OPT_PHYSICAL_BLOCK_SIZE]);
	char word[CLI_WORD_MAX];
	int ret = 0;

	for (uint32_t i = 0; !ret && i < like->nr; i++) {
		const struct like_zone *z = &like->zones[i];

		if (!is_possible(z))
			return like_refuse(
				like, z->at, err,
				"zone condition 0x%x (%s) is none of such a "
				"zone; leave --with-state out",
				z->cond,
				cli_word(
					zone_cond_name((enum zone_cond)z->cond),
					word));
		ret = check_wp(like, z, write_bytes, err);
	}
	return ret;
}

int like_fit(struct like *like, bool state, struct disk_opts *opts,
	     uint64_t *size_bytes, struct zl_err *err)
{
	const struct like_zone *seq, *last;
	int ret = check_given(like, opts, err);

	if (!ret)
		ret = check_report(like, err);
	if (!ret)
		ret = check_active(like, err);
	if (!ret)
		ret = join_gaps(like, err);
	if (!ret)
		ret = check_slots(like, &seq, err);
	if (!ret)
		ret = fit_blocks(like, opts, err);
	if (!ret)
		ret = fit_zones(like, seq, opts, err);
	if (ret)
		return ret;
	fit_max_open(like, opts);
	last = &like->zones[like->nr - 1];
	*size_bytes = (last->start + last->blocks) * unit(like);
	ret = disk_opts_check(opts, *size_bytes, err);
	return ret || !state ? ret : check_state(like, opts, err);
}

uint64_t like_written(void *user, uint32_t slot)
{
	const struct like *like = user;
	const struct like_zone *z = &like->zones[slot];

	if (z->cond == ZC_FULL)
		return cap(z) * unit(like);
	return is_active(z) ? (z->wp - z->start) * unit(like) : 0;
}

int like_apply_faults(const struct like *like, struct disk *disk,
		      struct zl_err *err)
{
	struct inject_fault fault = { .op = INJECT_OP_ANY, .count = 1 };
	uint32_t ignored;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < like->nr; i++) {
		const struct like_zone *z = &like->zones[i];
		uint64_t per_block = disk_meta(disk)->block_bytes;

		if (z->cond != ZC_READ_ONLY && z->cond != ZC_OFFLINE)
			continue;
		fault.kind = z->cond == ZC_OFFLINE ? INJECT_OFFLINE
						   : INJECT_READ_ONLY;
		fault.lba = z->start * unit(like) / per_block;
		fault.nr_blocks = z->blocks * unit(like) / per_block;
		ret = disk_fault_add(disk, &fault, &ignored, err);
	}
	return ret;
}
