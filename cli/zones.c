// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop zones: a report of a directory's zones, attached or not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "map.h"

struct zones_args {
	const char *dir;
	bool json;
	unsigned conds; /* a bit for each that is wanted, 0: all */
	uint64_t start; /* LBA */
	uint64_t count; /* zones left to print */
	struct map_args map;
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "condition", 'c', "CONDITION", 0,
	  "Only zones in this condition: not-write-pointer, empty, "
	  "implicitly-opened, explicitly-opened, open (both), closed, full, "
	  "read-only, offline or inactive",
	  0 },
	{ "start", 's', "LBA", 0,
	  "Begin with the zone that contains this logical block (decimal, or "
	  "hexadecimal with 0x)",
	  0 },
	{ "count", 'n', "N", 0, "Print at most N zones", 0 },
	{ "map", 'm', NULL, 0,
	  "Draw the zones in the terminal, a letter and a bar of what is "
	  "written for each",
	  0 },
	{ "svg", 'v', "FILE", 0,
	  "Write the map as an SVG picture to FILE, - for standard "
	  "output",
	  0 },
	{ "png", 'p', "FILE", 0, "Write the map as a PNG picture to FILE", 0 },
	{ "width", 'w', "COLUMNS", 0, "The width of --map", 0 },
	{ "color", 'k', "WHEN", 0,
	  "Colours in --map: auto (the default), always or never", 0 },
	{ 0 },
};

static uint64_t number(const char *option, const char *s,
		       struct argp_state *state)
{
	uint64_t v;

	if (!cli_number(s, &v))
		argp_error(state,
			   "%s %s is not a number from 0 to "
			   "18446744073709551615, decimal or hexadecimal with "
			   "0x",
			   option, s);
	return v;
}

/* A bit for each that is meant. */
static unsigned conditions(const char *s, struct argp_state *state)
{
	int cond = cli_cond_parse(s);

	if (!strcasecmp(s, "open"))
		return 1u << ZC_IMP_OPEN | 1u << ZC_EXP_OPEN;
	if (cond < 0) {
		argp_error(state,
			   "--condition %s is unknown; use not-write-pointer, "
			   "empty, implicitly-opened, explicitly-opened, open "
			   "(both), closed, full, read-only, offline or "
			   "inactive",
			   s);
		return 0;
	}
	return 1u << cond;
}

static unsigned width(const char *s, struct argp_state *state)
{
	uint64_t v = number("--width", s, state);

	if (v < 1 || v > 1000)
		argp_error(state, "--width %s is not from 1 to 1000", s);
	return (unsigned)v;
}

static enum map_color color(const char *s, struct argp_state *state)
{
	static const char *const names[] = { "auto", "always", "never" };

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(s, names[i]))
			return (enum map_color)i;
	argp_error(state, "--color %s is not auto, always or never", s);
	return MAP_COLOR_AUTO;
}

/* One thing goes to standard output, and a map shows all conditions. */
static void check_map(const struct zones_args *a, struct argp_state *state)
{
	const struct map_args *m = &a->map;
	unsigned to_stdout = m->print + (m->svg && !strcmp(m->svg, "-")) +
			     (m->png && !strcmp(m->png, "-"));

	if (map_wanted(m) && (a->json || a->conds))
		argp_error(state, "%s cannot be with --map, --svg and --png",
			   a->json ? "--json" : "--condition");
	if (to_stdout > 1)
		argp_error(state, "only one of --map, --svg - and --png - can "
				  "go to standard output");
	if ((m->width || m->color != MAP_COLOR_AUTO) && !m->print)
		argp_error(state, "%s needs --map",
			   m->width ? "--width" : "--color");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct zones_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case 'c':
		a->conds = conditions(arg, state);
		return 0;
	case 's':
		a->start = number("--start", arg, state);
		return 0;
	case 'n':
		a->count = number("--count", arg, state);
		return 0;
	case 'm':
		a->map.print = true;
		return 0;
	case 'v':
		a->map.svg = arg;
		return 0;
	case 'p':
		a->map.png = arg;
		return 0;
	case 'w':
		a->map.width = width(arg, state);
		return 0;
	case 'k':
		a->map.color = color(arg, state);
		return 0;
	case ARGP_KEY_END:
		check_map(a, state);
		return 0;
	default:
		return cli_key_one(key, arg, state, &a->dir);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DISK",
	.doc = "List the zones of DISK.  Addresses and lengths are logical "
	       "blocks.\v"
	       "A disk that is attached is asked for its zones as they are; "
	       "where that is not possible, its implicitly opened zones are "
	       "shown as closed." CLI_DISK_DOC,
};

struct report {
	struct zones_args *args;
	bool any; /* something has been printed */
};

static void print_text(const struct zone_info *z)
{
	char wp[24] = "-", file[16] = "-", type[CLI_WORD_MAX],
	     cond[CLI_WORD_MAX];

	if (z->wp_lba != UINT64_MAX)
		snprintf(wp, sizeof(wp), "0x%" PRIx64, z->wp_lba);
	if (z->type != ZT_GAP && z->cond != ZC_INACTIVE)
		snprintf(file, sizeof(file), "%s-%06" PRIu32,
			 z->type == ZT_CONVENTIONAL ? "cnv" : "seq", z->slot);
	printf("%-11s %-26s %-18s 0x%-10" PRIx64 " 0x%-8" PRIx64 " %s%s\n",
	       file, cli_word(zone_type_name(z->type), type),
	       cli_word(zone_cond_name(z->cond), cond), z->start_lba, z->blocks,
	       wp, z->attrs & ZA_NON_SEQ ? " NON_SEQ" : "");
}

static void print_json(const struct zone_info *z, bool first)
{
	struct json_object *o = json_object_new_object();
	char word[CLI_WORD_MAX];

	json_add_u64(o, "zone", z->slot);
	json_add_str(o, "type", cli_word(zone_type_name(z->type), word));
	json_add_str(o, "condition", cli_word(zone_cond_name(z->cond), word));
	json_add_u64(o, "start_lba", z->start_lba);
	json_add_u64(o, "blocks", z->blocks);
	json_object_object_add(o, "write_pointer_lba",
			       z->wp_lba == UINT64_MAX
				       ? NULL
				       : json_object_new_uint64(z->wp_lba));
	json_add_bool(o, "non_seq", z->attrs & ZA_NON_SEQ);
	fputs(first ? "\n    " : ",\n    ", stdout);
	json_print_compact(o);
}

static bool print_zone(void *user, const struct zone_info *z)
{
	struct report *r = user;

	if (!r->args->count)
		return false;
	if (r->args->conds && !(r->args->conds >> z->cond & 1))
		return true;
	if (r->args->json)
		print_json(z, !r->any);
	else
		print_text(z);
	r->any = true;
	return --r->args->count > 0;
}

/* One zone at a time: a list of a million as one JSON value would need more
 * memory than the disk. */
static int print_zones(struct disk *disk, struct zones_args *args)
{
	struct report r = { .args = args };
	struct json_object *dir = json_text(args->dir);
	int ret;

	if (args->json) {
		fputs("{\n  \"directory\": ", stdout);
		json_print_compact(json_object_get(dir));
		printf(",\n  \"block_size\": %" PRIu32 ",\n  \"zones\": [",
		       disk_meta(disk)->block_bytes);
	} else {
		printf("%-11s %-26s %-18s %-12s %-10s %s\n", "FILE", "TYPE",
		       "CONDITION", "START LBA", "BLOCKS", "WRITE POINTER");
	}
	ret = cli_each_zone(disk, args->start, print_zone, &r);
	if (args->json)
		printf("%s]\n}\n", r.any ? "\n  " : "");
	json_object_put(dir);
	return ret;
}

static void count_problem(void *user, uint32_t slot, const char *what)
{
	(void)slot, (void)what;
	++*(unsigned *)user;
}

static void note_problems(struct disk *disk, const char *dir)
{
	unsigned nr = 0;

	disk_each_problem(disk, count_problem, &nr);
	if (nr)
		cli_note("%u thing%s %s not as %s should be; zloop check %s "
			 "explains",
			 nr, nr == 1 ? "" : "s", nr == 1 ? "is" : "are",
			 nr == 1 ? "it" : "they", dir);
}

int zones_main(int argc, char **argv)
{
	struct zones_args a = { .count = UINT64_MAX };
	char dir[PATH_MAX];
	struct disk *disk;
	struct zl_err err;
	int status = CLI_OK;

	cli_parse(&argp, argc, argv, &a);
	if (cli_look_word(a.dir, dir, &disk, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	a.dir = dir;
	if (a.start < disk_geo(disk)->capacity_blocks) {
		if (map_wanted(&a.map))
			status = map_run(disk, a.dir, a.start, a.count, &a.map);
		else if (print_zones(disk, &a))
			status = CLI_FAILED;
		note_problems(disk, a.dir);
	} else {
		cli_error("--start 0x%" PRIx64
			  " is beyond the disk; use 0x%" PRIx64 " or less",
			  a.start, disk_geo(disk)->capacity_blocks - 1);
		status = CLI_FAILED;
	}
	disk_close(disk);
	return status;
}
