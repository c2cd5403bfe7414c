/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What is wrong with a disk. */
#ifndef ZL_DISK_MEDIUM_PROBLEMS_H
#define ZL_DISK_MEDIUM_PROBLEMS_H

#include "disk/disk.h"

struct problem {
	struct problem *next;
	uint32_t slot; /* UINT32_MAX: not a zone's matter */
	char what[];
};

struct problems {
	struct problem *first, **end;
	uint32_t nr; /* perhaps more than are kept */
};

#define PROBLEMS_LOGGED 32 /* so many of zones have a line in the log */
/* Logs it (the first ones, and what no zone has) and keeps it for
 * disk_each_problem(). */
void disk_add_problem(struct disk *d, uint32_t slot, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void disk_drop_problems(struct disk *d);

#endif
