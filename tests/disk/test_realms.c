// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Zone domains and realms on the medium: three realms, of which one exists as
 * conventional only, of 1 conventional and 2 sequential zones, so that the
 * slots are: 0 to 2 conventional, of realm 0, 1 and 2; 3 a gap; 4 and 5
 * sequential, of realm 1; 6 and 7 of realm 2.
 */
#include "disk/io/slot.h"
#include "disk/io/turn.h"
#include "disk/medium/journal.h"
#include "disk/medium/journal_format.h"
#include "disk/refusals.h"
#include "disk_fixture.h"
#include "zone/internal.h"

#include <errno.h>
#include <semaphore.h>
#include <time.h>

#define REALMS	  "model=realms,zone_size_mb=1,realms=3,realm_zones=1+2"
#define LBA(slot) ((uint64_t)(slot)*ZONE)

enum {
	CONV,
	SEQUENTIAL
};

static struct fixture fix;

static enum disk_status activate_on(struct disk *d, uint32_t slot, uint32_t nr,
				    bool all, uint8_t domain,
				    struct zone_activation *a)
{
	struct disk_io io = { .op = DISK_ACTIVATE, .activation = a };
	enum disk_status status;

	*a = (struct zone_activation){
		.all = all,
		.zone_id = LBA(slot),
		.nr_zones = nr,
		.other = domain,
	};
	status = disk_run(d, &io);
	if (status == DISK_REFUSED)
		assert_int_not_equal(io.verdict, ZV_OK);
	return status;
}

static void activate(uint32_t slot, uint32_t nr, uint8_t domain)
{
	struct zone_activation a;

	assert_int_equal(activate_on(fix.disk, slot, nr, false, domain, &a),
			 DISK_OK);
	assert_int_equal(a.unmet, 0);
}

static bool has_file(struct store *st, uint32_t slot)
{
	struct store_stat stat;

	assert_int_equal(store_stat(st, slot, &stat), 0);
	return stat.kind == STORE_KIND_FILE;
}

/* Each realm as it is to be: all zones of one domain have files and are active,
 * those of the other are INACTIVE and have none. */
static void check_realms(struct disk *d, uint8_t one, uint8_t two)
{
	const uint8_t active[] = { CONV, one, two };

	assert_true(zone_set_check(&d->zones));
	for (uint32_t slot = 0; slot < NR_ZONES; slot++) {
		uint32_t realm = zone_realm_of(&d->zones.geo, slot);
		bool is = slot != 3 &&
			  active[realm] == zone_domain_of(&d->zones.geo, slot);

		assert_int_equal(has_file(d->store, slot), is);
		if (slot != 3)
			assert_int_equal(zone_slot_cond(&d->zones, slot) ==
						 ZC_INACTIVE,
					 !is);
	}
	assert_int_equal(d->problems.nr, 0);
}

static int start(void **state)
{
	(void)state;
	fixture_start(&fix, REALMS, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fixture_stop(&fix);
	return 0;
}

static void made(void **state)
{
	struct zone_domain_info info;

	(void)state;
	check_realms(fix.disk, CONV, CONV);
	assert_int_equal(disk_meta(fix.disk)->device_type, 0x00);
	assert_true(disk_meta(fix.disk)->rc_conv);
	assert_int_equal(disk_meta(fix.disk)->conv_zones, 3);
	disk_domain(fix.disk, SEQUENTIAL, &info);
	assert_int_equal(info.start_lba, LBA(4));
	assert_int_equal(info.end_lba, LBA(8) - 1);
	assert_int_equal(info.zones, 4);
	assert_int_equal(info.active_zones, 0);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, CONV, CONV);
	fixture_reopen(&fix, "domains=conv+seq,capacity_mb=6");
}

static void there_and_back(void **state)
{
	(void)state;
	assert_int_equal(do_write(&fix, LBA(2), 8, 1), DISK_OK);
	assert_int_equal(do_write(&fix, LBA(1), 8, 1), DISK_OK);
	activate(4, 2, CONV);
	check_realms(fix.disk, SEQUENTIAL, CONV);
	assert_int_equal(do_write(&fix, LBA(1), 8, 2), DISK_REFUSED);
	assert_int_equal(do_write(&fix, LBA(5), 8, 2), DISK_OK);
	/* Inactive zones read as zeros, and so do gaps. */
	for (uint32_t slot = 1; slot < 4; slot += 2) {
		assert_int_equal(do_read(&fix, LBA(slot), 8), DISK_OK);
		assert_zeros(fix.buf, 8 * BLOCK);
	}
	assert_int_equal(do_sync(&fix), DISK_OK);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, SEQUENTIAL, CONV);
	assert_int_equal(do_read(&fix, LBA(5), 8), DISK_OK);
	assert_filled(fix.buf, LBA(5), 8, 2);
	assert_int_equal(do_read(&fix, LBA(2), 8), DISK_OK);
	assert_filled(fix.buf, LBA(2), 8, 1);
	assert_int_equal(do_zone(&fix, ZO_RESET, LBA(5), false), DISK_OK);
	/* Named by the zones that are active, too. */
	activate(4, 2, CONV);
	check_realms(fix.disk, CONV, CONV);
	assert_int_equal(do_read(&fix, LBA(1), 8), DISK_OK);
	assert_zeros(fix.buf, 8 * BLOCK);
	assert_int_equal(do_write(&fix, LBA(1), 8, 3), DISK_OK);
	assert_int_equal(do_sync(&fix), DISK_OK);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, CONV, CONV);
}

static void unmet_prerequisites(void **state)
{
	struct zone_activation a;

	(void)state;
	activate(4, 4, CONV);
	assert_int_equal(do_zone(&fix, ZO_OPEN, LBA(7), false), DISK_OK);
	assert_int_equal(activate_on(fix.disk, 0, 0, true, CONV, &a), DISK_OK);
	assert_int_equal(a.unmet, ZU_NOT_EMPTY);
	assert_int_equal(a.unmet_lba, LBA(7));
	assert_int_equal(activate_on(fix.disk, 4, 2, false, SEQUENTIAL, &a),
			 DISK_OK);
	assert_int_equal(a.unmet, ZU_NOT_INACTIVE);
	assert_int_equal(activate_on(fix.disk, 4, 9, false, CONV, &a),
			 DISK_REFUSED);
	check_realms(fix.disk, SEQUENTIAL, SEQUENTIAL);
	assert_int_equal(do_zone(&fix, ZO_CLOSE, LBA(7), false), DISK_OK);
	assert_int_equal(activate_on(fix.disk, 0, 0, true, CONV, &a), DISK_OK);
	assert_int_equal(a.unmet, 0);
	assert_int_equal(a.nr_list, 4);
	check_realms(fix.disk, CONV, CONV);
}

static void no_room(void **state)
{
	struct zone_activation a;

	(void)state;
	store_fault_arm(fix.fault, &(struct store_fault_plan){
					   .fail_count = UINT64_MAX,
					   .error = ENOSPC,
				   });
	assert_int_equal(activate_on(fix.disk, 4, 4, false, CONV, &a),
			 DISK_NO_SPACE);
	store_fault_arm(fix.fault,
			&(struct store_fault_plan){ .fail_at = UINT64_MAX });
	check_realms(fix.disk, CONV, CONV);
	assert_int_equal(do_write(&fix, LBA(1), 8, 1), DISK_OK);
}

/* What lies in an INACTIVE zone's place. */
static void leftovers(void **state)
{
	struct store *st;

	(void)state;
	activate(4, 2, CONV);
	st = fix.fault;
	/* Of one that was not over; of one that was. */
	assert_int_equal(store_make(st, 6, 0), 0);
	assert_int_equal(store_make(st, 1, ZONE * BLOCK), 0);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, SEQUENTIAL, CONV);
	/* Of nobody knows what: precious. */
	assert_int_equal(store_make(fix.fault, 7, BLOCK), 0);
	fixture_reopen(&fix, REALMS);
	assert_true(has_file(fix.fault, 7));
	assert_int_equal(fix.disk->problems.nr, 1);
	activate(6, 2, CONV);
	assert_int_equal(wp_of(&fix, LBA(7)), LBA(7));
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, SEQUENTIAL, SEQUENTIAL);
}

/* The files say it then. */
static void lost_journal(void **state)
{
	struct store *st;

	(void)state;
	assert_int_equal(do_write(&fix, LBA(2), 8, 1), DISK_OK);
	activate(4, 2, CONV);
	assert_int_equal(do_write(&fix, LBA(4), 8, 1), DISK_OK);
	disk_close(fix.disk);
	st = store_mem_open(fix.mem);
	assert_int_equal(store_meta_cut(st, DISK_JOURNAL, 0), 0);
	store_close(st);
	fixture_open(&fix, REALMS, 0);
	assert_int_equal(fix.disk->problems.nr, 1);
	assert_int_equal(do_read(&fix, LBA(4), 8), DISK_OK);
	assert_filled(fix.buf, LBA(4), 8, 1);
	assert_int_equal(do_read(&fix, LBA(2), 8), DISK_OK);
	assert_filled(fix.buf, LBA(2), 8, 1);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, SEQUENTIAL, CONV);
}

/* Spoils the record of realms with this number; false: there are not as many.
 */
static bool spoil_activation(struct store_mem *mem, unsigned nr)
{
	struct store *st = store_mem_open(mem);
	uint8_t *rec, *end;
	bool done = false;
	void *data;
	size_t len;

	assert_int_equal(store_meta_read(st, DISK_JOURNAL, &data, &len), 0);
	end = (uint8_t *)data + len;
	for (rec = data; rec < end && !done; rec += JOURNAL_RECORD_BYTES)
		if (le_get(rec + 4, 2) == JR_ACTIVATE && !nr--) {
			rec[20] ^= 1;
			done = true;
		}
	assert_int_equal(store_meta_replace(st, DISK_JOURNAL, data, len), 0);
	free(data);
	store_close(st);
	return done;
}

static void check_data(uint32_t slot, uint32_t tag)
{
	assert_int_equal(do_read(&fix, LBA(slot), 8), DISK_OK);
	assert_filled(fix.buf, LBA(slot), 8, tag);
}

/* One realm is conventional when the journal is written anew, another becomes
 * so afterwards; or sequential. */
static bool lose_record(const char *active, uint8_t to, uint32_t one,
			uint32_t two, unsigned nr)
{
	bool lost;

	fixture_start(&fix, active, 0);
	activate(one, to == CONV ? 1 : 2, to);
	fixture_reopen(&fix, REALMS);
	assert_int_equal(do_write(&fix, LBA(one), 8, 1), DISK_OK);
	activate(two, to == CONV ? 1 : 2, to);
	assert_int_equal(do_write(&fix, LBA(two), 8, 2), DISK_OK);
	disk_close(fix.disk);
	lost = spoil_activation(fix.mem, nr);
	fixture_open(&fix, REALMS, 0);
	/* And when what was found is in the journal. */
	for (unsigned i = 0; i < 2; i++) {
		check_data(one, 1);
		check_data(two, 2);
		fixture_reopen(&fix, REALMS);
	}
	check_realms(fix.disk, to, to);
	fixture_stop(&fix);
	return lost;
}

static void lost_record(void **state)
{
	unsigned nr = 0;

	(void)state;
	while (lose_record(REALMS ",active=seq", CONV, 1, 2, nr))
		nr++;
	/* Realms 0 and 1, realm 2; and its activation. */
	assert_int_equal(nr, 3);
	for (nr = 0; lose_record(REALMS, SEQUENTIAL, 4, 6, nr);)
		nr++;
	assert_int_equal(nr, 4);
}

/* The journal is not to be believed: realm 1 is conventional. */
static void belie(void)
{
	uint64_t value = journal_activate_value(1, UINT8_MAX, SEQUENTIAL);

	assert_int_equal(do_write(&fix, LBA(1), 8, 1), DISK_OK);
	assert_int_equal(do_sync(&fix), DISK_OK);
	assert_int_equal(
		journal_append(&fix.disk->journal, JR_ACTIVATE, 1, value, true),
		0);
}

/* A file that must have been there before anything could be left of another
 * domain is not. */
static void leftover_beside_missing(void **state)
{
	(void)state;
	belie();
	assert_int_equal(store_make(fix.fault, 4, 0), 0);
	fixture_reopen(&fix, REALMS);
	fixture_reopen(&fix, REALMS);
	assert_int_equal(fix.disk->active[1], SEQUENTIAL);
	assert_int_equal(cond_of(&fix, LBA(5)), ZC_OFFLINE);
	assert_true(has_file(fix.fault, 1));
	/* The missing file, and what is left alone. */
	assert_int_equal(fix.disk->problems.nr, 2);
}

static void count_problem(void *user, uint32_t slot, const char *what)
{
	(void)slot;
	(void)what;
	++*(unsigned *)user;
}

/* Repairing it costs no data either. */
static void check_repair(bool make_file, unsigned want)
{
	struct zl_err err;
	unsigned nr = 0;

	fixture_start_files(&fix, REALMS, 0);
	belie();
	if (make_file)
		assert_int_equal(store_make(fix.fault, 4, 0), 0);
	disk_close(fix.disk);
	assert_int_equal(
		disk_repair(fix.dir, NULL, false, count_problem, &nr, &err),
		want);
	assert_int_equal(nr, want);
	fixture_open(&fix, REALMS, 0);
	assert_true(has_file(fix.fault, 1));
	assert_false(has_file(fix.fault, 5));
	if (!make_file)
		check_data(1, 1);
	fixture_stop(&fix);
}

static void repaired(void **state)
{
	(void)state;
	check_repair(false, 1);
	check_repair(true, 1);
}

static enum disk_status control(uint32_t nr, bool urswrz, bool save)
{
	struct disk_io io = {
		.op = DISK_CONTROL,
		.control = { .nr_zones = nr, .urswrz = urswrz },
		.save = save,
	};

	return disk_run(fix.disk, &io);
}

static void check_control(uint32_t now, uint32_t saved)
{
	struct disk_control c[3];

	disk_get_control(fix.disk, &c[0], &c[1], &c[2]);
	assert_int_equal(c[0].nr_zones, now);
	assert_int_equal(c[1].nr_zones, saved);
	assert_int_equal(c[2].nr_zones, 1);
	assert_int_equal(disk_urswrz(fix.disk), c[0].urswrz);
}

static void mode_page(void **state)
{
	(void)state;
	check_control(1, 1);
	assert_int_equal(control(2, false, true), DISK_OK);
	assert_int_equal(control(3, true, false), DISK_OK);
	check_control(3, 2);
	assert_int_equal(do_read(&fix, LBA(3), 1), DISK_OK);
	fixture_reopen(&fix, REALMS);
	check_control(2, 2);
	assert_int_equal(do_read(&fix, LBA(3), 1), DISK_REFUSED);
	store_fault_arm(fix.fault,
			&(struct store_fault_plan){ .fail_count = UINT64_MAX,
						    .error = EIO });
	assert_int_equal(control(3, true, true), DISK_WRITE_ERROR);
	store_fault_arm(fix.fault,
			&(struct store_fault_plan){ .fail_at = UINT64_MAX });
	check_control(2, 2);
}

/* An INACTIVE zone has no other state, a gap none at all; a zone with one keeps
 * its realm as it is. */
static void injected_states(void **state)
{
	struct inject_fault f = { .kind = INJECT_OFFLINE,
				  .lba = LBA(6),
				  .nr_blocks = ZONE };
	struct zone_activation a;
	struct zl_err err;
	uint32_t id;

	(void)state;
	assert_refused("inactive", disk_fault_add(fix.disk, &f, &id, &err),
		       &err,
		       "zone 6 is inactive: its realm must be activated there "
		       "first");
	f.lba = LBA(2);
	f.nr_blocks = 2ULL * ZONE;
	assert_accepted("and the gap", disk_fault_add(fix.disk, &f, &id, &err),
			&err);
	assert_int_equal(activate_on(fix.disk, 6, 2, false, CONV, &a), DISK_OK);
	assert_int_equal(a.unmet, ZU_NOT_EMPTY);
	assert_int_equal(a.unmet_lba, LBA(2));
	assert_int_equal(disk_fault_restore(fix.disk, LBA(2), ZONE, &err), 0);
	activate(6, 2, CONV);
	check_realms(fix.disk, CONV, SEQUENTIAL);
}

static void inject(enum inject_kind kind, uint32_t slot)
{
	struct inject_fault f = { .kind = kind,
				  .lba = LBA(slot),
				  .nr_blocks = ZONE };
	struct zl_err err;
	uint32_t id;

	assert_accepted("a state", disk_fault_add(fix.disk, &f, &id, &err),
			&err);
}

/* What FORMAT UNIT does with realms. */
static void restore(uint8_t domain)
{
	struct zone_activation a = { .all = true,
				     .restores = true,
				     .other = domain };
	struct disk_io io = { .op = DISK_ACTIVATE, .activation = &a };

	assert_int_equal(disk_run(fix.disk, &io), DISK_OK);
	assert_int_equal(a.unmet, 0);
}

/* A realm with such a zone is what it was, and the next opening knows it. */
static void restored_but_for_one(void **state)
{
	uint32_t records;

	(void)state;
	activate(4, 4, CONV);
	inject(INJECT_OFFLINE, 5);
	restore(CONV);
	check_realms(fix.disk, SEQUENTIAL, CONV);
	/* There is nothing to say. */
	records = fix.disk->journal.records;
	restore(CONV);
	assert_int_equal(fix.disk->journal.records, records);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, SEQUENTIAL, CONV);
	assert_int_equal(cond_of(&fix, LBA(5)), ZC_OFFLINE);
}

static void restored_but_for_conventional(void **state)
{
	(void)state;
	fixture_stop(&fix);
	fixture_start(&fix, REALMS ",active=seq", 0);
	activate(1, 2, CONV);
	assert_int_equal(do_write(&fix, LBA(2), 8, 1), DISK_OK);
	inject(INJECT_READ_ONLY, 2);
	restore(SEQUENTIAL);
	check_realms(fix.disk, SEQUENTIAL, CONV);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, SEQUENTIAL, CONV);
	assert_int_equal(cond_of(&fix, LBA(2)), ZC_READ_ONLY);
	assert_int_equal(do_read(&fix, LBA(2), 8), DISK_OK);
	assert_filled(fix.buf, LBA(2), 8, 1);
}

/* What the journal says of zones from before an activation is over with it,
 * also if the process died before it could say so. */
static void died_behind_the_record(void **state)
{
	struct journal *j = &fix.disk->journal;

	(void)state;
	for (uint32_t slot = 2; slot < 8; slot += 4) {
		assert_int_equal(journal_append(j, JR_BAD, slot,
						journal_bad_value(0, 8), false),
				 0);
		assert_int_equal(journal_append(j, JR_NON_SEQ, slot, 1, false),
				 0);
	}
	assert_int_equal(journal_append(j, JR_EXP_OPEN, 7, 1, false), 0);
	activate(6, 2, CONV);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, CONV, SEQUENTIAL);
	assert_int_equal(do_sync(&fix), DISK_OK);
	assert_int_equal(do_write(&fix, LBA(6), 8, 1), DISK_OK);
	assert_int_equal(do_read(&fix, LBA(6), 8), DISK_OK);
}

/* Nor counts what got there behind it: a zone that is INACTIVE has no state. */
static void told_behind_the_record(void **state)
{
	struct journal *j = &fix.disk->journal;

	(void)state;
	activate(6, 2, CONV);
	assert_int_equal(
		journal_append(j, JR_BAD, 2, journal_bad_value(0, 8), false),
		0);
	assert_int_equal(journal_append(j, JR_CONDITION, 2, ZC_OFFLINE, false),
			 0);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, CONV, SEQUENTIAL);
	assert_int_equal(fix.disk->slots.at[2].flags, 0);
	assert_int_equal(do_sync(&fix), DISK_OK);
	assert_int_equal(do_read(&fix, LBA(2), 8), DISK_OK);
	assert_zeros(fix.buf, 8 * BLOCK);
}

/* A sync that an activation has overtaken loses nothing of the zone. */
static void lost_behind_the_record(void **state)
{
	struct disk *d = fix.disk;
	uint32_t lo, hi;

	(void)state;
	activate(6, 2, CONV);
	pthread_mutex_lock(&d->lock);
	slot_lose(d, 2, 0, 8);
	assert_int_equal(slot_first_bad(d, 2, 0, 8), UINT32_MAX);
	assert_true(slot_take_dirty(d, 2, &lo, &hi));
	pthread_mutex_unlock(&d->lock);
	assert_int_equal(do_sync(&fix), DISK_OK);
}

/* What is written to a realm whose activation may be in the journal would be
 * gone with the next opening: it is not durable before the journal is right. */
static void not_taken_back(void **state)
{
	/* Replacing the journal and appending to it. */
	struct store_fault_plan plan = { .fail_count = UINT64_MAX,
					 .error = EIO,
					 .only = 1u << 24 | 1u << 25 };
	struct zone_activation a;

	(void)state;
	store_fault_arm(fix.fault, &plan);
	assert_int_equal(activate_on(fix.disk, 6, 2, false, CONV, &a),
			 DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(fix.fault), 2);
	assert_int_equal(do_write(&fix, LBA(2), 8, 1), DISK_OK);
	assert_int_equal(do_sync(&fix), DISK_WRITE_ERROR);
	plan.fail_at = UINT64_MAX;
	store_fault_arm(fix.fault, &plan);
	assert_int_equal(do_sync(&fix), DISK_OK);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, CONV, CONV);
	assert_int_equal(do_read(&fix, LBA(2), 8), DISK_OK);
	assert_filled(fix.buf, LBA(2), 8, 1);
}

/* --- OPEN, while an activation makes its files --- */

static struct store_ops hook_ops;
static const struct store_ops *real_ops;
static struct disk_io open_io;
static sem_t opened;

static void open_done(struct disk_io *io)
{
	(void)io;
	sem_post(&opened);
}

static int open_beside(struct store *st)
{
	struct timespec until;

	disk_submit(fix.disk, &open_io);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (!sem_timedwait(&opened, &until))
		sem_post(&opened);
	return real_ops->sync_dir(st);
}

static void opened_meanwhile(void **state)
{
	(void)state;
	activate(6, 2, CONV);
	sem_init(&opened, 0, 0);
	disk_io_new(&open_io);
	open_io.op = DISK_ZONE;
	open_io.zone_op = ZO_OPEN;
	open_io.lba = LBA(6);
	open_io.done = open_done;
	real_ops = fix.fault->ops;
	hook_ops = *real_ops;
	hook_ops.sync_dir = open_beside;
	fix.fault->ops = &hook_ops;
	activate(2, 1, CONV);
	fix.fault->ops = real_ops;
	while (sem_wait(&opened))
		;
	/* It came behind the activation. */
	assert_int_equal(open_io.status, DISK_REFUSED);
	check_realms(fix.disk, CONV, CONV);
	sem_destroy(&opened);
}

/* --- States of zones, while FORMAT UNIT waits for their turns --- */

static void *restore_to_conv(void *unused)
{
	restore(CONV);
	return unused;
}

static void await_waiter(uint32_t slot)
{
	const struct timespec wait = { .tv_nsec = 1000000 };
	bool waits;

	do {
		nanosleep(&wait, NULL);
		pthread_mutex_lock(&fix.disk->lock);
		waits = fix.disk->slots.at[slot].first;
		pthread_mutex_unlock(&fix.disk->lock);
	} while (!waits);
}

/* What injecting it does, with the slot's turn. */
static void set_offline(uint32_t slot)
{
	struct disk *d = fix.disk;

	pthread_mutex_lock(&d->lock);
	d->slots.at[slot].flags |= SLOT_JOURNAL_OFF;
	zone_set_state(&d->zones, slot, ZC_OFFLINE, 0);
	pthread_mutex_unlock(&d->lock);
	assert_int_equal(journal_append(&d->journal, JR_CONDITION, slot,
					ZC_OFFLINE, true),
			 0);
}

static void put_right(uint32_t slot)
{
	struct zl_err err;

	assert_int_equal(disk_fault_restore(fix.disk, LBA(slot), ZONE, &err),
			 0);
}

static void restore_beside(void (*change)(uint32_t slot), uint32_t slot)
{
	pthread_t thread;

	assert_int_equal(turn_wait(fix.disk, 5), 0);
	assert_int_equal(pthread_create(&thread, NULL, restore_to_conv, NULL),
			 0);
	await_waiter(5);
	change(slot);
	turn_leave(fix.disk, 5);
	pthread_join(thread, NULL);
}

static void check_twice(uint8_t one, uint8_t two)
{
	check_realms(fix.disk, one, two);
	for (uint32_t slot = 0; slot < NR_ZONES; slot++)
		assert_false(fix.disk->slots.at[slot].flags & SLOT_BUSY);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, one, two);
}

/* A realm that cannot change any more stays, one that could by now, too. */
static void restored_meanwhile(void **state)
{
	(void)state;
	activate(4, 4, CONV);
	restore_beside(set_offline, 5);
	check_twice(SEQUENTIAL, CONV);
	put_right(5);
	activate(6, 2, CONV);
	inject(INJECT_OFFLINE, 6);
	restore_beside(put_right, 6);
	check_twice(CONV, SEQUENTIAL);
}

static uint64_t most(enum disk_counter c)
{
	struct disk_stats stats;

	disk_get_stats(fix.disk, &stats);
	return stats.n[c];
}

static void inactive_zones_are_not_in_use(void **state)
{
	(void)state;
	activate(4, 2, CONV);
	assert_int_equal(do_write(&fix, LBA(4), 8, 1), DISK_OK);
	assert_int_equal(most(DC_MAX_NOT_EMPTY), 1);
}

/* They cannot be written, either.  A journal of old has the other counter. */
static void inactive_zones_are_not_empty(void **state)
{
	struct disk *d = fix.disk;
	uint32_t nr[16];

	(void)state;
	disk_count_zones(d, nr);
	assert_int_equal(most(DC_MAX_TAKEN), disk_wp_zones(d) - nr[ZC_EMPTY]);
	assert_true(most(DC_MAX_TAKEN) > 0);
	d->stats.n[DC_MAX_NOT_EMPTY] = disk_wp_zones(d);
	d->stats.n[DC_MAX_TAKEN] = 0;
	fixture_reopen(&fix, REALMS);
	assert_int_equal(most(DC_MAX_TAKEN), disk_wp_zones(fix.disk));
}

/* A simulated power failure does not undo an activation, nor brings anything
 * back into a zone that has been taken away meanwhile. */
static void power_failure(void **state)
{
	struct disk_powerfail how = { 0 };
	struct zl_err err;

	(void)state;
	fixture_reopen(&fix, "discard_write_cache");
	activate(4, 2, CONV);
	assert_int_equal(do_write(&fix, LBA(4), 8, 1), DISK_OK);
	assert_int_equal(do_write(&fix, LBA(2), 8, 1), DISK_OK);
	assert_int_equal(do_sync(&fix), DISK_OK);
	assert_int_equal(do_write(&fix, LBA(2), 8, 2), DISK_OK);
	assert_int_equal(do_zone(&fix, ZO_RESET, LBA(4), false), DISK_OK);
	activate(4, 2, CONV);
	activate(6, 2, CONV);
	assert_int_equal(disk_powerfail(fix.disk, &how, &err), 0);
	check_realms(fix.disk, CONV, SEQUENTIAL);
	fixture_reopen(&fix, REALMS);
	check_realms(fix.disk, CONV, SEQUENTIAL);
	assert_int_equal(do_read(&fix, LBA(1), 8), DISK_OK);
	assert_zeros(fix.buf, 8 * BLOCK);
}

/* --- Each call of the store fails once, or from then on --- */

static struct disk *open_on(struct store *st)
{
	struct disk_open_args args = { 0 };
	struct disk *d;
	struct zl_err err = { "" };

	if (disk_open_store(st, "test", &args, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

static struct store_mem *set_up(void)
{
	fixture_start(&fix, REALMS, 0);
	assert_int_equal(do_write(&fix, LBA(1), 8, 1), DISK_OK);
	assert_int_equal(do_write(&fix, LBA(2), 8, 1), DISK_OK);
	activate(4, 2, CONV);
	disk_close(fix.disk);
	return fix.mem;
}

/* The zone at slot 2 is as it was, or has gone as a whole. */
static void check_outcome(struct disk *d, uint8_t two)
{
	assert_int_equal(d->active[1], SEQUENTIAL);
	assert_int_equal(d->active[2], two);
	fix.disk = d;
	assert_int_equal(do_read(&fix, LBA(2), 8), DISK_OK);
	if (two == CONV)
		assert_filled(fix.buf, LBA(2), 8, 1);
	else
		assert_zeros(fix.buf, 8 * BLOCK);
}

/* Returns whether a call has failed. */
static bool fail_at(uint64_t at, bool lasting)
{
	struct store_fault_plan plan = {
		.fail_at = at,
		.fail_count = lasting ? UINT64_MAX : 1,
		.error = EIO,
	};
	struct store_mem *mem = set_up();
	struct store *st = store_fault_new(store_mem_open(mem));
	struct disk *d = open_on(st);
	struct zone_activation a;
	uint8_t two;
	bool hit;

	store_fault_arm(st, &plan);
	two = activate_on(d, 6, 2, false, CONV, &a) == DISK_OK ? SEQUENTIAL
							       : CONV;
	hit = store_fault_hits(st);
	plan.fail_at = UINT64_MAX;
	store_fault_arm(st, &plan);
	check_outcome(d, two);
	disk_close(d);
	d = open_on(store_mem_open(mem));
	check_outcome(d, two);
	check_realms(d, SEQUENTIAL, two);
	disk_close(d);
	store_mem_free(mem);
	free(fix.buf);
	return hit;
}

static void each_failing_call(void **state)
{
	uint64_t at = 0;

	(void)state;
	while (fail_at(at, false))
		at++;
	/* Two files, the directory, the record, the file that was. */
	assert_int_equal(at, 5);
	for (at = 0; fail_at(at, true);)
		at++;
	/* Two files, the directory, the record, the file that was. */
	assert_int_equal(at, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made, start, stop),
		cmocka_unit_test_setup_teardown(there_and_back, start, stop),
		cmocka_unit_test_setup_teardown(unmet_prerequisites, start,
						stop),
		cmocka_unit_test_setup_teardown(no_room, start, stop),
		cmocka_unit_test_setup_teardown(leftovers, start, stop),
		cmocka_unit_test_setup_teardown(lost_journal, start, stop),
		cmocka_unit_test(lost_record),
		cmocka_unit_test_setup_teardown(leftover_beside_missing, start,
						stop),
		cmocka_unit_test(repaired),
		cmocka_unit_test_setup_teardown(mode_page, start, stop),
		cmocka_unit_test_setup_teardown(power_failure, start, stop),
		cmocka_unit_test_setup_teardown(injected_states, start, stop),
		cmocka_unit_test_setup_teardown(restored_but_for_one, start,
						stop),
		cmocka_unit_test_setup_teardown(restored_but_for_conventional,
						start, stop),
		cmocka_unit_test_setup_teardown(died_behind_the_record, start,
						stop),
		cmocka_unit_test_setup_teardown(told_behind_the_record, start,
						stop),
		cmocka_unit_test_setup_teardown(lost_behind_the_record, start,
						stop),
		cmocka_unit_test_setup_teardown(not_taken_back, start, stop),
		cmocka_unit_test_setup_teardown(opened_meanwhile, start, stop),
		cmocka_unit_test_setup_teardown(restored_meanwhile, start,
						stop),
		cmocka_unit_test_setup_teardown(inactive_zones_are_not_empty,
						start, stop),
		cmocka_unit_test_setup_teardown(inactive_zones_are_not_in_use,
						start, stop),
		cmocka_unit_test(each_failing_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
