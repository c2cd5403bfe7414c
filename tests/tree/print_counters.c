// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Prints the table of counters for the test of the documentation, as the rows
 * of its two tables.
 *
 * print_counters protocol|format: for control-protocol.md, on-disk-format.md.
 */
#include <stdio.h>
#include <string.h>

#include "disk/medium/counters.h"
#include "zone/zone.h"

static void print_param(const struct disk_counter_row *c)
{
	if (!c->zoned) {
		puts("- |");
		return;
	}
	if (c->param == DC_NO_PARAM) {
		puts("none, but set back with them |");
		return;
	}
	printf("%04Xh%s", c->param, c->rest ? ", as what that leaves" : "");
	if (c->zone_type)
		printf(", disks with %s zones",
		       zone_type_name((enum zone_type)c->zone_type));
	puts(" |");
}

static void print_protocol(const struct disk_counter_row *c)
{
	printf("| `%s` | %s | `zloop_%s` | ", c->key, c->help, c->metric);
	print_param(c);
}

static void print_format(unsigned number, const struct disk_counter_row *c)
{
	if (!c->since_open)
		printf("| %u | `%s` | the %s |\n", number, c->key,
		       c->largest ? "largest" : "last");
}

int main(int argc, char **argv)
{
	for (unsigned i = 0; i < DC_NR; i++) {
		if (argc == 2 && !strcmp(argv[1], "protocol"))
			print_protocol(&disk_counter_table[i]);
		else
			print_format(i, &disk_counter_table[i]);
	}
	return ferror(stdout) || fclose(stdout);
}
