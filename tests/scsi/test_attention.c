// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What initiators are told, and find, after a simulated power failure. */
#include <sched.h>

#include "disk/internal.h"
#include "disk/io/hold.h"
#include "rig.h"

#define OPTS                                                          \
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2," \
	"provisioning=thin,"                                          \
	"discard_write_cache"
#define SEQ(n) ((2 + (uint64_t)(n)) * MIB_BLOCKS)

#define POWER_ON 0x62901

RIG_EACH(OPTS)

static void once(void **state)
{
	static const uint8_t fixed[18] = {
		0x70, 0, 6, [7] = 10, [12] = 0x29, 0x01
	};

	(void)state;
	rig_write(&rig, SEQ(0), 8);
	/* opening a disk is no power on: the daemon may have been restarted */
	check_good(&rig);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
	assert_int_equal(rig.cmd.sense_len, sizeof(fixed));
	assert_memory_equal(rig.cmd.sense, fixed, sizeof(fixed));
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
}

/* The disk's I/O says so, and what needs none as soon as the unit is told. */
static void another_machine_has_it(void **state)
{
	uint8_t data[512];

	(void)state;
	atomic_store(&rig.disk->fence.lost, true);
	rig_rw(&rig, 0x88, 0, 1, data, sizeof(data));
	check_sense(&rig, 0x2040c);
	rig.disk->fence.fn(rig.disk->fence.user);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, 0x2040c);
	CMD(&rig, NULL, 8, 0x25);
	check_sense(&rig, 0x2040c);
	CMD(&rig, NULL, 64, 0x95, [13] = 64);
	check_sense(&rig, 0x2040c);
	rig_zone(&rig, 3, SEQ(1));
	check_sense(&rig, 0x2040c);
	CMD(&rig, NULL, 96, 0x12, [4] = 96);
	check_good(&rig);
	CMD(&rig, NULL, 64, 0xa0, [9] = 64);
	check_good(&rig);
	/* Whoever asks what is wrong is told that, too. */
	CMD(&rig, NULL, 18, 0x03, [4] = 18);
	check_good(&rig);
	assert_int_equal(rig.data[2], 0x02);
	assert_int_equal(be16_get(rig.data + 12), 0x040c);
}

/* A unit whose disk has lost what was in a dead machine's cache. */
static void told_at_opening(void **state)
{
	struct scsi_unit *unit = rig.unit, *second;

	(void)state;
	rig.disk->power_lost = true;
	assert_int_equal(scsi_unit_new(rig.disk, NULL, &second), 0);
	rig.unit = second;
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
	assert_false(disk_lost_power(rig.disk));
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
	scsi_unit_free(second);
	rig.unit = unit;
}

/* The command that is told does nothing else. */
static void nothing_is_done(void **state)
{
	uint8_t data[512] = { 1 };

	(void)state;
	rig_fail_power(&rig);
	rig_rw(&rig, 0x8a, SEQ(0), 1, data, sizeof(data));
	check_sense(&rig, POWER_ON);
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
	rig_rw(&rig, 0x8a, SEQ(0), 1, data, sizeof(data));
	check_good(&rig);
	rig_fail_power(&rig);
	rig_zone(&rig, 3, SEQ(1));
	check_sense(&rig, POWER_ON);
	check_zone(&rig, SEQ(1), ZC_EMPTY, SEQ(1));
}

/* SAM-5 5.14: these are carried out, and do not end it. */
static void commands_without(void **state)
{
	(void)state;
	rig_fail_power(&rig);
	CMD(&rig, NULL, 96, 0x12, [4] = 96);
	check_good(&rig);
	CMD(&rig, NULL, 64, 0xa0, [9] = 64);
	check_good(&rig);
	/* what is no command at all, neither */
	CMD(&rig, NULL, 0, 0xc0);
	check_sense(&rig, 0x52000);
	CMD(&rig, NULL, 0, 0x00, 0x80);
	check_bad_cdb(&rig, 1, 7);
	CMD(&rig, NULL, 8, 0x25);
	check_sense(&rig, POWER_ON);
}

/* REQUEST SENSE reports it, and it is over. */
static void asked_for(void **state)
{
	static const uint8_t fixed[18] = {
		0x70, 0, 6, [7] = 10, [12] = 0x29, 0x01
	};
	static const uint8_t descriptor[8] = { 0x72, 6, 0x29, 0x01 };
	static const uint8_t none[18] = { 0x70, [7] = 10 };

	(void)state;
	rig_fail_power(&rig);
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	check_data(&rig, fixed, sizeof(fixed));
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	check_data(&rig, none, sizeof(none));
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 8, 0x03, 1, 0, 0, 8);
	check_data(&rig, descriptor, sizeof(descriptor));
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
}

/* One, however often the power fails; and each time anew. */
static void not_counted(void **state)
{
	(void)state;
	rig_fail_power(&rig);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
}

/* MODE SELECT of the control page: D_SENSE and SWP. */
static void select_control(uint8_t sp, uint8_t d_sense, uint8_t swp)
{
	uint8_t list[16] = {
		0, 0, 0, 0, 0x0a, 10, d_sense, 0x10, swp, [15] = 1
	};

	CMD(&rig, list, 16, 0x15, 0x10 | sp, 0, 0, 16);
	check_good(&rig);
}

/* What is not saved is lost with the power, the stopped state as well. */
static void parameters(void **state)
{
	static const uint8_t descriptor[8] = { 0x72, 6, 0x29, 0x01 };

	(void)state;
	select_control(1, 0x04, 0);
	select_control(0, 0, 0x08);
	CMD(&rig, NULL, 0, 0x1b);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, 0x20402);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 0, 0x00);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(rig.cmd.sense_len, sizeof(descriptor));
	assert_memory_equal(rig.cmd.sense, descriptor, sizeof(descriptor));
	rig_write(&rig, SEQ(0), 1);
	check_good(&rig);
	/* nor does it come back when the daemon dies */
	rig_die(&rig);
	rig_write(&rig, SEQ(0) + 1, 1);
	check_good(&rig);
}

/*
 * What goes on while the power fails: a delay holds an I/O back meanwhile.  If
 * it is over sooner, on a slow machine, nothing is shown.
 */

static void delay_writes_at(uint64_t lba)
{
	struct inject_fault f = { .kind = INJECT_DELAY,
				  .op = INJECT_OP_WRITE,
				  .lba = lba,
				  .nr_blocks = 1,
				  .count = 1,
				  .delay_ms = 300 };
	struct zl_err err;
	uint32_t id;

	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
}

static void wait_for_job(void)
{
	struct scsi_job *j = &rig.unit->job;

	pthread_mutex_lock(&j->lock);
	while (j->kind != JOB_NONE)
		pthread_cond_wait(&j->over, &j->lock);
	pthread_mutex_unlock(&j->lock);
}

static bool is_zeros(uint64_t lba)
{
	static const uint8_t zeros[512];

	rig_rw(&rig, 0x88, lba, 1, NULL, sizeof(zeros));
	check_good(&rig);
	return !memcmp(rig.data, zeros, sizeof(zeros));
}

/* A SANITIZE has not succeeded if what it did is taken back. */
static void sanitize(void **state)
{
	(void)state;
	rig_write(&rig, 0, 8);
	rig_write(&rig, MIB_BLOCKS, 8);
	CMD(&rig, NULL, 0, 0x35);
	check_good(&rig);
	delay_writes_at(MIB_BLOCKS);
	CMD(&rig, NULL, 0, 0x48, 0x82 | 0x20); /* block erase, IMMED, AUSE */
	check_good(&rig);
	rig_fail_power(&rig);
	wait_for_job();
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
	CMD(&rig, NULL, 0, 0x00);
	if (rig.cmd.status == SCSI_GOOD) {
		assert_true(is_zeros(0));
		return;
	}
	check_sense(&rig, 0x33103);
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_good(&rig);
	assert_true(is_zeros(0));
}

/*
 * Without a write cache there is nothing to take back.
 */

static void set_wce(bool on)
{
	uint8_t list[24] = { 0, 0, 0, 0, 0x08, 18, on ? 0x04 : 0 };

	CMD(&rig, list, sizeof(list), 0x15, 0x10, 0, 0, sizeof(list));
}

static void zones_without_a_cache(void **state)
{
	(void)state;
	set_wce(false);
	check_good(&rig);
	rig_write(&rig, SEQ(0), 8);
	rig_write(&rig, SEQ(1), 8);
	rig_zone(&rig, ZO_RESET, SEQ(0));
	check_good(&rig);
	rig_zone(&rig, ZO_FINISH, SEQ(1));
	check_good(&rig);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
	check_zone(&rig, SEQ(1), ZC_FULL, SEQ(2));
}

/* A command beside those of the rig. */
struct beside {
	uint8_t cdb[16], data[512];
	struct iovec iov;
	struct scsi_cmd cmd;
	atomic_bool over;
};

static void beside_done(struct scsi_cmd *cmd)
{
	struct beside *b = cmd->user;

	b->over = true;
}

static void begin_beside(struct beside *b)
{
	b->iov = (struct iovec){ b->data, sizeof(b->data) };
	b->cmd = (struct scsi_cmd){ .cdb = b->cdb,
				    .cdb_len = sizeof(b->cdb),
				    .iov = &b->iov,
				    .iov_cnt = 1,
				    .done = beside_done,
				    .user = b };
	b->over = false;
	assert_int_equal(scsi_begin(rig.unit, &b->cmd), SCSI_RUN);
}

static void end_beside(struct beside *b)
{
	while (!b->over)
		sched_yield();
}

/* A write that is under way when the cache is switched off. */
static void cache_off_under_a_write(void **state)
{
	struct beside b = { .cdb = { 0x8a, [13] = 1 }, .data = { 1 } };

	(void)state;
	be64_put(b.cdb + 2, SEQ(0));
	delay_writes_at(SEQ(0));
	begin_beside(&b);
	scsi_run(&b.cmd);
	set_wce(false);
	check_good(&rig);
	end_beside(&b);
	assert_int_equal(b.cmd.status, SCSI_GOOD);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
	check_zone(&rig, SEQ(0), ZC_CLOSED, SEQ(0) + 1);
}

static void *fail_power_too(void *arg)
{
	(void)arg;
	rig_fail_power(&rig);
	return NULL;
}

/* Until a power failure waits for what is under way; that is then let go. */
static void await_failure(void)
{
	struct disk *d = rig.disk;
	bool waits = false;
	struct zl_err err;

	while (!waits) {
		sched_yield();
		pthread_mutex_lock(&d->lock);
		waits = d->hold.stopped;
		pthread_mutex_unlock(&d->lock);
	}
	assert_int_equal(disk_fault_clear(d, &err), 0);
}

/* Runs the command as far as its first I/O, which is at @lba. */
static void run_to_the_first(struct beside *b, uint64_t lba)
{
	const struct inject_fault wait = { .kind = INJECT_DELAY,
					   .op = INJECT_OP_WRITE,
					   .lba = lba,
					   .nr_blocks = 1,
					   .count = 1,
					   .delay_ms = 1000000 };
	struct zl_err err;
	uint32_t id;

	assert_int_equal(disk_fault_add(rig.disk, &wait, &id, &err), 0);
	begin_beside(b);
	scsi_run(&b->cmd);
}

/* Lets the power fail when that one is over. */
static void fail_behind_the_first(struct beside *b)
{
	pthread_t thread;

	pthread_create(&thread, NULL, fail_power_too, NULL);
	await_failure();
	end_beside(b);
	pthread_join(thread, NULL);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
}

/* UNMAP of several descriptors is before the failure or after it. */
static void between_two_descriptors(void **state)
{
	struct beside b = { .cdb = { 0x42, [8] = 40 },
			    .data = { [1] = 38, [3] = 32 } };
	bool first, second;

	(void)state;
	rig_write(&rig, 0, 8);
	rig_write(&rig, MIB_BLOCKS, 8);
	CMD(&rig, NULL, 0, 0x35);
	check_good(&rig);
	be32_put(b.data + 16, 8);
	be64_put(b.data + 24, MIB_BLOCKS);
	be32_put(b.data + 32, 8);
	run_to_the_first(&b, 0);
	fail_behind_the_first(&b);
	assert_int_equal(b.cmd.status, SCSI_GOOD);
	CMD(&rig, NULL, 0, 0x35);
	check_good(&rig);
	first = is_zeros(0);
	second = is_zeros(MIB_BLOCKS);
	assert_int_equal(first, second);
}

/* … and a write is with what flushes it. */
static void between_write_and_flush(void **state)
{
	struct beside b = { .cdb = { 0x8a, [13] = 1 }, .data = { 1 } };

	(void)state;
	be64_put(b.cdb + 2, SEQ(0));
	run_to_the_first(&b, SEQ(0));
	set_wce(false);
	check_good(&rig);
	fail_behind_the_first(&b);
	assert_int_equal(b.cmd.status, SCSI_GOOD);
	check_zone(&rig, SEQ(0), ZC_CLOSED, SEQ(0) + 1);
}

/* What a failure has taken back is not vouched for by a command that was there
 * before it, and comes to it later. */
static void a_flush_that_is_late(void **state)
{
	struct beside flush = { .cdb = { 0x35 } };
	struct beside stop_unit = { .cdb = { 0x1b } };
	struct beside no_cache = { .cdb = { 0x15, 0x10, [4] = 24 },
				   .data = { 0, 0, 0, 0, 0x08, 18 } };
	struct beside *const cmd[] = { &flush, &stop_unit, &no_cache };

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(cmd); i++) {
		rig_write(&rig, SEQ(0), 8);
		begin_beside(cmd[i]);
		rig_fail_power(&rig);
		scsi_run(&cmd[i]->cmd);
		end_beside(cmd[i]);
		assert_int_equal(cmd[i]->cmd.status, SCSI_CHECK_CONDITION);
		assert_int_equal(cmd[i]->cmd.sense[2], 0x06);
		assert_int_equal(cmd[i]->cmd.sense[12], 0x29);
		/* Others are told all the same. */
		CMD(&rig, NULL, 0, 0x00);
		check_sense(&rig, POWER_ON);
		CMD(&rig, NULL, 0, 0x35);
		check_good(&rig);
		check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
	}
}

/* SANITIZE comes while STOP flushes: one that is stopped in it, or has failed,
 * could not be started any more. */
static void no_stop_in_the_middle(void **state)
{
	struct beside stop_unit = { .cdb = { 0x1b } };

	(void)state;
	rig_write(&rig, SEQ(0), 8);
	begin_beside(&stop_unit);
	rig.unit->job.kind = JOB_SANITIZE;
	scsi_run(&stop_unit.cmd);
	end_beside(&stop_unit);
	rig.unit->job.kind = JOB_NONE;
	assert_int_equal(stop_unit.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(be16_get(stop_unit.cmd.sense + 12), 0x041b);
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
}

/* A MODE SELECT that could not flush is sent again. */
static void cache_off_in_the_second_try(void **state)
{
	struct inject_fault f = { .kind = INJECT_BACKING_ERROR,
				  .op = INJECT_OP_SYNC,
				  .error = EROFS,
				  .nr_blocks = UINT64_MAX,
				  .count = 1 };
	struct zl_err err;
	uint32_t id;

	(void)state;
	rig_write(&rig, SEQ(0), 8);
	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
	set_wce(false);
	check_sense(&rig, 0x72700);
	set_wce(false);
	check_good(&rig);
	rig_fail_power(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, POWER_ON);
	check_zone(&rig, SEQ(0), ZC_CLOSED, SEQ(0) + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(once),
		T(nothing_is_done),
		T(commands_without),
		T(asked_for),
		T(not_counted),
		T(parameters),
		T(sanitize),
		T(zones_without_a_cache),
		T(cache_off_under_a_write),
		T(cache_off_in_the_second_try),
		T(between_two_descriptors),
		T(between_write_and_flush),
		T(a_flush_that_is_late),
		T(no_stop_in_the_middle),
		T(another_machine_has_it),
		T(told_at_opening),
	};

	return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
