/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What a report of a disk is written from. */
#ifndef ZL_CLI_REPORT_H
#define ZL_CLI_REPORT_H

#include "map.h"
#include "running.h"

#define REPORT_MAX_ZONES 4096 /* in the table */

struct report {
	uint64_t nr_active[ZONE_MAX_DOMAINS]; /* realms */
	const char *dir;
	struct disk *disk;
	struct map map;
	uint64_t used_bytes;
	bool live; /* it is open, and the rest is there */
	struct control_info now;
	struct control_sample *samples;
	unsigned nr_samples;
};

/* report_history.c: asks for the samples, and adds what is now. */
int report_read_history(struct report *r, struct zl_err *err);
void report_draw_history(const struct report *r, FILE *f);

/* report_html.c: one file that needs no other. */
void report_html(const struct report *r, FILE *f);
/* The parts of such a file, for others: what is before and behind the rest, a
 * figure with its label, and the map in a box. */
void html_head(FILE *f, const char *title);
void html_end(FILE *f);
void html_card(FILE *f, const char *id, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void html_picture(FILE *f, const struct map *map);

#endif
