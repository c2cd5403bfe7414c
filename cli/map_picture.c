// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The zone map as a picture. */
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "map.h"

#define MARGIN	     20.0
#define LABEL_WIDTH  58.0
#define GRID_TOP     64.0
#define LEGEND_LINE  22.0
#define LEGEND_ITEMS 5 /* in a line */
#define GRID_WIDTH   864.0

struct layout {
	unsigned columns, rows;
	double pitch, size; /* of cells, which are square */
	double width, height;
	unsigned legend_lines;
};

/* The fewer there are, the larger. */
static unsigned columns_for(uint32_t nr_cells)
{
	if (nr_cells <= 256)
		return 32;
	return nr_cells <= 1024 ? 64 : 96;
}

static unsigned nr_classes(const struct map *map)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < MAP_NR; i++)
		nr += map->all.nr[i] != 0;
	return nr;
}

static struct layout lay_out(const struct map *map)
{
	struct layout l = { .columns = columns_for(map->nr_cells) };

	l.rows = (unsigned)div_up_u64(map->nr_cells, l.columns);
	l.pitch = GRID_WIDTH / l.columns;
	l.size = l.pitch - (l.columns > 32 ? 1 : 2);
	l.legend_lines = (unsigned)div_up_u64(nr_classes(map), LEGEND_ITEMS) +
			 (map->slots_per_cell > 1);
	l.width = 2 * MARGIN + LABEL_WIDTH + GRID_WIDTH;
	l.height = GRID_TOP + l.rows * l.pitch + MARGIN +
		   l.legend_lines * LEGEND_LINE + MARGIN / 2;
	return l;
}

void map_picture_size(const struct map *map, double *width, double *height)
{
	struct layout l = lay_out(map);

	*width = l.width;
	*height = l.height;
}

/* "zones 100 to 149: 12 full, 38 empty; written 1 GiB of 4 GiB" */
static void explain(const struct map *map, const struct map_cell *cell,
		    char buf[MAP_LINE_MAX])
{
	uint32_t block = disk_meta(map->disk)->block_bytes;
	char written[CLI_SIZE_MAX], room[CLI_SIZE_MAX];
	const char *comma = "";
	int len;

	if (cell->nr_slots == 1)
		len = snprintf(buf, MAP_LINE_MAX, "zone %" PRIu32 ": %s",
			       cell->first_slot,
			       map_looks[map_cell_class(cell)].name);
	else
		len = snprintf(buf, MAP_LINE_MAX,
			       "zones %" PRIu32 " to %" PRIu32 ":",
			       cell->first_slot,
			       cell->first_slot + cell->nr_slots - 1);
	for (unsigned i = 0; i < MAP_NR && cell->nr_slots > 1; i++) {
		if (!cell->nr[i])
			continue;
		len += snprintf(buf + len, MAP_LINE_MAX - (size_t)len,
				"%s %" PRIu32 " %s", comma, cell->nr[i],
				map_looks[i].name);
		comma = ",";
	}
	if (cell->room_blocks)
		snprintf(buf + len, MAP_LINE_MAX - (size_t)len,
			 "; written %s of %s",
			 cli_size(cell->written_blocks * block, written),
			 cli_size(cell->room_blocks * block, room));
}

/* In dots from the bottom.  Without a write pointer nothing is known of it: it
 * looks like what it is. */
static unsigned cell_level(const struct map_cell *cell, double size)
{
	enum map_class class = map_cell_class(cell);

	if (class <= MAP_INACTIVE && !cell->room_blocks)
		return (unsigned)size;
	return map_cell_level(cell, (unsigned)size);
}

static enum paint letter_paint(enum map_class class, double level)
{
	if (level > 0.5)
		return PAINT_ON_DARK;
	return class >= MAP_EMPTY ? PAINT_FAINT : PAINT_INK;
}

static void draw_cell(const struct map *map, const struct layout *l, uint32_t i,
		      struct canvas *c)
{
	const struct map_cell *cell = &map->cells[i];
	enum map_class class = map_cell_class(cell);
	const struct map_look *look = &map_looks[class];
	double x = MARGIN + LABEL_WIDTH + i % l->columns * l->pitch;
	double y = GRID_TOP + i / l->columns * l->pitch;
	unsigned level = cell_level(cell, l->size);
	char text[MAP_LINE_MAX], letter[2] = { look->letter };

	explain(map, cell, text);
	c->group(c, text);
	c->rect(c, x, y, l->size, l->size, look->pale);
	if (level)
		c->rect(c, x, y + l->size - level, l->size, level, look->dark);
	if (l->columns == 32)
		c->text(c, x + l->size / 2, y + l->size / 2 + 4.5, 12, true,
			letter_paint(class, level / l->size), letter);
	c->group_end(c);
}

static void draw_labels(const struct map *map, const struct layout *l,
			struct canvas *c)
{
	unsigned step = l->columns > 64 ? 2 : 1;
	char number[16];

	for (unsigned row = 0; row < l->rows; row += step) {
		snprintf(number, sizeof(number), "%" PRIu32,
			 map->cells[row * l->columns].first_slot);
		c->text(c, MARGIN, GRID_TOP + row * l->pitch + l->size / 2 + 4,
			11, false, PAINT_FAINT, number);
	}
}

static void draw_legend(const struct map *map, const struct layout *l,
			struct canvas *c)
{
	double step = (l->width - 2 * MARGIN) / LEGEND_ITEMS;
	double top = GRID_TOP + l->rows * l->pitch + MARGIN;
	unsigned nr = 0;
	char text[64], letter[2] = "";

	for (unsigned i = MAP_NR; i-- > 0;) {
		double x = MARGIN + nr % LEGEND_ITEMS * step;
		double y = top + nr / LEGEND_ITEMS * LEGEND_LINE;

		if (!map->all.nr[i])
			continue;
		nr++;
		letter[0] = map_looks[i].letter;
		c->rect(c, x, y, 16, 16, map_looks[i].dark);
		c->text(c, x + 8, y + 12.5, 11, true, PAINT_ON_DARK, letter);
		snprintf(text, sizeof(text), "%s %" PRIu32, map_looks[i].name,
			 map->all.nr[i]);
		c->text(c, x + 23, y + 12.5, 13, false, PAINT_INK, text);
	}
	if (map->slots_per_cell > 1)
		c->text(c, MARGIN,
			top + (l->legend_lines - 1) * LEGEND_LINE + 14, 12,
			false, PAINT_FAINT,
			"A cell has the colour of the zone in it that is "
			"nearest to trouble: offline, read-only, inactive, "
			"opened, closed, full, empty, conventional.");
}

void map_draw(const struct map *map, struct canvas *c)
{
	struct layout l = lay_out(map);
	char line[MAP_LINE_MAX];

	c->text(c, MARGIN, 28, 17, false, PAINT_INK, map_title(map, line));
	c->text(c, MARGIN, 49, 13, false, PAINT_FAINT, map_summary(map, line));
	draw_labels(map, &l, c);
	for (uint32_t i = 0; i < map->nr_cells; i++)
		draw_cell(map, &l, i, c);
	draw_legend(map, &l, c);
}
