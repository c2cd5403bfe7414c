// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* How far long work is. */
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "progress.h"

#define MOMENT_MS 500
#define REDRAW_MS 100
#define LINE_MS	  10000
#define BAR_CELLS 30 /* at most */
#define REST_MAX  14 /* "  9999 min left" */

static unsigned columns(void)
{
	struct winsize ws;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) || !ws.ws_col ? 80
								   : ws.ws_col;
}

unsigned (*progress_columns)(void) = columns;
uint64_t (*progress_clock_ms)(void) = clock_ms;
int (*progress_isatty)(int fd) = isatty;

static struct {
	const char *what; /* NULL: nothing is under way */
	const char *unit;
	bool terminal, utf8;
	bool drawn;
	uint64_t start_ms, shown_ms;
	unsigned shown_tenth; /* of the work */
} p;

static enum progress_mode mode;

void progress_set(enum progress_mode new_mode)
{
	mode = new_mode;
}

bool progress_is_quiet(void)
{
	return mode == PROGRESS_QUIET;
}

void progress_start(const char *what)
{
	progress_start_of(what, "zones");
}

void progress_start_of(const char *what, const char *unit)
{
	memset(&p, 0, sizeof(p));
	p.what = what;
	p.unit = unit;
	p.terminal = progress_isatty(STDERR_FILENO);
	setlocale(LC_CTYPE, "");
	p.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	p.start_ms = p.shown_ms = progress_clock_ms();
}

/* As many as there is room for on one line, beside so much text. */
static unsigned bar_cells(size_t text)
{
	unsigned taken = (unsigned)(strlen(p.what) + 3 + text + REST_MAX);
	unsigned width = progress_columns();

	if (width <= taken)
		return 0;
	return width - taken < BAR_CELLS ? width - taken : BAR_CELLS;
}

/* "▕███▌      ▏" */
static void draw_bar(unsigned cells, uint32_t done, uint32_t total)
{
	static const char *const parts[] = { "",  "▏", "▎", "▍",
					     "▌", "▋", "▊", "▉" };
	unsigned eighths = (unsigned)((uint64_t)done * cells * 8 / total);
	unsigned full = eighths / 8, part = eighths % 8;

	if (!cells)
		return;
	if (!p.utf8)
		part = 0;
	fputc('[', stderr);
	for (unsigned i = 0; i < full; i++)
		fputs(p.utf8 ? "█" : "#", stderr);
	fputs(parts[part], stderr);
	for (unsigned i = full + (part != 0); i < cells; i++)
		fputc(' ', stderr);
	fputc(']', stderr);
}

/* As long as so far, for what is left. */
static void draw_rest(uint64_t now, uint32_t done, uint32_t total)
{
	uint64_t s = (now - p.start_ms) * (total - done) / done / 1000;

	if (done == total || !s)
		return;
	if (s < 120)
		fprintf(stderr, "  %" PRIu64 " s left", s);
	else
		fprintf(stderr, "  %" PRIu64 " min left", s / 60);
}

static void draw(uint64_t now, uint32_t done, uint32_t total)
{
	char text[64];

	snprintf(text, sizeof(text), " %3u %%  %" PRIu32 " of %" PRIu32 " %s",
		 (unsigned)((uint64_t)done * 100 / total), done, total, p.unit);
	fprintf(stderr, "\r%s ", p.what);
	draw_bar(bar_cells(strlen(text)), done, total);
	fputs(text, stderr);
	if (done)
		draw_rest(now, done, total);
	fputs("\033[K", stderr);
	p.drawn = true;
	p.shown_ms = now;
}

static void step_terminal(uint64_t now, uint32_t done, uint32_t total)
{
	bool moment = now - p.start_ms < MOMENT_MS;

	if (mode != PROGRESS_ALWAYS && moment && !p.drawn)
		return;
	if (!p.drawn || now - p.shown_ms >= REDRAW_MS || done == total)
		draw(now, done, total);
}

static void step_log(uint64_t now, uint32_t done, uint32_t total)
{
	unsigned tenth = (unsigned)((uint64_t)done * 10 / total);

	if (now - p.shown_ms < LINE_MS &&
	    (mode != PROGRESS_ALWAYS || tenth == p.shown_tenth))
		return;
	fprintf(stderr, "zloop: %s: %u %%, %" PRIu32 " of %" PRIu32 " %s\n",
		p.what, (unsigned)((uint64_t)done * 100 / total), done, total,
		p.unit);
	p.shown_tenth = tenth;
	p.shown_ms = now;
}

void progress_step(void *user, uint32_t done, uint32_t total)
{
	uint64_t now;

	(void)user;
	if (!p.what || mode == PROGRESS_QUIET || !total)
		return;
	now = progress_clock_ms();
	if (p.terminal)
		step_terminal(now, done, total);
	else
		step_log(now, done, total);
}

void progress_hide(void)
{
	if (p.drawn)
		fputs("\r\033[K", stderr);
	p.drawn = false;
}

void progress_end(void)
{
	progress_hide();
	p.what = NULL;
}
