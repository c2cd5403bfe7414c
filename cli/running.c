// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Running disks: which there are, and what they say of themselves. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "control/control.h"
#include "running.h"

const unsigned running_permille[RUNNING_NR_PERMILLE] = { 500, 990, 999 };

static uint64_t u64(struct json_object *o, const char *key)
{
	return (uint64_t)json_object_get_int64(json_object_object_get(o, key));
}

void running_take_stats(struct json_object *reply, struct disk_stats *stats)
{
	for (unsigned c = 0; c < DC_NR; c++)
		stats->n[c] = u64(reply, disk_counter_table[c].key);
}

static void copy_text(struct json_object *o, const char *key, char *to,
		      size_t size)
{
	const char *s = json_object_get_string(json_object_object_get(o, key));

	snprintf(to, size, "%s", s ? s : "");
}

static void take_conditions(struct json_object *array, struct running *r)
{
	size_t n = json_object_is_type(array, json_type_array)
			   ? json_object_array_length(array)
			   : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		r->nr_cond[u64(o, "code") % RUNNING_NR_CONDS] = u64(o, "zones");
	}
}

static void take_kind(struct json_object *o, struct disk_kind_activity *k)
{
	struct json_object *l = json_object_object_get(o, "latency");
	size_t n =
		json_object_is_type(l, json_type_array)
			? min_u64(json_object_array_length(l), DISK_NR_BUCKETS)
			: 0;

	k->bytes = u64(o, "bytes");
	k->total_ns = u64(o, "total_ns");
	for (size_t i = 0; i < n; i++) {
		k->latency[i] = (uint64_t)json_object_get_int64(
			json_object_array_get_idx(l, i));
		k->done += k->latency[i];
	}
}

static void take_activity(struct json_object *o, struct disk_activity *a)
{
	struct json_object *kinds = json_object_object_get(o, "operations");
	struct json_object *failed = json_object_object_get(o, "failed");

	a->open_ms = u64(o, "open_ms");
	a->in_flight = u64(o, "in_flight");
	for (unsigned i = 0; i < DISK_NR_KINDS; i++)
		take_kind(json_object_object_get(
				  kinds, disk_kind_name((enum disk_kind)i)),
			  &a->kind[i]);
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		a->failed[i] = u64(failed, disk_failure_name(i));
}

static void take_job(struct json_object *o, struct running *r)
{
	uint64_t done = u64(o, "done_blocks"), blocks = u64(o, "blocks");

	copy_text(o, "name", r->job, sizeof(r->job));
	r->job_percent = blocks ? (unsigned)(done / (blocks / 100 + 1)) : 0;
}

static void take_reply(struct json_object *o, struct running *r)
{
	*r = (struct running){
		.capacity_bytes = u64(o, "capacity_bytes"),
		.zone_bytes = u64(o, "zone_size_bytes"),
		.block_bytes = u64(o, "block_size"),
		.max_open = u64(o, "max_open_zones"),
	};
	copy_text(o, "serial", r->serial, sizeof(r->serial));
	copy_text(o, "directory", r->dir, sizeof(r->dir));
	take_conditions(json_object_object_get(o, "conditions"), r);
	take_job(json_object_object_get(o, "job"), r);
	running_take_stats(o, &r->stats);
	take_activity(o, &r->activity);
}

int running_read_json(const char *serial, struct running *r,
		      struct json_object **reply, struct zl_err *err)
{
	struct json_object *request = cli_request("info");
	int ret = control_call(serial, request, reply, NULL, NULL, err);

	json_object_put(request);
	if (!ret)
		take_reply(*reply, r);
	return ret;
}

int running_read(const char *serial, struct running *r, struct zl_err *err)
{
	struct json_object *reply;
	int ret = running_read_json(serial, r, &reply, err);

	if (!ret)
		json_object_put(reply);
	return ret;
}

struct found {
	running_serial *serials;
	unsigned nr;
};

static bool add_serial(void *user, const char *serial)
{
	struct found *f = user;
	running_serial *more =
		realloc(f->serials, (f->nr + 1) * sizeof(*f->serials));

	if (!more) {
		cli_error("out of memory");
		return false;
	}
	f->serials = more;
	snprintf(f->serials[f->nr++], sizeof(*f->serials), "%s", serial);
	return true;
}

static void add_disk(struct found *f, const char *word)
{
	char dir[PATH_MAX];
	struct disk *disk;
	struct zl_err err;

	if (cli_look_word(word, dir, &disk, &err)) {
		cli_error("%s", err.msg);
		add_serial(f, "");
		return;
	}
	/* No socket has that name. */
	add_serial(f, cli_is_open(dir) ? disk_meta(disk)->serial : "-");
	disk_close(disk);
}

unsigned running_find(char **words, unsigned nr_words, running_serial **serials)
{
	struct found f = { .nr = 0 };
	struct zl_err err;

	for (unsigned i = 0; i < nr_words; i++)
		add_disk(&f, words[i]);
	if (!nr_words && control_each(add_serial, &f, &err)) {
		cli_error("%s", err.msg);
		add_serial(&f, "");
	}
	*serials = f.serials;
	return f.nr;
}

void running_since(const struct disk_activity *now,
		   const struct disk_activity *then, struct disk_activity *diff)
{
	*diff = *now;
	diff->open_ms -= then->open_ms;
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		diff->failed[i] -= then->failed[i];
	for (unsigned i = 0; i < DISK_NR_KINDS; i++) {
		struct disk_kind_activity *k = &diff->kind[i];
		const struct disk_kind_activity *t = &then->kind[i];

		k->done -= t->done;
		k->bytes -= t->bytes;
		k->total_ns -= t->total_ns;
		for (unsigned b = 0; b < DISK_NR_BUCKETS; b++)
			k->latency[b] -= t->latency[b];
	}
}

const char *running_time(uint64_t ns, char buf[CLI_SIZE_MAX])
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	unsigned unit = 0;
	double v = (double)ns;

	for (; v >= 999.5 && unit < 3; unit++)
		v /= 1000;
	snprintf(buf, CLI_SIZE_MAX, unit && v < 9.95 ? "%.1f %s" : "%.0f %s", v,
		 units[unit]);
	return buf;
}

uint64_t running_open_zones(const struct running *r)
{
	return r->nr_cond[ZC_IMP_OPEN] + r->nr_cond[ZC_EXP_OPEN];
}
