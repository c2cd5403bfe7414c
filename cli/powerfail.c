// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop powerfail: what a running disk has not flushed is taken back. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/num.h"
#include "control/ask.h"
#include "progress.h"
#include "target.h"

struct powerfail_args {
	bool random, reattach, json, all;
	uint64_t seed;
	int first;		 /* of the disks */
	bool several;		 /* say which one */
	struct json_object *out; /* an array */
};

static const struct argp_option options[] = {
	{ "all", 'A', NULL, 0, "All disks that zloop list shows as attached",
	  0 },
	{ "random", 'r', NULL, 0,
	  "Take back a random part, as a real failure may, and say its seed",
	  0 },
	{ "seed", 's', "N", 0, "The same part for the same changes and N", 0 },
	{ "reattach", 'a', NULL, 0,
	  "Remove the block device and add it again, whoever uses it, so that "
	  "Linux reads the write pointers anew; print it",
	  0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	CLI_TIMEOUT_OPTION,
	{ 0 },
};

static void take_seed(struct powerfail_args *a, const char *arg,
		      struct argp_state *state)
{
	if (parse_u64(arg, strlen(arg), &a->seed) || a->seed > INT64_MAX)
		argp_error(state, "--seed %s is not a number", arg);
	a->random = true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct powerfail_args *a = state->input;

	switch (key) {
	case 'r':
		a->random = true;
		return 0;
	case 's':
		take_seed(a, arg, state);
		return 0;
	case 'A':
		a->all = true;
		return 0;
	case 'a':
		a->reattach = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 't':
		cli_set_timeout(arg, state);
		return 0;
	default:
		return cli_key_disks_or_all(key, state, &a->first, &a->all);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "DISK...\n--all",
	.doc = "Take back all that was not flushed on each DISK, which must "
	       "have been attached with discard_write_cache.  Linux goes on to "
	       "believe in the write pointers that it knew: --reattach "
	       "brings it in step." CLI_DISK_DOC,
};

/* Short enough to be typed. */
static int choose_seed(struct powerfail_args *a)
{
	uint32_t seed;

	if (!a->random || a->seed != UINT64_MAX)
		return 0;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		cli_error("no random numbers for a seed");
		return -EIO;
	}
	a->seed = seed;
	return 0;
}

/*
 * The block device.
 */

struct local {
	struct lio_backstore bs;
	struct lio_export ex;
	char device[LIO_DEVICE_MAX];
	bool found;
};

static bool take_local(void *user, const struct lio_export *ex)
{
	struct local *l = user;

	l->found = !lio_export_device(cli_lio(), ex, l->device);
	l->ex = *ex;
	return !l->found;
}

static void find_local(const char *dir, struct local *l)
{
	l->found = false;
	if (cli_find_dir(dir, &l->bs))
		lio_each_export(cli_lio(), &l->bs, take_local, l);
}

static int check_reattach(const struct powerfail_args *a, const struct local *l)
{
	if (!a->reattach)
		return 0;
	if (cli_need_root())
		return -EPERM;
	if (l->found)
		return 0;
	cli_error("the disk has no block device on this machine that could be "
		  "attached again; leave --reattach out");
	return -ENODEV;
}

static int reattach(struct local *l)
{
	struct zl_err err;

	if (!lio_renew_disk(cli_lio(), &l->bs, &l->ex, l->device, &err))
		return 0;
	cli_error("%s", err.msg);
	return -EIO;
}

/*
 * What is said.
 */

static void say(const struct powerfail_args *a, const char *dir, uint64_t zones,
		const struct local *l)
{
	char seed[48] = "all that was not flushed";
	const char *whose = a->several ? dir : "", *colon = *whose ? ": " : "";

	if (a->random)
		snprintf(seed, sizeof(seed), "what --seed %" PRIu64 " chooses",
			 a->seed);
	if (zones)
		cli_note("%s%s%" PRIu64 " zone%s lost %s", whose, colon, zones,
			 zones == 1 ? "" : "s", seed);
	else
		cli_note("%s%snothing is lost: nothing was to be flushed",
			 whose, colon);
	if (zones && l->found && !a->reattach)
		cli_note("Linux still believes in its own write pointers for "
			 "/dev/%s; with --reattach, or after zloop remove and "
			 "add, it reads them anew",
			 l->device);
}

static void print(const struct powerfail_args *a, const char *dir,
		  uint64_t zones, const struct local *l)
{
	struct json_object *o;
	char path[LIO_DEVICE_MAX + 8];

	snprintf(path, sizeof(path), "/dev/%s", l->device);
	if (!a->json) {
		if (a->reattach)
			puts(path);
		return;
	}
	o = json_object_new_object();
	json_add_str(o, "directory", dir);
	json_add_u64(o, "zones", zones);
	json_object_object_add(
		o, "seed", a->random ? json_object_new_uint64(a->seed) : NULL);
	json_object_object_add(o, "device", l->found ? json_text(path) : NULL);
	json_object_array_add(a->out, o);
}

static int ask(const struct cli_glance *disk, const struct powerfail_args *a,
	       uint64_t *zones)
{
	struct zl_err err;
	int ret;

	progress_start("taking back");
	ret = control_powerfail(disk->open ? disk->serial : NULL,
				a->random ? a->seed : UINT64_MAX, zones,
				progress_step, NULL, &err);
	/* Before the sentence. */
	progress_end();
	if (ret && ret != -ENOENT && a->several)
		cli_error("%s: %s", disk->dir, err.msg);
	else if (ret)
		cli_said(ret, &err);
	return ret ? CLI_FAILED : CLI_OK;
}

static int powerfail(const struct cli_glance *disk, struct powerfail_args *a)
{
	struct local local = { .found = false };
	uint64_t zones = 0;
	int status;

	find_local(disk->dir, &local);
	if (check_reattach(a, &local))
		return CLI_FAILED;
	status = ask(disk, a, &zones);
	if (status)
		return status;
	if (!progress_is_quiet())
		say(a, disk->dir, zones, &local);
	if (a->reattach && reattach(&local))
		return CLI_FAILED;
	print(a, disk->dir, zones, &local);
	return CLI_OK;
}

static int powerfail_word(const char *word, struct powerfail_args *a)
{
	struct cli_glance disk;
	struct zl_err err;

	if (!cli_glance(word, &disk, &err))
		return powerfail(&disk, a);
	cli_error("%s", err.msg);
	return CLI_FAILED;
}

/* An object where one disk was named, else an array. */
static void print_json(struct powerfail_args *a)
{
	struct json_object *one = json_object_array_get_idx(a->out, 0);

	if (!a->json || (!a->several && !one))
		return;
	json_print(json_object_get(a->several ? a->out : one));
}

int powerfail_main(int argc, char **argv)
{
	struct powerfail_args a = { .seed = UINT64_MAX };
	int status = CLI_OK;

	cli_parse(&argp, argc, argv, &a);
	if (choose_seed(&a))
		return CLI_FAILED;
	argc -= a.first;
	argv += a.first;
	a.several = a.all || argc > 1;
	a.out = json_object_new_array();
	if (a.all)
		argc = cli_attached_dirs(&argv);
	for (int i = 0; i < argc; i++)
		if (powerfail_word(argv[i], &a))
			status = CLI_FAILED;
	print_json(&a);
	json_object_put(a.out);
	if (a.all)
		cli_free_dirs(argv, argc);
	return status;
}
