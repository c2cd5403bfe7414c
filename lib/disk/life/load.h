/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Zone states from file sizes and the journal. */
#ifndef ZL_DISK_LIFE_LOAD_H
#define ZL_DISK_LIFE_LOAD_H

#include "disk/disk.h"
#include "disk/medium/journal.h"

/*
 * Examines every slot's file and sets the zones' state; mends what a crash left
 * (not in look_only mode).  @journal gets what zloop.state said.
 */
int disk_load_zones(struct disk *d, const struct disk_open_args *args,
		    struct journal_state *journal, struct zl_err *err);

#endif
