// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The request "zones". */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "control/internal.h"
#include "disk/disk.h"

/* The disk stands still while so many are looked at: some microseconds. */
#define ZONES_A_TURN 4096

/* Zones as they are under the disk's lock, where nothing is said of them. */
struct page {
	bool open_only;
	uint64_t max;
	unsigned looked;   /* at, in this turn */
	uint64_t next_lba; /* UINT64_MAX: that was all */
	unsigned nr;
	struct zone_info zones[CONTROL_MAX_ZONES];
};

static struct json_object *zone_json(const struct zone_info *z)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "zone", new_u64(z->slot));
	json_object_object_add(o, "type", new_word(zone_type_name(z->type)));
	json_object_object_add(o, "type_code", new_u64(z->type));
	json_object_object_add(o, "condition",
			       new_word(zone_cond_name(z->cond)));
	json_object_object_add(o, "condition_code", new_u64(z->cond));
	json_object_object_add(o, "start_lba", new_u64(z->start_lba));
	json_object_object_add(o, "blocks", new_u64(z->blocks));
	json_object_object_add(o, "write_pointer_lba", new_u64(z->wp_lba));
	json_object_object_add(o, "attributes", new_u64(z->attrs));
	return o;
}

static bool add_zone(void *user, const struct zone_info *z)
{
	struct page *p = user;

	if (p->nr == p->max || p->looked++ == ZONES_A_TURN) {
		p->next_lba = z->start_lba;
		return false;
	}
	if (p->open_only && z->cond != ZC_IMP_OPEN && z->cond != ZC_EXP_OPEN)
		return true;
	p->zones[p->nr++] = *z;
	return true;
}

static void read_zones(struct disk *disk, struct page *p, uint64_t lba)
{
	do {
		p->looked = 0;
		p->next_lba = UINT64_MAX;
		disk_each_zone(disk, lba, add_zone, p);
		lba = p->next_lba;
	} while (lba != UINT64_MAX && p->nr < p->max);
}

static void reply_zones(struct request *r, const struct page *p)
{
	struct json_object *zones = json_object_new_array();

	for (unsigned i = 0; i < p->nr; i++)
		json_object_array_add(zones, zone_json(&p->zones[i]));
	reply_add(r, "zones", zones);
	reply_add(r, "next_lba", new_u64(p->next_lba));
}

int do_zones(struct request *r)
{
	uint64_t capacity = disk_geo(r->disk)->capacity_blocks;
	uint64_t start = 0, max = CONTROL_MAX_ZONES;
	bool open_only = false;
	struct page *p;

	if (!request_u64(r, "start_lba", capacity - 1, &start) ||
	    !request_u64(r, "count", CONTROL_MAX_ZONES, &max) ||
	    !request_bool(r, "open", &open_only))
		return -EINVAL;
	p = malloc(sizeof(*p));
	if (!p)
		return zl_fail(r->err, ENOMEM, "out of memory");
	p->open_only = open_only;
	p->max = max;
	p->nr = 0;
	read_zones(r->disk, p, start);
	reply_zones(r, p);
	free(p);
	return 0;
}
