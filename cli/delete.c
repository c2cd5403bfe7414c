// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop delete: disks and all that is in them. */
#include <errno.h>
#include <unistd.h>

#include "progress.h"
#include "target.h"

struct delete_args {
	int first; /* of the disks */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct delete_args *a = state->input;

	(void)arg;
	return cli_key_disks(key, state, &a->first);
}

static const struct argp argp = {
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "DISK...",
	.doc = "Delete each DISK, its data and its directory, without asking.  "
	       "Refused is one that is attached or in use, a directory that "
	       "is not surely a disk, and one that has other "
	       "files." CLI_DISK_DOC,
};

static int delete (const char *word)
{
	struct lio_backstore bs;
	char dir[PATH_MAX];
	struct zl_err err;
	int ret = cli_disk_dir(word, dir, &err);

	if (!ret && cli_find_dir(dir, &bs))
		ret = zl_fail(&err, EBUSY,
			      "%s is attached as %s; zloop remove %s first",
			      dir, bs.name, bs.name);
	if (!ret) {
		progress_start("deleting");
		ret = disk_delete(dir, DISK_MOMENT_MS, progress_step, NULL,
				  &err);
		progress_end();
	}
	if (ret) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	/* A mount point stays, and so does its lost+found. */
	rmdir(dir);
	return CLI_OK;
}

int delete_main(int argc, char **argv)
{
	struct delete_args a = { .first = 0 };
	int status = CLI_OK;

	cli_parse(&argp, argc, argv, &a);
	for (int i = a.first; i < argc; i++)
		if (delete (argv[i]))
			status = CLI_FAILED;
	return status;
}
