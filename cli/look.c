// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Looking at a disk's directory, in use or not, without changing anything. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"
#include "store/store.h"

/* The file that carries a disk's lock, see docs/on-disk-format.md. */
#define LOCK_FILE "zloop.state"

int cli_look(const char *dir, struct disk **disk, struct zl_err *err)
{
	struct disk_open_args args = { .look_only = true };

	return disk_open(dir, &args, disk, err);
}

int cli_look_word(const char *word, char dir[PATH_MAX], struct disk **disk,
		  struct zl_err *err)
{
	int ret = cli_disk_dir(word, dir, err);

	return ret ? ret : cli_look(dir, disk, err);
}

int cli_glance(const char *word, struct cli_glance *g, struct zl_err *err)
{
	struct disk_meta meta;
	struct disk *disk;
	int ret = cli_disk_dir(word, g->dir, err);

	if (ret)
		return ret;
	/* What is wrong is said better by who looks closely. */
	if (disk_read_meta(g->dir, &meta)) {
		ret = cli_look(g->dir, &disk, err);
		if (ret)
			return ret;
		meta = *disk_meta(disk);
		disk_close(disk);
	}
	disk_meta_geo(&meta, &g->geo);
	strcpy(g->serial, meta.serial);
	g->open = cli_is_open(g->dir);
	return 0;
}

bool cli_in_use(const char *dir, struct disk *disk, char *who, size_t size)
{
	struct store *st;
	struct zl_err err;
	bool in_use = true;

	*who = 0;
	if (store_file_open(dir, &st, NULL))
		return false;
	disk_set_layout(disk_geo(disk), st);
	if (store_lock(st, LOCK_FILE, 0, false, &err) == -EBUSY)
		snprintf(who, size, "%s", err.who);
	else if (disk_is_driven(st, zone_geo_slots(disk_geo(disk))))
		snprintf(who, size,
			 "a program without a lock, perhaps the kernel's zloop "
			 "driver");
	else
		in_use = false;
	store_close(st);
	return in_use;
}

bool cli_is_open(const char *dir)
{
	struct store *st;
	struct zl_err err;
	int ret;

	if (store_file_open(dir, &st, NULL))
		return true;
	ret = store_lock(st, LOCK_FILE, 0, false, &err);
	store_close(st);
	return ret;
}

uint64_t cli_space_used(const char *dir, struct disk *disk)
{
	uint32_t nr_slots = zone_geo_slots(disk_geo(disk));
	struct store_stat stat;
	uint64_t sum = 0;
	struct store *st;

	if (store_file_open(dir, &st, NULL))
		return 0;
	disk_set_layout(disk_geo(disk), st);
	for (uint32_t slot = 0; slot < nr_slots; slot++)
		if (!store_stat(st, slot, &stat))
			sum += stat.alloc_bytes;
	store_close(st);
	return sum;
}
