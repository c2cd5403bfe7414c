// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop stats: the counters of running disks. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "prometheus.h"
#include "running.h"
#include "target.h"

struct stats_args {
	bool json, prometheus;
	int first; /* of the directories */
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "prometheus", 'p', NULL, 0,
	  "Print the text format that Prometheus collects", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stats_args *a = state->input;

	(void)arg;
	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case 'p':
		a->prometheus = true;
		return 0;
	case ARGP_KEY_END:
		if (a->json && a->prometheus)
			argp_error(state, "--json and --prometheus are two "
					  "forms; give one");
		return 0;
	default:
		return cli_key_any(key, state, &a->first);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DISK...]",
	.doc = "Print the counters of each DISK, or of all that are "
	       "attached: I/Os, bytes and latencies since the disk "
	       "was opened, and what is counted for good." CLI_DISK_DOC,
};

static void print_kind(enum disk_kind kind, const struct disk_kind_activity *k)
{
	char time[CLI_SIZE_MAX], bytes[CLI_SIZE_MAX] = "-";

	if (kind <= DISK_KIND_WRITE)
		cli_size(k->bytes, bytes);
	printf("  %-9s %12" PRIu64 " %12s %9s", disk_kind_name(kind), k->done,
	       bytes, running_time(k->done ? k->total_ns / k->done : 0, time));
	for (unsigned i = 0; i < RUNNING_NR_PERMILLE; i++)
		printf(" %9s",
		       running_time(disk_latency_ns(k, running_permille[i]),
				    time));
	putchar('\n');
}

static void print_conditions(const struct control_info *r)
{
	const char *comma = "";
	char word[CLI_WORD_MAX];

	printf("  zones: ");
	for (unsigned c = 0; c < CONTROL_NR_CONDS; c++) {
		if (!r->nr_cond[c])
			continue;
		printf("%s%" PRIu64 " %s", comma, r->nr_cond[c],
		       cli_word(zone_cond_name((enum zone_cond)c), word));
		comma = ", ";
	}
	putchar('\n');
}

static void print_text(const struct control_info *r)
{
	const struct disk_activity *a = &r->activity;

	printf("%s\n  serial %s, open for %" PRIu64 ".%03" PRIu64 " s, %" PRIu64
	       " in flight\n",
	       r->dir, r->serial, a->open_ms / 1000, a->open_ms % 1000,
	       a->in_flight);
	if (r->job[0])
		printf("  %s: %u %% done\n", r->job, r->job_percent);
	print_conditions(r);
	printf("  %-9s %12s %12s %9s %9s %9s %9s\n", "OPERATION", "DONE",
	       "BYTES", "MEAN", "P50", "P99", "P99.9");
	for (unsigned i = 0; i < DISK_NR_KINDS; i++)
		print_kind((enum disk_kind)i, &a->kind[i]);
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		if (a->failed[i])
			printf("  failed: %s %" PRIu64 "\n",
			       disk_failure_name(i), a->failed[i]);
	for (unsigned i = 0; i < DC_NR; i++)
		printf("  %-28s %12" PRIu64 "\n", disk_counter_table[i].key,
		       r->stats.n[i]);
}

/* All disks that answer; what is wrong with others has been said. */
struct gathered {
	struct control_info *disks;
	struct json_object *replies;
	unsigned nr;
	int status;
};

static void gather_one(struct gathered *g, const char *serial, const char *dir)
{
	struct json_object *reply;
	struct zl_err err;
	int ret = control_info(serial, &g->disks[g->nr], &reply, &err);

	if (!ret) {
		g->nr++;
		json_object_object_del(reply, "ok");
		json_object_array_add(g->replies, reply);
		return;
	}
	/* Where nobody asked for it, a socket may be left over. */
	if (ret == -ENOENT && !dir)
		return;
	g->status = CLI_FAILED;
	if (ret == -ENOENT)
		cli_error("nobody has the disk in %s open", dir);
	else
		cli_error("%s", err.msg);
}

static bool count_backstore(void *user, const struct lio_backstore *bs)
{
	(void)bs;
	++*(unsigned *)user;
	return true;
}

/* Silence would look like a disk that does nothing. */
static void say_none(struct gathered *g)
{
	unsigned attached = 0;

	lio_each_backstore(cli_lio(), count_backstore, &attached);
	if (!attached) {
		cli_note("no disk is attached");
		return;
	}
	cli_error("%u disk%s attached, but no process has %s open: does "
		  "tcmu-runner run?",
		  attached, attached == 1 ? " is" : "s are",
		  attached == 1 ? "it" : "one of them");
	g->status = CLI_FAILED;
}

static void gather(struct gathered *g, char **dirs, unsigned nr_dirs)
{
	running_serial *serials;
	unsigned nr = running_find(dirs, nr_dirs, &serials);

	*g = (struct gathered){ .replies = json_object_new_array() };
	g->disks = calloc(nr + 1, sizeof(*g->disks));
	if (!g->disks) {
		cli_error("out of memory");
		nr = 0;
		g->status = CLI_FAILED;
	}
	for (unsigned i = 0; i < nr; i++) {
		if (serials[i][0])
			gather_one(g, serials[i], nr_dirs ? dirs[i] : NULL);
		else
			g->status = CLI_FAILED;
	}
	free(serials);
	if (!nr_dirs && !g->nr && !g->status)
		say_none(g);
}

static void print_prometheus(const struct gathered *g)
{
	struct prometheus_disk *disks = calloc(g->nr + 1, sizeof(*disks));
	struct lio_backstore bs;

	if (!disks)
		abort();
	for (unsigned i = 0; i < g->nr; i++) {
		disks[i].is = &g->disks[i];
		if (cli_find_dir(g->disks[i].dir, &bs))
			cli_device(&bs, disks[i].device);
	}
	prometheus_print(disks, g->nr);
	free(disks);
}

int stats_main(int argc, char **argv)
{
	struct stats_args a = { .json = false };
	struct gathered g;

	cli_parse(&argp, argc, argv, &a);
	gather(&g, argv + a.first, (unsigned)(argc - a.first));
	if (a.prometheus)
		print_prometheus(&g);
	else if (a.json)
		json_print(json_object_get(g.replies));
	for (unsigned i = 0; i < g.nr && !a.json && !a.prometheus; i++) {
		fputs(i ? "\n" : "", stdout);
		print_text(&g.disks[i]);
	}
	json_object_put(g.replies);
	free(g.disks);
	return g.status;
}
