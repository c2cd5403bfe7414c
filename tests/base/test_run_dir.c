// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/run_dir.h"

static void its_name(void **state)
{
	(void)state;
	unsetenv("ZLOOP_RUN_DIR");
	assert_string_equal(run_dir(), "/run/zloop");
	setenv("ZLOOP_RUN_DIR", "relative", 1);
	assert_string_equal(run_dir(), "/run/zloop");
	setenv("ZLOOP_RUN_DIR", "", 1);
	assert_string_equal(run_dir(), "/run/zloop");
	setenv("ZLOOP_RUN_DIR", "/else/where", 1);
	assert_string_equal(run_dir(), "/else/where");
}

static void made_once_and_only_ours(void **state)
{
	char top[] = "/tmp/zloop-run-XXXXXX", dir[64], link[64];
	struct zl_err err;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/run", top);
	snprintf(link, sizeof(link), "%s/link", top);
	setenv("ZLOOP_RUN_DIR", dir, 1);
	assert_int_equal(run_dir_make(&err), 0);
	assert_int_equal(run_dir_make(&err), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(run_dir_make(&err), 0);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(run_dir_make(&err), -EPERM);
	assert_non_null(strstr(err.msg, dir));
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(symlink(dir, link), 0);
	setenv("ZLOOP_RUN_DIR", link, 1);
	assert_int_equal(run_dir_make(&err), -EPERM);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(dir), 0);
	setenv("ZLOOP_RUN_DIR", "/nowhere/at/all", 1);
	assert_int_equal(run_dir_make(&err), -ENOENT);
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_name),
		cmocka_unit_test(made_once_and_only_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
