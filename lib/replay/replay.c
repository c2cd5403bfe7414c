// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "replay/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "disk/snapshot.h"
#include "replay/internal.h"
#include "zone/realm.h"

static bool is_sound_activation(const struct replay *r,
				const struct record *rec)
{
	const struct zone_geo *geo = &r->zones.geo;
	uint32_t nr = geo->domains.nr_realms;
	unsigned to;

	if (rec->lba >= nr || rec->nr_blocks > nr - rec->lba ||
	    rec->data_bytes != record_realm_bytes(rec->nr_blocks))
		return false;
	for (uint32_t i = 0; i < rec->nr_blocks; i++) {
		to = record_realm_domain(rec->data, i);
		if (to != RECORD_REALM_STAYS &&
		    (to >= geo->domains.nr ||
		     !zone_realm_has(geo, (uint32_t)rec->lba + i, to)))
			return false;
	}
	return true;
}

/* What is beyond the disk, or has not the data that it must have. */
static bool is_sound(const struct replay *r, const struct record *rec)
{
	uint64_t capacity = r->zones.geo.capacity_blocks;
	uint64_t bytes = (uint64_t)rec->nr_blocks << r->block_shift;

	if (rec->type == RECORD_MARK || rec->type == RECORD_END ||
	    rec->type == RECORD_FLUSH || rec->type == RECORD_OPEN ||
	    rec->type == RECORD_CLOSE)
		return true;
	if (rec->type == RECORD_ACTIVATE)
		return is_sound_activation(r, rec);
	if (rec->lba >= capacity || rec->nr_blocks > capacity - rec->lba)
		return false;
	if (rec->type == RECORD_WRITE)
		return rec->data_bytes == bytes && bytes;
	if (rec->type == RECORD_REFILL && rec->data_bytes)
		return rec->data_bytes == UINT32_C(1) << r->block_shift;
	return rec->type < RECORD_NR_TYPES && rec->type != RECORD_HEAD;
}

static int check_records(const struct replay *r, struct zl_err *err)
{
	for (size_t i = 1; i < r->rd.nr; i++)
		if (!is_sound(r, &r->rd.records[i]))
			return zl_fail(err, EINVAL,
				       "%s: record %zu (%s) is none of this "
				       "disk",
				       r->log, i,
				       record_type_name(r->rd.records[i].type));
	return 0;
}

/* One after the other in its zone, with others in between at most. */
static bool goes_on(const struct record *part, const struct record *next)
{
	return next->type == part->type && next->begin == part->begin &&
	       next->lba == part->lba + part->nr_blocks;
}

static uint64_t end_of(const struct replay *r, size_t nr)
{
	const struct record *part = &r->rd.records[nr];

	if (part->type != RECORD_WRITE || !(part->flags & RECORD_MORE))
		return part->seq;
	while (++nr < r->rd.nr)
		if (goes_on(part, &r->rd.records[nr]))
			return r->ends[nr];
	return UINT64_MAX;
}

static int find_ends(struct replay *r, struct zl_err *err)
{
	r->ends = malloc(r->rd.nr * sizeof(*r->ends));
	if (!r->ends)
		return zl_fail(err, ENOMEM, "out of memory");
	for (size_t i = r->rd.nr; i--;)
		r->ends[i] = end_of(r, i);
	return 0;
}

static int take_head(struct replay *r, const char *base, struct zl_err *err)
{
	const struct record *head = &r->rd.records[0];
	struct zone_geo geo;
	int ret = disk_record_head(head->data, head->data_bytes, r->log,
				   r->base, &r->meta, &geo, err);

	if (ret)
		return ret;
	if (base && snprintf(r->base, sizeof(r->base), "%s", base) >=
			    (int)sizeof(r->base))
		return zl_fail(err, ENAMETOOLONG, "%.64s… is too long a path",
			       base);
	r->slots = calloc(zone_geo_slots(&geo), sizeof(*r->slots));
	if (!r->slots)
		return zl_fail(err, ENOMEM, "out of memory");
	zone_set_init(&r->zones, &geo, r->slots);
	r->block_shift = (uint32_t)__builtin_ctz(r->meta.block_bytes);
	r->granule = geo.phys_blocks;
	/* A record can be looked at without it. */
	r->held = snapshot_hold(r->base, NULL);
	return check_records(r, err);
}

int replay_open(const char *log, const char *base, struct replay **replay,
		struct zl_err *err)
{
	struct replay *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return zl_fail(err, ENOMEM, "out of memory");
	r->held = -ENOENT;
	snprintf(r->log, sizeof(r->log), "%s", log);
	ret = record_open(log, &r->rd, err);
	if (!ret)
		ret = take_head(r, base, err);
	if (!ret)
		ret = find_ends(r, err);
	if (ret) {
		replay_close(r);
		return ret;
	}
	*replay = r;
	return 0;
}

void replay_close(struct replay *r)
{
	record_close(&r->rd);
	if (r->held >= 0)
		close(r->held);
	free(r->ends);
	free(r->slots);
	free(r);
}

const struct disk_meta *replay_meta(const struct replay *r)
{
	return &r->meta;
}

uint64_t replay_last(const struct replay *r)
{
	return r->rd.nr - 1;
}

const struct record *replay_at(const struct replay *r, uint64_t point)
{
	return point < r->rd.nr ? &r->rd.records[point] : NULL;
}

bool replay_is_complete(const struct replay *r, uint64_t *bad_bytes)
{
	*bad_bytes = r->rd.bad_bytes;
	return r->rd.records[r->rd.nr - 1].type == RECORD_END;
}

static unsigned kind_of(const struct record *rec)
{
	unsigned kinds = REPLAY_ANY;

	if (rec->type == RECORD_FLUSH)
		kinds |= REPLAY_FLUSH;
	if (rec->type == RECORD_MARK)
		kinds |= REPLAY_MARK;
	if (rec->type == RECORD_WRITE && rec->flags & RECORD_FUA &&
	    !(rec->flags & (RECORD_MORE | RECORD_FAILED)))
		kinds |= REPLAY_FUA;
	return kinds;
}

uint64_t replay_next(const struct replay *r, uint64_t point, unsigned kinds)
{
	while (++point < r->rd.nr)
		if (kind_of(&r->rd.records[point]) & kinds)
			return point;
	return UINT64_MAX;
}

static int find_nth(const struct replay *r, const char *word, unsigned kind,
		    const char *number, uint64_t *point, struct zl_err *err)
{
	uint64_t n, at = 0;

	if (parse_u64(number, strlen(number), &n) || !n)
		return zl_fail(err, EINVAL,
			       "%s is no point: the number is from 1 on", word);
	for (uint64_t i = 0; i < n && at != UINT64_MAX; i++)
		at = replay_next(r, at, kind);
	if (at == UINT64_MAX)
		return zl_fail(err, ENOENT, "%s has no %s", r->log, word);
	*point = at;
	return 0;
}

static int find_mark(const struct replay *r, const char *text, uint64_t *point,
		     struct zl_err *err)
{
	size_t len = strlen(text);
	const struct record *rec;
	uint64_t at = 0;

	while ((at = replay_next(r, at, REPLAY_MARK)) != UINT64_MAX) {
		rec = &r->rd.records[at];
		if (rec->data_bytes == len && !memcmp(rec->data, text, len)) {
			*point = at;
			return 0;
		}
	}
	return zl_fail(err, ENOENT,
		       "%s has no mark '%s'; a point is a number, end, "
		       "flush=K, fua=K or the text of a mark",
		       r->log, text);
}

int replay_find(const struct replay *r, const char *word, uint64_t *point,
		struct zl_err *err)
{
	uint64_t n;

	if (!strncmp(word, "flush=", 6))
		return find_nth(r, word, REPLAY_FLUSH, word + 6, point, err);
	if (!strncmp(word, "fua=", 4))
		return find_nth(r, word, REPLAY_FUA, word + 4, point, err);
	if (!strncmp(word, "mark=", 5))
		return find_mark(r, word + 5, point, err);
	if (!strcmp(word, "end")) {
		*point = replay_last(r);
		return 0;
	}
	if (parse_u64(word, strlen(word), &n))
		return find_mark(r, word, point, err);
	*point = n;
	if (n <= replay_last(r))
		return 0;
	return zl_fail(err, ERANGE, "%s has the points 0 to %llu", r->log,
		       (unsigned long long)replay_last(r));
}
