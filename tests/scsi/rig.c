// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A unit over a disk in memory, and commands for it. */
#include "disk/internal.h"
#include "disk/life/open.h"
#include "rig.h"

#define GUARD	  0x5c
#define GUARD_LEN 16
#define MAX_PIECE 8

/* Odd sizes, an empty one among them; the last takes the rest. */
static const size_t piece_bytes[MAX_PIECE - 1] = { 1, 3, 0, 60, 7, 129, 512 };

struct scattered {
	uint8_t *mem[MAX_PIECE];
	struct iovec iov[MAX_PIECE];
	size_t cnt;
};

void rig_start(struct rig *rig, const char *opts)
{
	rig_start_args(rig, opts, NULL);
}

void rig_start_args(struct rig *rig, const char *str,
		    const struct scsi_unit_args *args)
{
	struct disk_open_args open_args = { .opts = &rig->opts,
					    .may_make = true };
	struct zl_err err = { "" };

	memset(rig, 0, sizeof(*rig));
	if (disk_opts_parse(&rig->opts, str, strlen(str), ',', false, &err))
		fail_msg("%s: %s", str, err.msg);
	rig->mem = store_mem_new();
	rig->fault = store_fault_new(store_mem_open(rig->mem));
	if (disk_open_store(rig->fault, "test", &open_args, &rig->disk, &err))
		fail_msg("%s: %s", str, err.msg);
	assert_int_equal(scsi_unit_new(rig->disk, args, &rig->unit), 0);
}

void rig_stop(struct rig *rig)
{
	free(rig->data);
	scsi_unit_free(rig->unit);
	disk_close(rig->disk);
	store_mem_free(rig->mem);
}

void rig_fail_power(struct rig *rig)
{
	static const struct disk_powerfail all;
	struct zl_err err = { "" };

	assert_int_equal(disk_powerfail(rig->disk, &all, &err), 0);
}

static void open_again(struct rig *rig)
{
	struct disk_open_args args = { .opts = &rig->opts };
	struct zl_err err = { "" };

	rig->fault = store_fault_new(store_mem_open(rig->mem));
	if (disk_open_store(rig->fault, "test", &args, &rig->disk, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(scsi_unit_new(rig->disk, NULL, &rig->unit), 0);
}

void rig_damage(struct rig *rig, uint32_t offline_slot, uint32_t read_only_slot)
{
	const struct disk_meta *meta = disk_meta(rig->disk);
	uint32_t conv_slots = meta->conv_zones;
	uint64_t too_long = meta->zone_bytes + 512;
	struct store *st;

	scsi_unit_free(rig->unit);
	disk_close(rig->disk);
	st = store_mem_open(rig->mem);
	store_set_layout(st, store_conv_first(conv_slots));
	if (offline_slot != UINT32_MAX)
		assert_int_equal(store_unmake(st, offline_slot), 0);
	if (read_only_slot != UINT32_MAX)
		assert_int_equal(store_resize(st, read_only_slot, too_long), 0);
	store_close(st);
	open_again(rig);
}

void rig_die(struct rig *rig)
{
	scsi_unit_free(rig->unit);
	disk_abandon(rig->disk);
	open_again(rig);
}

static void scatter(struct scattered *s, const uint8_t *data, size_t len)
{
	size_t n;

	for (s->cnt = 0; len; s->cnt++) {
		n = s->cnt < MAX_PIECE - 1 ? min_u64(piece_bytes[s->cnt], len)
					   : len;
		s->mem[s->cnt] = malloc(n + 2 * GUARD_LEN);
		assert_non_null(s->mem[s->cnt]);
		memset(s->mem[s->cnt], GUARD, n + 2 * GUARD_LEN);
		s->iov[s->cnt] = (struct iovec){
			.iov_base = s->mem[s->cnt] + GUARD_LEN,
			.iov_len = n,
		};
		memcpy(s->iov[s->cnt].iov_base, data, n);
		data += n;
		len -= n;
	}
}

static void check_guard(const uint8_t *p)
{
	uint8_t want[GUARD_LEN];

	memset(want, GUARD, sizeof(want));
	assert_memory_equal(p, want, sizeof(want));
}

static void gather(struct scattered *s, uint8_t *data)
{
	for (size_t i = 0; i < s->cnt; i++) {
		check_guard(s->mem[i]);
		check_guard(s->mem[i] + GUARD_LEN + s->iov[i].iov_len);
		memcpy(data, s->iov[i].iov_base, s->iov[i].iov_len);
		data += s->iov[i].iov_len;
		free(s->mem[i]);
	}
}

static void done(struct scsi_cmd *cmd)
{
	++*(int *)cmd->user;
}

static void check_zeros(const struct rig *rig, size_t from)
{
	for (size_t i = from; i < rig->len; i++)
		if (rig->data[i])
			fail_msg("byte %zu is %02Xh, not 0", i, rig->data[i]);
}

/* Whatever the command: nothing of the buffer comes back that is not data-in.
 */
static void check_reply(const struct rig *rig, int calls)
{
	const struct scsi_cmd *cmd = &rig->cmd;

	assert_int_equal(calls, rig->ran);
	assert_true(cmd->data_in_bytes <= rig->len);
	check_zeros(rig, cmd->data_in_bytes);
	if (cmd->status == SCSI_CHECK_CONDITION) {
		assert_in_range(cmd->sense_len, 8, SCSI_SENSE_MAX);
		assert_int_equal(cmd->data_in_bytes, 0);
	} else {
		assert_int_equal(cmd->sense_len, 0);
	}
}

void rig_cmd(struct rig *rig, const uint8_t *cdb, size_t cdb_len,
	     const void *out, size_t len)
{
	struct scattered s;
	int calls = 0;

	free(rig->data);
	rig->data = malloc(len + 1);
	assert_non_null(rig->data);
	rig->len = len;
	if (out)
		memcpy(rig->data, out, len);
	else
		memset(rig->data, 0xa5, len);
	scatter(&s, rig->data, len);
	/* What the unit keeps for itself may be anything. */
	memset(&rig->cmd, 0xee, sizeof(rig->cmd));
	rig->cmd.cdb = cdb;
	rig->cmd.cdb_len = cdb_len;
	rig->cmd.iov = s.iov;
	rig->cmd.iov_cnt = s.cnt;
	rig->cmd.done = done;
	rig->cmd.user = &calls;
	rig->ran = scsi_begin(rig->unit, &rig->cmd) == SCSI_RUN;
	assert_int_equal(calls, 0);
	if (rig->ran && rig->drop)
		scsi_drop(&rig->cmd);
	else if (rig->ran)
		scsi_run(&rig->cmd);
	gather(&s, rig->data);
	if (!rig->ran || !rig->drop)
		check_reply(rig, calls);
	else
		assert_int_equal(calls, 0);
}

void rig_rw(struct rig *rig, uint8_t opcode, uint64_t lba, uint32_t nr,
	    const void *out, size_t len)
{
	uint8_t cdb[16] = { opcode };

	be64_put(cdb + 2, lba);
	be32_put(cdb + 10, nr);
	rig_cmd(rig, cdb, sizeof(cdb), out, len);
}

void rig_zone(struct rig *rig, uint8_t sa, uint64_t zone_id)
{
	uint8_t cdb[16] = { 0x94, sa };

	be64_put(cdb + 2, zone_id);
	rig_cmd(rig, cdb, sizeof(cdb), NULL, 0);
}

void rig_zone_all(struct rig *rig, uint8_t sa)
{
	CMD(rig, NULL, 0, 0x94, sa, [14] = 0x01);
}

void rig_write(struct rig *rig, uint64_t lba, uint32_t nr)
{
	size_t block = rig->unit->block_bytes;
	uint8_t *data = malloc(nr * block + 1);

	assert_non_null(data);
	for (uint32_t i = 0; i < nr; i++)
		memset(data + i * block, (uint8_t)(lba + i + 1), block);
	rig_rw(rig, 0x8a, lba, nr, data, nr * block);
	free(data);
}

void rig_report(struct rig *rig, uint64_t lba, uint8_t byte_14, uint32_t alloc,
		size_t len)
{
	uint8_t cdb[16] = { 0x95, [14] = byte_14 };

	be64_put(cdb + 2, lba);
	be32_put(cdb + 10, alloc);
	rig_cmd(rig, cdb, sizeof(cdb), NULL, len);
}

void check_good(const struct rig *rig)
{
	if (rig->cmd.status == SCSI_CHECK_CONDITION)
		fail_msg("sense %X/%02X/%02X instead of GOOD",
			 rig->cmd.sense[2], rig->cmd.sense[12],
			 rig->cmd.sense[13]);
	assert_int_equal(rig->cmd.status, SCSI_GOOD);
}

void check_data(const struct rig *rig, const void *want, size_t want_len)
{
	check_good(rig);
	assert_int_equal(rig->cmd.data_in_bytes, want_len);
	assert_memory_equal(rig->data, want, want_len);
}

/* Fixed format, byte for byte. */
static void check_fixed(const struct rig *rig, uint32_t code, uint8_t valid,
			uint32_t info, const uint8_t sks[3])
{
	uint8_t want[18] = { valid | 0x70, 0, (uint8_t)(code >> 16) };

	be32_put(want + 3, info);
	want[7] = 10;
	be16_put(want + 12, (uint16_t)code);
	memcpy(want + 15, sks, 3);
	assert_int_equal(rig->cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(rig->cmd.sense_len, sizeof(want));
	assert_memory_equal(rig->cmd.sense, want, sizeof(want));
}

void check_sense(const struct rig *rig, uint32_t code)
{
	check_fixed(rig, code, 0, 0, (const uint8_t[3]){ 0 });
}

static void check_pointer(const struct rig *rig, uint32_t code, uint8_t cd,
			  unsigned byte, int bit)
{
	uint8_t sks[3] = { 0x80 | cd, (uint8_t)(byte >> 8), (uint8_t)byte };

	if (bit >= 0)
		sks[0] |= (uint8_t)(0x08 | bit);
	check_fixed(rig, code, 0, 0, sks);
}

void check_bad_cdb(const struct rig *rig, unsigned byte, int bit)
{
	check_pointer(rig, 0x52400, 0x40, byte, bit);
}

void check_bad_param(const struct rig *rig, unsigned byte, int bit)
{
	check_pointer(rig, 0x52600, 0, byte, bit);
}

void check_range(const struct rig *rig, uint64_t lba)
{
	if (lba > UINT32_MAX)
		check_sense(rig, 0x52100);
	else
		check_medium(rig, 0x52100, (uint32_t)lba);
}

void check_medium(const struct rig *rig, uint32_t code, uint32_t lba)
{
	check_fixed(rig, code, 0x80, lba, (const uint8_t[3]){ 0 });
}

void check_zone(struct rig *rig, uint64_t lba, enum zone_cond cond,
		uint64_t wp_lba)
{
	rig_report(rig, lba, 0x80, 128, 128);
	check_good(rig);
	assert_int_equal(be32_get(rig->data), 64);
	assert_int_equal(be64_get(rig->data + 64 + 16), lba);
	assert_int_equal(rig->data[65] >> 4, cond);
	assert_int_equal(be64_get(rig->data + 64 + 24), wp_lba);
}

uint64_t rnd_next(struct rnd *r)
{
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return r->s * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t rnd_below(struct rnd *r, uint64_t n)
{
	return (rnd_next(r) >> 11) % n;
}

void rig_make_conditions(struct rig *rig)
{
	const uint64_t seq = 2 * MIB_BLOCKS; /* the first one */

	rig_damage(rig, 2 + 7, 2 + 6);
	rig_write(rig, seq + 1 * MIB_BLOCKS, 5);
	check_good(rig);
	rig_zone(rig, ZO_OPEN, seq + 2 * MIB_BLOCKS);
	check_good(rig);
	rig_write(rig, seq + 3 * MIB_BLOCKS, 1);
	check_good(rig);
	rig_zone(rig, ZO_CLOSE, seq + 3 * MIB_BLOCKS);
	check_good(rig);
	rig_zone(rig, ZO_FINISH, seq + 4 * MIB_BLOCKS);
	check_good(rig);
}
