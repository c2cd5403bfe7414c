/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Hosts are told of a power loss once, however often the disk is opened and
 * closed, and its daemon dies, before one of them sends a command. */
#ifndef ZL_DISK_LIFE_TOLD_H
#define ZL_DISK_LIFE_TOLD_H

#include "disk/disk.h"

/* At opening, before the journal is written: whether they are to be told. */
int told_init(struct disk *d, bool power_lost, struct zl_err *err);

#endif
