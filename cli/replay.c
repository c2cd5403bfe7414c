// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop replay: a recorded disk as it was, or as it could have been left. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "copies.h"
#include "progress.h"
#include "replay/replay.h"

struct replay_args {
	const char *words[1];
	const char *to, *into, *base;
	bool list, json, crash, count;
	uint64_t seed, state; /* UINT64_MAX: not given */
};

static const struct argp_option options[] = {
	{ "list", 'l', NULL, 0, "List the points of FILE", 0 },
	{ "to", 't', "POINT", 0,
	  "A number of --list, end, flush=K, fua=K, or the text of a mark; "
	  "end if it is not given",
	  0 },
	{ "into", 'i', "DIRECTORY", 0, "Build the disk there", 0 },
	{ "crash", 'c', NULL, 0,
	  "… as a power failure at POINT could have left it", 0 },
	{ "seed", 's', "N", 0, "… one of those, chosen by N", 0 },
	{ "state", 'S', "N", 0, "… that one of as many as --count says", 0 },
	{ "count", 'C', NULL, 0, "Say how many there are", 0 },
	{ "base", 'b', "DIRECTORY", 0,
	  "The snapshot with which FILE begins, if it was moved", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static void take_number(const char *arg, struct argp_state *state,
			const char *option, uint64_t *v)
{
	if (!cli_number(arg, v) || *v > INT64_MAX)
		argp_error(state, "--%s %s is not a number", option, arg);
}

static void check(const struct replay_args *a, struct argp_state *state)
{
	bool which = a->seed != UINT64_MAX || a->state != UINT64_MAX;

	if (a->list + a->count + (a->into != NULL) != 1)
		argp_error(state, "there must be one of --list, --count and "
				  "--into");
	if (a->seed != UINT64_MAX && a->state != UINT64_MAX)
		argp_error(state, "--seed and --state exclude each other");
	if (which && !a->crash)
		argp_error(state, "--seed and --state are for --crash");
	if (a->crash && a->list)
		argp_error(state, "--crash is for --into and --count");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct replay_args *a = state->input;

	switch (key) {
	case 'l':
		a->list = true;
		return 0;
	case 't':
		a->to = arg;
		return 0;
	case 'i':
		a->into = arg;
		return 0;
	case 'c':
		a->crash = true;
		return 0;
	case 's':
		take_number(arg, state, "seed", &a->seed);
		return 0;
	case 'S':
		take_number(arg, state, "state", &a->state);
		return 0;
	case 'C':
		a->count = true;
		return 0;
	case 'b':
		a->base = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_SUCCESS:
		check(a, state);
		return 0;
	default:
		return copies_key_words(key, arg, state, a->words, 1, 1,
					"a FILE");
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "FILE",
	.doc = "List what is in FILE, of zloop record, or build the disk that "
	       "it "
	       "is about as it was "
	       "at POINT, or as a power failure there could have left it, in "
	       "DIRECTORY, which is made if it is missing.  It gets a serial "
	       "number of its own, which is printed.",
};

static int failed(const struct zl_err *err)
{
	cli_error("%s", err->msg);
	return CLI_FAILED;
}

/*
 * --list
 */

static uint64_t point_of(const struct replay *r, uint64_t seq)
{
	uint64_t first = replay_at(r, 0)->seq;

	return seq > first ? seq - first : 0;
}

static bool has_text(const struct record *rec)
{
	return rec->type == RECORD_MARK || rec->type == RECORD_END;
}

static struct json_object *flags_json(const struct record *rec)
{
	static const char *const names[] = { "fua", "more", "failed", "all" };
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < ZL_ARRAY_SIZE(names); i++)
		if (rec->flags & 1u << i)
			json_object_array_add(array,
					      json_object_new_string(names[i]));
	return array;
}

static struct json_object *record_json(const struct replay *r, uint64_t point)
{
	const struct record *rec = replay_at(r, point);
	struct json_object *o = json_object_new_object();
	char text[256];

	json_add_u64(o, "point", point);
	json_add_u64(o, "begin", point_of(r, rec->begin));
	json_add_str(o, "type", record_type_name(rec->type));
	json_add_u64(o, "time_ns", rec->time_ns);
	json_add_u64(o, "lba", rec->lba);
	json_add_u64(o, "blocks", rec->nr_blocks);
	json_object_object_add(o, "flags", flags_json(rec));
	if (has_text(rec)) {
		snprintf(text, sizeof(text), "%.*s", (int)rec->data_bytes,
			 (const char *)rec->data);
		json_object_object_add(o, "text", json_text(text));
	}
	return o;
}

static void print_record(const struct replay *r, uint64_t point)
{
	const struct record *rec = replay_at(r, point);

	printf("%8" PRIu64 " %8" PRIu64 " %12.6f %-7s", point,
	       point_of(r, rec->begin), (double)rec->time_ns / 1e9,
	       record_type_name(rec->type));
	if (has_text(rec))
		printf(" %.*s", (int)rec->data_bytes, (const char *)rec->data);
	else if (rec->type != RECORD_FLUSH && rec->type != RECORD_HEAD)
		printf(" %" PRIu64 "+%" PRIu32, rec->lba, rec->nr_blocks);
	printf("%s%s%s\n", rec->flags & RECORD_FUA ? " FUA" : "",
	       rec->flags & RECORD_MORE ? " goes on" : "",
	       rec->flags & RECORD_FAILED ? " failed" : "");
}

static void note_end(const struct replay *r)
{
	uint64_t bad;

	if (!replay_is_complete(r, &bad))
		cli_note("the record was not stopped: it lacks what came last");
	if (bad)
		cli_note("%" PRIu64 " bytes behind the last whole record were "
			 "left out",
			 bad);
}

static int list(const struct replay_args *a, const struct replay *r)
{
	struct json_object *o;
	uint64_t bad;

	if (!a->json)
		printf("%8s %8s %12s %s\n", "POINT", "BEGIN", "SECONDS",
		       "WHAT");
	else
		puts("[");
	for (uint64_t i = 0; i <= replay_last(r); i++) {
		if (!a->json) {
			print_record(r, i);
			continue;
		}
		o = record_json(r, i);
		printf("%s%s\n",
		       json_object_to_json_string_ext(o,
						      JSON_C_TO_STRING_PLAIN),
		       i < replay_last(r) ? "," : "");
		json_object_put(o);
	}
	if (a->json)
		puts("]");
	if (!replay_is_complete(r, &bad) || bad)
		note_end(r);
	return CLI_OK;
}

/*
 * --count and --into
 */

static int count(const struct replay_args *a, const struct replay *r,
		 uint64_t point)
{
	struct json_object *o;
	struct zl_err err;
	uint64_t n;

	if (replay_count(r, point, &n, &err))
		return failed(&err);
	if (a->json) {
		o = json_object_new_object();
		json_add_u64(o, "point", point);
		json_object_object_add(
			o, "states",
			n > INT64_MAX ? NULL : json_object_new_uint64(n));
		json_print(o);
	} else if (n == UINT64_MAX) {
		puts("more than can be numbered");
	} else {
		printf("%" PRIu64 "\n", n);
	}
	return CLI_OK;
}

/* Short enough to be typed. */
static int choose(const struct replay_args *a, struct replay_crash *crash)
{
	uint32_t seed;

	crash->random = a->state == UINT64_MAX;
	crash->state = crash->random ? a->seed : a->state;
	if (crash->state != UINT64_MAX)
		return 0;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		cli_error("no random numbers for a seed");
		return -EIO;
	}
	crash->state = seed;
	if (!progress_is_quiet())
		cli_note("--seed %" PRIu32 " builds this one again", seed);
	return 0;
}

static void print_built(const struct replay_args *a, uint64_t point,
			const struct replay_crash *crash,
			const struct disk_meta *meta)
{
	struct json_object *o;

	if (!a->json) {
		puts(meta->serial);
		return;
	}
	o = json_object_new_object();
	json_add_str(o, "directory", a->into);
	json_add_str(o, "serial", meta->serial);
	json_add_u64(o, "point", point);
	if (a->crash)
		json_add_u64(o, crash->random ? "seed" : "state", crash->state);
	json_print(o);
}

static int build(const struct replay_args *a, const struct replay *r,
		 uint64_t point)
{
	struct replay_crash crash;
	struct disk_meta meta;
	struct zl_err err;
	int ret;

	if (a->crash && choose(a, &crash))
		return CLI_FAILED;
	progress_start("building");
	ret = replay_build(r, point, a->crash ? &crash : NULL, a->into,
			   progress_step, NULL, &meta, &err);
	progress_end();
	if (ret)
		return failed(&err);
	print_built(a, point, &crash, &meta);
	return CLI_OK;
}

int replay_main(int argc, char **argv)
{
	struct replay_args a = { .seed = UINT64_MAX, .state = UINT64_MAX };
	struct replay *r;
	struct zl_err err;
	uint64_t point;
	int status;

	cli_parse(&argp, argc, argv, &a);
	if (replay_open(a.words[0], a.base, &r, &err))
		return failed(&err);
	if (a.list)
		status = list(&a, r);
	else if (replay_find(r, a.to ? a.to : "end", &point, &err))
		status = failed(&err);
	else
		status = a.count ? count(&a, r, point) : build(&a, r, point);
	replay_close(r);
	return status;
}
