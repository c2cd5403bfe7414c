// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Handlers side by side in the stand-in for tcmu-runner, each in a process of
 * its own: every workload runs in short rounds that alternate between them.
 * Prints a table of medians, and writes JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "load.h"
#include "runner.h"
#include "usage.h"

#define MAX_ROUNDS 15
#define KIB	   1024
#define MIB	   (1024 * KIB)

/* name, operation, bytes, queue depth, zones, sequential, cold */
static const struct workload workloads[] = {
	{ "write 4K rnd QD1 1z", LOAD_WRITE, 4 * KIB, 1, 1, false, false },
	{ "write 4K rnd QD1 128z", LOAD_WRITE, 4 * KIB, 1, 128, false, false },
	{ "write 4K rnd QD8 8z", LOAD_WRITE, 4 * KIB, 8, 8, false, false },
	{ "write 4K rnd QD32 128z", LOAD_WRITE, 4 * KIB, 32, 128, false,
	  false },
	{ "write 4K rnd QD128 128z", LOAD_WRITE, 4 * KIB, 128, 128, false,
	  false },
	{ "write 128K seq QD1 1z", LOAD_WRITE, 128 * KIB, 1, 1, true, false },
	{ "write 128K seq QD32 1z", LOAD_WRITE, 128 * KIB, 32, 1, true, false },
	{ "write 128K rnd QD32 8z", LOAD_WRITE, 128 * KIB, 32, 8, false,
	  false },
	{ "write 128K rnd QD32 128z", LOAD_WRITE, 128 * KIB, 32, 128, false,
	  false },
	{ "write 1M rnd QD8 8z", LOAD_WRITE, MIB, 8, 8, false, false },
	{ "read 4K rnd QD1 cached", LOAD_READ, 4 * KIB, 1, 128, false, false },
	{ "read 4K rnd QD8 cached", LOAD_READ, 4 * KIB, 8, 8, false, false },
	{ "read 4K rnd QD32 cached", LOAD_READ, 4 * KIB, 32, 128, false,
	  false },
	{ "read 4K rnd QD128 cached", LOAD_READ, 4 * KIB, 128, 128, false,
	  false },
	{ "read 128K seq QD1 cached", LOAD_READ, 128 * KIB, 1, 1, true, false },
	{ "read 128K seq QD32 cached", LOAD_READ, 128 * KIB, 32, 1, true,
	  false },
	{ "read 128K rnd QD32 cached", LOAD_READ, 128 * KIB, 32, 128, false,
	  false },
	{ "read 1M rnd QD8 cached", LOAD_READ, MIB, 8, 8, false, false },
	{ "mixed 4K rnd QD32 128z", LOAD_MIXED, 4 * KIB, 32, 128, false,
	  false },
	{ "mixed 128K rnd QD32 128z", LOAD_MIXED, 128 * KIB, 32, 128, false,
	  false },
	{ "read 4K QD4 during flush", LOAD_FLUSH, 4 * KIB, 4, 8, false, false },
	/* Last: what follows would find its data gone from the cache. */
	{ "read 4K rnd QD1 cold", LOAD_READ, 4 * KIB, 1, 128, false, true },
	{ "read 4K rnd QD32 cold", LOAD_READ, 4 * KIB, 32, 128, false, true },
	{ "read 4K rnd QD32 1z cold", LOAD_READ, 4 * KIB, 32, 1, false, true },
	{ "read 128K rnd QD32 cold", LOAD_READ, 128 * KIB, 32, 128, false,
	  true },
};

#define NR_WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

struct contestant {
	const char *name;
	const char *so;
	const char *cfg; /* format for the place */
	bool zoned, reads_data;
	bool recorded; /* by zloop record */
	char place[4096];
	pid_t pid;
	int to, from;
	long rss_kib;
	struct load_result rounds[NR_WORKLOADS][MAX_ROUNDS];
};

static struct contestant contestants[] = {
	{ "zloop", HANDLER_ZLOOP, CFG_ZLOOP, true, true },
	{ "user:zbc", HANDLER_ZBC, CFG_ZBC, true, true },
	{ "bare", HANDLER_BARE, CFG_BARE, false, true },
	{ "instant", HANDLER_INSTANT, CFG_INSTANT, false, false },
};

#define NR_CONTESTANTS (sizeof(contestants) / sizeof(contestants[0]))

static struct load_limits limits = { .ms = 700,
				     .write_bytes = UINT64_C(192) << 20,
				     .fill_bytes = UINT64_C(256) << 20 };
static unsigned nr_rounds = 5;
static const char *only;
static const char *zloop_options = "";

/* ---- a contestant's process ---- */

static int drop_file(const char *path, const struct stat *sb, int type,
		     struct FTW *ftw)
{
	int fd;

	(void)sb, (void)ftw;
	if (type != FTW_F)
		return 0;
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return 0;
}

/*
 * What was written in earlier rounds, for those who keep it over a reset:
 * everybody writes to storage that is not allocated.
 */
static int punch_file(const char *path, const struct stat *sb, int type,
		      struct FTW *ftw)
{
	off_t off = (off_t)(WRITE_ZONES * ZONE_BYTES);
	int fd;

	(void)ftw;
	if (type != FTW_F || sb->st_size <= off)
		return 0;
	fd = open(path, O_RDWR);
	if (fd < 0)
		return 0;
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
		  sb->st_size - off);
	close(fd);
	return 0;
}

/* Of one that has just been opened. */
static int record(const struct contestant *c)
{
	char cmd[8192];

	snprintf(cmd, sizeof(cmd), "%s record start --quiet %s >/dev/null",
		 ZLOOP_PATH, c->place);
	return system(cmd) ? -EIO : 0;
}

static struct tcmu_device *open_device(const struct contestant *c)
{
	struct runner_handler *h = device_handler(c->so);

	return h ? device_open(h, c->cfg, c->place) : NULL;
}

static void prepare(const struct contestant *c, const struct workload *w)
{
	if (!c->reads_data)
		return;
	if (w->cold)
		nftw(c->place, drop_file, 4, FTW_PHYS);
	if (w->op != LOAD_READ)
		nftw(c->place, punch_file, 4, FTW_PHYS);
}

/* Reads the numbers of workloads and answers with results, until EOF. */
static int serve(struct contestant *c, int in, int out)
{
	struct tcmu_device *dev = open_device(c);
	struct load_result res;
	long rss = memory_kib("RssAnon");
	uint32_t seed = 1;
	unsigned n;

	if (!dev || write(out, &rss, sizeof(rss)) != sizeof(rss))
		return 1;
	if (c->reads_data && load_fill(dev, &limits)) {
		fprintf(stderr, "bench: %s: filling failed\n", c->name);
		return 1;
	}
	if (c->recorded && record(c))
		return 1;
	while (read(in, &n, sizeof(n)) == sizeof(n)) {
		const struct workload *w = &workloads[n];

		memset(&res, 0, sizeof(res));
		prepare(c, w);
		if (load_run(dev, w, c->zoned, &limits, seed++, &res))
			return 1;
		if (write(out, &res, sizeof(res)) != sizeof(res))
			return 1;
	}
	runner_remove(dev);
	return 0;
}

static int start(struct contestant *c)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (!c->pid) {
		for (struct contestant *o = contestants; o < c; o++) {
			close(o->to);
			close(o->from);
		}
		close(to[1]);
		close(from[0]);
		exit(serve(c, to[0], from[1]));
	}
	close(to[0]);
	close(from[1]);
	c->to = to[1];
	c->from = from[0];
	if (read(c->from, &c->rss_kib, sizeof(long)) != sizeof(long))
		return -EIO;
	return 0;
}

static int stop(struct contestant *c)
{
	int status = 1;

	close(c->to);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -EIO : 0;
}

static int ask(struct contestant *c, unsigned w, unsigned round)
{
	struct load_result *res = &c->rounds[w][round];

	if (write(c->to, &w, sizeof(w)) != sizeof(w) ||
	    read(c->from, res, sizeof(*res)) != sizeof(*res)) {
		fprintf(stderr, "bench: %s died in \"%s\"\n", c->name,
			workloads[w].name);
		return -EIO;
	}
	if (res->errors || !res->commands) {
		fprintf(stderr, "bench: %s: \"%s\": %lu of %lu failed\n",
			c->name, workloads[w].name, (unsigned long)res->errors,
			(unsigned long)res->commands);
		return -EIO;
	}
	return 0;
}

/* ---- the contest ---- */

static bool wanted(unsigned w)
{
	return !only || strstr(workloads[w].name, only);
}

static int run_rounds(unsigned w)
{
	int ret;

	for (unsigned r = 0; r < nr_rounds; r++)
		for (unsigned i = 0; i < NR_CONTESTANTS; i++) {
			ret = ask(&contestants[(i + r) % NR_CONTESTANTS], w, r);
			if (ret)
				return ret;
		}
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

#define MEDIAN(c, w, field)                                    \
	({                                                     \
		double v_[MAX_ROUNDS];                         \
		for (unsigned r_ = 0; r_ < nr_rounds; r_++)    \
			v_[r_] = (c)->rounds[w][r_].field;     \
		qsort(v_, nr_rounds, sizeof(double), compare); \
		v_[nr_rounds / 2];                             \
	})

static void print_head(void)
{
	printf("%-26s %8s %8s %8s %8s  %6s %6s  %22s  %20s\n", "IOPS, medians",
	       "zloop", contestants[1].name, "bare", "instant", "/bare",
	       "/second", "p99 us zloop/2nd/bare", "cpu us zloop/2nd/bare");
}

static void print_row(unsigned w)
{
	const struct contestant *z = &contestants[0], *s = &contestants[1];
	const struct contestant *b = &contestants[2], *i = &contestants[3];
	double zi = MEDIAN(z, w, iops), si = MEDIAN(s, w, iops);
	double bi = MEDIAN(b, w, iops);

	printf("%-26s %8.0f %8.0f %8.0f %8.0f  %6.2f %6.2f  "
	       "%7.0f %6.0f %7.0f  %6.1f %6.1f %6.1f\n",
	       workloads[w].name, zi, si, bi, MEDIAN(i, w, iops), zi / bi,
	       zi / si, MEDIAN(z, w, p99_us), MEDIAN(s, w, p99_us),
	       MEDIAN(b, w, p99_us), MEDIAN(z, w, cpu_us), MEDIAN(s, w, cpu_us),
	       MEDIAN(b, w, cpu_us));
	fflush(stdout);
}

static void write_contestant(FILE *f, const struct contestant *c, unsigned w)
{
	fprintf(f,
		"    \"%s\": {\"iops\": %.0f, \"p50_us\": %.1f, "
		"\"p99_us\": %.1f, \"max_us\": %.1f, \"cpu_us\": %.2f}",
		c->name, MEDIAN(c, w, iops), MEDIAN(c, w, p50_us),
		MEDIAN(c, w, p99_us), MEDIAN(c, w, max_us),
		MEDIAN(c, w, cpu_us));
}

static void write_rss(FILE *f)
{
	for (unsigned i = 0; i < NR_CONTESTANTS; i++)
		fprintf(f, "%s\"%s\": %ld", i ? ", " : "", contestants[i].name,
			contestants[i].rss_kib);
}

static int write_json(const char *path)
{
	const char *sep = "";
	FILE *f = fopen(path, "w");

	if (!f) {
		fprintf(stderr, "bench: cannot write %s: %s\n", path,
			strerror(errno));
		return -errno;
	}
	fprintf(f, "{\"rounds\": %u, \"round_ms\": %u,\n\"rss_anon_kib\": {",
		nr_rounds, limits.ms);
	write_rss(f);
	fprintf(f, "},\n\"workloads\": [\n");
	for (unsigned w = 0; w < NR_WORKLOADS; w++) {
		if (!wanted(w))
			continue;
		fprintf(f, "%s  {\"name\": \"%s\",\n", sep, workloads[w].name);
		sep = ",\n";
		for (unsigned i = 0; i < NR_CONTESTANTS; i++) {
			write_contestant(f, &contestants[i], w);
			fputs(i + 1 < NR_CONTESTANTS ? ",\n" : "}", f);
		}
	}
	fprintf(f, "\n]}\n");
	return fclose(f) ? -errno : 0;
}

static int make_place(struct contestant *c, const char *dir)
{
	static char cfg[4096];

	snprintf(c->place, sizeof(c->place), "%s/%s", dir,
		 strchr(c->name, ':') ? strchr(c->name, ':') + 1 : c->name);
	if (c != contestants && !c->recorded)
		return 0;
	if (*zloop_options) {
		snprintf(cfg, sizeof(cfg),
			 "zloop/zone_size_mb=256/conv_zones=1/%s@%%s",
			 zloop_options);
		c->cfg = cfg;
	}
	return mkdir(c->place, 0700) ? -errno : 0;
}

static int contest(const char *dir, const char *json)
{
	int ret = 0, ret2;
	unsigned n = 0;

	for (; n < NR_CONTESTANTS && !ret; n++) {
		ret = make_place(&contestants[n], dir);
		if (!ret)
			ret = start(&contestants[n]);
	}
	if (!ret)
		print_head();
	for (unsigned w = 0; w < NR_WORKLOADS && !ret; w++) {
		if (!wanted(w))
			continue;
		ret = run_rounds(w);
		if (!ret)
			print_row(w);
	}
	while (n--) {
		ret2 = stop(&contestants[n]);
		ret = ret ? ret : ret2;
	}
	if (!ret) {
		printf("memory after opening, KiB: ");
		write_rss(stdout);
		printf("\n");
	}
	if (!ret && json)
		ret = write_json(json);
	return ret;
}

static const char usage[] =
	"usage: bench_native [--quick] [--rounds N] [--ms N] [--only TEXT]\n"
	"                    [--zloop-options OPTION[/OPTION…]]\n"
	"                    [--record] [--json FILE] DIRECTORY\n"
	"--record: beside a zloop that is recorded, in place of user:zbc.\n"
	"DIRECTORY is an empty one on the file system to measure; needs about\n"
	"4 GiB (--quick: 2 GiB).\n";

static const struct option options[] = {
	{ "quick", no_argument, NULL, 'q' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "ms", required_argument, NULL, 'm' },
	{ "only", required_argument, NULL, 'o' },
	{ "zloop-options", required_argument, NULL, 'z' },
	{ "record", no_argument, NULL, 'R' },
	{ "json", required_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static void set_option(int c, const char *arg, const char **json)
{
	switch (c) {
	case 'q':
		nr_rounds = 1;
		limits = (struct load_limits){ .ms = 20,
					       .write_bytes = 8 * MIB,
					       .fill_bytes = 128 * MIB };
		break;
	case 'r':
		nr_rounds = (unsigned)atoi(arg);
		break;
	case 'm':
		limits.ms = (unsigned)atoi(arg);
		break;
	case 'o':
		only = arg;
		break;
	case 'z':
		zloop_options = arg;
		break;
	case 'R':
		contestants[1] = contestants[0];
		contestants[1].name = "recorded";
		contestants[1].recorded = true;
		break;
	case 'j':
		*json = arg;
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const char *json = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		set_option(c, optarg, &json);
	if (optind + 1 != argc || nr_rounds < 1 || nr_rounds > MAX_ROUNDS)
		set_option('?', NULL, &json);
	if (!contestants[1].recorded && access(HANDLER_ZBC, R_OK)) {
		printf("skipped: no %s (package tcmu-runner)\n", HANDLER_ZBC);
		return 77;
	}
	return contest(argv[optind], json) ? 1 : 0;
}
