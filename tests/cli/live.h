/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* A disk that is open in the test itself, with its control socket. */
#ifndef ZL_TESTS_CLI_LIVE_H
#define ZL_TESTS_CLI_LIVE_H

#include "disk/disk.h"
#include "run.h"

#define LIVE_MAX 3

struct live {
	struct disk *disk;
	struct control *control;
};

/* Opens the disk in @dir and serves it; the first call also makes the working
 * directory that of the sockets. */
void live_open(struct live *live, const char *dir);
void live_close(struct live *live);

/* One block (or none of it, for DISK_SYNC and DISK_ZONE). */
enum disk_status live_io(struct live *live, enum disk_op op, uint64_t lba);
enum disk_status live_zone(struct live *live, enum zone_op op, uint64_t lba);
/* A fault of this kind from @lba on, for one block. */
void live_break(struct live *live, enum inject_kind kind, uint64_t lba);

/* Whether a tool is there; says so if not. */
bool have_tool(const char *name);

#endif
