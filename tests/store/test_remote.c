// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What the file store does otherwise where its files are on another machine:
 * which file system that is, the test says, and looks at the system calls.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "fault/mounts.h"
#include "ops.h"

static int asked_with; /* the flags of the last look at a file */

int statx(int dir_fd, const char *path, int flags, unsigned mask,
	  struct statx *sx)
{
	asked_with = flags;
	return (int)syscall(SYS_statx, dir_fd, path, flags, mask, sx);
}

static struct store *open_on(const char *type, const char *dir)
{
	struct store *st;

	mounts_type = type;
	st = tmp_open(dir);
	mounts_type = "";
	store_set_layout(st, store_conv_first(1));
	return st;
}

static const struct {
	const char *type;
	bool anew;
} rows[] = {
	{ "ext4", false },	{ "nfs", true },   { "nfs4", true },
	{ "smb3", true },	{ "ceph", false }, { "fuse.ceph-fuse", false },
	{ "fuse.sshfs", true }, { "9p", true },
};

/* What is known here may be from before another machine wrote. */
static void the_server_is_asked(void **state)
{
	char *dir = tmp_make();
	struct store_stat stat;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		struct store *st = open_on(rows[i].type, dir);

		assert_int_equal(store_stat(st, 0, &stat), 0);
		if (!!(asked_with & AT_STATX_FORCE_SYNC) != rows[i].anew)
			fail_msg("%s", rows[i].type);
		assert_true(asked_with & AT_SYMLINK_NOFOLLOW);
		store_close(st);
	}
	tmp_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_is_asked),
	};

	return cmocka_run_group_tests_name("store/remote", tests, NULL, NULL);
}
