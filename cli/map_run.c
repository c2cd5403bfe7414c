// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The zone map: what was asked for. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "map.h"

#define DEFAULT_WIDTH 80

static unsigned terminal_width(void)
{
	struct winsize ws;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_col)
		return ws.ws_col;
	return DEFAULT_WIDTH;
}

static bool wants_color(enum map_color color)
{
	return color == MAP_COLOR_ALWAYS ||
	       (color == MAP_COLOR_AUTO && isatty(STDOUT_FILENO) &&
		!getenv("NO_COLOR"));
}

static int write_svg(const struct map *map, const char *name)
{
	struct canvas canvas;
	double width, height;
	FILE *f = cli_open_output(name);

	if (!f)
		return -EIO;
	map_picture_size(map, &width, &height);
	svg_begin(&canvas, f, width, height, true);
	map_draw(map, &canvas);
	svg_end(&canvas);
	return cli_close_output(f, name, 0);
}

static int write_png(const struct map *map, const char *name)
{
	struct canvas canvas;
	double width, height;
	struct zl_err err;
	int ret = png_load(&err);
	FILE *f;

	if (ret) {
		cli_error("%s", err.msg);
		return ret;
	}
	f = cli_open_output(name);
	if (!f)
		return -EIO;
	map_picture_size(map, &width, &height);
	ret = png_begin(&canvas, width, height);
	if (!ret) {
		map_draw(map, &canvas);
		ret = png_end(&canvas, f);
	}
	return cli_close_output(f, name, ret);
}

static int draw(struct disk *disk, const char *dir, uint64_t start_lba,
		uint64_t count, const struct map_args *a)
{
	struct map map;
	int ret =
		map_read(&map, disk, dir, start_lba, count, MAP_PICTURE_CELLS);

	if (!ret && a->svg)
		ret = write_svg(&map, a->svg);
	if (!ret && a->png)
		ret = write_png(&map, a->png);
	map_free(&map);
	return ret;
}

static int print(struct disk *disk, const char *dir, uint64_t start_lba,
		 uint64_t count, const struct map_args *a)
{
	unsigned width = a->width ? a->width : terminal_width();
	struct map map;
	int ret = map_read(&map, disk, dir, start_lba, count,
			   map_term_cells(width));

	setlocale(LC_CTYPE, "");
	if (!ret)
		map_print(&map, width, wants_color(a->color));
	map_free(&map);
	return ret;
}

int map_run(struct disk *disk, const char *dir, uint64_t start_lba,
	    uint64_t count, const struct map_args *a)
{
	int ret = 0;

	if (a->svg || a->png)
		ret = draw(disk, dir, start_lba, count, a);
	if (!ret && a->print)
		ret = print(disk, dir, start_lba, count, a);
	return ret ? CLI_FAILED : CLI_OK;
}
