// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Who else has a zone's file open, on file systems whose leases tell and on
 * those whose do not: what fstatfs() and fcntl() say is the test's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "ops.h"

static struct {
	uint32_t type;
	int error; /* of F_SETLEASE */
} fs;

int fstatfs(int fd, struct statfs *sf)
{
	(void)fd;
	memset(sf, 0, sizeof(*sf));
	sf->f_type = fs.type;
	return 0;
}

int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	if (cmd == F_SETLEASE && arg == F_WRLCK) {
		errno = fs.error;
		return fs.error ? -1 : 0;
	}
	if (cmd == F_SETLEASE)
		return 0;
	return (int)syscall(SYS_fcntl, fd, cmd, arg);
}

static const struct {
	const char *name;
	uint32_t type;
	int error, answer;
} rows[] = {
	{ "ext4, nobody", 0xef53, 0, 0 },
	{ "ext4, somebody", 0xef53, EAGAIN, -EBUSY },
	{ "none at all", 0x1234, EINVAL, -EINVAL },
	{ "NFS, not delegated", 0x6969, EAGAIN, -EINVAL },
	{ "NFS, delegated", 0x6969, 0, -EINVAL },
	{ "CIFS", 0xff534d42, EAGAIN, -EINVAL },
	{ "SMB 2", 0xfe534d42, EAGAIN, -EINVAL },
};

static void what_a_lease_says(void **state)
{
	char *dir = tmp_make();
	struct store *st = tmp_open(dir);

	(void)state;
	store_set_layout(st, store_conv_first(0));
	assert_int_equal(store_make(st, 0, 0), 0);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		fs.type = rows[i].type;
		fs.error = rows[i].error;
		if (store_file_probe_users(st, 0) != rows[i].answer)
			fail_msg("%s", rows[i].name);
	}
	store_close(st);
	tmp_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_lease_says),
	};

	return cmocka_run_group_tests_name("store/users", tests, NULL, NULL);
}
