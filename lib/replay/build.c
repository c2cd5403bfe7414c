// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Building a disk's directory, and counting the ways to do so. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/num.h"
#include "disk/snapshot.h"
#include "replay/internal.h"

static int check_point(const struct replay *r, uint64_t point,
		       struct zl_err *err)
{
	if (point < r->rd.nr)
		return 0;
	return zl_fail(err, ERANGE, "%s has the points 0 to %llu, and not %llu",
		       r->log, (unsigned long long)replay_last(r),
		       (unsigned long long)point);
}

static int count_conv(const struct plan *p, uint32_t slot, uint64_t *count)
{
	struct granules g;
	int ret = plan_granules(p, slot, &g);

	for (uint32_t n = 0; !ret && n < g.nr; n++)
		*count = times(times(*count, (uint64_t)g.at[n].later + 1),
			       (uint64_t)g.at[n].unsure + 1);
	if (!ret)
		granules_free(&g);
	return ret;
}

static int count_states(const struct plan *p, uint64_t *count)
{
	const struct zone_set *z = &p->r->zones;
	int ret = 0;

	*count = 1;
	for (uint32_t i = 0; i < z->nr_slots && !ret; i++) {
		if (!plan_changes(p, i))
			continue;
		if (zone_slot_has_wp(z, i))
			*count = times(*count, plan_steps(p, i) + 1);
		else
			ret = count_conv(p, i, count);
	}
	return ret;
}

/* Those with @take of the activations that were in flight, of *more there are
 * as many. */
static int count_with(const struct replay *r, uint64_t point, uint32_t take,
		      uint64_t *count, bool *more, struct zl_err *err)
{
	struct plan p;
	int ret = plan_make(r, point, true, take, &p, err);

	if (ret)
		return ret;
	ret = count_states(&p, count);
	*more = take < p.nr_in_flight;
	plan_free(&p);
	return ret ? zl_fail(err, ENOMEM, "out of memory") : 0;
}

int replay_count(const struct replay *r, uint64_t point, uint64_t *count,
		 struct zl_err *err)
{
	int ret = check_point(r, point, err);
	bool more = true;
	uint64_t n;

	*count = 0;
	for (uint32_t take = 0; more && !ret; take++) {
		ret = count_with(r, point, take, &n, &more, err);
		if (!ret && __builtin_add_overflow(*count, n, count)) {
			*count = UINT64_MAX;
			break;
		}
	}
	return ret;
}

/* Of a state's number, which becomes one of those with *take. */
static int find_take(const struct replay *r, uint64_t point, uint64_t *state,
		     uint32_t *take, struct zl_err *err)
{
	uint64_t count, n;
	int ret = replay_count(r, point, &count, err);
	bool more;

	if (ret)
		return ret;
	if (count == UINT64_MAX)
		return zl_fail(err, ERANGE,
			       "%s has more states there than can be "
			       "numbered; choose one by a seed",
			       r->log);
	if (*state >= count)
		return zl_fail(err, ERANGE,
			       "%s has the states 0 to %llu there, and not "
			       "%llu",
			       r->log, (unsigned long long)count - 1,
			       (unsigned long long)*state);
	for (;; ++*take, *state -= n) {
		ret = count_with(r, point, *take, &n, &more, err);
		if (ret || *state < n)
			return ret;
	}
}

/* The plan of a state, whose number becomes one of those of the plan. */
static int plan_state(const struct replay *r, uint64_t point,
		      const struct replay_crash *crash, uint64_t *state,
		      struct plan *p, struct zl_err *err)
{
	uint32_t take = 0;
	int ret = 0;

	if (crash && !crash->random)
		ret = find_take(r, point, state, &take, err);
	if (!ret)
		ret = plan_make(r, point, crash != NULL, take, p, err);
	if (ret || !crash || !crash->random || !p->nr_in_flight)
		return ret;
	take = (uint32_t)(draw(p, *state, UINT32_MAX) %
			  ((uint64_t)p->nr_in_flight + 1));
	plan_free(p);
	return plan_make(r, point, true, take, p, err);
}

static bool is_changed(const struct building *b, uint32_t slot)
{
	return plan_changes(b->plan, slot) ||
	       (b->was.plan && plan_changes(b->was.plan, slot));
}

static int apply(struct building *b, disk_progress_fn *progress, void *user)
{
	uint32_t nr = b->plan->r->zones.nr_slots;
	int ret = 0;

	for (uint32_t i = 0; i < nr && !ret; i++) {
		if (is_changed(b, i))
			ret = apply_slot(b, i);
		if (progress && ((i + 1) % 256 == 0 || i + 1 == nr))
			progress(user, i + 1, nr);
	}
	return ret;
}

static int open_dirs(struct building *b)
{
	const char *base = b->plan->r->base;

	b->dir_fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir_fd < 0)
		return zl_fail(b->err, errno, "%s cannot be opened: %s", b->dir,
			       limit_strerror(errno));
	b->base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->base_fd >= 0)
		return 0;
	zl_fail(b->err, errno, "%s cannot be opened: %s", base,
		limit_strerror(errno));
	close(b->dir_fd);
	return -EIO;
}

/* The files that are built from what was built before. */
static bool is_built(void *user, const char *name)
{
	const struct building *b = user;
	char own[STORE_NAME_MAX];
	unsigned long slot;

	if (strlen(name) < 5)
		return false;
	slot = strtoul(name + 4, NULL, 10);
	if (slot >= b->plan->r->zones.nr_slots ||
	    !plan_changes(b->plan, (uint32_t)slot))
		return false;
	replay_slot_name(b->plan->r, (uint32_t)slot, own);
	return !strcmp(name, own);
}

static int copy_base(struct building *b)
{
	const char *base = b->plan->r->base;

	if (b->was.plan)
		return disk_copy_again(base, b->dir, is_built, b, b->err);
	return disk_copy_files(base, b->dir, NULL, NULL, b->err);
}

static int build_from_base(struct building *b, disk_progress_fn *progress,
			   void *user, struct disk_meta *meta)
{
	const struct disk_copy_news news = { .non_seq = b->non_seq,
					     .active = b->plan->active };
	int ret = copy_base(b);

	if (!ret)
		ret = open_dirs(b);
	if (ret)
		return ret;
	ret = apply(b, progress, user);
	close(b->dir_fd);
	close(b->base_fd);
	*meta = b->plan->r->meta;
	return ret ? ret
		   : disk_copy_complete(b->dir, meta, &news, false, b->err);
}

/* What could not be held when the record was opened is asked for again, as that
 * says why. */
static int build_files(struct building *b, disk_progress_fn *progress,
		       void *user, struct disk_meta *meta)
{
	int held = snapshot_hold(b->plan->r->base, b->err), ret;

	if (held < 0)
		return held;
	ret = build_from_base(b, progress, user, meta);
	close(held);
	return ret;
}

static int build(struct building *b, disk_progress_fn *progress, void *user,
		 struct disk_meta *meta)
{
	uint32_t nr = b->plan->r->zones.nr_slots;
	int made = 0, ret = 0;

	if (zone_geo_has(&b->plan->r->zones.geo, ZT_SEQ_PREFERRED)) {
		b->non_seq = malloc(nr);
		if (!b->non_seq)
			return zl_fail(b->err, ENOMEM, "out of memory");
		memset(b->non_seq, -1, nr);
	}
	if (!b->was.plan)
		made = ret = disk_copy_make_dir(b->dir, b->err);
	if (ret >= 0)
		ret = build_files(b, progress, user, meta);
	if (ret < 0 && made >= 0 && !b->was.plan)
		disk_copy_drop(b->dir, made);
	free(b->non_seq);
	return ret;
}

static int choice_make(const struct replay *r, uint64_t point,
		       const struct replay_crash *crash, struct plan *p,
		       struct choice *c, struct zl_err *err)
{
	int ret = check_point(r, point, err);

	*c = (struct choice){ .plan = p,
			      .crash = crash,
			      .state = crash ? crash->state : 0 };
	return ret ? ret : plan_state(r, point, crash, &c->state, p, err);
}

int replay_build(const struct replay *r, uint64_t point,
		 const struct replay_crash *crash, const char *dir,
		 disk_progress_fn *progress, void *user, struct disk_meta *meta,
		 struct zl_err *err)
{
	struct building b = { .dir = dir, .err = err };
	struct disk_meta ignored;
	struct plan p;
	int ret = choice_make(r, point, crash, &p, &b.now, err);

	if (ret)
		return ret;
	b.plan = &p;
	ret = build(&b, progress, user, meta ? meta : &ignored);
	plan_free(&p);
	return ret;
}

int replay_build_next(const struct replay *r, const struct replay_state *was,
		      const struct replay_state *now, const char *dir,
		      struct zl_err *err)
{
	struct building b = { .dir = dir, .err = err, .marks = true };
	struct plan p, was_p = { 0 };
	struct disk_meta ignored;
	int ret = choice_make(r, now->point, &now->crash, &p, &b.now, err);

	if (ret)
		return ret;
	b.plan = &p;
	if (was)
		ret = choice_make(r, was->point, &was->crash, &was_p, &b.was,
				  err);
	if (!ret)
		ret = build(&b, NULL, NULL, &ignored);
	plan_free(&was_p);
	plan_free(&p);
	return ret;
}
