/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Lines over time, as an svg element of a page. */
#ifndef ZL_CLI_CHART_H
#define ZL_CLI_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct chart_line {
	const char *name;
	const char *css; /* class: its colour */
	const double *y; /* nr of them */
};

struct chart {
	const char *title;
	const double *x_s; /* seconds, growing */
	unsigned nr;
	struct chart_line lines[2];
	unsigned nr_lines;
	bool bytes;
	/* Writes a value for people. */
	void (*format)(double v, char *buf, size_t size);
};

void chart_draw(const struct chart *chart, FILE *f);

#endif
