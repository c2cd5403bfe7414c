// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Prints the table of options for the test of the documentation: a line each,
 * with the name, kind, bounds (of a choice: the names, and nothing), default,
 * and whether a cfgstring may have it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "disk/options/options.h"

static const char *const kinds[] = {
	[OPT_KIND_NUMBER] = "number", [OPT_KIND_FLAG] = "flag",
	[OPT_KIND_STRING] = "string", [OPT_KIND_CHOICE] = "choice",
	[OPT_KIND_PAIR] = "pair",     [OPT_KIND_DOMAINS] = "domains",
};

static void print_bounds(enum disk_opt_id id)
{
	const struct disk_opt *o = &disk_opt_table[id];

	if (o->kind != OPT_KIND_CHOICE) {
		printf("%" PRIu64 " %" PRIu64, o->min, o->max);
		return;
	}
	for (uint64_t v = o->min; v <= o->max; v++)
		printf("%s%s", v > o->min ? "_or_" : "",
		       disk_opt_choice(id, v));
	printf(" -");
}

int main(void)
{
	for (unsigned id = 0; id < OPT_NR; id++) {
		const struct disk_opt *o = &disk_opt_table[id];

		printf("%s %s ", o->name, kinds[o->kind]);
		print_bounds(id);
		printf(" %s %s\n", o->def ? o->def : "-",
		       o->cfgstring ? "cfgstring" : "command");
	}
	return ferror(stdout) || fclose(stdout);
}
