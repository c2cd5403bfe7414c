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

/* "zloop_NAME{serial=…,directory=…"; the caller goes on.  The device is called
 * as node_exporter calls it. */
static void start(const char *name, const struct prometheus_disk *d)
{
	printf("zloop_%s{serial=\"%s\",directory=\"", name, d->is->serial);
	print_escaped(d->is->dir);
	putchar('"');
	if (*d->device)
		printf(",device=\"%s\"", d->device);
}

static void line(const char *name, const struct prometheus_disk *d,
		 const char *label, const char *value, uint64_t number)
{
	start(name, d);
	if (label)
		printf(",%s=\"%s\"", label, value);
	printf("} %" PRIu64 "\n", number);
}

static void print_counters(const struct prometheus_disk *d, unsigned nr)
{
	for (unsigned c = 0; c < DC_NR; c++) {
		const struct disk_counter_row *row = &disk_counter_table[c];

		head(row->metric, row->help, row->gauge ? "gauge" : "counter");
		for (unsigned i = 0; i < nr; i++)
			line(row->metric, &d[i], NULL, NULL,
			     d[i].is->stats.n[c]);
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

static void print_gauges(const struct prometheus_disk *d, unsigned nr)
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
			     rows[g].value(d[i].is));
	}
	head("open_seconds", "How long the disk has been open", "gauge");
	for (unsigned i = 0; i < nr; i++) {
		start("open_seconds", &d[i]);
		printf("} %" PRIu64 ".%03" PRIu64 "\n",
		       d[i].is->activity.open_ms / 1000,
		       d[i].is->activity.open_ms % 1000);
	}
}

/* Also those that no zone is in: a series that comes and goes has no rate. */
static void print_conditions(const struct prometheus_disk *d, unsigned nr)
{
	static const enum zone_cond conds[] = {
		ZC_NOT_WP, ZC_EMPTY,	 ZC_IMP_OPEN, ZC_EXP_OPEN, ZC_CLOSED,
		ZC_FULL,   ZC_READ_ONLY, ZC_OFFLINE,  ZC_INACTIVE,
	};
	char word[CLI_WORD_MAX];

	head("zones", "Zones in each condition", "gauge");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned c = 0; c < ZL_ARRAY_SIZE(conds); c++) {
			if (conds[c] == ZC_INACTIVE && !d[i].is->nr_domains)
				continue;
			line("zones", &d[i], "condition",
			     cli_word(zone_cond_name(conds[c]), word),
			     d[i].is->nr_cond[conds[c]]);
		}
}

static void print_realms(const struct prometheus_disk *d, unsigned nr)
{
	char word[CLI_WORD_MAX];
	bool any = false;

	for (unsigned i = 0; i < nr; i++)
		any |= d[i].is->nr_domains;
	if (any)
		head("active_realms", "Realms active in each zone domain",
		     "gauge");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k < d[i].is->nr_domains; k++) {
			start("active_realms", &d[i]);
			printf(",domain=\"%u\",type=\"%s\"} %" PRIu64 "\n", k,
			       cli_word(zone_type_name(
						d[i].is->domains[k].info.type),
					word),
			       d[i].is->domains[k].active_realms);
		}
}

static void print_bytes(const struct prometheus_disk *d, unsigned nr)
{
	head("transferred_bytes_total",
	     "Bytes read or written since the disk was opened", "counter");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k <= DISK_KIND_WRITE; k++)
			line("transferred_bytes_total", &d[i], "operation",
			     disk_kind_name((enum disk_kind)k),
			     d[i].is->activity.kind[k].bytes);
}

static void print_failures(const struct prometheus_disk *d, unsigned nr)
{
	head("operations_failed_total",
	     "Operations that failed since the disk was opened", "counter");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned f = 0; f < DISK_NR_FAILURES; f++)
			line("operations_failed_total", &d[i], "reason",
			     disk_failure_name(f), d[i].is->activity.failed[f]);
}

#define DURATION "operation_duration_seconds"

/* What follows the metric's name: one of _bucket, _sum, _count. */
static void start_duration(const struct prometheus_disk *d, enum disk_kind kind,
			   const char *part)
{
	start(part, d);
	printf(",operation=\"%s\"", disk_kind_name(kind));
}

/* Those that nothing was in are left out at both ends, but for one, from which
 * quantiles are reckoned: once a bucket is there it stays. */
static void print_buckets(const struct prometheus_disk *d, enum disk_kind kind)
{
	const struct disk_kind_activity *k = &d->is->activity.kind[kind];
	unsigned first = 0;
	uint64_t sum = 0;

	while (first < DISK_NR_BUCKETS && !k->latency[first])
		first++;
	/* The last one has what took longer as well. */
	for (unsigned b = 0; b < DISK_NR_BUCKETS - 1 && sum < k->done; b++) {
		sum += k->latency[b];
		if (b + 1 < first)
			continue;
		start_duration(d, kind, DURATION "_bucket");
		printf(",le=\"%.9g\"} %" PRIu64 "\n",
		       (double)DISK_BUCKET_NS(b) / 1e9, sum);
	}
	start_duration(d, kind, DURATION "_bucket");
	printf(",le=\"+Inf\"} %" PRIu64 "\n", k->done);
}

static void print_duration(const struct prometheus_disk *d, enum disk_kind kind)
{
	const struct disk_kind_activity *k = &d->is->activity.kind[kind];

	print_buckets(d, kind);
	start_duration(d, kind, DURATION "_sum");
	printf("} %" PRIu64 ".%09" PRIu64 "\n", k->total_ns / 1000000000,
	       k->total_ns % 1000000000);
	start_duration(d, kind, DURATION "_count");
	printf("} %" PRIu64 "\n", k->done);
}

static void print_durations(const struct prometheus_disk *d, unsigned nr)
{
	head(DURATION, "How long operations took since the disk was opened",
	     "histogram");
	for (unsigned i = 0; i < nr; i++)
		for (unsigned k = 0; k < DISK_NR_KINDS; k++)
			print_duration(&d[i], (enum disk_kind)k);
}

void prometheus_print(const struct prometheus_disk *d, unsigned nr)
{
	if (!nr)
		return;
	print_gauges(d, nr);
	print_conditions(d, nr);
	print_realms(d, nr);
	print_counters(d, nr);
	print_bytes(d, nr);
	print_failures(d, nr);
	print_durations(d, nr);
}
