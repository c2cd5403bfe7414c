// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop remove: detach a disk, whose files stay. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "target.h"

#define AT_ONCE 8 /* disks that are removed */

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

static int remove_disk(struct cli_seen *seen, const struct lio_backstore *bs,
		       bool force)
{
	cli_see_again(seen);
	if (!force && cli_refuse_in_use(seen, bs, NULL))
		return CLI_FAILED;
	cli_end_delays(lio_backstore_dir(bs));
	return cli_detach_disk(seen, bs) ? CLI_FAILED : CLI_OK;
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

struct removal {
	struct cli_seen seen;
	struct found found;
	bool force;
};

/* Every so manieth, from the first on. */
static int remove_part(struct removal *r, unsigned first, unsigned step)
{
	int status = CLI_OK;

	for (unsigned i = first; i < r->found.nr; i += step)
		if (remove_disk(&r->seen, &r->found.all[i], r->force))
			status = CLI_FAILED;
	return status;
}

/* tcmu-runner closes one disk after the other, so that each step may have to
 * wait for the others'.  Who is killed has done no more than its step. */
static pid_t start_part(struct removal *r, unsigned first, unsigned step)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	cli_end_with(parent);
	cli_wait_for_others(step);
	_exit(remove_part(r, first, step));
}

static int end_of_part(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return CLI_FAILED;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	cli_error("a process that removes disks was killed by signal %d; "
		  "zloop list shows what is left",
		  WTERMSIG(status));
	return CLI_FAILED;
}

/* Most of the time that a disk takes is spent waiting for the kernel, which can
 * wait for several at once. */
static int remove_found(struct removal *r)
{
	unsigned nr = (unsigned)min_u64(r->found.nr, AT_ONCE);
	int status = CLI_OK;
	pid_t pid[AT_ONCE];

	for (unsigned i = 0; i < nr; i++)
		pid[i] = nr > 1 ? start_part(r, i, nr) : -1;
	for (unsigned i = 0; i < nr; i++)
		if (pid[i] < 0 ? remove_part(r, i, nr) : end_of_part(pid[i]))
			status = CLI_FAILED;
	return status;
}

static int remove_all(bool force)
{
	struct removal r = { .force = force };
	int status;

	lio_each_backstore(cli_lio(), collect, &r.found);
	cli_see(&r.seen);
	status = remove_found(&r);
	cli_seen_free(&r.seen);
	free(r.found.all);
	return status;
}

static int remove_named(char **words, int nr, bool force)
{
	struct lio_backstore bs;
	struct cli_seen seen;
	int status = CLI_OK;

	cli_see(&seen);
	for (int i = 0; i < nr; i++)
		if (cli_need(words[i], &bs) || need_daemon(force) ||
		    remove_disk(&seen, &bs, force))
			status = CLI_FAILED;
	cli_seen_free(&seen);
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
	return cli_finish_detach(&a, argc - a.first, status);
}
