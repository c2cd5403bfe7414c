// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file of what is under way: making it, and reading what a dead process
 * has left: see flight.h. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "base/run_dir.h"
#include "disk/internal.h"
#include "disk/io/flight_file.h"
#include "disk/io/slot.h"
#include "disk/medium/journal.h"
#include "disk/medium/journal_format.h"

#define SLOW_WRITE_S 60 /* twice what the kernel waits for a command */

static_assert(sizeof(struct flight_record) == 32, "part of a cache line");
static_assert(sizeof(struct flight_compare) == 32, "likewise");

uint64_t (*flight_clock_ms)(void) = clock_ms;

/* COMPARE AND WRITE has each zone's turn where there is a write pointer, so
 * that several run at a time; in others there is one, and where writes are in
 * order it compares with nothing. */
static unsigned nr_compares(const struct disk *d)
{
	unsigned nr = 0;

	for (uint32_t i = 0; i < d->zones.nr_slots && nr < 4; i++) {
		const struct zone_traits *t = zone_slot_traits(&d->zones, i);

		if (!t->has_wp)
			nr = 1;
		else if (!t->in_order)
			nr = 4;
	}
	return nr;
}

static uint64_t aligned(uint64_t bytes)
{
	return (bytes + 63) & ~UINT64_C(63);
}

static uint64_t records_bytes(const struct disk *d)
{
	return aligned(d->zones.nr_slots * sizeof(struct flight_record));
}

static uint64_t compares_bytes(const struct flight *f)
{
	return aligned(f->nr_compares * sizeof(struct flight_compare));
}

static void measure(struct disk *d)
{
	struct flight *f = &d->flight;

	f->nr_compares = nr_compares(d);
	f->blocks_bytes = blocks_to_bytes(d, DISK_MAX_COMPARE_BLOCKS);
	f->bytes = aligned(sizeof(struct flight_head)) + records_bytes(d) +
		   compares_bytes(f) + f->nr_compares * f->blocks_bytes +
		   aligned(d->zones.nr_slots * sizeof(struct flight_lost));
}

/* Where everything is in a file that is mapped, or has been read, at @head. */
static void lay_out(struct disk *d, struct flight_head *head)
{
	struct flight *f = &d->flight;
	char *at = (char *)head + aligned(sizeof(*head));

	f->records = (void *)at;
	at += records_bytes(d);
	f->compares = (void *)at;
	at += compares_bytes(f);
	f->blocks = (uint8_t *)at;
	at += f->nr_compares * f->blocks_bytes;
	f->lost = (void *)at;
}

static uint32_t head_crc(const struct flight_head *h)
{
	return crc32c(h, offsetof(struct flight_head, crc));
}

/* A copy of the directory has the same serial number and journal. */
static void identify(const struct disk *d, struct flight_head *h)
{
	struct stat sb;

	memcpy(h->magic, FLIGHT_MAGIC, sizeof(h->magic));
	memcpy(h->serial, d->meta.serial, sizeof(h->serial));
	h->boot = journal_boot_hash();
	if (!stat(d->name, &sb) && S_ISDIR(sb.st_mode)) {
		h->dev = sb.st_dev;
		h->ino = sb.st_ino;
	}
	h->nr_slots = d->zones.nr_slots;
	h->block_shift = d->block_shift;
}

static void make_path(const struct disk *d, const char *suffix,
		      char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.flight%s", run_dir(), d->meta.serial,
		 suffix);
}

/*
 * Reading.
 */

static bool read_all(int fd, void *data, size_t bytes)
{
	size_t done = 0;
	ssize_t n;

	for (; done < bytes; done += (size_t)n) {
		n = pread(fd, (char *)data + done, bytes - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

static bool is_ours(int fd, uint64_t bytes)
{
	struct stat sb;

	return !fstat(fd, &sb) && S_ISREG(sb.st_mode) &&
	       sb.st_uid == geteuid() && !(sb.st_mode & 022) &&
	       (uint64_t)sb.st_size == bytes;
}

/* The file, if it is one of this disk: malloc'ed, or NULL. */
static struct flight_head *read_file(const struct disk *d, uint64_t bytes)
{
	struct flight_head *h = NULL;
	char path[PATH_MAX];
	int fd;

	make_path(d, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (is_ours(fd, bytes))
		h = malloc(bytes);
	if (h && !read_all(fd, h, bytes)) {
		free(h);
		h = NULL;
	}
	close(fd);
	return h;
}

static bool counts(const struct disk *d, const struct flight_head *h,
		   uint64_t bytes, uint32_t number)
{
	struct flight_head is = { .bytes = bytes,
				  .number = number,
				  .grace_end_ms = h->grace_end_ms };

	identify(d, &is);
	is.crc = head_crc(&is);
	is.fenced = h->fenced;
	return is.boot && !memcmp(h, &is, sizeof(is));
}

void flight_load(struct disk *d, const struct journal_state *journal)
{
	struct flight *f = &d->flight;
	struct flight_head *h;

	measure(d);
	if (!d->note_flight || !journal->died || !journal->same_boot)
		return;
	h = read_file(d, f->bytes);
	if (h && counts(d, h, f->bytes, journal->flight)) {
		lay_out(d, h);
		f->old = h;
		return;
	}
	free(h);
	if (journal->flight)
		zl_log(ZL_LOG_WARN,
		       "%s: what was under way when the last process died is "
		       "not known",
		       d->name);
}

bool flight_is_known(const struct disk *d)
{
	return d->flight.old;
}

bool flight_was_fenced(const struct disk *d)
{
	return d->flight.old && d->flight.old->fenced;
}

bool flight_was_dirty(const struct disk *d, uint32_t slot, uint32_t *lo,
		      uint32_t *hi)
{
	if (!d->flight.old)
		return false;
	*lo = d->flight.records[slot].dirty_lo;
	*hi = d->flight.records[slot].dirty_hi;
	return *lo < *hi;
}

bool flight_was_lost(const struct disk *d, uint32_t slot, uint32_t *lo,
		     uint32_t *hi)
{
	if (!d->flight.old)
		return false;
	*lo = d->flight.lost[slot].lo;
	*hi = d->flight.lost[slot].hi;
	return *lo < *hi;
}

/* What of the slot the last process has left, if it makes sense. */
static enum flight_state left(const struct disk *d, uint32_t slot,
			      struct flight_record *r)
{
	const struct flight *f = &d->flight;
	uint32_t state, cap = zone_slot_cap_blocks(&d->zones, slot);

	if (!f->old || !zone_slot_has_wp(&d->zones, slot))
		return FLIGHT_NONE;
	memcpy(r, &f->records[slot], sizeof(*r));
	state = atomic_load_explicit(&r->state, memory_order_relaxed) & 3;
	if (state == FLIGHT_NONE)
		return FLIGHT_NONE;
	if (r->sum != flight_sum(r, slot) || r->wp > cap || r->lo > r->hi)
		return FLIGHT_DAMAGED;
	if (state == FLIGHT_EARLIER &&
	    flight_clock_ms() >= f->old->grace_end_ms)
		return FLIGHT_NONE;
	return state;
}

/*
 * The kernel's driver leaves no trace but the time of its changes.  A write
 * that took so long that it is taken for another's is one that may be sent
 * again.
 */
static bool changed_later(uint32_t begun, const struct store_stat *stat)
{
	int64_t file_ns, record_ns;

	if (!stat->mtime_ns)
		return false;
	file_ns = clock_real_ns() - stat->mtime_ns;
	record_ns = (int64_t)(flight_time(clock_ns()) - begun) << 30;
	/* Not yet: the clock has been set back since. */
	return file_ns >= 0 &&
	       record_ns > file_ns + SLOW_WRITE_S * INT64_C(1000000000);
}

bool flight_had_begun(const struct disk *d, uint32_t slot,
		      const struct store_stat *stat, uint64_t *keep_bytes)
{
	uint64_t bytes = stat->size_bytes;
	struct flight_record r;

	if (left(d, slot, &r) != FLIGHT_BEGUN)
		return false;
	*keep_bytes = blocks_to_bytes(d, r.wp);
	/* More than it would have written is somebody else's. */
	return !changed_later(r.begun, stat) && bytes > *keep_bytes &&
	       bytes <= blocks_to_bytes(d, r.hi);
}

uint32_t flight_repeats_from(const struct disk *d, uint32_t slot,
			     uint32_t blocks)
{
	struct flight_record r;

	switch (left(d, slot, &r)) {
	case FLIGHT_NONE:
		return blocks;
	case FLIGHT_DAMAGED:
		return 0;
	default:
		break;
	}
	return r.lo < blocks && blocks <= r.hi ? r.lo : blocks;
}

/* Writes what is to be in the slot from @lo on, of @nr blocks. */
static bool give_back(struct disk *d, uint32_t slot, uint32_t lo, uint32_t nr,
		      uint8_t *blocks)
{
	struct iovec iov = { blocks, blocks_to_bytes(d, nr) };
	struct store_req req = {
		.op = STORE_WRITE,
		.slot = slot,
		.off = blocks_to_bytes(d, lo),
		.len = iov.iov_len,
		.iov = &iov,
		.iov_cnt = 1,
	};

	if (!nr)
		return true;
	/* The dead process did not know yet what it had changed. */
	slot_mark_dirty(d, slot, lo, lo + nr, slot_losses(d, slot));
	return store_run(d->store, &req) == (int64_t)req.len;
}

static bool restore(struct disk *d, const struct flight_compare *c,
		    uint8_t *blocks)
{
	const struct zone_set *z = &d->zones;
	uint64_t lba = c->lba, end_lba = c->lba + c->nr_blocks, start_lba;
	uint32_t slot, lo, hi, there;
	struct store_stat stat;
	bool ok = true;

	for (; lba < end_lba; lba += hi - lo) {
		slot = zone_slot_of(z, lba);
		start_lba = zone_slot_start_lba(z, slot);
		lo = (uint32_t)(lba - start_lba);
		hi = (uint32_t)min_u64(end_lba - start_lba,
				       zone_slot_blocks(z, slot));
		there = (uint32_t)min_u64(slot_file_blocks(d, slot), hi);
		/* It is not what it was. */
		if (d->slots.at[slot].flags & SLOT_DAMAGED ||
		    store_stat(d->store, slot, &stat) ||
		    changed_later(c->begun, &stat))
			ok = false;
		else if (there > lo)
			ok = give_back(d, slot, lo, there - lo,
				       blocks + blocks_to_bytes(
							d, lba - c->lba)) &&
			     ok;
	}
	return ok;
}

unsigned flight_restore(struct disk *d)
{
	struct flight *f = &d->flight;
	uint64_t capacity = d->zones.geo.capacity_blocks;
	unsigned n, nr = 0;

	for (n = 0; f->old && n < f->nr_compares; n++) {
		const struct flight_compare *c = &f->compares[n];
		uint8_t *blocks = f->blocks + n * f->blocks_bytes;

		if (c->state != FLIGHT_BEGUN || c->lba >= capacity ||
		    c->nr_blocks > DISK_MAX_COMPARE_BLOCKS ||
		    c->nr_blocks > capacity - c->lba ||
		    c->crc != crc32c(blocks, blocks_to_bytes(d, c->nr_blocks)))
			continue;
		if (restore(d, c, blocks))
			nr++;
		else
			zl_log(ZL_LOG_ERR,
			       "%s: the COMPARE AND WRITE at LBA %llu that was "
			       "under way cannot be taken back",
			       d->name, (unsigned long long)c->lba);
	}
	return nr;
}

/*
 * Making.
 */

static struct flight_head *map_new(const char *path, uint64_t bytes)
{
	struct flight_head *h = MAP_FAILED;
	int error, fd;

	/* What somebody else puts there is not followed. */
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return NULL;
	/* All of it, since a page that cannot be had later is a SIGBUS. */
	error = posix_fallocate(fd, 0, (off_t)bytes);
	if (!error) {
		h = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
		error = errno;
	}
	close(fd);
	if (h != MAP_FAILED)
		return h;
	unlink(path);
	errno = error;
	return NULL;
}

static struct flight_head *make_file(struct disk *d)
{
	char path[PATH_MAX];
	struct zl_err err;
	struct flight_head *h = NULL;
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = 0;
	make_path(d, ".new", path);
	if (!number)
		zl_fail(&err, EAGAIN, "there is no random number");
	else if (!run_dir_make(&err)) {
		h = map_new(path, d->flight.bytes);
		if (!h)
			zl_fail(&err, errno, "%s cannot be made: %s", path,
				limit_strerror(errno));
	}
	if (h)
		h->number = number;
	else
		zl_log(ZL_LOG_WARN,
		       "%s: what is under way cannot be noted: %s; should this "
		       "process die, a write that is sent again is accepted by "
		       "its content only",
		       d->name, err.msg);
	return h;
}

/* What the journal is still to be told, as far as it is there. */
static void carry_lost(struct disk *d, uint32_t slot,
		       const struct flight_lost *old)
{
	uint16_t flags = d->slots.at[slot].flags;
	uint32_t hi = old->hi;

	if (!(flags & SLOT_DAMAGED) && hi > slot_file_blocks(d, slot))
		hi = slot_file_blocks(d, slot);
	if (flags & SLOT_BAD_NEWS)
		flight_note_lost(d, slot, old->lo, hi);
}

/* What may still be sent again to this process may be so to the next one.
 * @lost: from the last one's file, or NULL. */
static void carry_over(struct disk *d, const struct flight_lost *lost)
{
	for (uint32_t i = 0; i < d->zones.nr_slots; i++) {
		uint32_t wp = zone_slot_wp_blocks(&d->zones, i);
		struct flight_record r = { .wp = wp,
					   .lo = d->slots.at[i].grace_lo,
					   .hi = wp };

		if (d->slots.at[i].flags & SLOT_DIRTY)
			flight_note_dirty(d, i, d->slots.at[i].dirty_lo,
					  d->slots.at[i].dirty_hi);
		if (d->slots.at[i].grace)
			flight_put(&d->flight.records[i], i, FLIGHT_EARLIER,
				   &r);
		if (lost)
			carry_lost(d, i, &lost[i]);
	}
}

static void fill_file(struct disk *d, struct flight_head *h,
		      const struct flight_lost *lost)
{
	struct flight *f = &d->flight;

	lay_out(d, h);
	f->number = h->number;
	identify(d, h);
	h->bytes = f->bytes;
	h->grace_end_ms = d->grace_end_ms;
	h->crc = head_crc(h);
	carry_over(d, lost);
}

void flight_start(struct disk *d)
{
	struct flight *f = &d->flight;
	struct flight_head *h = d->note_flight ? make_file(d) : NULL;

	f->head = h;
	if (h)
		fill_file(d, h, f->old ? f->lost : NULL);
	free(f->old);
	f->old = NULL;
}

static void unmap(struct flight *f)
{
	munmap(f->head, f->bytes);
	f->head = NULL;
}

void flight_keep(struct disk *d)
{
	char new[PATH_MAX], path[PATH_MAX];

	if (!d->flight.head)
		return;
	make_path(d, ".new", new);
	make_path(d, "", path);
	d->flight.kept = !rename(new, path);
	if (d->flight.kept)
		return;
	zl_log(ZL_LOG_WARN, "%s: %s cannot be renamed: %s", d->name, new,
	       limit_strerror(errno));
	unlink(new);
	unmap(&d->flight);
}

void flight_note_fenced(struct disk *d)
{
	if (d->flight.head)
		atomic_store(&d->flight.head->fenced, 1);
}

static void remove_file(struct disk *d)
{
	char path[PATH_MAX];

	make_path(d, d->flight.kept ? "" : ".new", path);
	unlink(path);
}

void flight_remove(struct disk *d)
{
	if (d->flight.head)
		remove_file(d);
}

void flight_stop(struct disk *d)
{
	free(d->flight.old);
	d->flight.old = NULL;
	if (!d->flight.head)
		return;
	if (!d->flight.kept)
		remove_file(d);
	unmap(&d->flight);
}
