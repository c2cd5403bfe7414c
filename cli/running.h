/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Running disks: which there are, and what they say of themselves, for people.
 */
#ifndef ZL_CLI_RUNNING_H
#define ZL_CLI_RUNNING_H

#include "cli.h"
#include "control/ask.h"

/* Which latencies are shown: disk_latency_ns(). */
#define RUNNING_NR_PERMILLE 3
extern const unsigned running_permille[RUNNING_NR_PERMILLE];

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

uint64_t running_open_zones(const struct control_info *r);

#endif
