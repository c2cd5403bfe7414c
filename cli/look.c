// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Looking at a disk's directory, in use or not, without changing anything. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"

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

const char *cli_word(const char *name, char buf[CLI_WORD_MAX])
{
	char *p = buf;

	snprintf(buf, CLI_WORD_MAX, "%s", name);
	for (; *p; p++)
		*p = *p == ' ' ? '-' : (char)tolower((unsigned char)*p);
	return buf;
}

/* As our own output has them, T10, blkzone(8) and sg_rep_zones(8). */
static const struct {
	enum zone_cond cond;
	const char *names[6];
} conditions[] = {
	{ ZC_NOT_WP, { "notwritepointer", "notwp", "nw", "conventional" } },
	{ ZC_EMPTY, { "empty", "em" } },
	{ ZC_IMP_OPEN,
	  { "implicitlyopened", "implicitlyopen", "implicitopen", "implicit",
	    "impopen", "oi" } },
	{ ZC_EXP_OPEN,
	  { "explicitlyopened", "explicitlyopen", "explicitopen", "explicit",
	    "expopen", "oe" } },
	{ ZC_CLOSED, { "closed", "cl" } },
	{ ZC_FULL, { "full", "fu" } },
	{ ZC_READ_ONLY, { "readonly", "rdonly", "ro" } },
	{ ZC_OFFLINE, { "offline", "off", "ol" } },
	{ ZC_INACTIVE, { "inactive", "in" } },
};

int cli_cond_parse(const char *name)
{
	char word[CLI_WORD_MAX];
	size_t len = 0;

	for (; *name && len < sizeof(word) - 1; name++)
		if (!strchr(" -_", *name))
			word[len++] = (char)tolower((unsigned char)*name);
	word[len] = 0;
	for (size_t i = 0; !*name && i < ZL_ARRAY_SIZE(conditions); i++)
		for (size_t j = 0; j < ZL_ARRAY_SIZE(conditions[i].names); j++)
			if (conditions[i].names[j] &&
			    !strcmp(conditions[i].names[j], word))
				return (int)conditions[i].cond;
	return -1;
}
