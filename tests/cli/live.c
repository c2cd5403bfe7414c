// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See live.h. */
#include <stdio.h>
#include <stdlib.h>

#include "control/control.h"
#include "live.h"
#include "skip.h"

void live_open(struct live *live, const char *dir)
{
	struct disk_open_args args = { .opts = NULL };
	char here[4096], path[8192];
	struct zl_err err;

	assert_non_null(realpath(".", here));
	setenv("ZLOOP_RUN_DIR", here, 1);
	snprintf(path, sizeof(path), "%s/%s", here, dir);
	if (disk_open(path, &args, &live->disk, &err) ||
	    control_start(live->disk, &live->control, &err))
		fail_msg("%s", err.msg);
}

void live_close(struct live *live)
{
	control_stop(live->control);
	disk_close(live->disk);
}

enum disk_status live_io(struct live *live, enum disk_op op, uint64_t lba)
{
	static uint8_t buf[512];
	struct iovec iov = { buf, sizeof(buf) };
	struct disk_io io = { .op = op,
			      .lba = lba,
			      .nr_blocks = op != DISK_SYNC,
			      .iov = &iov,
			      .iov_cnt = 1 };

	return disk_run(live->disk, &io);
}

enum disk_status live_zone(struct live *live, enum zone_op op, uint64_t lba)
{
	struct disk_io io = { .op = DISK_ZONE, .lba = lba, .zone_op = op };

	return disk_run(live->disk, &io);
}

void live_break(struct live *live, enum inject_kind kind, uint64_t lba)
{
	struct inject_fault fault = {
		.kind = kind, .lba = lba, .nr_blocks = 1, .count = INJECT_ALWAYS
	};
	struct zl_err err;
	uint32_t id;

	if (disk_fault_add(live->disk, &fault, &id, &err))
		fail_msg("%s", err.msg);
}

bool have_tool(const char *name)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null", name);
	if (!system(cmd))
		return true;
	skip_part("%s is not installed; targetcli-config/deps does it", name);
	return false;
}
