// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What a cached 4 KiB read and write cost in the daemon's command thread:
 * instructions, system calls and locked instructions of handle_cmd, of ours and
 * of others in the stand-in for tcmu-runner.  None of it depends on how busy
 * the machine is.
 */
#include <dlfcn.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "dev.h"
#include "load.h"
#include "steps.h"

#define BYTES	  4096
#define FILL	  (1 << 20)
#define NR_BEFORE 300 /* that are not counted */
#define NR_COUNT  15

struct contestant {
	const char *name, *so, *cfg;
	struct steps read, write;
};

static struct contestant contestants[] = {
	{ .name = "zloop", .so = HANDLER_ZLOOP, .cfg = CFG_ZLOOP },
	{ .name = "bare", .so = HANDLER_BARE, .cfg = CFG_BARE },
	{ .name = "user:zbc", .so = HANDLER_ZBC, .cfg = CFG_ZBC },
};

#define NR_CONTESTANTS (sizeof(contestants) / sizeof(contestants[0]))

/* More than bare's; the compilers' differences are among them. */
#define READ_MORE     1600
#define WRITE_MORE    2700
#define READ_ATOMICS  6
#define WRITE_ATOMICS 9

static const char *trace_path;
static uint8_t data[FILL];

/* ---- handle_cmd, counted ---- */

static int (*handle_cmd)(struct tcmu_device *dev, struct tcmur_cmd *cmd);
static bool to_count; /* the next command */
static bool measuring;
static struct steps counted;
/* For the command thread the time stands still. */
static _Thread_local bool is_still;
static struct timespec stopped_at[CLOCK_MONOTONIC_COARSE + 1];

/*
 * In place of libc's for the handlers, too: counting takes milliseconds, and on
 * a busy machine any command does, so that what is done from time to time would
 * be due in each of them.
 */
__attribute__((visibility("default"))) STEPS_UNCOUNTED int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t id, struct timespec * ts);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	if (!is_still || id < 0 || id > CLOCK_MONOTONIC_COARSE)
		return real(id, ts);
	real(id, ts);
	*ts = stopped_at[id];
	return 0;
}

/* The processor's counter cannot be stopped: as where the kernel distrusts it,
 * the clock is read, which takes more instructions. */
__attribute__((visibility("default"))) FILE *fopen(const char *path,
						   const char *mode)
{
	static char hpet[] = "hpet\n";
	FILE *(*real)(const char *path, const char *mode);

	*(void **)&real = dlsym(RTLD_NEXT, "fopen");
	if (strstr(path, "/current_clocksource"))
		return fmemopen(hpet, sizeof(hpet) - 1, "r");
	return real(path, mode);
}

static void stop_clocks(bool still)
{
	if (still && !is_still)
		for (clockid_t id = 0; id <= CLOCK_MONOTONIC_COARSE; id++)
			clock_gettime(id, &stopped_at[id]);
	is_still = still;
}

static int counted_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	int status;

	stop_clocks(measuring);
	if (!to_count)
		return handle_cmd(dev, cmd);
	steps_begin();
	status = handle_cmd(dev, cmd);
	steps_end(&counted);
	return status;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

#define MEDIAN(of, field)                                    \
	({                                                   \
		uint64_t v_[NR_COUNT];                       \
		for (unsigned i_ = 0; i_ < NR_COUNT; i_++)   \
			v_[i_] = (of)[i_].field;             \
		qsort(v_, NR_COUNT, sizeof(v_[0]), compare); \
		v_[NR_COUNT / 2];                            \
	})

static int command(struct tcmu_device *dev, bool write, unsigned n)
{
	uint64_t off = write ? n : n * 7 % (FILL / BYTES);

	return load_exec(dev, write,
			 (write ? WRITE_ZONES : READ_1_ZONE) * ZONE_BYTES +
				 off * BYTES,
			 BYTES, data);
}

/* The first ones do what is done from time to time. */
static int count(struct tcmu_device *dev, bool write, struct steps *res)
{
	struct steps each[NR_COUNT];
	unsigned n = 0;
	int ret = 0;

	measuring = true;
	for (; n < NR_BEFORE && !ret; n++)
		ret = command(dev, write, n);
	to_count = true;
	for (unsigned i = 0; i < NR_COUNT && !ret; i++) {
		ret = command(dev, write, n++);
		each[i] = counted;
	}
	to_count = measuring = false;
	if (ret)
		return ret;
	res->instructions = MEDIAN(each, instructions);
	res->syscalls = MEDIAN(each, syscalls);
	res->atomics = MEDIAN(each, atomics);
	return 0;
}

/* Of one of each. */
static int trace(struct tcmu_device *dev)
{
	int ret;

	steps_trace(trace_path);
	to_count = true;
	ret = command(dev, false, 0);
	if (!ret)
		ret = command(dev, true, NR_BEFORE + NR_COUNT);
	to_count = false;
	steps_trace(NULL);
	return ret;
}

static int measure(struct contestant *c, const char *dir)
{
	struct runner_handler *h = device_handler(c->so);
	struct tcmu_device *dev;
	char place[4096];
	int ret;

	snprintf(place, sizeof(place), "%s/cost-%s", dir,
		 strchr(c->name, ':') ? "zbc" : c->name);
	if (!h || (c == contestants && mkdir(place, 0700)))
		return 1;
	handle_cmd = h->ops->handle_cmd;
	h->ops->handle_cmd = counted_handle_cmd;
	dev = device_open(h, c->cfg, place);
	if (!dev)
		return 1;
	ret = load_exec(dev, true, READ_1_ZONE * ZONE_BYTES, FILL, data);
	if (!ret)
		ret = count(dev, false, &c->read);
	if (!ret)
		ret = count(dev, true, &c->write);
	if (!ret && trace_path && c == contestants)
		ret = trace(dev);
	runner_remove(dev);
	if (ret)
		fprintf(stderr, "bench: %s: a command failed\n", c->name);
	return ret;
}

/* ---- what is said of it ---- */

static void print(const char *what, const struct steps *s)
{
	printf("  %s %5lu %2lu %3lu", what, (unsigned long)s->instructions,
	       (unsigned long)s->syscalls, (unsigned long)s->atomics);
}

static bool too_much(const char *what, const struct steps *ours,
		     const struct steps *bare, uint64_t more, uint64_t atomics)
{
	bool bad = ours->instructions > bare->instructions + more ||
		   ours->syscalls > bare->syscalls || ours->atomics > atomics;

	if (bad)
		printf("a %s is to have %lu instructions, %lu system calls, "
		       "%lu atomic ones at most\n",
		       what, (unsigned long)(bare->instructions + more),
		       (unsigned long)bare->syscalls, (unsigned long)atomics);
	return bad;
}

static int check(void)
{
	const struct contestant *z = &contestants[0], *b = &contestants[1];
	bool bad =
		too_much("read", &z->read, &b->read, READ_MORE, READ_ATOMICS);

	return bad | too_much("write", &z->write, &b->write, WRITE_MORE,
			      WRITE_ATOMICS);
}

static const char usage[] =
	"usage: bench_cost [--check] [--trace FILE] [--handler FILE] "
	"DIRECTORY\n"
	"--check: fails if ours costs too much.  --trace: each instruction of "
	"ours\n"
	"in one read and one write, as \"FILE OFFSET\".  --handler: ours, of "
	"another\nbuild.\n";

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

static int run(const char *dir, bool checking)
{
	printf("in handle_cmd, 4K cached (medians): instructions, system "
	       "calls, atomic ones\n");
	for (unsigned i = 0; i < NR_CONTESTANTS; i++) {
		struct contestant *c = &contestants[i];

		if (!strcmp(c->name, "user:zbc") && access(c->so, R_OK))
			continue;
		if (measure(c, dir))
			return 1;
		printf("%-10s", c->name);
		print("read ", &c->read);
		print("write ", &c->write);
		printf("\n");
	}
	return checking ? check() : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "trace", required_argument, NULL, 't' },
		{ "handler", required_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool checking = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 't')
			trace_path = optarg;
		else if (c == 'h')
			contestants[0].so = optarg;
		else if (c == 'c')
			checking = true;
		else
			return wrong_usage();
	}
	if (optind + 1 != argc)
		return wrong_usage();
	if (!steps_init()) {
		printf("skipped: steps are counted on x86-64 only\n");
		return 77;
	}
	return run(argv[optind], checking);
}
