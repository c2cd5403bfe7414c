// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* LUNs of targets, FABRIC/WWN/tpgt_N/lun/lun_N: all fabrics have them alike. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "lio/internal.h"

void lio_tpg_path(const struct lio *lio, const struct lio_export *ex,
		  char *path)
{
	lio_path(lio, path, LIO_TARGET "/%s/%s/%s", ex->fabric, ex->wwn,
		 ex->tpg);
}

int lio_need_target(const struct lio *lio, const struct lio_export *ex,
		    char *path)
{
	int ret;

	lio_path(lio, path, LIO_TARGET "/%s", ex->fabric);
	ret = lio_need_dir(lio, path);
	if (ret)
		return ret;
	lio_path(lio, path, LIO_TARGET "/%s/%s", ex->fabric, ex->wwn);
	return lio_need_dir(lio, path);
}

/*
 * Looking.
 */

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

/* Whether @path is a link to something that ends with @end; configfs's links
 * are relative. */
static bool links_to(const char *path, const char *end)
{
	char to[PATH_MAX];
	ssize_t len = readlink(path, to, sizeof(to) - 1);

	if (len < 0)
		return false;
	to[len] = 0;
	return ends_with(to, end);
}

struct lun {
	struct lio_export ex;
	char to[LIO_NAME_MAX + 64]; /* how the link to the backstore ends */
};

struct lio_luns {
	const struct lio *lio;
	struct lun *all;
	size_t nr, room;
};

static bool take_path(const struct lio *lio, const char *path,
		      struct lio_export *ex)
{
	char root[PATH_MAX];

	lio_path(lio, root, LIO_TARGET "/");
	return sscanf(path + strlen(root),
		      "%15[^/]/%255[^/]/%15[^/]/lun/lun_%u", ex->fabric,
		      ex->wwn, ex->tpg, &ex->lun) == 4;
}

/* The place of one more; NULL: there is no memory. */
static struct lun *new_lun(struct lio_luns *l)
{
	struct lun *all = lio_one_more(l->all, l->nr, &l->room, sizeof(*all));

	if (!all)
		return NULL;
	l->all = all;
	return &all[l->nr];
}

/* The last @size - 1 bytes of what the first link in the directory says. */
static bool read_link_in(const char *dir, char *to, size_t size)
{
	char path[PATH_MAX];
	struct dirent *entry;
	ssize_t len = -1;
	DIR *d = opendir(dir);
	size_t n;

	if (!d)
		return false;
	while (len < 0 && (entry = readdir(d)))
		if (entry->d_type == DT_LNK)
			len = readlinkat(dirfd(d), entry->d_name, path,
					 sizeof(path) - 1);
	closedir(d);
	if (len < 0)
		return false;
	n = min_u64((uint64_t)len, size - 1);
	memcpy(to, path + (size_t)len - n, n);
	to[n] = 0;
	return true;
}

static bool visit_lun(void *user, const char *path)
{
	struct lio_luns *l = user;
	struct lun *lun = new_lun(l);

	if (lun && take_path(l->lio, path, &lun->ex) &&
	    read_link_in(path, lun->to, sizeof(lun->to)))
		l->nr++;
	return lun != NULL;
}

/* Backstores are no targets, and there are as many as disks. */
static bool visit_fabric(void *user, const char *path)
{
	struct lio_luns *l = user;

	if (strcmp(lio_last(path), "core"))
		lio_each_path(l->lio, visit_lun, l,
			      LIO_TARGET "/%s/*/tpgt_*/lun/lun_*",
			      lio_last(path));
	return true;
}

struct lio_luns *lio_luns_read(const struct lio *lio)
{
	struct lio_luns *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->lio = lio;
	lio_each_path(lio, visit_fabric, l, LIO_TARGET "/*");
	return l;
}

void lio_luns_free(struct lio_luns *luns)
{
	if (luns)
		free(luns->all);
	free(luns);
}

/* How a link to the backstore ends. */
static void link_end(const struct lio_backstore *bs,
		     char end[LIO_NAME_MAX + 64])
{
	snprintf(end, LIO_NAME_MAX + 64, "/core/%s/%s", bs->hba, bs->name);
}

bool lio_export_is_of(const struct lio *lio, const struct lio_export *ex,
		      const struct lio_backstore *bs)
{
	char tpg[PATH_MAX], path[PATH_MAX];
	char to[LIO_NAME_MAX + 64], end[LIO_NAME_MAX + 64];

	link_end(bs, end);
	lio_tpg_path(lio, ex, tpg);
	return !lio_print(path, sizeof(path), "%s/lun/lun_%u", tpg, ex->lun) &&
	       read_link_in(path, to, sizeof(to)) && ends_with(to, end);
}

void lio_luns_each(const struct lio_luns *luns, const struct lio_backstore *bs,
		   bool (*fn)(void *user, const struct lio_export *ex),
		   void *user)
{
	char end[LIO_NAME_MAX + 64];
	bool more = true;

	link_end(bs, end);
	for (size_t i = 0; luns && more && i < luns->nr; i++)
		if (ends_with(luns->all[i].to, end))
			more = fn(user, &luns->all[i].ex);
}

void lio_each_export(const struct lio *lio, const struct lio_backstore *bs,
		     bool (*fn)(void *user, const struct lio_export *ex),
		     void *user)
{
	struct lio_luns *luns = lio_luns_read(lio);

	lio_luns_each(luns, bs, fn, user);
	lio_luns_free(luns);
}

/*
 * Making.
 */

int lio_lun_make(const struct lio *lio, const struct lio_export *ex,
		 const struct lio_backstore *bs)
{
	char tpg[PATH_MAX], path[PATH_MAX], link[PATH_MAX], to[PATH_MAX];
	int ret;

	lio_tpg_path(lio, ex, tpg);
	ret = lio_print(path, sizeof(path), "%s/lun/lun_%u", tpg, ex->lun);
	if (!ret)
		ret = lio_print(link, sizeof(link), "%s/%s", path, bs->name);
	if (!ret)
		ret = lio_make_dir(lio, path);
	if (ret)
		return ret;
	lio_backstore_path(lio, bs, to);
	ret = lio_make_link(lio, to, link);
	if (ret)
		lio_remove_dir(lio, path);
	return ret;
}

/*
 * Removing.
 */

struct removal {
	const struct lio *lio;
	const char *end; /* only links to what ends so; NULL: all */
	int ret;	 /* of the first that could not be removed */
};

static bool note_result(struct removal *r, int ret)
{
	if (ret && ret != -ENOENT && !r->ret)
		r->ret = ret;
	/* What hangs once does so again. */
	return ret != -ETIMEDOUT;
}

static bool remove_one_dir(void *user, const char *path)
{
	struct removal *r = user;

	return note_result(r, lio_remove_dir(r->lio, path));
}

/* A link and the directory of the LUN that it is in. */
static bool remove_one_lun(void *user, const char *path)
{
	struct removal *r = user;
	char dir[PATH_MAX];
	int ret;

	if (!links_to(path, r->end ? r->end : ""))
		return true;
	ret = lio_remove_link(r->lio, path);
	snprintf(dir, sizeof(dir), "%.*s", (int)(lio_last(path) - path - 1),
		 path);
	if (!ret || ret == -ENOENT)
		ret = lio_remove_dir(r->lio, dir);
	return note_result(r, ret);
}

/* First as initiators see it, then as the target has it. */
static int remove_luns(const struct lio *lio, const struct lio_export *ex,
		       bool all)
{
	struct removal r = { .lio = lio };
	char end[32];

	snprintf(end, sizeof(end), "/lun/lun_%u", ex->lun);
	r.end = all ? NULL : end;
	lio_each_path(lio, remove_one_lun, &r,
		      LIO_TARGET "/%s/%s/%s/acls/*/lun_*/*", ex->fabric,
		      ex->wwn, ex->tpg);
	r.end = NULL;
	if (all)
		lio_each_path(lio, remove_one_lun, &r,
			      LIO_TARGET "/%s/%s/%s/lun/lun_*/*", ex->fabric,
			      ex->wwn, ex->tpg);
	else
		lio_each_path(lio, remove_one_lun, &r,
			      LIO_TARGET "/%s/%s/%s/lun/lun_%u/*", ex->fabric,
			      ex->wwn, ex->tpg, ex->lun);
	return r.ret;
}

static bool count_one(void *user, const char *path)
{
	(void)path;
	++*(unsigned *)user;
	return true;
}

unsigned lio_count_luns(const struct lio *lio, const struct lio_export *ex)
{
	unsigned nr = 0;

	lio_each_path(lio, count_one, &nr, LIO_TARGET "/%s/%s/%s/lun/lun_*",
		      ex->fabric, ex->wwn, ex->tpg);
	return nr;
}

/* Ends the sessions of a target that goes altogether. */
static void disable(const struct lio *lio, const struct lio_export *ex)
{
	char path[PATH_MAX];

	lio_tpg_path(lio, ex, path);
	if (!strcmp(ex->fabric, "iscsi"))
		lio_set(lio, path, "enable", "0");
}

/* The rest of a target without LUNs. */
static int remove_target(const struct lio *lio, const struct lio_export *ex)
{
	/* A LUN without its link is half made. */
	static const char *const parts[] = { "acls/*/lun_*", "lun/lun_*",
					     "acls/*", "np/*" };
	struct removal r = { .lio = lio };
	char path[PATH_MAX];

	for (size_t i = 0; i < ZL_ARRAY_SIZE(parts); i++)
		lio_each_path(lio, remove_one_dir, &r,
			      LIO_TARGET "/%s/%s/%s/%s", ex->fabric, ex->wwn,
			      ex->tpg, parts[i]);
	lio_tpg_path(lio, ex, path);
	note_result(&r, lio_remove_dir(lio, path));
	lio_path(lio, path, LIO_TARGET "/%s/%s", ex->fabric, ex->wwn);
	/* Its other portal groups are no matter of ours. */
	lio_remove_dir(lio, path);
	return r.ret;
}

void lio_target_undo(const struct lio *lio, const struct lio_export *ex)
{
	disable(lio, ex);
	remove_luns(lio, ex, true);
	remove_target(lio, ex);
}

int lio_export_remove(const struct lio *lio, const struct lio_export *ex,
		      struct zl_err *err)
{
	char trouble[128];
	int ret;

	if (lio_count_luns(lio, ex) == 1)
		disable(lio, ex);
	ret = remove_luns(lio, ex, false);
	if (!ret && !lio_count_luns(lio, ex))
		ret = remove_target(lio, ex);
	if (!ret)
		return 0;
	lio_daemon_trouble(lio, trouble);
	return zl_fail(err, -ret,
		       "LUN %u of the %s target %s cannot be removed: %s",
		       ex->lun, ex->fabric, ex->wwn,
		       *trouble ? trouble : strerror(-ret));
}
