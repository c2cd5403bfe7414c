/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Who writes to conventional zones, and who waits for that. */
#ifndef ZL_DISK_IO_GATE_H
#define ZL_DISK_IO_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct disk;
struct io;

/* How an I/O takes part in what writes to conventional zones. */
enum disk_gate {
	GATE_NONE,
	GATE_SHARED,
	GATE_ALONE,
	GATE_PART, /* of an I/O that has it */
};

/* Under disk->lock. */
struct gate {
	uint32_t shared; /* so many have passed beside each other */
	bool alone;	 /* one has it for itself */
	struct io *first, *last;
};

/* Whether a write may reach a conventional zone. */
bool gate_needed(const struct io *io);
/*
 * Lets the I/O, which writes to conventional zones, pass alone or beside others
 * like it.  False: not yet; io->run is called again then.
 */
bool gate_enter(struct io *io, bool alone);
/* The same for an I/O that cannot wait.  Under disk->lock. */
bool gate_try(struct disk *d);
void gate_leave(struct disk *d, enum disk_gate gate);

#endif
