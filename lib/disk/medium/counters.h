/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What a disk counts for good: one table, from which the journal, the control
 * socket, the command, Prometheus' text and the log page of the zones'
 * statistics are made.  Who adds a counter names it here, gives it its row in
 * counters.c, counts it, and adds its line to the tables of
 * docs/control-protocol.md and docs/on-disk-format.md.
 */
#ifndef ZL_DISK_MEDIUM_COUNTERS_H
#define ZL_DISK_MEDIUM_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

struct disk;

/* The journal has these numbers: they stay what they are. */
enum disk_counter {
	DC_OPENS = 0,
	DC_UNCLEAN_OPENS = 1,
	DC_RETRIES_ABSORBED = 2,
	DC_MAX_OPEN = 3,
	DC_MAX_EXP_OPEN = 4,
	DC_MAX_IMP_OPEN = 5,
	DC_MAX_NOT_EMPTY = 6,
	DC_EMPTIED = 7,
	DC_FAILED_OPENS = 8,
	DC_READ_VIOLATIONS = 9,
	DC_WRITE_VIOLATIONS = 10,
	DC_MAX_NON_SEQ = 11,
	DC_NON_SEQ_WRITES = 12,
	DC_FAULTS_INJECTED = 13,
	DC_MAX_OPEN_BEFORE = 14,
	DC_MAX_TAKEN = 15,
	DC_NR
};

struct disk_counter_row {
	const char *key;    /* in JSON and for people */
	const char *help;   /* a sentence without its full stop */
	const char *metric; /* Prometheus' name, behind "zloop_" */
	bool since_open;    /* not kept in the journal */
	bool gauge;	    /* the most there were at a time, not a sum */
	/* Of several records in the journal the largest counts, not the last:
	 * they are told without a lock. */
	bool largest;
	/* One of the zones' statistics, which start again when LOG SELECT says
	 * so, the others never; and the code of its parameter in ZBC-2's zoned
	 * block device statistics (log page 14h,01h). */
	bool zoned;
	uint16_t param;
	uint8_t zone_type; /* … of disks with such zones; 0: of all */
	bool rest; /* … which has how many sequential zones that leaves */
};

#define DC_NO_PARAM 0xffff

/* Indexed by enum disk_counter. */
extern const struct disk_counter_row disk_counter_table[DC_NR];

struct disk_stats {
	uint64_t n[DC_NR];
};

void disk_get_stats(struct disk *disk, struct disk_stats *stats);

/* Sets the statistics of the zones back to what they are now. */
void disk_reset_zone_stats(struct disk *disk);

#endif
