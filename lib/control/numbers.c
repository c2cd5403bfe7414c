// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The requests "info", "stats" and "history". */
#include <json-c/json.h>

#include "control/internal.h"
#include "disk/activity.h"
#include "disk/medium/counters.h"
#include "disk/disk.h"

static void add_u64(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, new_u64(v));
}

static void add_counters(struct json_object *o, const struct disk_stats *s)
{
	for (unsigned c = 0; c < DC_NR; c++)
		add_u64(o, disk_counter_table[c].key, s->n[c]);
}

static struct json_object *kind_json(const struct disk_kind_activity *k)
{
	struct json_object *o = json_object_new_object();
	struct json_object *latency = json_object_new_array();

	add_u64(o, "done", k->done);
	add_u64(o, "bytes", k->bytes);
	add_u64(o, "total_ns", k->total_ns);
	for (unsigned i = 0; i < DISK_NR_BUCKETS; i++)
		json_object_array_add(latency, new_u64(k->latency[i]));
	json_object_object_add(o, "latency", latency);
	return o;
}

static void add_activity(struct json_object *o, const struct disk_activity *a)
{
	struct json_object *failed = json_object_new_object();
	struct json_object *kinds = json_object_new_object();

	add_u64(o, "open_ms", a->open_ms);
	add_u64(o, "in_flight", a->in_flight);
	for (unsigned i = 0; i < DISK_NR_KINDS; i++)
		json_object_object_add(kinds, disk_kind_name((enum disk_kind)i),
				       kind_json(&a->kind[i]));
	json_object_object_add(o, "operations", kinds);
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		add_u64(failed, disk_failure_name(i), a->failed[i]);
	json_object_object_add(o, "failed", failed);
}

int do_stats(struct request *r)
{
	struct disk_activity activity;
	struct disk_stats stats;

	disk_get_stats(r->disk, &stats);
	add_counters(r->out, &stats);
	disk_get_activity(r->disk, &activity);
	add_activity(r->out, &activity);
	return 0;
}

static struct json_object *conditions_json(struct disk *disk)
{
	struct json_object *conds = json_object_new_array(), *o;
	uint32_t nr[16];

	disk_count_zones(disk, nr);
	for (unsigned i = 0; i < 16; i++) {
		if (!nr[i])
			continue;
		o = json_object_new_object();
		json_object_object_add(
			o, "condition",
			new_word(zone_cond_name((enum zone_cond)i)));
		add_u64(o, "code", i);
		add_u64(o, "zones", nr[i]);
		json_object_array_add(conds, o);
	}
	return conds;
}

static struct json_object *job_json(struct disk *disk)
{
	struct json_object *o;
	struct disk_job job;

	disk_get_job(disk, &job);
	if (!job.name)
		return NULL;
	o = json_object_new_object();
	json_object_object_add(o, "name", json_object_new_string(job.name));
	add_u64(o, "done_blocks", job.done_blocks);
	add_u64(o, "blocks", disk_geo(disk)->capacity_blocks);
	return o;
}

int do_info(struct request *r)
{
	const struct disk_meta *m = disk_meta(r->disk);
	char why[256];

	reply_add(r, "serial", json_object_new_string(m->serial));
	reply_add(r, "directory", new_text(disk_name(r->disk)));
	add_u64(r->out, "capacity_bytes", m->capacity_bytes);
	add_u64(r->out, "zone_size_bytes", m->zone_bytes);
	add_u64(r->out, "zone_capacity_bytes", m->zone_cap_bytes);
	add_u64(r->out, "block_size", m->block_bytes);
	add_u64(r->out, "max_open_zones", m->max_open);
	reply_add(r, "conditions", conditions_json(r->disk));
	reply_add(r, "domains", domains_json(r->disk));
	reply_add(r, "job", job_json(r->disk));
	reply_add(r, "record", record_json(r->disk));
	reply_add(r, "fenced",
		  disk_is_fenced(r->disk, why, sizeof(why)) ? new_text(why)
							    : NULL);
	return do_stats(r);
}

int do_history(struct request *r)
{
	static const struct history none;

	history_report(r->history ? r->history : &none, r->out);
	return 0;
}
