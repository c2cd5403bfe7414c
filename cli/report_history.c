// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What a disk did since it was opened, as lines over time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "chart.h"
#include "report.h"

static void add_now(struct report *r)
{
	const struct disk_activity *a = &r->now.activity;

	if (r->nr_samples &&
	    r->samples[r->nr_samples - 1].open_ms >= a->open_ms)
		return;
	r->samples[r->nr_samples++] = (struct control_sample){
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
	struct control_sample *all;
	int ret = control_history(r->now.serial, &all, &r->nr_samples, err);

	if (ret)
		return ret;
	r->samples = reallocarray(all, r->nr_samples + 1, sizeof(*all));
	if (!r->samples) {
		free(all);
		return zl_fail(err, ENOMEM, "out of memory");
	}
	add_now(r);
	return 0;
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
	const struct control_sample *now = &r->samples[i], *then = now - 1;
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
	double x[CONTROL_MAX_SAMPLES + 1];
	double y[2][CONTROL_MAX_SAMPLES + 1];
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
		r, s, "Throughput", offsetof(struct control_sample, read_bytes),
		offsetof(struct control_sample, written_bytes), format_rate, f);
	draw_rates(r, s, "Operations a second",
		   offsetof(struct control_sample, reads),
		   offsetof(struct control_sample, writes), format_count, f);
	draw_open_zones(r, s, f);
	free(s);
}
