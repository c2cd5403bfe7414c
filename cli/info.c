// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop info: what a disk is, how full, and what is wrong with it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "disk/snapshot.h"
#include "running.h"
#include "target.h"

struct info {
	const char *dir;
	char *path; /* absolute, for a cfgstring */
	struct disk *disk;
	const struct disk_meta *meta;
	uint64_t nr_cond[CONTROL_NR_CONDS]; /* gap zones not counted */
	uint64_t nr_seq, nr_gap;
	uint64_t nr_active[ZONE_MAX_DOMAINS]; /* realms */
	uint64_t used_bytes;
	bool in_use;
	char who[128];
	struct disk_stats stats;
	struct control_info now; /* where it is open */
	struct control_record record;
	struct json_object *faults; /* an array */
};

struct info_args {
	bool json, all;
	int first; /* of the disks */
};

static const struct argp_option options[] = {
	CLI_ALL_OPTION,
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct info_args *a = state->input;

	(void)arg;
	switch (key) {
	case 'a':
		a->all = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	default:
		return cli_key_disks_or_all(key, state, &a->first, &a->all);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DISK...\n--all",
	.doc = "Say what each DISK is: its serial number, size and zones, the "
	       "size= that targetcli wants, the zones' "
	       "conditions, the space they use, who has it open, and what is "
	       "wrong with it.  Changes nothing." CLI_DISK_DOC,
};

static bool count_zone(void *user, const struct zone_info *z)
{
	struct info *in = user;

	if (z->type == ZT_GAP) {
		in->nr_gap++;
		return true;
	}
	in->nr_cond[z->cond]++;
	in->nr_seq += z->type != ZT_CONVENTIONAL;
	return true;
}

/* Fails with the sentence in @err. */
static int gather(struct info *in, const char *word, char dir[PATH_MAX],
		  struct zl_err *err)
{
	int ret = cli_disk_dir(word, dir, err);

	*in = (struct info){ .dir = dir };
	if (!ret)
		ret = cli_look(dir, &in->disk, err);
	if (ret)
		return ret;
	in->path = realpath(dir, NULL);
	in->meta = disk_meta(in->disk);
	if (cli_each_zone(in->disk, 0, count_zone, in) ||
	    cli_count_realms(in->disk, in->nr_active)) {
		disk_close(in->disk);
		free(in->path);
		return zl_fail(err, EIO,
			       "%s: the process that has the disk "
			       "open does not answer",
			       dir);
	}
	disk_get_stats(in->disk, &in->stats);
	if (!control_info(cli_serial(in->disk), &in->now, NULL, NULL))
		in->stats = in->now.stats;
	if (control_record_status(cli_serial(in->disk), &in->record, NULL))
		in->record.file[0] = 0;
	in->used_bytes = disk_space_used(dir, in->disk);
	in->faults = cli_faults(in->disk);
	in->in_use = disk_in_use(dir, in->disk, 0, in->who, sizeof(in->who));
	return 0;
}

static void release(struct info *in)
{
	json_object_put(in->faults);
	disk_close(in->disk);
	free(in->path);
}

/*
 * Text.
 */

#define LABEL "  %-16s"

static void print_size(const char *label, uint64_t bytes)
{
	char size[CLI_SIZE_MAX];

	if (bytes < 1024)
		printf(LABEL "%" PRIu64 " bytes\n", label, bytes);
	else
		printf(LABEL "%" PRIu64 " bytes (%s)\n", label, bytes,
		       cli_size(bytes, size));
}

static const char *model_name(const struct disk_meta *m)
{
	if (m->realms.nr_domains)
		return "realms";
	return m->host_aware ? "host-aware" : "host-managed";
}

static void print_domain(const struct info *in, unsigned i)
{
	struct zone_domain_info d;
	char label[24];

	disk_domain(in->disk, i, &d);
	snprintf(label, sizeof(label), "domain %u", i);
	printf(LABEL "%" PRIu32 " zones, %s, %" PRIu64 " of %" PRIu32
		     " realms active\n",
	       label, d.zones, zone_type_name(d.type), in->nr_active[i],
	       disk_geo(in->disk)->domains.d[i].nr_realms);
}

static void print_types(const struct info *in)
{
	const struct disk_meta *m = in->meta;

	for (unsigned i = 0; i < m->realms.nr_domains; i++)
		print_domain(in, i);
	if (m->realms.nr_domains)
		return;
	printf(LABEL "%" PRIu32 " conventional, %" PRIu64
		     " sequential write %s\n",
	       "zones", m->conv_zones, in->nr_seq,
	       m->host_aware ? "preferred" : "required");
}

static void print_zones(const struct info *in)
{
	const struct disk_meta *m = in->meta;
	uint64_t rest = m->capacity_bytes % m->zone_bytes;

	print_types(in);
	print_size("zone size", m->zone_bytes);
	if (m->zone_cap_bytes != m->zone_bytes)
		print_size("zone capacity", m->zone_cap_bytes);
	if (rest)
		print_size("last zone", rest);
	if (m->max_open)
		printf(LABEL "%" PRIu32 "\n",
		       m->host_aware ? "optimal open" : "max open zones",
		       m->max_open);
	else
		printf(LABEL "no limit\n", "max open zones");
}

static void print_conditions(const struct info *in)
{
	const char *comma = "";
	char cond[CLI_WORD_MAX];

	printf(LABEL, "conditions");
	for (unsigned c = 0; c < CONTROL_NR_CONDS; c++) {
		if (!in->nr_cond[c])
			continue;
		printf("%s%" PRIu64 " %s", comma, in->nr_cond[c],
		       cli_word(zone_cond_name((enum zone_cond)c), cond));
		comma = ", ";
	}
	putchar('\n');
}

static void print_problem(void *user, uint32_t slot, const char *what)
{
	(void)user;
	if (slot == UINT32_MAX)
		printf(LABEL "%s\n", "problem", what);
	else
		printf(LABEL "zone %" PRIu32 ": %s\n", "problem", slot, what);
}

static void print_faults(const struct info *in)
{
	size_t n = json_object_array_length(in->faults);
	char text[CLI_FAULT_MAX];

	for (size_t i = 0; i < n; i++)
		printf(LABEL "%s\n", "injected",
		       cli_fault_text(in->disk,
				      json_object_array_get_idx(in->faults, i),
				      text));
}

static bool print_snapshot(void *user, const struct snapshot *snap)
{
	(void)user;
	printf(LABEL "%s\n", "snapshot", snap->name);
	return true;
}

static void print_record(const struct info *in)
{
	const struct control_record *r = &in->record;

	if (r->file[0])
		printf(LABEL "%s%s%s\n", "record", r->file,
		       r->on ? "" : "; ended: ", r->on ? "" : r->why);
}

static void print_holder(const struct info *in)
{
	char text[DISK_HOLDER_TEXT_MAX];
	struct disk_holder h;

	if (disk_read_holder(in->dir, &h, NULL) || !*disk_holder_text(&h, text))
		return;
	printf(LABEL "%s%s%s\n", h.clean ? "last opened by" : "opened by", text,
	       *h.options ? ", with " : "", h.options);
	if (cli_is_copy(in->dir, &h))
		printf(LABEL "%s\n", "",
		       "which had another directory: this is a copy of it");
}

static void print_text(const struct info *in)
{
	const struct disk_meta *m = in->meta;
	char cfg[PATH_MAX + 64];

	printf("%s\n", in->dir);
	printf(LABEL "%s\n", "serial", m->serial);
	printf(LABEL "%s\n", "model", model_name(m));
	print_size("size", m->capacity_bytes);
	printf(LABEL "%" PRIu32 " bytes logical, %" PRIu32 " physical\n",
	       "blocks", m->block_bytes, m->phys_block_bytes);
	print_zones(in);
	printf(LABEL "%s\n", "reads",
	       disk_urswrz(in->disk) ? "unrestricted (URSWRZ=1)"
				     : "up to the write pointer (URSWRZ=0)");
	if (m->realms.nr_domains && !m->device_type)
		printf(LABEL "for the first domain (device type 00h)\n",
		       "READ CAPACITY");
	else if (m->rc_conv)
		printf(LABEL "for the conventional zones (RC_BASIS=0)\n",
		       "READ CAPACITY");
	print_conditions(in);
	print_size("space used", in->used_bytes);
	printf(LABEL "%" PRIu64 ", %" PRIu64 " after an unclean stop\n",
	       "openings", in->stats.n[DC_OPENS],
	       in->stats.n[DC_UNCLEAN_OPENS]);
	if (in->stats.n[DC_RETRIES_ABSORBED])
		printf(LABEL "%" PRIu64 "\n", "writes repeated",
		       in->stats.n[DC_RETRIES_ABSORBED]);
	if (in->stats.n[DC_FAULTS_INJECTED])
		printf(LABEL "%" PRIu64 "\n", "faults injected",
		       in->stats.n[DC_FAULTS_INJECTED]);
	printf(LABEL "%s\n", "made by",
	       m->adopted ? "the kernel's zloop" : "user:zloop");
	if (in->now.job[0])
		printf(LABEL "%s, %u %% done\n", "busy with", in->now.job,
		       in->now.job_percent);
	printf(LABEL "%s%s\n", "in use", in->in_use ? "by " : "no", in->who);
	print_holder(in);
	if (*in->now.fenced)
		printf(LABEL "%s\n", "fenced", in->now.fenced);
	print_record(in);
	snapshot_each(in->dir, print_snapshot, NULL, NULL);
	print_faults(in);
	disk_each_problem(in->disk, print_problem, NULL);
	disk_cfg_reopen(cfg, sizeof(cfg), NULL, in->path ? in->path : in->dir);
	printf(LABEL "/backstores/user:zloop create name=NAME size=%" PRIu64
		     " cfgstring=%s\n",
	       "targetcli", m->capacity_bytes, cfg);
}

/*
 * JSON.
 */

static struct json_object *conditions_json(const struct info *in)
{
	struct json_object *o = json_object_new_object();
	char cond[CLI_WORD_MAX];

	for (unsigned c = 0; c < CONTROL_NR_CONDS; c++)
		if (in->nr_cond[c])
			json_add_u64(o,
				     cli_word(zone_cond_name((enum zone_cond)c),
					      cond),
				     in->nr_cond[c]);
	return o;
}

static void add_problem(void *user, uint32_t slot, const char *what)
{
	json_add_problem(user, slot, what);
}

static struct json_object *job_json(const struct info *in)
{
	struct json_object *o;

	if (!in->now.job[0])
		return NULL;
	o = json_object_new_object();
	json_add_str(o, "name", in->now.job);
	json_add_u64(o, "percent", in->now.job_percent);
	return o;
}

static struct json_object *record_json(const struct info *in)
{
	const struct control_record *r = &in->record;
	struct json_object *o;

	if (!r->file[0])
		return NULL;
	o = json_object_new_object();
	json_add_str(o, "file", r->file);
	json_add_bool(o, "on", r->on);
	json_add_str(o, "why", r->why);
	return o;
}

static bool add_snapshot(void *user, const struct snapshot *snap)
{
	json_object_array_add(user, json_text(snap->name));
	return true;
}

/* The sidecar's names for what the sidecar has. */
static void add_geometry(const struct info *in, struct json_object *o)
{
	const struct disk_meta *m = in->meta;

	json_add_str(o, "serial", m->serial);
	json_add_str(o, "model", model_name(m));
	json_add_u64(o, "capacity_bytes", m->capacity_bytes);
	json_add_u64(o, "zone_size_bytes", m->zone_bytes);
	json_add_u64(o, "zone_capacity_bytes", m->zone_cap_bytes);
	json_add_u64(o, "conv_zones", m->conv_zones);
	json_add_u64(o, "seq_zones", in->nr_seq);
	json_add_u64(o, "gap_zones", in->nr_gap);
	json_add_u64(o, "max_open_zones", m->max_open);
	json_add_u64(o, "block_size", m->block_bytes);
	json_add_u64(o, "physical_block_size", m->phys_block_bytes);
	json_add_bool(o, "urswrz", disk_urswrz(in->disk));
	if (m->realms.nr_domains)
		json_object_object_add(
			o, "domains",
			cli_domains_json(in->disk, in->nr_active));
	json_add_u64(o, "rc_basis", !m->rc_conv);
	json_add_bool(o, "adopted", m->adopted);
}

static void add_state(const struct info *in, struct json_object *o)
{
	struct json_object *problems = json_object_new_array();
	struct json_object *snapshots = json_object_new_array();

	json_object_object_add(o, "conditions", conditions_json(in));
	json_add_u64(o, "space_used_bytes", in->used_bytes);
	for (unsigned c = 0; c < DC_NR; c++)
		json_add_u64(o, disk_counter_table[c].key, in->stats.n[c]);
	json_add_bool(o, "in_use", in->in_use);
	json_object_object_add(o, "in_use_by",
			       in->in_use ? json_text(in->who) : NULL);
	json_object_object_add(o, "holder", cli_holder_json(in->dir));
	json_object_object_add(o, "fenced",
			       *in->now.fenced ? json_text(in->now.fenced)
					       : NULL);
	json_object_object_add(o, "job", job_json(in));
	json_object_object_add(o, "record", record_json(in));
	snapshot_each(in->dir, add_snapshot, snapshots, NULL);
	json_object_object_add(o, "snapshots", snapshots);
	disk_each_problem(in->disk, add_problem, problems);
	json_object_object_add(o, "problems", problems);
	json_object_object_add(o, "faults", json_object_get(in->faults));
}

/* One disk: as text, or as an element of @array.  @nr counts the texts. */
static int info(const char *word, struct json_object *array, unsigned *nr)
{
	struct json_object *o = NULL;
	char dir[PATH_MAX];
	struct info in;
	struct zl_err err;
	int ret = gather(&in, word, dir, &err);

	if (ret)
		cli_error("%s", err.msg);
	if (array) {
		o = json_object_new_object();
		json_object_array_add(array, o);
		json_add_str(o, "directory", ret ? word : dir);
	}
	if (ret) {
		if (o)
			json_add_str(o, "error", err.msg);
		return CLI_FAILED;
	}
	if (o) {
		add_geometry(&in, o);
		add_state(&in, o);
	} else {
		fputs((*nr)++ ? "\n" : "", stdout);
		print_text(&in);
	}
	release(&in);
	return CLI_OK;
}

int info_main(int argc, char **argv)
{
	struct info_args a = { .json = false };
	struct json_object *array = NULL;
	int status = CLI_OK;
	unsigned nr = 0;

	cli_parse(&argp, argc, argv, &a);
	argv += a.first;
	argc -= a.first;
	if (a.all)
		argc = cli_attached_dirs(&argv);
	if (a.json)
		array = json_object_new_array();
	for (int i = 0; i < argc; i++)
		if (info(argv[i], array, &nr))
			status = CLI_FAILED;
	if (array)
		json_print(array);
	if (a.all)
		cli_free_dirs(argv, argc);
	return status;
}
