// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop.state: a disk opens whatever is in it, and says the same of its zones
 * when it is opened again.  With an odd first byte, records get their right
 * checksums, so that what is behind the checksum is met as well.
 */
#include "base/crc32c.h"
#include "disk/internal.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "disk/medium/journal_format.h"
#include "fuzz.h"
#include "stores/mem.h"
#include "zone/internal.h"

#define NR_ZONES 8u

static struct disk *open_disk(struct store_mem *mem, bool may_make)
{
	static const char how[] = "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
				  "max_open_zones=2";
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = may_make };
	struct zl_err err = { "" };
	struct store *st = store_mem_open(mem);
	struct disk *d;

	MUST(!disk_opts_parse(&opts, how, sizeof(how) - 1, ',', false, &err));
	if (disk_open_store(st, "test", &args, &d, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	return d;
}

static void fix_records(uint8_t *p, size_t len)
{
	for (; len >= JOURNAL_RECORD_BYTES;
	     p += JOURNAL_RECORD_BYTES, len -= JOURNAL_RECORD_BYTES) {
		memcpy(p, JOURNAL_MAGIC, 4);
		le_put(p + 28, 4, crc32c(p, 28));
	}
}

static void note_zones(struct disk *d, uint8_t conds[NR_ZONES])
{
	MUST(zone_set_check(&d->zones));
	for (uint32_t i = 0; i < NR_ZONES; i++)
		conds[i] = zone_slot_cond(&d->zones, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct store_mem *mem = store_mem_new();
	uint8_t before[NR_ZONES], after[NR_ZONES];
	bool fix = take_u8(&in) & 1;
	uint8_t *file;
	struct store *st;
	struct disk *d;

	MUST(mem);
	disk_close(open_disk(mem, true));
	file = exact_copy(in.p, in.left);
	if (fix)
		fix_records(file, in.left);
	st = store_mem_open(mem);
	MUST(!store_meta_replace(st, DISK_JOURNAL, file, in.left));
	store_close(st);
	free(file);

	d = open_disk(mem, false);
	note_zones(d, before);
	disk_abandon(d);
	d = open_disk(mem, false);
	note_zones(d, after);
	MUST(!memcmp(before, after, sizeof(after)));
	disk_close(d);
	store_mem_free(mem);
	return 0;
}
