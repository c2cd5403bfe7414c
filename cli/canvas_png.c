// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Drawing as a PNG picture, with cairo: the light colours, two dots a pixel.
 * The library is loaded when it is needed, so that the command does without.
 */
#include <cairo.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "canvas.h"

#define SCALE	2
#define LIBRARY "libcairo.so.2"

/* Each without its "cairo_". */
#define CALLS(X)                       \
	X(create)                      \
	X(destroy)                     \
	X(fill)                        \
	X(get_target)                  \
	X(image_surface_create)        \
	X(move_to)                     \
	X(rectangle)                   \
	X(scale)                       \
	X(select_font_face)            \
	X(set_font_size)               \
	X(set_source_rgb)              \
	X(show_text)                   \
	X(status)                      \
	X(surface_destroy)             \
	X(surface_write_to_png_stream) \
	X(text_extents)

#define POINTER(call) __typeof__(cairo_##call) *call;
static struct {
	CALLS(POINTER)
} lib;

static bool look_up(void *library, const char *name, void *pointer)
{
	void *address = dlsym(library, name);

	memcpy(pointer, &address, sizeof(address));
	return address;
}

int png_load(struct zl_err *err)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	bool all = library;

#define LOOK_UP(call) all = all && look_up(library, "cairo_" #call, &lib.call);
	CALLS(LOOK_UP)
	return all ? 0
		   : zl_fail(err, ENOTSUP,
			     "a PNG picture needs " LIBRARY
			     ", which is not there (Debian: libcairo2); "
			     "install it, or draw with --svg");
}

static void set_paint(cairo_t *cr, enum paint paint)
{
	unsigned rgb = paint_colors[paint].light;

	lib.set_source_rgb(cr, (rgb >> 16 & 255) / 255.0,
			   (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}

static void rect(struct canvas *c, double x, double y, double w, double h,
		 enum paint paint)
{
	set_paint(c->to, paint);
	lib.rectangle(c->to, x, y, w, h);
	lib.fill(c->to);
}

static void text(struct canvas *c, double x, double y, double size,
		 bool centred, enum paint paint, const char *s)
{
	cairo_text_extents_t extents;

	set_paint(c->to, paint);
	lib.set_font_size(c->to, size);
	if (centred) {
		lib.text_extents(c->to, s, &extents);
		x -= extents.x_advance / 2;
	}
	lib.move_to(c->to, x, y);
	lib.show_text(c->to, s);
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
	cairo_surface_t *surface = lib.image_surface_create(
		CAIRO_FORMAT_RGB24, (int)(width * SCALE),
		(int)(height * SCALE));
	cairo_t *cr = lib.create(surface);

	lib.surface_destroy(surface); /* cr has it */
	*c = (struct canvas){ rect, text, group, group_end, cr };
	if (lib.status(cr) != CAIRO_STATUS_SUCCESS) {
		lib.destroy(cr);
		return -ENOMEM;
	}
	lib.scale(cr, SCALE, SCALE);
	lib.select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
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
		lib.surface_write_to_png_stream(lib.get_target(cr), put, f);

	lib.destroy(cr);
	if (status == CAIRO_STATUS_SUCCESS)
		return 0;
	return status == CAIRO_STATUS_WRITE_ERROR && errno ? -errno : -ENOMEM;
}
