// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop zones --map, --svg and --png.  With the environment variable
 * ZLOOP_UPDATE_PICTURES the picture of the documentation is written anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "live.h"

#define NR_ZONES    128u
#define NR_CONV	    8u
#define ZONE_BYTES  (16 * ZL_MIB)
#define ZONE_BLOCKS (ZONE_BYTES / 512)

static struct live live;

/* How full a zone is before the disk is opened. */
static uint64_t written_bytes(unsigned zone)
{
	if (zone < 52)
		return ZONE_BYTES;
	if (zone < 70)
		return ZONE_BYTES / 64 * (zone * 37 % 63 + 1);
	return zone % 23 ? 0 : ZONE_BYTES / 4 * (zone % 3 + 2);
}

static void fill_files(void)
{
	char name[32];

	for (unsigned zone = NR_CONV; zone < NR_ZONES; zone++) {
		snprintf(name, sizeof(name), "z0/seq-%06u", zone);
		assert_int_equal(truncate(name, (off_t)written_bytes(zone)), 0);
	}
}

static int enter(void **state)
{
	work_enter(state);
	assert_int_equal(zloop("create",
			       "capacity_mb=2048,zone_size_mb=16,conv_zones=8,"
			       "max_open_zones=16",
			       "z0", NULL),
			 0);
	fill_files();
	setenv("LC_ALL", "C.UTF-8", 1);
	live_open(&live, "z0");
	for (unsigned zone = 60; zone < 66; zone++)
		live_io(&live, DISK_WRITE,
			zone * ZONE_BLOCKS + written_bytes(zone) / 512);
	for (unsigned zone = 66; zone < 69; zone++)
		live_zone(&live, ZO_OPEN, zone * ZONE_BLOCKS);
	live_break(&live, INJECT_READ_ONLY, 31 * ZONE_BLOCKS);
	live_break(&live, INJECT_OFFLINE, 77 * ZONE_BLOCKS);
	return 0;
}

static int leave(void **state)
{
	live_close(&live);
	return work_leave(state);
}

static unsigned longest_line(const char *s)
{
	unsigned longest = 0, n = 0;

	for (; *s; s++) {
		n = *s == '\n' ? 0 : n + ((*s & 0xc0) != 0x80);
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* The words too, not only the cells. */
static void narrow_terminal(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "--map", "--width=60", "z0", NULL), 0);
	assert_in_range(longest_line(run_out), 50, 60);
	assert_contains(run_out, " conventional 8");
	assert_int_equal(zloop("create", "capacity_mb=4096,zone_size_mb=1",
			       "many", NULL),
			 0);
	assert_int_equal(zloop("zones", "--map", "--width=60", "many", NULL),
			 0);
	assert_in_range(longest_line(run_out), 50, 60);
	assert_contains(run_out, "nearest");
}

static void terminal(void **state)
{
	static const char want[] =
		"z0: 2 GiB, 128 zones of 16 MiB, 8 conventional\n"
		"a cell is one zone; written 855.5 MiB of 1.8 GiB; open 9 of "
		"16\n"
		"      0  C C C C C C C C  F█F█F█F█F█F█F█F█ "
		"F█F█F█F█F█F█F█F█ F█F█F█F█F█F█F█R \n"
		"     32  F█F█F█F█F█F█F█F█ F█F█F█F█F█F█F█F█ "
		"F█F█F█F█L▄L▁L▅L▂ L▇L▃L▁L▅I▂I▆I▃I▁\n"
		"     64  I▄I▁X▆X▂X▇L▄E E  E E E E E O E E  "
		"E E E E E E E E  E E E E F█E E E \n"
		"     96  E E E E E E E E  E E E E E E E E  "
		"E E E L▆E E E E  E E E E E E E E \n"
		"C conventional 8   E empty 55   F full 44   L closed 10   "
		"I implicitly-opened 6\n"
		"X explicitly-opened 3   R read-only 1   O offline 1\n";

	(void)state;
	assert_int_equal(zloop("zones", "--map", "z0", NULL), 0);
	assert_string_equal(run_err, "");
	assert_string_equal(run_out, want);
}

static void without_utf8_and_narrow(void **state)
{
	(void)state;
	setenv("LC_ALL", "C", 1);
	assert_int_equal(zloop("zones", "--map", "--width=30", "--start",
			       "1703936", "--count=16", "z0", NULL),
			 0);
	assert_contains(run_out, "\n     52  L5L1L7L3L8L4L1L6\n"
				 "     60  I2I8I4I1I5I1X7X3\n");
	/* Never less than eight. */
	assert_int_equal(zloop("zones", "--map", "--width=1", "z0", NULL), 0);
	assert_contains(run_out, "\n      8  F#F#F#F#F#F#F#F#\n");
}

static void colors(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "-m", "--color=always", "z0", NULL), 0);
	assert_contains(run_out, "\033[1;31mO \033[0m");
	assert_contains(run_out, "\033[1;36mX▂\033[0m");
	assert_int_equal(zloop("zones", "-m", "--color=never", "z0", NULL), 0);
	assert_null(strchr(run_out, '\033'));
	/* Not a terminal. */
	assert_int_equal(zloop("zones", "-m", "--color=auto", "z0", NULL), 0);
	assert_null(strchr(run_out, '\033'));
}

/* The documents' picture: as the code draws it. */
static void svg(void **state)
{
	char *drawn, *kept;

	(void)state;
	assert_int_equal(zloop("zones", "--svg", "map.svg", "z0", NULL), 0);
	assert_silent();
	if (have_tool("xmllint"))
		assert_int_equal(system("xmllint --noout map.svg"), 0);
	if (getenv("ZLOOP_UPDATE_PICTURES"))
		assert_int_equal(system("cp map.svg " MAP_PICTURE), 0);
	drawn = read_file("map.svg");
	kept = read_file(MAP_PICTURE);
	assert_string_equal(drawn, kept);
	assert_int_equal(zloop("zones", "--svg", "-", "z0", NULL), 0);
	assert_string_equal(run_out, drawn);
	free(drawn);
	free(kept);
}

static uint32_t be32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

static void png(void **state)
{
	char *data;

	(void)state;
	assert_int_equal(zloop("zones", "--png", "map.png", "z0", NULL), 0);
	assert_silent();
	data = read_file("map.png");
	assert_memory_equal(data, "\x89PNG\r\n\x1a\n", 8);
	assert_int_equal(be32(data + 16), 1924);
	assert_int_equal(be32(data + 20), 492);
	free(data);
	if (have_tool("pngcheck"))
		assert_int_equal(system("pngcheck -q map.png"), 0);
}

/* All but PNG does without cairo. */
static void png_without_cairo(void **state)
{
	FILE *f;

	(void)state;
	assert_int_equal(mkdir("lib", 0755), 0);
	f = fopen("lib/libcairo.so.2", "w");
	assert_non_null(f);
	assert_true(fputs("this is no library", f) >= 0);
	assert_int_equal(fclose(f), 0);
	setenv("LD_LIBRARY_PATH", "lib", 1);
	assert_int_equal(zloop("zones", "--png", "none.png", "z0", NULL), 1);
	assert_sentence(
		"a PNG picture needs libcairo.so.2, which is not there");
	assert_int_not_equal(access("none.png", F_OK), 0);
	assert_int_equal(zloop("zones", "--svg", "some.svg", "z0", NULL), 0);
	assert_silent();
	unsetenv("LD_LIBRARY_PATH");
}

static void unwritable(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "--svg", "no/where", "z0", NULL), 1);
	assert_sentence("no/where cannot be written: No such file");
	assert_int_equal(zloop("zones", "--png", "/dev/full", "z0", NULL), 1);
	assert_sentence("/dev/full cannot be written: No space left");
	assert_int_equal(zloop("zones", "--svg", "/dev/full", "z0", NULL), 1);
	assert_sentence("/dev/full cannot be written");
}

static void usage(void **state)
{
	static const struct {
		const char *words[3];
		const char *says;
	} bad[] = {
		{ { "--map", "--json" }, "--json cannot be with --map" },
		{ { "--map", "-cfull" }, "--condition cannot be with --map" },
		{ { "--map", "--svg=-" }, "only one of --map, --svg -" },
		{ { "--svg=-", "--png=-" }, "only one of --map, --svg -" },
		{ { "--width=80" }, "--width needs --map" },
		{ { "--color=never" }, "--color needs --map" },
		{ { "--map", "--width=0" }, "is not from 1 to 1000" },
		{ { "--map", "--width=1001" }, "is not from 1 to 1000" },
		{ { "--map", "--color=red" }, "not auto, always or never" },
	};

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(bad); i++) {
		const char *const *w = bad[i].words;

		assert_int_equal(w[1] ? zloop("zones", "z0", w[0], w[1], NULL)
				      : zloop("zones", "z0", w[0], NULL),
				 2);
		assert_string_equal(run_out, "");
		assert_contains(run_err, bad[i].says);
	}
}

/* 5000 zones: five a cell. */
static void many(void **state)
{
	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=5000,zone_size_mb=1,conv_zones=7",
			       "many", NULL),
			 0);
	assert_int_equal(truncate("many/seq-000009", 1048576), 0);
	assert_int_equal(truncate("many/seq-000100", 1048576), 0);
	assert_int_equal(truncate("many/seq-000101", 1048576), 0);
	assert_int_equal(zloop("zones", "--map", "many", NULL), 0);
	assert_contains(run_out, "\na cell is 5 zones; written 3 MiB of ");
	assert_contains(run_out, "\n      0  C f▂E E E ");
	/* 100 and 101 of five zones. */
	assert_contains(run_out, " f▃E ");
	assert_contains(run_out,
			"\nC conventional 7   E empty 4990   F full 3\n"
			"A cell has the letter of");
	assert_int_equal(zloop("zones", "--svg", "-", "many", NULL), 0);
	assert_contains(run_out,
			"<title>zones 5 to 9: 1 full, 2 empty, 2 "
			"conventional; written 1 MiB of 3 MiB</title>");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
		T(terminal),
		T(narrow_terminal),
		T(without_utf8_and_narrow),
		T(colors),
		T(svg),
		T(png),
		T(png_without_cairo),
		T(unwritable),
		T(usage),
		T(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
