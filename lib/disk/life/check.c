// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Checking a directory without changing anything. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/life/check.h"
#include "disk/life/load.h"
#include "disk/life/make.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "disk/medium/problems.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "disk/snapshot.h"

struct check {
	struct store *store;
	const char *name;
	struct disk *d;
	struct disk_open_args look;
	struct zl_err *err;
};

static int no_disk(struct check *c)
{
	static const struct disk_open_args none;
	struct survey sv;
	int ret = survey_dir(c->store, c->name, &sv, c->err);

	if (ret)
		return ret;
	if (sv.end)
		return adopt_missing(c->store, c->name, &sv, &none, c->err);
	return zl_fail(c->err, ENOENT, "no disk is in %s", c->name);
}

static int extra_file(void *user, const char *name)
{
	struct check *c = user;
	uint32_t slot;
	bool conv;

	if (!survey_zone_name(name, &conv, &slot))
		return 0;
	if (slot >= c->d->zones.nr_slots)
		disk_add_problem(c->d, UINT32_MAX,
				 "%s is beyond the last zone, %u", name,
				 c->d->zones.nr_slots - 1);
	else if (conv == zone_slot_has_wp(&c->d->zones, slot))
		disk_add_problem(c->d, UINT32_MAX,
				 "%s does not belong to the disk: zone %u is "
				 "%s",
				 name, slot,
				 conv ? "sequential" : "conventional");
	return 0;
}

static void check_journal(struct check *c)
{
	void *data;
	size_t len;

	if (store_meta_read(c->store, DISK_JOURNAL, &data, &len) == -ENOENT)
		disk_add_problem(c->d, UINT32_MAX, DISK_JOURNAL " is missing");
	else
		free(data);
}

static int check_all(struct check *c)
{
	struct journal_state journal;
	int ret;

	c->d->look_only = true;
	ret = disk_load_zones(c->d, &c->look, &journal, c->err);
	if (ret)
		return ret;
	check_journal(c);
	ret = store_list(c->store, extra_file, c);
	if (ret)
		return zl_fail(c->err, -ret, "%s cannot be listed: %s", c->name,
			       limit_strerror(-ret));
	return 0;
}

static int check(struct store *st, const char *name, disk_problem_fn *fn,
		 disk_progress_fn *progress, void *user, struct zl_err *err)
{
	struct check c = { .store = st,
			   .name = name,
			   .look = { .look_only = true,
				     .progress = progress,
				     .progress_user = user },
			   .err = err };
	enum sidecar_state state;
	struct disk_meta meta;
	int ret = sidecar_read(st, name, &meta, &state, err);

	if (ret == -ENOENT)
		return no_disk(&c);
	if (ret)
		return ret;
	if (state == SIDECAR_CREATING) {
		make_is_half(name, err);
		fn(user, UINT32_MAX, err->msg);
		return 1;
	}
	ret = disk_alloc(st, name, &meta, &c.d, err);
	if (ret)
		return ret;
	ret = check_all(&c);
	if (!ret) {
		disk_each_problem(c.d, fn, user);
		ret = (int)min_u64(c.d->problems.nr, INT_MAX);
	}
	pthread_mutex_destroy(&c.d->journal.lock);
	disk_free(c.d);
	return ret;
}

int check_store(struct store *st, const char *name, disk_problem_fn *fn,
		void *user, struct zl_err *err)
{
	return check(st, name, fn, NULL, user, err);
}

int disk_check(const char *dir, disk_problem_fn *fn, disk_progress_fn *progress,
	       void *user, struct zl_err *err)
{
	struct store *st;
	int ret = disk_settle(dir, DISK_MOMENT_MS, err);

	if (!ret)
		ret = store_file_open(dir, &st, err);
	if (ret)
		return ret;
	ret = check(st, dir, fn, progress, user, err);
	store_close(st);
	return ret;
}
