// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Who else has a zone's file open, on file systems whose leases tell and on
 * those whose do not: what they are, and what fcntl() says, is the test's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "fault/mounts.h"
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
	const char *name, *type;
	uint32_t magic;
	int error, answer;
} rows[] = {
	{ "ext4, nobody", "ext4", 0xef53, 0, 0 },
	{ "ext4, somebody", "ext4", 0xef53, EAGAIN, -EBUSY },
	{ "none at all", "none", 0x1234, EINVAL, -EINVAL },
	{ "NFS, not delegated", "nfs4", 0x6969, EAGAIN, -EINVAL },
	{ "NFS, delegated", "nfs4", 0x6969, 0, -EINVAL },
	{ "NFS 3", "nfs", 0x6969, EAGAIN, -EINVAL },
	{ "NFS, mounted who knows where", NULL, 0x6969, EAGAIN, -EINVAL },
	{ "ext4, mounted who knows where", NULL, 0xef53, EAGAIN, -EBUSY },
	{ "CIFS", "cifs", 0xff534d42, EAGAIN, -EINVAL },
	{ "SMB 2", "smb3", 0xfe534d42, EAGAIN, -EINVAL },
	{ "CephFS", "ceph", 0x00c36400, EINVAL, -EINVAL },
	{ "ceph-fuse, somebody here", "fuse.ceph-fuse", 0x65735546, EAGAIN,
	  -EBUSY },
};

static void asked(const char *dir, unsigned i)
{
	struct store *st;

	mounts_type = rows[i].type;
	fs.type = rows[i].magic;
	fs.error = rows[i].error;
	st = tmp_open(dir);
	store_set_layout(st, store_conv_first(0));
	if (store_file_probe_users(st, 0) != rows[i].answer)
		fail_msg("%s", rows[i].name);
	store_close(st);
}

static void what_a_lease_says(void **state)
{
	char *dir = tmp_make();
	struct store *st = tmp_open(dir);

	(void)state;
	store_set_layout(st, store_conv_first(0));
	assert_int_equal(store_make(st, 0, 0), 0);
	store_close(st);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(rows); i++)
		asked(dir, i);
	tmp_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_lease_says),
	};

	return cmocka_run_group_tests_name("store/users", tests, NULL, NULL);
}
