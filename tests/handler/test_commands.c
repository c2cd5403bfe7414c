// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Single commands through the plug-in: which way they complete, CDBs of every
 * length, buffers of every length, and all of the sense data.
 */
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/runner/dev.h"

#define STALE	0xdb /* what a reused data page shows in the stand-in */
#define UNKNOWN 0x81 /* REBUILD(16): obsolete */

static int bare(struct rig *rig, uint8_t opcode, size_t cdb_len)
{
	uint8_t cdb[RUNNER_CDB_BYTES] = { opcode };

	return rig_exec(rig, cdb, cdb_len, RUNNER_NONE, NULL, 0);
}

static void assert_alive(struct rig *rig)
{
	assert_int_equal(bare(rig, 0x00, 6), 0);
}

/*
 * Which way.
 */

struct way {
	uint64_t sync, async;
};

static struct way way(struct rig *rig)
{
	struct runner_stats s;

	/* The counters move after the initiator has its answer. */
	runner_settle(rig->dev);
	runner_stats(rig->dev, &s);
	return (struct way){ s.sync, s.async };
}

static void answers_at_once(void **state)
{
	static const uint8_t cdbs[][16] = {
		{ 0x00 },		/* TEST UNIT READY */
		{ 0x03, 0, 0, 0, 252 }, /* REQUEST SENSE */
		{ 0x12, 0, 0, 0, 255 }, /* INQUIRY */
		{ 0x12, 1, 0xb6, 0, 255 },
		{ 0x1a, 0, 0x3f, 0, 255 },	  /* MODE SENSE(6) */
		{ 0x25 },			  /* READ CAPACITY(10) */
		{ 0x9e, 0x10, [13] = 32 },	  /* READ CAPACITY(16) */
		{ 0x95, [13] = 0, [12] = 2 },	  /* REPORT ZONES */
		{ 0xa3, 0x0c, [8] = 2 },	  /* REPORT SUPPORTED OPERATION
						     CODES */
		{ 0x08, [4] = 0x01, [5] = 0xc0 }, /* refused */
		{ UNKNOWN },
		{ 0x88, [2] = 0xff, [13] = 1 }, /* out of range */
	};
	struct rig *rig = *state;
	uint8_t data[512];
	struct way before, after;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(cdbs); i++) {
		before = way(rig);
		rig_exec(rig, cdbs[i], 16, RUNNER_IN, data, sizeof(data));
		after = way(rig);
		assert_int_equal(after.sync, before.sync + 1);
		assert_int_equal(after.async, before.async);
	}
}

static void what_may_block_goes_through_the_door(void **state)
{
	static const uint8_t cdbs[][16] = {
		{ 0x35 }, /* SYNCHRONIZE CACHE */
		{ 0x91 },
		{ 0x94, SA_OPEN, [8] = 0x20 },
		{ 0x94, SA_CLOSE, [8] = 0x20 },
		{ 0x94, SA_FINISH, [8] = 0x20 },
		{ 0x94, SA_RESET, [8] = 0x20 },
		{ 0x94, SA_RESET, [14] = 1 },
		{ 0x1b }, /* START STOP UNIT: stop */
	};
	struct rig *rig = *state;
	struct way before, after;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(cdbs); i++) {
		before = way(rig);
		assert_int_equal(
			rig_exec(rig, cdbs[i], 16, RUNNER_NONE, NULL, 0), 0);
		after = way(rig);
		assert_int_equal(after.sync, before.sync);
		assert_int_equal(after.async, before.async + 1);
	}
	assert_int_equal(rig_exec(rig, CDB(0x1b, 0, 0, 0, 1, 0), 6, RUNNER_NONE,
				  NULL, 0),
			 0);
}

/* The second half of the same: a FUA write waits for the medium. */
static void fua_goes_through_the_door(void **state)
{
	struct rig *rig = *state;
	uint8_t cdb[16], data[512] = { 0 };
	struct way before, after;

	cdb_rw(cdb, 0x8a, ZONE(4), 1);
	cdb[1] = 0x08;
	before = way(rig);
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_OUT, data, 512), 0);
	after = way(rig);
	assert_int_equal(after.async, before.async + 1);
}

/*
 * Operation codes and CDB lengths.
 */

/* As REPORT SUPPORTED OPERATION CODES says. */
static void list_implemented(struct rig *rig, bool implemented[256])
{
	static uint8_t list[4096];
	uint8_t cdb[12] = { 0xa3, 0x0c };

	be32_put(cdb + 6, sizeof(list));
	assert_int_equal(rig_exec(rig, cdb, 12, RUNNER_IN, list, sizeof(list)),
			 0);
	memset(implemented, 0, 256);
	assert_in_range(be32_get(list), 8, sizeof(list) - 4);
	for (uint32_t i = 0; i < be32_get(list); i += 8)
		implemented[list[4 + i]] = true;
	assert_true(implemented[0x12] && !implemented[UNKNOWN]);
}

static size_t group_length(uint8_t opcode)
{
	static const size_t len[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };

	return len[opcode >> 5];
}

static void unknown_opcodes(void **state)
{
	struct rig *rig = *state;
	bool implemented[256];
	unsigned n = 0;

	list_implemented(rig, implemented);
	for (unsigned op = 0; op < 256; op++) {
		if (!group_length((uint8_t)op) || implemented[op])
			continue;
		assert_int_equal(
			bare(rig, (uint8_t)op, group_length((uint8_t)op)), 2);
		assert_int_equal(rig_sense_code(), 0x052000);
		n++;
	}
	assert_true(n > 80);
	assert_alive(rig);
}

/* libtcmu keeps these from handlers, and completes none of them. */
static void opcodes_that_libtcmu_drops(void **state)
{
	struct rig *rig = *state;

	for (unsigned op = 0x60; op < 256; op++) {
		if (group_length((uint8_t)op) || op == 0x7f)
			continue;
		assert_int_equal(bare(rig, (uint8_t)op, 16), 2);
		assert_int_equal(rig_sense_code(), 0x020800);
	}
	assert_alive(rig);
}

/* Should another libtcmu let them through: it does not know how long they are.
 */
static void opcodes_of_no_known_length(void **state)
{
	struct rig *rig = *state;

	for (unsigned op = 0x60; op < 256; op++) {
		uint8_t cdb[16] = { (uint8_t)op };
		struct tcmulib_cmd lib_cmd = { .cdb = cdb };
		struct tcmur_cmd cmd = { .lib_cmd = &lib_cmd };

		if (group_length((uint8_t)op) || op == 0x7f)
			continue;
		assert_int_equal(rig_handler()->ops->handle_cmd(rig->dev, &cmd),
				 TCMU_STS_PASSTHROUGH_ERR);
		assert_int_equal(lib_cmd.sense_buf[2] & 0xf, 0x5);
		assert_int_equal(lib_cmd.sense_buf[12], 0x20);
	}
	assert_alive(rig);
}

/*
 * Variable length: 8 bytes and as many more as byte 7 says.  No command has the
 * service action 0 or FFFFh.
 */
static void variable_length(void **state)
{
	struct rig *rig = *state;
	uint8_t cdb[RUNNER_CDB_BYTES], data[512];

	for (unsigned more = 0; more < 256; more++)
		for (unsigned fill_with = 0; fill_with < 2; fill_with++) {
			memset(cdb, fill_with ? 0xff : 0, sizeof(cdb));
			cdb[0] = 0x7f;
			cdb[7] = (uint8_t)more;
			assert_int_equal(
				rig_exec(rig, cdb, 8 + more,
					 more % 2 ? RUNNER_IN : RUNNER_NONE,
					 data, sizeof(data)),
				2);
			assert_true(rig_sense_code() == 0x052000 ||
				    rig_sense_code() == 0x052400);
		}
	assert_alive(rig);
}

/* READ(6) and WRITE(6): a length of 0 is 256 blocks. */
static void six_byte_transfers(void **state)
{
	struct rig *rig = *state;
	uint8_t *out = malloc(256 * 512), *in = malloc(256 * 512);
	uint64_t lba = ZONE(5);

	assert_non_null(out);
	assert_non_null(in);
	fill(out, lba, 256, 1);
	assert_int_equal(rig_exec(rig, CDB(0x0a, 0, lba >> 8, lba & 0xff, 0, 0),
				  6, RUNNER_OUT, out, 256 * 512),
			 0);
	assert_int_equal(rig_exec(rig, CDB(0x08, 0, lba >> 8, lba & 0xff, 0, 0),
				  6, RUNNER_IN, in, 256 * 512),
			 0);
	assert_memory_equal(in, out, 256 * 512);
	free(out);
	free(in);
}

static void every_transfer_length(void **state)
{
	struct rig *rig = *state;
	uint8_t out[512], in[512];
	uint8_t at = 0;
	const struct {
		uint8_t opcode;
		unsigned len, lba_end, nr;
	} forms[] = {
		{ 0x0a, 6, 3, 4 },
		{ 0x2a, 10, 5, 8 },
		{ 0xaa, 12, 5, 9 },
		{ 0x8a, 16, 9, 13 },
	};

	for (size_t i = 0; i < ZL_ARRAY_SIZE(forms); i++, at++) {
		uint8_t cdb[16] = { forms[i].opcode };

		be16_put(cdb + forms[i].lba_end - 1, (uint16_t)(ZONE(6) + at));
		cdb[forms[i].nr] = 1;
		fill(out, ZONE(6) + at, 1, 7);
		assert_int_equal(
			rig_exec(rig, cdb, forms[i].len, RUNNER_OUT, out, 512),
			0);
		cdb[0] -= 2; /* the READ of the same form */
		assert_int_equal(
			rig_exec(rig, cdb, forms[i].len, RUNNER_IN, in, 512),
			0);
		assert_memory_equal(in, out, 512);
	}
}

/*
 * Sense data.
 */

static void only_zeros_from(size_t from)
{
	for (size_t i = from; i < RUNNER_SENSE_BYTES; i++)
		assert_int_equal(rig_sense[i], 0);
}

static void d_sense(struct rig *rig, bool on)
{
	uint8_t list[16] = { [4] = 0x0a, 10, on ? 4 : 0, 0x10, [15] = 1 };

	assert_int_equal(rig_exec(rig, CDB(0x15, 0x10, 0, 0, 16, 0), 6,
				  RUNNER_OUT, list, sizeof(list)),
			 0);
}

/* The whole buffer goes to the initiator, and was another command's. */
static void sense_buffer_is_defined(void **state)
{
	struct rig *rig = *state;
	uint8_t data[512] = { 0 };

	/* At once. */
	assert_int_equal(bare(rig, UNKNOWN, 16), 2);
	assert_int_equal(rig_sense[0], 0x70);
	assert_int_equal(rig_sense[7], 10);
	only_zeros_from(18);
	/* A write, and what comes through the door. */
	assert_int_equal(rig_write(rig, ZONE(4) + 1, 1, data), 2);
	assert_int_equal(rig_sense_code(), 0x052104);
	only_zeros_from(18);
	assert_int_equal(rig_zone(rig, SA_RESET, ZONE(4) + 1, false), 2);
	assert_int_equal(rig_sense_code(), 0x052400);
	only_zeros_from(18);

	d_sense(rig, true);
	assert_int_equal(bare(rig, UNKNOWN, 16), 2);
	assert_memory_equal(rig_sense, CDB(0x72, 5, 0x20, 0, 0, 0, 0, 0), 8);
	only_zeros_from(8);
	assert_int_equal(rig_zone(rig, SA_RESET, ZONE(4) + 1, false), 2);
	assert_memory_equal(rig_sense, CDB(0x72, 5, 0x24, 0, 0, 0, 0, 8), 8);
	only_zeros_from(16);
	d_sense(rig, false);
}

/*
 * Buffers.
 */

static void assert_bytes(const uint8_t *data, size_t from, size_t to,
			 uint8_t byte)
{
	for (size_t i = from; i < to; i++)
		assert_int_equal(data[i], byte);
}

/* REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS wants 4 (SPC-5). */
static unsigned least_alloc(const uint8_t *cdb)
{
	return cdb[0] == 0xa3 && cdb[1] == 0x0d ? 4 : 0;
}

/* What the buffer and the allocation length leave, and zeros behind that. */
static void data_in_of_every_length(void **state)
{
	static const uint8_t cdbs[][16] = {
		{ 0x12 },	   { 0x12, 1, 0x00 }, { 0x12, 1, 0x80 },
		{ 0x12, 1, 0x83 }, { 0x12, 1, 0x86 }, { 0x12, 1, 0xb0 },
		{ 0x12, 1, 0xb1 }, { 0x12, 1, 0xb6 }, { 0x1a, 0, 0x3f },
		{ 0x5a, 0, 0x3f }, { 0x9e, 0x10 },    { 0xa3, 0x0c },
		{ 0xa3, 0x0d },	   { 0x95 },	      { 0x03 },
	};
	/* The lowest byte of the allocation length, by operation code. */
	static const uint8_t alloc_at[256] = {
		[0x12] = 4, [0x1a] = 4,	 [0x5a] = 8, [0x9e] = 13,
		[0xa3] = 9, [0x95] = 13, [0x03] = 4,
	};
	struct rig *rig = *state;
	uint8_t full[256], part[256], cdb[16];

	for (size_t i = 0; i < ZL_ARRAY_SIZE(cdbs); i++) {
		memcpy(cdb, cdbs[i], 16);
		cdb[alloc_at[cdb[0]]] = 255;
		if (rig_exec(rig, cdb, 16, RUNNER_IN, full, 255))
			fail_msg("%02x %02x %02x: %06x", cdb[0], cdb[1], cdb[2],
				 rig_sense_code());
		for (unsigned alloc = least_alloc(cdb); alloc <= 65; alloc++)
			for (unsigned len = 0; len <= 65; len += 5) {
				unsigned n = alloc < len ? alloc : len;

				cdb[alloc_at[cdb[0]]] = (uint8_t)alloc;
				memset(part, STALE, sizeof(part));
				assert_int_equal(rig_exec(rig, cdb, 16,
							  RUNNER_IN, part, len),
						 0);
				assert_memory_equal(part, full, n);
				assert_bytes(part, n, len, 0);
			}
	}
}

static void read_into_other_buffers(void **state)
{
	struct rig *rig = *state;
	uint8_t out[8 * 512], in[16 * 512], cdb[16];

	fill(out, ZONE(4), 8, 1);
	assert_int_equal(rig_write(rig, ZONE(4), 8, out), 0);
	cdb_rw(cdb, 0x88, ZONE(4), 8);
	for (size_t len = 0; len <= sizeof(in); len += 171) {
		memset(in, STALE, sizeof(in));
		assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_IN, in, len), 0);
		assert_memory_equal(in, out, min_u64(len, sizeof(out)));
		if (len > sizeof(out))
			assert_bytes(in, sizeof(out), len, 0);
	}
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_NONE, NULL, 0), 0);
}

/* A refused READ shows nothing of what the pages held. */
static void refused_reads_show_nothing(void **state)
{
	struct rig *rig = *state;
	uint8_t in[2 * 512];

	memset(in, STALE, sizeof(in));
	assert_int_equal(rig_read(rig, ZONE(RIG_ZONES) - 1, 2, in), 2);
	assert_int_equal(rig_sense_code(), 0x052100);
	assert_bytes(in, 0, sizeof(in), 0);
	/* Beyond the write pointer there are zeros. */
	memset(in, STALE, sizeof(in));
	assert_int_equal(rig_read(rig, ZONE(9), 2, in), 0);
	assert_bytes(in, 0, sizeof(in), 0);
}

/*
 * The ring does not say which way the data go: what takes data-out, or none,
 * and is sent with a data-in buffer, shows nothing of what the pages held
 * either.  The half with FUA goes through the door.
 */
static void data_out_sent_as_data_in(void **state)
{
	static const uint8_t cdbs[][16] = {
		{ 0x00 },
		{ 0x04 },
		{ 0x0a, [3] = 1, 1 },
		{ 0x15, 0x10 },
		{ 0x15, 0x10, [4] = 12 },
		{ 0x1b, [4] = 1 },
		{ 0x1d, 0x04 },
		{ 0x2a, [8] = 2 },
		{ 0x2a, 0x08, [8] = 2 },
		{ 0x2e, [8] = 2 },
		{ 0x2f, 0x02, [8] = 2 },
		{ 0x34 },
		{ 0x35 },
		{ 0x41, [8] = 1 },
		{ 0x42, [8] = 24 },
		{ 0x48, 0x02 },
		{ 0x48, 0x01, [8] = 8 },
		{ 0x4c, 0x02 },
		{ 0x55, 0x10, [8] = 24 },
		{ 0x89, [13] = 1 },
		{ 0x8a, [13] = 2 },
		{ 0x8a, 0x08, [8] = 0x20, [13] = 2 },
		{ 0x8a, [2] = 0xff, [13] = 2 },
		{ 0x8e, [13] = 2 },
		{ 0x8f, 0x02, [13] = 2 },
		{ 0x91 },
		{ 0x93, 0x01, [13] = 2 },
		{ 0x94, SA_RESET, [14] = 1 },
		{ 0xaa, [9] = 2 },
		{ 0xae, [9] = 2 },
		{ 0xaf, 0x02, [9] = 2 },
		{ UNKNOWN },
	};
	struct rig *rig = *state;
	uint8_t in[3 * 512];

	for (size_t i = 0; i < ZL_ARRAY_SIZE(cdbs); i++)
		for (size_t len = 0; len <= sizeof(in); len += 256) {
			memset(in, STALE, len);
			rig_exec(rig, cdbs[i], 16, RUNNER_IN, in, len);
			assert_bytes(in, 0, len, 0);
		}
}

static void write_from_other_buffers(void **state)
{
	struct rig *rig = *state;
	uint8_t out[9 * 512], in[8 * 512], cdb[16];
	struct rig_zone_info z;

	fill(out, ZONE(4), 9, 1);
	cdb_rw(cdb, 0x8a, ZONE(4), 8);
	for (size_t len = 0; len < 8 * 512; len += 511) {
		assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_OUT, out, len),
				 2);
		assert_int_equal(rig_sense_code(), 0x052400);
		rig_report(rig, ZONE(4), &z);
		assert_int_equal(z.wp, ZONE(4));
	}
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_NONE, NULL, 0), 2);
	/* Too much is no harm. */
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_OUT, out, sizeof(out)),
			 0);
	rig_report(rig, ZONE(4), &z);
	assert_int_equal(z.wp, ZONE(4) + 8);
	assert_int_equal(rig_read(rig, ZONE(4), 8, in), 0);
	assert_memory_equal(in, out, sizeof(in));
}

/* Lengths of nothing at all, with and without a buffer. */
static void zero_blocks(void **state)
{
	struct rig *rig = *state;
	uint8_t cdb[16], data[512];

	cdb_rw(cdb, 0x8a, ZONE(4) + 7, 0);
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_NONE, NULL, 0), 0);
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_OUT, data, 512), 0);
	cdb[0] = 0x88;
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_NONE, NULL, 0), 0);
	memset(data, STALE, 512);
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_IN, data, 512), 0);
	assert_bytes(data, 0, 512, 0);
}

/*
 * The daemon cancels the command thread when a device goes.  Here each call
 * runs in a thread of its own that is cancelled already: it must come to its
 * end all the same, and the thread must be cancelled behind it.
 */

struct call {
	struct tcmu_device *dev;
	struct tcmur_cmd *cmd;
	int (*fn)(struct tcmu_device *dev, struct tcmur_cmd *cmd);
	int ret;
	bool returned;
};

static struct tcmur_handler cancelled_ops;
static int (*real_handle_cmd)(struct tcmu_device *dev, struct tcmur_cmd *cmd);
static int (*real_flush)(struct tcmu_device *dev, struct tcmur_cmd *cmd);
static atomic_uint calls_that_returned;

static void *cancelled_thread(void *arg)
{
	struct call *call = arg;

	pthread_cancel(pthread_self());
	call->ret = call->fn(call->dev, call->cmd);
	call->returned = true;
	for (;;)
		pthread_testcancel();
	return NULL;
}

static int call_cancelled(struct call call)
{
	pthread_t thread;
	void *end;

	if (pthread_create(&thread, NULL, cancelled_thread, &call) ||
	    pthread_join(thread, &end))
		abort();
	if (!call.returned || end != PTHREAD_CANCELED) {
		fprintf(stderr, "a callout was cancelled\n");
		abort();
	}
	calls_that_returned++;
	return call.ret;
}

static int cancelled_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	return call_cancelled(
		(struct call){ .dev = dev, .cmd = cmd, .fn = real_handle_cmd });
}

static int cancelled_flush(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	return call_cancelled(
		(struct call){ .dev = dev, .cmd = cmd, .fn = real_flush });
}

static void callouts_are_not_cancelled(void **state)
{
	struct runner_handler h = { .ops = &cancelled_ops };
	struct rig *rig = *state;
	struct runner_dev_params params = { .size_bytes = RIG_BYTES };
	uint8_t out[64 * 512], in[64 * 512], cdb[16];

	rig_remove(rig);
	cancelled_ops = *rig_handler()->ops;
	real_handle_cmd = cancelled_ops.handle_cmd;
	real_flush = cancelled_ops.flush;
	cancelled_ops.handle_cmd = cancelled_handle_cmd;
	cancelled_ops.flush = cancelled_flush;
	runner_log_level(7); /* the log is a place to be cancelled, too */
	params.cfgstring = rig_text(rig, "zloop/@$/d");
	assert_int_equal(runner_add(&h, &params, &rig->dev), 0);
	for (unsigned i = 0; i < 20; i++) {
		fill(out, ZONE(4 + i), 64, i);
		cdb_rw(cdb, 0x8a, ZONE(4 + i), 64);
		cdb[1] = i % 2 ? 0x08 : 0; /* FUA */
		assert_int_equal(
			rig_exec(rig, cdb, 16, RUNNER_OUT, out, sizeof(out)),
			0);
		assert_int_equal(rig_write(rig, ZONE(4 + i), 64, out), 2);
		assert_int_equal(rig_read(rig, ZONE(4 + i), 64, in), 0);
		assert_memory_equal(in, out, sizeof(in));
		assert_int_equal(rig_zone(rig, SA_FINISH, ZONE(4 + i), false),
				 0);
		assert_int_equal(bare(rig, 0x35, 10), 0);
	}
	assert_true(calls_that_returned > 100);
	rig_remove(rig);
	runner_log_level(6);
}

/*
 * A daemon that does not call flush() for a command which handle_cmd() sent
 * there, but answers it by itself, as it does while it recovers a device.
 */

static struct tcmur_handler losing_ops;
static bool lose;
static struct tcmur_cmd late_cmd; /* flush() comes for it after all */
static struct tcmulib_cmd late_lib_cmd;
static int late_status;

static int losing_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	int ret = real_handle_cmd(dev, cmd);

	if (!lose)
		return ret;
	assert_int_equal(ret, TCMU_STS_NOT_HANDLED);
	return TCMU_STS_BUSY;
}

static int late_flush(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	late_status = real_flush(dev, &late_cmd);
	return real_flush(dev, cmd);
}

static int setup_losing(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES };
	static struct runner_handler h = { .ops = &losing_ops };
	struct rig *rig;

	rig_setup_dev(state);
	rig = *state;
	rig_remove(rig);
	losing_ops = *rig_handler()->ops;
	real_handle_cmd = losing_ops.handle_cmd;
	real_flush = losing_ops.flush;
	losing_ops.handle_cmd = losing_handle_cmd;
	losing_ops.flush = late_flush;
	late_cmd.lib_cmd = &late_lib_cmd;
	params.cfgstring = rig_text(rig, "zloop/@$/d");
	return runner_add(&h, &params, &rig->dev);
}

static void lose_cmd(struct rig *rig, const uint8_t *cdb)
{
	lose = true;
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_NONE, NULL, 0), 8);
	lose = false;
}

static void lost_commands(void **state)
{
	static const uint8_t cdbs[][16] = {
		{ 0x04 }, /* FORMAT UNIT */
		{ 0x48, 0x82 },
		{ 0x94, SA_OPEN, [8] = 0x20 },
		{ 0x35 },
	};
	struct rig *rig = *state;
	struct rig_zone_info z;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(cdbs); i++) {
		lose_cmd(rig, cdbs[i]);
		assert_alive(rig);
		assert_true(rig_logged(rig, 4, "did not come back with"));
		runner_log_clear();
		rig_report(rig, ZONE(4), &z);
		assert_int_equal(z.cond, 1);
		late_status = -1;
		assert_int_equal(bare(rig, 0x35, 10), 0);
		assert_int_equal(late_status, TCMU_STS_BUSY);
	}
	/* The device can be removed with one at the door. */
	lose_cmd(rig, cdbs[0]);
	rig_remove(rig);
}

/* The same with iovecs of odd sizes at odd addresses, and of pages. */
static int setup_odd(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .ring.split = RUNNER_ODD,
					    .ring.depth = 8,
					    .ring.seed = 1 };

	rig_setup(state);
	return rig_add_params(*state, RIG_CFG, &params);
}

static int setup_pages(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .ring.split = RUNNER_PAGES,
					    .ring.depth = 3 };

	rig_setup(state);
	return rig_add_params(*state, RIG_CFG, &params);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup_dev, rig_teardown)
#define SPLIT(f)                                                              \
	TEST(f), cmocka_unit_test_setup_teardown(f, setup_odd, rig_teardown), \
		cmocka_unit_test_setup_teardown(f, setup_pages, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_at_once),
		TEST(what_may_block_goes_through_the_door),
		TEST(fua_goes_through_the_door),
		TEST(unknown_opcodes),
		TEST(opcodes_that_libtcmu_drops),
		TEST(opcodes_of_no_known_length),
		SPLIT(variable_length),
		SPLIT(six_byte_transfers),
		SPLIT(every_transfer_length),
		TEST(sense_buffer_is_defined),
		SPLIT(data_in_of_every_length),
		SPLIT(read_into_other_buffers),
		SPLIT(refused_reads_show_nothing),
		SPLIT(data_out_sent_as_data_in),
		SPLIT(write_from_other_buffers),
		SPLIT(zero_blocks),
		TEST(callouts_are_not_cancelled),
		cmocka_unit_test_setup_teardown(lost_commands, setup_losing,
						rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
