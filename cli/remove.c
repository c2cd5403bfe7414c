// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop remove: detach a disk, whose files stay. */
#include <errno.h>

#include "target.h"

struct remove_args {
	const char *disk;
	bool force;
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "Even if the disk is in use", 0 },
	CLI_TIMEOUT_OPTION,
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct remove_args *a = state->input;

	return cli_key_disk(key, arg, state, &a->disk, &a->force);
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DISK",
	.doc = "Remove a disk from this machine: its LUNs and targets, and "
	       "its backstore.  The files stay." CLI_DISK_DOC,
};

/* The kernel flushes a disk that goes, and who shall do that must be there. */
static int need_daemon(bool force)
{
	struct zl_err err;

	if (!lio_ready(cli_lio(), false, &err))
		return 0;
	if (force)
		cli_note("%s; without it this can take minutes", err.msg);
	else
		cli_error("%s; --force removes the disk without it", err.msg);
	return force ? 0 : -ENODEV;
}

int remove_main(int argc, char **argv)
{
	struct remove_args a = { .disk = NULL };
	struct lio_backstore bs;
	struct zl_err err;

	cli_parse(&argp, argc, argv, &a);
	if (cli_need_root() || cli_need(a.disk, &bs) || need_daemon(a.force))
		return CLI_FAILED;
	if (!a.force && cli_refuse_in_use(&bs, NULL))
		return CLI_FAILED;
	if (cli_remove_exports(&bs, NULL) < 0)
		return CLI_FAILED;
	if (lio_backstore_remove(cli_lio(), &bs, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	return CLI_OK;
}
