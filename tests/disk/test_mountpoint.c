// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Mount points on which nothing is mounted, in a made-up system. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/internal.h"
#include "disk/life/mountpoint.h"
#include "disk/refusals.h"

static char root[] = "/tmp/zl-mountpoint-XXXXXX";

static void path_of(const char *name, char *path)
{
	snprintf(path, 256, "%s%s", root, name);
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	path_of(name, path);
	f = fopen(path, "w");
	assert_non_null(f);
	/* %s stands for the system's root, so that the paths are real. */
	fprintf(f, text, root, root, root);
	fclose(f);
}

static void drop(const char *name)
{
	char path[256];

	path_of(name, path);
	unlink(path);
}

static int setup(void **state)
{
	static const char *const dirs[] = {
		"/etc",	      "/etc/systemd", "/etc/systemd/system", "/proc",
		"/proc/self", "/disks",	      "/disks/a b",
	};
	char path[256], to[256];

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		path_of(dirs[i], path);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	path_of("/link", path);
	path_of("/disks", to);
	return symlink(to, path);
}

static int teardown(void **state)
{
	char cmd[300];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", root);
	return system(cmd);
}

static bool unmounted(const char *dir, char *who)
{
	char path[256];

	path_of(dir, path);
	return mountpoint_is_unmounted(root, path, who, 256);
}

static void nothing_says_so(void **state)
{
	char who[256];

	(void)state;
	assert_false(unmounted("/disks", who));
	put("/etc/fstab", "# a comment\n/dev/sda1 / ext4 defaults 0 1\n"
			  "/dev/sdb1 none swap sw 0 0\n\nrubbish\n");
	put("/proc/self/mounts", "/dev/sda1 / ext4 rw 0 0\n");
	assert_false(unmounted("/disks", who));
	assert_false(unmounted("/nowhere", who));
	assert_false(mountpoint_is_unmounted("", "/", who, sizeof(who)));
}

static void fstab_says_so(void **state)
{
	char who[256], file[256];

	(void)state;
	put("/etc/fstab", "/dev/sdb1 %s/disks/ xfs noauto 0 0\n");
	put("/proc/self/mounts", "/dev/sda1 / ext4 rw 0 0\n");
	assert_true(unmounted("/disks", who));
	path_of("/etc/fstab", file);
	assert_string_equal(who, file);
	assert_false(unmounted("/disks/a b", who));
	put("/proc/self/mounts", "/dev/sdb1 %s/disks xfs rw 0 0\n");
	assert_false(unmounted("/disks", who));
}

static void fstab_through_a_link(void **state)
{
	char who[256];

	(void)state;
	put("/etc/fstab", "/dev/sdb1 %s/link xfs defaults 0 0\n");
	put("/proc/self/mounts", "");
	assert_true(unmounted("/disks", who));
	assert_true(unmounted("/link", who));
}

static void fstab_with_a_space(void **state)
{
	char who[256];

	(void)state;
	put("/etc/fstab", "/dev/sdb1 %s/disks/a\\040b xfs defaults 0 0\n");
	put("/proc/self/mounts", "");
	assert_true(unmounted("/disks/a b", who));
	put("/proc/self/mounts", "/dev/sdb1 %s/disks/a\\040b xfs rw 0 0\n");
	assert_false(unmounted("/disks/a b", who));
}

static void a_mount_unit_says_so(void **state)
{
	char who[256], unit[256] = "/etc/systemd/system/";
	char *p = unit + strlen(unit);

	(void)state;
	put("/etc/fstab", "");
	put("/proc/self/mounts", "");
	/* The name as systemd-escape --path --suffix=mount has it. */
	for (const char *c = root + 1; *c; c++) {
		if (*c == '/')
			*p++ = '-';
		else if (*c == '-')
			p += sprintf(p, "\\x2d");
		else
			*p++ = *c;
	}
	strcpy(p, "-disks-a\\x20b.mount");
	put(unit, "[Mount]\n");
	assert_true(unmounted("/disks/a b", who));
	assert_non_null(strstr(who, "-disks-a\\x20b.mount"));
	assert_false(unmounted("/disks", who));
	drop(unit);
	assert_false(unmounted("/disks/a b", who));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_says_so),
		cmocka_unit_test(fstab_says_so),
		cmocka_unit_test(fstab_through_a_link),
		cmocka_unit_test(fstab_with_a_space),
		cmocka_unit_test(a_mount_unit_says_so),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
