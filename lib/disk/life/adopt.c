// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Adopting a directory that the kernel's zloop made: it stores no geometry, so
 * all of it must be given, and every file must fit it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "disk/life/make.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"

static bool size_is_known(const struct disk_open_args *args)
{
	return args->size_bytes ||
	       (args->opts && disk_opt_given(args->opts, OPT_CAPACITY_MB));
}

static bool is_given(const struct disk_open_args *args, enum disk_opt_id id)
{
	return args->opts && disk_opt_given(args->opts, id);
}

static bool zones_are_given(const struct disk_open_args *args)
{
	return is_given(args, OPT_ZONE_SIZE_MB) &&
	       is_given(args, OPT_ZONE_CAPACITY_MB) &&
	       is_given(args, OPT_CONV_ZONES);
}

bool adopt_all_is_given(const struct disk_open_args *args)
{
	return size_is_known(args) && zones_are_given(args);
}

/* Whether the disk was ours once.  An empty one may be left of an attempt that
 * was refused. */
static bool has_journal(struct store *st)
{
	void *data = NULL;
	size_t len = 0;

	if (!store_meta_read(st, DISK_JOURNAL, &data, &len))
		free(data);
	return len > 0;
}

bool adopt_wanted(struct store *st, const struct disk_open_args *args,
		  bool size_comes_later)
{
	if (!args->may_make || !(size_comes_later || size_is_known(args)))
		return false;
	/* What the kernel's driver would assume for the rest is the best guess
	 * for one of its own, and no guess for another one. */
	return has_journal(st)
		       ? zones_are_given(args)
		       : args->opts && disk_opts_has_geometry(args->opts);
}

static void add_text(char *list, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void add_text(char *list, size_t size, const char *fmt, ...)
{
	size_t n = strlen(list);
	va_list ap;

	if (n)
		n += (size_t)snprintf(list + n, size - n, ", ");
	va_start(ap, fmt);
	vsnprintf(list + n, size - n, fmt, ap);
	va_end(ap);
}

/* The zone size as the first conventional file tells it, 0 = it does not. */
static uint64_t zone_mib_of_files(struct store *st, const struct survey *sv)
{
	struct store_stat stat;

	if (!sv->conv_files)
		return 0;
	store_set_layout(st, store_conv_first(sv->first_conv + 1));
	if (store_stat(st, sv->first_conv, &stat) || stat.size_bytes % ZL_MIB)
		return 0;
	return stat.size_bytes / ZL_MIB;
}

/* What is not given of the options that say where zones are. */
static void list_missing(struct store *st, const struct survey *sv,
			 const struct disk_open_args *args, char *list,
			 size_t size)
{
	uint64_t mib = zone_mib_of_files(st, sv);

	if (!is_given(args, OPT_ZONE_SIZE_MB) && mib)
		add_text(list, size, "zone_size_mb=%" PRIu64, mib);
	else if (!is_given(args, OPT_ZONE_SIZE_MB))
		add_text(list, size, "zone_size_mb=NUMBER");
	if (!is_given(args, OPT_CONV_ZONES))
		add_text(list, size, "conv_zones=%u", sv->conv_files);
	if (!size_is_known(args) && mib)
		add_text(list, size, "capacity_mb=%" PRIu64, sv->end * mib);
	else if (!size_is_known(args))
		add_text(list, size, "capacity_mb=NUMBER");
	if (!is_given(args, OPT_ZONE_CAPACITY_MB))
		add_text(list, size, "zone_capacity_mb=NUMBER%s",
			 has_journal(st) ? "" : " if it is not the zone size");
}

/* As options are typed. */
static void without_spaces(char *list)
{
	char *to = list;

	for (const char *p = list; *p; p++)
		if (*p != ' ')
			*to++ = *p;
	*to = 0;
}

int adopt_missing(struct store *st, const char *name, const struct survey *sv,
		  const struct disk_open_args *args, struct zl_err *err)
{
	const struct disk_open_args none = { .opts = NULL };
	char list[192] = "";

	if (has_journal(st)) {
		list_missing(st, sv, &none, list, sizeof(list));
		without_spaces(list);
		return zl_fail(err, EINVAL,
			       "%s has lost its " DISK_SIDECAR
			       ", which zloop check --repair --yes --options "
			       "%s DIRECTORY writes anew; zone_capacity_mb is "
			       "zone_size_mb if it was not given; add what "
			       "else was no default",
			       name, list);
	}
	list_missing(st, sv, args, list, sizeof(list));
	return zl_fail(err, EINVAL,
		       "%s has zone files but no " DISK_SIDECAR
		       ", as the kernel's zloop leaves them; to adopt them, "
		       "create the disk with %s",
		       name,
		       list[0] ? list : "the options that you have given");
}

/*
 * The kernel's driver knows host-managed disks only, and would go on to take a
 * zone's file for one that was written in order.  A directory with our journal
 * is none of its: the sidecar of a disk that was host-aware may be lost.
 */
int adopt_model(struct store *st, const char *name,
		const struct disk_meta *meta, struct zl_err *err)
{
	if (meta->host_aware && !has_journal(st))
		return zl_fail(err, EINVAL,
			       "model=host-aware is not possible for the zone "
			       "files in %s, which are the kernel's zloop's: "
			       "its disks are host-managed; leave model out",
			       name);
	if (meta->realms.nr_domains)
		return zl_fail(err, EINVAL,
			       "model=realms is not possible for the zone "
			       "files in %s: without " DISK_SIDECAR
			       " nobody knows what they are of, and the "
			       "kernel's zloop has no such disks",
			       name);
	return 0;
}

static const char *assumed(const struct disk_open_args *args,
			   enum disk_opt_id id)
{
	return is_given(args, id) ? "" : " (the default)";
}

/* The driver makes every file when it makes the disk. */
static int check_counts(const char *name, const struct survey *sv,
			const struct disk_meta *meta,
			const struct disk_open_args *args, struct zl_err *err)
{
	uint64_t slots = meta_slots(meta), bytes = sv->end * meta->zone_bytes;

	if (sv->conv_files != meta->conv_zones)
		return zl_fail(err, EINVAL,
			       "conv_zones=%u%s does not fit %s, which has %u "
			       "files of conventional zones; use conv_zones=%u",
			       meta->conv_zones, assumed(args, OPT_CONV_ZONES),
			       name, sv->conv_files, sv->conv_files);
	if (sv->end == slots)
		return 0;
	if (args->size_bytes)
		return zl_fail(err, EINVAL,
			       "%s has files for %u zones, but the size given "
			       "makes %" PRIu64 "; use size=%" PRIu64,
			       name, sv->end, slots, bytes);
	return zl_fail(err, EINVAL,
		       "%s has files for %u zones, but capacity_mb=%" PRIu64
		       " makes %" PRIu64 "; use capacity_mb=%" PRIu64,
		       name, sv->end, meta->capacity_bytes / ZL_MIB, slots,
		       bytes / ZL_MIB);
}

/* All zones are that large. */
static int check_zone_size(struct store *st, const char *name,
			   const struct survey *sv,
			   const struct disk_meta *meta,
			   const struct disk_open_args *args,
			   struct zl_err *err)
{
	uint64_t mib = zone_mib_of_files(st, sv);

	if (!mib || mib * ZL_MIB == meta->zone_bytes)
		return 0;
	return zl_fail(err, EINVAL,
		       "zone_size_mb=%" PRIu64
		       "%s does not fit %s, whose conventional zones' files "
		       "have %" PRIu64 " MiB; use zone_size_mb=%" PRIu64,
		       meta->zone_bytes / ZL_MIB,
		       assumed(args, OPT_ZONE_SIZE_MB), name, mib, mib);
}

/* A slot's file as it must be, or a clause about what is wrong. */
static const char *file_error(const struct disk_meta *meta, uint32_t slot,
			      const struct store_stat *stat)
{
	uint64_t size = meta_slot_bytes(meta, slot);

	if (stat->kind == STORE_KIND_MISSING)
		return "is missing";
	if (stat->kind != STORE_KIND_FILE)
		return "is not a regular file";
	if (!meta_has_wp(meta, slot))
		return stat->size_bytes == size
			       ? NULL
			       : "does not have the zone size that is given";
	if (stat->size_bytes > size)
		return "is larger than the zone capacity that is given";
	if (stat->size_bytes % meta_tail_bytes(meta, slot))
		return "is not a multiple of the block size that is given";
	return NULL;
}

/* Counts it in @missing instead of refusing it, if that is not NULL. */
static int check_file(struct store *st, const char *name,
		      const struct disk_meta *meta, uint32_t slot,
		      uint32_t *missing, struct zl_err *err)
{
	char file[STORE_NAME_MAX];
	struct store_stat stat;
	const char *error;
	int ret = store_stat(st, slot, &stat);

	store_slot_name(st, slot, file);
	if (ret)
		return zl_fail(err, -ret, "%s/%s cannot be examined: %s", name,
			       file, limit_strerror(-ret));
	error = file_error(meta, slot, &stat);
	if (missing && stat.kind == STORE_KIND_MISSING) {
		++*missing;
		return 0;
	}
	if (!error)
		return 0;
	if (stat.kind != STORE_KIND_FILE)
		return zl_fail(err, EINVAL,
			       "%s/%s %s, so the directory cannot be adopted",
			       name, file, error);
	return zl_fail(err, EINVAL,
		       "%s/%s %s: it has %" PRIu64
		       " bytes; correct zone_size_mb, zone_capacity_mb or "
		       "block_size",
		       name, file, error, stat.size_bytes);
}

/* What no file tells. */
static void log_unverified(const char *name, const struct disk_meta *meta)
{
	zl_log(ZL_LOG_WARN,
	       "%s: adopted from the kernel's zloop; not to be verified: "
	       "max_open_zones=%u, zone_capacity_mb=%" PRIu64 "%s",
	       name, meta->max_open, meta->zone_cap_bytes / ZL_MIB,
	       meta->conv_zones ? "" : ", the zone size");
}

static int check_files(struct store *st, const char *name,
		       const struct disk_meta *meta,
		       const struct disk_open_args *args, uint32_t *missing,
		       struct zl_err *err)
{
	uint32_t slots = (uint32_t)meta_slots(meta);
	int ret = 0;

	meta_set_layout(meta, st);
	for (uint32_t i = 0; !ret && i < slots; i++) {
		ret = check_file(st, name, meta, i, missing, err);
		make_progress(args, i + 1, slots);
	}
	return ret;
}

/* Behind the last file that there is, none is missing: the size may as well be
 * wrong. */
static int check_end(struct store *st, const char *name,
		     const struct survey *sv, const struct disk_meta *meta,
		     struct zl_err *err)
{
	uint64_t slots = meta_slots(meta);
	char file[STORE_NAME_MAX];

	if (sv->end >= slots)
		return 0;
	meta_set_layout(meta, st);
	store_slot_name(st, (uint32_t)slots - 1, file);
	return zl_fail(err, EINVAL,
		       "%s has files for %u zones, but capacity_mb=%" PRIu64
		       " makes %" PRIu64 "; use capacity_mb=%" PRIu64
		       ", or make an empty file %s if the last ones are lost",
		       name, sv->end, meta->capacity_bytes / ZL_MIB, slots,
		       sv->end * meta->zone_bytes / ZL_MIB, file);
}

int adopt_check_rest(struct store *st, const char *name,
		     const struct survey *sv, const struct disk_meta *meta,
		     const struct disk_open_args *args, struct zl_err *err)
{
	uint32_t missing = 0;
	int ret = check_zone_size(st, name, sv, meta, args, err);

	if (!ret)
		ret = check_end(st, name, sv, meta, err);
	if (!ret)
		ret = check_files(st, name, meta, args, &missing, err);
	/* A file that is none of this disk's. */
	if (!ret &&
	    sv->conv_files + sv->seq_files + missing != meta_slots(meta)) {
		ret = check_counts(name, sv, meta, args, err);
		if (!ret)
			ret = zl_fail(err, EINVAL,
				      "%s has files of zones that are of "
				      "another type with the options given",
				      name);
	}
	return ret;
}

int disk_adopt(struct store *st, const char *name, const struct survey *sv,
	       const struct disk_meta *meta, const struct disk_open_args *args,
	       struct zl_err *err)
{
	int ret = check_zone_size(st, name, sv, meta, args, err);

	if (!ret)
		ret = check_counts(name, sv, meta, args, err);
	if (!ret)
		ret = check_files(st, name, meta, args, NULL, err);
	if (ret)
		return ret;
	/* A sidecar whose lock file a power loss took would be a puzzle. */
	ret = store_sync_dir(st);
	if (!ret)
		ret = sidecar_write(st, meta, SIDECAR_READY);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_SIDECAR " cannot be written: %s",
			       name, limit_strerror(-ret));
	log_unverified(name, meta);
	return 0;
}
