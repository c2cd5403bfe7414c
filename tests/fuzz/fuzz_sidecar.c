// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop.json: what is accepted is a possible disk and is written as it was
 * read. */
#include "disk/internal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/options/check.h"
#include "fuzz.h"
#include "stores/mem.h"

static void write_and_read(const struct disk_meta *meta,
			   enum sidecar_state state)
{
	struct store_mem *mem = store_mem_new();
	struct store *st;
	struct disk_meta again;
	enum sidecar_state state_again;
	struct zl_err err = { "" };

	MUST(mem);
	st = store_mem_open(mem);
	MUST(!sidecar_write(st, meta, state));
	MUST(!sidecar_read(st, "test", &again, &state_again, &err));
	MUST(state == state_again);
	MUST(!memcmp(&again, meta, sizeof(again)));
	store_close(st);
	store_mem_free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = exact_copy(data, len);
	enum sidecar_state state;
	struct disk_meta meta;
	struct zl_err err = { "" };
	struct zone_geo geo;

	if (sidecar_parse(text, len, "test", &meta, &state, &err)) {
		check_sentence(err.msg);
	} else {
		meta_geo(&meta, &geo);
		MUST(!zone_geo_error(&geo));
		MUST(meta_slots(&meta) <= DISK_MAX_SLOTS);
		write_and_read(&meta, state);
	}
	free(text);
	return 0;
}
