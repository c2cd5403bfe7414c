/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What a disk was made to do, as it is in the file that docs/record-format.md
 * describes: one record for each change that was acknowledged, in that order.
 *
 * Rules that hold everywhere here:
 * - Addresses are logical blocks.  Nothing here knows what they mean.
 * - A sequence number counts records; the first one of a log need not be 1.
 * - Functions that can fail return 0 or -errno with a sentence.
 */
#ifndef ZL_RECORD_RECORD_H
#define ZL_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum record_type {
	RECORD_HEAD = 1,   /* the first; data: JSON */
	RECORD_WRITE = 2,  /* data: the blocks */
	RECORD_UNMAP = 3,  /* the blocks read as zeros */
	RECORD_RESET = 4,  /* the zone at lba is empty */
	RECORD_FINISH = 5, /* the zone at lba is full */
	RECORD_OPEN = 6,   /* told only: no file has it; zones: nr_blocks */
	RECORD_CLOSE = 7,
	/* The nr_blocks below the write pointer of the zone at lba have become
	 * repetitions of the data, one block, or zeros without. */
	RECORD_REFILL = 8,
	/* What ended before this began is durable. */
	RECORD_FLUSH = 9,
	/* What these blocks have now is durable, in a zone with a write pointer
	 * all of the zone: somebody read them with FUA, or reset or finished
	 * the zone with it. */
	RECORD_SAFE = 10,
	RECORD_MARK = 11, /* data: its text */
	RECORD_END = 12,  /* the last; data: why, for a person */
	/* Of nr_blocks realms from number lba on, some have become active in
	 * another domain, durably; data: record_realm_domain(). */
	RECORD_ACTIVATE = 13,
	RECORD_NR_TYPES,
};

#define RECORD_FUA  0x1 /* WRITE, UNMAP: durable */
#define RECORD_MORE 0x2 /* WRITE: goes on in the next record */
/* It ended with an error, and may be there in part. */
#define RECORD_FAILED 0x4
#define RECORD_ALL    0x8 /* OPEN, CLOSE: all zones */
/* SAFE: they were read, so that where all of them was durable before nothing
 * else of the zone has become so.  (Not in old logs.) */
#define RECORD_READ 0x10

struct record {
	enum record_type type;
	unsigned flags;
	uint64_t seq;
	/* The last one that had ended when this began: those between are what
	 * was in flight together with it. */
	uint64_t begin;
	uint64_t time_ns; /* since the log began */
	uint64_t lba;
	uint32_t nr_blocks;
	uint32_t data_bytes;
	const void *data;  /* of a reader: valid until it is closed */
	uint64_t at_bytes; /* where it is in the file */
};

/*
 * ACTIVATE has four bits for each realm, so that all that a disk can have fit:
 * its domain from now on, or RECORD_REALM_STAYS.
 */
#define RECORD_REALM_STAYS 0xfu

static inline size_t record_realm_bytes(uint32_t nr_realms)
{
	return nr_realms / 2 + nr_realms % 2;
}

static inline unsigned record_realm_domain(const uint8_t *data, uint32_t nr)
{
	return data[nr / 2] >> nr % 2 * 4 & 0xf;
}

/* It was RECORD_REALM_STAYS. */
static inline void record_realm_set(uint8_t *data, uint32_t nr, unsigned domain)
{
	data[nr / 2] ^= (uint8_t)((domain ^ RECORD_REALM_STAYS) << nr % 2 * 4);
}

/* "write", "flush", …; never NULL. */
const char *record_type_name(enum record_type type);

/*
 * The bytes in the file: a head, then the data, then zeros up to a multiple of
 * RECORD_ALIGN.
 */
#define RECORD_HEAD_BYTES 64u
#define RECORD_ALIGN	  8u
#define RECORD_MAX_DATA	  (256u << 10)

static inline size_t record_bytes(uint32_t data_bytes)
{
	return RECORD_HEAD_BYTES + (((size_t)data_bytes + RECORD_ALIGN - 1) &
				    ~(size_t)(RECORD_ALIGN - 1));
}

/* The head but for its two checksums, which record_seal() adds when the data
 * stand behind it. */
void record_encode(uint8_t head[RECORD_HEAD_BYTES], const struct record *r);
void record_seal(uint8_t *head);
/* False: this is no head.  The data are not looked at. */
bool record_decode(const uint8_t head[RECORD_HEAD_BYTES], struct record *r);
/* Whether the data behind a head that is one are what was written. */
bool record_data_is_sound(const uint8_t *head);

/*
 * Reading.  All of a log is checked when it is opened: what is behind the last
 * whole record is left out, as a daemon that died leaves it.
 */
struct record_reader {
	const uint8_t *map;
	size_t map_bytes;
	struct record *records;
	size_t nr;
	uint64_t bad_bytes; /* behind the last whole record */
};

/* -EINVAL: it does not begin as a log does. */
int record_open(const char *path, struct record_reader *rd, struct zl_err *err);
void record_close(struct record_reader *rd);

#endif
