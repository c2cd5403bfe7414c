// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Building a disk's directory, and counting the ways to do so. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		*count = times(*count, (uint64_t)g.later[n] + 1);
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
	take = (uint32_t)(mix(*state, UINT32_MAX) %
			  ((uint64_t)p->nr_in_flight + 1));
	plan_free(p);
	return plan_make(r, point, true, take, p, err);
}

static int apply(struct building *b, disk_progress_fn *progress, void *user)
{
	const struct plan *p = b->plan;
	uint32_t nr = p->r->zones.nr_slots;
	int ret = 0;

	for (uint32_t i = 0; i < nr && !ret; i++) {
		if (plan_changes(p, i))
			ret = apply_slot(b, i);
		if (progress && ((i + 1) % 256 == 0 || i + 1 == nr))
			progress(user, i + 1, nr);
	}
	return ret;
}

static int build_files(struct building *b, disk_progress_fn *progress,
		       void *user, struct disk_meta *meta)
{
	const struct replay *r = b->plan->r;
	const struct disk_copy_news news = { .non_seq = b->non_seq,
					     .active = b->plan->active };
	int ret = disk_copy_files(r->base, b->dir, NULL, NULL, b->err);

	if (ret)
		return ret;
	b->dir_fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir_fd < 0)
		return zl_fail(b->err, errno, "%s cannot be opened: %s", b->dir,
			       strerror(errno));
	ret = apply(b, progress, user);
	close(b->dir_fd);
	*meta = r->meta;
	return ret ? ret
		   : disk_copy_complete(b->dir, meta, &news, false, b->err);
}

static int build(struct building *b, disk_progress_fn *progress, void *user,
		 struct disk_meta *meta)
{
	uint32_t nr = b->plan->r->zones.nr_slots;
	int made, ret;

	if (zone_geo_has(&b->plan->r->zones.geo, ZT_SEQ_PREFERRED)) {
		b->non_seq = malloc(nr);
		if (!b->non_seq)
			return zl_fail(b->err, ENOMEM, "out of memory");
		memset(b->non_seq, -1, nr);
	}
	made = ret = disk_copy_make_dir(b->dir, b->err);
	if (ret >= 0)
		ret = build_files(b, progress, user, meta);
	if (ret < 0 && made >= 0)
		disk_copy_drop(b->dir, made);
	free(b->non_seq);
	return ret;
}

int replay_build(const struct replay *r, uint64_t point,
		 const struct replay_crash *crash, const char *dir,
		 disk_progress_fn *progress, void *user, struct disk_meta *meta,
		 struct zl_err *err)
{
	struct building b = { .crash = crash, .dir = dir, .err = err };
	struct disk_meta ignored;
	struct plan p;
	int ret = check_point(r, point, err);

	b.state = crash ? crash->state : 0;
	if (!ret)
		ret = plan_state(r, point, crash, &b.state, &p, err);
	if (ret)
		return ret;
	b.plan = &p;
	ret = build(&b, progress, user, meta ? meta : &ignored);
	plan_free(&p);
	return ret;
}
