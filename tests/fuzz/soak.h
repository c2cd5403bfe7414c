/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A unit over a disk in memory, beside it what it ought to be: the zones as
 * tests/model has them, and of every block what was written there last.
 */
#ifndef ZL_TESTS_SOAK_H
#define ZL_TESTS_SOAK_H

#include "base/be.h"
#include "base/num.h"
#include "fuzz.h"
#include "model/zone_model.h"
#include "scsi/internal.h"
#include "stores/fault.h"
#include "stores/mem.h"

#define SOAK_BUF     (256 * 1024)
#define SOAK_XFER    32u /* MAXIMUM TRANSFER LENGTH */
#define SOAK_UNKNOWN UINT32_MAX
#define SOAK_ZONES   64

struct soak {
	uint64_t rng, start_rng; /* now, and when the disk was made */
	unsigned nr;		 /* the disk's */
	const char *how;	 /* options of the disk */
	struct store_mem *mem;
	struct store *fault;
	struct disk *disk;
	struct scsi_unit *unit;
	uint32_t block_bytes;

	struct zone_model model;
	/* By LBA: what the block holds, see soak_fill(); 0 zeros, SOAK_UNKNOWN
	 * perhaps anything. */
	uint32_t *tag;
	uint32_t next_tag;
	bool failed_since_open; /* a call of the store's */
	bool trouble;		/* deaths and failing calls all the time */
	/* By zone: the journal may know something else of its being explicitly
	 * opened, since a command failed.  Its next good command ends that. */
	bool unsure_open[SOAK_ZONES];
	/* By zone: of its NON_SEQ the journal may know something else, since a
	 * command failed.  The next good one that has to tell it ends that. */
	bool unsure[SOAK_ZONES];

	/* Of the last command. */
	struct scsi_cmd cmd;
	uint8_t cdb[SCSI_CDB_MAX];
	size_t len;
	uint8_t data[SOAK_BUF]; /* data-out before, data-in after it */

	/* A WRITE that could come again: its CDB and its first block's tag;
	 * cdb[0] = 0: there is none. */
	uint8_t last_write[16];
	uint32_t last_tag;

	uint64_t commands, good, faults, restarts, kills, absorbed;
	/* Of sequential write preferred zones: GOOD writes across zones, failed
	 * ones of which a part stayed, NON_SEQ still there after a death. */
	uint64_t across, parts, kept;
	uint64_t done[256][2]; /* by operation code: GOOD, not GOOD */
};

/* Makes a disk and opens it. */
void soak_start(struct soak *s, const char *how);
void soak_stop(struct soak *s);
/* Stops it, or lets the process die, and opens it again. */
void soak_restart(struct soak *s, bool kill);

/* Pseudo-random numbers (xorshift64*). */
uint64_t soak_next(struct soak *s);
uint32_t soak_below(struct soak *s, uint32_t n);

/* Sets s->data for blocks from @at in it: contents that belong to a tag. */
void soak_fill(struct soak *s, uint32_t at, uint32_t tag);
bool soak_holds(const struct soak *s, uint32_t at, uint32_t tag);

/*
 * Runs s->cdb with a buffer of s->len bytes, scattered at random, and checks
 * what must hold of every reply.  Returns sense key, code and qualifier as
 * KAAQQh; 0 for GOOD.
 */
uint32_t soak_run(struct soak *s, size_t cdb_len);

/* What the model says of a command with effect on the medium. */
enum soak_kind {
	SOAK_OTHER,
	SOAK_READ,
	SOAK_VERIFY,
	SOAK_WRITE,
	SOAK_SAME,
	SOAK_COMPARE_WRITE,
	SOAK_UNMAP,
	SOAK_ZONE,
	SOAK_WIPE, /* FORMAT UNIT and SANITIZE */
};
enum soak_kind soak_kind(uint8_t opcode);

struct soak_range {
	uint64_t lba;
	uint32_t nr;
};
/* LBA and length of s->cdb, a media command. */
struct soak_range soak_range(const struct soak *s);

/*
 * After soak_run() returned @code: what was GOOD must have been right, and
 * changes the model; what was not changes nothing.  @tag: that of the first
 * block of data-out.
 */
void soak_apply(struct soak *s, uint32_t code, uint32_t tag);
/*
 * The same for a command in which a call of the store's failed.  A write may
 * have left a beginning where it need not be at a write pointer.
 */
void soak_apply_failed(struct soak *s, uint32_t tag);

/* The zones and the files are as the model has them. */
void soak_check(struct soak *s);

/* The sense data that belongs to a verdict. */
uint32_t soak_code(enum zone_verdict verdict);

#endif
