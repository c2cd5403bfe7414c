// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Self-tests (SPC-5 5.14): what the zones hold is read.  A short one reads the
 * beginning of some zones, an extended one everything.  What cannot be read
 * fails the test; zones that are OFFLINE are told by REPORT ZONES, and are left
 * out.
 *
 * In the foreground the command waits, and all others are refused meanwhile; in
 * the background neither.  FORMAT UNIT, SANITIZE, START STOP UNIT and the loss
 * of power end a test in the background.  The results are kept as long as the
 * unit is there.
 */
#include "base/be.h"
#include "base/num.h"
#include "disk/activity.h"
#include "scsi/internal.h"

#define SHORT_ZONES    256u /* a short test looks at about so many */
#define SHORT_BYTES    65536u
#define EXTENDED_BYTES ZL_MIB
#define NOT_KNOWN      UINT64_MAX

/* What a disk below reads; an emulated one is seldom slower. */
#define READ_BYTES_PER_S (100 * ZL_MIB)

static bool is_extended(const struct scsi_self_test *t)
{
	return t->code == SELF_TEST_EXTENDED ||
	       t->code == SELF_TEST_BACKGROUND_EXTENDED;
}

static bool is_foreground(enum scsi_self_test_code code)
{
	return code == SELF_TEST_DEFAULT || code >= SELF_TEST_SHORT;
}

/* Where the zone's data end; its start if there are none to be read. */
static uint64_t data_end(const struct zone_info *z)
{
	uint64_t end = z->start_lba + z->blocks;

	if (zone_traits[z->type].span == ZS_NOTHING || z->cond == ZC_OFFLINE ||
	    z->cond == ZC_INACTIVE)
		return z->start_lba;
	/* An invalid write pointer is UINT64_MAX. */
	return zone_traits[z->type].has_wp ? min_u64(z->wp_lba, end) : end;
}

/* The zone that a test looks at after this one. */
static uint64_t next_zone(const struct scsi_unit *u, const struct zone_info *z)
{
	const struct zone_geo *geo = disk_geo(u->disk);
	uint64_t stride = zone_geo_slots(geo) / SHORT_ZONES;

	if (is_extended(&u->self_test) || !stride)
		return z->start_lba + z->blocks;
	return z->start_lba + stride * geo->zone_blocks;
}

static void set_read(struct scsi_self_test *t, uint64_t lba, uint64_t nr)
{
	t->lba = lba;
	t->chain.io = (struct disk_io){ .op = DISK_COMPARE,
					.lba = lba,
					.nr_blocks = (uint32_t)nr,
					.goes_on = true };
}

/* False: there is nothing left. */
static bool next_piece(struct scsi_unit *u)
{
	struct scsi_self_test *t = &u->self_test;
	uint32_t bytes = is_extended(t) ? EXTENDED_BYTES : SHORT_BYTES;
	uint64_t lba = t->next_lba, end, nr;
	struct zone_info z;

	for (; lba < u->capacity_blocks; lba = next_zone(u, &z)) {
		disk_zone_at(u->disk, lba, &z);
		end = data_end(&z);
		if (lba >= end)
			continue;
		nr = min_u64(end - lba, bytes / u->block_bytes);
		t->next_lba = is_extended(t) ? lba + nr : next_zone(u, &z);
		set_read(t, lba, nr);
		return true;
	}
	return false;
}

/* FORMAT UNIT and SANITIZE have a claim on the unit; stopped, it reads nothing.
 */
static bool is_in_the_way(const struct scsi_unit *u)
{
	return u->job.kind != JOB_NONE || u->stopped;
}

static bool next_io(struct scsi_chain *chain)
{
	struct scsi_unit *u = chain->unit;
	enum disk_status status = chain->io.status;

	if (chain->io.nr_blocks)
		scsi_count_verify(u, &chain->io);
	/* Refused: the zone has been reset meanwhile. */
	if (status != DISK_OK && status != DISK_REFUSED)
		return false;
	if (!u->self_test.give_up && is_in_the_way(u))
		u->self_test.give_up = SELF_TEST_STOPPED;
	return !u->self_test.give_up && next_piece(u);
}

static enum scsi_self_test_result result_of(const struct scsi_self_test *t)
{
	switch (t->chain.io.status) {
	case DISK_OK:
	case DISK_REFUSED:
		return (enum scsi_self_test_result)t->give_up;
	case DISK_READ_ERROR:
		return SELF_TEST_FAILED;
	default:
		return SELF_TEST_UNKNOWN;
	}
}

static uint16_t hours_open(struct scsi_unit *u)
{
	struct disk_activity a;

	disk_get_activity(u->disk, &a);
	return (uint16_t)min_u64(a.open_ms / 3600000, UINT16_MAX);
}

/* Under the lock.  The default self-test is in no log. */
static void keep_result(struct scsi_unit *u, enum scsi_self_test_result result,
			uint16_t hours)
{
	struct scsi_self_test *t = &u->self_test;

	if (t->code == SELF_TEST_DEFAULT)
		return;
	t->entry[0].result = result;
	t->entry[0].hours = hours;
	if (result == SELF_TEST_FAILED)
		t->entry[0].lba = t->chain.io.bad_lba;
}

/* In the foreground. */
static void end_command(struct scsi_cmd *cmd, enum scsi_self_test_result result)
{
	switch (result) {
	case SELF_TEST_GOOD:
		break;
	case SELF_TEST_FAILED:
		scsi_fail(cmd, LOGICAL_UNIT_FAILED_SELF_TEST);
		break;
	case SELF_TEST_STOPPED:
		scsi_fail(cmd, POWER_ON_OCCURRED);
		break;
	default:
		scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
		break;
	}
}

/* The unit may be gone as soon as the lock is left. */
static void over(struct scsi_chain *chain)
{
	struct scsi_unit *u = chain->unit;
	struct scsi_self_test *t = &u->self_test;
	enum scsi_self_test_result result = result_of(t);
	struct scsi_cmd *cmd = t->waiter;
	uint16_t hours = hours_open(u);

	t->waiter = NULL;
	if (cmd)
		end_command(cmd, result);
	pthread_mutex_lock(&t->lock);
	keep_result(u, result, hours);
	t->foreground = false;
	t->running = false;
	pthread_cond_broadcast(&t->over);
	pthread_mutex_unlock(&t->lock);
	if (cmd)
		scsi_finish(cmd);
}

void scsi_self_test_init(struct scsi_unit *u)
{
	struct scsi_self_test *t = &u->self_test;

	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->over, NULL);
	t->chain.unit = u;
	t->chain.next = next_io;
	t->chain.over = over;
}

void scsi_self_test_free(struct scsi_unit *u)
{
	struct scsi_self_test *t = &u->self_test;

	pthread_mutex_lock(&t->lock);
	while (t->running)
		pthread_cond_wait(&t->over, &t->lock);
	pthread_mutex_unlock(&t->lock);
	pthread_cond_destroy(&t->over);
	pthread_mutex_destroy(&t->lock);
}

void scsi_self_test_end(struct scsi_unit *u, enum scsi_self_test_result why)
{
	unsigned go_on = 0;

	atomic_compare_exchange_strong(&u->self_test.give_up, &go_on, why);
}

/* Under the lock: the new one pushes out the oldest. */
static void new_entry(struct scsi_self_test *t)
{
	for (unsigned i = SELF_TEST_ENTRIES - 1; i; i--)
		t->entry[i] = t->entry[i - 1];
	t->entry[0] = (struct scsi_self_test_entry){
		.code = (uint8_t)t->code,
		.result = SELF_TEST_RUNNING,
		.lba = NOT_KNOWN,
	};
	t->nr_entries += t->nr_entries < SELF_TEST_ENTRIES;
}

enum scsi_next scsi_self_test_claim(struct scsi_cmd *cmd,
				    enum scsi_self_test_code code)
{
	struct scsi_self_test *t = &cmd->unit->self_test;
	bool ok;

	pthread_mutex_lock(&t->lock);
	ok = !t->running;
	if (ok) {
		t->code = code;
		t->give_up = 0;
		t->lba = t->next_lba = 0;
		t->waiter = is_foreground(code) ? cmd : NULL;
		t->chain.io = (struct disk_io){ 0 };
		t->foreground = is_foreground(code);
		t->running = true;
	}
	pthread_mutex_unlock(&t->lock);
	return ok ? SCSI_RUN : scsi_fail_self_test(cmd);
}

void scsi_self_test_drop(struct scsi_unit *u)
{
	struct scsi_self_test *t = &u->self_test;

	pthread_mutex_lock(&t->lock);
	t->foreground = false;
	t->running = false;
	pthread_mutex_unlock(&t->lock);
}

void scsi_self_test_run(struct scsi_cmd *cmd)
{
	struct scsi_unit *u = cmd->unit;
	struct scsi_self_test *t = &u->self_test;
	bool background = !t->waiter;

	pthread_mutex_lock(&t->lock);
	if (t->code != SELF_TEST_DEFAULT)
		new_entry(t);
	pthread_mutex_unlock(&t->lock);
	scsi_chain_run(&u->self_test.chain);
	/* That cannot be over before the unit is freed, which waits for this
	 * command first. */
	if (background)
		scsi_finish(cmd);
}

uint32_t scsi_self_test_secs(const struct scsi_unit *u)
{
	uint64_t bytes = u->capacity_blocks * u->block_bytes;

	return (uint32_t)min_u64(div_up_u64(bytes, READ_BYTES_PER_S),
				 UINT32_MAX);
}

void scsi_self_test_forget(struct scsi_unit *u)
{
	struct scsi_self_test *t = &u->self_test;

	pthread_mutex_lock(&t->lock);
	t->nr_entries =
		t->nr_entries && t->entry[0].result == SELF_TEST_RUNNING;
	pthread_mutex_unlock(&t->lock);
}

unsigned
scsi_self_test_log(struct scsi_unit *u,
		   struct scsi_self_test_entry entry[SELF_TEST_ENTRIES])
{
	struct scsi_self_test *t = &u->self_test;
	unsigned nr;

	pthread_mutex_lock(&t->lock);
	nr = t->nr_entries;
	for (unsigned i = 0; i < nr; i++)
		entry[i] = t->entry[i];
	pthread_mutex_unlock(&t->lock);
	return nr;
}
