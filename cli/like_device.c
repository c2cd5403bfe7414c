// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A drive in this machine, asked by the block layer's ioctls (linux/blkzoned.h)
 * and its attributes in sysfs.  Nothing is written. */
#include <errno.h>
#include <inttypes.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/num.h"
#include "cli.h"
#include "like.h"

#define ZONES_AT_ONCE 1024

static int ask(struct like *like, int fd, unsigned long request, void *answer,
	       struct zl_err *err)
{
	if (!ioctl(fd, request, answer))
		return 0;
	return zl_fail(err, errno,
		       "%s cannot be asked for its zones: %s; it must be a "
		       "zoned block device",
		       like->name, strerror(errno));
}

static int add_zone(struct like *like, const struct blk_zone *z, bool has_cap,
		    struct zl_err *err)
{
	struct like_zone zone = {
		.start = z->start,
		.blocks = z->len,
		.cap = has_cap && z->capacity != z->len ? z->capacity
							: LIKE_NONE,
		.wp = z->wp,
		.type = z->type,
		.cond = z->cond,
		.at = like->nr,
	};

	return like_add(like, &zone, err);
}

/* Some zones from @sector on; @sector gets where the next ones start, or stays
 * if there are none. */
static int some_zones(struct like *like, int fd, struct blk_zone_report *report,
		      uint64_t *sector, struct zl_err *err)
{
	int ret;

	report->sector = *sector;
	report->nr_zones = ZONES_AT_ONCE;
	ret = ask(like, fd, BLKREPORTZONE, report, err);
	for (unsigned i = 0; !ret && i < report->nr_zones; i++) {
		const struct blk_zone *z = &report->zones[i];

		ret = add_zone(like, z, report->flags & BLK_ZONE_REP_CAPACITY,
			       err);
		*sector = z->start + z->len;
	}
	return ret;
}

/* Of the whole disk; what an older kernel does not have stays unknown. */
static void read_max_open(struct like *like, int fd)
{
	char path[96];
	struct stat sb;
	uint64_t n;
	FILE *f;

	if (fstat(fd, &sb))
		return;
	snprintf(path, sizeof(path),
		 "/sys/dev/block/%u:%u/queue/max_open_zones", major(sb.st_rdev),
		 minor(sb.st_rdev));
	f = fopen(path, "re");
	if (!f)
		return;
	if (fscanf(f, "%" SCNu64, &n) == 1)
		like->max_open = n;
	fclose(f);
}

int like_device(struct like *like, int fd, struct zl_err *err)
{
	struct blk_zone_report *report = calloc(
		1, sizeof(*report) + ZONES_AT_ONCE * sizeof(report->zones[0]));
	uint64_t bytes, sector = 0;
	int block, ret;

	if (!report)
		return zl_fail(err, ENOMEM, "out of memory");
	like->place = "zone";
	like->unit_bytes = 512;
	ret = ask(like, fd, BLKGETSIZE64, &bytes, err);
	if (!ret)
		ret = ask(like, fd, BLKSSZGET, &block, err);
	if (!ret)
		ret = ask(like, fd, BLKPBSZGET, &like->phys_bytes, err);
	while (!ret && sector < bytes / 512) {
		uint64_t before = sector;

		ret = some_zones(like, fd, report, &sector, err);
		if (sector == before)
			break;
	}
	free(report);
	if (ret)
		return ret;
	like->block_bytes = (uint32_t)block;
	like->end = bytes / 512;
	read_max_open(like, fd);
	return 0;
}
