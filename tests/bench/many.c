// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What many idle disks in one daemon cost: makes so many small ones, opens all
 * of them in the stand-in, asks each for its state, and closes them.  Prints
 * how long that takes for each, and what they have while nothing happens:
 * threads by name, descriptors by kind, processor time, memory.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/ask.h"
#include "runner.h"
#include "usage.h"

#define DISK_BYTES (UINT64_C(8) << 20)
#define SETTLE_S   8 /* threads that have nothing to do end in this time */
#define IDLE_S	   5
#define MAX_NAMES  32

struct tally {
	char name[MAX_NAMES][32];
	unsigned count[MAX_NAMES], nr, sum;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "many: %s: %s\n", what, why);
	exit(1);
}

/* What differs in numbers only counts as one. */
static void count(struct tally *t, char *name)
{
	size_t len = strlen(name);
	unsigned i = 0;

	while (len > 1 && strchr("0123456789", name[len - 1]))
		name[--len] = 0;
	while (i < t->nr && strcmp(t->name[i], name))
		i++;
	if (i == MAX_NAMES)
		die(name, "too many kinds");
	if (i == t->nr)
		snprintf(t->name[t->nr++], sizeof(t->name[0]), "%s", name);
	t->count[i]++;
	t->sum++;
}

static void print(const char *title, const struct tally *t)
{
	printf("  %u %s:", t->sum, title);
	for (unsigned i = 0; i < t->nr; i++)
		printf("%s %u %s", i ? "," : "", t->count[i], t->name[i]);
	printf("\n");
}

static void count_thread(struct tally *t, const char *tid)
{
	char path[300], name[32] = "?";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/comm", tid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = 0;
	fclose(f);
	count(t, name);
}

/* "eventfd", "socket", a file's name, or "directory". */
static void count_fd(struct tally *t, const char *fd)
{
	char path[300], target[4096], kind[32], *name = target;
	struct stat sb;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%s", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = 0;
	if (!stat(path, &sb) && S_ISDIR(sb.st_mode))
		name = strcpy(target, "directory");
	else if (*target == '/')
		name = strrchr(target, '/') + 1;
	else if (sscanf(target, "anon_inode:[%31[^]]", kind) == 1)
		name = kind;
	else
		target[strcspn(target, ":")] = 0;
	count(t, name);
}

static void each(const char *dir, struct tally *t,
		 void (*fn)(struct tally *t, const char *name))
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (*e->d_name != '.')
			fn(t, e->d_name);
	if (d)
		closedir(d);
}

static void add(struct runner_handler *h, const char *dir, unsigned i,
		bool make, struct tcmu_device **dev)
{
	char cfg[256], path[200], name[32];
	struct runner_dev_params p = { .name = name,
				       .cfgstring = cfg,
				       .size_bytes = DISK_BYTES,
				       .ring = { .depth = 2,
						 .max_data_bytes = 4096 } };

	snprintf(name, sizeof(name), "many%u", i);
	snprintf(path, sizeof(path), "%s/%u", dir, i);
	if (make && mkdir(path, 0700))
		die(path, "cannot be made");
	snprintf(cfg, sizeof(cfg), "zloop/%s@%s",
		 make ? "zone_size_mb=1/conv_zones=2" : "", path);
	if (runner_add(h, &p, dev))
		die(cfg, "cannot be opened");
}

static unsigned served;

static bool ask(void *user, const char *serial)
{
	struct control_info info;
	struct zl_err err = { "" };

	(void)user;
	if (control_info(serial, &info, NULL, &err))
		die(serial, err.msg);
	served++;
	return true;
}

static void lap(const char *what, unsigned nr, double *since)
{
	double now = now_s();

	printf(" %s %.2f ms", what, (now - *since) * 1e3 / nr);
	*since = now;
}

static void look_at_idle(void)
{
	struct tally threads = { .nr = 0 }, fds = { .nr = 0 };
	double cpu;

	sleep(SETTLE_S);
	each("/proc/self/task", &threads, count_thread);
	each("/proc/self/fd", &fds, count_fd);
	cpu = cpu_s();
	sleep(IDLE_S);
	cpu = cpu_s() - cpu;
	print("threads", &threads);
	print("descriptors", &fds);
	printf("  %.3f ms of processor time a second, %ld MiB\n",
	       cpu * 1e3 / IDLE_S, memory_kib("VmRSS") / 1024);
}

int main(int argc, char **argv)
{
	unsigned nr = argc >= 3 ? (unsigned)atoi(argv[2]) : 0;
	const char *handler = argc > 3 ? argv[3] : HANDLER_ZLOOP;
	char *why, run_dir[] = "/tmp/zl-many-XXXXXX";
	struct tcmu_device **devs = calloc(nr + 1, sizeof(*devs));
	struct runner_handler *h;
	struct zl_err err;
	double at;

	if (!nr || !devs) {
		fprintf(stderr,
			"usage: bench_many DIRECTORY DISKS [HANDLER]\n");
		return 2;
	}
	if (!mkdtemp(run_dir) || setenv("ZLOOP_RUN_DIR", run_dir, 1))
		die(run_dir, "cannot be made");
	h = runner_load(handler, &why);
	if (!h)
		die(handler, why);
	printf("%u disks, each:", nr);
	at = now_s();
	for (unsigned i = 0; i < nr; i++)
		add(h, argv[1], i, true, &devs[i]);
	lap("made", nr, &at);
	for (unsigned i = 0; i < nr; i++)
		runner_remove(devs[i]);
	lap("closed", nr, &at);
	for (unsigned i = 0; i < nr; i++)
		add(h, argv[1], i, false, &devs[i]);
	lap("opened", nr, &at);
	if (control_each(ask, NULL, &err) || served != nr)
		die("control sockets", "not all of them answer");
	lap("asked", nr, &at);
	printf("\n");
	look_at_idle();
	for (unsigned i = 0; i < nr; i++)
		runner_remove(devs[i]);
	rmdir(run_dir);
	free(devs);
	return 0;
}
