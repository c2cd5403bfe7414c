// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The requests "realms" and "activate". */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/num.h"
#include "control/internal.h"
#include "disk/disk.h"

static int need_realms(struct request *r)
{
	if (disk_geo(r->disk)->domains.nr)
		return 0;
	return zl_fail(r->err, EINVAL,
		       "the disk has neither zone domains nor realms; it was "
		       "not made with model=realms");
}

static void add_u64(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, new_u64(v));
}

/*
 * realms
 */

struct json_object *domains_json(struct disk *disk)
{
	struct json_object *all = json_object_new_array(), *o;
	const struct zone_domains *domains = &disk_geo(disk)->domains;
	struct zone_domain_info d;

	for (unsigned i = 0; i < domains->nr; i++) {
		disk_domain(disk, i, &d);
		o = json_object_new_object();
		add_u64(o, "domain", i);
		json_object_object_add(o, "type",
				       new_word(zone_type_name(d.type)));
		add_u64(o, "type_code", d.type);
		add_u64(o, "start_lba", d.start_lba);
		add_u64(o, "end_lba", d.end_lba);
		add_u64(o, "zones", d.zones);
		add_u64(o, "active_zones", d.active_zones);
		add_u64(o, "realms", domains->d[i].nr_realms);
		add_u64(o, "active_realms",
			d.active_zones / domains->d[i].realm_slots);
		json_object_array_add(all, o);
	}
	return all;
}

/* Its zones in each domain, null where it has none. */
static struct json_object *ranges_json(const struct zone_realm_info *realm,
				       unsigned domains)
{
	struct json_object *all = json_object_new_array(), *o;

	for (unsigned i = 0; i < domains; i++) {
		o = NULL;
		if (realm->range[i].end_lba) {
			o = json_object_new_object();
			add_u64(o, "start_lba", realm->range[i].start_lba);
			add_u64(o, "end_lba", realm->range[i].end_lba);
		}
		json_object_array_add(all, o);
	}
	return all;
}

static struct json_object *realm_json(const struct zone_realm_info *realm,
				      unsigned domains)
{
	struct json_object *o = json_object_new_object();

	add_u64(o, "realm", realm->realm);
	add_u64(o, "active", realm->active);
	json_object_object_add(o, "ranges", ranges_json(realm, domains));
	return o;
}

/* As in zones.c. */
struct realm_page {
	uint64_t max, next;
	unsigned nr;
	struct zone_realm_info realms[CONTROL_MAX_ZONES];
};

static bool add_realm(void *user, const struct zone_realm_info *realm)
{
	struct realm_page *p = user;

	if (p->nr == p->max) {
		p->next = realm->realm;
		return false;
	}
	p->realms[p->nr++] = *realm;
	return true;
}

static void reply_realms(struct request *r, const struct realm_page *p)
{
	struct json_object *realms = json_object_new_array();
	unsigned domains = disk_geo(r->disk)->domains.nr;

	for (unsigned i = 0; i < p->nr; i++)
		json_object_array_add(realms,
				      realm_json(&p->realms[i], domains));
	reply_add(r, "domains", domains_json(r->disk));
	reply_add(r, "realms", realms);
	reply_add(r, "next_realm", new_u64(p->next));
}

int do_realms(struct request *r)
{
	const struct zone_domains *domains = &disk_geo(r->disk)->domains;
	uint64_t first = 0, max = CONTROL_MAX_ZONES;
	struct realm_page *p;

	if (need_realms(r) ||
	    !request_u64(r, "first", domains->nr_realms - 1, &first) ||
	    !request_u64(r, "count", CONTROL_MAX_ZONES, &max))
		return -EINVAL;
	p = malloc(sizeof(*p));
	if (!p)
		return zl_fail(r->err, ENOMEM, "out of memory");
	p->max = max;
	p->next = UINT64_MAX;
	p->nr = 0;
	disk_each_realm(r->disk, (uint32_t)first, add_realm, p);
	reply_realms(r, p);
	free(p);
	return 0;
}

/*
 * activate
 */

/* Realms to a range of zones in the domain, which all of them must have. */
static int name_realms(struct request *r, uint64_t first, uint64_t last,
		       struct zone_activation *a)
{
	const struct zone_geo *geo = disk_geo(r->disk);

	for (uint64_t i = first; i <= last; i++)
		if (!zone_realm_has(geo, (uint32_t)i, a->other))
			return zl_fail(r->err, EINVAL,
				       "realm %llu has no zones in domain %u",
				       (unsigned long long)i, a->other);
	a->zone_id = (uint64_t)zone_realm_slot(geo, (uint32_t)first, a->other) *
		     geo->zone_blocks;
	a->nr_zones = (uint32_t)(last - first + 1) *
		      geo->domains.d[a->other].realm_slots;
	return 0;
}

/* What is to be activated. */
static int take_activation(struct request *r, struct zone_activation *a)
{
	const struct zone_domains *domains = &disk_geo(r->disk)->domains;
	uint64_t first = UINT64_MAX, last = UINT64_MAX, domain = UINT64_MAX;

	if (!request_bool(r, "all", &a->all) ||
	    !request_u64(r, "domain", domains->nr - 1, &domain) ||
	    !request_u64(r, "first", domains->nr_realms - 1, &first) ||
	    !request_u64(r, "last", domains->nr_realms - 1, &last))
		return -EINVAL;
	if (last == UINT64_MAX)
		last = first;
	if (domain == UINT64_MAX || a->all == (first != UINT64_MAX) ||
	    (!a->all && last < first))
		return zl_fail(r->err, EINVAL,
			       "say what to activate: domain, and first (and "
			       "last, which is not below it) or \"all\": true");
	a->other = (uint8_t)domain;
	return a->all ? 0 : name_realms(r, first, last, a);
}

static const struct {
	uint8_t bit;
	const char *word;
} unmet_words[] = {
	{ ZU_NOT_INACTIVE, "not-inactive" },
	{ ZU_NOT_EMPTY, "not-empty" },
	{ ZU_ALIGNMENT, "realm-alignment" },
	{ ZU_TYPES, "zone-types" },
	{ ZU_RESTRICTION, "realm-restriction" },
	{ ZU_DOMAINS, "zone-domains" },
	{ ZU_SECURITY, "security" },
};

static void add_result(struct request *r, const struct zone_activation *a,
		       bool query)
{
	struct json_object *unmet = json_object_new_array();

	for (size_t i = 0; i < ZL_ARRAY_SIZE(unmet_words); i++)
		if (a->unmet & unmet_words[i].bit)
			json_object_array_add(
				unmet,
				json_object_new_string(unmet_words[i].word));
	reply_add(r, "activated", json_object_new_boolean(!a->unmet && !query));
	reply_add(r, "unmet", unmet);
	reply_add(r, "unmet_lba", a->unmet ? new_u64(a->unmet_lba) : NULL);
	/* What changes has two descriptors: what it was, and what it is. */
	reply_add(r, "realms", new_u64(a->unmet ? 0 : a->nr_list / 2));
}

static int activate(struct request *r, struct zone_activation *a)
{
	struct disk_io io = { .op = DISK_ACTIVATE, .activation = a };
	enum disk_status status = disk_run(r->disk, &io);

	if (status == DISK_OK)
		return 0;
	return zl_fail(r->err, EIO, "the realms cannot be activated: %s",
		       status == DISK_NO_SPACE
			       ? "the backing file system is full"
			       : "the zones' files could not be made; the log "
				 "has more");
}

int do_activate(struct request *r)
{
	struct zone_activation a = { .all = false };
	bool query = false;
	int ret;

	if (need_realms(r) || !request_bool(r, "query", &query) ||
	    take_activation(r, &a))
		return -EINVAL;
	if (query)
		ret = disk_query(r->disk, &a) ? -EINVAL : 0;
	else
		ret = activate(r, &a);
	if (!ret)
		add_result(r, &a, query);
	return ret;
}
