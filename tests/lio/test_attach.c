// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* From a cfgstring to a disk of this machine, or to nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lio/fake.h"
#include "lio/internal.h"

#define CORE FAKE_TARGET "/core/user_0/zloop0"
#define LUN  FAKE_TARGET "/loopback/" FAKE_WWN "/tpgt_1/lun/lun_0"

static void attach(void)
{
	char device[LIO_DEVICE_MAX];
	struct zl_err err;

	assert_int_equal(lio_attach(&fake_lio, &fake_args, NULL, device, &err),
			 0);
	assert_string_equal(device, "sdq");
}

static bool take_first(void *user, const struct lio_backstore *bs)
{
	*(struct lio_backstore *)user = *bs;
	return false;
}

static bool take_export(void *user, const struct lio_export *ex)
{
	*(struct lio_export *)user = *ex;
	return false;
}

static void attaches(void **state)
{
	struct lio_backstore bs = { .name = "" };
	struct lio_export ex = { .fabric = "" };

	(void)state;
	attach();
	assert_string_equal(fake_get(CORE "/enable"), "1");
	assert_string_equal(fake_get(CORE "/.hw_block_size"), "4096");
	assert_string_equal(fake_get(CORE "/.hw_max_sectors"), "256");
	assert_string_equal(fake_get(CORE "/.max_data_area_mb"), "128");
	assert_string_equal(fake_get(CORE "/.cmd_ring_size_mb"), "1");
	assert_string_not_equal(
		fake_get(FAKE_TARGET "/loopback/" FAKE_WWN "/tpgt_1/nexus"),
		FAKE_WWN);

	lio_each_backstore(&fake_lio, take_first, &bs);
	assert_string_equal(bs.hba, "user_0");
	assert_string_equal(bs.name, "zloop0");
	assert_string_equal(bs.config, "@/srv/zloop/0");
	assert_string_equal(lio_backstore_dir(&bs), "/srv/zloop/0");
	assert_string_equal(bs.unit_serial, "0123456789abcdef");
	assert_true(bs.size_bytes == fake_args.size_bytes);
	assert_true(bs.enabled);

	lio_each_export(&fake_lio, &bs, take_export, &ex);
	assert_string_equal(ex.fabric, "loopback");
	assert_string_equal(ex.wwn, FAKE_WWN);
	assert_string_equal(ex.tpg, "tpgt_1");
	assert_int_equal(ex.lun, 0);
}

static void detaches(void **state)
{
	struct lio_backstore bs;
	struct lio_export ex;
	struct zl_err err;

	(void)state;
	attach();
	lio_each_backstore(&fake_lio, take_first, &bs);
	lio_each_export(&fake_lio, &bs, take_export, &ex);
	assert_int_equal(lio_export_remove(&fake_lio, &ex, &err), 0);
	assert_false(fake_has("/dev/sdq"));
	assert_int_equal(lio_backstore_remove(&fake_lio, &bs, &err), 0);
	fake_assert_clean();
}

/* The same LUN of the same target, with a new disk. */
static void renews(void **state)
{
	char device[LIO_DEVICE_MAX] = "";
	struct lio_backstore bs;
	struct lio_export ex, again = { .fabric = "" };
	struct zl_err err;

	(void)state;
	attach();
	lio_each_backstore(&fake_lio, take_first, &bs);
	lio_each_export(&fake_lio, &bs, take_export, &ex);
	assert_int_equal(lio_renew_disk(&fake_lio, &bs, &ex, device, &err), 0);
	assert_string_equal(device, "sdq");
	lio_each_export(&fake_lio, &bs, take_export, &again);
	assert_string_equal(again.wwn, ex.wwn);
	assert_string_equal(again.tpg, ex.tpg);
	assert_int_equal(again.lun, ex.lun);
	fake->changes = 0;
	fake->fail_at = 6;
	assert_int_equal(lio_renew_disk(&fake_lio, &bs, &ex, device, &err),
			 -EIO);
	assert_non_null(strstr(err.msg, "cannot be made again"));
	fake->fail_at = 0;
	assert_int_equal(lio_backstore_remove(&fake_lio, &bs, &err), 0);
}

/* Whatever fails, nothing is left and somebody is told. */
static void every_failure(void **state)
{
	char device[LIO_DEVICE_MAX];
	struct zl_err err;
	unsigned n = 0;
	int ret;

	(void)state;
	do {
		fake->changes = 0;
		fake->fail_at = ++n;
		*err.msg = 0;
		ret = lio_attach(&fake_lio, &fake_args, NULL, device, &err);
		fake->fail_at = 0;
		if (ret) {
			assert_int_equal(ret, -EIO);
			assert_string_not_equal(err.msg, "");
			fake_assert_clean();
			assert_false(fake_has("/dev/sdq"));
		}
	} while (ret);
	/* Two for the backstore's directories, five to set it up, two for its
	 * name; six for the target. */
	assert_in_range(n, 12, 20);
}

/* What the handler said, not what the kernel made of it. */
static void refused(void **state)
{
	char device[LIO_DEVICE_MAX];
	struct zl_err err;

	(void)state;
	fake->refuses = true;
	assert_int_equal(lio_attach(&fake_lio, &fake_args, NULL, device, &err),
			 -ENOENT);
	assert_string_equal(err.msg, "zloop0 cannot be attached: it is on a "
				     "read-only mount");
	fake_assert_clean();
	/* That was then. */
	fake->silently = true;
	assert_int_equal(lio_attach(&fake_lio, &fake_args, NULL, device, &err),
			 -ENOENT);
	assert_string_equal(err.msg, "tcmu-runner refused zloop0; the reason "
				     "is in /var/log/tcmu-runner.log");
}

static void no_disk(void **state)
{
	char device[LIO_DEVICE_MAX];
	struct zl_err err;

	(void)state;
	fake->no_disk = true;
	fake_lio.wait_ms = 3000;
	assert_int_equal(lio_attach(&fake_lio, &fake_args, NULL, device, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "has made no disk"));
	fake_assert_clean();
}

/* The disk becomes whole in the background; @late does that. */
static void attach_late(void (*late)(void))
{
	char device[LIO_DEVICE_MAX];
	pid_t pid = fork();
	struct zl_err err;
	int ret;

	assert_true(pid >= 0);
	if (!pid) {
		while (!fake_has("/dev/sdq"))
			usleep(1000);
		usleep(100000);
		late();
		_exit(0);
	}
	ret = lio_attach(&fake_lio, &fake_args, NULL, device, &err);
	if (!fake->late)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ret, 0);
	assert_true(fake->late);
}

static void make_device(void)
{
	fake->late = true;
	fake_drop("/dev/sdq");
	fake_put("/dev/sdq", "");
}

/* Whoever reads the device's name opens it. */
static void late_device(void **state)
{
	(void)state;
	fake->no_device = true;
	attach_late(make_device);
}

static void know_zones(void)
{
	fake->late = true;
	fake_put("/sys/block/sdq/queue/nr_zones", "32");
}

static void late_zones(void **state)
{
	(void)state;
	fake->no_zones = true;
	attach_late(know_zones);
}

static void dead_device(void **state)
{
	char device[LIO_DEVICE_MAX];
	struct zl_err err;

	(void)state;
	fake->no_device = true;
	fake_lio.wait_ms = 2000;
	assert_int_equal(lio_attach(&fake_lio, &fake_args, NULL, device, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "no device that can be opened"));
	fake_assert_clean();
}

/* A udevadm of ours, for which udev runs. */
static void settles(void **state)
{
	char dir[PATH_MAX], script[2 * PATH_MAX], *old = strdup(getenv("PATH"));

	(void)state;
	snprintf(dir, sizeof(dir), "%s/bin", fake_lio.root);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\nsleep 0.1\necho $* >%s/settled", fake_lio.root);
	fake_put("/bin/udevadm", script);
	fake_put("/run/udev/control", "");
	snprintf(script, sizeof(script), "%s/udevadm", dir);
	assert_int_equal(chmod(script, 0755), 0);
	snprintf(script, sizeof(script), "%s:%s", dir, old);
	setenv("PATH", script, 1);
	attach();
	setenv("PATH", old, 1);
	free(old);
	assert_string_equal(fake_get("/settled"), "settle");
}

/* What the caller has open, be it a script's lock, stays with the caller. */
static void descriptors(void **state)
{
	static const char *const words[] = { "sh", "-c",
					     "! test -e /proc/self/fd/9",
					     NULL };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(dup2(fd, FAKE_FD), FAKE_FD);
	assert_int_equal(lio_run_program(words, 5000), 0);
	attach();
	assert_false(fake->inherits);
	close(FAKE_FD);
	close(fd);
}

/* tcmu-runner hangs: what it does in the end is taken back. */
static void hanging_daemon(void **state)
{
	char device[LIO_DEVICE_MAX];
	struct zl_err err;

	(void)state;
	fake->hang = true;
	fake_lio.wait_ms = 3000;
	assert_int_equal(lio_attach(&fake_lio, &fake_args, NULL, device, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "has not answered about zloop0"));
	assert_true(fake_has(CORE));
	fake->hang = false;
	for (int i = 0; i < 20000 && fake_has(FAKE_TARGET "/core/user_0"); i++)
		usleep(1000);
	fake_assert_clean();
	/* Where it had hung the caller's file system could not be unmounted. */
	assert_false(fake->stays);
}

/* tcmu-runner dies: the kernel is told that no answer will come. */
static void dying_daemon(void **state)
{
	char device[LIO_DEVICE_MAX];
	struct zl_err err;

	(void)state;
	fake->hang = fake->resettable = fake->daemon_dies = true;
	assert_int_equal(lio_attach(&fake_lio, &fake_args, NULL, device, &err),
			 -EIO);
	assert_non_null(strstr(err.msg, "tcmu-runner does not run"));
	fake_assert_clean();
	assert_string_equal(fake_get("/sys/module/target_core_user/parameters/"
				     "block_netlink"),
			    "0");
}

/* One that runs is not disturbed. */
static void unblock_refuses(void **state)
{
	(void)state;
	assert_false(lio_unblock(&fake_lio));
	assert_string_equal(fake_get("/sys/module/target_core_user/parameters/"
				     "reset_netlink"),
			    "unblocked");
	fake_stop_daemon();
	assert_true(lio_unblock(&fake_lio));
}

/* The number is one among all kinds of backstores. */
static void numbers(void **state)
{
	struct lio_backstore bs = { .name = "" };

	(void)state;
	fake_put(FAKE_TARGET "/core/fileio_0/x/info", "");
	fake_put(FAKE_TARGET "/core/user_1/other/info",
		 "Status: ACTIVATED\n        Config: zbc/@/x  Size: 512");
	attach();
	assert_true(fake_has(FAKE_TARGET "/core/user_2/zloop0"));
	assert_true(lio_name_is_taken(&fake_lio, "other"));
	assert_false(lio_name_is_taken(&fake_lio, "x"));
	/* Others' are passed over. */
	lio_each_backstore(&fake_lio, take_first, &bs);
	assert_string_equal(bs.name, "zloop0");
}

/* A target with somebody else's LUN keeps it. */
static void shared_target(void **state)
{
	struct lio_backstore bs;
	struct lio_export ex;
	struct zl_err err;

	(void)state;
	attach();
	fake_put(FAKE_TARGET "/loopback/" FAKE_WWN
			     "/tpgt_1/lun/lun_1/alua_tg_pt_gp",
		 "");
	lio_each_backstore(&fake_lio, take_first, &bs);
	lio_each_export(&fake_lio, &bs, take_export, &ex);
	assert_int_equal(lio_export_remove(&fake_lio, &ex, &err), 0);
	assert_false(fake_has(LUN));
	assert_true(fake_has(FAKE_TARGET "/loopback/" FAKE_WWN
					 "/tpgt_1/lun/lun_1"));
}

/* … also if one that is to be added to it cannot be. */
static void shared_target_fails(void **state)
{
	static const char other[] =
		FAKE_TARGET "/loopback/" FAKE_WWN "/tpgt_1/lun/lun_1";
	static const char link[] =
		FAKE_TARGET "/loopback/" FAKE_WWN "/tpgt_1/lun/lun_1/other";
	char device[LIO_DEVICE_MAX], path[PATH_MAX];
	struct lio_backstore bs;
	struct lio_export ex;
	struct zl_err err;
	unsigned n = 0;
	int ret;

	(void)state;
	attach();
	fake_put(FAKE_TARGET "/loopback/" FAKE_WWN
			     "/tpgt_1/lun/lun_1/alua_tg_pt_gp",
		 "");
	snprintf(path, sizeof(path), "%s%s", fake_lio.root, link);
	assert_int_equal(symlink("/x/core/user_9/other", path), 0);
	lio_each_backstore(&fake_lio, take_first, &bs);
	lio_each_export(&fake_lio, &bs, take_export, &ex);
	assert_int_equal(lio_export_remove(&fake_lio, &ex, &err), 0);
	assert_int_equal(lio_backstore_remove(&fake_lio, &bs, &err), 0);
	do {
		fake->changes = 0;
		fake->fail_at = ++n;
		ret = lio_attach(&fake_lio, &fake_args, NULL, device, &err);
		fake->fail_at = 0;
		assert_true(fake_has(other));
		assert_true(fake_has(link));
		if (ret)
			assert_false(fake_has(LUN));
	} while (ret);
}

/* Somebody else was faster: two disks never have one name. */
static void name_taken(void **state)
{
	struct lio_backstore_args args = fake_args;
	struct lio_backstore bs;
	struct zl_err err;

	(void)state;
	fake_put(FAKE_TARGET "/core/user_5/zloop0/info", "");
	assert_int_equal(lio_backstore_make(&fake_lio, &args, &bs, &err),
			 -EEXIST);
	assert_non_null(strstr(err.msg, "zloop0"));
	assert_int_equal(fake_count(FAKE_TARGET "/core/user_*"), 1);
	args.spare_name = "zloop-0123456789abcdef";
	assert_int_equal(lio_backstore_make(&fake_lio, &args, &bs, &err), 0);
	assert_string_equal(bs.name, args.spare_name);
	assert_true(
		fake_has(FAKE_TARGET "/core/user_0/zloop-0123456789abcdef"));
	assert_false(fake_has(CORE));
	assert_true(fake_has(FAKE_TARGET "/core/user_5/zloop0"));
}

static void long_names(void **state)
{
	struct lio_backstore_args args = fake_args;
	char device[LIO_DEVICE_MAX], config[300];
	struct zl_err err;

	(void)state;
	memset(config, 'x', sizeof(config) - 1);
	config[sizeof(config) - 1] = 0;
	args.config = config;
	assert_int_equal(lio_attach(&fake_lio, &args, NULL, device, &err),
			 -ENAMETOOLONG);
	fake_assert_clean();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_enter, fake_leave)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(attaches),
		TEST(detaches),
		TEST(renews),
		TEST(every_failure),
		TEST(no_disk),
		TEST(hanging_daemon),
		TEST(dying_daemon),
		TEST(unblock_refuses),
		TEST(numbers),
		TEST(shared_target),
		TEST(long_names),
		TEST(name_taken),
		TEST(shared_target_fails),
		TEST(late_device),
		TEST(late_zones),
		TEST(dead_device),
		TEST(settles),
		TEST(descriptors),
		TEST(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
