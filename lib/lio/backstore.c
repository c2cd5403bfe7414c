// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Backstores of the kind "user": core/user_N/NAME, one in each user_N. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/refusal.h"
#include "lio/internal.h"

#define CORE	LIO_TARGET "/core"
#define MAX_HBA 4096

const char *lio_backstore_dir(const struct lio_backstore *bs)
{
	const char *at = strchr(bs->config, '@');

	return at ? at + 1 : "";
}

void lio_backstore_path(const struct lio *lio, const struct lio_backstore *bs,
			char *path)
{
	lio_path(lio, path, CORE "/%s/%s", bs->hba, bs->name);
}

/*
 * "Status: …  Config: zloop/@DIR  Size: N MaxDataAreaMB: …": a value of info,
 * up to the next white space.
 */
static const char *info_value(const char *info, const char *key, char *buf,
			      size_t size)
{
	const char *s = strstr(info, key);

	*buf = 0;
	if (s) {
		s += strlen(key);
		s += strspn(s, " ");
		snprintf(buf, size, "%.*s", (int)strcspn(s, " \t\n"), s);
	}
	return s;
}

static bool read_info(const char *path, struct lio_backstore *bs)
{
	char file[PATH_MAX], info[1024], config[LIO_CONFIG_MAX], size[32];
	const char *rest;

	if (lio_print(file, sizeof(file), "%s/info", path) ||
	    lio_read(file, info, sizeof(info)))
		return false;
	rest = info_value(info, "Config: ", config, sizeof(config));
	if (!rest || strncmp(config, LIO_SUBTYPE, strlen(LIO_SUBTYPE)))
		return false;
	strcpy(bs->config, config + strlen(LIO_SUBTYPE));
	if (info_value(rest, " Size: ", size, sizeof(size)))
		bs->size_bytes = strtoull(size, NULL, 10);
	return true;
}

/* The rest, which takes as many looks again. */
static void read_rest(const struct lio *lio, struct lio_backstore *bs)
{
	static const char mark[] = "T10 VPD Unit Serial Number: ";
	char path[PATH_MAX], file[PATH_MAX], text[512];

	lio_backstore_path(lio, bs, path);
	if (!lio_print(file, sizeof(file), "%s/enable", path) &&
	    !lio_read(file, text, sizeof(text)))
		bs->enabled = *text == '1';
	if (!lio_print(file, sizeof(file), "%s/wwn/vpd_unit_serial", path) &&
	    !lio_read(file, text, sizeof(text)) &&
	    !strncmp(text, mark, strlen(mark)))
		snprintf(bs->unit_serial, sizeof(bs->unit_serial), "%.63s",
			 text + strlen(mark));
}

struct walk {
	const struct lio *lio;
	/* Each whole one, or the first that @is_it wants. */
	bool (*fn)(void *user, const struct lio_backstore *bs);
	bool (*is_it)(void *user, const struct lio_backstore *bs);
	struct lio_backstore *found;
	void *user;
	bool more;
};

/* …/user_N/NAME */
static bool take_path(const char *path, struct lio_backstore *bs)
{
	const char *name = lio_last(path), *hba = name - 1;

	while (hba[-1] != '/')
		hba--;
	return !lio_print(bs->name, sizeof(bs->name), "%s", name) &&
	       !lio_print(bs->hba, sizeof(bs->hba), "%.*s",
			  (int)(name - 1 - hba), hba);
}

/* Attributes of the user_N are beside the backstore. */
static bool is_attribute(const char *name)
{
	return !strcmp(name, "hba_info") || !strcmp(name, "hba_mode");
}

/* Whether there may be more to see. */
static bool visit_one(struct walk *w, struct lio_backstore *bs)
{
	if (w->is_it && !w->is_it(w->user, bs))
		return true;
	read_rest(w->lio, bs);
	if (!w->is_it)
		return w->fn(w->user, bs);
	*w->found = *bs;
	return false;
}

static bool visit_backstore(void *user, const char *path)
{
	struct lio_backstore bs = { .enabled = false };
	struct walk *w = user;

	if (!is_attribute(lio_last(path)) && take_path(path, &bs) &&
	    read_info(path, &bs))
		w->more = visit_one(w, &bs);
	return w->more;
}

/* One in each, but who makes them by hand may have put several there. */
static bool visit_hba(void *user, const char *path)
{
	struct walk *w = user;

	lio_each_entry(path, "", visit_backstore, w);
	return w->more;
}

static void each_hba(const struct lio *lio,
		     bool (*fn)(void *user, const char *path), void *user)
{
	char core[PATH_MAX];

	lio_path(lio, core, CORE);
	lio_each_entry(core, "user_", fn, user);
}

void lio_each_backstore(const struct lio *lio,
			bool (*fn)(void *user, const struct lio_backstore *bs),
			void *user)
{
	struct walk w = { .lio = lio, .fn = fn, .user = user, .more = true };

	each_hba(lio, visit_hba, &w);
}

bool lio_find_backstore(const struct lio *lio,
			bool (*is_it)(void *user,
				      const struct lio_backstore *bs),
			void *user, struct lio_backstore *bs)
{
	struct walk w = { .lio = lio,
			  .is_it = is_it,
			  .found = bs,
			  .user = user,
			  .more = true };

	each_hba(lio, visit_hba, &w);
	return !w.more;
}

/*
 * By name: one look at each user_N.
 */

struct named {
	const struct lio *lio;
	const char *name;
	struct lio_backstore *bs; /* NULL: whoever's it is */
	unsigned nr;
};

static bool visit_named(void *user, const char *hba)
{
	struct lio_backstore bs = { .enabled = false };
	struct named *n = user;
	char path[PATH_MAX];

	if (lio_print(path, sizeof(path), "%s/%s", hba, n->name))
		return true;
	if (!n->bs) {
		n->nr += lio_exists(path);
		return true;
	}
	if (!read_info(path, &bs) || !take_path(path, &bs))
		return true;
	read_rest(n->lio, &bs);
	*n->bs = bs;
	n->nr++;
	return false;
}

bool lio_find_name(const struct lio *lio, const char *name,
		   struct lio_backstore *bs)
{
	struct named n = { lio, name, bs, 0 };

	if (!strchr(name, '/'))
		each_hba(lio, visit_named, &n);
	return n.nr;
}

static unsigned count_name(const struct lio *lio, const char *name)
{
	struct named n = { lio, name, NULL, 0 };

	each_hba(lio, visit_named, &n);
	return n.nr;
}

bool lio_name_is_taken(const struct lio *lio, const char *name)
{
	return count_name(lio, name) > 0;
}

/*
 * Making.
 */

/* targetcli wants the number to be one among all kinds of backstores. */
static bool number_is_taken(void *user, const char *path)
{
	bool *taken = user;
	const char *s = strrchr(path, '_');
	uint64_t n;

	if (s && !parse_u64(s + 1, strlen(s + 1), &n) && n < MAX_HBA)
		taken[n] = true;
	return true;
}

static int make_hba(const struct lio *lio, struct lio_backstore *bs)
{
	bool taken[MAX_HBA] = { false };
	char path[PATH_MAX];
	int ret = -EEXIST;

	lio_path(lio, path, CORE);
	lio_each_entry(path, "", number_is_taken, taken);
	/* Somebody else may be as fast. */
	for (unsigned n = 0; n < MAX_HBA && ret == -EEXIST; n++) {
		if (taken[n])
			continue;
		snprintf(bs->hba, sizeof(bs->hba), "user_%u", n);
		lio_path(lio, path, CORE "/%s", bs->hba);
		ret = lio_make_dir(lio, path);
	}
	return ret;
}

/* 0: this kernel has no such attribute. */
static uint64_t attribute(const char *path, const char *name)
{
	char file[PATH_MAX], text[32];

	if (lio_print(file, sizeof(file), "%s/attrib/%s", path, name) ||
	    lio_read(file, text, sizeof(text)))
		return 0;
	return strtoull(text, NULL, 10);
}

/* Some kernels' default is too small for deep queues of large commands. */
static int raise_data_area(const struct lio *lio, const char *path,
			   uint32_t mib)
{
	uint64_t now = attribute(path, "max_data_area_mb");

	if (!now || now >= mib)
		return 0;
	return lio_set(lio, path, "control", "max_data_area_mb=%" PRIu32, mib);
}

/*
 * All of it is allocated, and with 8 MiB it is most of what a disk that does
 * nothing takes.  One holds 6000 commands, or 240 of 1 MiB in as many pieces as
 * they may have.
 */
#define RING_MIB 1

static int shrink_ring(const struct lio *lio, const char *path)
{
	if (attribute(path, "cmd_ring_size_mb") <= RING_MIB)
		return 0;
	return lio_set(lio, path, "control", "cmd_ring_size_mb=%d", RING_MIB);
}

static int configure(const struct lio *lio, const char *path,
		     const struct lio_backstore_args *args)
{
	int ret;

	ret = lio_set(lio, path, "control", "dev_config=" LIO_SUBTYPE "%s",
		      args->config);
	if (!ret)
		ret = lio_set(lio, path, "control", "dev_size=%" PRIu64,
			      args->size_bytes);
	if (!ret && args->block_bytes != 512)
		ret = lio_set(lio, path, "control", "hw_block_size=%" PRIu32,
			      args->block_bytes);
	/* Counted in those blocks. */
	if (!ret)
		ret = lio_set(lio, path, "control", "hw_max_sectors=%" PRIu32,
			      args->max_xfer_bytes / args->block_bytes);
	if (!ret)
		ret = raise_data_area(lio, path, args->min_data_area_mib);
	if (!ret)
		ret = shrink_ring(lio, path);
	return ret;
}

/* The kernel's error says nothing: it is the same whatever the handler's. */
static int cannot_enable(const struct lio *lio,
			 const struct lio_backstore_args *args, int ret,
			 struct refusal_mark before, struct zl_err *err)
{
	const char *name = args->name;
	char trouble[128];
	struct zl_err why;

	lio_daemon_trouble(lio, trouble);
	if (*trouble)
		return zl_fail(err, -ret, "%s cannot be attached: %s", name,
			       trouble);
	if (ret == -ETIMEDOUT)
		return zl_fail(err, ETIMEDOUT,
			       "tcmu-runner has not answered about %s within "
			       "%u s; if it ever does, %s is removed again; "
			       "see /var/log/tcmu-runner.log",
			       name, lio->wait_ms / 1000, name);
	if (!refusal_since(args->config, before, &why))
		return zl_fail(err, -ret, "%s cannot be attached: %s", name,
			       why.msg);
	return zl_fail(err, -ret,
		       "tcmu-runner refused %s; the reason is in "
		       "/var/log/tcmu-runner.log",
		       name);
}

static int set_up(const struct lio *lio, const char *path,
		  const struct lio_backstore_args *args, struct zl_err *err)
{
	struct refusal_mark before = refusal_mark(args->config);
	int ret = configure(lio, path, args);

	if (ret)
		return zl_fail(err, -ret,
			       "the kernel does not take the backstore %s: %s",
			       args->name, strerror(-ret));
	ret = lio_enable(lio, path);
	if (ret)
		return cannot_enable(lio, args, ret, before, err);
	/* As targetcli does, after enabling. */
	ret = lio_set(lio, path, "wwn/vpd_unit_serial", "%s",
		      args->unit_serial);
	if (ret)
		return zl_fail(err, -ret,
			       "the serial number of %s cannot be set: %s",
			       args->name, strerror(-ret));
	return 0;
}

/* The kernel does not wait long for a daemon that is not there. */
#define NO_DAEMON_MS 2000

static int remove_dirs(const struct lio *lio, const struct lio_backstore *bs)
{
	struct lio patient = *lio;
	char path[PATH_MAX];
	int ret;

	if (lio_daemon_state(lio, NULL) == LIO_DAEMON_NONE)
		patient.wait_ms = (unsigned)min_u64(NO_DAEMON_MS, lio->wait_ms);
	lio_backstore_path(lio, bs, path);
	ret = lio_remove_dir(&patient, path);
	/* It waits if somebody else listens, such as zloop watch. */
	if (ret == -ETIMEDOUT && lio_unblock(lio))
		ret = lio_remove_dir(lio, path);
	if (ret && ret != -ENOENT)
		return ret;
	/* Who makes them by hand may have put another one there. */
	lio_path(lio, path, CORE "/%s", bs->hba);
	ret = lio_remove_dir(lio, path);
	return ret == -ENOENT || ret == -ENOTEMPTY ? 0 : ret;
}

/*
 * The kernel allows a name in each user_N, but a person would remove the wrong
 * disk, and targetcli restores one of them only.  Who asked before may still
 * have been too slow.
 */
static bool name_is_shared(const struct lio *lio, const char *name)
{
	return count_name(lio, name) > 1;
}

/* The directories; they are to be removed if it fails. */
static int make_dirs(const struct lio *lio, struct lio_backstore *bs,
		     const char *name, struct zl_err *err)
{
	char path[PATH_MAX];
	int ret;

	if (lio_print(bs->name, sizeof(bs->name), "%s", name))
		return zl_fail(err, ENAMETOOLONG, "%s is too long a name",
			       name);
	lio_backstore_path(lio, bs, path);
	ret = lio_make_dir(lio, path);
	if (!ret && name_is_shared(lio, name)) {
		ret = lio_remove_dir(lio, path);
		if (!ret)
			ret = -EEXIST;
	}
	if (!ret)
		return 0;
	return zl_fail(err, -ret,
		       "the kernel does not take the backstore %s: %s", name,
		       strerror(-ret));
}

int lio_backstore_make(const struct lio *lio,
		       const struct lio_backstore_args *args,
		       struct lio_backstore *bs, struct zl_err *err)
{
	struct lio_backstore_args named = *args;
	char path[PATH_MAX];
	int ret;

	*bs = (struct lio_backstore){ .size_bytes = args->size_bytes };
	if (lio_print(bs->config, sizeof(bs->config), "%s", args->config))
		return zl_fail(err, ENAMETOOLONG, "%s is too long",
			       args->config);
	ret = make_hba(lio, bs);
	if (ret)
		return zl_fail(err, -ret,
			       "the kernel's target takes no backstore: %s",
			       strerror(-ret));
	ret = make_dirs(lio, bs, args->name, err);
	if (ret == -EEXIST && args->spare_name)
		ret = make_dirs(lio, bs, args->spare_name, err);
	named.name = bs->name;
	lio_backstore_path(lio, bs, path);
	if (!ret)
		ret = set_up(lio, path, &named, err);
	bs->enabled = !ret;
	/* What hangs is removed by whoever hangs in it. */
	if (ret && ret != -ETIMEDOUT)
		remove_dirs(lio, bs);
	return ret;
}

int lio_backstore_remove(const struct lio *lio, const struct lio_backstore *bs,
			 struct zl_err *err)
{
	int ret = remove_dirs(lio, bs);
	char trouble[128];

	if (!ret)
		return 0;
	lio_daemon_trouble(lio, trouble);
	return zl_fail(err, -ret, "the backstore %s cannot be removed: %s",
		       bs->name, *trouble ? trouble : strerror(-ret));
}
