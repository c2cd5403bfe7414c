// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop check: everything that is not as it should be. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "progress.h"
#include "target.h"

struct check {
	const char *dir;
	struct json_object *problems; /* NULL: as text */
};

struct check_args {
	bool json, repair, yes, all;
	struct disk_opts opts;
	bool has_opts;
	int first; /* of the disks */
};

static const struct argp_option options[] = {
	CLI_ALL_OPTION,
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "repair", 'r', NULL, 0,
	  "Say first what would be repaired, and what is lost", 0 },
	{ "yes", 'y', NULL, 0, "With --repair: do it", 0 },
	{ "options", 'o', "OPTIONS", 0,
	  "With --repair: the options that the disk was made with, for a "
	  "sidecar that is missing",
	  0 },
	{ 0 },
};

static void take_options(struct check_args *a, const char *text,
			 struct argp_state *state)
{
	struct zl_err err;

	if (disk_opts_parse(&a->opts, text, strlen(text), ',', false, &err))
		argp_error(state, "%s", err.msg);
	a->has_opts = true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check_args *a = state->input;

	(void)arg;
	switch (key) {
	case 'a':
		a->all = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'r':
		a->repair = true;
		return 0;
	case 'y':
		a->yes = true;
		return 0;
	case 'o':
		take_options(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!a->repair && (a->yes || a->has_opts))
			argp_error(state, "%s needs --repair",
				   a->yes ? "--yes" : "--options");
		break;
	default:
		break;
	}
	return cli_key_disks_or_all(key, state, &a->first, &a->all);
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "DISK...\n--all",
	.doc = "Examine each DISK completely and print what is not as it "
	       "should be, a line each; nothing when all is "
	       "well.  Changes nothing without --repair --yes." CLI_DISK_DOC,
};

static void print_problem(void *user, uint32_t slot, const char *what)
{
	const struct check *c = user;

	progress_hide();
	if (c->problems)
		json_add_problem(c->problems, slot, what);
	else if (slot == UINT32_MAX)
		printf("%s: %s\n", c->dir, what);
	else
		printf("%s: zone %" PRIu32 ": %s\n", c->dir, slot, what);
}

/* It is as somebody wanted it, and so no problem. */
static void note_faults(const char *dir, struct disk *disk,
			struct json_object *o)
{
	struct json_object *faults = cli_faults(disk);
	size_t n = json_object_array_length(faults);
	char text[CLI_FAULT_MAX];

	for (size_t i = 0; i < n && !o; i++)
		cli_note("%s: injected, and so not checked: %s", dir,
			 cli_fault_text(disk,
					json_object_array_get_idx(faults, i),
					text));
	if (n && !o)
		cli_note("zloop inject clear %s all takes that back", dir);
	if (o)
		json_object_object_add(o, "faults", json_object_get(faults));
	json_object_put(faults);
}

static void note_doubt(void *user, const char *sentence)
{
	cli_note("%s %s", (const char *)user, sentence);
}

/* What is being written can look wrong. */
static void note_state(const char *dir, struct json_object *o)
{
	struct disk *disk;
	char who[128];

	if (cli_look(dir, &disk, NULL))
		return;
	note_faults(dir, disk, o);
	if (disk_in_use(dir, disk, 0, who, sizeof(who)))
		cli_note("%s is in use by %s; what it is just changing may "
			 "look wrong",
			 dir, who);
	disk_close(disk);
}

/* Repairs, or says what would be; how many, or -errno when it has said why
 * not. */
static int repair(const char *dir, const struct check_args *a,
		  struct json_object *o)
{
	struct check c = { .dir = dir };
	struct zl_err err;
	int ret;

	if (o) {
		c.problems = json_object_new_array();
		json_object_object_add(o, "repairs", c.problems);
	}
	ret = disk_repair(dir, a->has_opts ? &a->opts : NULL, !a->yes,
			  print_problem, &c, &err);
	if (ret >= 0)
		return ret;
	cli_error("%s", err.msg);
	if (o)
		json_add_str(o, "error", err.msg);
	return ret;
}

static int examine(const char *dir, struct json_object *o)
{
	struct check c = { .dir = dir };
	struct zl_err err;
	int ret;

	if (o) {
		c.problems = json_object_new_array();
		json_object_object_add(o, "problems", c.problems);
	}
	note_state(dir, o);
	disk_each_doubt(dir, note_doubt, (void *)dir);
	progress_start("checking");
	ret = disk_check(dir, print_problem, progress_step, &c, &err);
	progress_end();
	if (ret < 0) {
		cli_error("%s", err.msg);
		if (o)
			json_add_str(o, "error", err.msg);
	}
	return ret ? CLI_FAILED : CLI_OK;
}

/* Fills @o with the findings if it is not NULL. */
static int check_dir(const char *dir, const struct check_args *a,
		     struct json_object *o)
{
	int nr = 0;

	if (o)
		json_add_str(o, "directory", dir);
	if (a->repair)
		nr = repair(dir, a, o);
	/* What would be repaired is there still: once is enough. */
	if (nr < 0 || (nr && !a->yes && !o))
		return CLI_FAILED;
	return examine(dir, o);
}

static int check(const char *word, const struct check_args *a,
		 struct json_object *o)
{
	char dir[PATH_MAX];
	struct zl_err err;

	if (!cli_disk_dir(word, dir, &err))
		return check_dir(dir, a, o);
	cli_error("%s", err.msg);
	if (o) {
		json_add_str(o, "directory", word);
		json_add_str(o, "error", err.msg);
	}
	return CLI_FAILED;
}

static int check_json(int argc, char **argv, const struct check_args *a)
{
	struct json_object *all = json_object_new_array();
	int status = CLI_OK;

	for (int i = 0; i < argc; i++) {
		struct json_object *o = json_object_new_object();

		if (check(argv[i], a, o))
			status = CLI_FAILED;
		json_object_array_add(all, o);
	}
	json_print(all);
	return status;
}

int check_main(int argc, char **argv)
{
	struct check_args a = { .json = false };
	int status = CLI_OK;

	cli_parse(&argp, argc, argv, &a);
	argc -= a.first;
	argv += a.first;
	if (a.all)
		argc = cli_attached_dirs(&argv);
	if (a.json)
		status = check_json(argc, argv, &a);
	for (int i = 0; i < argc && !a.json; i++)
		if (check(argv[i], &a, NULL))
			status = CLI_FAILED;
	if (a.all)
		cli_free_dirs(argv, argc);
	return status;
}
