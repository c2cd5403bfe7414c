/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A small disk over the fault-injecting store over memory: 8 zones of 1 MiB,
 * 2 of them conventional, logical blocks of 512 bytes.
 */
#ifndef TESTS_DISK_FIXTURE_H
#define TESTS_DISK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk/internal.h"
#include "disk/io/io.h"
#include "stores/fault.h"
#include "stores/mem.h"

#define BLOCK	    512u
#define ZONE	    2048u /* blocks */
#define NR_ZONES    8u
#define NR_CONV	    2u
#define CAPACITY    ((uint64_t)NR_ZONES * ZONE)
#define SEQ(n)	    ((uint64_t)(NR_CONV + (n)) * ZONE)
#define MAX_BLOCKS  4096u
#define FIXTURE_CFG "zone_size_mb=1,conv_zones=2"

struct fixture {
	struct store_mem *mem;
	char dir[64]; /* files instead of memory, if not empty */
	struct store *fault;
	struct disk *disk;
	uint8_t *buf;
};

/* Whether the disk notes what is under way. */
static bool fixture_notes;

/* Puts a store around the fixture's, if there is one. */
static struct store *(*fixture_wrap)(struct store *lower);

static inline void fixture_open(struct fixture *f, const char *options,
				unsigned nr_workers)
{
	struct disk_open_args args = { 0 };
	struct disk_opts opts;
	struct zl_err err = { "" };

	if (disk_opts_parse(&opts, options, strlen(options), ',', false, &err))
		fail_msg("%s", err.msg);
	args.opts = &opts;
	args.size_bytes = CAPACITY * BLOCK;
	args.may_make = true;
	args.lock_wait_ms = 2000;
	args.nr_workers = nr_workers;
	args.note_flight = fixture_notes;
	if (!f->dir[0])
		f->fault = store_fault_new(store_mem_open(f->mem));
	else if (store_file_open(f->dir, &f->fault, &err))
		fail_msg("%s", err.msg);
	else
		f->fault = store_fault_new(f->fault);
	if (disk_open_store(fixture_wrap ? fixture_wrap(f->fault) : f->fault,
			    "test", &args, &f->disk, &err))
		fail_msg("%s", err.msg);
}

static inline void fixture_start(struct fixture *f, const char *options,
				 unsigned nr_workers)
{
	f->dir[0] = 0;
	f->mem = store_mem_new();
	f->buf = calloc(MAX_BLOCKS, BLOCK);
	assert_non_null(f->buf);
	fixture_open(f, options, nr_workers);
}

static inline void fixture_start_files(struct fixture *f, const char *options,
				       unsigned nr_workers)
{
	const char *tmp = getenv("TMPDIR");

	f->mem = NULL;
	f->buf = calloc(MAX_BLOCKS, BLOCK);
	assert_non_null(f->buf);
	snprintf(f->dir, sizeof(f->dir), "%s/zloop-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	fixture_open(f, options, nr_workers);
}

static inline void fixture_reopen(struct fixture *f, const char *options)
{
	disk_close(f->disk);
	fixture_open(f, options, 0);
}

static inline void fixture_stop(struct fixture *f)
{
	char cmd[128];

	disk_close(f->disk);
	if (f->dir[0]) {
		snprintf(cmd, sizeof(cmd), "rm -r %s", f->dir);
		assert_int_equal(system(cmd), 0);
	} else {
		store_mem_free(f->mem);
	}
	free(f->buf);
}

/* The contents of a block: its LBA and a tag, repeated. */
static inline void fill(uint8_t *buf, uint64_t lba, uint32_t blocks,
			uint32_t tag)
{
	uint64_t *p = (uint64_t *)buf;

	for (uint32_t i = 0; i < blocks * (BLOCK / 8); i++)
		p[i] = (lba + i / (BLOCK / 8)) << 32 | tag;
}

static inline void assert_filled(const uint8_t *buf, uint64_t lba,
				 uint32_t blocks, uint32_t tag)
{
	const uint64_t *p = (const uint64_t *)buf;

	for (uint32_t i = 0; i < blocks * (BLOCK / 8); i++)
		assert_int_equal(p[i], (lba + i / (BLOCK / 8)) << 32 | tag);
}

static inline void assert_zeros(const uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(buf[i], 0);
}

static inline struct disk_io rw_io(enum disk_op op, uint64_t lba,
				   uint32_t blocks, struct iovec *iov)
{
	return (struct disk_io){ .op = op,
				 .lba = lba,
				 .nr_blocks = blocks,
				 .iov = iov,
				 .iov_cnt = 1 };
}

static inline enum disk_status run_rw(struct fixture *f, struct disk_io *io,
				      enum disk_op op, uint64_t lba,
				      uint32_t blocks, bool fua)
{
	struct iovec iov = { f->buf, (size_t)blocks * BLOCK };

	assert_true(blocks <= MAX_BLOCKS);
	*io = rw_io(op, lba, blocks, &iov);
	io->fua = fua;
	return disk_run(f->disk, io);
}

static inline enum disk_status do_write(struct fixture *f, uint64_t lba,
					uint32_t blocks, uint32_t tag)
{
	struct disk_io io;

	fill(f->buf, lba, blocks, tag);
	return run_rw(f, &io, DISK_WRITE, lba, blocks, false);
}

static inline enum disk_status do_write_fua(struct fixture *f, uint64_t lba,
					    uint32_t blocks, uint32_t tag)
{
	struct disk_io io;

	fill(f->buf, lba, blocks, tag);
	return run_rw(f, &io, DISK_WRITE, lba, blocks, true);
}

static inline enum disk_status do_read(struct fixture *f, uint64_t lba,
				       uint32_t blocks)
{
	struct disk_io io;

	memset(f->buf, 0xee, (size_t)blocks * BLOCK);
	return run_rw(f, &io, DISK_READ, lba, blocks, false);
}

static inline enum disk_status do_sync(struct fixture *f)
{
	struct disk_io io = { .op = DISK_SYNC };

	return disk_run(f->disk, &io);
}

static inline enum disk_status do_zone(struct fixture *f, enum zone_op op,
				       uint64_t lba, bool all)
{
	struct disk_io io = {
		.op = DISK_ZONE, .zone_op = op, .lba = lba, .zone_all = all
	};

	return disk_run(f->disk, &io);
}

static inline enum zone_cond cond_of(struct fixture *f, uint64_t lba)
{
	struct zone_info info;

	disk_zone_at(f->disk, lba, &info);
	return info.cond;
}

static inline uint64_t wp_of(struct fixture *f, uint64_t lba)
{
	struct zone_info info;

	disk_zone_at(f->disk, lba, &info);
	return info.wp_lba;
}

/* File size = write pointer, for every sequential zone. */
static inline void assert_sizes_match(struct fixture *f)
{
	struct store_stat st;

	for (uint32_t slot = NR_CONV; slot < NR_ZONES; slot++) {
		assert_int_equal(store_stat(f->fault, slot, &st), 0);
		assert_int_equal(st.size_bytes / BLOCK,
				 zone_slot_wp_blocks(&f->disk->zones, slot));
	}
}

#endif
