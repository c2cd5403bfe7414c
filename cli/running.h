/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What a running disk says of itself, as "info" of control-protocol.md has it.
 */
#ifndef ZL_CLI_RUNNING_H
#define ZL_CLI_RUNNING_H

#include "cli.h"
#include "disk/activity.h"
#include "disk/medium/counters.h"

#define RUNNING_NR_CONDS 16

/* Which latencies are shown: disk_latency_ns(). */
#define RUNNING_NR_PERMILLE 3
extern const unsigned running_permille[RUNNING_NR_PERMILLE];

struct running {
	char serial[DISK_SERIAL_LEN + 1];
	char dir[256];
	uint64_t capacity_bytes, zone_bytes, block_bytes, max_open;
	uint64_t nr_cond[RUNNING_NR_CONDS];
	char job[16]; /* work on the whole disk, "": none */
	unsigned job_percent;
	struct disk_stats stats;
	struct disk_activity activity;
};

/* Asks the disk with this serial number; -ENOENT without a sentence if nobody
 * has it open. */
int running_read(const char *serial, struct running *r, struct zl_err *err);
/* The same, and the reply as it came, for the caller to put. */
int running_read_json(const char *serial, struct running *r,
		      struct json_object **reply, struct zl_err *err);

/* The counters in a reply of "info" or "stats". */
void running_take_stats(struct json_object *reply, struct disk_stats *stats);

/*
 * The serial numbers of the disks that @words name, or, if there are none, of
 * all that run.  Says what is wrong; @serials[i] is "" then.  Returns their
 * number, the caller frees *serials.
 */
typedef char running_serial[DISK_SERIAL_LEN + 1];
unsigned running_find(char **words, unsigned nr_words,
		      running_serial **serials);

/* Differences of what only grows; in_flight is now's. */
void running_since(const struct disk_activity *now,
		   const struct disk_activity *then,
		   struct disk_activity *diff);

/* A time for people, e.g. "12 us" or "1.5 ms". */
const char *running_time(uint64_t ns, char buf[CLI_SIZE_MAX]);

uint64_t running_open_zones(const struct running *r);

#endif
