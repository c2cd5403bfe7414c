// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live.h"

#define ZONE_BLOCKS 2048u

static struct live live;

static int enter(void **state)
{
	work_enter(state);
	assert_int_equal(zloop("create",
			       "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
			       "max_open_zones=3",
			       "d<&", NULL),
			 0);
	return 0;
}

static unsigned count(const char *haystack, const char *needle)
{
	unsigned nr = 0;

	for (; (haystack = strstr(haystack, needle)); haystack++)
		nr++;
	return nr;
}

/* HTML that is XML as well, but for what stands alone. */
static void check_page(void)
{
	if (!have_tool("xmllint"))
		return;
	assert_int_equal(system("sed -e 's/<!DOCTYPE html>//' "
				"-e 's,\\(<meta [^>]*\\)>,\\1/>,' r.html "
				">r.xml && xmllint --noout r.xml"),
			 0);
}

static void not_open(void **state)
{
	char *page;

	(void)state;
	assert_int_equal(unlink("d<&/seq-000005"), 0);
	assert_int_equal(zloop("report", "--html", "r.html", "d<&", NULL), 0);
	assert_silent();
	check_page();
	page = read_file("r.html");
	assert_contains(page, "id=\"state\">not open<");
	assert_contains(page, "<h1>d&lt;&amp; ");
	assert_contains(page, "<li>zone 5: seq-000005 is missing");
	assert_int_equal(count(page, "<title>zone "), 8);
	assert_int_equal(count(page, "</td></tr>"), 8);
	assert_null(strstr(page, "id=\"counters\""));
	/* Nothing is fetched. */
	assert_null(strstr(page, "src="));
	assert_null(strstr(page, "href="));
	assert_int_equal(count(page, "http"), count(page, "xmlns=\"http"));
	free(page);
}

static void open_disk(void **state)
{
	char *page;

	(void)state;
	live_open(&live, "d<&");
	live_io(&live, DISK_WRITE, 2 * ZONE_BLOCKS);
	live_io(&live, DISK_READ, 0);
	live_zone(&live, ZO_OPEN, 3 * ZONE_BLOCKS);
	live_io(&live, DISK_WRITE, 3 * ZONE_BLOCKS + 1);
	usleep(20000); /* the first sample is older than this */
	assert_int_equal(zloop("report", "--html", "r.html", "d<&", NULL), 0);
	assert_silent();
	live_close(&live);
	check_page();
	page = read_file("r.html");
	assert_contains(page, "id=\"state\">open<");
	assert_contains(page, "<b id=\"open\">2</b><span>open zones, of 3<");
	assert_contains(page, "<tr><td>write</td><td>2</td><td>512 bytes</td>");
	assert_contains(page, "opened: refused</td><td>1</td>");
	assert_contains(page, "Times the disk was opened</td><td>2</td>");
	assert_int_equal(count(page, "<polyline "), 5);
	assert_contains(page, ">Throughput<");
	free(page);
}

static void to_standard_output(void **state)
{
	(void)state;
	assert_int_equal(zloop("report", "--html=-", "d<&", NULL), 0);
	assert_int_equal(strncmp(run_out, "<!DOCTYPE html>\n", 16), 0);
	assert_string_equal(run_out + strlen(run_out) - 8, "</html>\n");
}

static void wrong(void **state)
{
	(void)state;
	assert_int_equal(zloop("report", "d<&", NULL), 2);
	assert_contains(run_err, "there is no --html FILE");
	assert_int_equal(zloop("report", "--html=r.html", NULL), 2);
	assert_int_equal(zloop("report", "--html=no/r.html", "d<&", NULL), 1);
	assert_sentence("no/r.html cannot be written");
	assert_int_equal(zloop("report", "--html=/dev/full", "d<&", NULL), 1);
	assert_sentence("/dev/full cannot be written");
	assert_int_equal(zloop("report", "--html=r.html", "nowhere", NULL), 1);
	assert_false(exists("r.html"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, work_leave)
		T(not_open),
		T(open_disk),
		T(to_standard_output),
		T(wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
