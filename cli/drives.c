// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Drives that people have, with numbers that were published; docs/drives.md has
 * where each comes from.  A number that was found nowhere is left unknown, not
 * guessed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "cli.h"
#include "like.h"

#define UNKNOWN UINT32_MAX

struct drive {
	const char *name;
	const char *model; /* maker and model number */
	uint32_t zones, conv_zones, zone_mib, max_open;
	uint32_t block_bytes, phys_bytes, rpm;
};

static const struct drive drives[] = {
	{ "hc620-14tb", "WD Ultrastar DC HC620, HSH721414ALN6M0", 52156, 524,
	  256, 128, 4096, 4096, 7200 },
	{ "hc620-14tb-512e", "WD Ultrastar DC HC620, HSH721414ALE6M0", 52156,
	  524, 256, 128, 512, 4096, 7200 },
	{ "hc620-15tb", "WD Ultrastar DC HC620, HSH721415ALN6M0", 55880, 524,
	  256, 128, 4096, 4096, 7200 },
	{ "hc650-20tb", "WD Ultrastar DC HC650, WSH722020ALN604", 74508,
	  UNKNOWN, 256, UNKNOWN, 4096, 4096, UNKNOWN },
	{ "exos-18tb-hm", "Seagate Exos X18, ST18000NM009J", 67056, UNKNOWN,
	  256, UNKNOWN, 512, 4096, 7200 },
};

static const struct drive *find(const char *name)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(drives); i++)
		if (!strcasecmp(drives[i].name, name))
			return &drives[i];
	return NULL;
}

static int conv_zones(const struct drive *d, const struct disk_opts *opts,
		      uint64_t *conv, struct zl_err *err)
{
	*conv = d->conv_zones;
	if (d->conv_zones != UNKNOWN)
		return 0;
	if (!disk_opt_given(opts, OPT_CONV_ZONES))
		return zl_fail(err, EINVAL,
			       "how many conventional zones %s has was "
			       "published nowhere; give conv_zones=NUMBER",
			       d->name);
	*conv = opts->num[OPT_CONV_ZONES];
	if (*conv >= d->zones)
		return zl_fail(err, EINVAL,
			       "conv_zones=%" PRIu64
			       " leaves no sequential zone: %s has %" PRIu32
			       " zones; use %" PRIu32 " or less",
			       *conv, d->name, d->zones, d->zones - 1);
	return 0;
}

int like_drive(struct like *like, const char *name,
	       const struct disk_opts *opts, struct zl_err *err)
{
	const struct drive *d = find(name);
	uint64_t conv, sectors;
	int ret;

	if (!d)
		return -ENOENT;
	ret = conv_zones(d, opts, &conv, err);
	sectors = d->zone_mib * (ZL_MIB / 512);
	like->takes_conv = d->conv_zones == UNKNOWN;
	like->unit_bytes = 512;
	like->block_bytes = d->block_bytes;
	like->phys_bytes = d->phys_bytes;
	if (d->max_open != UNKNOWN)
		like->max_open = d->max_open;
	for (uint32_t i = 0; !ret && i < d->zones; i++) {
		struct like_zone z = {
			.start = i * sectors,
			.blocks = sectors,
			.cap = LIKE_NONE,
			.wp = LIKE_NONE,
			.type = i < conv ? ZT_CONVENTIONAL : ZT_SEQ_REQUIRED,
			.cond = i < conv ? ZC_NOT_WP : ZC_EMPTY,
			.at = i,
		};

		ret = like_add(like, &z, err);
	}
	return ret;
}

static void add_known(struct json_object *o, const char *key, uint32_t v)
{
	json_object_object_add(o, key,
			       v == UNKNOWN ? NULL : json_object_new_uint64(v));
}

static void print_json(void)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < ZL_ARRAY_SIZE(drives); i++) {
		const struct drive *d = &drives[i];
		struct json_object *o = json_object_new_object();

		json_add_str(o, "name", d->name);
		json_add_str(o, "model", d->model);
		json_add_u64(o, "zones", d->zones);
		add_known(o, "conv_zones", d->conv_zones);
		json_add_u64(o, "zone_size_mb", d->zone_mib);
		add_known(o, "max_open_zones", d->max_open);
		json_add_u64(o, "block_size", d->block_bytes);
		json_add_u64(o, "physical_block_size", d->phys_bytes);
		add_known(o, "rpm", d->rpm);
		json_object_array_add(list, o);
	}
	json_print(list);
}

static const char *known(uint32_t v, char buf[12])
{
	snprintf(buf, 12, "%" PRIu32, v);
	return v == UNKNOWN ? "?" : buf;
}

static void print_text(void)
{
	char conv[12], open[12], rpm[12], blocks[24];

	printf("%-16s %6s %5s %8s %5s %10s %5s  %s\n", "NAME", "ZONES", "CONV",
	       "ZONE MiB", "OPEN", "BLOCKS", "RPM", "MODEL");
	for (size_t i = 0; i < ZL_ARRAY_SIZE(drives); i++) {
		const struct drive *d = &drives[i];

		snprintf(blocks, sizeof(blocks), "%" PRIu32 "/%" PRIu32,
			 d->block_bytes, d->phys_bytes);
		printf("%-16s %6" PRIu32 " %5s %8" PRIu32 " %5s %10s %5s  %s\n",
		       d->name, d->zones, known(d->conv_zones, conv),
		       d->zone_mib, known(d->max_open, open), blocks,
		       known(d->rpm, rpm), d->model);
	}
	puts("\nzloop create --like NAME DIRECTORY makes a disk like one; ? "
	     "was "
	     "published nowhere.");
}

void like_drives_print(bool json)
{
	if (json)
		print_json();
	else
		print_text();
}
