// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A small log-structured store, to show that crash tests find what is wrong
 * with one, and nothing where nothing is.
 *
 *   logstore write DIR LOG VARIANT    makes a disk in DIR, records it in LOG,
 *                                     and puts NR_PUTS records
 *   logstore check                    of the disk in $ZLOOP_DIR, up to the put
 *                                     of $ZLOOP_MARK
 *
 * Records are appended to the sequential zones.  Now and then one of two super
 * blocks, in a conventional zone, says how many there are, so that what is
 * behind need not be trusted blindly.  A put is over when its mark is in the
 * log.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/crc32c.h"
#include "disk/snapshot.h"

#define ZONE_BLOCKS   2048u
#define RECORD_BLOCKS 64u
#define BLOCK	      512u
#define RECORD_BYTES  (RECORD_BLOCKS * BLOCK)
#define PER_ZONE      (ZONE_BLOCKS / RECORD_BLOCKS)
#define FIRST_ZONE    2u /* sequential */
#define NR_PUTS	      80u
#define SUPER_EVERY   4u
#define MAGIC	      0x10657052u

enum variant {
	GOOD,
	FORGETS, /* the flush of the first record of a zone */
	EARLY,	 /* a super block before what it counts is durable */
};

struct logstore {
	struct disk *disk;
	enum variant variant;
	uint64_t nr, supers;
};

static void die(const char *what, const char *why)
{
	printf("%s: %s\n", what, why);
	exit(2);
}

static uint64_t record_lba(uint64_t nr)
{
	return (FIRST_ZONE + nr / PER_ZONE) * ZONE_BLOCKS +
	       nr % PER_ZONE * RECORD_BLOCKS;
}

static bool io(struct logstore *s, enum disk_op op, uint64_t lba, void *buf,
	       uint32_t blocks, bool fua)
{
	struct iovec iov = { buf, (size_t)blocks * BLOCK };
	struct disk_io io = {
		.op = op,
		.lba = lba,
		.nr_blocks = blocks,
		.iov = buf ? &iov : NULL,
		.iov_cnt = buf ? 1 : 0,
		.fua = fua,
	};

	return disk_run(s->disk, &io) == DISK_OK;
}

/*
 * A block, or several, whose first bytes are: magic, number, checksum of the
 * rest.
 */

static void seal(uint8_t *data, size_t len, uint64_t nr)
{
	be32_put(data, MAGIC);
	be64_put(data + 4, nr);
	be32_put(data + 12, crc32c(data + 16, len - 16) ^ (uint32_t)nr);
}

static bool is_sealed(const uint8_t *data, size_t len, uint64_t *nr)
{
	*nr = be64_get(data + 4);
	return be32_get(data) == MAGIC &&
	       be32_get(data + 12) ==
		       (crc32c(data + 16, len - 16) ^ (uint32_t)*nr);
}

/*
 * Writing.
 */

static void must(bool ok, const char *what)
{
	if (!ok)
		die(what, "failed");
}

static void flush(struct logstore *s)
{
	must(io(s, DISK_SYNC, 0, NULL, 0, false), "flush");
}

static void write_super(struct logstore *s)
{
	static uint8_t block[BLOCK];

	be64_put(block + 16, s->nr);
	seal(block, BLOCK, ++s->supers);
	must(io(s, DISK_WRITE, s->supers % 2, block, 1, true), "super block");
}

static void put(struct logstore *s)
{
	static uint8_t data[RECORD_BYTES];
	bool first = s->nr % PER_ZONE == 0;
	bool super = (s->nr + 1) % SUPER_EVERY == 0;

	memset(data, (int)(s->nr + 1), sizeof(data));
	seal(data, sizeof(data), s->nr);
	must(io(s, DISK_WRITE, record_lba(s->nr), data, RECORD_BLOCKS, false),
	     "record");
	s->nr++;
	if (super && s->variant == EARLY)
		write_super(s);
	if (!(first && s->variant == FORGETS))
		flush(s);
	if (super && s->variant != EARLY)
		write_super(s);
}

static void start(struct logstore *s, const char *dir, const char *log)
{
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	static const char options[] =
		"capacity_mb=16,zone_size_mb=1,conv_zones=2";
	struct snapshot_work work;
	struct zl_err err;

	if (disk_opts_parse(&opts, options, strlen(options), ',', false,
			    &err) ||
	    disk_open(dir, &args, &s->disk, &err) ||
	    snapshot_begin(dir, "base", NULL, NULL, &work, &err) ||
	    disk_snapshot(s->disk, "base", log, &err) ||
	    snapshot_end(&work, &err))
		die(dir, err.msg);
}

static int write_all(const char *dir, const char *log, enum variant variant)
{
	struct logstore s = { .variant = variant };
	struct zl_err err;
	uint64_t seq;
	char mark[32];

	start(&s, dir, log);
	while (s.nr < NR_PUTS) {
		put(&s);
		snprintf(mark, sizeof(mark), "put=%" PRIu64, s.nr);
		if (disk_record_mark(s.disk, mark, &seq, &err))
			die(log, err.msg);
	}
	if (disk_record_stop(s.disk, "done", &err))
		die(log, err.msg);
	disk_close(s.disk);
	return 0;
}

/*
 * Checking.
 */

/* How many records the newer super block counts. */
static uint64_t read_super(struct logstore *s)
{
	uint64_t nr, newest = 0, count = 0;
	uint8_t block[BLOCK];

	for (unsigned i = 0; i < 2; i++) {
		if (!io(s, DISK_READ, i, block, 1, false))
			die("super block", "cannot be read");
		if (!is_sealed(block, BLOCK, &nr) || nr < newest)
			continue;
		newest = nr;
		count = be64_get(block + 16);
	}
	return count;
}

static uint64_t count_records(struct logstore *s)
{
	static uint8_t data[RECORD_BYTES];
	uint64_t nr, n;

	for (n = 0; n < NR_PUTS; n++)
		if (!io(s, DISK_READ, record_lba(n), data, RECORD_BLOCKS,
			false) ||
		    !is_sealed(data, sizeof(data), &nr) || nr != n)
			break;
	return n;
}

static int check(void)
{
	const char *dir = getenv("ZLOOP_DIR"), *mark = getenv("ZLOOP_MARK");
	struct disk_open_args args = { .look_only = true };
	struct logstore s = { .variant = GOOD };
	uint64_t put = 0, super, found;
	struct zl_err err;

	if (!dir || disk_open(dir, &args, &s.disk, &err))
		die("disk", dir ? err.msg : "there is no $ZLOOP_DIR");
	if (mark && *mark && sscanf(mark, "put=%" SCNu64, &put) != 1)
		die("mark", mark);
	super = read_super(&s);
	found = count_records(&s);
	disk_close(s.disk);
	printf("super block: %" PRIu64 ", acknowledged: %" PRIu64
	       ", found: %" PRIu64 "\n",
	       super, put, found);
	return found < super || found < put;
}

int main(int argc, char **argv)
{
	static const char *const variants[] = { "good", "forgets", "early" };

	if (argc == 2 && !strcmp(argv[1], "check"))
		return check();
	for (int v = GOOD; argc == 5 && v <= EARLY; v++)
		if (!strcmp(argv[1], "write") && !strcmp(argv[4], variants[v]))
			return write_all(argv[2], argv[3], (enum variant)v);
	die("usage", "logstore write DIR LOG good|forgets|early, or check");
}
