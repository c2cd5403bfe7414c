// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop config: what test suites want to be told about disks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

#define MAX_DISKS 16
/* xfstests says of itself that most of its tests want that. */
#define XFSTESTS_BYTES (UINT64_C(10) << 30)

struct config_disk {
	char name[LIO_NAME_MAX];
	char device[LIO_DEVICE_MAX]; /* without /dev/ */
	struct disk_meta meta;
};

struct config {
	const char *output, *test_dir, *scratch_dir;
	const struct file_system *fs;
	int first; /* of the words */
	struct config_disk disks[MAX_DISKS];
	unsigned nr;
};

/*
 * File systems.
 */

struct file_system {
	const char *name, *mkfs;
	bool conv_zones; /* metadata are kept in conventional zones */
	uint64_t min_zone_bytes, max_zone_bytes;
};

/* Bounds: fs/btrfs/zoned.c (BTRFS_MIN_ZONE_SIZE, BTRFS_MAX_ZONE_SIZE). mkfs.xfs
 * sees by itself that a disk is zoned. */
static const struct file_system file_systems[] = {
	{ "btrfs", "-O zoned -d single -m single", false, 4 * ZL_MIB,
	  8192 * ZL_MIB },
	{ "f2fs", "-m", true, 0, UINT64_MAX },
	{ "xfs", "", true, 0, UINT64_MAX },
};

static const struct file_system *find_fs(const char *name)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(file_systems); i++)
		if (!strcmp(file_systems[i].name, name))
			return &file_systems[i];
	return NULL;
}

/* Whether mkfs takes the disk; says why not. */
static bool suits(const struct file_system *fs, const struct config_disk *d)
{
	char has[CLI_SIZE_MAX], min[CLI_SIZE_MAX], max[CLI_SIZE_MAX];

	if (fs->conv_zones && !d->meta.conv_zones) {
		cli_error("%s has no conventional zones, where %s keeps its "
			  "metadata: make it with conv_zones=N",
			  d->name, fs->name);
		return false;
	}
	if (d->meta.zone_bytes < fs->min_zone_bytes ||
	    d->meta.zone_bytes > fs->max_zone_bytes) {
		cli_error("%s has zones of %s; %s takes %s to %s", d->name,
			  cli_size(d->meta.zone_bytes, has), fs->name,
			  cli_size(fs->min_zone_bytes, min),
			  cli_size(fs->max_zone_bytes, max));
		return false;
	}
	return true;
}

/*
 * Suites.
 */

static void blktests(const struct config *c, FILE *f)
{
	fputs("# For blktests: its file \"config\".\n"
	      "# Its tests overwrite these disks.\n"
	      "TEST_DEVS=(",
	      f);
	for (unsigned i = 0; i < c->nr; i++)
		fprintf(f, "%s/dev/%s", i ? " " : "", c->disks[i].device);
	fputs(")\n"
	      "# Only tests of a disk, not those that always make their own.\n"
	      "DEVICE_ONLY=1\n",
	      f);
}

static void xfstests(const struct config *c, FILE *f)
{
	fprintf(f,
		"# For xfstests: its file \"local.config\".\n"
		"# Its tests overwrite these disks, and mkfs does before.\n"
		"export FSTYP=%s\n"
		"export MKFS_OPTIONS=\"%s\"\n"
		"export RECREATE_TEST_DEV=true\n"
		"export TEST_DEV=/dev/%s\n"
		"export TEST_DIR=%s\n",
		c->fs->name, c->fs->mkfs, c->disks[0].device, c->test_dir);
	if (c->nr == 2) {
		fprintf(f, "export SCRATCH_DEV=/dev/%s\n", c->disks[1].device);
	} else {
		fputs("export SCRATCH_DEV_POOL=\"", f);
		for (unsigned i = 1; i < c->nr; i++)
			fprintf(f, "%s/dev/%s", i > 1 ? " " : "",
				c->disks[i].device);
		fputs("\"\n", f);
	}
	fprintf(f, "export SCRATCH_MNT=%s\n", c->scratch_dir);
}

static int check_xfstests(struct config *c)
{
	char size[CLI_SIZE_MAX];

	if (!c->fs)
		c->fs = find_fs("btrfs");
	if (c->nr > 2 && strcmp(c->fs->name, "btrfs")) {
		cli_error("xfstests takes more than two disks for btrfs only, "
			  "not for %s",
			  c->fs->name);
		return CLI_USAGE;
	}
	for (unsigned i = 0; i < c->nr; i++) {
		if (!suits(c->fs, &c->disks[i]))
			return CLI_FAILED;
		if (c->disks[i].meta.capacity_bytes < XFSTESTS_BYTES)
			cli_note("%s has %s; many tests of xfstests are not "
				 "run on less than 10 GiB",
				 c->disks[i].name,
				 cli_size(c->disks[i].meta.capacity_bytes,
					  size));
	}
	return CLI_OK;
}

/* A disk without zones is left out by blktests, silently. */
static void note_host_aware(const struct config *c)
{
	for (unsigned i = 0; i < c->nr; i++)
		if (c->disks[i].meta.host_aware)
			cli_note("%s is host-aware: where Linux takes it for a "
				 "disk without zones, blktests tests a "
				 "null_blk in its place",
				 c->disks[i].name);
}

static int check_blktests(struct config *c)
{
	if (c->fs || c->test_dir || c->scratch_dir) {
		cli_error("blktests uses no file system: --fs, --test-dir and "
			  "--scratch-dir are for xfstests");
		return CLI_USAGE;
	}
	note_host_aware(c);
	return CLI_OK;
}

static const struct suite {
	const char *name;
	unsigned min_disks;
	int (*check)(struct config *c); /* an exit status */
	void (*write)(const struct config *c, FILE *f);
} suites[] = {
	{ "blktests", 1, check_blktests, blktests },
	{ "xfstests", 2, check_xfstests, xfstests },
};

/*
 * The command line.
 */

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "Write it there (default: standard output)",
	  0 },
	{ "fs", 'F', "NAME", 0,
	  "xfstests: the file system, btrfs (the default), f2fs or xfs", 0 },
	{ "test-dir", 'T', "DIRECTORY", 0,
	  "xfstests: where the first disk is mounted (default: /mnt/test)", 0 },
	{ "scratch-dir", 'S', "DIRECTORY", 0,
	  "xfstests: where the second one is (default: /mnt/scratch)", 0 },
	{ 0 },
};

/* A word that a shell takes for one. */
static const char *take_dir(const char *arg, struct argp_state *state)
{
	if (arg[0] != '/' || strpbrk(arg, " \t\n\"'`$\\;&|<>()*?[]{}~#"))
		argp_error(state,
			   "'%s' is no absolute path without spaces, quotes "
			   "and a shell's other signs",
			   arg);
	return arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct config *c = state->input;

	switch (key) {
	case 'o':
		c->output = arg;
		return 0;
	case 'F':
		c->fs = find_fs(arg);
		if (!c->fs)
			argp_error(state,
				   "--fs '%s' is none of btrfs, f2fs and xfs",
				   arg);
		return 0;
	case 'T':
		c->test_dir = take_dir(arg, state);
		return 0;
	case 'S':
		c->scratch_dir = take_dir(arg, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "say for what: blktests or xfstests");
		return 0;
	default:
		return cli_key_disks(key, state, &c->first);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "blktests DISK...\nxfstests DISK DISK...",
	.doc = "Write the configuration with which a test suite uses disks "
	       "that are attached.  Of xfstests the first is the disk for "
	       "tests, the others are those that tests make anew." CLI_DISK_DOC,
};

static bool is_twice(const struct config *c, const char *device)
{
	for (unsigned i = 0; i < c->nr; i++)
		if (!strcmp(c->disks[i].device, device))
			return true;
	return false;
}

static int take_disk(struct config *c, const char *word)
{
	struct config_disk *d = &c->disks[c->nr];
	char dir[PATH_MAX];
	struct lio_backstore bs;
	struct disk *disk;
	struct zl_err err;

	if (cli_need(word, &bs))
		return CLI_FAILED;
	if (!*cli_device(&bs, d->device)) {
		cli_error("%s is no disk of this machine; zloop add %s makes "
			  "it one",
			  bs.name, lio_backstore_dir(&bs));
		return CLI_FAILED;
	}
	if (is_twice(c, d->device)) {
		cli_error("%s is there twice", word);
		return CLI_USAGE;
	}
	if (cli_look_word(bs.name, dir, &disk, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	snprintf(d->name, sizeof(d->name), "%s", bs.name);
	d->meta = *disk_meta(disk);
	disk_close(disk);
	c->nr++;
	return CLI_OK;
}

static const struct suite *take_suite(const char *word, int nr_disks)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(suites); i++) {
		if (strcmp(suites[i].name, word))
			continue;
		if (nr_disks >= (int)suites[i].min_disks &&
		    nr_disks <= MAX_DISKS)
			return &suites[i];
		cli_error("%s takes %u to %u disks, not %d", word,
			  suites[i].min_disks, MAX_DISKS, nr_disks);
		return NULL;
	}
	cli_error("'%s' is no suite that is known; there are blktests and "
		  "xfstests",
		  word);
	return NULL;
}

static int write_config(const struct config *c, const struct suite *suite)
{
	const char *name = c->output ? c->output : "-";
	FILE *f = cli_open_output(name);

	if (!f)
		return CLI_FAILED;
	suite->write(c, f);
	return cli_close_output(f, name, 0) ? CLI_FAILED : CLI_OK;
}

int config_main(int argc, char **argv)
{
	struct config c = { .first = 0 };
	const struct suite *suite;
	int status = CLI_OK;

	cli_parse(&argp, argc, argv, &c);
	suite = take_suite(argv[c.first], argc - c.first - 1);
	if (!suite)
		return CLI_USAGE;
	for (int i = c.first + 1; i < argc && !status; i++)
		status = take_disk(&c, argv[i]);
	if (!status)
		status = suite->check(&c);
	if (!c.test_dir)
		c.test_dir = "/mnt/test";
	if (!c.scratch_dir)
		c.scratch_dir = "/mnt/scratch";
	return status ? status : write_config(&c, suite);
}
