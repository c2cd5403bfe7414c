// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * How a machine has the disk attached, kept beside it for another machine that
 * takes over.  The text is the caller's.
 */
#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/num.h"
#include "disk/disk.h"
#include "disk/medium/sidecar.h"
#include "store/store.h"

/* NFS, SMB, CephFS, and what a program or another kernel makes of it. */
bool disk_is_shared(const char *dir)
{
	static const uint32_t types[] = { 0x6969,     0xff534d42, 0xfe534d42,
					  0x00c36400, 0x65735546, 0x01021997 };
	struct statfs sf;

	if (statfs(dir, &sf))
		return false;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(types); i++)
		if ((uint32_t)sf.f_type == types[i])
			return true;
	return false;
}

int disk_gateway_read(const char *dir, char **text, size_t *len)
{
	struct store *st;
	void *data;
	int ret = store_file_open(dir, &st, NULL);

	if (ret)
		return ret;
	ret = store_meta_read(st, DISK_GATEWAY, &data, len);
	store_close(st);
	if (!ret)
		*text = data;
	return ret;
}

int disk_gateway_write(const char *dir, const char *text, struct zl_err *err)
{
	struct store *st;
	int ret = store_file_open(dir, &st, err);

	if (ret)
		return ret;
	ret = store_meta_replace(st, DISK_GATEWAY, text, strlen(text));
	store_close(st);
	if (!ret)
		return 0;
	return zl_fail(err, -ret, "%s/" DISK_GATEWAY " cannot be written: %s",
		       dir, strerror(-ret));
}
