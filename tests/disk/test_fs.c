// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What is said of the file system that a disk is on, and to whom. */
#include <fcntl.h>
#include <stdarg.h>

#include "dirs.h"
#include "fault/mounts.h"

/* NFS has direct I/O of any size, which what the test is really on may not. */
int fcntl(int fd, int cmd, ...)
{
	int (*next)(int, int, ...) =
		(int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return next(fd, cmd, cmd == F_SETFL ? arg & ~O_DIRECT : arg);
}

static void opened_on(struct tmp_dir *t, const char *type, const char *options,
		      enum how how)
{
	struct zl_err err;
	struct disk *d;

	mounts_type = type;
	mounts_options = options;
	start_log();
	if (open_dir(t->path, how == MAKE ? USUAL : NULL,
		     how == MAKE ? USUAL_SIZE : 0, how, &d, &err))
		fail_msg("%s", err.msg);
	disk_close(d);
}

static void assert_not_logged(const char *text)
{
	if (strstr(logged, text))
		fail_msg("logged: %s\nin:\n%s", text, logged);
}

/* Who makes a disk and who opens it is told, who looks at it is not. */
static void told_when_opened(void **state)
{
	struct tmp_dir t;

	(void)state;
	tmp_dir_make(&t);
	opened_on(&t, "nfs", "rw,vers=3,nolock,local_lock=all", MAKE);
	assert_logged("mounted with nolock: other machines do not see");
	assert_logged("mounted with vers=3: ");
	assert_not_logged("local_lock");
	opened_on(&t, "nfs4", "rw,vers=4.2,soft,local_lock=none", 0);
	assert_logged("mounted with soft: ");
	assert_logged("does not say whether the kernel's zloop");
	opened_on(&t, "nfs4", "rw,vers=4.2,soft,local_lock=none", LOOK);
	assert_not_logged("mounted");
	opened_on(&t, "nfs4", "rw,vers=4.2,hard,local_lock=none", 0);
	assert_not_logged("mounted");
	opened_on(&t, "", NULL, 0);
	assert_not_logged("does not say");
	tmp_dir_drop(&t);
}

static void keep(void *user, const char *sentence)
{
	strcat(user, sentence);
}

static void told_who_asks(void **state)
{
	char text[1024] = "";
	struct tmp_dir t;

	(void)state;
	tmp_dir_make(&t);
	mounts_type = "fuse.sshfs";
	mounts_options = "rw";
	disk_each_doubt(t.path, keep, text);
	assert_non_null(strstr(text, "of the type fuse.sshfs: "));
	text[0] = 0;
	mounts_type = "xfs";
	disk_each_doubt(t.path, keep, text);
	assert_string_equal(text, "");
	mounts_type = "";
	tmp_dir_drop(&t);
	disk_each_doubt(t.path, keep, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_when_opened),
		cmocka_unit_test(told_who_asks),
	};

	return cmocka_run_group_tests_name("disk/fs", tests, NULL, NULL);
}
