// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The model of what a disk promises over a power failure. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "crash/power.h"
#include "disk/io/io.h"
#include "disk/life/check.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/problems.h"
#include "disk/medium/sidecar.h"

uint32_t power_random(struct power *p, uint32_t n)
{
	p->rng = p->rng * UINT64_C(6364136223846793005) +
		 UINT64_C(1442695040888963407);
	return (uint32_t)((p->rng >> 33) % n);
}

void power_init(struct power *p, uint64_t seed)
{
	memset(p->zone, 0, sizeof(p->zone));
	memset(p->block, 0, sizeof(p->block));
	p->writes = 0;
	p->rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	p->last[0] = 0;
}

void power_sidecar(struct power *p, struct store *st)
{
	struct disk_meta meta = {
		.serial = "0123456789abcdef",
		.capacity_bytes = PW_BLOCKS * PW_BLOCK,
		.zone_bytes = PW_ZONE * PW_BLOCK,
		.zone_cap_bytes = PW_ZONE * PW_BLOCK,
		.conv_zones = PW_CONV,
		.max_open = PW_MAX_OPEN,
		.block_bytes = PW_BLOCK,
		.phys_block_bytes = p->phys_blocks * PW_BLOCK,
		.urswrz = true,
		.host_aware = p->host_aware,
	};

	meta_derive(&meta);
	assert_int_equal(sidecar_write(st, &meta, SIDECAR_CREATING), 0);
}

/* In memory: a file system would sync it at each change. */
void power_new_boot(void)
{
	static char path[32];
	static unsigned boots;
	static int fd;
	char id[32];

	if (!boots) {
		fd = memfd_create("boot_id", MFD_CLOEXEC);
		assert_true(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		journal_boot_id_path = path;
	}
	snprintf(id, sizeof(id), "boot %010u\n", ++boots);
	assert_int_equal(pwrite(fd, id, strlen(id), 0), strlen(id));
}

/* Contents. */

static void fill(uint8_t *buf, uint64_t lba, uint32_t blocks, uint32_t tag)
{
	uint64_t v;

	for (uint32_t i = 0; i < blocks * (PW_BLOCK / 8); i++) {
		v = (lba + i / (PW_BLOCK / 8)) << 32 | tag;
		memcpy(buf + i * 8, &v, 8);
	}
}

static bool all_bytes(const uint8_t *block, uint8_t c)
{
	for (uint32_t i = 0; i < PW_BLOCK; i++)
		if (block[i] != c)
			return false;
	return true;
}

/* Which write the block is of; fails the test if it is of none. */
static uint32_t tag_of(struct power *p, const uint8_t *block, uint64_t lba)
{
	uint64_t v, first;

	if (all_bytes(block, 0))
		return PW_ZEROS;
	if (all_bytes(block, 0xdb))
		return PW_GARBAGE;
	memcpy(&first, block, 8);
	for (uint32_t i = 8; i < PW_BLOCK; i += 8) {
		memcpy(&v, block + i, 8);
		if (v != first)
			fail_msg("LBA %" PRIu64 " is torn (after %s)", lba,
				 p->last);
	}
	if (first >> 32 != lba || (uint32_t)first > p->writes)
		fail_msg("LBA %" PRIu64 " has 0x%" PRIx64 " (after %s)", lba,
			 first, p->last);
	return (uint32_t)first;
}

/* Commands. */

static struct pw_zone *zone_of(struct power *p, uint64_t lba)
{
	return &p->zone[lba / PW_ZONE];
}

static void zone_safe(struct power *p, uint32_t z)
{
	struct pw_zone *zone = &p->zone[z];

	zone->safe_wp = zone->maybe_wp = zone->max_wp = zone->wp;
	zone->max_wp2 = 0;
	zone->reset = false;
}

static void blocks_safe(struct power *p, uint64_t lba, uint32_t n)
{
	for (; n--; lba++) {
		p->block[lba].safe = p->block[lba].now;
		p->block[lba].maybe = p->block[lba].now;
		p->block[lba].since = p->writes;
	}
}

void power_all_safe(struct power *p)
{
	for (uint32_t z = PW_CONV; z < PW_ZONES; z++)
		zone_safe(p, z);
	blocks_safe(p, 0, PW_BLOCKS);
}

/* From now on the write pointer may be found as far as @wp. */
static void may_reach(struct pw_zone *zone, uint32_t wp)
{
	uint32_t *max = zone->reset ? &zone->max_wp2 : &zone->max_wp;

	if (wp > *max)
		*max = wp;
}

static enum disk_status run(struct power *p, struct disk_io *io)
{
	return p->run ? p->run(p, io) : disk_run(p->disk, io);
}

/* True if the command was carried out; false if the power is gone. */
static bool succeeded(struct power *p, enum disk_status status)
{
	if (p->is_off(p))
		return false;
	if (status != DISK_OK)
		fail_msg("%s: status %d", p->last, status);
	return true;
}

static void do_write(struct power *p, uint64_t lba, uint32_t n, bool fua)
{
	struct iovec iov = { p->buf, n * PW_BLOCK };
	struct disk_io io = { .op = DISK_WRITE,
			      .fua = fua,
			      .lba = lba,
			      .nr_blocks = n,
			      .iov = &iov,
			      .iov_cnt = 1 };
	struct pw_zone *zone = zone_of(p, lba), before = *zone;
	bool seq = lba / PW_ZONE >= PW_CONV;
	uint32_t end = (uint32_t)(lba % PW_ZONE) + n;
	enum disk_status status;

	snprintf(p->last, sizeof(p->last), "write %u: %" PRIu64 "+%u%s",
		 p->writes + 1, lba, n, fua ? " FUA" : "");
	fill(p->buf, lba, n, ++p->writes);
	if (seq) {
		may_reach(zone, end);
		zone->maybe_non_seq |= lba % PW_ZONE != zone->wp;
	}
	status = run(p, &io);
	if (!p->is_off(p) && io.verdict == ZV_NO_RESOURCES) {
		*zone = before;
		return;
	}
	if (!succeeded(p, status))
		return;
	for (uint32_t i = 0; i < n; i++)
		p->block[lba + i].now = p->writes;
	if (seq) {
		zone->non_seq |= lba % PW_ZONE != zone->wp;
		zone->wp = zone->wp > end ? zone->wp : end;
		zone->exp_open &= zone->wp < PW_ZONE;
	}
	if (fua && seq) {
		zone_safe(p, (uint32_t)(lba / PW_ZONE));
		blocks_safe(p, lba - lba % PW_ZONE, PW_ZONE);
	} else if (fua) {
		blocks_safe(p, lba, n);
	}
}

static void write_seq(struct power *p, uint32_t z)
{
	struct pw_zone *zone = &p->zone[z];
	uint32_t room = (PW_ZONE - zone->wp) / p->phys_blocks, n;

	if (!room || zone->read_only)
		return;
	n = 1 + power_random(p, room > PW_MAX_WRITE ? PW_MAX_WRITE : room);
	do_write(p, z * PW_ZONE + zone->wp, n * p->phys_blocks,
		 !power_random(p, 6));
}

/* Anywhere in a sequential write preferred zone, often at its write pointer. */
static void write_preferred(struct power *p, uint32_t z)
{
	struct pw_zone *zone = &p->zone[z];
	uint32_t off = power_random(p, PW_ZONE), n = 1 + power_random(p, 8);

	if (power_random(p, 2))
		off = zone->wp % PW_ZONE;
	if (zone->read_only)
		return;
	if (n > PW_ZONE - off)
		n = PW_ZONE - off;
	do_write(p, z * PW_ZONE + off, n, !power_random(p, 6));
}

static void write_conv(struct power *p)
{
	uint32_t n = 1 + power_random(p, PW_MAX_WRITE);

	do_write(p, power_random(p, PW_CONV * PW_ZONE - n + 1), n,
		 !power_random(p, 6));
}

/* Of what is there now in a sequential zone up to @end, some is not safe. */
static bool is_unsafe(const struct pw_zone *zone, const struct pw_block *b,
		      uint32_t end)
{
	bool unsafe = zone->reset;

	for (uint32_t i = 0; i < end && !unsafe; i++)
		unsafe = b[i].now != b[i].safe;
	return unsafe;
}

static void maybe_safe(struct power *p, uint32_t z)
{
	struct pw_block *b = &p->block[z * PW_ZONE];

	p->zone[z].maybe_wp = p->zone[z].wp;
	for (uint32_t i = 0; i < PW_ZONE; i++)
		b[i].maybe = b[i].now;
}

/* What a READ with FUA returned is safe.  In a sequential zone so is all that
 * is before it, and if that was not, the rest.  Else the rest may be. */
static void note_read_fua(struct power *p, uint64_t lba, uint32_t n)
{
	uint32_t z = (uint32_t)(lba / PW_ZONE), start = z * PW_ZONE;
	uint32_t end = (uint32_t)(lba % PW_ZONE) + n;

	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(tag_of(p, p->buf + i * PW_BLOCK, lba + i),
				 p->block[lba + i].now);
	maybe_safe(p, z);
	if (z < PW_CONV) {
		blocks_safe(p, lba, n);
	} else if (is_unsafe(&p->zone[z], &p->block[start], end)) {
		zone_safe(p, z);
		blocks_safe(p, start, PW_ZONE);
	}
}

static void read_fua(struct power *p)
{
	uint32_t n = 1 + power_random(p, PW_MAX_WRITE);
	uint32_t z = power_random(p, PW_ZONES);
	uint64_t lba = z * PW_ZONE + power_random(p, PW_ZONE - n + 1);
	struct iovec iov = { p->buf, n * PW_BLOCK };
	struct disk_io io = { .op = DISK_READ,
			      .fua = true,
			      .lba = lba,
			      .nr_blocks = n,
			      .iov = &iov,
			      .iov_cnt = 1 };

	snprintf(p->last, sizeof(p->last), "read: %" PRIu64 "+%u FUA", lba, n);
	if (succeeded(p, run(p, &io)))
		note_read_fua(p, lba, n);
}

static void do_sync(struct power *p)
{
	struct disk_io io = { .op = DISK_SYNC };

	snprintf(p->last, sizeof(p->last), "sync");
	if (succeeded(p, run(p, &io)))
		power_all_safe(p);
}

static enum disk_status zone_cmd(struct power *p, enum zone_op op, uint32_t z,
				 bool all)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = op,
			      .zone_all = all,
			      .lba = z * PW_ZONE };

	snprintf(p->last, sizeof(p->last), "zone op %d of %u%s", op, z,
		 all ? " ALL" : "");
	return run(p, &io);
}

static void note_reset(struct power *p, uint32_t z)
{
	struct pw_zone *zone = &p->zone[z];

	if (zone->read_only)
		return;
	zone->reset = true;
	zone->non_seq = zone->maybe_non_seq = false;
	for (uint32_t i = 0; i < PW_ZONE; i++)
		p->block[z * PW_ZONE + i].now = PW_ZEROS;
	zone->wp = 0;
	zone->exp_open = false;
}

static void do_reset(struct power *p, uint32_t z, bool all)
{
	struct power before = *p;
	uint32_t end = all ? PW_ZONES : z + 1;
	enum disk_status status;

	if (!all && p->zone[z].read_only)
		return;
	/* Noted first: under way when the power fails, it may have happened. */
	for (uint32_t i = all ? PW_CONV : z; i < end; i++)
		if (!all || before.zone[i].wp)
			note_reset(p, i);
	status = zone_cmd(p, ZO_RESET, z, all);
	succeeded(p, status);
}

static void do_finish(struct power *p, uint32_t z)
{
	struct pw_zone *zone = &p->zone[z], before = *zone;
	enum disk_status status;

	if (zone->read_only)
		return;
	may_reach(zone, PW_ZONE);
	status = zone_cmd(p, ZO_FINISH, z, false);
	if (!p->is_off(p) && status == DISK_REFUSED) {
		*zone = before; /* no open resource is left */
		return;
	}
	if (!succeeded(p, status))
		return;
	zone->wp = PW_ZONE;
	zone->exp_open = false;
}

static void do_open_close(struct power *p, uint32_t z)
{
	struct pw_zone *zone = &p->zone[z];
	bool open = power_random(p, 2);
	enum disk_status status;

	if (zone->read_only)
		return;
	status = zone_cmd(p, open ? ZO_OPEN : ZO_CLOSE, z, false);
	if (!p->is_off(p) && status == DISK_REFUSED)
		return; /* no open resource is left */
	if (succeeded(p, status))
		zone->exp_open = open && zone->wp < PW_ZONE;
}

/* A fault that was asked for is on the medium at once. */
static void do_read_only(struct power *p, uint32_t z)
{
	const struct inject_fault fault = { .kind = INJECT_READ_ONLY,
					    .lba = z * PW_ZONE,
					    .nr_blocks = 1 };
	struct pw_zone *zone = &p->zone[z];
	struct zl_err err;
	uint32_t id;

	if (zone->read_only)
		return;
	snprintf(p->last, sizeof(p->last), "zone %u read only", z);
	zone->maybe_read_only = true;
	if (disk_fault_add(p->disk, &fault, &id, &err)) {
		assert_true(p->is_off(p));
		return;
	}
	zone->read_only = true;
	zone->exp_open = false;
}

void power_step(struct power *p)
{
	uint32_t z = PW_CONV + power_random(p, PW_ZONES - PW_CONV);
	uint32_t what = power_random(p, 200);

	if (what < 70 && p->host_aware)
		write_preferred(p, z);
	else if (what < 70)
		write_seq(p, z);
	else if (what < 82)
		read_fua(p);
	else if (what < 110)
		write_conv(p);
	else if (what < 130)
		do_sync(p);
	else if (what < 155)
		do_reset(p, z, false);
	else if (what < 158)
		do_reset(p, z, true);
	else if (what < 175)
		do_finish(p, z);
	else if (what < 199)
		do_open_close(p, z);
	else if (!p->run)
		do_read_only(p, z);
}

/* What is there. */

static uint32_t read_zone(struct power *p, uint32_t z, uint32_t tags[PW_ZONE])
{
	uint64_t lba = z * PW_ZONE;
	struct iovec iov = { p->buf, sizeof(p->buf) };
	struct disk_io io = { .op = DISK_READ,
			      .lba = lba,
			      .nr_blocks = PW_ZONE,
			      .iov = &iov,
			      .iov_cnt = 1 };

	assert_int_equal(disk_run(p->disk, &io), DISK_OK);
	for (uint32_t i = 0; i < PW_ZONE; i++)
		tags[i] = tag_of(p, p->buf + i * PW_BLOCK, lba + i);
	return zone_slot_wp_blocks(&p->disk->zones, z);
}

static enum zone_cond closed_cond(uint32_t wp)
{
	return wp == 0 ? ZC_EMPTY : wp == PW_ZONE ? ZC_FULL : ZC_CLOSED;
}

static bool has_non_seq(struct power *p, uint32_t z)
{
	return p->disk->zones.slots[z].attrs & ZA_NON_SEQ;
}

void power_assert_unchanged(struct power *p)
{
	uint32_t tags[PW_ZONE], wp;

	for (uint32_t z = 0; z < PW_ZONES; z++) {
		wp = read_zone(p, z, tags);
		if (z >= PW_CONV) {
			assert_int_equal(wp, p->zone[z].wp);
			assert_int_equal(has_non_seq(p, z), p->zone[z].non_seq);
		}
		for (uint32_t i = 0; i < PW_ZONE; i++)
			assert_int_equal(tags[i],
					 p->block[z * PW_ZONE + i].now);
	}
}

static bool is_loose(const struct pw_block *b, uint32_t tag)
{
	return tag == PW_ZEROS || tag == PW_GARBAGE || tag > b->since;
}

static void check_conv(struct power *p, uint32_t z, const uint32_t *tags)
{
	const struct pw_block *b = &p->block[z * PW_ZONE];

	assert_int_equal(zone_slot_cond(&p->disk->zones, z), ZC_NOT_WP);
	for (uint32_t i = 0; i < PW_ZONE; i++)
		if (tags[i] != b[i].safe && tags[i] <= b[i].since)
			fail_msg("zone %u block %u: write %u, but %u was made "
				 "safe (after %s)",
				 z, i, tags[i], b[i].safe, p->last);
		else
			assert_true(tags[i] == b[i].safe ||
				    tags[i] != PW_GARBAGE);
}

/* As if it had not been reset since it was made safe. */
static bool fits_before(const struct pw_zone *zone, const struct pw_block *b,
			uint32_t wp, const uint32_t *tags, bool overwritten)
{
	bool ok = wp >= zone->safe_wp && wp <= zone->max_wp;

	/* Overwritten ones are either there or not. */
	for (uint32_t i = 0; i < wp && ok; i++)
		ok = i < zone->safe_wp
			     ? tags[i] == b[i].safe ||
				       (tags[i] > b[i].since &&
					tags[i] != PW_GARBAGE && overwritten)
			     : is_loose(&b[i], tags[i]);
	return ok;
}

/* As since a reset. */
static bool fits_after(const struct pw_zone *zone, const struct pw_block *b,
		       uint32_t wp, const uint32_t *tags)
{
	bool ok = zone->reset && wp <= zone->max_wp2;

	for (uint32_t i = 0; i < wp && ok; i++)
		ok = is_loose(&b[i], tags[i]);
	return ok;
}

/* Acknowledged with the write that was out of order, it stays with the data.
 * After a reset that may or may not have been, nobody knows. */
static void check_non_seq(struct power *p, uint32_t z, uint32_t wp)
{
	const struct pw_zone *zone = &p->zone[z];
	bool has = has_non_seq(p, z);

	if (!wp)
		assert_false(has);
	if (!wp || zone->reset)
		return;
	if (zone->non_seq && !has)
		fail_msg("zone %u has lost NON_SEQ (after %s)", z, p->last);
	if (has && !zone->maybe_non_seq)
		fail_msg("zone %u has got NON_SEQ (after %s)", z, p->last);
}

static void check_seq(struct power *p, uint32_t z, uint32_t wp,
		      const uint32_t *tags)
{
	const struct pw_zone *zone = &p->zone[z];
	const struct pw_block *b = &p->block[z * PW_ZONE];
	enum zone_cond cond = zone_slot_cond(&p->disk->zones, z);

	if (zone->read_only || (zone->maybe_read_only && cond == ZC_READ_ONLY))
		assert_int_equal(cond, ZC_READ_ONLY);
	else
		assert_int_equal(cond, closed_cond(wp));
	if (!fits_before(zone, b, wp, tags, p->host_aware) &&
	    !fits_after(zone, b, wp, tags))
		fail_msg("zone %u: write pointer %u; it was safe up to %u, "
			 "written up to %u%s %u (after %s)",
			 z, wp, zone->safe_wp, zone->max_wp,
			 zone->reset ? ", reset, then up to" : " and",
			 zone->max_wp2, p->last);
	for (uint32_t i = wp; i < PW_ZONE; i++)
		assert_int_equal(tags[i], PW_ZEROS);
	check_non_seq(p, z, wp);
}

/* What is there now is what is safe. */
static void take(struct power *p, uint32_t z, uint32_t wp, const uint32_t *tags)
{
	struct pw_zone *zone = &p->zone[z];

	zone->wp = wp;
	zone->exp_open = false;
	zone->non_seq = zone->maybe_non_seq = has_non_seq(p, z);
	zone->read_only = zone->maybe_read_only =
		zone_slot_cond(&p->disk->zones, z) == ZC_READ_ONLY;
	zone_safe(p, z);
	for (uint32_t i = 0; i < PW_ZONE; i++)
		p->block[z * PW_ZONE + i].now = tags[i];
	blocks_safe(p, z * PW_ZONE, PW_ZONE);
}

static void problem(void *user, uint32_t slot, const char *what)
{
	struct power *p = user;

	fail_msg("zone %d: %s (after %s)", (int)slot, what, p->last);
}

static void check_directory(struct power *p)
{
	struct zl_err err = { "" };

	if (check_store(p->store, "test", problem, p, &err))
		fail_msg("%s (after %s)", err.msg, p->last);
}

void power_assert_promises(struct power *p)
{
	uint32_t tags[PW_ZONE], wp;

	for (uint32_t z = 0; z < PW_ZONES; z++) {
		wp = read_zone(p, z, tags);
		if (z < PW_CONV)
			check_conv(p, z, tags);
		else
			check_seq(p, z, wp, tags);
		take(p, z, wp, tags);
	}
	check_directory(p);
}

void power_assert_only_safe(struct power *p)
{
	uint32_t tags[PW_ZONE], wp;

	for (uint32_t z = 0; z < PW_ZONES; z++) {
		wp = read_zone(p, z, tags);
		if (z >= PW_CONV && wp != p->zone[z].maybe_wp)
			assert_int_equal(wp, p->zone[z].safe_wp);
		for (uint32_t i = 0; i < (z < PW_CONV ? PW_ZONE : wp); i++)
			if (tags[i] != p->block[z * PW_ZONE + i].maybe)
				assert_int_equal(
					tags[i],
					p->block[z * PW_ZONE + i].safe);
	}
	power_assert_promises(p);
}

void power_use_all(struct power *p)
{
	for (uint32_t z = PW_CONV; z < PW_ZONES; z++) {
		struct pw_zone *zone = &p->zone[z];

		/* A sequential write preferred zone's write pointer need not be
		 * at a physical block, so that less than one may be left. */
		if (!zone->read_only && zone->wp < PW_ZONE)
			do_write(p, z * PW_ZONE + zone->wp,
				 (uint32_t)min_u64(p->phys_blocks,
						   PW_ZONE - zone->wp),
				 z % 2);
	}
	do_write(p, 0, 8, false);
	do_sync(p);
	power_assert_unchanged(p);
}
