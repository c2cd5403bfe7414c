// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop remove: detach a disk, whose files stay. */
#include <errno.h>
#include <stdlib.h>

#include "target.h"

static const struct argp_option options[] = {
	CLI_DETACH_OPTIONS("Even if the disk is in use"),
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = cli_parse_detach,
	.args_doc = "DISK...\n--all",
	.doc = "Remove disks from this machine: their LUNs and targets, and "
	       "their backstores.  The files stay." CLI_DISK_DOC,
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

static int remove_disk(const struct lio_backstore *bs, bool force)
{
	if (!force && cli_refuse_in_use(bs, NULL))
		return CLI_FAILED;
	return cli_detach_disk(bs) ? CLI_FAILED : CLI_OK;
}

/* Those that are removed are not gone through at the same time. */
struct found {
	struct lio_backstore *all;
	unsigned nr;
};

static bool collect(void *user, const struct lio_backstore *bs)
{
	struct found *f = user;
	struct lio_backstore *more =
		realloc(f->all, (f->nr + 1) * sizeof(*f->all));

	if (!more)
		abort();
	f->all = more;
	f->all[f->nr++] = *bs;
	return true;
}

static int remove_all(bool force)
{
	struct found f = { .all = NULL };
	int status = CLI_OK;

	lio_each_backstore(cli_lio(), collect, &f);
	for (unsigned i = 0; i < f.nr; i++)
		if (remove_disk(&f.all[i], force))
			status = CLI_FAILED;
	free(f.all);
	return status;
}

static int remove_named(char **words, int nr, bool force)
{
	struct lio_backstore bs;
	int status = CLI_OK;

	for (int i = 0; i < nr; i++)
		if (cli_need(words[i], &bs) || need_daemon(force) ||
		    remove_disk(&bs, force))
			status = CLI_FAILED;
	return status;
}

int remove_main(int argc, char **argv)
{
	struct cli_detach a = { .force = false };
	int status;

	cli_parse(&argp, argc, argv, &a);
	if (cli_need_root() || (a.all && need_daemon(a.force)))
		return CLI_FAILED;
	if (a.all)
		status = remove_all(a.force);
	else
		status = remove_named(argv + a.first, argc - a.first, a.force);
	return cli_finish(a.save, status, "");
}
