// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Who has a disk: read from its journal by anybody. */
#include <errno.h>

#include "disk/medium/holder.h"
#include "disk/medium/journal.h"
#include "store/store.h"

int holder_read(struct store *st, const char *name, struct disk_holder *h,
		struct zl_err *err)
{
	static const struct zone_geo no_zones = { .zone_blocks = 1 };
	struct journal_state state;
	int ret = journal_load(st, name, &no_zones, &state, NULL, NULL, err);

	if (ret)
		return ret;
	if (!state.bytes)
		return zl_fail(err, ENOENT, "%s has no " DISK_JOURNAL, name);
	*h = state.holder;
	h->clean = state.clean;
	h->here = state.same_boot;
	h->write_through = holder_has_write_through(h);
	return 0;
}

int disk_read_holder(const char *dir, struct disk_holder *h, struct zl_err *err)
{
	struct store *st;
	int ret = store_file_open(dir, &st, err);

	if (ret)
		return ret;
	ret = holder_read(st, dir, h, err);
	if (!ret)
		h->copied = holder_had_another_dir(h, dir);
	store_close(st);
	return ret;
}
