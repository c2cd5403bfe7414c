// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What only the process that has a disk open knows, asked on its socket. */
#include <errno.h>

#include "cli.h"
#include "control/ask.h"

const char *cli_serial(struct disk *disk)
{
	return disk_is_open(disk_name(disk)) ? disk_meta(disk)->serial : NULL;
}

int cli_said(int ret, const struct zl_err *err)
{
	if (ret == -ENOENT)
		cli_error("the disk is not attached, or no process that "
			  "answers has it open; attach it, or start "
			  "tcmu-runner");
	else if (ret)
		cli_error("%s", err->msg);
	return ret ? CLI_FAILED : CLI_OK;
}

int cli_each_zone(struct disk *disk, uint64_t lba,
		  bool (*fn)(void *user, const struct zone_info *info),
		  void *user)
{
	struct zl_err err;
	int ret = control_zones(cli_serial(disk), lba, fn, user, &err);

	if (ret == -ENOENT)
		disk_each_zone(disk, lba, fn, user);
	else if (ret)
		cli_error("%s", err.msg);
	return ret == -ENOENT ? 0 : ret;
}
