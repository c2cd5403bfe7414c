// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The handler's cfgstring and the command's option string. */
#include "disk/options/options.h"
#include "fuzz.h"

static void check_opts(const struct disk_opts *opts)
{
	for (unsigned id = 0; id < OPT_NR; id++) {
		const struct disk_opt *o = &disk_opt_table[id];

		if (!disk_opt_given(opts, id) || o->kind != OPT_KIND_NUMBER)
			continue;
		MUST(opts->num[id] >= o->min && opts->num[id] <= o->max);
	}
	MUST(memchr(opts->base_dir, 0, sizeof(opts->base_dir)));
}

static void one_string(const char *s, size_t len, char sep, bool cfgstring)
{
	struct zl_err err = { "" };
	struct disk_opts opts;

	if (disk_opts_parse(&opts, s, len, sep, cfgstring, &err)) {
		check_sentence(err.msg);
		return;
	}
	check_opts(&opts);
	disk_opts_round_capacity(&opts);
	if (disk_opts_check(&opts, 0, &err))
		check_sentence(err.msg);
	if (disk_opts_check(&opts, UINT64_C(1) << 40, &err))
		check_sentence(err.msg);
}

/* What opens the disk again says the same of each opening, and no more. */
static void reopened(const struct disk_opts *opts, const char *dir)
{
	char cfg[DISK_CFG_MAX + 1];
	struct zl_err err = { "" };
	struct disk_opts again;
	const char *at;

	MUST(disk_cfg_reopen(cfg, sizeof(cfg), opts, dir) < sizeof(cfg));
	MUST(!disk_cfg_parse(cfg, &again, &at, &err) && !strcmp(at, dir));
	for (enum disk_opt_id id = 0; id < OPT_NR; id++) {
		MUST(disk_opt_given(&again, id) ==
		     (disk_opt_table[id].use && disk_opt_given(opts, id)));
		MUST(!disk_opt_given(&again, id) ||
		     again.num[id] == opts->num[id]);
	}
}

static void cfgstring(const char *s)
{
	struct zl_err err = { "" };
	struct disk_opts opts;
	const char *dir;

	if (disk_cfg_parse(s, &opts, &dir, &err)) {
		check_sentence(err.msg);
		return;
	}
	check_opts(&opts);
	MUST(dir > s && dir[-1] == '@' && dir[0] == '/');
	MUST(strlen(s) + strlen("zloop/") <= DISK_CFG_MAX);
	reopened(&opts, dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *exact = exact_copy(data, len), *str;

	one_string(exact, len, '/', true);
	one_string(exact, len, ',', false);
	str = malloc(len + 1);
	MUST(str);
	memcpy(str, exact, len);
	str[len] = 0;
	cfgstring(str);
	free(str);
	free(exact);
	return 0;
}
