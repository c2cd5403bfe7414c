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
		if (p->slots[i].first == NO_EFFECT)
			continue;
		if (zone_slot_has_wp(z, i))
			*count = times(*count, plan_steps(p, i) + 1);
		else
			ret = count_conv(p, i, count);
	}
	return ret;
}

int replay_count(const struct replay *r, uint64_t point, uint64_t *count,
		 struct zl_err *err)
{
	struct plan p;
	int ret = check_point(r, point, err);

	if (!ret)
		ret = plan_make(r, point, true, &p, err);
	if (ret)
		return ret;
	ret = count_states(&p, count);
	plan_free(&p);
	return ret ? zl_fail(err, ENOMEM, "out of memory") : 0;
}

static int check_state(const struct replay *r, const struct plan *p,
		       const struct replay_crash *crash, struct zl_err *err)
{
	uint64_t count;

	if (!crash || crash->random)
		return 0;
	if (count_states(p, &count))
		return zl_fail(err, ENOMEM, "out of memory");
	if (count == UINT64_MAX)
		return zl_fail(err, ERANGE,
			       "%s has more states there than can be "
			       "numbered; choose one by a seed",
			       r->log);
	if (crash->state < count)
		return 0;
	return zl_fail(err, ERANGE,
		       "%s has the states 0 to %llu there, and not %llu",
		       r->log, (unsigned long long)count - 1,
		       (unsigned long long)crash->state);
}

static int apply(struct building *b, disk_progress_fn *progress, void *user)
{
	const struct plan *p = b->plan;
	uint32_t nr = p->r->zones.nr_slots;
	int ret = 0;

	for (uint32_t i = 0; i < nr && !ret; i++) {
		if (p->slots[i].first != NO_EFFECT)
			ret = apply_slot(b, i);
		if (progress && ((i + 1) % 256 == 0 || i + 1 == nr))
			progress(user, i + 1, nr);
	}
	return ret;
}

static int slot_order(void *user, uint32_t slot)
{
	const struct building *b = user;

	return b->non_seq[slot];
}

static int build_files(struct building *b, disk_progress_fn *progress,
		       void *user, struct disk_meta *meta)
{
	const struct replay *r = b->plan->r;
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
		   : disk_copy_complete(b->dir, meta,
					b->non_seq ? slot_order : NULL, b,
					false, b->err);
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

	if (!ret)
		ret = plan_make(r, point, crash != NULL, &p, err);
	if (ret)
		return ret;
	b.plan = &p;
	b.state = crash ? crash->state : 0;
	ret = check_state(r, &p, crash, err);
	if (!ret)
		ret = build(&b, progress, user, meta ? meta : &ignored);
	plan_free(&p);
	return ret;
}
