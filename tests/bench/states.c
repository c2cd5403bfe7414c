// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * How many states zloop crashtest tries in a minute: records a disk of 1 GiB
 * with 64 zones, 8 of them conventional, to which 128 MiB are written in pieces
 * of 128 KiB, in turn to some sequential zones and one that is conventional,
 * with a flush after every fourth; tries `true` on all that is left behind.
 *
 * bench_states DIRECTORY
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "disk/snapshot.h"

#define ZONE_MIB     16u
#define ZONES	     64u
#define CONV_ZONES   8u
#define TOTAL_MIB    128u
#define WRITE_BYTES  (128u << 10)
#define WRITE_BLOCKS (WRITE_BYTES / 512)
#define ZONE_BLOCKS  (ZONE_MIB << 11)
#define OPEN_ZONES   3u

static void must(int ret, const struct zl_err *err)
{
	if (!ret)
		return;
	fprintf(stderr, "bench_states: %s\n", err->msg);
	exit(1);
}

static void run(struct disk *d, struct disk_io *io)
{
	if (disk_run(d, io) == DISK_OK)
		return;
	fprintf(stderr, "bench_states: a command failed\n");
	exit(1);
}

static void write_at(struct disk *d, uint64_t lba, unsigned i)
{
	static uint8_t buf[WRITE_BYTES];
	struct iovec iov = { buf, sizeof(buf) };
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = lba,
			      .nr_blocks = WRITE_BLOCKS,
			      .iov = &iov,
			      .iov_cnt = 1 };

	memset(buf, (int)(1 + i % 255), sizeof(buf));
	run(d, &io);
}

/* Every fourth goes to a conventional zone; a sequential one that is full makes
 * room for the next. */
static void work(struct disk *d)
{
	struct disk_io flush = { .op = DISK_SYNC };
	uint64_t done[OPEN_ZONES] = { 0 }, at;
	unsigned zone, n = TOTAL_MIB * 1024 / (WRITE_BYTES >> 10);

	for (unsigned i = 0; i < n; i++) {
		zone = i % (OPEN_ZONES + 1);
		if (zone == OPEN_ZONES) {
			at = (uint64_t)(i / 4 * 7 % 128) * WRITE_BLOCKS;
			write_at(d, at, i);
			run(d, &flush);
			continue;
		}
		at = done[zone] / ZONE_BLOCKS * OPEN_ZONES + zone + CONV_ZONES;
		write_at(d, at * ZONE_BLOCKS + done[zone] % ZONE_BLOCKS, i);
		done[zone] += WRITE_BLOCKS;
	}
}

static void record(const char *dir, const char *log)
{
	static const char cfg[] = "capacity_mb=1024,zone_size_mb=16,"
				  "conv_zones=8,max_open_zones=0";
	struct disk_open_args args = { .may_make = true, .nr_workers = 1 };
	struct snapshot_work w;
	struct disk_opts opts;
	struct zl_err err;
	struct disk *d;

	must(disk_opts_parse(&opts, cfg, sizeof(cfg) - 1, ',', false, &err),
	     &err);
	args.opts = &opts;
	must(disk_open(dir, &args, &d, &err), &err);
	must(snapshot_begin(dir, "base", NULL, NULL, &w, &err), &err);
	must(disk_snapshot(d, "base", log, &err), &err);
	must(snapshot_end(&w, &err), &err);
	work(d);
	must(disk_record_stop(d, "told to", &err), &err);
	disk_close(d);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static void try_states(const char *log)
{
	char cmd[8192], line[256] = "";
	double start = now_s(), took;
	unsigned long points, states;
	struct rusage used;
	FILE *f;

	snprintf(cmd, sizeof(cmd),
		 ZLOOP_PATH " crashtest %s --no-attach --seeds 2 --quiet "
			    "-- true",
		 log);
	f = popen(cmd, "r");
	while (f && fgets(line, sizeof(line), f))
		fputs(line, stdout);
	if (!f || pclose(f) ||
	    sscanf(line, "%lu points, %lu states", &points, &states) != 2)
		exit(1);
	took = now_s() - start;
	getrusage(RUSAGE_CHILDREN, &used);
	printf("%.0f states a minute; %.1f ms of processor time each\n",
	       (double)states * 60 / took,
	       (seconds(&used.ru_utime) + seconds(&used.ru_stime)) * 1000 /
		       (double)states);
}

int main(int argc, char **argv)
{
	char dir[4096], path[4200], log[4200];

	if (argc != 2) {
		fprintf(stderr, "usage: bench_states DIRECTORY\n");
		return 2;
	}
	snprintf(dir, sizeof(dir), "%s/states-XXXXXX", argv[1]);
	if (!mkdtemp(dir)) {
		fprintf(stderr, "bench_states: %s: %s\n", argv[1],
			strerror(errno));
		return 1;
	}
	snprintf(path, sizeof(path), "%s/disk", dir);
	snprintf(log, sizeof(log), "%s/log", dir);
	mkdir(path, 0700);
	record(path, log);
	try_states(log);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	return system(path) ? 1 : 0;
}
