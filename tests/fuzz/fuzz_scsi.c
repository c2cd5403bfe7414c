// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Commands, one after the other, to a unit over a disk in memory, with failing
 * calls of the store, daemon deaths and restarts between them.
 *
 * Input: a byte that selects the disk, then steps.  A step's first byte says
 * what it is (enum step); the rest depends on it.  After every command:
 * exactly one completion, sense data that agrees with the status, nothing
 * written beside the buffers, zone accounts that agree, and files as long as
 * the write pointers say.
 */
#include "base/be.h"
#include "base/num.h"
#include "fuzz.h"
#include "scsi/gen.h"
#include "scsi/internal.h"
#include "zone/internal.h"
#include "stores/fault.h"
#include "stores/mem.h"

/* The disk's own view of its zones, which no command shows in full. */
#include "disk/internal.h"
#include "disk/life/open.h"

#define MAX_BUF	  (192 * 1024)
#define MAX_STEPS 256
#define MAX_PIECE 6
#define GUARD	  0x5c
#define GUARD_LEN 8

enum step {
	STEP_RAW,      /* CDB of 0 to 31 bytes as they are */
	STEP_ROW,      /* a row of the command table, its reserved bits 0 */
	STEP_AT_WP,    /* … at a zone's write pointer */
	STEP_AT_ZONE,  /* … at a zone's start */
	STEP_IN_ZONE,  /* … somewhere near a zone's end */
	STEP_ZONE_OUT, /* a zone management command */
	STEP_FAULT,    /* the store fails from some call on */
	STEP_RESTART,  /* closed, or killed, and opened again */
	STEP_NR,
};

/* Added at the end only: the corpus names them by number. */
static const char *const disks[] = {
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2,"
	"provisioning=thin",
	"capacity_mb=8,zone_size_mb=2,zone_capacity_mb=1,conv_zones=1,"
	"provisioning=thin",
	"capacity_mb=6,zone_size_mb=1,block_size=4096,conv_zones=0,urswrz=0,"
	"max_open_zones=1",
	"capacity_mb=7,zone_size_mb=2,smaller_last_zone,conv_zones=1,"
	"block_size=512,physical_block_size=4096",
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,block_size=512,"
	"discard_write_cache",
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2,"
	"model=host-aware",
	"capacity_mb=7,zone_size_mb=2,smaller_last_zone,conv_zones=0,"
	"block_size=4096,model=host-aware",
	"capacity_mb=8,zone_size_mb=1,conv_zones=1,block_size=512,"
	"physical_block_size=4096,discard_write_cache,model=host-aware",
	"model=realms,zone_size_mb=1,realms=3,realm_zones=1+2,max_open_zones=2,"
	"block_size=512,physical_block_size=4096",
	"model=realms,domains=sobr+seq+seqp,zone_size_mb=1,realms=2,"
	"realm_zones=2+2,cmr_realms=0+0,urswrz=0,discard_write_cache",
};

static uint64_t nr_commands;

struct world {
	struct store_mem *mem;
	struct store *fault;
	struct disk *disk;
	struct scsi_unit *unit;
	bool failing; /* the store may be failing */
	unsigned used;
};

static struct world worlds[ZL_ARRAY_SIZE(disks)];

static void open_world(struct world *w, const char *how)
{
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	struct scsi_unit_args unit_args = { .max_xfer_blocks = 2048 };
	struct zl_err err = { "" };

	MUST(!disk_opts_parse(&opts, how, strlen(how), ',', false, &err));
	w->fault = store_fault_new(store_mem_open(w->mem));
	MUST(w->fault);
	if (disk_open_store(w->fault, "test", &args, &w->disk, &err)) {
		fprintf(stderr, "%s: %s\n", how, err.msg);
		abort();
	}
	MUST(!scsi_unit_new(w->disk, &unit_args, &w->unit));
	w->failing = false;
}

static void close_world(struct world *w)
{
	scsi_unit_free(w->unit);
	disk_close(w->disk);
	store_mem_free(w->mem);
	w->mem = NULL;
}

/* Inputs that find a disk that others have used. */
#define MAX_USES 256

/*
 * Opening takes as long as many commands: a disk that has no saved mode
 * parameters to remember, and no realms, is made as good as new.
 */
static void renew_world(struct world *w)
{
	struct scsi_unit_args unit_args = { .max_xfer_blocks = 2048 };
	struct disk *d = w->disk;
	struct disk_io reset = { .op = DISK_ZONE,
				 .zone_op = ZO_RESET,
				 .zone_all = true };
	struct disk_io unmap = { .op = DISK_UNMAP };
	struct disk_io sync = { .op = DISK_SYNC };

	if (d->saved || d->zones.geo.domains.nr || ++w->used == MAX_USES) {
		close_world(w);
		return;
	}
	scsi_unit_free(w->unit);
	MUST(!scsi_unit_new(d, &unit_args, &w->unit));
	unmap.nr_blocks = d->meta.conv_zones * d->zones.geo.zone_blocks;
	MUST(disk_run(d, &reset) == DISK_OK);
	MUST(disk_run(d, &unmap) == DISK_OK);
	MUST(disk_run(d, &sync) == DISK_OK);
	zone_power_on(&d->zones);
	for (uint32_t i = 0; i < d->zones.nr_slots; i++) {
		MUST(!(d->slots.at[i].flags & ~SLOT_JOURNAL_EXP));
		MUST(!d->slots.at[i].journal_non_seq);
		d->slots.at[i].gen = 0;
		d->slots.at[i].grace = false;
	}
	w->failing = false;
	memset(&d->stats, 0, sizeof(d->stats));
}

static void disarm(struct world *w)
{
	static const struct store_fault_plan none = { .fail_at = UINT64_MAX };

	store_fault_arm(w->fault, &none);
}

/* File size = write pointer, where no failing store kept it from being so. */
static void check_world(const struct world *w)
{
	const struct zone_set *z = &w->disk->zones;
	struct store_stat stat;

	MUST(zone_set_check(z));
	for (uint32_t i = 0; i < z->nr_slots; i++) {
		if (!zone_slot_has_wp(z, i) || w->failing ||
		    w->disk->slots.at[i].flags & SLOT_DAMAGED)
			continue;
		MUST(!store_stat(w->fault, i, &stat));
		if (stat.kind != STORE_KIND_FILE ||
		    w->disk->slots.at[i].flags & SLOT_CUT)
			continue;
		MUST(stat.size_bytes ==
		     blocks_to_bytes(w->disk, zone_slot_wp_blocks(z, i)));
	}
}

/*
 * Commands.
 */

struct buffer {
	uint8_t *mem[MAX_PIECE];
	struct iovec iov[MAX_PIECE];
	size_t cnt;
};

/* @len bytes in odd pieces with guard bytes around each. */
static void make_buffer(struct buffer *b, size_t len, uint8_t shape,
			uint8_t fill)
{
	static const uint16_t sizes[] = { 0, 1, 3, 60, 129, 511, 512, 4096 };
	size_t n;

	for (b->cnt = 0; len; b->cnt++) {
		n = sizes[(shape >> b->cnt) % ZL_ARRAY_SIZE(sizes)];
		if (b->cnt == MAX_PIECE - 1 || n > len)
			n = len;
		b->mem[b->cnt] = malloc(n + 2 * GUARD_LEN);
		MUST(b->mem[b->cnt]);
		memset(b->mem[b->cnt], GUARD, n + 2 * GUARD_LEN);
		memset(b->mem[b->cnt] + GUARD_LEN, fill, n);
		b->iov[b->cnt] =
			(struct iovec){ b->mem[b->cnt] + GUARD_LEN, n };
		len -= n;
	}
}

static void free_buffer(struct buffer *b)
{
	for (size_t i = 0; i < b->cnt; i++) {
		uint8_t *end = b->mem[i] + GUARD_LEN + b->iov[i].iov_len;

		for (size_t j = 0; j < GUARD_LEN; j++)
			MUST(b->mem[i][j] == GUARD && end[j] == GUARD);
		free(b->mem[i]);
	}
}

static void done(struct scsi_cmd *cmd)
{
	++*(int *)cmd->user;
}

static void check_reply(const struct scsi_cmd *cmd, size_t len)
{
	MUST(cmd->data_in_bytes <= len);
	switch (cmd->status) {
	case SCSI_GOOD:
	case SCSI_CONDITION_MET:
		MUST(!cmd->sense_len);
		break;
	case SCSI_CHECK_CONDITION:
		MUST(cmd->sense_len >= 8 && cmd->sense_len <= SCSI_SENSE_MAX);
		MUST(cmd->sense[0] == 0x70 || cmd->sense[0] == 0xf0 ||
		     cmd->sense[0] == 0x72);
		break;
	case SCSI_BUSY:
		break;
	default:
		MUST(!"a status");
	}
}

static void run_cmd(struct world *w, struct input *in, const uint8_t *cdb,
		    size_t cdb_len)
{
	uint8_t how = take_u8(in), shape = take_u8(in), fill = take_u8(in);
	size_t len = take_u16(in);
	uint8_t *exact = exact_copy(cdb, cdb_len);
	struct scsi_cmd cmd;
	struct buffer b;
	int calls = 0;

	nr_commands++;
	/* Blocks, or bytes. */
	if (how & 1)
		len = min_u64(len % 256 * w->unit->block_bytes, MAX_BUF);
	/* Parameter lists are looked at byte by byte. */
	make_buffer(&b, len, shape, fill);
	if (how & 2)
		for (size_t i = 0; i < b.cnt && i < 2; i++)
			for (size_t j = 0; j < b.iov[i].iov_len && j < 32; j++)
				b.mem[i][GUARD_LEN + j] = take_u8(in);
	memset(&cmd, 0xee, sizeof(cmd));
	cmd.cdb = exact;
	cmd.cdb_len = cdb_len;
	cmd.iov = b.iov;
	cmd.iov_cnt = b.cnt;
	cmd.done = done;
	cmd.user = &calls;
	/* The quick path, which needs no engine in this store, or the other. */
	w->disk->where.try_blocks = how & 4 ? 64 : 0;
	if (scsi_begin(w->unit, &cmd) == SCSI_RUN) {
		MUST(!calls);
		/* run() must not look at the CDB again. */
		memset(exact, 0xff, cdb_len);
		scsi_run(&cmd);
		MUST(calls == 1);
	} else {
		MUST(!calls);
	}
	check_reply(&cmd, len);
	free_buffer(&b);
	free(exact);
}

static uint64_t chosen_lba(const struct world *w, enum step step, uint8_t slot,
			   uint8_t at)
{
	const struct zone_set *z = &w->disk->zones;
	uint32_t nr = slot % z->nr_slots;
	uint64_t start = zone_slot_start_lba(z, nr);

	switch (step) {
	case STEP_AT_WP:
		return start + (!zone_slot_has_wp(z, nr)
					? at
					: zone_slot_wp_blocks(z, nr));
	case STEP_IN_ZONE:
		return start + zone_slot_cap_blocks(z, nr) - at % 32;
	default:
		return start;
	}
}

static uint8_t from_input(void *in)
{
	return take_u8(in);
}

static void step_row(struct world *w, struct input *in, enum step step)
{
	const struct scsi_op *op = &scsi_op_table[take_u8(in) % scsi_op_count];
	uint8_t cdb[SCSI_CDB_MAX];
	uint8_t slot, at;

	if (step == STEP_ROW || !gen_has_lba(op)) {
		gen_bits(op, cdb, from_input, in);
	} else {
		slot = take_u8(in);
		at = take_u8(in);
		gen_fixed(op, cdb);
		gen_put_lba(op, cdb, chosen_lba(w, step, slot, at));
		gen_put_blocks(op, cdb, take_u8(in));
		if (op->sa == NO_SA)
			cdb[1] |= take_u8(in) & op->usage[1] & 0x18;
	}
	run_cmd(w, in, cdb, op->cdb_len);
}

static void step_raw(struct world *w, struct input *in)
{
	size_t len = take_u8(in) % 32;
	uint8_t cdb[32];

	for (size_t i = 0; i < len; i++)
		cdb[i] = take_u8(in);
	run_cmd(w, in, cdb, len);
}

static void step_zone_out(struct world *w, struct input *in)
{
	uint8_t cdb[16] = { 0x94 }, what = take_u8(in);

	cdb[1] = what % 4 + 1;
	cdb[13] = what >> 6;
	cdb[14] = (what & 0x3f) == 0x3f;
	be64_put(cdb + 2, chosen_lba(w, STEP_AT_ZONE, take_u8(in), 0));
	run_cmd(w, in, cdb, sizeof(cdb));
}

static void step_fault(struct world *w, struct input *in)
{
	static const int errors[] = { 5, 28, 30, 23, 12, 122, 2, 11 };
	struct store_fault_plan plan = { .fail_at = take_u8(in) % 16 };
	uint8_t what = take_u8(in);

	plan.error = errors[what % ZL_ARRAY_SIZE(errors)];
	plan.fail_count = what >> 5 ? what >> 5 : UINT64_MAX;
	plan.partial_bytes = (what & 8) ? take_u16(in) : 0;
	w->failing = true;
	store_fault_arm(w->fault, &plan);
}

/* The store works again; a stop, or the death of the process. */
static void step_restart(struct world *w, struct input *in, const char *how)
{
	bool kill = take_u8(in) & 1;

	disarm(w);
	scsi_unit_free(w->unit);
	if (kill)
		disk_abandon(w->disk);
	else
		disk_close(w->disk);
	open_world(w, how);
}

static void step(struct world *w, struct input *in, const char *how)
{
	uint8_t byte = take_u8(in);
	enum step what = byte % STEP_NR;

	/* It takes as long as fifty commands. */
	if (what == STEP_RESTART && byte / STEP_NR % 16)
		what = STEP_AT_WP;
	switch (what) {
	case STEP_RAW:
		step_raw(w, in);
		break;
	case STEP_FAULT:
		step_fault(w, in);
		break;
	case STEP_RESTART:
		step_restart(w, in, how);
		break;
	case STEP_ZONE_OUT:
		step_zone_out(w, in);
		break;
	default:
		step_row(w, in, what);
		break;
	}
	check_world(w);
}

static void at_the_end(void)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(worlds); i++)
		if (worlds[i].mem)
			close_world(&worlds[i]);
	fprintf(stderr, "%llu commands\n", (unsigned long long)nr_commands);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool registered;
	struct input in = { data, len };
	size_t which = take_u8(&in) % ZL_ARRAY_SIZE(disks);
	struct world *w = &worlds[which];

	if (!registered)
		registered = !atexit(at_the_end);
	if (!w->mem) {
		*w = (struct world){ .mem = store_mem_new() };
		MUST(w->mem);
		open_world(w, disks[which]);
	}
	for (unsigned i = 0; i < MAX_STEPS && in.left; i++)
		step(w, &in, disks[which]);
	disarm(w);
	renew_world(w);
	return 0;
}
