/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Drawing rectangles and text, as SVG text or as a PNG picture.  Lengths are
 * pixels of SVG; y grows downwards.
 */
#ifndef ZL_CLI_CANVAS_H
#define ZL_CLI_CANVAS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/* What things are painted with; the colours are canvas.c's. */
enum paint {
	PAINT_PAPER,
	PAINT_INK,
	PAINT_FAINT,   /* less important text */
	PAINT_ON_DARK, /* text on the dark ones */
	PAINT_CONV,
	PAINT_CONV_PALE,
	PAINT_EMPTY,
	PAINT_EMPTY_PALE,
	PAINT_IMP_OPEN,
	PAINT_IMP_OPEN_PALE,
	PAINT_EXP_OPEN,
	PAINT_EXP_OPEN_PALE,
	PAINT_CLOSED,
	PAINT_CLOSED_PALE,
	PAINT_FULL,
	PAINT_FULL_PALE,
	PAINT_READ_ONLY,
	PAINT_READ_ONLY_PALE,
	PAINT_OFFLINE,
	PAINT_OFFLINE_PALE,
	PAINT_INACTIVE,
	PAINT_INACTIVE_PALE,
	PAINT_NR
};

struct paint_color {
	const char *name;     /* the SVG class */
	unsigned light, dark; /* 0xrrggbb on light and on dark paper */
};
extern const struct paint_color paint_colors[PAINT_NR];

struct canvas {
	void (*rect)(struct canvas *c, double x, double y, double w, double h,
		     enum paint paint);
	/* From x on, or around it; y is the base line. */
	void (*text)(struct canvas *c, double x, double y, double size,
		     bool centred, enum paint paint, const char *text);
	/* What is drawn until it ends has this explanation. */
	void (*group)(struct canvas *c, const char *explanation);
	void (*group_end)(struct canvas *c);
	void *to;
};

/* canvas_svg.c: an svg element; @alone: a file of its own. */
void svg_begin(struct canvas *c, FILE *f, double width, double height,
	       bool alone);
void svg_end(struct canvas *c);
/* The rules for the classes, light and dark, as CSS. */
void svg_style(FILE *f);
/* Text with <, >, & and " as XML wants them. */
void svg_escape(FILE *f, const char *text);

/* canvas_png.c, or canvas_no_png.c where it was built without cairo.  load
 * comes first, and fails with a sentence; the others return 0, or -errno when
 * it could not be written. */
int png_load(struct zl_err *err);
int png_begin(struct canvas *c, double width, double height);
int png_end(struct canvas *c, FILE *f);

#endif
