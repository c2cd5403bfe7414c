// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop create: a disk in a directory of its own. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "cli.h"
#include "like.h"
#include "progress.h"

struct create_args {
	const char *words[2];
	const char *options; /* NULL: all defaults */
	const char *dir;
	const char *like; /* NULL: like nothing */
	bool with_state, json;
};

static const struct argp_option options[] = {
	{ "like", 'l', "FILE|DEVICE|NAME", 0,
	  "Make it like a drive: FILE is a report of its zones by blkzone, "
	  "sg_rep_zones, zbc_report_zones or zloop zones --json (- for "
	  "standard "
	  "input), DEVICE a zoned block device, NAME one of zloop help drives",
	  0 },
	{ "with-state", 'w', NULL, 0,
	  "Take conditions and write pointers from it, too; what is written is "
	  "zeros",
	  0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static void sort_words(struct create_args *a, struct argp_state *state,
		       unsigned nr)
{
	const char *last;

	if (!nr) {
		argp_error(state, "there is no directory");
		return;
	}
	last = a->words[nr - 1];
	if (nr == 2 && !strchr(a->words[0], '=') && strchr(last, '=') &&
	    !strchr(last, '/'))
		argp_error(state,
			   "options come before the directory: zloop create "
			   "%s %s",
			   last, a->words[0]);
	cli_question_dir(last, state);
	/* One word that is more likely the options alone. */
	if (nr == 1 && strchr(last, '=') && !strchr(last, '/'))
		argp_error(state,
			   "there is no directory behind the options %s; write "
			   "./%s if that is one",
			   last, last);
	a->options = nr == 2 ? a->words[0] : NULL;
	a->dir = last;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct create_args *a = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num >= 2)
			argp_error(state, "'%s' is one word too many", arg);
		else
			a->words[state->arg_num] = arg;
		return 0;
	case 'l':
		a->like = arg;
		return 0;
	case 'w':
		a->with_state = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_END:
		sort_words(a, state, state->arg_num);
		if (a->with_state && !a->like)
			argp_error(state, "--with-state needs --like");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "[OPTION[=VALUE][,OPTION[=VALUE]...]] DIRECTORY",
	.doc = "Make a disk in DIRECTORY, which must be empty, or missing in a "
	       "directory that is there.  The options are those of the "
	       "kernel's zloop and more, for example "
	       "capacity_mb=2048,zone_size_mb=64,conv_zones=8.\v"
	       "See zloop-handler(8) for all options and their defaults.",
};

/* What a disk's files have nothing of is taken, with a note. */
static void note_ignored(const struct disk_opts *opts)
{
	for (enum disk_opt_id id = 0; id < OPT_NR; id++)
		if (disk_opt_given(opts, id) && !disk_opt_table[id].geometry)
			cli_note("%s changes nothing about the disk that is "
				 "made",
				 disk_opt_table[id].name);
}

static int new_disk_opts(struct disk_opts *opts, struct zl_err *err)
{
	uint64_t asked = opts->num[OPT_CAPACITY_MB];

	disk_opts_round_capacity(opts);
	/* Before a directory is made for it. */
	if (disk_opts_check_new(opts, err))
		return -EINVAL;
	if (opts->num[OPT_CAPACITY_MB] != asked)
		cli_note("capacity_mb=%" PRIu64 " is rounded down to %" PRIu64
			 ", whole zones of %" PRIu64 " MiB",
			 asked, opts->num[OPT_CAPACITY_MB],
			 opts->num[OPT_ZONE_SIZE_MB]);
	return 0;
}

int cli_disk_opts(const char *dir, struct disk_opts *opts, struct zl_err *err)
{
	struct disk_meta ignored;

	if (!disk_is_half_made(dir, &ignored))
		return new_disk_opts(opts, err);
	if (disk_opt_given(opts, OPT_CAPACITY_MB))
		disk_opts_round_capacity(opts);
	return 0;
}

static int parse_options(const char *text, struct disk_opts *opts)
{
	struct zl_err err;

	if (disk_opts_parse(opts, text, strlen(text), ',', false, &err)) {
		cli_error("%s", err.msg);
		return -EINVAL;
	}
	for (enum disk_opt_id id = OPT_ID; id <= OPT_BASE_DIR; id++) {
		if (!disk_opt_given(opts, id))
			continue;
		cli_error("%s says where the disk is, as DIRECTORY does; "
			  "leave it out",
			  disk_opt_table[id].name);
		return -EINVAL;
	}
	return 0;
}

/* What there is to make, before a directory is made for it. */
static int find_geometry(struct create_args *a, struct disk_opts *opts,
			 struct like *like, uint64_t *size_bytes)
{
	struct zl_err err;
	int ret;

	if (a->like) {
		ret = like_open(like, a->like, opts, &err);
		if (!ret)
			ret = like_fit(like, a->with_state, opts, size_bytes,
				       &err);
	} else {
		ret = cli_disk_opts(a->dir, opts, &err);
	}
	if (ret)
		cli_error("%s", err.msg);
	return ret;
}

static bool is_disk(const char *dir)
{
	struct disk *disk;

	if (cli_look(dir, &disk, NULL))
		return false;
	cli_error("%s is a disk already, with serial number %s; nothing was "
		  "changed",
		  dir, disk_meta(disk)->serial);
	disk_close(disk);
	return true;
}

int cli_make_dir(const char *dir)
{
	int ret = mkdir(dir, 0700) ? -errno : 1;

	if (ret == 1)
		return 1;
	if (ret == -EEXIST)
		return 0;
	if (ret == -ENOENT)
		cli_error("%s cannot be made, since the directory above it "
			  "does not exist; make that first, or mount what "
			  "belongs there",
			  dir);
	else
		cli_error("%s cannot be made: %s", dir, strerror(-ret));
	return ret;
}

/* What was made is looked at once more. */
static void step(void *user, uint32_t done, uint32_t total)
{
	static uint32_t last;

	if (done < last)
		progress_start("opening");
	last = done;
	progress_step(user, done, total);
}

/* @like: whose conditions and write pointers it gets, or NULL. */
static int make_disk(const char *dir, const struct disk_opts *opts,
		     uint64_t size_bytes, struct like *like)
{
	struct disk_open_args args = {
		.opts = opts,
		.size_bytes = size_bytes,
		.may_make = true,
		.lock_wait_ms = DISK_MOMENT_MS,
		.written = like ? like_written : NULL,
		.written_user = like,
		.progress = step,
	};
	struct disk *disk;
	struct zl_err err;
	int ret;

	progress_start("making");
	ret = disk_open(dir, &args, &disk, &err);
	progress_end();
	if (ret) {
		cli_error("%s", err.msg);
		return ret;
	}
	if (like)
		ret = like_apply_faults(like, disk, &err);
	if (ret)
		cli_error("%s", err.msg);
	disk_close(disk);
	return ret;
}

int cli_make_disk(const char *dir, const struct disk_opts *opts)
{
	return make_disk(dir, opts, 0, NULL);
}

/* It may be for zloop itself only. */
static void note_not_attachable(const char *dir)
{
	char config[PATH_MAX + 2] = "@";
	struct disk_opts ignored;
	const char *cfg_dir;
	struct zl_err err;

	if (realpath(dir, config + 1) &&
	    disk_cfg_parse(config, &ignored, &cfg_dir, &err))
		cli_note("the disk can be looked at, but not attached as long "
			 "as it is there: %s",
			 err.msg);
}

static int print_made(const char *dir)
{
	struct json_object *o;
	struct disk *disk;
	struct zl_err err;

	if (cli_look(dir, &disk, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	o = json_object_new_object();
	json_add_str(o, "directory", dir);
	json_add_str(o, "serial", disk_meta(disk)->serial);
	json_print(o);
	disk_close(disk);
	return CLI_OK;
}

static int create(struct create_args *a, struct disk_opts *opts,
		  struct like *like)
{
	uint64_t size_bytes = 0;
	int made;

	if (find_geometry(a, opts, like, &size_bytes))
		return a->like ? CLI_FAILED : CLI_USAGE;
	note_ignored(opts);
	made = cli_make_dir(a->dir);
	if (made < 0)
		return CLI_FAILED;
	zl_log_set(cli_log);
	if (!make_disk(a->dir, opts, size_bytes, a->with_state ? like : NULL)) {
		note_not_attachable(a->dir);
		return a->json ? print_made(a->dir) : CLI_OK;
	}
	/* Only if nothing is in it: what is half made can be completed. */
	if (made)
		rmdir(a->dir);
	return CLI_FAILED;
}

int create_main(int argc, char **argv)
{
	struct create_args a = { .dir = NULL };
	struct like like = { .zones = NULL };
	struct disk_opts opts;
	int status;

	cli_parse(&argp, argc, argv, &a);
	if (parse_options(a.options ? a.options : "", &opts))
		return CLI_USAGE;
	if (is_disk(a.dir))
		return CLI_FAILED;
	status = create(&a, &opts, &like);
	like_close(&like);
	return status;
}
