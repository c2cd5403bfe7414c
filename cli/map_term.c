// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The zone map in the terminal: each cell is the letter of a condition and a
 * bar of what is written.
 */
#include <ctype.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "map.h"

#define LABEL_COLUMNS 9 /* the first zone's number */
#define GROUP	      8 /* cells, and a space */
#define GROUP_COLUMNS (2 * GROUP + 1)
#define MAX_ROWS      32

static unsigned cells_per_row(unsigned width)
{
	unsigned groups = width > LABEL_COLUMNS
				  ? (width - LABEL_COLUMNS) / GROUP_COLUMNS
				  : 0;

	return GROUP * (groups ? groups : 1);
}

uint32_t map_term_cells(unsigned width)
{
	return cells_per_row(width) * MAX_ROWS;
}

const char *map_bar(const struct map_cell *cell)
{
	static const char *const eighths[] = { " ", "▁", "▂", "▃", "▄",
					       "▅", "▆", "▇", "█" };
	static const char *const digits[] = { " ", "1", "2", "3", "4", "5",
					      "6", "7", "8", "9", "#" };

	if (!strcmp(nl_langinfo(CODESET), "UTF-8"))
		return eighths[map_cell_level(cell, 8)];
	return digits[map_cell_level(cell, 10)];
}

static void begin_color(bool color, enum map_class class)
{
	if (color)
		printf("\033[%sm", map_looks[class].ansi);
}

static void end_color(bool color)
{
	if (color)
		fputs("\033[0m", stdout);
}

/* A small letter: some of its zones are something else. */
static void print_cell(const struct map_cell *cell, bool color)
{
	enum map_class class = map_cell_class(cell);
	char letter = map_looks[class].letter;

	if (cell->nr[class] != cell->nr_slots)
		letter = (char)tolower((unsigned char)letter);
	begin_color(color, class);
	printf("%c%s", letter, map_bar(cell));
	end_color(color);
}

/* In lines that are not longer than @width, if no word is. */
static void print_words(const char *text, unsigned width)
{
	unsigned at = 0, len;

	for (; *text; text += len, text += *text == ' ') {
		len = (unsigned)strcspn(text, " ");
		if (at && at + 1 + len > width) {
			putchar('\n');
			at = 0;
		}
		printf("%s%.*s", at ? " " : "", (int)len, text);
		at += len + (at != 0);
	}
	putchar('\n');
}

static void print_legend(const struct map *map, unsigned width, bool color)
{
	const char *gap = "";
	char words[64];
	unsigned at = 0, len;

	for (unsigned i = MAP_NR; i-- > 0;) {
		if (!map->all.nr[i])
			continue;
		len = (unsigned)snprintf(words, sizeof(words), " %s %" PRIu32,
					 map_looks[i].name, map->all.nr[i]) +
		      1;
		if (at && at + 3 + len > width) {
			gap = "\n";
			at = 0;
		}
		fputs(gap, stdout);
		begin_color(color, (enum map_class)i);
		printf("%c", map_looks[i].letter);
		end_color(color);
		fputs(words, stdout);
		at += len + (*gap == ' ' ? 3 : 0);
		gap = "   ";
	}
	putchar('\n');
	if (map->slots_per_cell > 1)
		print_words("A cell has the letter of the zone in it that is "
			    "nearest to trouble: offline, read-only, inactive, "
			    "opened, closed, full, empty, conventional; a "
			    "small one: not all of them are.",
			    width);
}

void map_print(const struct map *map, unsigned width, bool color)
{
	unsigned per_row = cells_per_row(width);
	char line[MAP_LINE_MAX];

	print_words(map_title(map, line), width);
	print_words(map_summary(map, line), width);
	for (uint32_t i = 0; i < map->nr_cells; i++) {
		if (i % per_row == 0)
			printf("%s%7" PRIu32 "  ", i ? "\n" : "",
			       map->cells[i].first_slot);
		else if (i % GROUP == 0)
			putchar(' ');
		print_cell(&map->cells[i], color);
	}
	putchar('\n');
	print_legend(map, width, color);
}
