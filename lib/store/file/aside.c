// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store: setting a slot's file aside so that a reset can be undone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/file/file.h"

struct aside_names {
	char slot[STORE_NAME_MAX];
	char undo[STORE_NAME_MAX + 8], next[STORE_NAME_MAX + 8];
};

/* A second name for the old file first, so that the slot always has one. */
static int set_aside(struct store_file *sf, const struct aside_names *n)
{
	int dir = sf->dir_fd, fd, ret;

	unlinkat(dir, n->undo, 0);
	unlinkat(dir, n->next, 0);
	if (linkat(dir, n->slot, dir, n->undo, 0) < 0)
		return -errno;
	fd = file_openat_raw(sf, n->next, O_RDWR | O_CREAT | O_EXCL);
	ret = fd < 0 ? fd : 0;
	if (!ret && renameat(dir, n->next, dir, n->slot) < 0) {
		ret = -errno;
		unlinkat(dir, n->next, 0);
	}
	if (fd >= 0)
		close(fd);
	if (ret)
		unlinkat(dir, n->undo, 0);
	return ret;
}

int file_aside(struct store *st, uint32_t slot, enum store_aside what)
{
	struct store_file *sf = to_file(st);
	int dir = sf->dir_fd, ret = file_prove_first(sf);
	struct aside_names n;

	if (ret)
		return ret;
	store_slot_name(st, slot, n.slot);
	snprintf(n.undo, sizeof(n.undo), "%s.undo", n.slot);
	snprintf(n.next, sizeof(n.next), "%s.new", n.slot);
	switch (what) {
	case STORE_ASIDE_SET:
		ret = set_aside(sf, &n);
		break;
	case STORE_ASIDE_BACK:
		if (renameat(dir, n.undo, dir, n.slot) < 0)
			ret = -errno;
		break;
	case STORE_ASIDE_DROP:
		return unlinkat(dir, n.undo, 0) < 0 ? -errno : 0;
	}
	/* What a file that comes back has is to be synced anyway. */
	if (!ret)
		fd_forget(sf, slot);
	return ret;
}
