// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * How a machine has the disk attached, kept beside it for another machine that
 * takes over.  The text is the caller's.
 */
#include <errno.h>
#include <string.h>

#include "base/limit.h"
#include "disk/disk.h"
#include "disk/medium/sidecar.h"
#include "store/fs.h"
#include "store/store.h"

bool disk_is_shared(const char *dir)
{
	struct store *st;
	bool shared;

	if (store_file_open(dir, &st, NULL))
		return false;
	shared = fs_is_remote(store_file_fs(st));
	store_close(st);
	return shared;
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
		       dir, limit_strerror(-ret));
}
