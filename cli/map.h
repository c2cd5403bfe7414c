/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The zone map: a disk's zones as a grid of cells, in the terminal or as a
 * picture.  A cell is one zone, or several where there are too many of them.
 */
#ifndef ZL_CLI_MAP_H
#define ZL_CLI_MAP_H

#include "canvas.h"
#include "cli.h"

/* What a cell shows of its zones: the first of these that one of them is. */
enum map_class {
	MAP_OFFLINE,
	MAP_READ_ONLY,
	MAP_INACTIVE,
	MAP_EXP_OPEN,
	MAP_IMP_OPEN,
	MAP_CLOSED,
	MAP_FULL,
	MAP_EMPTY,
	MAP_CONV,
	MAP_NR
};

struct map_look {
	char letter;
	const char *name;
	const char *ansi; /* colour of the terminal: parameters of SGR */
	enum paint dark;  /* the written part, the letter's cell */
	enum paint pale;  /* the rest */
};
extern const struct map_look map_looks[MAP_NR];

struct map_cell {
	uint32_t first_slot, nr_slots;
	uint32_t nr[MAP_NR];
	uint64_t written_blocks; /* below the write pointers that are valid */
	uint64_t room_blocks;	 /* of the zones that have one */
};

struct map {
	const char *dir;
	struct disk *disk;
	uint32_t first_slot, nr_slots, slots_per_cell;
	uint32_t nr_cells;
	struct map_cell *cells;
	struct map_cell all; /* the sum */
};

/*
 * Reads the zones from the one that contains @start_lba on, @count of them at
 * most, into no more than @max_cells.  0, or -errno when it has said why not.
 * map_free() in any case.
 */
int map_read(struct map *map, struct disk *disk, const char *dir,
	     uint64_t start_lba, uint64_t count, uint32_t max_cells);
void map_free(struct map *map);

enum map_class map_cell_class(const struct map_cell *cell);
/* How much is written: 0 to @steps; neither of them unless exactly so. */
unsigned map_cell_level(const struct map_cell *cell, unsigned steps);
/* The disk in a line, e.g. "2 GiB, 32 zones of 64 MiB, 8 conventional". */
#define MAP_LINE_MAX 256
const char *map_title(const struct map *map, char buf[MAP_LINE_MAX]);
/* What is written, and what a cell is. */
const char *map_summary(const struct map *map, char buf[MAP_LINE_MAX]);

/* map_term.c: how much is written as one character: eighths where the locale,
 * which the caller has set, can show them, else tenths. */
const char *map_bar(const struct map_cell *cell);
/* Prints it.  @width: columns. */
uint32_t map_term_cells(unsigned width);
void map_print(const struct map *map, unsigned width, bool color);

/* map_picture.c: draws it. */
#define MAP_PICTURE_CELLS 2048
void map_picture_size(const struct map *map, double *width, double *height);
void map_draw(const struct map *map, struct canvas *canvas);

enum map_color {
	MAP_COLOR_AUTO,
	MAP_COLOR_ALWAYS,
	MAP_COLOR_NEVER
};

struct map_args {
	bool print;
	const char *svg, *png; /* files to write, NULL: none */
	unsigned width;	       /* 0: the terminal's */
	enum map_color color;
};

static inline bool map_wanted(const struct map_args *a)
{
	return a->print || a->svg || a->png;
}

/* map_run.c: all that is wanted; an enum cli_status. */
int map_run(struct disk *disk, const char *dir, uint64_t start_lba,
	    uint64_t count, const struct map_args *args);

#endif
