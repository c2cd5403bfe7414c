// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Prints the table of options for the test of the documentation: a line each,
 * with the name, kind, bounds, default, and whether a cfgstring may have it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "disk/options.h"

static const char *const kinds[] = {
	[OPT_KIND_NUMBER] = "number",
	[OPT_KIND_FLAG] = "flag",
	[OPT_KIND_STRING] = "string",
};

int main(void)
{
	for (unsigned id = 0; id < OPT_NR; id++) {
		const struct disk_opt *o = &disk_opt_table[id];

		printf("%s %s %" PRIu64 " %" PRIu64 " %s %s\n", o->name,
		       kinds[o->kind], o->min, o->max, o->def ? o->def : "-",
		       o->cfgstring ? "cfgstring" : "command");
	}
	return ferror(stdout) || fclose(stdout);
}
