// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The zone map: which zones a cell has and what it shows of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"
#include "map.h"

const struct map_look map_looks[MAP_NR] = {
	[MAP_OFFLINE] = { 'O', "offline", "1;31", PAINT_OFFLINE,
			  PAINT_OFFLINE_PALE },
	[MAP_READ_ONLY] = { 'R', "read-only", "1;35", PAINT_READ_ONLY,
			    PAINT_READ_ONLY_PALE },
	[MAP_INACTIVE] = { 'N', "inactive", "2", PAINT_INACTIVE,
			   PAINT_INACTIVE_PALE },
	[MAP_EXP_OPEN] = { 'X', "explicitly-opened", "1;36", PAINT_EXP_OPEN,
			   PAINT_EXP_OPEN_PALE },
	[MAP_IMP_OPEN] = { 'I', "implicitly-opened", "1;32", PAINT_IMP_OPEN,
			   PAINT_IMP_OPEN_PALE },
	[MAP_CLOSED] = { 'L', "closed", "33", PAINT_CLOSED, PAINT_CLOSED_PALE },
	[MAP_FULL] = { 'F', "full", "34", PAINT_FULL, PAINT_FULL_PALE },
	[MAP_EMPTY] = { 'E', "empty", "2", PAINT_EMPTY, PAINT_EMPTY_PALE },
	[MAP_CONV] = { 'C', "conventional", "0", PAINT_CONV, PAINT_CONV_PALE },
};

static enum map_class class_of(const struct zone_info *z)
{
	switch (z->cond) {
	case ZC_OFFLINE:
		return MAP_OFFLINE;
	case ZC_READ_ONLY:
		return MAP_READ_ONLY;
	case ZC_INACTIVE:
		return MAP_INACTIVE;
	case ZC_EXP_OPEN:
		return MAP_EXP_OPEN;
	case ZC_IMP_OPEN:
		return MAP_IMP_OPEN;
	case ZC_CLOSED:
		return MAP_CLOSED;
	case ZC_FULL:
		return MAP_FULL;
	case ZC_EMPTY:
		return MAP_EMPTY;
	case ZC_NOT_WP:
		break;
	}
	return MAP_CONV;
}

static void add_zone(struct map_cell *cell, const struct zone_info *z)
{
	cell->nr[class_of(z)]++;
	if (z->wp_lba == UINT64_MAX)
		return;
	cell->written_blocks += z->wp_lba - z->start_lba;
	cell->room_blocks += z->blocks;
}

static bool take_zone(void *user, const struct zone_info *z)
{
	struct map *map = user;
	struct map_cell *cell;

	/* Behind those that are wanted, or one that was not there before. */
	if (z->slot >= map->first_slot + map->nr_slots)
		return false;
	if (z->slot < map->first_slot || z->type == ZT_GAP)
		return true;
	cell = &map->cells[(z->slot - map->first_slot) / map->slots_per_cell];
	if (!cell->nr_slots++)
		cell->first_slot = z->slot;
	add_zone(cell, z);
	add_zone(&map->all, z);
	map->all.nr_slots++;
	return true;
}

/* The next of 1, 2, 5, 10, 20, 50, … */
static uint32_t round_up(uint32_t n)
{
	static const uint32_t steps[] = { 1, 2, 5 };
	uint32_t tens = 1;

	for (;; tens *= 10)
		for (unsigned i = 0; i < ZL_ARRAY_SIZE(steps); i++)
			if (steps[i] * tens >= n)
				return steps[i] * tens;
}

int map_read(struct map *map, struct disk *disk, const char *dir,
	     uint64_t start_lba, uint64_t count, uint32_t max_cells)
{
	const struct zone_geo *geo = disk_geo(disk);
	uint32_t slots = zone_geo_slots(geo);

	*map = (struct map){ .dir = dir, .disk = disk };
	map->first_slot = (uint32_t)(start_lba / geo->zone_blocks);
	map->nr_slots = (uint32_t)min_u64(count, slots - map->first_slot);
	map->slots_per_cell =
		round_up((uint32_t)div_up_u64(map->nr_slots, max_cells));
	map->nr_cells =
		(uint32_t)div_up_u64(map->nr_slots, map->slots_per_cell);
	map->cells = calloc(max_u64(map->nr_cells, 1), sizeof(*map->cells));
	if (!map->cells) {
		cli_error("out of memory");
		return -ENOMEM;
	}
	return cli_each_zone(disk, (uint64_t)map->first_slot * geo->zone_blocks,
			     take_zone, map);
}

void map_free(struct map *map)
{
	free(map->cells);
}

enum map_class map_cell_class(const struct map_cell *cell)
{
	unsigned i = 0;

	while (i < MAP_CONV && !cell->nr[i])
		i++;
	return (enum map_class)i;
}

unsigned map_cell_level(const struct map_cell *cell, unsigned steps)
{
	uint64_t level;

	if (!cell->written_blocks)
		return 0;
	if (cell->written_blocks == cell->room_blocks)
		return steps;
	level = cell->written_blocks * steps / cell->room_blocks;
	return (unsigned)min_u64(max_u64(level, 1), steps - 1);
}

/* What zones there are. */
static void write_types(const struct map *map, char *buf, size_t size)
{
	const struct zone_domains *domains = &disk_geo(map->disk)->domains;
	struct zone_domain_info d;
	size_t len = 0;

	if (!domains->nr)
		snprintf(buf, size, ", %" PRIu32 " conventional",
			 disk_meta(map->disk)->conv_zones);
	for (unsigned i = 0; i < domains->nr && len < size; i++) {
		disk_domain(map->disk, i, &d);
		len += (size_t)snprintf(buf + len, size - len,
					"%s%" PRIu32 " %s", i ? ", " : ": ",
					d.zones, zone_type_name(d.type));
	}
}

const char *map_title(const struct map *map, char buf[MAP_LINE_MAX])
{
	const struct disk_meta *m = disk_meta(map->disk);
	char size[CLI_SIZE_MAX], zone[CLI_SIZE_MAX], cap[64] = "";
	char room[CLI_SIZE_MAX], types[160];
	uint32_t slots = zone_geo_slots(disk_geo(map->disk));

	if (m->zone_cap_bytes != m->zone_bytes)
		snprintf(cap, sizeof(cap), " (capacity %s)",
			 cli_size(m->zone_cap_bytes, room));
	write_types(map, types, sizeof(types));
	snprintf(buf, MAP_LINE_MAX, "%s: %s, %" PRIu32 " zones of %s%s%s",
		 map->dir, cli_size(m->capacity_bytes, size), slots,
		 cli_size(m->zone_bytes, zone), cap, types);
	return buf;
}

const char *map_summary(const struct map *map, char buf[MAP_LINE_MAX])
{
	const struct disk_meta *m = disk_meta(map->disk);
	char written[CLI_SIZE_MAX], room[CLI_SIZE_MAX], limit[32] = "";
	char cell[64] = "a cell is one zone";

	if (map->slots_per_cell > 1)
		snprintf(cell, sizeof(cell), "a cell is %" PRIu32 " zones",
			 map->slots_per_cell);
	if (m->max_open)
		snprintf(limit, sizeof(limit), " of %" PRIu32, m->max_open);
	snprintf(buf, MAP_LINE_MAX, "%s; written %s of %s; open %" PRIu32 "%s",
		 cell,
		 cli_size(map->all.written_blocks * m->block_bytes, written),
		 cli_size(map->all.room_blocks * m->block_bytes, room),
		 map->all.nr[MAP_IMP_OPEN] + map->all.nr[MAP_EXP_OPEN], limit);
	return buf;
}
