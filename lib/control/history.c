// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What a disk did since it was opened, in samples of bounded number. */
#include <json-c/json.h>

#include "control/internal.h"
#include "disk/activity.h"
#include "disk/disk.h"

#define FIRST_INTERVAL_MS 1000

void history_init(struct history *h)
{
	*h = (struct history){ .interval_ms = FIRST_INTERVAL_MS };
}

uint64_t history_wait_ms(const struct history *h, uint64_t now_ms)
{
	return h->due_ms > now_ms ? h->due_ms - now_ms : 0;
}

/* Every second one goes; those that stay are twice as far apart. */
static void thin_out(struct history *h)
{
	h->nr /= 2;
	for (unsigned i = 0; i < h->nr; i++)
		h->samples[i] = h->samples[2 * i];
	h->interval_ms *= 2;
}

static void take_sample(struct disk *disk, struct history_sample *s)
{
	struct disk_activity a;
	uint32_t nr_cond[16];

	disk_get_activity(disk, &a);
	disk_count_zones(disk, nr_cond);
	*s = (struct history_sample){
		.open_ms = a.open_ms,
		.reads = a.kind[DISK_KIND_READ].done,
		.writes = a.kind[DISK_KIND_WRITE].done,
		.read_bytes = a.kind[DISK_KIND_READ].bytes,
		.written_bytes = a.kind[DISK_KIND_WRITE].bytes,
		.open_zones = nr_cond[ZC_IMP_OPEN] + nr_cond[ZC_EXP_OPEN],
	};
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		s->failed += a.failed[i];
}

void history_sample(struct history *h, struct disk *disk, uint64_t now_ms)
{
	if (h->nr == HISTORY_MAX)
		thin_out(h);
	take_sample(disk, &h->samples[h->nr++]);
	h->due_ms = now_ms + h->interval_ms;
}

static struct json_object *sample_json(const struct history_sample *s)
{
	const uint64_t values[] = { s->open_ms,	      s->reads,
				    s->read_bytes,    s->writes,
				    s->written_bytes, s->failed,
				    s->open_zones };
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		json_object_array_add(
			array, json_object_new_int64((int64_t)values[i]));
	return array;
}

void history_report(const struct history *h, struct json_object *out)
{
	static const char *const names[] = { "open_ms",	      "reads",
					     "read_bytes",    "writes",
					     "written_bytes", "failed",
					     "open_zones" };
	struct json_object *members = json_object_new_array();
	struct json_object *samples = json_object_new_array();

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_array_add(members,
				      json_object_new_string(names[i]));
	for (unsigned i = 0; i < h->nr; i++)
		json_object_array_add(samples, sample_json(&h->samples[i]));
	json_object_object_add(out, "members", members);
	json_object_object_add(out, "samples", samples);
}
