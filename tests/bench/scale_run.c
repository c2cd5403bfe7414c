// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * How a disk of many zones behaves: makes one, opens it again, asks for all its
 * zones, resets them, opens it with nothing of it cached (root only).  Prints
 * one line.  Each step has a process of its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "usage.h"

#define ZONE_BYTES (UINT64_C(256) << 20)
#define BUF_BYTES  (1u << 20)

static struct tcmu_device *open_disk(uint64_t zones, const char *options,
				     const char *dir)
{
	char cfg[4096], *why;
	struct runner_dev_params p = {
		.cfgstring = cfg,
		.size_bytes = zones * ZONE_BYTES,
		.ring = { .depth = 4, .max_data_bytes = BUF_BYTES }
	};
	struct runner_handler *h = runner_load(HANDLER_ZLOOP, &why);
	struct tcmu_device *dev;

	snprintf(cfg, sizeof(cfg), "zloop/%s@%s", options, dir);
	if (!h || runner_add(h, &p, &dev)) {
		fprintf(stderr, "scale: %s cannot be opened\n", cfg);
		exit(1);
	}
	return dev;
}

static uint64_t be(const uint8_t *p, int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

/* REPORT ZONES until there are no more; returns how many. */
static uint64_t report_all(struct tcmu_device *dev, uint64_t zones)
{
	uint8_t cdb[16] = { 0x95 }, *buf = malloc(BUF_BYTES);
	uint64_t lba, seen = 0;
	uint32_t n;

	memcpy(cdb + 10, (uint8_t[]){ 0, BUF_BYTES >> 16, 0, 0 }, 4);
	cdb[14] = 0x80; /* PARTIAL */
	while (seen < zones) {
		lba = seen * ZONE_BYTES / 512;
		for (int i = 0; i < 8; i++)
			cdb[2 + i] = (uint8_t)(lba >> (56 - 8 * i));
		if (runner_exec(dev, cdb, 16, RUNNER_IN, buf, BUF_BYTES, NULL))
			break;
		n = (uint32_t)be(buf, 4) / 64;
		if (!n)
			break;
		seen += n;
	}
	free(buf);
	return seen;
}

static void made(uint64_t zones, const char *dir)
{
	double start = now_s(), cpu = cpu_s();
	struct tcmu_device *dev =
		open_disk(zones, "zone_size_mb=256/conv_zones=1", dir);

	printf("%8lu %9.2f %9.2f", (unsigned long)zones, now_s() - start,
	       cpu_s() - cpu);
	runner_remove(dev);
}

static void opened(uint64_t zones, const char *dir)
{
	uint8_t reset_all[16] = { 0x94, 0x04, [14] = 1 };
	double start = now_s(), cpu = cpu_s(), open_s, report_s;
	struct tcmu_device *dev = open_disk(zones, "", dir);
	long rss;

	open_s = now_s() - start;
	cpu = cpu_s() - cpu;
	rss = memory_kib("VmRSS");
	start = now_s();
	if (report_all(dev, zones) != zones) {
		fprintf(stderr, "scale: not all zones were reported\n");
		exit(1);
	}
	report_s = now_s() - start;
	start = now_s();
	if (runner_exec(dev, reset_all, 16, RUNNER_NONE, NULL, 0, NULL)) {
		fprintf(stderr, "scale: RESET ALL failed\n");
		exit(1);
	}
	printf(" %9.2f %9.2f %9.1f %9.4f %9.4f", open_s, cpu,
	       (double)rss / 1024, report_s, now_s() - start);
	runner_remove(dev);
}

static bool drop_caches(void)
{
	int fd;
	bool ok;

	sync();
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, "3", 1) == 1;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void opened_cold(uint64_t zones, const char *dir)
{
	bool dropped = drop_caches();
	double start = now_s();
	struct tcmu_device *dev = open_disk(zones, "", dir);

	if (dropped)
		printf(" %9.2f\n", now_s() - start);
	else
		printf(" %9s\n", "-");
	runner_remove(dev);
}

static int in_child(void (*step)(uint64_t, const char *), uint64_t zones,
		    const char *dir)
{
	int status = 1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		step(zones, dir);
		exit(0);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

int main(int argc, char **argv)
{
	uint64_t zones;

	if (argc != 3) {
		fprintf(stderr, "usage: scale_run ZONES DIRECTORY\n");
		return 2;
	}
	zones = strtoull(argv[1], NULL, 10);
	return in_child(made, zones, argv[2]) ||
	       in_child(opened, zones, argv[2]) ||
	       in_child(opened_cold, zones, argv[2]);
}
