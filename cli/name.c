// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What a person calls a disk: its backstore's name, its number, its block
 * device, or its directory.  Every subcommand takes each of them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "target.h"

struct cli_dir cli_dir_of(const char *path)
{
	struct cli_dir dir = { .known = false };
	struct stat sb;

	if (!cli_answers(path, NULL) || stat(path, &sb))
		return dir;
	return (struct cli_dir){ true, sb.st_dev, sb.st_ino };
}

bool cli_same_dir(const char *a, const char *b)
{
	return !strcmp(a, b) || cli_dir_is(cli_dir_of(a), cli_dir_of(b));
}

/*
 * Those that are attached.
 */

struct attached {
	char **dirs;
	int nr;
};

struct search {
	const char *dir, *device; /* one of them */
	struct attached others;	  /* for a directory */
	struct lio_luns *luns;	  /* for a device */
	bool found;
};

static bool has_device(void *user, const struct lio_export *ex)
{
	struct search *s = user;
	char device[LIO_DEVICE_MAX];

	s->found = !lio_export_device(cli_lio(), ex, device) &&
		   !strcmp(device, s->device);
	return !s->found;
}

static bool has_lun(void *user, const struct lio_backstore *bs)
{
	struct search *s = user;

	lio_luns_each(s->luns, bs, has_device, s);
	return s->found;
}

static bool add_dir(void *user, const struct lio_backstore *bs)
{
	struct attached *a = user;
	char **more = realloc(a->dirs, (size_t)(a->nr + 1) * sizeof(*more));

	if (!more)
		abort();
	a->dirs = more;
	a->dirs[a->nr] = strdup(lio_backstore_dir(bs));
	if (!a->dirs[a->nr++])
		abort();
	return true;
}

int cli_attached_dirs(char ***dirs)
{
	struct attached a = { .nr = 0 };

	lio_each_backstore(cli_lio(), add_dir, &a);
	*dirs = a.dirs;
	return a.nr;
}

void cli_free_dirs(char **dirs, int nr)
{
	for (int i = 0; i < nr; i++)
		free(dirs[i]);
	free(dirs);
}

bool cli_find_name(const char *name, struct lio_backstore *bs)
{
	return lio_find_name(cli_lio(), name, bs);
}

/* One that is named as it was attached.  The others are remembered: a look at
 * their directories waits for servers that do not answer. */
static bool is_named(void *user, const struct lio_backstore *bs)
{
	struct search *s = user;

	if (!strcmp(lio_backstore_dir(bs), s->dir))
		return true;
	add_dir(&s->others, bs);
	return false;
}

/* The name by which one of the others was attached, or NULL. */
static const char *name_of_same(const struct attached *others, const char *dir)
{
	struct cli_dir is = cli_dir_of(dir);

	for (int i = 0; i < others->nr; i++)
		if (cli_dir_is(cli_dir_of(others->dirs[i]), is))
			return others->dirs[i];
	return NULL;
}

bool cli_find_dir(const char *dir, struct lio_backstore *bs)
{
	struct search s = { .dir = dir };
	bool found = lio_find_backstore(cli_lio(), is_named, &s, bs);
	const char *same = found ? NULL : name_of_same(&s.others, dir);

	if (same) {
		struct search again = { .dir = same };

		found = lio_find_backstore(cli_lio(), is_named, &again, bs);
		cli_free_dirs(again.others.dirs, again.others.nr);
	}
	cli_free_dirs(s.others.dirs, s.others.nr);
	return found;
}

static bool find_device(const char *path, struct lio_backstore *bs)
{
	char real[PATH_MAX];
	struct search s;
	bool found;

	/* Of /dev/disk/by-id, for example. */
	s = (struct search){
		.device = strrchr(realpath(path, real) ? real : path, '/') + 1,
		.luns = lio_luns_read(cli_lio()),
	};
	found = lio_find_backstore(cli_lio(), has_lun, &s, bs);
	lio_luns_free(s.luns);
	return found;
}

/*
 * Numbers.
 */

void cli_id_dir(const struct disk_opts *opts, char dir[PATH_MAX])
{
	snprintf(dir, PATH_MAX, "%s/%llu", opts->base_dir,
		 (unsigned long long)opts->num[OPT_ID]);
}

void cli_id_name(const struct disk_opts *opts, char name[LIO_NAME_MAX])
{
	snprintf(name, LIO_NAME_MAX, "zloop%llu",
		 (unsigned long long)opts->num[OPT_ID]);
}

/* "id=N[,base_dir=DIR]", as the kernel's "remove" has it, or N alone. */
static bool parse_id(const char *word, struct disk_opts *opts)
{
	uint64_t id;

	if (!parse_u64(word, strlen(word), &id)) {
		disk_opts_init(opts);
		opts->num[OPT_ID] = id;
		return id <= disk_opt_table[OPT_ID].max;
	}
	return !disk_opts_parse(opts, word, strlen(word), ',', false, NULL) &&
	       disk_opt_given(opts, OPT_ID);
}

/* Also one that cannot be opened; and what does not answer may be one. */
static bool is_disk(const char *dir)
{
	const struct disk_open_args args = { .look_only = true };
	char sidecar[PATH_MAX + 16];
	struct disk *disk;

	if (!cli_answers(dir, NULL))
		return true;
	snprintf(sidecar, sizeof(sidecar), "%s/zloop.json", dir);
	if (!access(sidecar, F_OK))
		return true;
	/* One of the kernel's. */
	if (disk_open(dir, &args, &disk, NULL))
		return false;
	disk_close(disk);
	return true;
}

/* Whether a number is that of the disk in @own, and not the one in @dir. */
static bool is_others(const char *own, const char *dir)
{
	return !cli_same_dir(own, dir) && is_disk(own);
}

bool cli_is_others_name(const char *name, const char *dir)
{
	struct disk_opts opts;
	char own[PATH_MAX], again[LIO_NAME_MAX];

	disk_opts_init(&opts);
	if (strncmp(name, "zloop", 5) ||
	    parse_u64(name + 5, strlen(name + 5), &opts.num[OPT_ID]))
		return false;
	cli_id_name(&opts, again);
	cli_id_dir(&opts, own);
	return !strcmp(name, again) && is_others(own, dir);
}

/* Numbers are the whole machine's, as the kernel's are, unless @opts says
 * where.  1: attached, 0: there is such a directory, -ENOENT, or -EINVAL with a
 * sentence: it would be another disk once that one is removed. */
static int find_id(const struct disk_opts *opts, struct lio_backstore *bs,
		   char dir[PATH_MAX], struct zl_err *err)
{
	char name[LIO_NAME_MAX];

	cli_id_name(opts, name);
	cli_id_dir(opts, dir);
	if (disk_opt_given(opts, OPT_BASE_DIR) || !cli_find_name(name, bs)) {
		if (cli_find_dir(dir, bs))
			return 1;
		return cli_is_dir(dir) ? 0 : -ENOENT;
	}
	if (!is_others(dir, lio_backstore_dir(bs)))
		return 1;
	return zl_fail(err, EINVAL,
		       "%llu is the disk in %s, attached as %s, and the one in "
		       "%s; write one of these",
		       (unsigned long long)opts->num[OPT_ID],
		       lio_backstore_dir(bs), name, dir);
}

/*
 * All of them.
 */

bool cli_is_dir(const char *path)
{
	struct stat sb;

	return !stat(path, &sb) && S_ISDIR(sb.st_mode);
}

bool cli_is_dir_word(const char *word)
{
	const char *slash = strchr(word, '/'), *eq = strchr(word, '=');

	return slash && (!eq || slash < eq);
}

static bool is_device(const char *word)
{
	struct stat sb;

	return !strncmp(word, "/dev/", 5)
		       ? !cli_is_dir(word)
		       : !stat(word, &sb) && S_ISBLK(sb.st_mode);
}

/* A word without a slash; as find_id(). */
static int find_plain(const char *word, struct lio_backstore *bs,
		      char dir[PATH_MAX], struct zl_err *err)
{
	struct disk_opts opts;
	int ret = -ENOENT;

	if (cli_find_name(word, bs))
		ret = 1;
	else if (parse_id(word, &opts))
		ret = find_id(&opts, bs, dir, err);
	if (ret == 1)
		snprintf(dir, PATH_MAX, "%s", lio_backstore_dir(bs));
	if (ret == -EINVAL || !cli_is_dir(word))
		return ret;
	if (ret >= 0 && !cli_same_dir(word, dir) && is_disk(word))
		return zl_fail(err, EINVAL,
			       "%s is the disk in %s and the one in the "
			       "directory ./%s; write one of these",
			       word, dir, word);
	if (ret >= 0)
		return ret;
	snprintf(dir, PATH_MAX, "%s", word);
	return 0;
}

/* 1: attached; 0: a directory, which may be attached; -errno. */
static int resolve(const char *word, struct lio_backstore *bs,
		   char dir[PATH_MAX], struct zl_err *err)
{
	int ret;

	if (is_device(word)) {
		ret = find_device(word, bs) ? 1 : -ENOENT;
	} else if (cli_is_dir_word(word)) {
		snprintf(dir, PATH_MAX, "%s", word);
		return 0;
	} else {
		ret = find_plain(word, bs, dir, err);
	}
	if (ret == 1)
		snprintf(dir, PATH_MAX, "%s", lio_backstore_dir(bs));
	if (ret == -ENOENT)
		zl_fail(err, ENOENT,
			"there is no disk %s: none that is attached has that "
			"name%s",
			word, is_device(word) ? "" : ", nor has a directory");
	return ret;
}

int cli_disk_dir(const char *word, char dir[PATH_MAX], struct zl_err *err)
{
	struct lio_backstore bs;
	int ret = cli_is_dir_word(word) && !cli_answers(word, err)
			  ? -ETIMEDOUT
			  : resolve(word, &bs, dir, err);

	if (ret >= 0 && !cli_answers(dir, err))
		return -ETIMEDOUT;
	if (!ret && !cli_is_dir(dir) && cli_find_dir(dir, &bs))
		ret = 1;
	if (ret == 1 && !cli_is_dir(dir))
		return zl_fail(err, ESTALE,
			       "the disk %s is attached, but its directory %s "
			       "is gone, deleted or moved; zloop remove %s "
			       "detaches it",
			       bs.name, dir, bs.name);
	return ret < 0 ? ret : 0;
}

int cli_find(const char *word, struct lio_backstore *bs, char dir[PATH_MAX])
{
	struct zl_err err;
	int ret = resolve(word, bs, dir, &err);

	if (ret == -EINVAL)
		cli_error("%s", err.msg);
	if (ret == 0)
		ret = cli_find_dir(dir, bs);
	return ret;
}

int cli_need(const char *word, struct lio_backstore *bs)
{
	char dir[PATH_MAX];
	int ret = cli_find(word, bs, dir);

	if (ret == 1)
		return 0;
	if (ret != -EINVAL)
		cli_error("no disk %s is attached; zloop list shows those that "
			  "are",
			  word);
	return -ENOENT;
}

int cli_open_detached(const char *dir, struct disk **disk, struct zl_err *err)
{
	const struct disk_open_args args = { .lock_wait_ms = DISK_MOMENT_MS };
	struct lio_backstore bs;

	if (cli_find_dir(dir, &bs))
		return zl_fail(err, EBUSY,
			       "%s is attached as %s, but no process has it "
			       "open; start tcmu-runner, which does",
			       dir, bs.name);
	return disk_open(dir, &args, disk, err);
}
