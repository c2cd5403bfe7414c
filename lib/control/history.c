// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What a disk did since it was opened, in samples of bounded number. */
#include <errno.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
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

/* Nothing has been done since the last one, nor was anything under way. */
static void repeat_sample(struct disk *disk, const struct control_sample *last,
			  struct control_sample *s)
{
	uint32_t nr_cond[16];

	disk_count_zones(disk, nr_cond);
	*s = *last;
	s->open_ms = disk_open_ms(disk);
	s->open_zones = nr_cond[ZC_IMP_OPEN] + nr_cond[ZC_EXP_OPEN];
}

static void take_sample(struct disk *disk, struct control_sample *s)
{
	struct disk_activity a;
	uint32_t nr_cond[16];

	disk_get_activity(disk, &a);
	disk_count_zones(disk, nr_cond);
	*s = (struct control_sample){
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
	uint64_t mark = disk_activity_mark(disk);
	bool as_before = h->nr && mark == h->mark;
	struct control_sample *s;

	if (h->nr == HISTORY_MAX)
		thin_out(h);
	s = &h->samples[h->nr++];
	if (as_before && h->still)
		repeat_sample(disk, s - 1, s);
	else
		take_sample(disk, s);
	h->mark = mark;
	h->still = as_before;
	h->due_ms = now_ms + h->interval_ms;
}

/*
 * As JSON.
 */

#define MEMBER(name)                                         \
	{                                                    \
#name, offsetof(struct control_sample, name) \
	}
static const struct {
	const char *name;
	size_t offset;
} table[] = { MEMBER(open_ms),	 MEMBER(reads),		MEMBER(read_bytes),
	      MEMBER(writes),	 MEMBER(written_bytes), MEMBER(failed),
	      MEMBER(open_zones) };

static struct json_object *sample_json(const struct control_sample *s)
{
	struct json_object *array = json_object_new_array();
	uint64_t v;

	for (unsigned i = 0; i < ZL_ARRAY_SIZE(table); i++) {
		memcpy(&v, (const char *)s + table[i].offset, sizeof(v));
		json_object_array_add(array, new_u64(v));
	}
	return array;
}

void history_report(const struct history *h, struct json_object *out)
{
	struct json_object *members = json_object_new_array();
	struct json_object *samples = json_object_new_array();

	for (unsigned i = 0; i < ZL_ARRAY_SIZE(table); i++)
		json_object_array_add(members,
				      json_object_new_string(table[i].name));
	for (unsigned i = 0; i < h->nr; i++)
		json_object_array_add(samples, sample_json(&h->samples[i]));
	json_object_object_add(out, "members", members);
	json_object_object_add(out, "samples", samples);
}

/* The column with this name, or SIZE_MAX. */
static size_t column(struct json_object *members, const char *name)
{
	size_t n = array_length(members);

	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(
			json_object_array_get_idx(members, i));

		if (s && !strcmp(s, name))
			return i;
	}
	return SIZE_MAX;
}

static void take_column(struct control_sample *samples, unsigned nr,
			struct json_object *rows, size_t c, size_t offset)
{
	for (unsigned i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		uint64_t v;

		if (c >= array_length(row))
			continue;
		v = (uint64_t)json_object_get_int64(
			json_object_array_get_idx(row, c));
		memcpy((char *)&samples[i] + offset, &v, sizeof(v));
	}
}

int history_take(struct json_object *reply, struct control_sample **samples,
		 unsigned *nr)
{
	struct json_object *members = json_object_object_get(reply, "members");
	struct json_object *rows = json_object_object_get(reply, "samples");

	*nr = (unsigned)min_u64(array_length(rows), CONTROL_MAX_SAMPLES);
	*samples = calloc(*nr + 1, sizeof(**samples));
	if (!*samples)
		return -ENOMEM;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(table); i++)
		take_column(*samples, *nr, rows, column(members, table[i].name),
			    table[i].offset);
	return 0;
}
