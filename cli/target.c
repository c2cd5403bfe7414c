// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Disks that are attached: who uses them, and taking them away. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "target.h"

/* Long enough for a disk of a million zones on a busy machine. */
#define STEP_WAIT_MS 60000

static struct lio lio = { .ops = &lio_kernel_ops, .wait_ms = STEP_WAIT_MS };

const struct lio *cli_lio(void)
{
	lio.root = getenv("ZLOOP_SYSTEM_ROOT");
	if (!lio.root)
		lio.root = "";
	return &lio;
}

int cli_need_root(void)
{
	if (!geteuid() || *cli_lio()->root)
		return 0;
	cli_error("only root may attach and detach disks, or see that happen");
	return -EPERM;
}

static bool take_device(void *user, const struct lio_export *ex)
{
	char *device = user;

	return lio_export_device(cli_lio(), ex, device) != 0;
}

const char *cli_device(const struct lio_backstore *bs,
		       char device[LIO_DEVICE_MAX])
{
	*device = 0;
	lio_each_export(cli_lio(), bs, take_device, device);
	return device;
}

void cli_wait_for_others(unsigned nr)
{
	lio.wait_ms *= nr;
}

void cli_set_timeout(const char *arg, struct argp_state *state)
{
	uint64_t seconds;

	if (parse_u64(arg, strlen(arg), &seconds) || !seconds ||
	    seconds > 86400)
		argp_error(state,
			   "--timeout %s is not a number from 1 to 86400", arg);
	lio.wait_ms = (unsigned)seconds * 1000;
}

void cli_end_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(CLI_FAILED);
}

error_t cli_parse_detach(int key, char *arg, struct argp_state *state)
{
	struct cli_detach *a = state->input;

	switch (key) {
	case 'a':
		a->all = true;
		return 0;
	case 'f':
		a->force = true;
		return 0;
	case 's':
		a->save = true;
		return 0;
	case 't':
		cli_set_timeout(arg, state);
		return 0;
	default:
		return cli_key_disks_or_all(key, state, &a->first, &a->all);
	}
}

int cli_finish(bool save, int status, const char *what)
{
	struct zl_err err;

	if (status || (!save && (!*what || !isatty(STDERR_FILENO))))
		return status;
	if (!save) {
		cli_note("%s until the next boot; --save is for longer", what);
		return status;
	}
	if (!lio_save(cli_lio(), &err))
		return status;
	cli_error("%s", err.msg);
	return CLI_FAILED;
}

int cli_finish_detach(const struct cli_detach *a, int nr, int status)
{
	if (a->save && status && (a->all || nr > 1))
		cli_note("nothing is saved, as not all of them were done; "
			 "targetcli saveconfig saves what there is now");
	return cli_finish(a->save, status, "");
}

/*
 * Who uses it.
 */

struct users {
	char *who;
	size_t size;
	const char *fabric; /* NULL: all */
	bool found;
};

static bool visit_user(void *user, const struct lio_export *ex)
{
	struct users *u = user;
	char device[LIO_DEVICE_MAX];
	unsigned sessions;

	if (u->fabric && strcmp(u->fabric, ex->fabric))
		return true;
	sessions = lio_export_sessions(cli_lio(), ex);
	if (sessions) {
		snprintf(u->who, u->size,
			 "%u iSCSI initiator%s logged in to %.200s", sessions,
			 sessions == 1 ? " is" : "s are", ex->wwn);
		u->found = true;
	} else if (!lio_export_device(cli_lio(), ex, device)) {
		u->found =
			lio_device_in_use(cli_lio(), device, u->who, u->size);
	}
	return !u->found;
}

/* How long what was seen is good for, at least. */
#define SEEN_MS 1000

void cli_see(struct cli_seen *seen)
{
	uint64_t start = clock_ms(), end;

	seen->luns = lio_luns_read(cli_lio());
	seen->opens = NULL;
	end = clock_ms();
	seen->until_ms = end + max_u64(SEEN_MS, 4 * (end - start));
}

void cli_see_again(struct cli_seen *seen)
{
	if (clock_ms() < seen->until_ms)
		return;
	cli_seen_free(seen);
	cli_see(seen);
}

void cli_seen_free(struct cli_seen *seen)
{
	lio_luns_free(seen->luns);
	lio_opens_free(seen->opens);
}

int cli_refuse_in_use(const struct cli_seen *seen,
		      const struct lio_backstore *bs, const char *fabric)
{
	char who[512], device[LIO_DEVICE_MAX];
	struct users u = { who, sizeof(who), fabric, false };

	lio_luns_each(seen->luns, bs, visit_user, &u);
	if (!u.found)
		return 0;
	cli_device(bs, device);
	cli_error("%s%s%s%s is in use: %s; end that first, or use --force",
		  bs->name, *device ? " (/dev/" : "", device,
		  *device ? ")" : "", who);
	return -EBUSY;
}

/* Open is no use that keeps others out. */
struct openers {
	const struct lio_opens *opens;
	const struct lio_backstore *bs;
};

static bool note_open(void *user, const struct lio_export *ex)
{
	const struct openers *o = user;
	char device[LIO_DEVICE_MAX], who[128];

	if (!lio_export_device(cli_lio(), ex, device) &&
	    lio_device_is_open(o->opens, device, who, sizeof(who)))
		cli_note("%s: %s has /dev/%s open, and is left with errors",
			 o->bs->name, who, device);
	return true;
}

/*
 * Removing.  Those that are removed are not gone through at the same time.
 */

struct exports {
	const struct lio_backstore *bs;
	const char *fabric;
	struct lio_export all[64];
	unsigned nr;
};

static bool collect(void *user, const struct lio_export *ex)
{
	struct exports *e = user;

	if ((!e->fabric || !strcmp(e->fabric, ex->fabric)) &&
	    lio_export_is_of(cli_lio(), ex, e->bs))
		e->all[e->nr++] = *ex;
	return e->nr < ZL_ARRAY_SIZE(e->all);
}

int cli_remove_exports(const struct cli_seen *seen,
		       const struct lio_backstore *bs, const char *fabric)
{
	struct exports e = { .bs = bs, .fabric = fabric };
	struct zl_err err;

	lio_luns_each(seen->luns, bs, collect, &e);
	for (unsigned i = 0; i < e.nr; i++)
		if (lio_export_remove(cli_lio(), &e.all[i], &err)) {
			cli_error("%s", err.msg);
			return -EIO;
		}
	return (int)e.nr;
}

int cli_detach_disk(struct cli_seen *seen, const struct lio_backstore *bs)
{
	struct openers o = { .bs = bs };
	struct zl_err err;

	if (!seen->opens)
		seen->opens = lio_opens_read(cli_lio());
	o.opens = seen->opens;
	lio_luns_each(seen->luns, bs, note_open, &o);
	if (cli_remove_exports(seen, bs, NULL) < 0)
		return -EIO;
	if (!lio_backstore_remove(cli_lio(), bs, &err))
		return 0;
	cli_error("%s", err.msg);
	return -EIO;
}
