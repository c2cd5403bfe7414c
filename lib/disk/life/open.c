// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Opening and closing.  What the directory is decides what is done; that is
 * decided twice: without the lock, so that what cannot become right is refused
 * at once and without leaving a lock file, and again with it.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/grace.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/life/load.h"
#include "disk/life/make.h"
#include "disk/life/mountpoint.h"
#include "disk/life/open.h"
#include "disk/life/powerfail.h"
#include "disk/life/run.h"
#include "disk/life/told.h"
#include "disk/life/users.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/problems.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "disk/options/check.h"
#include "disk/snapshot.h"
#include "store/fs.h"
#include "store/rollback.h"

enum action {
	ACT_OPEN,
	ACT_MAKE,
	ACT_COMPLETE,
	ACT_ADOPT,
};

struct opening {
	struct store *store;
	const char *name; /* what sentences call the directory */
	const char *path; /* NULL: a store that is no directory */
	const struct disk_open_args *args;
	struct zl_err *err;
	bool size_unknown; /* a look ahead: the size comes later */
	enum action action;
	struct survey survey; /* not for ACT_OPEN */
	struct disk_meta meta;
};

/*
 * The open disks of this process, by serial number: a copied directory has its
 * original's, and two disks with one identity confuse every initiator.
 */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk *open_disks;

/* Under the lock.  What is being closed soon is no obstacle unless @closing. */
static int refuse_open(const char *name, const struct disk_meta *meta,
		       bool closing, struct zl_err *err)
{
	const struct disk *o;

	for (o = open_disks; o; o = o->next_open)
		if (!strcmp(o->meta.serial, meta->serial))
			break;
	if (!o || (o->closing && !closing))
		return 0;
	if (!strcmp(o->name, name))
		return zl_fail(err, EBUSY,
			       "%s is in use: %s has it open already", name,
			       program_invocation_short_name);
	return zl_fail(err, EBUSY,
		       "%s has the serial number %s of the disk in %s, which "
		       "is open; a copy needs another one in its " DISK_SIDECAR,
		       name, meta->serial, o->name);
}

/* Before the directory's lock is waited for. */
static int refuse_twice(const char *name, const struct disk_meta *meta,
			struct zl_err *err)
{
	int ret;

	pthread_mutex_lock(&open_lock);
	ret = refuse_open(name, meta, false, err);
	pthread_mutex_unlock(&open_lock);
	return ret;
}

static int register_open(struct disk *d, struct zl_err *err)
{
	int ret;

	if (d->look_only)
		return 0;
	pthread_mutex_lock(&open_lock);
	ret = refuse_open(d->name, &d->meta, true, err);
	if (!ret) {
		d->next_open = open_disks;
		open_disks = d;
	}
	pthread_mutex_unlock(&open_lock);
	return ret;
}

static void unregister_open(struct disk *d)
{
	struct disk **link;

	pthread_mutex_lock(&open_lock);
	for (link = &open_disks; *link; link = &(*link)->next_open)
		if (*link == d) {
			*link = d->next_open;
			break;
		}
	pthread_mutex_unlock(&open_lock);
}

/*
 * What to do.
 */

static int decide_adopt(struct opening *o)
{
	int ret;

	if (!adopt_wanted(o->store, o->args, o->size_unknown))
		return adopt_missing(o->store, o->name, &o->survey, o->args,
				     o->err);
	if (o->size_unknown)
		return 0;
	o->action = ACT_ADOPT;
	ret = meta_from_opts(o->args->opts, o->args->size_bytes, &o->meta,
			     o->err);
	return ret ? ret : adopt_model(o->store, o->name, &o->meta, o->err);
}

static int decide_make(struct opening *o)
{
	const struct disk_opts *opts = o->args->opts;
	char who[256];

	if (!o->args->may_make)
		return zl_fail(o->err, ENOENT, "%s is empty: no disk is there",
			       o->name);
	if (!opts || !disk_opts_has_geometry(opts))
		return zl_fail(o->err, ENOENT,
			       "%s is empty: no disk is there; to make one, "
			       "give an option, e.g. zone_size_mb=256",
			       o->name);
	if (o->path && mountpoint_is_unmounted("", o->path, who, sizeof(who)))
		return zl_fail(o->err, ENOENT,
			       "%s is a mount point according to %s, and "
			       "nothing is mounted there; mount it, or use a "
			       "directory below it",
			       o->name, who);
	o->action = ACT_MAKE;
	if (o->size_unknown)
		return opts_check(opts, 0, true, o->err);
	return meta_from_opts(opts, o->args->size_bytes, &o->meta, o->err);
}

static int decide_new(struct opening *o)
{
	int ret = survey_dir(o->store, o->name, &o->survey, o->err);

	if (ret)
		return ret;
	if (o->survey.end)
		return decide_adopt(o);
	if (o->survey.foreign)
		return zl_fail(
			o->err, EEXIST, "%s has no disk but other files (%s)%s",
			o->name, o->survey.foreign_name,
			o->args->may_make ? "; use an empty directory" : "");
	return decide_make(o);
}

static int decide_complete(struct opening *o)
{
	if (!o->args->may_make || o->args->look_only)
		return make_is_half(o->name, o->err);
	o->action = ACT_COMPLETE;
	return survey_dir(o->store, o->name, &o->survey, o->err);
}

static int decide(struct opening *o)
{
	enum sidecar_state state;
	int ret = sidecar_read(o->store, o->name, &o->meta, &state, o->err);

	if (ret == -ENOENT)
		return decide_new(o);
	if (ret)
		return ret;
	ret = meta_agrees(&o->meta, o->name, o->args->opts, o->args->size_bytes,
			  o->err);
	if (ret)
		return ret;
	o->action = ACT_OPEN;
	return state == SIDECAR_CREATING ? decide_complete(o) : 0;
}

/*
 * Alone in the directory.
 */

static int check_writable(struct opening *o)
{
	struct store_space space;
	int ret = store_space(o->store, &space);

	if (ret)
		return zl_fail(o->err, -ret,
			       "the file system of %s cannot be examined: %s",
			       o->name, limit_strerror(-ret));
	if (space.read_only)
		return zl_fail(o->err, EROFS,
			       "%s is on a read-only file system; mount it "
			       "writable",
			       o->name);
	return 0;
}

static int lock(struct opening *o, bool make)
{
	int ret = users_lock(o->store, o->name, o->args->lock_wait_ms, make,
			     o->err);

	if (ret == -ENOENT)
		return zl_fail(o->err, ENOENT,
			       "%s/" DISK_JOURNAL
			       " is missing: the lock and the record of "
			       "read-only and offline zones; put it back, or "
			       "make an empty file of that name",
			       o->name);
	return ret;
}

/*
 * A daemon that was killed closes its files one after the other, the lock among
 * the first: those that it still has open are given as long as the lock.  A
 * refusal at tcmu-runner's start would cost the device.
 */
static int check_kernel(struct opening *o)
{
	uint64_t end_ms = clock_ms() + o->args->lock_wait_ms;
	uint32_t nr = (uint32_t)meta_slots(&o->meta);
	bool busy, untold;

	if (!o->path || o->action == ACT_MAKE)
		return 0;
	meta_set_layout(&o->meta, o->store);
	do
		busy = users_drive(o->store, nr, &untold);
	while (busy && clock_wait_step(end_ms, 10));
	if (untold)
		zl_log(ZL_LOG_INFO,
		       "%s: this file system does not say whether the kernel's "
		       "zloop has the zone files open; see to it that it has "
		       "not, on this machine and others",
		       o->name);
	if (!busy)
		return 0;
	return zl_fail(o->err, EBUSY,
		       "the zone files in %s are open in another program; if "
		       "that is the kernel's zloop, remove its device first",
		       o->name);
}

/* Nothing is made before it is known that nobody has a disk open here: the
 * directory is locked without its file, too. */
static int enter_alone(struct opening *o)
{
	int ret = lock(o, false);

	if (ret != -ENOENT || o->action == ACT_OPEN)
		return ret;
	ret = check_kernel(o);
	return ret ? ret : lock(o, true);
}

/* What changes names while the disk runs would do so after another machine has
 * taken it over. */
static int check_names(struct opening *o)
{
	const struct disk_opts *opts = o->args->opts;

	if (o->store->fence != STORE_FENCE_LOCKED)
		return 0;
	if (opts && disk_opt_given(opts, OPT_DISCARD_WRITE_CACHE))
		return zl_fail(o->err, EOPNOTSUPP,
			       "discard_write_cache cannot be had in %s: it "
			       "renames files, and nothing on this file system "
			       "keeps a machine from that which was cut off; "
			       "leave it out",
			       o->name);
	if (o->action != ACT_ADOPT && o->meta.realms.nr_domains)
		return zl_fail(o->err, EOPNOTSUPP,
			       "a disk with realms cannot be had in %s: it "
			       "makes and removes files as realms become "
			       "active, and nothing on this file system keeps "
			       "a machine from that which was cut off; use "
			       "another one",
			       o->name);
	return 0;
}

static int enter(struct opening *o)
{
	int ret = decide(o);

	if (ret || o->args->look_only)
		return ret;
	ret = check_writable(o);
	if (!ret && o->action == ACT_OPEN)
		ret = refuse_twice(o->name, &o->meta, o->err);
	if (!ret)
		ret = check_names(o);
	if (!ret)
		ret = enter_alone(o);
	if (!ret)
		ret = decide(o);
	if (!ret)
		ret = check_kernel(o);
	return ret;
}

static int prepare(struct opening *o)
{
	int ret = 0;

	if (o->action == ACT_MAKE || o->action == ACT_ADOPT)
		ret = meta_new_serial(&o->meta, o->err);
	if (ret)
		return ret;
	switch (o->action) {
	case ACT_MAKE:
	case ACT_COMPLETE:
		return disk_make(o->store, o->name, &o->survey, &o->meta,
				 o->action == ACT_COMPLETE, o->args, o->err);
	case ACT_ADOPT:
		o->meta.adopted = true;
		return disk_adopt(o->store, o->name, &o->survey, &o->meta,
				  o->args, o->err);
	case ACT_OPEN:
		break;
	}
	return 0;
}

/*
 * The disk in memory.
 */

int disk_alloc(struct store *st, const char *name, const struct disk_meta *meta,
	       struct disk **disk, struct zl_err *err)
{
	struct disk *d = calloc(1, sizeof(*d));
	uint32_t n = (uint32_t)meta_slots(meta);
	struct zone_geo geo;

	if (!d)
		return zl_fail(err, ENOMEM, "out of memory");
	d->store = st;
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->meta = *meta;
	d->block_shift = (uint32_t)__builtin_ctz(meta->block_bytes);
	d->problems.end = &d->problems.first;
	/* One element at least: calloc() of none may return NULL. */
	d->active = calloc(meta->realms.nr + 1, 1);
	if (!d->active || slot_table_alloc(&d->slots, n) ||
	    store_count_losses(st, n)) {
		disk_free(d);
		return zl_fail(err, ENOMEM, "out of memory for %u zones", n);
	}
	pthread_mutex_init(&d->journal.lock, NULL);
	meta_geo(meta, &geo);
	zone_set_init(&d->zones, &geo, d->slots.zones);
	zone_realms_init(&d->zones, d->active, meta->realms.active);
	meta_set_layout(meta, st);
	*disk = d;
	return 0;
}

void disk_free(struct disk *d)
{
	disk_drop_problems(d);
	flight_stop(d);
	slot_table_free(&d->slots);
	free(d->active);
	free(d->told);
	free(d);
}

/* Zones that the sidecar knows nothing of: it may be another disk's. */
static void look_beyond(struct disk *d)
{
	uint32_t n = d->zones.nr_slots;
	struct store_stat stat;

	if (store_stat(d->store, n, &stat) || stat.kind == STORE_KIND_MISSING)
		return;
	disk_add_problem(d, UINT32_MAX,
			 "there are zone files beyond the last zone, %u; "
			 "does " DISK_SIDECAR " belong here?",
			 n - 1);
}

/*
 * Of a daemon that died with discard_write_cache on: that was no power failure,
 * so what it acknowledged stays.
 */
static void drop_ways_back(struct disk *d)
{
	int ret = store_rollback_clean(d->store);

	if (ret < 0)
		zl_log(ZL_LOG_WARN,
		       "%s: files named .undo cannot be removed: %s", d->name,
		       limit_strerror(-ret));
	else if (ret)
		zl_log(ZL_LOG_INFO, "%s: removed %d files named .undo", d->name,
		       ret);
}

static int start(struct disk *d, const struct disk_open_args *args,
		 struct zl_err *err)
{
	struct journal_state journal;
	int ret = disk_load_zones(d, args, &journal, err);

	if (ret)
		return ret;
	look_beyond(d);
	ret = disk_start(d, args->nr_workers, err);
	if (!ret && d->look_only)
		faults_load(d);
	if (ret || d->look_only)
		return ret;
	d->stats.n[DC_OPENS]++;
	d->stats.n[DC_UNCLEAN_OPENS] += !journal.clean;
	if (!journal.clean)
		drop_ways_back(d);
	/* A power loss takes the initiators' memory, or part of the data, along
	 * with the daemon: then there is nothing to repeat. */
	if (journal.taken_over)
		grace_begin_elsewhere(d);
	else if (journal.died)
		grace_begin(d, GRACE_MS);
	flight_start(d);
	ret = told_init(d, journal.lost_power, err);
	if (!ret)
		ret = journal_start(d, &journal, err);
	if (ret) {
		disk_stop(d);
		return ret;
	}
	flight_keep(d);
	faults_load(d);
	store_on_unasked_loss(d->store, sync_lost_unasked, d);
	return 0;
}

static void log_doubt(void *disk, const char *sentence)
{
	const struct disk *d = disk;

	zl_log(ZL_LOG_WARN, "%s %s", d->name, sentence);
}

static void log_opened(const struct disk *d)
{
	zl_log(ZL_LOG_INFO, "%s: %s the disk %s, %u zones, %u not in order",
	       d->name, d->made ? "made" : "opened", d->meta.serial,
	       d->zones.nr_slots, d->problems.nr);
}

static bool wants_direct(const struct disk_open_args *args)
{
	return args->opts && disk_opt_given(args->opts, OPT_DIRECT_IO);
}

static bool wants_thin(const struct disk_open_args *args)
{
	return args->opts &&
	       args->opts->num[OPT_PROVISIONING] == PROVISIONING_THIN;
}

static bool wants_write_through(const struct disk_open_args *args)
{
	return args->opts && disk_opt_given(args->opts, OPT_WRITE_THROUGH);
}

static bool wants_powerfail(const struct disk_open_args *args)
{
	return args->opts && !args->look_only &&
	       disk_opt_given(args->opts, OPT_DISCARD_WRITE_CACHE);
}

static int open_disk(struct opening *o, struct disk **disk)
{
	struct disk *d;
	int ret = disk_alloc(o->store, o->name, &o->meta, &d, o->err);

	if (ret)
		return ret;
	d->made = o->action != ACT_OPEN;
	d->look_only = o->args->look_only;
	d->direct = wants_direct(o->args);
	d->thin = wants_thin(o->args);
	d->write_through = wants_write_through(o->args);
	d->note_flight = o->args->note_flight;
	holder_is_us(&d->holder, o->path, o->args->opts);
	ret = register_open(d, o->err);
	if (!ret) {
		if (wants_powerfail(o->args))
			ret = powerfail_prepare(d, o->err);
		if (!ret)
			ret = start(d, o->args, o->err);
		if (ret)
			unregister_open(d);
	}
	if (ret) {
		powerfail_undo_prepare(d);
		disk_free(d);
		return ret;
	}
	log_opened(d);
	if (o->path && !d->look_only)
		fs_each_doubt(store_file_fs(o->store), log_doubt, d);
	*disk = d;
	return 0;
}

static int open_at(struct store *st, const char *name, const char *path,
		   const struct disk_open_args *args, struct disk **disk,
		   struct zl_err *err)
{
	struct opening o = {
		.store = st,
		.name = name,
		.path = path,
		.args = args,
		.err = err,
	};
	int ret = enter(&o);

	if (!ret)
		ret = prepare(&o);
	if (!ret)
		ret = open_disk(&o, disk);
	return ret;
}

int disk_open_store(struct store *store, const char *name,
		    const struct disk_open_args *args, struct disk **disk,
		    struct zl_err *err)
{
	return open_at(store, name, NULL, args, disk, err);
}

int disk_open(const char *dir, const struct disk_open_args *args,
	      struct disk **disk, struct zl_err *err)
{
	struct store *st;
	int ret = disk_settle(dir, args->lock_wait_ms, err);

	if (!ret)
		ret = store_file_open(dir, &st, err);
	if (ret)
		return ret;
	if (wants_direct(args))
		store_file_set_direct(st);
	ret = open_at(st, dir, dir, args, disk, err);
	if (ret)
		store_close(st);
	return ret;
}

int disk_precheck(const char *dir, const struct disk_opts *opts,
		  struct zl_err *err)
{
	const struct disk_open_args args = { .opts = opts, .may_make = true };
	struct opening o = {
		.name = dir,
		.path = dir,
		.args = &args,
		.err = err,
		.size_unknown = !disk_opt_given(opts, OPT_CAPACITY_MB),
	};
	int ret = store_file_open(dir, &o.store, err);

	if (ret)
		return ret;
	ret = decide(&o);
	if (!ret)
		ret = check_writable(&o);
	store_close(o.store);
	return ret;
}

static void end(struct disk *d)
{
	struct store *st = d->store;

	store_on_unasked_loss(st, NULL, NULL);
	disk_stop(d);
	unregister_open(d);
	pthread_mutex_destroy(&d->journal.lock);
	disk_free(d);
	store_close(st);
}

static bool has_leftover(struct disk *d, uint32_t slot, uint32_t *wp)
{
	bool cut;

	/* A worker may still be on its way out of the slot. */
	pthread_mutex_lock(&d->lock);
	cut = d->slots.at[slot].flags & SLOT_CUT;
	*wp = zone_slot_wp_blocks(&d->zones, slot);
	pthread_mutex_unlock(&d->lock);
	return cut;
}

/*
 * What failed writes left behind their write pointers and could not be cut off
 * then: the next opening will take it for written.  -errno: something is still
 * there, and the next opening shall know that an initiator may repeat it.
 */
static int cut_leftovers(struct disk *d)
{
	int ret, failed = 0;

	for (uint32_t i = 0; i < d->zones.nr_slots; i++) {
		struct store_req req = { .op = STORE_CUT, .slot = i };
		uint32_t wp;

		if (!has_leftover(d, i, &wp))
			continue;
		req.off = (uint64_t)wp << d->block_shift;
		ret = (int)store_run(d->store, &req);
		if (ret < 0) {
			failed = ret;
			zl_log(ZL_LOG_ERR,
			       "%s: zone %u: what a failed write left behind "
			       "block %u of it could not be cut off",
			       d->name, i, wp);
			continue;
		}
		pthread_mutex_lock(&d->lock);
		slot_was_cut(d, i);
		pthread_mutex_unlock(&d->lock);
	}
	return failed;
}

/* As the kernel's zloop does with this option. */
static int fail_at_close(struct disk *d)
{
	static const struct disk_powerfail everything;

	return disk_powerfail(d, &everything, NULL);
}

static int stop_journal(struct disk *d)
{
	int ret = journal_stop(d);

	if (!ret)
		flight_remove(d);
	return ret;
}

/* The mark of a clean stop is only for a disk that left nothing undone. */
static int stop_cleanly(struct disk *d)
{
	int cut, ret, stop = 0;

	faults_settle(d);
	cut = cut_leftovers(d);
	ret = d->powerfail.possible ? fail_at_close(d) : sync_round(d);
	if (!ret)
		ret = cut;
	/* What is bad, and known to be, is no reason to take the disk for one
	 * that died. */
	if (!ret || (!cut && sync_is_done(d)))
		stop = stop_journal(d);
	return ret ? ret : stop;
}

/* It is another machine's, and so is what this one would have to say. */
static void let_go(struct disk *d)
{
	/* Else it says that hosts are to be told of what is lost, should it be
	 * this machine that opens the disk next. */
	if (d->write_through)
		flight_remove(d);
	zl_log(ZL_LOG_WARN,
	       "%s: closed, and what was not written by then is lost: the disk "
	       "is another machine's",
	       d->name);
}

void disk_close(struct disk *d)
{
	int ret = 0;

	pthread_mutex_lock(&open_lock);
	d->closing = true;
	pthread_mutex_unlock(&open_lock);
	/* All is synced anyway, and nothing may follow the journal's end. */
	store_on_unasked_loss(d->store, NULL, NULL);
	record_log_stop(&d->record, "the disk was closed", NULL);
	if (!d->look_only)
		fence_ask(d);
	if (!d->look_only && !fence_is_lost(&d->fence))
		ret = stop_cleanly(d);
	if (fence_is_lost(&d->fence))
		let_go(d);
	else if (ret)
		zl_log(ZL_LOG_ERR,
		       "%s: closed, but not everything is durable: %s", d->name,
		       limit_strerror(-ret));
	end(d);
}

void disk_abandon(struct disk *d)
{
	record_log_stop(&d->record, "the disk was abandoned", NULL);
	end(d);
}

bool disk_was_made(const struct disk *d)
{
	return d->made;
}

const char *disk_name(const struct disk *d)
{
	return d->name;
}

bool disk_is_thin(const struct disk *d)
{
	return d->thin;
}

bool disk_is_write_through(const struct disk *d)
{
	return d->write_through;
}

const struct disk_meta *disk_meta(const struct disk *d)
{
	return &d->meta;
}

const struct zone_geo *disk_geo(const struct disk *d)
{
	return &d->zones.geo;
}
