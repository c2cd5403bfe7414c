/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What an open disk does: I/Os, bytes, failures and how long they took.
 *
 * Rules that hold everywhere here:
 * - All counts are since the disk was opened; they only grow, but in_flight.
 * - An I/O is one of struct disk_io that was given to disk_submit(), or that
 *   disk_try() carried out; its time goes from there (from disk_try(), if that
 *   was tried first) to its done().
 * - Reading takes no lock that an I/O takes.  Counts that belong together may
 *   differ by what happens meanwhile.
 */
#ifndef ZL_DISK_ACTIVITY_H
#define ZL_DISK_ACTIVITY_H

#include <stdint.h>

struct disk;

enum disk_kind {
	DISK_KIND_READ,	 /* READ, and VERIFY with or without data */
	DISK_KIND_WRITE, /* WRITE, COMPARE AND WRITE */
	DISK_KIND_SYNC,
	DISK_KIND_OPEN, /* OPEN ZONE, … */
	DISK_KIND_CLOSE,
	DISK_KIND_FINISH,
	DISK_KIND_RESET,
	DISK_KIND_OTHER, /* UNMAP, FORMAT UNIT's and SANITIZE's, parameters */
	DISK_NR_KINDS
};

/* One word: "read", …, "other". */
const char *disk_kind_name(enum disk_kind kind);

/* Why I/Os failed: enum disk_status from DISK_REFUSED to DISK_FENCED. */
#define DISK_NR_FAILURES 9
/* One word: "refused", "read-error", … */
const char *disk_failure_name(unsigned failure);

/* Bucket i has what took less than DISK_BUCKET_NS(i), but not less than the
 * bucket before; the last one everything longer as well. */
#define DISK_NR_BUCKETS	  26
#define DISK_BUCKET_NS(i) (UINT64_C(1024) << (i))

struct disk_kind_activity {
	uint64_t done;	/* whatever became of it: the sum of the buckets */
	uint64_t bytes; /* read or written by those that succeeded */
	uint64_t total_ns;
	uint64_t latency[DISK_NR_BUCKETS];
};

struct disk_activity {
	uint64_t open_ms;   /* how long the disk has been open */
	uint64_t in_flight; /* submitted and not done */
	struct disk_kind_activity kind[DISK_NR_KINDS];
	uint64_t failed[DISK_NR_FAILURES];
};

void disk_get_activity(struct disk *disk, struct disk_activity *activity);

/* How long it has been open. */
uint64_t disk_open_ms(const struct disk *disk);

/*
 * A number that changes whenever an I/O begins or ends, and costs less than the
 * above.
 */
uint64_t disk_activity_mark(struct disk *disk);

/* Work that goes through the whole disk and may take long. */
struct disk_job {
	const char *name; /* "format", "sanitize"; NULL: there is none */
	uint64_t done_blocks;
};

/* For whoever does it: how far it is.  The name must last. */
void disk_note_job(struct disk *disk, const char *name, uint64_t done_blocks);
void disk_get_job(struct disk *disk, struct disk_job *job);

/*
 * The time in ns below which @permille of the I/Os stay, as near as the buckets
 * say: within one, evenly spread.  0 if there are none.
 */
uint64_t disk_latency_ns(const struct disk_kind_activity *kind,
			 unsigned permille);

#endif
