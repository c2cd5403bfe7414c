// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Random commands, most of them sensible, without end: every reply is compared
 * with a model of the zones and of every block's contents, through failing
 * calls of the store, restarts and deaths of the process.
 *
 * soak [SEED [COMMANDS [SECONDS [FIRST]]]]: until either is used up; 0 = no
 * limit.  FIRST is the number of the first disk, for what a failure says.
 */
#include <signal.h>
#include <time.h>

#include "scsi/gen.h"
#include "soak.h"

#include "disk/internal.h"

/* Each is used for so many commands, then made anew. */
#define COMMANDS_PER_DISK 100000u

static const char *const disks[] = {
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2,"
	"block_size=4096,provisioning=thin",
	"capacity_mb=7,zone_size_mb=2,smaller_last_zone,conv_zones=1,"
	"block_size=512,physical_block_size=4096,max_open_zones=1",
	"capacity_mb=5,zone_size_mb=1,block_size=4096,conv_zones=0,urswrz=0,"
	"max_open_zones=3",
	"capacity_mb=6,zone_size_mb=2,zone_capacity_mb=1,conv_zones=1,"
	"block_size=4096,provisioning=thin",
	"capacity_mb=8,zone_size_mb=1,conv_zones=1,block_size=4096",
	"capacity_mb=4,zone_size_mb=1,conv_zones=1,block_size=512",
	"capacity_mb=6,zone_size_mb=1,conv_zones=1,max_open_zones=2,"
	"block_size=4096,model=host-aware",
	"capacity_mb=3,zone_size_mb=2,smaller_last_zone,conv_zones=0,"
	"block_size=512,physical_block_size=4096,model=host-aware",
	"capacity_mb=5,zone_size_mb=1,conv_zones=0,block_size=4096,"
	"model=host-aware",
};

static struct soak soak;

/*
 * CDBs.
 */

static const struct scsi_op *row_of(uint8_t opcode)
{
	const struct scsi_op *op = scsi_op_table;

	while (op->usage[0] != opcode)
		op++;
	return op;
}

static uint8_t random_byte(void *s)
{
	return (uint8_t)soak_next(s);
}

static void media_cdb(struct soak *s, uint8_t opcode, uint64_t lba, uint32_t nr)
{
	const struct scsi_op *op = row_of(opcode);

	gen_fixed(op, s->cdb);
	gen_put_lba(op, s->cdb, lba);
	gen_put_blocks(op, s->cdb, nr);
	if (opcode >= 0x20 && soak_kind(opcode) != SOAK_SAME &&
	    soak_kind(opcode) != SOAK_VERIFY && !soak_below(s, 16))
		s->cdb[1] |= opcode == 0x2e || opcode == 0x8e || opcode == 0xae
				     ? 0
				     : 0x08; /* FUA */
}

static uint32_t some_nr(struct soak *s)
{
	/* Elsewhere than at a write pointer parts of them can be written. */
	uint32_t phys = s->disk->meta.host_aware ? 1 : s->unit->phys_blocks;

	switch (soak_below(s, 64)) {
	case 0:
		return SOAK_XFER;
	case 1:
		return soak_below(s, SOAK_XFER) + 1;
	default:
		return phys * (1 + soak_below(s, 2));
	}
}

static uint32_t wp_of(const struct soak *s, uint32_t slot)
{
	return zone_slot_wp_blocks(&s->disk->zones, slot);
}

/* Where something is likely to be right, or just wrong. */
static uint64_t some_lba(struct soak *s)
{
	const struct zone_set *z = &s->disk->zones;
	uint32_t slot = soak_below(s, z->nr_slots);
	uint64_t start = zone_slot_start_lba(z, slot);

	switch (soak_below(s, 8)) {
	case 0:
		return start;
	case 1:
		return start + zone_slot_blocks(z, slot) - 1 -
		       soak_below(s, SOAK_XFER);
	case 2:
		return soak_below(s, (uint32_t)z->geo.capacity_blocks + 8);
	case 3:
		return start + zone_slot_cap_blocks(z, slot) -
		       soak_below(s, SOAK_XFER);
	default:
		return start + soak_below(s, wp_of(s, slot) + 1);
	}
}

/* Anywhere, often near a border, which writes may cross. */
static uint64_t host_aware_lba(struct soak *s)
{
	const struct zone_set *z = &s->disk->zones;
	uint32_t slot = soak_below(s, z->nr_slots);
	uint32_t blocks = zone_slot_blocks(z, slot), off;

	switch (soak_below(s, 8)) {
	case 0:
		off = blocks - 1 - soak_below(s, 8);
		break;
	case 1:
	case 2:
		off = soak_below(s, blocks);
		break;
	case 3:
		/* A little beyond it, or before. */
		off = wp_of(s, slot) + 4 - soak_below(s, 8);
		off = off < blocks ? off : 0;
		break;
	default:
		off = wp_of(s, slot);
		break;
	}
	return zone_slot_start_lba(z, slot) + off;
}

/* The write pointer of a zone, or a place in one that can be written anywhere.
 */
static uint64_t writable_lba(struct soak *s, uint32_t *nr)
{
	const struct zone_set *z = &s->disk->zones;
	uint32_t slot, room, off;

	if (s->disk->meta.host_aware)
		return host_aware_lba(s);
	slot = soak_below(s, z->nr_slots);
	if (!zone_slot_has_wp(z, slot))
		off = soak_below(s, zone_slot_blocks(z, slot));
	else
		off = wp_of(s, slot);
	room = zone_slot_cap_blocks(z, slot) - off;
	if (room && soak_below(s, 32))
		*nr = (uint32_t)min_u64(*nr, room);
	return zone_slot_start_lba(z, slot) + off;
}

/*
 * Steps.
 */

/* Data-out of @nr new blocks from @at in the buffer; returns the first tag. */
static uint32_t new_data(struct soak *s, uint32_t at, uint32_t nr)
{
	uint32_t tag = s->next_tag;

	if (tag > SOAK_UNKNOWN - SOAK_XFER - 2)
		tag = 1;
	s->next_tag = tag + nr;
	for (uint32_t i = 0; i < nr; i++)
		soak_fill(s, at + i, tag + i);
	return tag;
}

/* What is there; false: not all of it is known. */
static bool present_data(struct soak *s, uint64_t lba, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (lba + i >= s->unit->capacity_blocks ||
		    s->tag[lba + i] == SOAK_UNKNOWN)
			return false;
		soak_fill(s, i, s->tag[lba + i]);
	}
	return true;
}

static void run_and_apply(struct soak *s, uint32_t tag, uint32_t want)
{
	bool plain = !s->unit->swp && !s->unit->stopped;
	uint32_t code = soak_run(s, 16);

	if (plain && code != want) {
		fprintf(stderr, "command %02Xh: %05X, not %05X\n", s->cdb[0],
			code, want);
		abort();
	}
	soak_apply(s, code, tag);
}

static void step_write(struct soak *s)
{
	static const uint8_t opcodes[] = { 0x8a, 0x8a, 0x8a, 0x2a,
					   0xaa, 0x8e, 0x2e, 0x0a };
	uint8_t opcode = opcodes[soak_below(s, ZL_ARRAY_SIZE(opcodes))];
	uint32_t nr = some_nr(s), tag;
	uint64_t lba = soak_below(s, 8) ? writable_lba(s, &nr) : some_lba(s);
	enum zone_verdict verdict = model_write_check(&s->model, lba, nr);

	media_cdb(s, opcode, lba, nr);
	s->len = (size_t)nr * s->block_bytes;
	tag = new_data(s, 0, nr);
	run_and_apply(s, tag, soak_code(verdict));
}

static void step_read(struct soak *s)
{
	static const uint8_t opcodes[] = { 0x88, 0x88, 0x28, 0xa8, 0x08 };
	uint8_t opcode = opcodes[soak_below(s, ZL_ARRAY_SIZE(opcodes))];
	uint32_t nr = some_nr(s);
	uint64_t lba = some_lba(s);

	media_cdb(s, opcode, lba, nr);
	s->len = (size_t)nr * s->block_bytes;
	if (!soak_below(s, 16))
		s->len = soak_below(s, (uint32_t)s->len);
	run_and_apply(s, 0, soak_code(model_read(&s->model, lba, nr)));
}

static void step_verify(struct soak *s)
{
	static const uint8_t opcodes[] = { 0x2f, 0x8f, 0xaf };
	uint32_t nr = some_nr(s), want;
	uint64_t lba = some_lba(s);

	if (!present_data(s, lba, nr))
		return;
	want = soak_code(model_read(&s->model, lba, nr));
	s->len = (size_t)nr * s->block_bytes;
	if (!soak_below(s, 8)) {
		s->data[soak_below(s, (uint32_t)s->len)] ^= 1;
		want = want ? want : MISCOMPARE_DURING_VERIFY;
	}
	media_cdb(s, opcodes[soak_below(s, 3)], lba, nr);
	s->cdb[1] = 1 << 1; /* BYTCHK */
	run_and_apply(s, 0, want);
}

static void step_compare_write(struct soak *s)
{
	uint32_t nr = 1 + soak_below(s, 4), want, tag;
	uint64_t lba = writable_lba(s, &nr);

	if (!nr || !present_data(s, lba, nr))
		return;
	want = soak_code(model_write_check(&s->model, lba, nr));
	/* It compares with what is not written yet: zeros, or nothing. */
	if (!want)
		want = soak_code(model_read(&s->model, lba, nr));
	if (!soak_below(s, 8)) {
		s->data[soak_below(s, nr * s->block_bytes)] ^= 1;
		want = want ? want : MISCOMPARE_DURING_VERIFY;
	}
	tag = new_data(s, nr, nr);
	s->len = 2 * (size_t)nr * s->block_bytes;
	media_cdb(s, 0x89, lba, nr);
	run_and_apply(s, tag, want);
}

static void step_same(struct soak *s)
{
	uint32_t nr = some_nr(s), tag, want;
	uint64_t lba = writable_lba(s, &nr);
	bool ndob = !soak_below(s, 4), unmap = !soak_below(s, 4);

	if (!nr)
		return;
	want = soak_code(model_write_check(&s->model, lba, nr));
	if (unmap && !s->unit->thin)
		want = INVALID_FIELD_IN_CDB;
	tag = new_data(s, 0, 1);
	s->len = s->block_bytes;
	media_cdb(s, ndob || soak_below(s, 2) ? 0x93 : 0x41, lba, nr);
	s->cdb[1] = (uint8_t)(unmap << 3 | ndob);
	run_and_apply(s, tag, want);
}

static void step_unmap(struct soak *s)
{
	uint32_t conv =
		s->disk->meta.conv_zones * s->disk->zones.geo.zone_blocks;
	uint32_t nr = soak_below(s, 4), lba, len = 8 + 16 * nr;

	if (!conv)
		return;
	memset(s->cdb, 0, sizeof(s->cdb));
	memset(s->data, 0, len);
	s->cdb[0] = 0x42;
	be16_put(s->cdb + 7, (uint16_t)len);
	be16_put(s->data, (uint16_t)(len - 2));
	be16_put(s->data + 2, (uint16_t)(len - 8));
	for (uint32_t i = 0; i < nr; i++) {
		lba = soak_below(s, conv);
		be64_put(s->data + 8 + 16 * i, lba);
		be32_put(s->data + 16 + 16 * i,
			 soak_below(s, (uint32_t)min_u64(conv - lba, 40)));
	}
	s->len = len;
	run_and_apply(s, 0, s->unit->thin ? 0 : INVALID_COMMAND_OPERATION_CODE);
}

static void step_zone(struct soak *s)
{
	const struct zone_set *z = &s->disk->zones;
	uint64_t id = zone_slot_start_lba(z, soak_below(s, z->nr_slots));
	uint32_t op = 1 + soak_below(s, 4), pick = soak_below(s, 16);
	bool all = !soak_below(s, 256);
	uint16_t count = pick == 0 ? (uint16_t)soak_below(s, 4) : 0;
	struct zone_model copy;
	enum zone_verdict verdict;

	if (pick == 1)
		id += soak_below(s, 3);
	memset(s->cdb, 0, sizeof(s->cdb));
	s->cdb[0] = 0x94;
	s->cdb[1] = (uint8_t)op;
	be64_put(s->cdb + 2, id);
	be16_put(s->cdb + 12, count);
	s->cdb[14] = all;
	s->len = 0;
	model_clone(&copy, &s->model);
	verdict = model_op(&copy, (enum zone_op)op, id, count, all);
	model_free_clone(&copy);
	run_and_apply(s, 0, soak_code(verdict));
}

/* All zones as the model has them. */
static void step_report(struct soak *s)
{
	const uint8_t *d = s->data + 64;
	struct zone_info info;
	uint32_t non_seq = 0;

	memset(s->cdb, 0, sizeof(s->cdb));
	s->cdb[0] = 0x95;
	be32_put(s->cdb + 10, 4096);
	s->len = 4096;
	if (soak_run(s, 16)) {
		MUST(s->unit->stopped);
		return;
	}
	MUST(be32_get(s->data) == s->model.nr_zones * 64);
	for (uint32_t z = 0; z < s->model.nr_zones; z++, d += 64) {
		const struct model_zone *m = &s->model.zones[z];

		zone_info_at(&s->disk->zones, m->start_lba, &info);
		MUST(d[0] == m->type && d[1] >> 4 == m->cond);
		MUST(be64_get(d + 8) == m->blocks);
		MUST(be64_get(d + 16) == m->start_lba);
		MUST(be64_get(d + 24) == info.wp_lba);
		MUST(!(d[1] & ZA_NON_SEQ) == !m->non_seq);
		non_seq += m->non_seq;
	}
	s->cdb[14] = 0x11; /* those alone */
	MUST(!soak_run(s, 16));
	MUST(be32_get(s->data) == non_seq * 64);
}

/* Data-out that is no block: parameter lists, mostly zeros. */
static void some_list(struct soak *s)
{
	memset(s->data, 0, s->len);
	for (uint32_t i = soak_below(s, 8); i && s->len; i--)
		s->data[soak_below(s, (uint32_t)min_u64(s->len, 40))] =
			(uint8_t)soak_next(s);
}

static bool costs_much(const struct soak *s)
{
	enum soak_kind kind = soak_kind(s->cdb[0]);

	return kind == SOAK_WIPE ||
	       (kind == SOAK_SAME && soak_range(s).nr > SOAK_XFER);
}

/* A row of the table with any bits that it has, or with one too many. */
static size_t random_row(struct soak *s)
{
	const struct scsi_op *op =
		gen_plain_op((unsigned)soak_below(s, gen_plain_ops()));

	if (soak_below(s, 8))
		gen_bits(op, s->cdb, random_byte, s);
	else
		gen_fixed(op, s->cdb);
	if (soak_kind(s->cdb[0]) != SOAK_OTHER && gen_has_lba(op) &&
	    soak_below(s, 8)) {
		gen_put_lba(op, s->cdb, some_lba(s));
		gen_put_blocks(op, s->cdb, some_nr(s));
	}
	/* What wipes a disk is sent seldom, and has to be refused as well. */
	if (!soak_below(s, soak_kind(s->cdb[0]) == SOAK_WIPE ? 4 : 16))
		s->cdb[soak_below(s, op->cdb_len)] ^=
			(uint8_t)(1 << soak_below(s, 8));
	return soak_below(s, 32) ? op->cdb_len
				 : soak_below(s, SCSI_CDB_MAX + 1);
}

static void step_row(struct soak *s, bool raw)
{
	size_t cdb_len = random_row(s);
	enum soak_kind kind;
	uint32_t tag = 0, code;

	for (int i = 0; raw && i < SCSI_CDB_MAX; i++)
		s->cdb[i] = (uint8_t)soak_next(s);
	kind = soak_kind(s->cdb[0]);
	if (costs_much(s) && soak_below(s, 1024))
		return;
	s->len = soak_below(s, 4) ? soak_below(s, 600)
				  : soak_below(s, 17) * s->block_bytes;
	some_list(s);
	if (kind == SOAK_WRITE || kind == SOAK_SAME || kind == SOAK_VERIFY)
		tag = new_data(s, 0, (uint32_t)(s->len / s->block_bytes));
	else if (kind == SOAK_COMPARE_WRITE)
		return; /* step_compare_write() */
	code = soak_run(s, cdb_len);
	soak_apply(s, code, tag);
}

/* It lists no more than there is room for, and says so. */
static bool is_lba_status(const uint8_t *cdb)
{
	return cdb[0] == 0x9e && (cdb[1] & 0x1f) == 0x12;
}

/* The same command with less room says the same, less of it. */
static void step_allocation(struct soak *s)
{
	static const struct {
		uint8_t opcode, at, len;
	} fields[] = {
		{ 0x03, 4, 1 },	 { 0x12, 3, 2 },  { 0x1a, 4, 1 },
		{ 0x1c, 3, 2 },	 { 0x4d, 7, 2 },  { 0x5a, 7, 2 },
		{ 0x95, 10, 4 }, { 0x9e, 10, 4 }, { 0xa0, 6, 4 },
		{ 0xa3, 6, 4 },	 { 0xab, 6, 4 },
	};
	static uint8_t all[8192];
	unsigned i = soak_below(s, ZL_ARRAY_SIZE(fields));
	size_t had, alloc;

	do
		random_row(s);
	while (s->cdb[0] != fields[i].opcode || is_lba_status(s->cdb));
	if (s->cdb[0] == 0x95)
		s->cdb[14] &= 0x3f;
	memset(s->cdb + fields[i].at, 0, fields[i].len);
	if (fields[i].len == 1)
		s->cdb[fields[i].at] = 0xff;
	else
		be16_put(s->cdb + fields[i].at + fields[i].len - 2,
			 sizeof(all));
	s->len = sizeof(all);
	if (soak_run(s, SCSI_CDB_MAX))
		return;
	had = s->cmd.data_in_bytes;
	memcpy(all, s->data, had);
	alloc = soak_below(s, (uint32_t)had + 2);
	if (s->cdb[0] == 0xa0 || s->cdb[0] == 0xa3)
		alloc = max_u64(alloc, 16); /* less is refused */
	if (fields[i].len == 1)
		alloc = min_u64(alloc, 0xff);
	memset(s->cdb + fields[i].at, 0, fields[i].len);
	if (fields[i].len == 1)
		s->cdb[fields[i].at] = (uint8_t)alloc;
	else
		be16_put(s->cdb + fields[i].at + fields[i].len - 2,
			 (uint16_t)alloc);
	MUST(!soak_run(s, SCSI_CDB_MAX));
	MUST(s->cmd.data_in_bytes == min_u64(alloc, had));
	MUST(!memcmp(all, s->data, s->cmd.data_in_bytes));
}

/* Started, and all mode parameters as they come: default values can always be
 * selected. */
static void step_restore(struct soak *s)
{
	memset(s->cdb, 0, sizeof(s->cdb));
	s->cdb[0] = 0x1b;
	s->cdb[4] = 1;
	s->len = 0;
	MUST(!soak_run(s, 6));

	memset(s->cdb, 0, sizeof(s->cdb));
	s->cdb[0] = 0x5a;
	s->cdb[1] = 0x08; /* DBD */
	s->cdb[2] = 0xbf; /* PC = default */
	s->cdb[8] = 0xff;
	s->len = 255;
	MUST(!soak_run(s, 10));
	s->len = s->cmd.data_in_bytes;
	memset(s->data, 0, 8);
	for (size_t at = 8; at < s->len;
	     at += s->data[at] & 0x40 ? 4u + be16_get(s->data + at + 2)
				      : 2u + s->data[at + 1])
		s->data[at] &= 0x7f; /* PS */

	memset(s->cdb, 0, sizeof(s->cdb));
	s->cdb[0] = 0x55;
	s->cdb[1] = 0x11; /* PF, SP */
	s->cdb[8] = (uint8_t)s->len;
	MUST(!soak_run(s, 10));
	MUST(!s->unit->swp && !s->unit->stopped);
}

/*
 * Failing calls of the store.
 */

static void arm(struct soak *s, uint64_t at)
{
	static const int errors[] = { 5, 28, 30, 23, 12, 122 };
	struct store_fault_plan plan = { .fail_at = at };

	/* Two: what was left behind cannot be cut off either. */
	plan.fail_count = 1 + soak_below(s, 2);
	plan.error = errors[soak_below(s, ZL_ARRAY_SIZE(errors))];
	if (soak_below(s, 2))
		plan.partial_bytes = soak_below(s, 3 * s->block_bytes);
	store_fault_arm(s->fault, &plan);
}

/* After a sync that failed blocks may be unreadable: all is written anew. */
static void heal(struct soak *s)
{
	uint32_t conv =
		s->disk->meta.conv_zones * s->disk->zones.geo.zone_blocks;

	memset(s->cdb, 0, sizeof(s->cdb));
	s->cdb[0] = 0x94;
	s->cdb[1] = ZO_RESET;
	s->cdb[14] = 1;
	s->len = 0;
	run_and_apply(s, 0, 0);
	if (conv) {
		media_cdb(s, 0x93, 0, conv);
		s->cdb[1] = 1; /* NDOB */
		run_and_apply(s, 0, 0);
	}
	media_cdb(s, 0x91, 0, 0);
	s->cdb[1] = 0;
	run_and_apply(s, 0, 0);
	MUST(!s->disk->slots.bad.first);
}

static bool syncs(const struct soak *s)
{
	return s->cdb[0] == 0x35 || s->cdb[0] == 0x91;
}

/* The command that is in s->cdb, with a failing call; then as it is. */
static void run_failing(struct soak *s, uint32_t tag)
{
	uint32_t code;
	uint64_t hits;

	arm(s, soak_below(s, 6));
	code = soak_run(s, 16);
	hits = store_fault_hits(s->fault);
	store_fault_arm(s->fault,
			&(struct store_fault_plan){ .fail_at = UINT64_MAX });
	s->faults += hits;
	if (hits)
		s->failed_since_open = true;
	if (code)
		soak_apply_failed(s, tag);
	else
		soak_apply(s, code, tag);
	if (s->disk->slots.bad.first ||
	    (hits && !soak_below(s, s->trouble ? 20 : 2)))
		heal(s);
}

static void step_fault(struct soak *s)
{
	uint32_t nr = some_nr(s), tag = 0;
	uint64_t lba = writable_lba(s, &nr);
	static const uint8_t opcodes[] = { 0x8a, 0x8a, 0x8e, 0x88,
					   0x93, 0x91, 0x94, 0x94 };
	uint8_t opcode = opcodes[soak_below(s, ZL_ARRAY_SIZE(opcodes))];

	step_restore(s);
	s->len = (size_t)nr * s->block_bytes;
	tag = new_data(s, 0, nr);
	media_cdb(s, opcode, lba, nr);
	if (opcode == 0x93)
		s->cdb[1] = 0;
	if (syncs(s))
		s->cdb[1] = 0;
	if (opcode == 0x94) {
		memset(s->cdb, 0, sizeof(s->cdb));
		s->cdb[0] = 0x94;
		s->cdb[1] = (uint8_t)(1 + soak_below(s, 4));
		lba -= lba % s->disk->zones.geo.zone_blocks;
		gen_put_lba(row_of(s->cdb[0]), s->cdb, lba);
		s->cdb[14] = (uint8_t)soak_below(s, 2);
		s->len = 0;
	}
	run_failing(s, tag);
	soak_check(s);
}

static void step_restart(struct soak *s, bool kill)
{
	if (kill && soak_below(s, 2))
		step_write(s);
	soak_restart(s, kill);
}

static void step(struct soak *s)
{
	uint32_t what = soak_below(s, 65536);

	if (s->trouble && !soak_below(s, 8)) {
		if (soak_below(s, 3))
			step_fault(s);
		else
			step_restart(s, soak_below(s, 5));
		return;
	}
	/* Refused all the time is not interesting. */
	if ((s->unit->stopped || s->unit->swp) && !soak_below(s, 8))
		step_restore(s);
	if (what < 16)
		step_restart(s, what < 12);
	else if (what < 80)
		step_fault(s);
	else if (what < 112)
		step_restore(s);
	else if (what < 1000)
		step_allocation(s);
	else if (what < 18000)
		step_write(s);
	else if (what < 34000)
		step_read(s);
	else if (what < 40000)
		step_zone(s);
	else if (what < 42000)
		step_report(s);
	else if (what < 44000)
		step_verify(s);
	else if (what < 46000)
		step_compare_write(s);
	else if (what < 48000)
		step_same(s);
	else if (what < 49000)
		step_unmap(s);
	else
		step_row(s, what < 52000);
}

/*
 * All of it.
 */

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool over(const struct soak *s, uint64_t commands, double end_s)
{
	return (commands && s->commands >= commands) ||
	       (end_s > 0 && now_s() >= end_s);
}

static void run_disk(struct soak *s, unsigned nr, uint64_t commands,
		     double end_s)
{
	uint64_t end = s->commands + COMMANDS_PER_DISK;

	s->nr = nr;
	s->start_rng = s->rng;
	s->trouble = nr % 2;
	soak_start(s, disks[nr % ZL_ARRAY_SIZE(disks)]);
	for (uint32_t i = 0; s->commands < end; i++) {
		step(s);
		if (i % 64 == 0)
			soak_check(s);
		if (i % 256 == 0 && over(s, commands, end_s))
			break;
	}
	soak_stop(s);
}

static void print_counts(const struct soak *s, double seconds)
{
	printf("%llu commands, %llu GOOD, %llu failed calls, %llu restarts, "
	       "%llu deaths, %llu writes repeated; host-aware: %llu writes "
	       "across zones, %llu parts of failed ones, %llu NON_SEQ after "
	       "deaths; %.0f s, %.0f commands/s\n",
	       (unsigned long long)s->commands, (unsigned long long)s->good,
	       (unsigned long long)s->faults, (unsigned long long)s->restarts,
	       (unsigned long long)s->kills, (unsigned long long)s->absorbed,
	       (unsigned long long)s->across, (unsigned long long)s->parts,
	       (unsigned long long)s->kept, seconds,
	       (double)s->commands / seconds);
	fflush(stdout);
}

static void must_have(const struct scsi_op *op, bool good)
{
	if (soak.done[op->usage[0]][!good])
		return;
	fprintf(stderr, "%s was never %sGOOD\n", op->name, good ? "" : "not ");
	abort();
}

/* Else the test tests less than it says. */
static void check_coverage(void)
{
	for (unsigned i = 0; i < gen_plain_ops(); i++) {
		must_have(gen_plain_op(i), false);
		if (soak_kind(gen_plain_op(i)->usage[0]) != SOAK_WIPE)
			must_have(gen_plain_op(i), true);
	}
	MUST(soak.faults && soak.restarts && soak.kills && soak.absorbed);
	MUST(soak.across && soak.parts && soak.kept);
}

/* Before the end: what it was. */
static void on_abort(int sig)
{
	fprintf(stderr, "%s\ncommand %llu, buffer of %zu bytes, CDB", soak.how,
		(unsigned long long)soak.commands, soak.len);
	for (int i = 0; i < SCSI_CDB_MAX; i++)
		fprintf(stderr, " %02x", soak.cdb[i]);
	fprintf(stderr,
		", status %02x\nagain, from this disk on: soak %#llx 0 0 %u\n",
		soak.cmd.status, (unsigned long long)soak.start_rng, soak.nr);
	signal(sig, SIG_DFL);
	raise(sig);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t commands = argc > 2 ? strtoull(argv[2], NULL, 0) : 1000000;
	unsigned first = argc > 4 ? (unsigned)atoi(argv[4]) : 0;
	double start_s = now_s(), printed_s = start_s, end_s = 0;

	if (argc > 3 && atoi(argv[3]))
		end_s = start_s + atoi(argv[3]);
	signal(SIGABRT, on_abort);
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	soak.rng = seed ? seed : 1;
	for (unsigned i = first; !over(&soak, commands, end_s); i++) {
		run_disk(&soak, i, commands, end_s);
		if (now_s() >= printed_s + 60) {
			printed_s = now_s();
			print_counts(&soak, printed_s - start_s);
		}
	}
	print_counts(&soak, now_s() - start_s);
	if (soak.commands >= 1000000)
		check_coverage();
	return 0;
}
