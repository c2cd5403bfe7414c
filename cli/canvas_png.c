// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Drawing as a PNG picture, with cairo: the light colours, two dots a pixel. */
#include <cairo.h>
#include <errno.h>

#include "canvas.h"

#define SCALE 2

static void set_paint(cairo_t *cr, enum paint paint)
{
	unsigned rgb = paint_colors[paint].light;

	cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0,
			     (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static void rect(struct canvas *c, double x, double y, double w, double h,
		 enum paint paint)
{
	set_paint(c->to, paint);
	cairo_rectangle(c->to, x, y, w, h);
	cairo_fill(c->to);
}

static void text(struct canvas *c, double x, double y, double size,
		 bool centred, enum paint paint, const char *s)
{
	cairo_text_extents_t extents;

	set_paint(c->to, paint);
	cairo_set_font_size(c->to, size);
	if (centred) {
		cairo_text_extents(c->to, s, &extents);
		x -= extents.x_advance / 2;
	}
	cairo_move_to(c->to, x, y);
	cairo_show_text(c->to, s);
}

/* A picture explains nothing. */
static void group(struct canvas *c, const char *explanation)
{
	(void)c, (void)explanation;
}

static void group_end(struct canvas *c)
{
	(void)c;
}

int png_begin(struct canvas *c, double width, double height)
{
	cairo_surface_t *surface = cairo_image_surface_create(
		CAIRO_FORMAT_RGB24, (int)(width * SCALE),
		(int)(height * SCALE));
	cairo_t *cr = cairo_create(surface);

	cairo_surface_destroy(surface); /* cr has it */
	*c = (struct canvas){ rect, text, group, group_end, cr };
	if (cairo_status(cr) != CAIRO_STATUS_SUCCESS) {
		cairo_destroy(cr);
		return -ENOMEM;
	}
	cairo_scale(cr, SCALE, SCALE);
	cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
			       CAIRO_FONT_WEIGHT_NORMAL);
	rect(c, 0, 0, width, height, PAINT_PAPER);
	return 0;
}

static cairo_status_t put(void *f, const unsigned char *data, unsigned len)
{
	return fwrite(data, 1, len, f) == len ? CAIRO_STATUS_SUCCESS
					      : CAIRO_STATUS_WRITE_ERROR;
}

int png_end(struct canvas *c, FILE *f)
{
	cairo_t *cr = c->to;
	cairo_status_t status =
		cairo_surface_write_to_png_stream(cairo_get_target(cr), put, f);

	cairo_destroy(cr);
	if (status == CAIRO_STATUS_SUCCESS)
		return 0;
	return status == CAIRO_STATUS_WRITE_ERROR && errno ? -errno : -ENOMEM;
}
