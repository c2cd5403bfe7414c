// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The model of crash/power.h for a disk that is attached, and that loses power
 * with the file system below it:
 *
 *   power_disk make DIR
 *     makes the disk
 *   power_disk run SG STATES SEED COUNT MAPPED
 *     runs COUNT random commands on the sg device SG; STATES/N has the model
 *     while command N is under way, and when it is over the dm-log-writes
 *     device MAPPED gets the mark N; STATES/(COUNT + 1) is for what is behind
 *   power_disk verify DIR STATE
 *     checks what is there after a power failure during that command
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "crash/power.h"
#include "disk/io/io.h"
#include "sg_disk.h"

static char **args;
static unsigned command; /* the one under way */
static int sg_fd = -1, dm_fd = -1;

static void save(const struct power *p)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u", args[3], command);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, sizeof(*p), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static bool save_and_go_on(struct power *p)
{
	save(p);
	return false;
}

static bool never_off(struct power *p)
{
	(void)p;
	return false;
}

static enum disk_status run_there(struct power *p, struct disk_io *io)
{
	(void)p;
	return sg_disk_run(sg_fd, io);
}

static void print_log(enum zl_log_level level, const char *line)
{
	(void)level;
	fprintf(stderr, "%s\n", line);
}

/* Records that were never made durable may be torn; no zone may be. */
static void problem_found(void *user, uint32_t slot, const char *what)
{
	(void)user;
	if (slot != UINT32_MAX)
		fail_msg("zone %u: %s", slot, what);
}

static void open_dir(struct power *p, const char *dir, bool may_make)
{
	struct disk_open_args open_args = { .may_make = may_make };
	struct zl_err err = { "" };

	if (disk_open(dir, &open_args, &p->disk, &err))
		fail_msg("%s", err.msg);
	p->store = p->disk->store;
	disk_each_problem(p->disk, problem_found, NULL);
}

/* As `dmsetup message MAPPED 0 mark N` does it. */
static void mark(void)
{
	struct {
		struct dm_ioctl head;
		uint64_t sector; /* struct dm_target_msg */
		char text[32];
	} m = { .head = { .version = { 4, 0, 0 },
			  .data_size = sizeof(m),
			  .data_start = offsetof(__typeof__(m), sector) } };

	snprintf(m.head.name, sizeof(m.head.name), "%s", args[6]);
	snprintf(m.text, sizeof(m.text), "mark %u", command);
	if (ioctl(dm_fd, DM_TARGET_MSG, &m) < 0)
		fail_msg("mark %u of %s: %s", command, args[6],
			 strerror(errno));
}

static void make(void **state)
{
	static struct power p;
	struct zl_err err = { "" };
	struct store *st;

	(void)state;
	p.phys_blocks = 1;
	if (store_file_open(args[2], &st, &err))
		fail_msg("%s", err.msg);
	power_sidecar(&p, st);
	store_close(st);
	open_dir(&p, args[2], true);
	disk_close(p.disk);
}

static void run_commands(void **state)
{
	static struct power p;
	unsigned count = (unsigned)strtoul(args[5], NULL, 10);

	(void)state;
	sg_fd = open(args[2], O_RDWR);
	dm_fd = open("/dev/mapper/control", O_RDWR);
	assert_true(sg_fd >= 0 && dm_fd >= 0);
	power_init(&p, strtoull(args[4], NULL, 10));
	p.phys_blocks = 1;
	p.run = run_there;
	p.is_off = save_and_go_on;
	mark(); /* 0: the disk is made */
	for (command = 1; command <= count; command++) {
		save(&p); /* not every step is a command */
		power_step(&p);
		mark();
	}
	save(&p);
}

static void load(struct power *p, const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(fread(p, sizeof(*p), 1, f), 1);
	fclose(f);
	p->run = NULL;
	p->is_off = never_off;
}

static void verify(void **state)
{
	static struct power p;

	(void)state;
	load(&p, args[3]);
	power_new_boot();
	open_dir(&p, args[2], false);
	power_assert_promises(&p);
	power_use_all(&p);
	disk_close(p.disk);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest make_test[] = { cmocka_unit_test(make) };
	const struct CMUnitTest run_test[] = { cmocka_unit_test(run_commands) };
	const struct CMUnitTest verify_test[] = { cmocka_unit_test(verify) };

	args = argv;
	zl_log_set(print_log);
	if (argc == 3 && !strcmp(argv[1], "make"))
		return cmocka_run_group_tests(make_test, NULL, NULL);
	if (argc == 7 && !strcmp(argv[1], "run"))
		return cmocka_run_group_tests(run_test, NULL, NULL);
	if (argc == 4 && !strcmp(argv[1], "verify"))
		return cmocka_run_group_tests(verify_test, NULL, NULL);
	fprintf(stderr, "usage: power_disk make DIR\n"
			"       power_disk run SG STATES SEED COUNT MAPPED\n"
			"       power_disk verify DIR STATE\n");
	return 2;
}
