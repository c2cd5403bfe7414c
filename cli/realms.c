// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop realms: a disk's zone domains and realms; zloop activate. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "control/ask.h"
#include "target.h"

/* What was not made with model=realms has neither. */
static int look(const char *word, char dir[PATH_MAX], struct disk **disk)
{
	struct zl_err err;

	if (cli_look_word(word, dir, disk, &err)) {
		cli_error("%s", err.msg);
		return -ENOENT;
	}
	if (disk_geo(*disk)->domains.nr)
		return 0;
	cli_error("the disk in %s has neither zone domains nor realms; make "
		  "one with model=realms",
		  dir);
	disk_close(*disk);
	return -EINVAL;
}

/*
 * zloop realms
 */

struct realms_args {
	const char *disk;
	bool json;
};

static const struct argp_option realms_options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t realms_parse(int key, char *arg, struct argp_state *state)
{
	struct realms_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	default:
		return cli_key_one(key, arg, state, &a->disk);
	}
}

static const struct argp realms_argp = {
	.options = realms_options,
	.parser = realms_parse,
	.args_doc = "DISK",
	.doc = "List the zone domains and the zone realms of DISK, which was "
	       "made with model=realms: where they lie, and in which domain "
	       "each realm is active.  Addresses are logical "
	       "blocks." CLI_DISK_DOC,
};

static int each_realm(struct disk *disk, control_realm_fn *fn, void *user)
{
	struct zl_err err;
	int ret = control_realms(cli_serial(disk), 0, fn, user, &err);

	if (ret == -ENOENT)
		disk_each_realm(disk, 0, fn, user);
	else if (ret)
		cli_error("%s", err.msg);
	return ret == -ENOENT ? 0 : ret;
}

static bool count_active(void *user, const struct zone_realm_info *realm)
{
	uint64_t *nr_active = user;

	nr_active[realm->active % ZONE_MAX_DOMAINS]++;
	return true;
}

int cli_count_realms(struct disk *disk, uint64_t nr_active[ZONE_MAX_DOMAINS])
{
	memset(nr_active, 0, ZONE_MAX_DOMAINS * sizeof(*nr_active));
	return disk_geo(disk)->domains.nr
		       ? each_realm(disk, count_active, nr_active)
		       : 0;
}

static struct json_object *domain_json(struct disk *disk, unsigned i,
				       uint64_t nr_active)
{
	struct json_object *o = json_object_new_object();
	struct zone_domain_info d;
	char word[CLI_WORD_MAX];

	disk_domain(disk, i, &d);
	json_add_u64(o, "domain", i);
	json_add_str(o, "type", cli_word(zone_type_name(d.type), word));
	json_add_u64(o, "type_code", d.type);
	json_add_u64(o, "start_lba", d.start_lba);
	json_add_u64(o, "end_lba", d.end_lba);
	json_add_u64(o, "zones", d.zones);
	json_add_u64(o, "active_zones",
		     nr_active * disk_geo(disk)->domains.d[i].realm_slots);
	json_add_u64(o, "realms", disk_geo(disk)->domains.d[i].nr_realms);
	json_add_u64(o, "active_realms", nr_active);
	return o;
}

struct json_object *cli_domains_json(struct disk *disk,
				     const uint64_t nr_active[ZONE_MAX_DOMAINS])
{
	struct json_object *all = json_object_new_array();

	for (unsigned i = 0; i < disk_geo(disk)->domains.nr; i++)
		json_object_array_add(all, domain_json(disk, i, nr_active[i]));
	return all;
}

struct realms {
	struct disk *disk;
	const struct zone_domains *domains;
	uint64_t nr_active[ZONE_MAX_DOMAINS];
	bool any; /* has been printed */
};

static void range_text(uint64_t start_lba, uint64_t end_lba, char buf[48])
{
	if (end_lba)
		snprintf(buf, 48, "0x%" PRIx64 "-0x%" PRIx64, start_lba,
			 end_lba);
	else
		snprintf(buf, 48, "-");
}

static bool print_realm(void *user, const struct zone_realm_info *realm)
{
	const struct realms *r = user;
	char range[48];

	printf("%-6" PRIu32 " %-6u", realm->realm, realm->active);
	for (unsigned i = 0; i < r->domains->nr; i++) {
		range_text(realm->range[i].start_lba, realm->range[i].end_lba,
			   range);
		printf(i + 1 < r->domains->nr ? " %-25s" : " %s", range);
	}
	putchar('\n');
	return true;
}

static void print_domain(const struct realms *r, unsigned i)
{
	struct zone_domain_info d;
	char type[CLI_WORD_MAX], range[48];

	disk_domain(r->disk, i, &d);
	range_text(d.start_lba, d.end_lba, range);
	printf("%-6u %-31s %-25s %-7" PRIu32 " %" PRIu64 " of %" PRIu32 "\n", i,
	       cli_word(zone_type_name(d.type), type), range, d.zones,
	       r->nr_active[i], r->domains->d[i].nr_realms);
}

static int print_text(struct realms *r)
{
	printf("%-6s %-31s %-25s %-7s %s\n", "DOMAIN", "TYPE", "LBAS", "ZONES",
	       "ACTIVE REALMS");
	for (unsigned i = 0; i < r->domains->nr; i++)
		print_domain(r, i);
	printf("\n%-6s %-6s", "REALM", "ACTIVE");
	for (unsigned i = 0; i < r->domains->nr; i++)
		printf(i + 1 < r->domains->nr ? " IN DOMAIN %-15u"
					      : " IN DOMAIN %u",
		       i);
	putchar('\n');
	return each_realm(r->disk, print_realm, r);
}

static bool print_realm_json(void *user, const struct zone_realm_info *realm)
{
	struct json_object *o = json_object_new_object(),
			   *ranges = json_object_new_array(), *range;
	struct realms *r = user;

	json_add_u64(o, "realm", realm->realm);
	json_add_u64(o, "active", realm->active);
	for (unsigned i = 0; i < r->domains->nr; i++) {
		range = NULL;
		if (realm->range[i].end_lba) {
			range = json_object_new_object();
			json_add_u64(range, "start_lba",
				     realm->range[i].start_lba);
			json_add_u64(range, "end_lba", realm->range[i].end_lba);
		}
		json_object_array_add(ranges, range);
	}
	json_object_object_add(o, "ranges", ranges);
	fputs(r->any ? ",\n    " : "\n    ", stdout);
	json_print_compact(o);
	r->any = true;
	return true;
}

/* One realm at a time: there may be a million. */
static int print_json(struct realms *r, const char *dir)
{
	int ret;

	fputs("{\n  \"directory\": ", stdout);
	json_print_compact(json_text(dir));
	printf(",\n  \"block_size\": %" PRIu32 ",\n  \"domains\": ",
	       disk_meta(r->disk)->block_bytes);
	json_print_compact(cli_domains_json(r->disk, r->nr_active));
	fputs(",\n  \"realms\": [", stdout);
	ret = each_realm(r->disk, print_realm_json, r);
	fputs("\n  ]\n}\n", stdout);
	return ret;
}

int realms_main(int argc, char **argv)
{
	struct realms_args a = { .json = false };
	struct realms r = { .any = false };
	char dir[PATH_MAX];
	int ret;

	cli_parse(&realms_argp, argc, argv, &a);
	if (look(a.disk, dir, &r.disk))
		return CLI_FAILED;
	r.domains = &disk_geo(r.disk)->domains;
	ret = cli_count_realms(r.disk, r.nr_active);
	if (!ret)
		ret = a.json ? print_json(&r, dir) : print_text(&r);
	disk_close(r.disk);
	return ret ? CLI_FAILED : CLI_OK;
}

/*
 * zloop activate
 */

struct activate_args {
	const char *disk, *range, *domain;
	bool query, json;
};

static const struct argp_option activate_options[] = {
	{ "query", 'q', NULL, 0,
	  "Change nothing, and say whether it could be done", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t activate_parse(int key, char *arg, struct argp_state *state)
{
	struct activate_args *a = state->input;
	const char **words[] = { &a->disk, &a->range, &a->domain };

	switch (key) {
	case 'q':
		a->query = true;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num >= ZL_ARRAY_SIZE(words))
			argp_error(state, "%s is one word too many", arg);
		else
			*words[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < ZL_ARRAY_SIZE(words))
			argp_error(state, "DISK, REALMS and DOMAIN are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp activate_argp = {
	.options = activate_options,
	.parser = activate_parse,
	.args_doc = "DISK REALMS DOMAIN",
	.doc = "Make REALMS of DISK active in DOMAIN: their zones there "
	       "become empty, and those in the domain that they were active in "
	       "become inactive, with all that is in them.  Realms with a "
	       "write pointer zone that is not empty are not activated; "
	       "conventional zones are, whatever is in them.\v"
	       "REALMS is a number, FIRST-LAST, or all, which leaves out those "
	       "that are active in DOMAIN already or have no zones there.  "
	       "DOMAIN is a number, or one of conv, sobr, seq and seqp.  zloop "
	       "realms lists both." CLI_DISK_DOC,
};

/* -EINVAL when it has said what is wrong. */
static int take_range(const struct zone_domains *domains, const char *s,
		      struct control_activation *a)
{
	const char *dash = strchr(s, '-');
	size_t len = dash ? (size_t)(dash - s) : strlen(s);
	uint64_t first, last;

	a->all = !strcmp(s, "all");
	if (a->all)
		return 0;
	if (parse_u64(s, len, &first) ||
	    (dash && parse_u64(dash + 1, strlen(dash + 1), &last))) {
		cli_error("REALMS %s is neither a number, nor FIRST-LAST, nor "
			  "all",
			  s);
		return -EINVAL;
	}
	if (!dash)
		last = first;
	if (last < first || last >= domains->nr_realms) {
		cli_error("REALMS %s is not among those that there are, 0-%u",
			  s, domains->nr_realms - 1);
		return -EINVAL;
	}
	a->first = (uint32_t)first;
	a->last = (uint32_t)last;
	return 0;
}

static int take_domain(const struct zone_domains *domains, const char *s,
		       struct control_activation *a)
{
	static const char *const names[] = {
		[ZT_CONVENTIONAL] = "conv",
		[ZT_SEQ_OR_BEFORE] = "sobr",
		[ZT_SEQ_REQUIRED] = "seq",
		[ZT_SEQ_PREFERRED] = "seqp",
	};
	uint64_t n;
	bool number = !parse_u64(s, strlen(s), &n);

	for (uint8_t i = 0; i < domains->nr; i++) {
		if (number ? n != i : strcmp(names[domains->d[i].type], s))
			continue;
		a->domain = i;
		return 0;
	}
	cli_error("DOMAIN %s is not one of the disk's; zloop realms lists "
		  "them",
		  s);
	return -EINVAL;
}

static int ask(struct disk *disk, struct control_activation *a,
	       struct zl_err *err)
{
	struct control_peer to = { .serial = cli_serial(disk) };
	int ret;

	if (to.serial)
		return control_activate(&to, a, err);
	if (a->query) {
		to.disk = disk;
		return control_activate(&to, a, err);
	}
	ret = cli_open_detached(disk_name(disk), &to.disk, err);
	if (ret)
		return ret;
	ret = control_activate(&to, a, err);
	disk_close(to.disk);
	return ret;
}

static void say_json(const struct control_activation *a)
{
	struct json_object *o = json_object_new_object();

	json_add_bool(o, "activated", a->activated);
	json_add_u64(o, "realms", a->realms);
	json_object_object_add(o, "unmet",
			       *a->unmet ? json_object_new_string(a->unmet)
					 : NULL);
	json_object_object_add(
		o, "unmet_lba",
		*a->unmet ? json_object_new_int64((int64_t)a->unmet_lba)
			  : NULL);
	json_print(o);
}

/* What is unmet, at the zone that starts there, and what would help. */
static void say_unmet(const struct disk *disk,
		      const struct control_activation *a)
{
	uint64_t zone = a->unmet_lba / disk_geo(disk)->zone_blocks;

	if (!strcmp(a->unmet, "not-empty"))
		cli_error("nothing was activated: zone %" PRIu64
			  " is not empty, or read-only or offline; reset the "
			  "realm's zones first",
			  zone);
	else if (!strcmp(a->unmet, "not-inactive"))
		cli_error("nothing was activated: the realm with zone %" PRIu64
			  " is active in that domain already",
			  zone);
	else
		cli_error("nothing was activated: %s, at zone %" PRIu64,
			  a->unmet, zone);
}

static int say(const struct disk *disk, const struct activate_args *args,
	       const struct control_activation *a)
{
	if (args->json)
		say_json(a);
	else if (*a->unmet)
		say_unmet(disk, a);
	else
		printf("%" PRIu64 " realm%s %sactivated\n", a->realms,
		       a->realms == 1 ? "" : "s", args->query ? "can be " : "");
	return *a->unmet ? CLI_FAILED : CLI_OK;
}

int activate_main(int argc, char **argv)
{
	struct activate_args args = { .query = false };
	struct control_activation a = { .all = false };
	const struct zone_domains *domains;
	char dir[PATH_MAX];
	struct disk *disk;
	struct zl_err err;
	int status = CLI_USAGE, ret;

	cli_parse(&activate_argp, argc, argv, &args);
	if (look(args.disk, dir, &disk))
		return CLI_FAILED;
	domains = &disk_geo(disk)->domains;
	a.query = args.query;
	if (!take_range(domains, args.range, &a) &&
	    !take_domain(domains, args.domain, &a)) {
		ret = ask(disk, &a, &err);
		status = ret ? cli_said(ret, &err) : say(disk, &args, &a);
	}
	disk_close(disk);
	return status;
}
