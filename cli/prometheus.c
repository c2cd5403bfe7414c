// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Counters as Prometheus wants them: base units, one HELP and TYPE for each
 * metric, all of its lines together, counters that end in _total, histograms
 * whose buckets are sums.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "prometheus.h"

static void head(const char *name, const char *help, const char *type)
{
	printf("# HELP zloop_%s %s.\n# TYPE zloop_%s %s\n", name, help, name,
	       type);
}

/* Inside quotes: backslash, quote and newline have a backslash before them. */
static void print_escaped(const char *s)
{
	for (; *s; s++) {
		if (*s == '\n') {
			fputs("\\n", stdout);
			continue;
		}
		if (*s == '\\' || *s == '"')
			putchar('\\');
		putchar(*s);
	}
}

/* "zloop_NAME{serial=…,directory=…"; the caller goes on. */
static void start(const char *name, const struct control_info *r)
{
	printf("zloop_%s{serial=\"%s\",directory=\"", name, r->serial);
	print_escaped(r->dir);
	putchar('"');
}

static void line(const char *name, const struct control_info *r,
		 const char *label, const char *value, uint64_t number)
{
	start(name, r);
	if (label)
		printf(",%s=\"%s\"", label, value);
	printf("} %" PRIu64 "\n", number);
}

static void print_counters(const struct control_info *d, unsigned nr)
{
	for (unsigned c = 0; c < DC_NR; c++) {
		const struct disk_counter_row *row = &disk_counter_table[c];

		head(row->metric, row->help, row->gauge ? "gauge" : "counter");
		for (unsigned i = 0; i < nr; i++)
			line(row->metric, &d[i], NULL, NULL, d[i].stats.n[c]);
	}
}

static uint64_t capacity(const struct control_info *r)
{
	return r->capacity_bytes;
}

static uint64_t zone_size(const struct control_info *r)
{
	return r->zone_bytes;
}

static uint64_t open_limit(const struct control_info *r)
{
	return r->max_open;
}

static uint64_t in_flight(const struct control_info *r)
{
	return r->activity.in_flight;
}

static void print_gauges(const struct control_info *d, unsigned nr)
{
	static const struct {
		const char *name, *help;
		uint64_t (*value)(const struct control_info *r);
	} rows[] = {
		{ "capacity_bytes", "The disk's size", capacity },
		{ "zone_size_bytes", "The zones' size", zone_size },
		{ "open_zones_limit", "Zones that can be open, 0: all",
		  open_limit },
		{ "operations_in_flight", "Operations under way", in_flight },
	};

	for (unsigned g = 0; g < ZL_ARRAY_SIZE(rows); g++) {
		head(rows[g].name, rows[g].help, "gauge");
		for (unsigned i = 0; i < nr; i++)
			line(rows[g].name, &d[i], NULL, NULL,
			     rows[g].value(&d[i]));
	}
	head("open_seconds", "How long the disk has been open", "gauge");
	for (unsigned i = 0; i < nr; i++) {
		start("open_seconds", &d[i]);
		printf("} %" PRIu64 ".%03" PRIu64 "\n",
		       d[i].activity.open_ms / 1000,
		       d[i].activity.open_ms % 1000);
	}
}

/* Also those that no zone is in: a series that comes and goes has no rate. */
static void print_conditions(const struct control_info *d, unsigned nr)
{
	static const enum zone_cond conds[] = {
		ZC_NOT_WP, ZC_EMPTY, ZC_IMP_OPEN,  ZC_EXP_OPEN,
		ZC_CLOSED, ZC_FULL,  ZC_READ_ONLY, ZC_OFFLINE,
	};
	char word[CLI_WORD_MAX];

	head("zones", "Zones in each condition", "gauge");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned c = 0; c < ZL_ARRAY_SIZE(conds); c++)
			line("zones", &d[i], "condition",
			     cli_word(zone_cond_name(conds[c]), word),
			     d[i].nr_cond[conds[c]]);
}

static void print_bytes(const struct control_info *d, unsigned nr)
{
	head("transferred_bytes_total",
	     "Bytes read or written since the disk was opened", "counter");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k <= DISK_KIND_WRITE; k++)
			line("transferred_bytes_total", &d[i], "operation",
			     disk_kind_name((enum disk_kind)k),
			     d[i].activity.kind[k].bytes);
}

static void print_failures(const struct control_info *d, unsigned nr)
{
	head("operations_failed_total",
	     "Operations that failed since the disk was opened", "counter");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned f = 0; f < DISK_NR_FAILURES; f++)
			line("operations_failed_total", &d[i], "reason",
			     disk_failure_name(f), d[i].activity.failed[f]);
}

#define DURATION "operation_duration_seconds"

/* What follows the metric's name: one of _bucket, _sum, _count. */
static void start_duration(const struct control_info *r, enum disk_kind kind,
			   const char *part)
{
	start(part, r);
	printf(",operation=\"%s\"", disk_kind_name(kind));
}

static void print_duration(const struct control_info *r, enum disk_kind kind)
{
	const struct disk_kind_activity *k = &r->activity.kind[kind];
	uint64_t sum = 0;

	/* The last one has what took longer as well. */
	for (unsigned b = 0; b < DISK_NR_BUCKETS - 1; b++) {
		sum += k->latency[b];
		start_duration(r, kind, DURATION "_bucket");
		printf(",le=\"%.9g\"} %" PRIu64 "\n",
		       (double)DISK_BUCKET_NS(b) / 1e9, sum);
	}
	start_duration(r, kind, DURATION "_bucket");
	printf(",le=\"+Inf\"} %" PRIu64 "\n", k->done);
	start_duration(r, kind, DURATION "_sum");
	printf("} %" PRIu64 ".%09" PRIu64 "\n", k->total_ns / 1000000000,
	       k->total_ns % 1000000000);
	start_duration(r, kind, DURATION "_count");
	printf("} %" PRIu64 "\n", k->done);
}

static void print_durations(const struct control_info *d, unsigned nr)
{
	head(DURATION, "How long operations took since the disk was opened",
	     "histogram");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k < DISK_NR_KINDS; k++)
			print_duration(&d[i], (enum disk_kind)k);
}

void prometheus_print(const struct control_info *d, unsigned nr)
{
	if (!nr)
		return;
	print_gauges(d, nr);
	print_conditions(d, nr);
	print_counters(d, nr);
	print_bytes(d, nr);
	print_failures(d, nr);
	print_durations(d, nr);
}
