// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * I/Os one after the other that no thread waits for: the next one is submitted
 * from where the last one was completed, but not from within its submission, so
 * that a long chain needs no deep stack.
 */
#include "scsi/internal.h"

/* What became of the I/O that was submitted, as in lib/disk/io/io.c. */
enum phase {
	PHASE_SUBMITTED,
	PHASE_COMPLETE,
	PHASE_LEFT,
};

static void io_done(struct disk_io *io)
{
	struct scsi_chain *c = io->user;

	if (atomic_exchange(&c->phase, PHASE_COMPLETE) == PHASE_LEFT)
		scsi_chain_run(c);
}

void scsi_chain_run(struct scsi_chain *c)
{
	while (c->next(c)) {
		c->phase = PHASE_SUBMITTED;
		c->io.done = io_done;
		c->io.user = c;
		disk_submit(c->unit->disk, &c->io);
		if (atomic_exchange(&c->phase, PHASE_LEFT) == PHASE_SUBMITTED)
			return;
	}
	c->over(c);
}
