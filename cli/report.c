// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop report: all that is known of a disk, in one file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

struct report_args {
	const char *disk;
	const char *html;
};

static const struct argp_option options[] = {
	{ "html", 'o', "FILE", 0,
	  "Where to write the report, - for standard output", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report_args *a = state->input;

	switch (key) {
	case 'o':
		a->html = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->html)
			argp_error(state, "there is no --html FILE");
		return 0;
	default:
		return cli_key_one(key, arg, state, &a->disk);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DISK",
	.doc = "Write a report of DISK as one HTML file that needs no other: "
	       "the zone map, what is wrong, all zones, and "
	       "of a disk that is attached its counters, latencies and "
	       "history." CLI_DISK_DOC,
};

static int gather(struct report *r, struct zl_err *err)
{
	int ret;

	r->used_bytes = disk_space_used(r->dir, r->disk);
	if (cli_count_realms(r->disk, r->nr_active))
		return zl_fail(err, EIO, "the realms could not be read");
	ret = control_info(cli_serial(r->disk), &r->now, NULL, err);
	if (ret == -ENOENT)
		return 0;
	r->live = !ret;
	return ret ? ret : report_read_history(r, err);
}

static int write_file(const struct report *r, const char *name)
{
	FILE *f = cli_open_output(name);

	if (!f)
		return -EIO;
	report_html(r, f);
	return cli_close_output(f, name, 0);
}

int report_main(int argc, char **argv)
{
	struct report_args a = { .disk = NULL };
	struct report r = { .live = false };
	struct zl_err err;
	char dir[PATH_MAX];
	int ret;

	cli_parse(&argp, argc, argv, &a);
	r.dir = dir;
	if (cli_look_word(a.disk, dir, &r.disk, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	ret = gather(&r, &err);
	if (ret)
		cli_error("%s", err.msg);
	if (!ret)
		ret = map_read(&r.map, r.disk, dir, 0, UINT64_MAX,
			       MAP_PICTURE_CELLS);
	if (!ret)
		ret = write_file(&r, a.html);
	map_free(&r.map);
	free(r.samples);
	disk_close(r.disk);
	return ret ? CLI_FAILED : CLI_OK;
}
