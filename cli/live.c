// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What only the process that has a disk open knows, asked on its socket. */
#include <errno.h>

#include "base/clock.h"
#include "cli.h"
#include "control/ask.h"

bool cli_is_served(const char *dir, const char *serial)
{
	return disk_is_open(dir) && !control_has_other(serial, dir);
}

/* Whoever does not know of this has no disk that can be asked. */
void cli_end_delays(const char *dir)
{
	struct disk_meta meta;

	if (cli_answers(dir, NULL) && !disk_read_meta(dir, &meta) &&
	    cli_is_served(dir, meta.serial))
		control_end_delays(meta.serial, NULL);
}

const char *cli_serial(struct disk *disk)
{
	const char *serial = disk_meta(disk)->serial;

	return cli_is_served(disk_name(disk), serial) ? serial : NULL;
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

struct passed {
	bool (*fn)(void *user, const struct zone_info *info);
	void *user;
	uint32_t nr;
};

static bool pass(void *user, const struct zone_info *info)
{
	struct passed *p = user;

	p->nr++;
	return p->fn(p->user, info);
}

/* A process that is just closing the disk hangs up on who asks. */
static bool is_closed_soon(struct disk *disk)
{
	uint64_t end_ms = clock_ms() + DISK_MOMENT_MS;

	bool open;

	do
		open = disk_is_open(disk_name(disk));
	while (open && clock_wait_step(end_ms, 20));
	return !open;
}

int cli_each_zone(struct disk *disk, uint64_t lba,
		  bool (*fn)(void *user, const struct zone_info *info),
		  void *user)
{
	struct passed p = { .fn = fn, .user = user };
	struct zl_err err;
	int ret = control_zones(cli_serial(disk), lba, pass, &p, &err);

	if (ret == -EIO && !p.nr && is_closed_soon(disk))
		ret = -ENOENT;
	if (ret == -ENOENT)
		disk_each_zone(disk, lba, fn, user);
	else if (ret)
		cli_error("%s", err.msg);
	return ret == -ENOENT ? 0 : ret;
}
