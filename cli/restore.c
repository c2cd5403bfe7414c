// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop restore: a disk becomes what one of its snapshots is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "copies.h"
#include "progress.h"
#include "target.h"

struct restore_args {
	const char *words[2]; /* the disk, the snapshot */
	bool reattach, json;
};

static const struct argp_option options[] = {
	{ "reattach", 'a', NULL, 0,
	  "Remove a disk that is attached, which nobody may use, and add it "
	  "again as it was, so that Linux reads the write pointers anew; print "
	  "its block device",
	  0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	CLI_TIMEOUT_OPTION,
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct restore_args *a = state->input;

	switch (key) {
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
		return copies_key_words(key, arg, state, a->words, 2, 2,
					"a DISK and the NAME of a snapshot");
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "DISK NAME",
	.doc = "Make DISK, which must not be attached unless --reattach is "
	       "given, what it was when the snapshot NAME was made.  The "
	       "snapshot stays.  What is interrupted is completed, or undone, "
	       "when the disk is looked at next." CLI_DISK_DOC,
};

static int restore(const struct restore_args *a, const char *dir)
{
	struct zl_err err;
	int ret;

	progress_start("restoring");
	ret = snapshot_restore(dir, a->words[1], progress_step, NULL, &err);
	progress_end();
	if (ret)
		cli_error("%s", err.msg);
	return ret;
}

/* @device: its path, or NULL: it is not attached. */
static void print(const struct restore_args *a, const char *dir,
		  const char *device)
{
	struct json_object *o;

	if (!a->json) {
		if (device)
			printf("%s\n", device);
		return;
	}
	o = json_object_new_object();
	json_add_str(o, "directory", dir);
	json_add_str(o, "name", a->words[1]);
	json_object_object_add(o, "device",
			       device ? json_object_new_string(device) : NULL);
	json_print(o);
}

/*
 * Of a disk that is attached.
 */

static bool find_other(void *user, const struct lio_export *ex)
{
	bool *other = user;

	*other |= strcmp(ex->fabric, "loopback") != 0;
	return true;
}

/* What is attached otherwise than by zloop add is not made anew by it. */
static int refuse_others(const struct lio_backstore *bs)
{
	char device[LIO_DEVICE_MAX];
	bool other = false;

	lio_each_export(cli_lio(), bs, find_other, &other);
	if (other)
		cli_error("%s is exported to other machines, which --reattach "
			  "does not do again; zloop unexport it first",
			  bs->name);
	else if (!*cli_device(bs, device))
		cli_error("%s has no block device on this machine that could "
			  "be attached again; zloop remove it, and leave "
			  "--reattach out",
			  bs->name);
	else
		return 0;
	return -EBUSY;
}

/* All that can be known before the disk is gone. */
static int check(const struct restore_args *a, const struct cli_seen *seen,
		 const struct lio_backstore *bs)
{
	struct zl_err err;

	if (cli_need_root() || refuse_others(bs) ||
	    cli_refuse_in_use(seen, bs, NULL))
		return -EBUSY;
	if (!snapshot_find(lio_backstore_dir(bs), a->words[1], &err) &&
	    !lio_ready(cli_lio(), false, &err))
		return 0;
	cli_error("%s", err.msg);
	return -EINVAL;
}

/* A disk that could not be restored is what it was, and is attached again. */
static int reattach(const struct restore_args *a,
		    const struct lio_backstore *bs)
{
	char device[LIO_DEVICE_MAX], path[LIO_DEVICE_MAX + 8];
	struct cli_seen seen;
	int ret;

	cli_see(&seen);
	ret = check(a, &seen, bs);
	if (!ret) {
		cli_end_delays(lio_backstore_dir(bs));
		ret = cli_detach_disk(&seen, bs);
	}
	cli_seen_free(&seen);
	if (ret)
		return CLI_FAILED;
	ret = restore(a, lio_backstore_dir(bs));
	if (cli_attach_again(bs, device)) {
		cli_note("%s is not attached any more; zloop add it",
			 lio_backstore_dir(bs));
		return CLI_FAILED;
	}
	snprintf(path, sizeof(path), "/dev/%s", device);
	if (!ret || !a->json)
		print(a, lio_backstore_dir(bs), path);
	return ret ? CLI_FAILED : CLI_OK;
}

int restore_main(int argc, char **argv)
{
	struct restore_args a = { .reattach = false };
	struct lio_backstore bs;
	char dir[PATH_MAX];
	struct zl_err err;

	cli_parse(&argp, argc, argv, &a);
	if (cli_disk_dir(a.words[0], dir, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	if (!cli_find_dir(dir, &bs)) {
		if (restore(&a, dir))
			return CLI_FAILED;
		print(&a, dir, NULL);
		return CLI_OK;
	}
	if (a.reattach)
		return reattach(&a, &bs);
	cli_error("%s is attached as %s: what has it mounted or open must let "
		  "go of it; then zloop restore --reattach, or zloop remove "
		  "%s, restore it, and zloop add %s, so that Linux reads the "
		  "write pointers anew",
		  dir, bs.name, bs.name, dir);
	return CLI_FAILED;
}
