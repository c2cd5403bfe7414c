// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop record: what a running disk acknowledges, from a snapshot on. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/ask.h"
#include "copies.h"
#include "progress.h"

struct record_args {
	const char *words[3];
	bool json;
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_args *a = state->input;

	if (key == 'j') {
		a->json = true;
		return 0;
	}
	return copies_key_words(key, arg, state, a->words, 2, 3,
				"start, stop, mark or status, and a DISK");
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "start DISK [FILE]\nstop DISK\nmark DISK TEXT\nstatus DISK",
	.doc = "Record all that DISK, which must be attached, acknowledges in "
	       "FILE, a new one, from a snapshot on that is made for it; stop "
	       "that; put a mark into it; or say how it is.  zloop replay "
	       "builds what the disk was at any moment in between, or what a "
	       "power failure could have left." CLI_DISK_DOC,
};

static int say(const struct record_args *a, struct control_record *r)
{
	struct json_object *o;
	char size[CLI_SIZE_MAX];

	if (a->json) {
		o = json_object_new_object();
		json_add_bool(o, "on", r->on);
		json_add_str(o, "file", r->file);
		json_add_u64(o, "records", r->records);
		json_add_u64(o, "bytes", r->bytes);
		json_add_u64(o, "marks", r->marks);
		json_add_str(o, "why", r->why);
		json_print(o);
	} else if (!r->file[0]) {
		puts("nothing is recorded");
	} else {
		printf("%s: %" PRIu64 " records, %s%s%s%s\n", r->file,
		       r->records, cli_size(r->bytes, size),
		       r->on ? "" : "; ended: ", r->on ? "" : r->why,
		       r->on ? "; goes on" : "");
	}
	return CLI_OK;
}

static int failed(const struct zl_err *err)
{
	cli_error("%s", err->msg);
	return CLI_FAILED;
}

/* Before a snapshot is made. */
static int check_idle(struct disk *disk, struct zl_err *err)
{
	struct control_record r;
	int ret = control_record_status(cli_serial(disk), &r, err);

	if (ret || !r.on)
		return ret;
	return zl_fail(err, EBUSY, "%s is recorded in %s; stop that first",
		       disk_name(disk), r.file);
}

static int start(const struct record_args *a, struct disk *disk)
{
	char name[SNAPSHOT_NAME_MAX + 1], file[PATH_MAX];
	struct json_object *o;
	struct zl_err err;
	int ret;

	ret = check_idle(disk, &err);
	if (ret)
		return cli_said(ret, &err);
	copies_name(disk_name(disk), "record-", name);
	if (a->words[2])
		ret = copies_absolute(a->words[2], file, &err);
	else
		ret = snapshot_log(disk_name(disk), name, file, &err);
	if (!ret)
		ret = copies_take(disk, name, file, &err);
	if (ret)
		return failed(&err);
	if (!a->json) {
		puts(file);
		return CLI_OK;
	}
	o = json_object_new_object();
	json_add_str(o, "file", file);
	json_add_str(o, "snapshot", name);
	json_print(o);
	return CLI_OK;
}

static int stop(const struct record_args *a, struct disk *disk)
{
	struct control_record r;
	struct zl_err err;
	int ret = control_record_stop(cli_serial(disk), &r, &err);

	return ret ? cli_said(ret, &err) : say(a, &r);
}

static int mark(const struct record_args *a, struct disk *disk)
{
	uint64_t point;
	struct json_object *o;
	struct zl_err err;
	int ret;

	if (!a->words[2]) {
		cli_error("there must be the mark's TEXT");
		return CLI_USAGE;
	}
	ret = control_record_mark(cli_serial(disk), a->words[2], &point, &err);
	if (ret)
		return cli_said(ret, &err);
	if (!a->json) {
		printf("%" PRIu64 "\n", point);
		return CLI_OK;
	}
	o = json_object_new_object();
	json_add_u64(o, "point", point);
	json_print(o);
	return CLI_OK;
}

static int status(const struct record_args *a, struct disk *disk)
{
	struct control_record r;
	struct zl_err err;
	int ret = control_record_status(cli_serial(disk), &r, &err);

	return ret ? cli_said(ret, &err) : say(a, &r);
}

static const struct verb {
	const char *name;
	int (*run)(const struct record_args *a, struct disk *disk);
	bool third;
} verbs[] = {
	{ "start", start, true },
	{ "stop", stop, false },
	{ "mark", mark, true },
	{ "status", status, false },
};

static const struct verb *find_verb(const struct record_args *a)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(verbs); i++) {
		if (strcmp(a->words[0], verbs[i].name))
			continue;
		if (!a->words[2] || verbs[i].third)
			return &verbs[i];
		cli_error("'%s' is one word too many", a->words[2]);
		return NULL;
	}
	cli_error("'%s' is not start, stop, mark or status", a->words[0]);
	return NULL;
}

int record_main(int argc, char **argv)
{
	struct record_args a = { .json = false };
	const struct verb *verb;
	char dir[PATH_MAX];
	struct disk *disk;
	struct zl_err err;
	int ret;

	cli_parse(&argp, argc, argv, &a);
	verb = find_verb(&a);
	if (!verb)
		return CLI_USAGE;
	if (cli_look_word(a.words[1], dir, &disk, &err))
		return failed(&err);
	ret = verb->run(&a, disk);
	disk_close(disk);
	return ret;
}
