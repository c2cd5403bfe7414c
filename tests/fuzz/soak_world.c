// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The disk of the soak test and its model: opening, running, comparing. */
#include "soak.h"

#include "disk/internal.h"
#include "disk/io/grace.h"
#include "disk/io/io.h"
#include "disk/life/open.h"
#include "zone/internal.h"

#ifdef __SANITIZE_ADDRESS__
#define HAVE_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

#define MAX_PIECE 4
#define GUARD_LEN 64
#define GUARD	  0x5c

/* Only this program knows how long the grace lasts. */
static uint64_t clock_ms;

static uint64_t soak_clock(void)
{
	return clock_ms;
}

uint64_t soak_next(struct soak *s)
{
	s->rng ^= s->rng >> 12;
	s->rng ^= s->rng << 25;
	s->rng ^= s->rng >> 27;
	return s->rng * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t soak_below(struct soak *s, uint32_t n)
{
	return (uint32_t)((soak_next(s) >> 32) * n >> 32);
}

/*
 * Contents.
 */

static uint64_t word_of(uint32_t tag, uint32_t i)
{
	return tag ? tag * UINT64_C(0x9e3779b97f4a7c15) + i : 0;
}

void soak_fill(struct soak *s, uint32_t at, uint32_t tag)
{
	uint64_t *p = (uint64_t *)(s->data + (size_t)at * s->block_bytes);

	for (uint32_t i = 0; i < s->block_bytes / 8; i++)
		p[i] = word_of(tag, i);
}

bool soak_holds(const struct soak *s, uint32_t at, uint32_t tag)
{
	const uint64_t *p =
		(const uint64_t *)(s->data + (size_t)at * s->block_bytes);
	uint64_t differs = 0;

	for (uint32_t i = 0; i < s->block_bytes / 8; i++)
		differs |= p[i] ^ word_of(tag, i);
	return !differs;
}

static void set_tags(struct soak *s, uint64_t lba, uint64_t nr, uint32_t tag,
		     uint32_t step)
{
	for (uint64_t i = 0; i < nr; i++)
		s->tag[lba + i] = tag + (uint32_t)i * step;
}

/*
 * Opening and closing.
 */

static void open_disk(struct soak *s)
{
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	struct scsi_unit_args unit_args = { .max_xfer_blocks = SOAK_XFER };
	struct zl_err err = { "" };

	MUST(!disk_opts_parse(&opts, s->how, strlen(s->how), ',', false, &err));
	s->fault = store_fault_new(store_mem_open(s->mem));
	MUST(s->fault);
	if (disk_open_store(s->fault, "soak", &args, &s->disk, &err)) {
		fprintf(stderr, "%s: %s\n", s->how, err.msg);
		abort();
	}
	MUST(!scsi_unit_new(s->disk, &unit_args, &s->unit));
	s->failed_since_open = false;
}

void soak_start(struct soak *s, const char *how)
{
	flight_clock_ms = soak_clock;
	s->how = how;
	/* Nothing of the disk before this one, also where each begins alone. */
	s->last_write[0] = 0;
	memset(s->cdb, 0, sizeof(s->cdb));
	memset(s->data, 0, sizeof(s->data));
	s->len = 0;
	s->mem = store_mem_new();
	MUST(s->mem);
	open_disk(s);
	s->block_bytes = s->unit->block_bytes;
	model_init(&s->model, disk_geo(s->disk));
	MUST(s->model.nr_zones <= SOAK_ZONES);
	memset(s->unsure, 0, sizeof(s->unsure));
	memset(s->unsure_open, 0, sizeof(s->unsure_open));
	s->tag = calloc(s->unit->capacity_blocks, sizeof(*s->tag));
	MUST(s->tag);
	s->next_tag = 1;
}

void soak_stop(struct soak *s)
{
	scsi_unit_free(s->unit);
	disk_close(s->disk);
	store_mem_free(s->mem);
	model_free(&s->model);
	free(s->tag);
}

/*
 * From the disk to the model, where the model cannot know.
 */

static uint32_t model_wp(const struct soak *s, uint32_t z)
{
	const struct model_zone *zone = &s->model.zones[z];
	uint32_t n = (uint32_t)zone->blocks;

	while (n && !s->model.written[zone->start_lba + n - 1])
		n--;
	return n;
}

static bool has_wp(const struct model_zone *zone)
{
	return zone->type == ZT_SEQ_REQUIRED || zone->type == ZT_SEQ_PREFERRED;
}

static bool is_preferred(const struct soak *s, uint32_t z)
{
	return s->model.zones[z].type == ZT_SEQ_PREFERRED;
}

static bool disk_non_seq(const struct soak *s, uint32_t z)
{
	struct zone_info info;

	zone_info_at(&s->disk->zones, s->model.zones[z].start_lba, &info);
	return info.attrs & ZA_NON_SEQ;
}

/* Which write pointers a zone may have now. */
typedef bool allowed_fn(const struct soak *s, uint32_t z, uint32_t old,
			uint32_t now);

/* What a failed write left behind the write pointer counts as written when the
 * process dies before it could cut that off. */
static bool allow_longer(const struct soak *s, uint32_t z, uint32_t old,
			 uint32_t now)
{
	(void)s, (void)z;
	return now > old;
}

/* Zeros are above it, but for what an end that was not cut off has. */
static void take_zone(struct soak *s, uint32_t z, allowed_fn *allowed)
{
	const struct model_zone *zone = &s->model.zones[z];
	uint32_t old = model_wp(s, z), now;
	struct zone_info info;

	zone_info_at(&s->disk->zones, zone->start_lba, &info);
	if (!has_wp(zone))
		return;
	now = zone_slot_wp_blocks(&s->disk->zones, info.slot);
	MUST(now == old || allowed(s, z, old, now));
	if (allowed == allow_longer && !s->unsure_open[z] &&
	    info.cond != ZC_FULL)
		MUST((info.cond == ZC_EXP_OPEN) == (zone->cond == ZC_EXP_OPEN));
	set_tags(s, zone->start_lba + now, zone->blocks - now, 0, 0);
	if (now > old && allowed == allow_longer)
		set_tags(s, zone->start_lba + old, now - old, SOAK_UNKNOWN, 0);
	model_set_state(&s->model, zone->start_lba, info.cond, now);
}

static void take_all(struct soak *s, allowed_fn *allowed)
{
	const struct zone_set *set = &s->disk->zones;

	for (uint32_t z = 0; z < s->model.nr_zones; z++)
		take_zone(s, z, allowed);
	/* Once more in the order in which they were used. */
	for (int r = 0; r < ZR_NR; r++)
		for (uint32_t i = set->pools[r].lru_head; i != SLOT_NONE;
		     i = set->slots[i].lru_next)
			model_set_state(&s->model, zone_slot_start_lba(set, i),
					ZC_IMP_OPEN,
					zone_slot_wp_blocks(set, i));
}

static bool allow_none(const struct soak *s, uint32_t z, uint32_t old,
		       uint32_t now)
{
	(void)s, (void)z, (void)old, (void)now;
	return false;
}

static bool allow_zone_op(const struct soak *s, uint32_t z, uint32_t old,
			  uint32_t now)
{
	(void)old;
	return now == 0 || now == s->model.zones[z].blocks;
}

static bool allow_any(const struct soak *s, uint32_t z, uint32_t old,
		      uint32_t now)
{
	(void)s, (void)z, (void)old, (void)now;
	return true;
}

/* WRITE AND VERIFY that wrote and could not read. */
static bool allow_written(const struct soak *s, uint32_t z, uint32_t old,
			  uint32_t now)
{
	struct soak_range r = soak_range(s);

	return r.lba == s->model.zones[z].start_lba + old && now == old + r.nr;
}

/*
 * The write before the process died comes again: it is accepted once, and
 * changes nothing; or, where all writes are accepted, is one more of them.
 */
static void repeat_write(struct soak *s)
{
	uint64_t before = s->disk->stats.n[DC_RETRIES_ABSORBED];
	struct soak_range r;

	memcpy(s->cdb, s->last_write, sizeof(s->last_write));
	r = soak_range(s);
	s->len = (size_t)r.nr * s->block_bytes;
	for (uint32_t i = 0; i < r.nr; i++)
		soak_fill(s, i, s->last_tag + i);
	MUST(!soak_run(s, 16));
	if (s->disk->meta.host_aware) {
		soak_apply(s, 0, s->last_tag);
		return;
	}
	MUST(s->disk->stats.n[DC_RETRIES_ABSORBED] == before + 1);
	s->absorbed++;
	MUST(soak_run(s, 16));
}

/* Explicitly opened zones stay so, the others are closed. */
static void close_implicit(struct soak *s)
{
	for (uint32_t z = 0; z < s->model.nr_zones; z++)
		if (s->model.zones[z].cond == ZC_IMP_OPEN)
			model_set_state(&s->model, s->model.zones[z].start_lba,
					ZC_CLOSED, model_wp(s, z));
}

/* What the journal kept of the zones; the rest is exact. */
static void reopen_non_seq(struct soak *s, bool kill)
{
	for (uint32_t z = 0; z < s->model.nr_zones; z++) {
		if (s->unsure[z])
			model_set_non_seq(&s->model,
					  s->model.zones[z].start_lba,
					  disk_non_seq(s, z));
		s->unsure[z] = false;
		s->kept += kill && s->model.zones[z].non_seq;
	}
}

void soak_restart(struct soak *s, bool kill)
{
	bool failed = s->failed_since_open;

	scsi_unit_free(s->unit);
	if (kill)
		disk_abandon(s->disk);
	else
		disk_close(s->disk);
	open_disk(s);
	if (!kill)
		model_power_on(&s->model);
	else if (failed)
		take_all(s, allow_longer);
	else
		close_implicit(s);
	reopen_non_seq(s, kill);
	memset(s->unsure_open, 0, sizeof(s->unsure_open));
	soak_check(s);
	if (kill && !failed && s->last_write[0] && !s->unit->swp &&
	    soak_below(s, 2))
		repeat_write(s);
	s->last_write[0] = 0;
	clock_ms += GRACE_MS + 1;
	s->restarts += !kill;
	s->kills += kill;
}

/*
 * Running a command.
 */

static uint8_t arena[SOAK_BUF + (MAX_PIECE + 1) * GUARD_LEN];

struct pieces {
	struct iovec iov[MAX_PIECE];
	size_t cnt;
};

static void scatter(struct soak *s, struct pieces *b)
{
	size_t cnt = s->len ? 1 + soak_below(s, MAX_PIECE) : 0;
	uint8_t *p = arena, *from = s->data;
	size_t left = s->len, n;

	UNPOISON(arena, sizeof(arena));
	memset(p, GUARD, GUARD_LEN);
	p += GUARD_LEN;
	for (b->cnt = 0; b->cnt < cnt; b->cnt++) {
		n = b->cnt == cnt - 1 ? left
				      : soak_below(s, (uint32_t)left + 1);
		memcpy(p, from, n);
		b->iov[b->cnt] = (struct iovec){ p, n };
		memset(p + n, GUARD, GUARD_LEN);
		POISON(p + n, GUARD_LEN);
		p += n + GUARD_LEN;
		from += n;
		left -= n;
	}
	POISON(arena, GUARD_LEN);
	POISON(p, (size_t)(arena + sizeof(arena) - p));
}

static void check_guard(const uint8_t *p)
{
	static const uint64_t word = GUARD * UINT64_C(0x0101010101010101);

	for (size_t i = 0; i < GUARD_LEN; i += 8)
		MUST(!memcmp(p + i, &word, 8));
}

static bool all_zeros(const uint8_t *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

/* Data-in comes to s->data, what was data-out stays there; the buffer's rest is
 * zeroed, whatever it was for. */
static void gather(struct soak *s, const struct pieces *b)
{
	size_t left = s->cmd.data_in_bytes;
	uint8_t *to = s->data;

	UNPOISON(arena, sizeof(arena));
	check_guard(arena);
	for (size_t i = 0; i < b->cnt; i++) {
		const uint8_t *p = b->iov[i].iov_base;
		size_t n = b->iov[i].iov_len, in = min_u64(left, n);

		check_guard(p + n);
		memcpy(to, p, in);
		MUST(all_zeros(p + in, n - in));
		to += in;
		left -= in;
	}
	MUST(!left);
}

static void done(struct scsi_cmd *cmd)
{
	++*(int *)cmd->user;
}

static void execute(struct soak *s, size_t cdb_len, struct pieces *b)
{
	uint8_t exact[SCSI_CDB_MAX];
	struct scsi_cmd *cmd = &s->cmd;
	int calls = 0;

	memcpy(exact, s->cdb, sizeof(exact));
	cmd->cdb = exact;
	cmd->cdb_len = cdb_len;
	cmd->iov = b->iov;
	cmd->iov_cnt = b->cnt;
	cmd->done = done;
	cmd->user = &calls;
	POISON(exact + cdb_len, sizeof(exact) - cdb_len);
	/* The quick path, which needs no engine in this store, or the other. */
	s->disk->where.try_blocks = soak_below(s, 2) ? SOAK_XFER : 0;
	if (scsi_begin(s->unit, cmd) == SCSI_RUN) {
		MUST(!calls);
		UNPOISON(exact, sizeof(exact));
		memset(exact, 0xff, sizeof(exact)); /* nobody looks again */
		scsi_run(cmd);
		MUST(calls == 1);
	} else {
		MUST(!calls);
	}
	UNPOISON(exact, sizeof(exact));
}

static uint32_t sense_code(const struct scsi_cmd *cmd)
{
	const uint8_t *p = cmd->sense;

	MUST(cmd->status == SCSI_CHECK_CONDITION);
	MUST(cmd->sense_len >= 8 && cmd->sense_len <= SCSI_SENSE_MAX);
	MUST(cmd->sense_len == p[7] + 8u);
	switch (p[0]) {
	case 0x70:
	case 0xf0:
		MUST(cmd->sense_len >= 18);
		return (uint32_t)(p[2] & 0x0f) << 16 | be16_get(p + 12);
	default:
		MUST(p[0] == 0x72);
		return (uint32_t)(p[1] & 0x0f) << 16 | be16_get(p + 2);
	}
}

uint32_t soak_run(struct soak *s, size_t cdb_len)
{
	struct scsi_cmd *cmd = &s->cmd;
	struct pieces b;

	MUST(s->len <= SOAK_BUF);
	scatter(s, &b);
	execute(s, cdb_len, &b);
	MUST(cmd->data_in_bytes <= s->len);
	gather(s, &b);
	s->commands++;
	if (cmd->status == SCSI_GOOD || cmd->status == SCSI_CONDITION_MET) {
		MUST(!cmd->sense_len);
		s->good++;
		s->done[s->cdb[0]][0]++;
		return 0;
	}
	MUST(!cmd->data_in_bytes);
	s->done[s->cdb[0]][1]++;
	return sense_code(cmd);
}

/*
 * What commands do.
 */

enum soak_kind soak_kind(uint8_t opcode)
{
	static const uint8_t kinds[256] = {
		[0x04] = SOAK_WIPE,   [0x08] = SOAK_READ,
		[0x0a] = SOAK_WRITE,  [0x28] = SOAK_READ,
		[0x2a] = SOAK_WRITE,  [0x2e] = SOAK_WRITE,
		[0x2f] = SOAK_VERIFY, [0x41] = SOAK_SAME,
		[0x42] = SOAK_UNMAP,  [0x48] = SOAK_WIPE,
		[0x88] = SOAK_READ,   [0x89] = SOAK_COMPARE_WRITE,
		[0x8a] = SOAK_WRITE,  [0x8e] = SOAK_WRITE,
		[0x8f] = SOAK_VERIFY, [0x93] = SOAK_SAME,
		[0x94] = SOAK_ZONE,   [0xa8] = SOAK_READ,
		[0xaa] = SOAK_WRITE,  [0xae] = SOAK_WRITE,
		[0xaf] = SOAK_VERIFY,
	};

	return kinds[opcode];
}

struct soak_range soak_range(const struct soak *s)
{
	const uint8_t *c = s->cdb;

	switch (c[0] >> 5) {
	case 0:
		return (struct soak_range){ be24_get(c + 1) & 0x1fffff,
					    c[4] ? c[4] : 256 };
	case 1:
	case 2:
		return (struct soak_range){ be32_get(c + 2), be16_get(c + 7) };
	case 5:
		return (struct soak_range){ be32_get(c + 2), be32_get(c + 6) };
	default:
		if (c[0] == 0x89)
			return (struct soak_range){ be64_get(c + 2), c[13] };
		return (struct soak_range){ be64_get(c + 2), be32_get(c + 10) };
	}
}

uint32_t soak_code(enum zone_verdict verdict)
{
	static const uint32_t codes[] = {
		[ZV_OK] = 0,
		[ZV_LBA_RANGE] = 0x52100,
		[ZV_UNALIGNED_WRITE] = 0x52104,
		[ZV_WRITE_BOUNDARY] = 0x52105,
		[ZV_READ_INVALID] = 0x52106,
		[ZV_READ_BOUNDARY] = 0x52107,
		[ZV_GAP] = 0x52109,
		[ZV_FULL] = 0x52400,
		[ZV_ZONE_ID] = 0x52400,
		[ZV_ZONE_COUNT] = 0x52400,
		[ZV_READ_ONLY] = 0x72708,
		[ZV_OFFLINE] = 0x72c0e,
		[ZV_INACTIVE] = 0x72c12,
		[ZV_NO_RESOURCES] = 0x7550e,
	};

	MUST((size_t)verdict < ZL_ARRAY_SIZE(codes));
	return codes[verdict];
}

/* Data-in is what was written; what did not fit the buffer is not there. */
static void check_read(const struct soak *s, struct soak_range r)
{
	uint32_t whole = (uint32_t)(s->len / s->block_bytes);

	MUST(!model_read(&s->model, r.lba, r.nr));
	MUST(s->cmd.data_in_bytes ==
	     min_u64(s->len, (uint64_t)r.nr * s->block_bytes));
	for (uint32_t i = 0; i < r.nr && i < whole; i++)
		if (s->tag[r.lba + i] != SOAK_UNKNOWN)
			MUST(soak_holds(s, i, s->tag[r.lba + i]));
}

static void check_verify(const struct soak *s, struct soak_range r)
{
	uint8_t bytchk = s->cdb[1] >> 1 & 3;

	MUST(!model_read(&s->model, r.lba, r.nr));
	for (uint32_t i = 0; bytchk && i < r.nr; i++)
		if (s->tag[r.lba + i] != SOAK_UNKNOWN)
			MUST(soak_holds(s, bytchk == 3 ? 0 : i,
					s->tag[r.lba + i]));
}

static void write_model(struct soak *s, struct soak_range r, uint32_t tag,
			uint32_t step)
{
	uint32_t first, last;

	if (!r.nr)
		return;
	MUST(!model_write_begin(&s->model, r.lba, r.nr));
	model_write_end(&s->model, r.lba, r.nr);
	set_tags(s, r.lba, r.nr, tag, step);
	first = s->model.zone_of[r.lba];
	last = s->model.zone_of[r.lba + r.nr - 1];
	s->across += first != last && is_preferred(s, last);
	/* Acknowledged, so the journal knows it. */
	for (uint32_t z = first; z <= last; z++)
		s->unsure[z] &= !s->model.zones[z].non_seq;
}

/* The first half was equal to what was there. */
static void check_compared(const struct soak *s, struct soak_range r)
{
	for (uint32_t i = 0; i < r.nr; i++)
		if (s->tag[r.lba + i] != SOAK_UNKNOWN)
			MUST(soak_holds(s, i, s->tag[r.lba + i]));
}

static void unmap_model(struct soak *s)
{
	uint32_t len = be16_get(s->cdb + 7), nr;

	if (len < 8)
		return;
	nr = (uint32_t)min_u64(be16_get(s->data + 2), len - 8) / 16;
	for (uint32_t i = 0; i < nr; i++) {
		const uint8_t *d = s->data + 8 + 16 * i;

		set_tags(s, be64_get(d), be32_get(d + 8), 0, 0);
	}
}

static void zone_model_op(struct soak *s)
{
	const struct zone_model *m = &s->model;
	const uint8_t *c = s->cdb;
	bool had[SOAK_ZONES];

	for (uint32_t z = 0; z < m->nr_zones; z++)
		had[z] = m->zones[z].cond != ZC_EMPTY;
	MUST(!model_op(&s->model, (enum zone_op)(c[1] & 0x1f), be64_get(c + 2),
		       be16_get(c + 12), c[14] & 1));
	for (uint32_t z = 0; z < m->nr_zones; z++)
		if (had[z] && m->zones[z].cond == ZC_EMPTY)
			set_tags(s, m->zones[z].start_lba, m->zones[z].blocks,
				 0, 0);
}

static void wipe_model(struct soak *s)
{
	take_all(s, allow_any);
	for (uint32_t z = 0; z < s->model.nr_zones; z++) {
		const struct model_zone *zone = &s->model.zones[z];

		if (zone->type == ZT_CONVENTIONAL || has_wp(zone))
			set_tags(s, zone->start_lba, zone->blocks,
				 zone->cond == ZC_EMPTY ? 0 : SOAK_UNKNOWN, 0);
		if (s->cdb[0] == 0x04 && has_wp(zone))
			MUST(zone->cond == ZC_EMPTY);
	}
}

/* With what resets took away. */
static void sync_model(struct soak *s)
{
	for (uint32_t z = 0; z < s->model.nr_zones; z++)
		s->unsure[z] &= s->model.zones[z].non_seq;
}

static void apply_good(struct soak *s, uint32_t tag)
{
	enum soak_kind kind = soak_kind(s->cdb[0]);
	struct soak_range r = soak_range(s);

	switch (kind) {
	case SOAK_READ:
		check_read(s, r);
		break;
	case SOAK_VERIFY:
		check_verify(s, r);
		break;
	case SOAK_WRITE:
		write_model(s, r, tag, 1);
		break;
	case SOAK_SAME:
		write_model(s, r, s->cdb[0] == 0x93 && s->cdb[1] & 1 ? 0 : tag,
			    0);
		break;
	case SOAK_COMPARE_WRITE:
		check_compared(s, r);
		write_model(s, r, tag, 1);
		break;
	case SOAK_UNMAP:
		unmap_model(s);
		break;
	case SOAK_ZONE:
		zone_model_op(s);
		break;
	case SOAK_WIPE:
		wipe_model(s);
		break;
	case SOAK_OTHER:
		if (s->cdb[0] == 0x35 || s->cdb[0] == 0x91)
			sync_model(s);
		break;
	}
}

/* A write at a write pointer, in a sequential zone, which could come again. */
static void note_write(struct soak *s, uint32_t code, uint32_t tag)
{
	enum soak_kind kind = soak_kind(s->cdb[0]);
	struct soak_range r = soak_range(s);

	if (kind == SOAK_OTHER || kind == SOAK_READ || kind == SOAK_VERIFY)
		return;
	s->last_write[0] = 0;
	if (code || s->cdb[0] != 0x8a || !r.nr ||
	    !has_wp(&s->model.zones[s->model.zone_of[r.lba]]))
		return;
	memcpy(s->last_write, s->cdb, sizeof(s->last_write));
	s->last_tag = tag;
}

/* A zone command was GOOD: what it made of its zones is known. */
static void end_unsure_open(struct soak *s)
{
	bool all = s->cdb[14] & 1, empty_too;
	uint8_t op = s->cdb[1] & 0x1f;

	/* OPEN and FINISH of all zones leave the empty ones as they are. */
	empty_too = !all || op == ZO_CLOSE || op == ZO_RESET;
	for (uint32_t z = 0; z < s->model.nr_zones; z++) {
		const struct model_zone *zone = &s->model.zones[z];

		if ((all || be64_get(s->cdb + 2) == zone->start_lba) &&
		    (empty_too || zone->cond == ZC_FULL))
			s->unsure_open[z] = false;
	}
}

void soak_apply(struct soak *s, uint32_t code, uint32_t tag)
{
	if (!code)
		apply_good(s, tag);
	if (!code && soak_kind(s->cdb[0]) == SOAK_ZONE)
		end_unsure_open(s);
	note_write(s, code, tag);
}

static bool is_write_verify(uint8_t opcode)
{
	return opcode == 0x2e || opcode == 0x8e || opcode == 0xae;
}

/* Whether a block has what it had before. */
static bool is_old(const struct soak *s, uint64_t lba)
{
	return s->tag[lba] == SOAK_UNKNOWN || soak_holds(s, 0, s->tag[lba]);
}

/* A block on the medium, in s->data. */
static enum disk_status read_block(struct soak *s, uint64_t lba)
{
	struct iovec iov = { s->data, s->block_bytes };
	struct disk_io io = { .op = DISK_READ,
			      .lba = lba,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1 };

	return disk_run(s->disk, &io);
}

/*
 * How many blocks of a failed write are there.  What follows them is as it was,
 * but for one block that may be torn.  One that a failed sync made unreadable
 * had been written.
 */
static uint32_t read_back(struct soak *s, struct soak_range r, uint32_t tag,
			  uint32_t step)
{
	uint32_t there = 0, torn = 0;
	enum disk_status status;
	bool is_new;

	for (uint32_t i = 0; i < r.nr; i++) {
		status = read_block(s, r.lba + i);
		if (status == DISK_REFUSED)
			continue; /* beyond the write pointer, or the last */
		MUST(status == DISK_OK || s->disk->slots.bad.first);
		is_new = status == DISK_OK && soak_holds(s, 0, tag + i * step);
		if (!is_new && status == DISK_OK && is_old(s, r.lba + i))
			continue;
		MUST(there == i);
		if (is_new || status != DISK_OK)
			there++;
		else
			MUST(!torn++);
		s->tag[r.lba + i] = is_new ? tag + i * step : SOAK_UNKNOWN;
	}
	return there;
}

/* The first @there blocks from @lba on have been written, and what is below the
 * write pointer may have been overwritten only. */
static void take_part(struct soak *s, uint32_t z, uint64_t lba, uint32_t there)
{
	const struct model_zone *zone = &s->model.zones[z];
	uint64_t end = lba + there, off;
	uint32_t old = model_wp(s, z), now;
	bool non_seq = disk_non_seq(s, z);
	struct zone_info info;

	if (!there || end <= zone->start_lba ||
	    lba >= zone->start_lba + zone->blocks)
		return;
	off = lba > zone->start_lba ? lba - zone->start_lba : 0;
	end = min_u64(end - zone->start_lba, zone->blocks);
	zone_info_at(&s->disk->zones, zone->start_lba, &info);
	now = zone_slot_wp_blocks(&s->disk->zones, info.slot);
	MUST(now == max_u64(old, end));
	if (now > old)
		MUST(non_seq == (zone->non_seq || off != old));
	else
		MUST(non_seq || !zone->non_seq);
	s->parts++;
	s->unsure[z] |= non_seq != zone->non_seq;
	model_set_state(&s->model, zone->start_lba, info.cond, now);
	model_set_non_seq(&s->model, zone->start_lba, non_seq);
}

static void take_write(struct soak *s, uint32_t tag)
{
	struct soak_range r = soak_range(s);
	uint32_t step = soak_kind(s->cdb[0]) != SOAK_SAME;
	uint32_t there = read_back(s, r, tag, step);

	for (uint32_t z = 0; z < s->model.nr_zones; z++)
		if (is_preferred(s, z))
			take_part(s, z, r.lba, there);
	take_all(s, is_write_verify(s->cdb[0]) ? allow_written : allow_none);
}

/* That a reset took NON_SEQ away may be what the journal was not told. */
static void take_zone_op(struct soak *s)
{
	bool had[SOAK_ZONES];

	for (uint32_t z = 0; z < s->model.nr_zones; z++)
		had[z] = s->model.zones[z].non_seq;
	take_all(s, allow_zone_op);
	for (uint32_t z = 0; z < s->model.nr_zones; z++)
		s->unsure[z] |= had[z] && !s->model.zones[z].non_seq;
}

void soak_apply_failed(struct soak *s, uint32_t tag)
{
	enum soak_kind kind = soak_kind(s->cdb[0]);

	s->failed_since_open = true;
	memset(s->unsure_open, true, sizeof(s->unsure_open));
	s->last_write[0] = 0;
	if (kind == SOAK_ZONE)
		take_zone_op(s);
	else if (kind == SOAK_WRITE || kind == SOAK_SAME)
		take_write(s, tag);
	else
		take_all(s, allow_none);
}

void soak_check(struct soak *s)
{
	const struct zone_set *z = &s->disk->zones;
	const char *differs = model_compare(&s->model, z);
	struct store_stat stat;

	if (differs)
		fprintf(stderr, "%s: the model differs\n", differs);
	MUST(!differs);
	MUST(zone_set_check(z));
	for (uint32_t i = 0; i < z->nr_slots; i++) {
		if (!zone_slot_has_wp(z, i) ||
		    s->disk->slots.at[i].flags & SLOT_CUT)
			continue;
		MUST(!store_stat(s->fault, i, &stat));
		MUST(stat.size_bytes ==
		     blocks_to_bytes(s->disk, zone_slot_wp_blocks(z, i)));
	}
}
