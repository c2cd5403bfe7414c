// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The report as Chromium sees it: what is there, wide and narrow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live.h"
#include "skip.h"

#define ZONE_BLOCKS 2048u
#define CHROMIUM                                                         \
	"HOME=$PWD timeout 100 chromium --headless --no-sandbox "        \
	"--disable-gpu --disable-dev-shm-usage --user-data-dir=profile " \
	"--hide-scrollbars "

static struct live live;

/* What the page measures of itself goes into its title. */
static const char measure[] =
	"<script>document.title = 'width ' + innerWidth + ' overflow ' + "
	"(document.documentElement.scrollWidth - innerWidth) + ' cells ' + "
	"document.querySelectorAll('svg.map g').length + ' lines ' + "
	"document.querySelectorAll('polyline').length + ' font ' + "
	"(getComputedStyle(document.querySelector('h1')).fontSize);</script>";

static int enter(void **state)
{
	FILE *f;

	work_enter(state);
	assert_int_equal(zloop("create",
			       "capacity_mb=40,zone_size_mb=1,conv_zones=2",
			       "d", NULL),
			 0);
	live_open(&live, "d");
	for (unsigned zone = 2; zone < 12; zone++)
		live_io(&live, DISK_WRITE, zone * ZONE_BLOCKS);
	live_break(&live, INJECT_OFFLINE, 7 * ZONE_BLOCKS);
	usleep(20000); /* the first sample is older than this */
	assert_int_equal(zloop("report", "--html", "r.html", "d", NULL), 0);
	live_close(&live);
	f = fopen("r.html", "a");
	assert_non_null(f);
	fputs(measure, f);
	assert_int_equal(fclose(f), 0);
	return 0;
}

/* What the browser makes of it. */
static void dom(void **state)
{
	char *page;

	(void)state;
	assert_int_equal(system(CHROMIUM "--window-size=1100,900 --dump-dom "
					 "\"file://$PWD/r.html\" >dom "
					 "2>chromium.log"),
			 0);
	page = read_file("dom");
	assert_contains(page, "<title>width 1100 overflow 0 cells 40 lines 5 "
			      "font 24px</title>");
	assert_contains(page, "<b id=\"open\">9</b>");
	assert_contains(page, ">zone 7: offline<");
	free(page);
}

/* On a telephone what is wide scrolls in its box; the page does not. */
static void narrow(void **state)
{
	char *page;

	(void)state;
	/* A window of a browser is not as narrow: a frame in it is. */
	assert_int_equal(
		system("python3 -c 'import html, sys; sys.stdout.write("
		       "\"<iframe id=f width=390 height=800 srcdoc=\\\"%s\\\">"
		       "</iframe><script>onload = () => document.title = "
		       "document.getElementById(\\\"f\\\").contentDocument"
		       ".title</script>\" % html.escape(open(\"r.html\")"
		       ".read()))' >phone.html"),
		0);
	assert_int_equal(system(CHROMIUM "--dump-dom "
					 "\"file://$PWD/phone.html\" >dom "
					 "2>chromium.log"),
			 0);
	page = read_file("dom");
	assert_contains(page, "width 390 overflow 0 cells 40");
	free(page);
}

static void screenshot(void **state)
{
	(void)state;
	assert_int_equal(system(CHROMIUM "--window-size=1100,1600 "
					 "--screenshot=r.png "
					 "\"file://$PWD/r.html\" "
					 ">chromium.log 2>&1"),
			 0);
	/* A page with nothing on it has some 10 KB. */
	assert_true(file_size("r.png") > 40000);
	if (have_tool("pngcheck"))
		assert_int_equal(system("pngcheck -q r.png"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, work_leave)
		T(dom),
		T(narrow),
		T(screenshot),
	};

	if (!have_tool("chromium"))
		return SKIP_STATUS;
	return skip_run_tests(tests, NULL, NULL);
}
