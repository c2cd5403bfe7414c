// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop add: from the kernel's option string to /dev/sdX. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "add_lock.h"
#include "base/clock.h"
#include "base/num.h"
#include "gateway.h"
#include "target.h"

#define MAX_ID 1048576
/* What VPD page B0h says, and enough of it for a queue of 128. */
#define MAX_XFER_BYTES	  (1 * ZL_MIB)
#define MIN_DATA_AREA_MIB 128

struct add_args {
	const char *words[2];
	unsigned nr;
	const char *options; /* "" if there are none */
	const char *disk;    /* NULL: a new one below base_dir */
	const char *dir;     /* NULL: as id and base_dir say */
	char found[PATH_MAX];
	struct disk_opts opts;
	bool json, ensure, save;
	bool made_disk;
	int status; /* if it fails */
};

/* However large. */
static bool is_number(const char *word)
{
	return *word && strspn(word, "0123456789") == strlen(word);
}

/* A word without a slash that is no option: what is there already, lest a
 * mistyped option becomes a disk. */
static bool names_disk(const char *word)
{
	char dir[PATH_MAX];
	struct zl_err err;

	return is_number(word) || cli_disk_dir(word, dir, &err) != -ENOENT;
}

static bool is_disk_word(const struct add_args *a, unsigned i)
{
	struct disk_opts ignored;
	const char *word = a->words[i];

	if (cli_is_dir_word(word))
		return true;
	if (strchr(word, '=') || i + 1 != a->nr ||
	    !disk_opts_parse(&ignored, word, strlen(word), ',', false, NULL))
		return false;
	return i || names_disk(word);
}

/* Several disks, as other commands take them. */
static void refuse_several(const struct add_args *a, struct argp_state *state)
{
	struct disk_opts ignored;
	const char *word = a->words[0];

	if (a->nr == 2 && !strchr(word, '=') && !strchr(a->words[1], '=') &&
	    disk_opts_parse(&ignored, word, strlen(word), ',', false, NULL) &&
	    names_disk(word))
		argp_error(state,
			   "%s and %s are two disks; they are attached one by "
			   "one",
			   word, a->words[1]);
}

static void sort_words(struct add_args *a, struct argp_state *state)
{
	refuse_several(a, state);
	a->options = "";
	for (unsigned i = 0; i < a->nr; i++)
		if (is_disk_word(a, i) && !a->disk)
			a->disk = a->words[i];
		else if (!*a->options)
			a->options = a->words[i];
		else
			argp_error(state,
				   "'%s' is one word too many; options "
				   "are separated by commas",
				   a->words[i]);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct add_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case 'e':
		a->ensure = true;
		return 0;
	case 's':
		a->save = true;
		return 0;
	case 't':
		cli_set_timeout(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		if (a->nr == 2)
			argp_error(state, "'%s' is one word too many", arg);
		else
			a->words[a->nr++] = arg;
		return 0;
	case ARGP_KEY_END:
		sort_words(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "ensure", 'e', NULL, 0,
	  "A disk that is attached already is as good: print its block device",
	  0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	CLI_SAVE_OPTION,
	CLI_TIMEOUT_OPTION,
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[OPTION[=VALUE][,OPTION[=VALUE]...]] [ID|DIRECTORY]",
	.doc = "Attach a disk to this machine and print its block device.  "
	       "The options are those of the kernel's zloop and more, for "
	       "example capacity_mb=2048,zone_size_mb=64,conv_zones=8.  The "
	       "disk is in DIRECTORY, else in BASE_DIR/ID, else in a new "
	       "directory in BASE_DIR.  It is made if it is not there; one "
	       "that is there is opened as it is.\v"
	       "Loads the kernel's modules and starts tcmu-runner if need "
	       "be.  See zloop-handler(8) for all options.",
};

/* Those that mean something to the kernel's driver only. */
static void note_ignored(const struct disk_opts *opts)
{
	for (enum disk_opt_id id = 0; id < OPT_ID; id++)
		if (disk_opt_given(opts, id) && !disk_opt_table[id].geometry &&
		    !disk_opt_table[id].use)
			cli_note("%s changes nothing about a SCSI disk",
				 disk_opt_table[id].name);
}

static bool is_id(const char *word, uint64_t *id)
{
	return !parse_u64(word, strlen(word), id) &&
	       *id <= disk_opt_table[OPT_ID].max;
}

/* A word that is no number says all of it. */
static int check_place(const struct add_args *a, struct zl_err *err)
{
	bool id = disk_opt_given(&a->opts, OPT_ID);
	uint64_t ignored;

	if (!a->disk || (!id && (!disk_opt_given(&a->opts, OPT_BASE_DIR) ||
				 is_id(a->disk, &ignored))))
		return 0;
	return zl_fail(err, EINVAL,
		       "id and base_dir say where the disk is, as %s does; "
		       "leave them out",
		       a->disk);
}

static int parse_options(struct add_args *a)
{
	struct disk_opts opts;
	struct zl_err err;
	int ret;

	ret = disk_opts_parse(&a->opts, a->options, strlen(a->options), ',',
			      false, &err);
	/* Rounding is said when a disk is made. */
	opts = a->opts;
	if (!ret && disk_opt_given(&opts, OPT_CAPACITY_MB))
		disk_opts_round_capacity(&opts);
	if (!ret)
		ret = disk_opts_check(&opts, 0, &err);
	if (!ret)
		ret = check_place(a, &err);
	if (ret)
		cli_error("%s", err.msg);
	else
		note_ignored(&a->opts);
	return ret;
}

/*
 * Where.
 */

/* A number is as good as id=NUMBER; what is not there yet is a directory. */
static int take_word(struct add_args *a)
{
	struct zl_err err;
	bool number;
	uint64_t id;
	int ret;

	if (!a->disk)
		return 0;
	number = is_id(a->disk, &id);
	if (!number && is_number(a->disk)) {
		cli_error("%s is no disk's number, which are 0 to %" PRIu64
			  "; a directory of that name is ./%s",
			  a->disk, disk_opt_table[OPT_ID].max, a->disk);
		return -EINVAL;
	}
	ret = number && disk_opt_given(&a->opts, OPT_BASE_DIR)
		      ? -ENOENT
		      : cli_disk_dir(a->disk, a->found, &err);
	if (!ret) {
		a->dir = a->found;
	} else if (ret == -ENOENT && number) {
		a->opts.num[OPT_ID] = id;
		disk_opt_give(&a->opts, OPT_ID);
	} else if (ret == -ENOENT && strncmp(a->disk, "/dev/", 5)) {
		a->dir = a->disk;
	} else {
		cli_error("%s", err.msg);
		return ret;
	}
	return 0;
}

/* What is not mounted now would hide the disk once it is. */
static int refuse_unmounted(const char *dir)
{
	char above[PATH_MAX], who[256], *slash;

	if (!realpath(dir, above))
		return 0;
	while ((slash = strrchr(above, '/')) && slash != above) {
		if (disk_dir_is_unmounted(above, who, sizeof(who))) {
			cli_error("%s is a mount point according to %s, and "
				  "nothing is mounted there; mount it",
				  above, who);
			return -ENOENT;
		}
		*slash = 0;
	}
	return 0;
}

static int make_base(const struct disk_opts *opts)
{
	const char *base = opts->base_dir;

	/* Only where it always is. */
	if (!disk_opt_given(opts, OPT_BASE_DIR) && cli_make_dir(base) < 0)
		return -ENOENT;
	if (access(base, X_OK)) {
		cli_error("base_dir=%s cannot be used: %s", base,
			  strerror(errno));
		return -ENOENT;
	}
	return refuse_unmounted(base);
}

/* The lowest number that no directory and no attached disk has: nothing that is
 * there is opened unless it is asked for. */
static int make_next_dir(struct disk_opts *opts, char dir[PATH_MAX])
{
	char name[LIO_NAME_MAX];
	int made = 0;

	for (uint64_t id = 0; id < MAX_ID && !made; id++) {
		opts->num[OPT_ID] = id;
		cli_id_name(opts, name);
		if (lio_name_is_taken(cli_lio(), name))
			continue;
		cli_id_dir(opts, dir);
		made = cli_make_dir(dir);
	}
	return made;
}

int cli_refuse_attached(const char *dir)
{
	struct lio_backstore bs;
	char device[LIO_DEVICE_MAX];

	if (!cli_find_dir(dir, &bs))
		return 0;
	cli_device(&bs, device);
	cli_error("%s is attached already, as %s%s%s", dir, bs.name,
		  *device ? ", /dev/" : "", device);
	return -EEXIST;
}

/* As the kernel's driver does, whatever the base_dir. */
static int refuse_other(const struct disk_opts *opts, const char *dir)
{
	char name[LIO_NAME_MAX];
	struct lio_backstore bs;

	cli_id_name(opts, name);
	if (!cli_find_name(name, &bs) ||
	    cli_same_dir(lio_backstore_dir(&bs), dir))
		return 0;
	cli_error("id=%" PRIu64 " is the disk in %s, attached as %s; numbers "
		  "are the whole machine's: use another one, or say %s without "
		  "a number",
		  opts->num[OPT_ID], lio_backstore_dir(&bs), name, dir);
	return -EEXIST;
}

/* What is attached already needs nothing to be started. */
static int refuse_known(const struct add_args *a)
{
	char dir[PATH_MAX];
	int ret;

	if (a->dir)
		return cli_refuse_attached(a->dir);
	if (!disk_opt_given(&a->opts, OPT_ID))
		return 0;
	cli_id_dir(&a->opts, dir);
	ret = cli_refuse_attached(dir);
	return ret ? ret : refuse_other(&a->opts, dir);
}

/* 1: made, 0: was there, -errno when it has said why not. */
static int need_dir(struct add_args *a, char dir[PATH_MAX])
{
	char given[PATH_MAX];
	int made;

	if (!a->dir && make_base(&a->opts))
		return -ENOENT;
	if (a->dir)
		snprintf(given, sizeof(given), "%s", a->dir);
	else
		cli_id_dir(&a->opts, given);
	if (a->dir || disk_opt_given(&a->opts, OPT_ID))
		made = cli_make_dir(given);
	else
		made = make_next_dir(&a->opts, given);
	if (made >= 0 && !realpath(given, dir)) {
		cli_error("%s: %s", given, strerror(errno));
		return -errno;
	}
	if (made >= 0 && a->dir && refuse_unmounted(dir))
		made = -ENOENT;
	return made;
}

/*
 * What.
 */

/* A disk that is there and is as the options say. */
static int look(const char *dir, const struct disk_opts *asked,
		struct disk **disk, struct zl_err *err)
{
	struct disk_opts opts = *asked;
	struct disk_open_args args = { .opts = &opts, .look_only = true };

	if (disk_opt_given(&opts, OPT_CAPACITY_MB))
		disk_opts_round_capacity(&opts);
	return disk_open(dir, &args, disk, err);
}

static int make_disk(struct add_args *a, const char *dir)
{
	struct disk_opts opts = a->opts;
	struct zl_err err;

	if (cli_disk_opts(dir, &opts, &err)) {
		cli_error("%s", err.msg);
		a->status = CLI_USAGE;
		return -EINVAL;
	}
	return cli_make_disk(dir, &opts);
}

/* Another machine may have the other one. */
static void note_copy(const char *dir, const struct disk *disk)
{
	struct disk_holder h;
	char text[DISK_HOLDER_TEXT_MAX];

	if (disk_read_holder(dir, &h, NULL) || !cli_is_copy(dir, &h))
		return;
	cli_note("%s is a copy of the directory that %s had, with its serial "
		 "number %s: if both are attached, on whatever machine, a host "
		 "takes them for one disk; zloop clone makes copies that are "
		 "disks of their own",
		 dir, disk_holder_text(&h, text), disk_meta(disk)->serial);
}

/* Opens the disk to look at it, which is made before if it is not there. */
static int need_disk(struct add_args *a, const char *dir, struct disk **disk)
{
	struct zl_err err;
	char who[128];
	int ret = cli_refuse_attached(dir);

	if (ret)
		return ret;
	/* Whatever else is there, making one says. */
	if (cli_look(dir, disk, NULL)) {
		ret = make_disk(a, dir);
		if (ret)
			return ret;
		a->made_disk = true;
	} else {
		disk_close(*disk);
	}
	ret = look(dir, &a->opts, disk, &err);
	if (ret) {
		cli_error("%s", err.msg);
	} else if (disk_in_use(dir, *disk, DISK_MOMENT_MS, who, sizeof(who))) {
		cli_error("%s is in use by %s", dir, who);
		disk_close(*disk);
		ret = -EBUSY;
	} else {
		note_copy(dir, *disk);
	}
	return ret;
}

/*
 * Attaching.
 */

static bool name_is_fine(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			return false;
	return *name && strlen(name) < 32 &&
	       !lio_name_is_taken(cli_lio(), name);
}

/* zloopID, or the directory's name, or @spare, which is surely free.  Not a
 * number that is another disk's when this one is removed. */
static void choose_name(const char *dir, const char *spare,
			char name[LIO_NAME_MAX])
{
	const char *last = strrchr(dir, '/') + 1;
	uint64_t id;

	if (parse_u64(last, strlen(last), &id))
		snprintf(name, LIO_NAME_MAX, "%s", last);
	else
		snprintf(name, LIO_NAME_MAX, "zloop%" PRIu64, id);
	if (!name_is_fine(name) || cli_is_others_name(name, dir))
		snprintf(name, LIO_NAME_MAX, "%s", spare);
}

struct plan {
	struct lio_backstore_args args;
	char name[LIO_NAME_MAX], spare[DISK_SERIAL_LEN + 8];
	char config[PATH_MAX + 64];
	char serial[DISK_SERIAL_LEN + 1];
};

/* Before a disk is made that cannot be attached. */
static int check_config(const char *dir, const struct disk_opts *opts)
{
	char config[PATH_MAX + 64];
	struct disk_opts ignored;
	const char *cfg_dir;
	struct zl_err err;
	int ret;

	disk_cfg_reopen(config, sizeof(config), opts, dir);
	ret = disk_cfg_parse(config, &ignored, &cfg_dir, &err);
	if (ret)
		cli_error("%s cannot be attached: %s", dir, err.msg);
	return ret;
}

static int make_plan(const char *dir, const struct disk_opts *opts,
		     const struct disk *disk, struct plan *p,
		     struct zl_err *err)
{
	const struct disk_meta *m = disk_meta(disk);
	struct disk_opts ignored;
	const char *cfg_dir;

	strcpy(p->serial, m->serial);
	snprintf(p->spare, sizeof(p->spare), "zloop-%s", m->serial);
	choose_name(dir, p->spare, p->name);
	disk_cfg_reopen(p->config, sizeof(p->config), opts, dir);
	p->args = (struct lio_backstore_args){
		.name = p->name,
		.spare_name = p->spare,
		.config = p->config,
		.unit_serial = p->serial,
		.size_bytes = m->capacity_bytes,
		.block_bytes = m->block_bytes,
		.max_xfer_bytes = MAX_XFER_BYTES,
		.min_data_area_mib = MIN_DATA_AREA_MIB,
	};
	return disk_cfg_parse(p->config, &ignored, &cfg_dir, err);
}

/* What there is now: a device, or all that list has of it. */
static void print(const struct add_args *a, const char *dir, const char *device,
		  bool made)
{
	struct lio_backstore bs;
	struct json_object *o;

	if (!a->json || !cli_find_dir(dir, &bs)) {
		printf("/dev/%s\n", device);
		return;
	}
	o = cli_backstore_json(&bs);
	json_add_bool(o, "made", made);
	json_print(o);
}

static int attach(const char *dir, const struct disk_opts *opts,
		  const struct disk *disk, struct lio_events *events,
		  char device[LIO_DEVICE_MAX])
{
	struct zl_err err;
	struct plan p;
	int ret;

	ret = make_plan(dir, opts, disk, &p, &err);
	if (!ret)
		ret = lio_attach(cli_lio(), &p.args, events, device, &err);
	if (ret)
		cli_error("%s", err.msg);
	return ret;
}

/* As make_plan(), for a disk that is there. */
static int plan_again(const char *dir, const struct disk_opts *opts,
		      struct plan *p, struct zl_err *err)
{
	struct disk *disk;
	int ret = cli_look(dir, &disk, err);

	if (!ret) {
		ret = make_plan(dir, opts, disk, p, err);
		disk_close(disk);
	}
	return ret;
}

int cli_attach_device(const char *dir, const struct disk_opts *opts,
		      struct lio_events *events, char device[LIO_DEVICE_MAX])
{
	struct zl_err err;
	struct plan p;
	int ret = plan_again(dir, opts, &p, &err);

	if (!ret)
		ret = lio_attach(cli_lio(), &p.args, events, device, &err);
	if (ret)
		cli_error("%s", err.msg);
	return ret;
}

int cli_attach_backstore(const char *dir, const struct disk_opts *opts,
			 struct lio_backstore *bs)
{
	char real[PATH_MAX];
	struct zl_err err;
	struct plan p;
	int ret;

	if (!realpath(dir, real)) {
		cli_error("%s: %s", dir, strerror(errno));
		return -ENOENT;
	}
	ret = plan_again(real, opts, &p, &err);
	if (!ret)
		ret = lio_attach_backstore(cli_lio(), &p.args, NULL, bs, &err);
	if (ret)
		cli_error("%s", err.msg);
	return ret;
}

int cli_attach_again(const struct lio_backstore *was,
		     char device[LIO_DEVICE_MAX])
{
	struct zl_err err;
	struct plan p;
	int ret = plan_again(lio_backstore_dir(was), NULL, &p, &err);

	p.args.name = was->name;
	p.args.config = was->config;
	if (!ret)
		ret = lio_attach(cli_lio(), &p.args, NULL, device, &err);
	if (ret)
		cli_error("%s", err.msg);
	return ret;
}

/* For a machine that may take over. */
static void note(const char *dir)
{
	struct lio_backstore bs;

	if (cli_find_dir(dir, &bs))
		gateway_note_attached(&bs);
}

static int add(struct add_args *a, struct lio_events *events)
{
	char dir[PATH_MAX], device[LIO_DEVICE_MAX];
	struct disk *disk;
	int made = need_dir(a, dir), ret;

	if (made < 0)
		return made;
	ret = check_config(dir, &a->opts);
	if (!ret)
		ret = need_disk(a, dir, &disk);
	if (ret) {
		/* Only if nothing is in it. */
		if (made)
			rmdir(dir);
		return ret;
	}
	made |= a->made_disk;
	ret = attach(dir, &a->opts, disk, events, device);
	disk_close(disk);
	if (!ret) {
		note(dir);
		print(a, dir, device, made);
	}
	if (ret && made)
		cli_note("the disk in %s was made and stays", dir);
	return ret;
}

/* An option of each opening that was asked for, and that the disk was not
 * attached with; OPT_NR: there is none. */
static unsigned missing_use(const struct disk_opts *asked,
			    const struct lio_backstore *bs)
{
	struct disk_opts has;
	const char *dir;
	unsigned i = 0;

	if (disk_cfg_parse(bs->config, &has, &dir, NULL))
		return OPT_NR;
	while (i < OPT_NR &&
	       (!disk_opt_table[i].use || !disk_opt_given(asked, i) ||
		(disk_opt_given(&has, i) && has.num[i] == asked->num[i])))
		i++;
	return i;
}

/* -errno when it has said why it is not as good as one that is added now. */
static int check_ensured(const struct add_args *a, const char *dir,
			 const struct lio_backstore *bs,
			 char device[LIO_DEVICE_MAX])
{
	unsigned use = missing_use(&a->opts, bs);
	struct zl_err err;

	if (use != OPT_NR) {
		cli_error("%s is attached as %s, but not with that %s; zloop "
			  "remove %s, and add it again",
			  dir, bs->name, disk_opt_table[use].name, bs->name);
		return -EINVAL;
	}
	/* Without the daemon a disk that is attached is none. */
	if (lio_ready(cli_lio(), false, &err)) {
		cli_error("%s", err.msg);
		return -EIO;
	}
	if (!bs->enabled || !*cli_device(bs, device)) {
		cli_error("%s is attached as %s, but has no block device on "
			  "this machine; zloop remove %s, and add it again",
			  dir, bs->name, bs->name);
		return -ENODEV;
	}
	return 0;
}

struct locally {
	bool exported, there; /* as a disk of this machine */
};

static bool look_locally(void *user, const struct lio_export *ex)
{
	struct locally *l = user;
	char device[LIO_DEVICE_MAX];

	l->exported |= !strcmp(ex->fabric, "loopback");
	l->there = !lio_export_device(cli_lio(), ex, device);
	return !l->there;
}

/* Whether whoever attaches it may not be done with that. */
static bool is_under_way(const struct lio_backstore *bs)
{
	struct locally l = { .exported = false };

	if (!bs->enabled)
		return true;
	lio_each_export(cli_lio(), bs, look_locally, &l);
	return l.exported && !l.there;
}

/* False: there is none, or none any more. */
static bool find_settled(const char *dir, struct lio_backstore *bs)
{
	uint64_t end_ms = clock_ms() + cli_lio()->wait_ms;
	bool found;

	do
		found = cli_find_dir(dir, bs);
	while (found && is_under_way(bs) && clock_wait_step(end_ms, 50));
	return found;
}

/* Where it is to be; false: in the next directory that is free. */
static bool known_dir(const struct add_args *a, char dir[PATH_MAX])
{
	if (a->dir)
		snprintf(dir, PATH_MAX, "%s", a->dir);
	else if (disk_opt_given(&a->opts, OPT_ID))
		cli_id_dir(&a->opts, dir);
	else
		return false;
	return true;
}

/* 1: attached, and printed; 0: not attached; -errno: check_ensured(). */
static int find_ensured(const struct add_args *a, const char *dir)
{
	char device[LIO_DEVICE_MAX];
	struct lio_backstore bs;
	struct disk *disk;
	struct zl_err err;
	int ret;

	if (!find_settled(dir, &bs))
		return 0;
	if (look(dir, &a->opts, &disk, &err)) {
		cli_error("%s", err.msg);
		return -EINVAL;
	}
	disk_close(disk);
	ret = check_ensured(a, dir, &bs, device);
	if (ret)
		return ret;
	print(a, dir, device, false);
	return 1;
}

static int add_or_find(struct add_args *a, const char *dir)
{
	struct lio_events *events;
	struct zl_err err;
	int ret = a->ensure ? find_ensured(a, dir) : 0;

	if (ret)
		return cli_finish(a->save, ret > 0 ? CLI_OK : CLI_FAILED, "");
	if (refuse_known(a))
		return CLI_FAILED;
	if (lio_ready(cli_lio(), false, &err) ||
	    lio_events_open(&events, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	ret = add(a, events);
	lio_events_close(events);
	return cli_finish(a->save, ret ? a->status : CLI_OK,
			  "the disk is attached");
}

int add_main(int argc, char **argv)
{
	struct add_args a = { .status = CLI_FAILED };
	char dir[PATH_MAX];
	struct add_lock lock = { .fd = -1 };
	bool known;
	int status;

	cli_parse(&argp, argc, argv, &a);
	if (parse_options(&a))
		return CLI_USAGE;
	if (cli_need_root() || take_word(&a))
		return CLI_FAILED;
	known = known_dir(&a, dir);
	if (a.ensure && !known) {
		cli_error("--ensure needs to know which disk: say a number or "
			  "a directory");
		return CLI_USAGE;
	}
	zl_log_set(cli_log);
	if (known)
		add_lock_take(&lock, dir, cli_lio()->wait_ms);
	status = add_or_find(&a, dir);
	add_lock_drop(&lock);
	return status;
}
