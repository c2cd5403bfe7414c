/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * One workload on one device of the stand-in: commands in flight, what they
 * took.  Writes keep the rules of a host-managed disk and of Linux: at the
 * write pointer, one in flight per zone.
 */
#ifndef ZLOOP_TESTS_BENCH_LOAD_H
#define ZLOOP_TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct tcmu_device;

#define BLOCK_BYTES    512
#define ZONE_BYTES     (UINT64_C(256) << 20)
#define MAX_ZONES      128 /* that a workload uses */
#define MAX_QD	       128
#define LOAD_BUF_BYTES (UINT64_C(32) << 20) /* of all commands together */

/* Zones: one conventional, some to read that are filled once, some to write. */
#define READ_128_ZONES 1u
#define READ_8_ZONES   129u
#define READ_1_ZONE    137u
#define WRITE_ZONES    138u
#define NR_ZONES       (WRITE_ZONES + MAX_ZONES)

enum load_op {
	LOAD_READ,
	LOAD_WRITE,
	LOAD_MIXED, /* 70 % reads */
	LOAD_FLUSH, /* reads, while others write and flush */
};

struct workload {
	const char *name;
	enum load_op op;
	uint32_t bytes; /* of a command */
	unsigned qd;
	unsigned zones; /* 1, 8 or 128 */
	bool sequential;
	bool cold; /* what is read is not in the page cache */
};

struct load_limits {
	unsigned ms;
	uint64_t write_bytes; /* a round ends when so much is written */
	uint64_t fill_bytes;  /* to read, in one zone, in 8, in 128 */
};

#define LAT_BUCKETS 1024

struct load_result {
	double iops;
	double p50_us, p99_us, max_us;
	double cpu_us; /* of the whole process, per command */
	uint64_t commands, errors;
};

/* One READ or WRITE, and waits for it.  Returns its status. */
int load_exec(struct tcmu_device *dev, bool write, uint64_t off, uint32_t bytes,
	      void *data);

/* Writes what will be read. */
int load_fill(struct tcmu_device *dev, const struct load_limits *lim);

/* Runs @w once.  @zoned: zones are reset first, for writes. */
int load_run(struct tcmu_device *dev, const struct workload *w, bool zoned,
	     const struct load_limits *lim, uint32_t seed,
	     struct load_result *res);

#endif
