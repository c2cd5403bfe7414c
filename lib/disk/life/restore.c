// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A disk becomes what a snapshot of it is.  Copies of the snapshot's files are
 * made beside the disk's, in zloop.restore.tmp; when they are complete and
 * durable that is renamed to zloop.restore, and from then on there is no way
 * back: each takes the place of the disk's file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/log.h"
#include "disk/internal.h"
#include "disk/life/copies.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "store/copy.h"
#include "zone/realm.h"

/* What the disk has and the snapshot has not must go as well. */
static int add_no_faults(const char *path, struct zl_err *err)
{
	struct store *st;
	size_t len;
	void *data;
	int ret = store_file_open(path, &st, err);

	if (ret)
		return ret;
	ret = store_meta_read(st, DISK_FAULTS, &data, &len);
	if (!ret)
		free(data);
	else if (ret == -ENOENT)
		ret = store_meta_append(st, DISK_FAULTS, "[]\n", 3, false);
	store_close(st);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_FAULTS " cannot be written: %s", path,
			       limit_strerror(-ret));
	return 0;
}

/*
 * Zones that are INACTIVE in the snapshot have no files there.  Those that the
 * disk has of them are replaced by empty ones, which an opening removes if
 * nobody else does.
 */

struct inactive {
	const struct disk_meta *meta;
	struct zone_geo geo;
	uint8_t *active; /* by realm; ZONE_NO_DOMAIN: nothing is said */
};

static void take_active(void *user, enum journal_type type, uint32_t slot,
			uint64_t value)
{
	struct inactive *in = user;

	if (type == JR_ACTIVATE)
		in->active[slot] = (uint8_t)value;
}

static bool is_inactive(const struct inactive *in, uint32_t slot)
{
	uint32_t realm = zone_realm_of(&in->geo, slot);

	return realm != ZONE_NO_REALM && in->active[realm] != ZONE_NO_DOMAIN &&
	       in->active[realm] != zone_domain_of(&in->geo, slot);
}

static int add_empty(const struct inactive *in, struct store *disk,
		     struct store *tmp)
{
	uint32_t nr = (uint32_t)meta_slots(in->meta);
	struct store_stat stat;
	int ret = 0;

	for (uint32_t i = 0; i < nr && !ret; i++) {
		if (!is_inactive(in, i))
			continue;
		ret = store_stat(disk, i, &stat);
		if (!ret && stat.kind != STORE_KIND_MISSING)
			ret = store_make(tmp, i, 0);
		/* A leftover is in the snapshot, too. */
		if (ret == -EEXIST)
			ret = 0;
	}
	return ret;
}

static int find_inactive(struct inactive *in, struct store *disk,
			 const char *path, struct zl_err *err)
{
	uint32_t nr = in->geo.domains.nr_realms;
	struct journal_state state;
	struct store *tmp;
	int ret;

	in->active = malloc(nr + 1);
	if (!in->active)
		return zl_fail(err, ENOMEM, "out of memory");
	memset(in->active, ZONE_NO_DOMAIN, nr);
	ret = store_file_open(path, &tmp, err);
	if (ret)
		return ret;
	meta_set_layout(in->meta, tmp);
	ret = journal_load(tmp, path, &in->geo, &state, take_active, in, err);
	if (!ret) {
		ret = add_empty(in, disk, tmp);
		if (ret)
			zl_fail(err, -ret, "%s cannot be filled: %s", path,
				limit_strerror(-ret));
	}
	store_close(tmp);
	return ret;
}

/* What is left here is removed by the next opening. */
static void remove_inactive(const struct inactive *in, struct store *disk)
{
	uint32_t nr = (uint32_t)meta_slots(in->meta);

	for (uint32_t i = 0; in->geo.domains.nr && i < nr; i++)
		if (is_inactive(in, i))
			store_unmake(disk, i);
}

static int copy_back(const char *dir, const char *from, struct store *disk,
		     struct inactive *in, disk_progress_fn *progress,
		     void *user, struct zl_err *err)
{
	char tmp[PATH_MAX], path[PATH_MAX];
	int ret = settle_path(dir, SETTLE_TMP, tmp, err);

	if (!ret)
		ret = settle_path(dir, SETTLE_READY, path, err);
	if (!ret)
		ret = settle_prove(dir, disk, err);
	if (ret)
		return ret;
	if (mkdir(tmp, 0700) < 0)
		return zl_fail(err, errno, "%s cannot be made: %s", tmp,
			       limit_strerror(errno));
	ret = disk_copy_files(from, tmp, progress, user, err);
	if (!ret)
		ret = add_no_faults(tmp, err);
	if (!ret && in->geo.domains.nr)
		ret = find_inactive(in, disk, tmp, err);
	if (!ret)
		ret = store_copy_sync(tmp, err);
	if (!ret)
		ret = settle_prove(dir, disk, err);
	if (!ret)
		ret = store_copy_name(tmp, path, err);
	if (ret && !store_prove(disk))
		store_remove_dir(tmp, NULL);
	return ret ? ret : settle_finish(dir, disk, err);
}

static bool same_realms(const struct disk_realms *a,
			const struct disk_realms *b)
{
	bool same = a->nr_domains == b->nr_domains && a->nr == b->nr &&
		    a->bottom == b->bottom && a->smr == b->smr &&
		    a->top == b->top && a->cmr_zones == b->cmr_zones &&
		    a->smr_zones == b->smr_zones && a->gap == b->gap;

	for (unsigned i = 0; same && i < a->nr_domains; i++)
		same = a->types[i] == b->types[i];
	return same;
}

static int check_same(const char *dir, const char *from,
		      const struct disk_meta *meta, struct zl_err *err)
{
	struct disk_meta was;
	int ret = copies_meta(from, &was, err);

	if (ret)
		return ret;
	if (was.capacity_bytes == meta->capacity_bytes &&
	    was.zone_bytes == meta->zone_bytes &&
	    was.conv_zones == meta->conv_zones &&
	    was.host_aware == meta->host_aware &&
	    same_realms(&was.realms, &meta->realms) &&
	    was.phys_block_bytes == meta->phys_block_bytes)
		return 0;
	return zl_fail(err, EINVAL,
		       "%s is no snapshot of the disk in %s: its geometry is "
		       "another one",
		       from, dir);
}

static int restore_from(const char *dir, const char *from,
			disk_progress_fn *progress, void *user,
			struct zl_err *err)
{
	struct inactive in = { 0 };
	struct disk_meta meta;
	struct store *st;
	int ret = copies_enter(dir, DISK_MOMENT_MS, &meta, &st, err);

	if (ret)
		return ret;
	ret = check_same(dir, from, &meta, err);
	if (!ret) {
		in.meta = &meta;
		meta_geo(&meta, &in.geo);
		ret = copy_back(dir, from, st, &in, progress, user, err);
	}
	if (!ret)
		remove_inactive(&in, st);
	free(in.active);
	store_close(st);
	return ret;
}

int snapshot_restore(const char *dir, const char *name,
		     disk_progress_fn *progress, void *user, struct zl_err *err)
{
	char from[PATH_MAX];
	int held, ret = copies_hold(dir, name, from, &held, err);

	if (ret)
		return ret;
	ret = restore_from(dir, from, progress, user, err);
	close(held);
	return ret;
}
