// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file of the persistent faults, as it is written. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/limit.h"
#include "disk/internal.h"

static void add_runs(struct disk *d, enum inject_kind kind,
		     struct json_object *all)
{
	struct inject_fault f = { .kind = kind, .persistent = true };
	uint8_t bits = attr_bits(kind);

	for (uint32_t slot = 0; slot < d->zones.nr_slots; slot++) {
		if (!(d->faults.kept[slot] & bits))
			continue;
		f.lba = zone_slot_start_lba(&d->zones, slot);
		f.nr_blocks = 0;
		for (; slot < d->zones.nr_slots && d->faults.kept[slot] & bits;
		     slot++)
			f.nr_blocks += zone_slot_blocks(&d->zones, slot);
		json_object_array_add(all, inject_format(&f));
	}
}

static void add_attrs(struct disk *d, struct json_object *all)
{
	if (!d->faults.kept)
		return;
	add_runs(d, INJECT_RESET_RECOMMENDED, all);
	add_runs(d, INJECT_PREDICTED_ERRORS, all);
}

static struct json_object *persistent_faults(struct disk *d)
{
	const struct inject_list *list = &d->faults.list;
	struct json_object *all = json_object_new_array();

	for (unsigned i = 0; i < list->nr; i++)
		if (list->faults[i].persistent && list->faults[i].count)
			json_object_array_add(all,
					      inject_format(&list->faults[i]));
	add_attrs(d, all);
	return all;
}

static int remove_file(struct disk *d)
{
	int ret = store_meta_remove(d->store, DISK_FAULTS);

	/* Or an earlier attempt has removed it, but not durably. */
	if (!ret || ret == -ENOENT)
		ret = store_sync_dir(d->store);
	if (!ret)
		d->faults.file = false;
	return ret;
}

int faults_save(struct disk *d)
{
	struct json_object *all = persistent_faults(d);
	const char *text;
	int ret = 0;

	if (!json_object_array_length(all)) {
		if (d->faults.file)
			ret = remove_file(d);
	} else {
		text = json_object_to_json_string_ext(all,
						      JSON_C_TO_STRING_PRETTY);
		ret = store_meta_replace(d->store, DISK_FAULTS, text,
					 strlen(text));
		if (!ret)
			d->faults.file = true;
	}
	json_object_put(all);
	d->faults.behind = ret;
	return ret;
}

void faults_settle(struct disk *d)
{
	struct disk_faults *fs = &d->faults;
	int ret = 0;

	pthread_mutex_lock(&fs->lock);
	if (fs->behind)
		ret = faults_save(d);
	pthread_mutex_unlock(&fs->lock);
	if (ret)
		zl_log_limited(&d->error_limit, ZL_LOG_ERR,
			       "%s: " DISK_FAULTS " cannot be written (%s): "
			       "it has faults that are over",
			       d->name, limit_strerror(-ret));
}
