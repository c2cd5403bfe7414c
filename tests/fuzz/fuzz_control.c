// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The control socket's requests: every line, whatever it is, gets one reply of
 * one line, which is a JSON object, and leaves a disk whose accounts agree.
 */
#include <json-c/json.h>

#include "control/control.h"
#include "disk/internal.h"
#include "fuzz.h"
#include "zone/internal.h"
#include "stores/mem.h"

static struct disk *make_disk(struct store_mem *mem)
{
	static const char how[] = "capacity_mb=8,zone_size_mb=1,conv_zones=2";
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	struct zl_err err;
	struct disk *d;

	MUST(!disk_opts_parse(&opts, how, sizeof(how) - 1, ',', false, &err));
	MUST(!disk_open_store(store_mem_open(mem), "test", &args, &d, &err));
	return d;
}

static void one_line(struct disk *d, const char *text, size_t len)
{
	char *exact = exact_copy(text, len);
	char *reply = control_answer(d, NULL, exact, len, NULL, NULL);
	struct json_object *o;
	size_t n;

	MUST(reply);
	n = strlen(reply);
	MUST(n && n <= CONTROL_REPLY_MAX &&
	     strchr(reply, '\n') == reply + n - 1);
	o = json_tokener_parse(reply);
	MUST(json_object_is_type(o, json_type_object));
	MUST(json_object_object_get_ex(o, "ok", NULL));
	json_object_put(o);
	free(reply);
	free(exact);
	MUST(zone_set_check(&d->zones));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data, *end = p + len, *nl;
	struct store_mem *mem = store_mem_new();
	struct disk *d;

	MUST(mem);
	d = make_disk(mem);
	while (p < end) {
		nl = memchr(p, '\n', (size_t)(end - p));
		one_line(d, p, (size_t)((nl ? nl : end) - p));
		p = nl ? nl + 1 : end;
	}
	disk_close(d);
	store_mem_free(mem);
	return 0;
}
