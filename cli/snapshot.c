// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop snapshot, snapshots and clone: a disk as it is, kept or copied. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "copies.h"
#include "progress.h"

struct snapshot_args {
	const char *words[2];
	const char *snapshot;
	bool json, delete;
};

static void print_one(const struct snapshot_args *a, struct json_object *o,
		      const char *text)
{
	if (a->json)
		json_print(o);
	else
		json_object_put(o);
	if (!a->json && text)
		puts(text);
}

/*
 * zloop snapshot DISK [NAME]
 */

static const struct argp_option snapshot_options[] = {
	{ "delete", 'd', NULL, 0, "Delete the snapshot NAME", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse_snapshot(int key, char *arg, struct argp_state *state)
{
	struct snapshot_args *a = state->input;

	switch (key) {
	case 'd':
		a->delete = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_SUCCESS:
		if (a->delete &&!a->words[1])
			argp_error(state, "--delete needs the snapshot's name");
		return 0;
	default:
		return copies_key_words(key, arg, state, a->words, 1, 2,
					"a DISK");
	}
}

static const struct argp snapshot_argp = {
	.options = snapshot_options,
	.parser = parse_snapshot,
	.children = cli_progress_options,
	.args_doc = "DISK [NAME]",
	.doc = "Keep DISK as it is now as the snapshot NAME, or one that is "
	       "named after the time, and print that.  A running disk's "
	       "commands wait for a moment.  Where the file system has "
	       "reflinks nothing is copied." CLI_DISK_DOC,
};

static int failed(const struct zl_err *err)
{
	cli_error("%s", err->msg);
	return CLI_FAILED;
}

/* @text: what is printed where it is not JSON, or NULL. */
static int print_snapshot(const struct snapshot_args *a, const char *dir,
			  const char *name, const char *text)
{
	char path[PATH_MAX];
	struct json_object *o;
	struct zl_err err;

	if (snapshot_path(dir, name, path, &err))
		return failed(&err);
	o = json_object_new_object();
	json_add_str(o, "directory", dir);
	json_add_str(o, "name", name);
	json_add_str(o, "path", path);
	json_add_bool(o, "deleted", a->delete);
	print_one(a, o, text);
	return CLI_OK;
}

static int take(const struct snapshot_args *a, struct disk *disk)
{
	char name[SNAPSHOT_NAME_MAX + 1];
	struct zl_err err;
	int ret = 0;

	copies_name(disk_name(disk), "", name);
	if (a->words[1]) {
		ret = snapshot_check_name(a->words[1], &err);
		snprintf(name, sizeof(name), "%.*s", SNAPSHOT_NAME_MAX,
			 a->words[1]);
	}
	if (!ret)
		ret = copies_take(disk, name, NULL, &err);
	return ret ? failed(&err)
		   : print_snapshot(a, disk_name(disk), name, name);
}

static int drop(const struct snapshot_args *a, const char *dir)
{
	struct zl_err err;

	if (snapshot_delete(dir, a->words[1], &err))
		return failed(&err);
	return print_snapshot(a, dir, a->words[1], NULL);
}

int snapshot_main(int argc, char **argv)
{
	struct snapshot_args a = { .json = false };
	char dir[PATH_MAX];
	struct disk *disk;
	struct zl_err err;
	int status;

	cli_parse(&snapshot_argp, argc, argv, &a);
	if (cli_look_word(a.words[0], dir, &disk, &err))
		return failed(&err);
	status = a.delete ? drop(&a, dir) : take(&a, disk);
	disk_close(disk);
	return status;
}

/*
 * zloop snapshots DISK
 */

static const struct argp_option snapshots_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse_snapshots(int key, char *arg, struct argp_state *state)
{
	struct snapshot_args *a = state->input;

	if (key == 'j') {
		a->json = true;
		return 0;
	}
	return copies_key_words(key, arg, state, a->words, 1, 1, "a DISK");
}

static const struct argp snapshots_argp = {
	.options = snapshots_options,
	.parser = parse_snapshots,
	.args_doc = "DISK",
	.doc = "List the snapshots of DISK." CLI_DISK_DOC,
};

struct listing {
	struct json_object *array; /* NULL: text */
	const char *dir;
};

static void time_text(int64_t ns, char text[32])
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
}

static bool list_one(void *user, const struct snapshot *snap)
{
	struct listing *l = user;
	char text[32], path[PATH_MAX];
	struct json_object *o;

	time_text(snap->made_ns, text);
	if (!l->array) {
		printf("%-32s  %s\n", snap->name, text);
		return true;
	}
	o = json_object_new_object();
	json_add_str(o, "name", snap->name);
	json_add_str(o, "made", text);
	if (!snapshot_path(l->dir, snap->name, path, NULL))
		json_add_str(o, "path", path);
	json_object_array_add(l->array, o);
	return true;
}

int snapshots_main(int argc, char **argv)
{
	struct snapshot_args a = { .json = false };
	struct listing l = { .array = NULL };
	char dir[PATH_MAX];
	struct zl_err err;
	int ret;

	cli_parse(&snapshots_argp, argc, argv, &a);
	if (cli_disk_dir(a.words[0], dir, &err))
		return failed(&err);
	l.dir = dir;
	if (a.json)
		l.array = json_object_new_array();
	ret = snapshot_each(dir, list_one, &l, &err);
	if (l.array && !ret)
		json_print(l.array);
	else
		json_object_put(l.array);
	return ret ? failed(&err) : CLI_OK;
}

/*
 * zloop clone DISK DIRECTORY
 */

static const struct argp_option clone_options[] = {
	{ "snapshot", 's', "NAME", 0, "Copy that snapshot of DISK", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse_clone(int key, char *arg, struct argp_state *state)
{
	struct snapshot_args *a = state->input;

	switch (key) {
	case 's':
		a->snapshot = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	default:
		return copies_key_words(key, arg, state, a->words, 2, 2,
					"a DISK and a DIRECTORY");
	}
}

static const struct argp clone_argp = {
	.options = clone_options,
	.parser = parse_clone,
	.children = cli_progress_options,
	.args_doc = "DISK DIRECTORY",
	.doc = "Make a copy of DISK, with a serial number of its own, in "
	       "DIRECTORY, which is made if it is missing, and print the "
	       "serial number." CLI_DISK_DOC,
};

/* By a snapshot, as its commands go on meanwhile. */
static int clone_running(struct disk *disk, const char *to,
			 struct disk_meta *meta, struct zl_err *err)
{
	char name[SNAPSHOT_NAME_MAX + 1];
	struct zl_err ignored;
	int ret;

	copies_name(disk_name(disk), "clone-", name);
	ret = copies_take(disk, name, NULL, err);
	if (ret)
		return ret;
	progress_start("copying");
	ret = disk_clone(disk_name(disk), name, to, progress_step, NULL, meta,
			 err);
	progress_end();
	if (snapshot_delete(disk_name(disk), name, ret ? &ignored : err))
		return ret ? ret : -EIO;
	return ret;
}

static int copy_disk(const struct snapshot_args *a, struct disk *disk,
		     struct disk_meta *meta, struct zl_err *err)
{
	int ret;

	if (!a->snapshot && cli_serial(disk))
		return clone_running(disk, a->words[1], meta, err);
	progress_start("copying");
	ret = disk_clone(disk_name(disk), a->snapshot, a->words[1],
			 progress_step, NULL, meta, err);
	progress_end();
	return ret;
}

int clone_main(int argc, char **argv)
{
	struct snapshot_args a = { .json = false };
	struct json_object *o;
	struct disk_meta meta;
	char dir[PATH_MAX];
	struct disk *disk;
	struct zl_err err;
	int ret;

	cli_parse(&clone_argp, argc, argv, &a);
	if (cli_look_word(a.words[0], dir, &disk, &err))
		return failed(&err);
	ret = copy_disk(&a, disk, &meta, &err);
	disk_close(disk);
	if (ret)
		return failed(&err);
	o = json_object_new_object();
	json_add_str(o, "directory", a.words[1]);
	json_add_str(o, "serial", meta.serial);
	print_one(&a, o, meta.serial);
	return CLI_OK;
}
