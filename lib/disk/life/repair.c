// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Repairing a directory: what no initiator could read any more, or was never
 * told that it had been written, is made to fit; nothing else is touched.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/num.h"
#include "disk/life/active.h"
#include "disk/life/make.h"
#include "disk/life/users.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "disk/snapshot.h"

#define SIDECAR_BAD DISK_SIDECAR ".bad"

struct repair {
	struct store *store;
	const char *name;
	const struct disk_meta *meta;
	bool dry;
	disk_problem_fn *fn;
	void *user;
	struct zl_err *err;
	int nr;
	/* To rewrite the journal.  Opening and closing is an orderly end, also
	 * for a daemon that died: not without need. */
	bool to_open;
	bool to_lock; /* the lock's file is missing */
	struct zone_geo geo;
	uint8_t *active; /* by realm: its active domain */
	struct active_files files;
};

static void say(struct repair *r, uint32_t slot, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct repair *r, uint32_t slot, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r->nr++;
	r->fn(r->user, slot, what);
}

static int cannot(struct repair *r, uint32_t slot, int ret)
{
	char file[STORE_NAME_MAX];

	store_slot_name(r->store, slot, file);
	return zl_fail(r->err, -ret, "%s/%s cannot be repaired: %s", r->name,
		       file, limit_strerror(-ret));
}

static int make_missing(struct repair *r, uint32_t slot, uint64_t bytes)
{
	bool conv = !meta_has_wp(r->meta, slot);
	int ret = r->dry ? 0 : store_make(r->store, slot, conv ? bytes : 0);

	if (ret)
		return cannot(r, slot, ret);
	say(r, slot,
	    conv ? "the missing file %s made anew: all that was in the zone is "
		   "lost, it reads as zeros"
		 : "the missing file %s made anew: all that was in the zone is "
		   "lost, it is empty",
	    r->dry ? "would be" : "is");
	return 0;
}

/* Whether the file has nothing but zeros from byte @at to @end; -errno. */
static int reads_as_zeros(struct repair *r, uint32_t slot, uint64_t at,
			  uint64_t end)
{
	uint8_t buf[65536];

	for (int64_t n; at < end; at += (uint64_t)n) {
		size_t len = (size_t)min_u64(sizeof(buf), end - at);
		struct iovec iov = { buf, len };
		struct store_req req = { .op = STORE_READ,
					 .slot = slot,
					 .off = at,
					 .len = len,
					 .iov = &iov,
					 .iov_cnt = 1 };

		n = store_run(r->store, &req);
		if (n <= 0)
			return n ? (int)n : -EIO;
		if (!bytes_are_zero(buf, (size_t)n))
			return 0;
	}
	return 1;
}

/* Data that have no address have one if the sidecar is another disk's. */
static int keep_surplus(struct repair *r, uint32_t slot, uint64_t bytes)
{
	char file[STORE_NAME_MAX];

	store_slot_name(r->store, slot, file);
	say(r, slot,
	    "the file has data behind the zone's end, and is left alone, "
	    "since " DISK_SIDECAR
	    " may be another disk's; if it is not, truncate -s "
	    "%" PRIu64 " %s",
	    bytes, file);
	return 0;
}

static int resize(struct repair *r, uint32_t slot, uint64_t size,
		  uint64_t bytes)
{
	struct store_req sync = { .op = STORE_SYNC, .slot = slot };
	int ret = reads_as_zeros(r, slot, bytes, size);

	if (!ret)
		return keep_surplus(r, slot, bytes);
	ret = ret < 0 ? ret : 0;
	if (!r->dry && !ret)
		ret = store_resize(r->store, slot, bytes);
	if (!r->dry && !ret)
		ret = (int)store_run(r->store, &sync);
	if (ret)
		return cannot(r, slot, ret);
	if (size < bytes)
		say(r, slot,
		    "the file %s filled up with zeros from byte %" PRIu64
		    ": what was there is lost",
		    r->dry ? "would be" : "is", size);
	else
		say(r, slot,
		    "the file %s cut from %" PRIu64 " to %" PRIu64
		    " bytes: the rest, zeros, has no address on the disk",
		    r->dry ? "would be" : "is", size, bytes);
	return 0;
}

/* What a crash left of a write that was never acknowledged. */
static int cut_tail(struct repair *r, uint32_t slot, uint64_t size)
{
	uint64_t cut = size - size % meta_tail_bytes(r->meta, slot);
	int ret = r->dry ? 0 : store_resize(r->store, slot, cut);

	if (ret)
		return cannot(r, slot, ret);
	say(r, slot,
	    "the file %s cut from %" PRIu64 " to %" PRIu64
	    " bytes, whole blocks: what is cut off was never acknowledged",
	    r->dry ? "would be" : "is", size, cut);
	return 0;
}

/* With all of its realm's files there, what another domain has would be what an
 * activation has left; and who knows which of the two is what is wrong? */
static int keep_missing(struct repair *r, uint32_t slot)
{
	say(r, slot,
	    "the file is missing, and is not made: its realm has data in "
	    "another domain, which would then be removed; if nobody wants "
	    "them, remove them, and repair again");
	return 0;
}

static int repair_missing(struct repair *r, uint32_t slot, uint64_t bytes)
{
	uint32_t realm = zone_realm_of(&r->geo, slot);

	if (realm != ZONE_NO_REALM &&
	    active_has_others(&r->files, realm, r->active[realm]))
		return keep_missing(r, slot);
	return make_missing(r, slot, bytes);
}

/* Gaps and INACTIVE zones have none. */
static bool has_file(const struct repair *r, uint32_t slot)
{
	uint32_t realm = zone_realm_of(&r->geo, slot);

	if (zone_traits[zone_geo_type(&r->geo, slot)].span == ZS_NOTHING)
		return false;
	return realm == ZONE_NO_REALM ||
	       r->active[realm] == zone_domain_of(&r->geo, slot);
}

static int repair_slot(struct repair *r, uint32_t slot)
{
	uint64_t bytes = meta_slot_bytes(r->meta, slot);
	bool conv = !meta_has_wp(r->meta, slot);
	struct store_stat st;

	/* What is no file, or not ours to write, a person must look at. */
	if (store_stat(r->store, slot, &st))
		return 0;
	if (st.kind == STORE_KIND_MISSING)
		return repair_missing(r, slot, bytes);
	if (st.kind != STORE_KIND_FILE || !st.readable || !st.writable)
		return 0;
	if (conv ? st.size_bytes != bytes : st.size_bytes > bytes)
		return resize(r, slot, st.size_bytes, bytes);
	if (!conv && st.size_bytes % meta_tail_bytes(r->meta, slot))
		return cut_tail(r, slot, st.size_bytes);
	return 0;
}

static int repair_slots(struct repair *r)
{
	uint32_t n = (uint32_t)meta_slots(r->meta);
	int ret = 0;

	meta_set_layout(r->meta, r->store);
	for (uint32_t i = 0; !ret && i < n; i++)
		if (has_file(r, i))
			ret = repair_slot(r, i);
	if (!ret && !r->dry) {
		ret = store_sync_dir(r->store);
		if (ret)
			zl_fail(r->err, -ret, "%s cannot be made durable: %s",
				r->name, limit_strerror(-ret));
	}
	return ret;
}

/* Opening rewrites it; here is said what that means. */
static int say_journal(struct repair *r)
{
	struct journal_state state;
	void *data;
	size_t len;
	int ret;

	ret = store_meta_read(r->store, DISK_JOURNAL, &data, &len);
	if (ret == -ENOENT) {
		r->to_open = true;
		say(r, UINT32_MAX,
		    DISK_JOURNAL " %s made anew: which zones were set "
				 "read-only or offline is lost",
		    r->dry ? "would be" : "is");
		return 0;
	}
	if (!ret)
		free(data);
	ret = journal_load(r->store, r->name, &r->geo, &state, NULL, NULL,
			   r->err);
	r->to_open = !ret && state.bad_bytes;
	if (r->to_open)
		say(r, UINT32_MAX,
		    DISK_JOURNAL " %s rewritten without the %" PRIu64
				 " bytes that are no records: what they said "
				 "of read-only or offline zones is lost",
		    r->dry ? "would be" : "is", state.bad_bytes);
	return ret;
}

/*
 * Alone: the lock, and whoever takes none.  The lock's file is missing here, or
 * damaged, rather than elsewhere; without it the directory is locked, and the
 * file is made when nobody has been found.
 */
static int enter(struct repair *r)
{
	int ret = users_lock(r->store, r->name, DISK_MOMENT_MS, false, r->err);

	r->to_lock = ret == -ENOENT;
	if (ret && !r->to_lock)
		return ret;
	return users_refuse(r->store, r->name, r->err);
}

static int make_lock(struct repair *r)
{
	if (r->dry || !r->to_lock)
		return 0;
	return users_lock(r->store, r->name, DISK_MOMENT_MS, true, r->err);
}

static void take_active(void *user, enum journal_type type, uint32_t slot,
			uint64_t value)
{
	struct repair *r = user;

	if (type == JR_ACTIVATE)
		r->active[slot] = (uint8_t)value;
}

/* False: the journal says it. */
static bool find_one(struct repair *r, uint32_t realm)
{
	unsigned said = r->active[realm];

	r->active[realm] = (uint8_t)active_find(
		&r->files, realm, said,
		zone_realm_default(&r->geo, realm, r->meta->realms.active));
	return r->active[realm] != said;
}

/* As opening does. */
static int find_active(struct repair *r)
{
	uint32_t nr = r->geo.domains.nr_realms, found = 0;
	struct journal_state state;
	int ret;

	r->files = (struct active_files){ .st = r->store, .geo = &r->geo };
	r->active = active_unknown(&r->geo);
	if (!r->active)
		return zl_fail(r->err, ENOMEM, "out of memory");
	ret = journal_load(r->store, r->name, &r->geo, &state, take_active, r,
			   r->err);
	for (uint32_t i = 0; i < nr && !ret; i++)
		found += find_one(r, i);
	if (ret || !found)
		return ret;
	r->to_open = true;
	say(r, UINT32_MAX,
	    "where %u of %u realms are active %s taken from the files that "
	    "there are, since " DISK_JOURNAL
	    " does not say it, or they belie it",
	    found, nr, r->dry ? "would be" : "is");
	return 0;
}

static int repair_all(struct repair *r)
{
	int ret = r->dry ? 0 : enter(r);

	meta_geo(r->meta, &r->geo);
	meta_set_layout(r->meta, r->store);
	if (!ret)
		ret = say_journal(r);
	if (!ret)
		ret = find_active(r);
	if (!ret)
		ret = make_lock(r);
	if (!ret)
		ret = repair_slots(r);
	free(r->active);
	return ret;
}

/* Opening as the handler does: adopts, rewrites the journal. */
static int open_once(const char *dir, const struct disk_opts *opts,
		     struct zl_err *err)
{
	struct disk_open_args args = { .opts = opts, .may_make = opts };
	struct disk *d;
	int ret = disk_open(dir, &args, &d, err);

	if (!ret)
		disk_close(d);
	return ret;
}

/* What adopting needs; a directory without zone files has nothing to repair. */
static int check_sidecar_repair(struct repair *r, const struct disk_opts *opts)
{
	const struct disk_open_args args = { .opts = opts, .may_make = true };
	struct survey sv;
	int ret = survey_dir(r->store, r->name, &sv, r->err);

	if (ret)
		return ret;
	if (!sv.conv_files && !sv.seq_files)
		return zl_fail(r->err, ENOENT, "no disk is in %s", r->name);
	if (!opts || !adopt_all_is_given(&args))
		return zl_fail(r->err, ENOENT,
			       "%s has no " DISK_SIDECAR
			       ": give the options that the disk was made "
			       "with: capacity_mb, zone_size_mb, "
			       "zone_capacity_mb and conv_zones, and what "
			       "else was no default",
			       r->name);
	return 0;
}

/*
 * The disk is what the options say; alone with it, unless it is only to be said
 * what would be done.  Whoever has the lock has the disk open, whatever its
 * sidecar is by now.
 */
static int enter_unknown(struct repair *r, const struct disk_opts *opts,
			 struct disk_meta *meta)
{
	const struct disk_open_args args = { .opts = opts };
	struct survey sv;
	int ret = meta_from_opts(opts, 0, meta, r->err);

	if (!ret)
		ret = adopt_model(r->store, r->name, meta, r->err);
	if (ret)
		return ret;
	r->meta = meta;
	ret = r->dry ? 0 : enter(r);
	if (!ret)
		ret = survey_dir(r->store, r->name, &sv, r->err);
	if (!ret)
		ret = adopt_check_rest(r->store, r->name, &sv, meta, &args,
				       r->err);
	return ret ? ret : make_lock(r);
}

/* Before there is a sidecar, with which all files must be there. */
static int make_all_missing(struct repair *r)
{
	uint32_t n = (uint32_t)meta_slots(r->meta);
	struct store_stat st;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < n; i++)
		if (!store_stat(r->store, i, &st) &&
		    st.kind == STORE_KIND_MISSING)
			ret = make_missing(r, i, meta_slot_bytes(r->meta, i));
	return ret;
}

/* The sidecar is gone: as with a directory of the kernel driver's. */
static int repair_sidecar(struct repair *r, const struct disk_opts *opts)
{
	struct disk_meta meta;
	int ret = check_sidecar_repair(r, opts);

	if (!ret)
		ret = enter_unknown(r, opts, &meta);
	if (!ret)
		ret = make_all_missing(r);
	if (!ret && !r->dry) {
		/* With its lock. */
		store_close(r->store);
		r->store = NULL;
		ret = open_once(r->name, opts, r->err);
	}
	if (ret)
		return ret;
	say(r, UINT32_MAX,
	    DISK_SIDECAR " %s written anew from the options: the serial number "
			 "is another one",
	    r->dry ? "would be" : "is");
	return 0;
}

/*
 * A damaged sidecar.
 */

#define SERIAL_KEY "\"serial\""

/* The serial number, where it can still be read. */
static bool find_serial(const char *text, char *serial)
{
	const char *p = strstr(text, SERIAL_KEY), *digits;
	size_t len = DISK_SERIAL_LEN;

	if (!p)
		return false;
	p += strlen(SERIAL_KEY);
	p += strspn(p, " \t\r\n:");
	digits = p + 1;
	if (*p != '"' || strspn(digits, "0123456789abcdef") != len ||
	    digits[len] != '"')
		return false;
	memcpy(serial, digits, len);
	serial[len] = 0;
	return true;
}

/*
 * The new one takes the damaged one's place at once: a directory without any,
 * which a kill in between would leave, has lost its serial number.
 */
static int replace_sidecar(struct repair *r, const struct disk_opts *opts,
			   const char *text, size_t len)
{
	static const struct disk_open_args none;
	struct disk_meta meta;
	struct survey sv;
	int ret = enter_unknown(r, opts, &meta);

	if (!ret)
		ret = make_all_missing(r);
	if (ret || r->dry)
		return ret;
	if (!find_serial(text, meta.serial))
		ret = meta_new_serial(&meta, r->err);
	if (!ret)
		ret = survey_dir(r->store, r->name, &sv, r->err);
	if (ret)
		return ret;
	meta.adopted = true;
	ret = store_meta_replace(r->store, SIDECAR_BAD, text, len);
	if (ret)
		return zl_fail(r->err, -ret,
			       "%s/" SIDECAR_BAD " cannot be written: %s",
			       r->name, limit_strerror(-ret));
	ret = disk_adopt(r->store, r->name, &sv, &meta, &none, r->err);
	/* As it was. */
	if (ret && !store_meta_replace(r->store, DISK_SIDECAR, text, len))
		store_meta_remove(r->store, SIDECAR_BAD);
	/* As after adopting: what was written before is made durable. */
	r->to_open = !ret;
	return ret;
}

/* r->err says what is wrong with it. */
static int repair_damaged(struct repair *r, const struct disk_opts *opts,
			  const char *text, size_t len)
{
	const struct disk_open_args args = { .opts = opts, .may_make = true };
	char serial[DISK_SERIAL_LEN + 1];
	struct zl_err why = *r->err;
	int ret;

	if (!opts || !adopt_all_is_given(&args))
		return zl_fail(
			r->err, EINVAL,
			"%.200s; to write it anew, give the options that "
			"the disk was made with: capacity_mb, "
			"zone_size_mb, zone_capacity_mb and conv_zones, "
			"and what else was no default",
			why.msg);
	ret = replace_sidecar(r, opts, text, len);
	if (ret)
		return ret;
	say(r, UINT32_MAX,
	    DISK_SIDECAR " %s written anew from the options, the damaged one "
			 "kept as " SIDECAR_BAD ": the serial number %s",
	    r->dry ? "would be" : "is",
	    find_serial(text, serial) ? "stays" : "is another one");
	return 0;
}

/* It cannot be used; @ret is why. */
static int repair_unusable(struct repair *r, const struct disk_opts *opts,
			   int ret)
{
	void *text;
	size_t len;

	/* One of a newer version is none of ours; what is no file a person
	 * must look at. */
	if (ret != -EINVAL ||
	    store_meta_read(r->store, DISK_SIDECAR, &text, &len))
		return ret;
	ret = repair_damaged(r, opts, text, len);
	free(text);
	return ret;
}

static int repair(struct repair *r, const struct disk_opts *opts)
{
	enum sidecar_state state;
	struct disk_meta meta;
	int ret = sidecar_read(r->store, r->name, &meta, &state, r->err);

	if (ret == -ENOENT)
		return repair_sidecar(r, opts);
	if (ret)
		return repair_unusable(r, opts, ret);
	if (opts) {
		ret = meta_agrees(&meta, r->name, opts, 0, r->err);
		if (ret)
			return ret;
	}
	if (state == SIDECAR_CREATING)
		return make_is_half(r->name, r->err);
	r->meta = &meta;
	return repair_all(r);
}

int disk_repair(const char *dir, const struct disk_opts *opts, bool dry,
		disk_problem_fn *fn, void *user, struct zl_err *err)
{
	struct repair r = {
		.name = dir, .dry = dry, .fn = fn, .user = user, .err = err
	};
	int ret = disk_settle(dir, DISK_MOMENT_MS, err);

	if (!ret)
		ret = store_file_open(dir, &r.store, err);
	if (ret)
		return ret;
	ret = repair(&r, opts);
	if (r.store)
		store_close(r.store);
	if (!ret && !dry && r.to_open)
		ret = open_once(dir, opts, err);
	return ret ? ret : r.nr;
}
