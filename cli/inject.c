// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop inject: what a disk is to suffer. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"
#include "progress.h"

#define MAX_WORDS 16

struct inject_args {
	bool json;
	unsigned nr;
	const char *words[MAX_WORDS];
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct inject_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->nr == MAX_WORDS)
			argp_error(state, "'%s' is one word too many", arg);
		else
			a->words[a->nr++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->nr < 2)
			argp_error(state,
				   "say add, list or clear, and the disk");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "add DISK FAULT [MEMBER=VALUE...]\n"
		    "list DISK\n"
		    "clear DISK all|id=N|lba=N|zone=N",
	.doc = "Make DISK suffer a FAULT, list its faults, or clear them; one "
	       "that is not attached has and gets persistent ones only.  FAULT "
	       "is read-error, write-error, "
	       "delay, busy, no-zone-resources, backing-error, read-only, "
	       "offline, reset-recommended or predicted-errors, or a JSON "
	       "object.\v"
	       "Members:\n"
	       "  lba=N, blocks=N   where; else the whole disk; 0xN as zones "
	       "prints them\n"
	       "  zone=N            where: all of this zone\n"
	       "  count=N           how often it happens; else always\n"
	       "  op=WHAT           of delay and busy: read, write, sync or "
	       "zone commands;\n"
	       "                    of backing-error: see zloop(8)\n"
	       "  delay_ms=N        of delay, 1 to 600000\n"
	       "  errno=NAME        of backing-error: EIO, ENOSPC, ...\n"
	       "  written_blocks=N  of write-error: so many are written first\n"
	       "  persistent=true   also after the disk was closed\n"
	       "read-only, offline, reset-recommended and predicted-errors "
	       "are about zones,\n"
	       "and have no other members than where and persistent; they "
	       "last until cleared.\n\n"
	       "Examples:\n"
	       "  zloop inject add /srv/z0 read-error lba=4096 count=1\n"
	       "  zloop inject add /srv/z0 delay delay_ms=500 op=write zone=5\n"
	       "  zloop inject add /srv/z0 offline zone=5\n"
	       "  zloop inject list /srv/z0\n"
	       "  zloop inject clear /srv/z0 all" CLI_DISK_DOC,
};

/* A number, as zones prints them or decimal, true, false, or a word. */
static struct json_object *value(const char *s)
{
	uint64_t n;

	if (cli_number(s, &n) && n <= INT64_MAX)
		return json_object_new_int64((int64_t)n);
	if (!strcmp(s, "true") || !strcmp(s, "false"))
		return json_object_new_boolean(*s == 't');
	return json_text(s);
}

static int add_members(struct json_object *o, const char *const *words,
		       unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		const char *eq = strchr(words[i], '=');
		char key[32];

		if (!eq || eq == words[i] ||
		    (size_t)(eq - words[i]) >= sizeof(key)) {
			cli_error("'%s' is not MEMBER=VALUE%s", words[i],
				  strcmp(words[i], "persistent")
					  ? ""
					  : ", as in persistent=true");
			return -EINVAL;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(eq - words[i]),
			 words[i]);
		if (json_object_object_get_ex(o, key, NULL)) {
			cli_error("'%s' comes after another %s", words[i], key);
			return -EINVAL;
		}
		json_object_object_add(o, key, value(eq + 1));
	}
	return 0;
}

/* The fault that the words say, or NULL; *status is set then. */
static struct json_object *take_fault(const struct cli_glance *disk,
				      const struct inject_args *a, int *status)
{
	struct inject_fault ignored;
	struct json_object *o;
	struct zl_err err;
	int ret;

	*status = CLI_USAGE;
	if (a->words[2][0] == '{') {
		o = json_tokener_parse(a->words[2]);
	} else {
		o = json_object_new_object();
		json_add_str(o, "fault", a->words[2]);
	}
	if (!o) {
		cli_error("%s is not JSON", a->words[2]);
		return NULL;
	}
	ret = add_members(o, a->words + 3, a->nr - 3);
	if (!ret) {
		ret = inject_parse(o, &disk->geo, &ignored, &err);
		if (ret)
			cli_error("%s", err.msg);
	}
	if (!ret)
		return o;
	if (ret == -ERANGE)
		*status = CLI_FAILED;
	json_object_put(o);
	return NULL;
}

static int add(const struct cli_glance *disk, const struct inject_args *a)
{
	struct json_object *o, *reply;
	struct zl_err err;
	uint64_t id;
	int status;

	if (a->nr < 3) {
		cli_error("there is no fault; for example read-error lba=0");
		return CLI_USAGE;
	}
	o = take_fault(disk, a, &status);
	if (!o)
		return status;
	status = cli_said(cli_fault_add(disk, o, &id, &err), &err);
	json_object_put(o);
	if (status)
		return status;
	if (a->json) {
		reply = json_object_new_object();
		json_add_bool(reply, "ok", true);
		json_object_object_add(reply, "id",
				       id ? json_object_new_uint64(id) : NULL);
		json_print(reply);
	} else if (id) {
		printf("%" PRIu64 "\n", id);
	}
	return CLI_OK;
}

/* "id 3: read-error lba=7 …": the members in the order they came. */
static void print_fault(struct json_object *o)
{
	const char *kind =
		json_object_get_string(json_object_object_get(o, "fault"));
	struct json_object *id = json_object_object_get(o, "id");

	if (id)
		printf("id=%s ", json_object_get_string(id));
	printf("%s", kind ? kind : "?");
	json_object_object_foreach(o, key, v)
	{
		if (!v || !strcmp(key, "id") || !strcmp(key, "fault"))
			continue;
		/* As zones prints them. */
		if (!strcmp(key, "lba"))
			printf(" lba=0x%" PRIx64, json_object_get_uint64(v));
		else
			printf(" %s=%s", key, json_object_get_string(v));
	}
	putchar('\n');
}

static int list(const struct cli_glance *disk, const struct inject_args *a)
{
	struct json_object *faults;
	uint64_t left_out;
	struct zl_err err;
	size_t n;

	if (a->nr > 2) {
		cli_error("'%s' is one word too many", a->words[2]);
		return CLI_USAGE;
	}
	if (cli_said(cli_fault_list(disk, &faults, &left_out, &err), &err))
		return CLI_FAILED;
	n = json_object_array_length(faults);
	for (size_t i = 0; i < n && !a->json; i++)
		print_fault(json_object_array_get_idx(faults, i));
	if (a->json)
		json_print(json_object_get(faults));
	json_object_put(faults);
	if (left_out)
		cli_error("%" PRIu64 " more are not listed", left_out);
	return CLI_OK;
}

/* What the request would ignore. */
static const char *no_place(const struct inject_args *a)
{
	static const char *const places[] = { "id=", "lba=", "blocks=",
					      "zone=" };
	size_t p;

	for (unsigned i = 2; i < a->nr; i++) {
		for (p = 0; p < ZL_ARRAY_SIZE(places); p++)
			if (!strncmp(a->words[i], places[p], strlen(places[p])))
				break;
		if (p == ZL_ARRAY_SIZE(places))
			return a->words[i];
	}
	return NULL;
}

/* The members of "inject-clear", or NULL when it has said what is wrong. */
static struct json_object *take_where(const struct inject_args *a)
{
	struct json_object *where = json_object_new_object();
	const char *wrong = no_place(a);

	if (a->nr == 3 && !strcmp(a->words[2], "all")) {
		json_add_bool(where, "all", true);
		return where;
	}
	if (a->nr < 3 || wrong)
		cli_error("say what to clear: all, id=N, lba=N (and blocks=N) "
			  "or zone=N%s%s",
			  wrong ? ", not " : "", wrong ? wrong : "");
	else if (!add_members(where, a->words + 2, a->nr - 2))
		return where;
	json_object_put(where);
	return NULL;
}

static int clear(const struct cli_glance *disk, const struct inject_args *a)
{
	struct json_object *where = take_where(a);
	struct zl_err err;
	int status;

	if (!where)
		return CLI_USAGE;
	status = cli_said(cli_fault_clear(disk, where, &err), &err);
	json_object_put(where);
	return status;
}

static int run(const struct cli_glance *disk, const struct inject_args *a)
{
	if (!strcmp(a->words[0], "add"))
		return add(disk, a);
	if (!strcmp(a->words[0], "list"))
		return list(disk, a);
	if (!strcmp(a->words[0], "clear"))
		return clear(disk, a);
	cli_error("'%s' is not add, list or clear", a->words[0]);
	return CLI_USAGE;
}

int inject_main(int argc, char **argv)
{
	struct inject_args a = { .nr = 0 };
	struct cli_glance disk;
	struct zl_err err;

	cli_parse(&argp, argc, argv, &a);
	if (cli_glance(a.words[1], &disk, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	return run(&disk, &a);
}
