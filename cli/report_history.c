// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What a disk did since it was opened, as lines over time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "chart.h"
#include "report.h"

/* The column with this name, or -1. */
static int column(struct json_object *members, const char *name)
{
	size_t n = json_object_is_type(members, json_type_array)
			   ? json_object_array_length(members)
			   : 0;

	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(
			json_object_array_get_idx(members, i));

		if (s && !strcmp(s, name))
			return (int)i;
	}
	return -1;
}

static void take_column(struct report *r, struct json_object *reply,
			const char *name, size_t offset)
{
	struct json_object *rows = json_object_object_get(reply, "samples");
	int c = column(json_object_object_get(reply, "members"), name);

	for (unsigned i = 0; i < r->nr_samples && c >= 0; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (json_object_is_type(row, json_type_array))
			*(uint64_t *)((char *)&r->samples[i] + offset) =
				(uint64_t)json_object_get_int64(
					json_object_array_get_idx(row,
								  (size_t)c));
	}
}

static void take_samples(struct report *r, struct json_object *reply)
{
	take_column(r, reply, "open_ms",
		    offsetof(struct report_sample, open_ms));
	take_column(r, reply, "reads", offsetof(struct report_sample, reads));
	take_column(r, reply, "read_bytes",
		    offsetof(struct report_sample, read_bytes));
	take_column(r, reply, "writes", offsetof(struct report_sample, writes));
	take_column(r, reply, "written_bytes",
		    offsetof(struct report_sample, written_bytes));
	take_column(r, reply, "open_zones",
		    offsetof(struct report_sample, open_zones));
}

static void add_now(struct report *r)
{
	const struct disk_activity *a = &r->now.activity;

	if (r->nr_samples &&
	    r->samples[r->nr_samples - 1].open_ms >= a->open_ms)
		return;
	r->samples[r->nr_samples++] = (struct report_sample){
		.open_ms = a->open_ms,
		.reads = a->kind[DISK_KIND_READ].done,
		.read_bytes = a->kind[DISK_KIND_READ].bytes,
		.writes = a->kind[DISK_KIND_WRITE].done,
		.written_bytes = a->kind[DISK_KIND_WRITE].bytes,
		.open_zones = running_open_zones(&r->now),
	};
}

int report_read_history(struct report *r, struct zl_err *err)
{
	struct json_object *reply, *rows;
	size_t n = 0;
	int ret = cli_ask(r->disk, cli_request("history"), &reply, err);

	if (ret)
		return ret;
	rows = json_object_object_get(reply, "samples");
	if (json_object_is_type(rows, json_type_array))
		n = min_u64(json_object_array_length(rows), REPORT_MAX_SAMPLES);
	r->samples = calloc(n + 1, sizeof(*r->samples));
	if (r->samples) {
		r->nr_samples = (unsigned)n;
		take_samples(r, reply);
		add_now(r);
	}
	json_object_put(reply);
	return r->samples ? 0 : zl_fail(err, ENOMEM, "out of memory");
}

static void format_rate(double v, char *buf, size_t size)
{
	char text[CLI_SIZE_MAX];

	snprintf(buf, size, "%s/s", cli_size((uint64_t)v, text));
}

static void format_count(double v, char *buf, size_t size)
{
	snprintf(buf, size, "%g", v);
}

/* What was added a second, between this sample and the one before. */
static double rate(const struct report *r, unsigned i, size_t offset)
{
	const struct report_sample *now = &r->samples[i], *then = now - 1;
	uint64_t n, before;
	double s;

	if (!i)
		return 0;
	memcpy(&n, (const char *)now + offset, sizeof(n));
	memcpy(&before, (const char *)then + offset, sizeof(before));
	s = (double)(now->open_ms - then->open_ms) / 1000;
	return n > before && s > 0 ? (double)(n - before) / s : 0;
}

/* Room for the lines of one chart. */
struct series {
	double x[REPORT_MAX_SAMPLES + 1];
	double y[2][REPORT_MAX_SAMPLES + 1];
};

static void draw_rates(const struct report *r, struct series *s,
		       const char *title, size_t reads, size_t writes,
		       void (*format)(double, char *, size_t), FILE *f)
{
	struct chart c = { .title = title,
			   .x_s = s->x,
			   .nr = r->nr_samples,
			   .lines = { { "read", "c-read", s->y[0] },
				      { "write", "c-write", s->y[1] } },
			   .nr_lines = 2,
			   .bytes = format == format_rate,
			   .format = format };

	for (unsigned i = 0; i < r->nr_samples; i++) {
		s->y[0][i] = rate(r, i, reads);
		s->y[1][i] = rate(r, i, writes);
	}
	chart_draw(&c, f);
}

static void draw_open_zones(const struct report *r, struct series *s, FILE *f)
{
	struct chart c = { .title = "Open zones",
			   .x_s = s->x,
			   .nr = r->nr_samples,
			   .lines = { { "open", "c-open", s->y[0] } },
			   .nr_lines = 1,
			   .format = format_count };

	for (unsigned i = 0; i < r->nr_samples; i++)
		s->y[0][i] = (double)r->samples[i].open_zones;
	chart_draw(&c, f);
}

void report_draw_history(const struct report *r, FILE *f)
{
	struct series *s = calloc(1, sizeof(*s));

	if (!s || r->nr_samples < 2) {
		free(s);
		return;
	}
	for (unsigned i = 0; i < r->nr_samples; i++)
		s->x[i] = (double)r->samples[i].open_ms / 1000;
	draw_rates(
		r, s, "Throughput", offsetof(struct report_sample, read_bytes),
		offsetof(struct report_sample, written_bytes), format_rate, f);
	draw_rates(r, s, "Operations a second",
		   offsetof(struct report_sample, reads),
		   offsetof(struct report_sample, writes), format_count, f);
	draw_open_zones(r, s, f);
	free(s);
}
