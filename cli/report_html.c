// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The report as one HTML file: light or dark, wide or narrow, no network. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "report.h"

static const char css[] =
	":root{color-scheme:light dark;--bg:#f8fafc;--card:#fff;"
	"--ink:#0f172a;--faint:#64748b;--line:#e2e8f0;--bad:#dc2626;"
	"--ok:#16a34a;--read:#16a34a;--write:#4f46e5;--open:#0891b2}\n"
	"@media (prefers-color-scheme:dark){:root{--bg:#0b1120;"
	"--card:#0f172a;--ink:#e2e8f0;--faint:#94a3b8;--line:#1e293b;"
	"--bad:#f87171;--ok:#4ade80;--read:#4ade80;--write:#818cf8;"
	"--open:#22d3ee}}\n"
	"*{box-sizing:border-box}body{margin:0;background:var(--bg);"
	"color:var(--ink);font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}\n"
	"main{max-width:1040px;margin:0 auto;padding:24px 16px 48px}\n"
	"h1{font-size:24px;line-height:1.25;margin:0;overflow-wrap:anywhere}"
	"h2{font-size:17px;margin:32px 0 10px}\n"
	".sub{color:var(--faint);margin:4px 0 20px;overflow-wrap:anywhere}\n"
	".cards{display:grid;gap:12px;"
	"grid-template-columns:repeat(auto-fill,minmax(150px,1fr))}\n"
	".card,.box{background:var(--card);border:1px solid var(--line);"
	"border-radius:10px}.card{padding:12px 14px}"
	".box{padding:12px;overflow-x:auto}.box+.box{margin-top:12px}\n"
	".card b{display:block;font-size:20px;font-weight:600}"
	".card span{color:var(--faint);font-size:13px}\n"
	".state{display:inline-block;padding:1px 10px;border-radius:99px;"
	"border:1px solid currentColor;font-size:13px;vertical-align:3px}"
	".live{color:var(--ok)}.bad{color:var(--bad)}\n"
	"table{border-collapse:collapse;width:100%;font-size:14px;"
	"font-variant-numeric:tabular-nums}"
	"th,td{padding:5px 10px;text-align:right;white-space:nowrap;"
	"border-bottom:1px solid var(--line)}"
	"th{color:var(--faint);font-weight:500}"
	"th:first-child,td:first-child,td.l,th.l{text-align:left}"
	"tr:last-child td{border-bottom:0}\n"
	"td.w{white-space:normal}summary{cursor:pointer;color:var(--faint)}\n"
	"pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:8px 0}"
	"pre.again{color:var(--faint)}a{color:inherit}\n"
	"svg{display:block;width:100%;height:auto}"
	".box svg.map,.box svg.chart{min-width:640px}"
	".chart text{font-size:13px}.chart .title{font-weight:600}\n"
	".line{fill:none;stroke-width:2;stroke-linejoin:round}"
	".grid{stroke:var(--line)}.c-read{stroke:var(--read)}"
	".c-write{stroke:var(--write)}.c-open{stroke:var(--open)}\n"
	"footer{color:var(--faint);font-size:13px;margin-top:32px}\n";

void html_head(FILE *f, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, "
	      "initial-scale=1\">\n<title>",
	      f);
	svg_escape(f, title);
	fputs(" - zloop</title>\n<style>\n", f);
	fputs(css, f);
	svg_style(f);
	fputs("</style>\n</head>\n<body>\n<main>\n", f);
}

static void title(const struct report *r, FILE *f)
{
	const struct disk_meta *m = disk_meta(r->disk);
	time_t now = time(NULL);
	char when[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fputs("<h1>", f);
	svg_escape(f, r->dir);
	fprintf(f,
		" <span class=\"state%s\" id=\"state\">%s</span></h1>\n"
		"<p class=\"sub\">serial number <span id=\"serial\">%s</span>, "
		"%s</p>\n",
		r->live ? " live" : "", r->live ? "open" : "not open",
		m->serial, when);
}

void html_card(FILE *f, const char *id, const char *label, const char *fmt, ...)
{
	va_list ap;

	fprintf(f, "<div class=\"card\"><b id=\"%s\">", id);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fprintf(f, "</b><span>%s</span></div>\n", label);
}

static void cards(const struct report *r, FILE *f)
{
	const struct disk_meta *m = disk_meta(r->disk);
	const struct map_cell *all = &r->map.all;
	char a[CLI_SIZE_MAX], limit[48] = "open zones, no limit";

	fputs("<div class=\"cards\">\n", f);
	html_card(f, "size", "size", "%s", cli_size(m->capacity_bytes, a));
	html_card(f, "zones", "zones", "%" PRIu32, all->nr_slots);
	html_card(f, "zone-size", "zone size", "%s",
		  cli_size(m->zone_bytes, a));
	html_card(f, "block", "logical block", "%" PRIu32 " bytes",
		  m->block_bytes);
	if (m->max_open)
		snprintf(limit, sizeof(limit), "open zones, of %" PRIu32,
			 m->max_open);
	html_card(f, "open", limit, "%" PRIu32,
		  all->nr[MAP_IMP_OPEN] + all->nr[MAP_EXP_OPEN]);
	html_card(f, "written", "written below write pointers", "%s",
		  cli_size(all->written_blocks * m->block_bytes, a));
	html_card(f, "used", "taken from the file system below", "%s",
		  cli_size(r->used_bytes, a));
	if (r->live)
		html_card(f, "absorbed", "repeated writes absorbed", "%" PRIu64,
			  r->now.stats.n[DC_RETRIES_ABSORBED]);
	fputs("</div>\n", f);
}

static void problem(void *user, uint32_t slot, const char *what)
{
	FILE *f = user;

	if (slot != UINT32_MAX)
		fprintf(f, "<li>zone %" PRIu32 ": ", slot);
	else
		fputs("<li>", f);
	svg_escape(f, what);
	fputs("</li>\n", f);
}

static void count_problem(void *user, uint32_t slot, const char *what)
{
	(void)slot, (void)what;
	++*(unsigned *)user;
}

static void problems(const struct report *r, FILE *f)
{
	unsigned nr = 0;

	disk_each_problem(r->disk, count_problem, &nr);
	if (!nr)
		return;
	fputs("<h2 class=\"bad\">Not as it should be</h2>\n"
	      "<div class=\"box\"><ul id=\"problems\">\n",
	      f);
	disk_each_problem(r->disk, problem, f);
	fputs("</ul></div>\n", f);
}

static void faults(const struct report *r, FILE *f)
{
	struct json_object *all = cli_faults(r->disk);
	size_t n = json_object_array_length(all);
	char text[CLI_FAULT_MAX];

	if (n)
		fputs("<h2>Injected</h2>\n"
		      "<div class=\"box\"><ul id=\"faults\">\n",
		      f);
	for (size_t i = 0; i < n; i++) {
		fputs("<li>", f);
		svg_escape(f, cli_fault_text(r->disk,
					     json_object_array_get_idx(all, i),
					     text));
		fputs("</li>\n", f);
	}
	if (n)
		fputs("</ul></div>\n", f);
	json_object_put(all);
}

void html_picture(FILE *f, const struct map *map)
{
	struct canvas canvas;
	double width, height;

	fputs("<div class=\"box\">\n", f);
	map_picture_size(map, &width, &height);
	svg_begin(&canvas, f, width, height, false);
	map_draw(map, &canvas);
	svg_end(&canvas);
	fputs("</div>\n", f);
}

static void domains(const struct report *r, FILE *f)
{
	const struct zone_domains *all = &disk_geo(r->disk)->domains;
	struct zone_domain_info d;

	if (!all->nr)
		return;
	fputs("<h2>Zone domains</h2>\n<div class=\"box\"><table "
	      "id=\"domains\">\n<tr><th>domain</th><th class=\"l\">type</th>"
	      "<th>zones</th><th>start LBA</th><th>realms</th>"
	      "<th>active</th></tr>\n",
	      f);
	for (unsigned i = 0; i < all->nr; i++) {
		disk_domain(r->disk, i, &d);
		fprintf(f,
			"<tr><td>%u</td><td class=\"l\">%s</td><td>%" PRIu32
			"</td><td>%" PRIu64 "</td><td>%" PRIu32
			"</td><td>%" PRIu64 "</td></tr>\n",
			i, zone_type_name(d.type), d.zones, d.start_lba,
			all->d[i].nr_realms, r->nr_active[i]);
	}
	fputs("</table></div>\n", f);
}

static void history(const struct report *r, FILE *f)
{
	if (r->nr_samples < 2)
		return;
	fputs("<h2>Since the disk was opened</h2>\n<div class=\"box\" "
	      "id=\"history\">\n",
	      f);
	report_draw_history(r, f);
	fputs("</div>\n", f);
}

static void operation(const struct disk_kind_activity *k, enum disk_kind kind,
		      FILE *f)
{
	char text[CLI_SIZE_MAX] = "";

	if (kind <= DISK_KIND_WRITE)
		cli_size(k->bytes, text);
	fprintf(f, "<tr><td>%s</td><td>%" PRIu64 "</td><td>%s</td><td>%s</td>",
		disk_kind_name(kind), k->done, text,
		running_time(k->done ? k->total_ns / k->done : 0,
			     (char[CLI_SIZE_MAX]){ 0 }));
	for (unsigned i = 0; i < RUNNING_NR_PERMILLE; i++)
		fprintf(f, "<td>%s</td>",
			running_time(disk_latency_ns(k, running_permille[i]),
				     text));
	fputs("</tr>\n", f);
}

static void operations(const struct report *r, FILE *f)
{
	const struct disk_activity *a = &r->now.activity;

	fputs("<h2>Operations</h2>\n<div class=\"box\"><table "
	      "id=\"operations\">\n<tr><th>since the disk was opened</th>"
	      "<th>done</th><th>bytes</th><th>mean</th><th>half below</th>"
	      "<th>99 % below</th><th>99.9 % below</th></tr>\n",
	      f);
	for (unsigned i = 0; i < DISK_NR_KINDS; i++)
		if (a->kind[i].done)
			operation(&a->kind[i], (enum disk_kind)i, f);
	fputs("</table></div>\n", f);
}

static void counters(const struct report *r, FILE *f)
{
	const struct disk_activity *a = &r->now.activity;

	fputs("<h2>Counters</h2>\n<div class=\"box\"><table id=\"counters\">\n",
	      f);
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		if (a->failed[i])
			fprintf(f,
				"<tr><td class=\"w bad\">Failed since the disk "
				"was opened: %s</td><td>%" PRIu64
				"</td></tr>\n",
				disk_failure_name(i), a->failed[i]);
	for (unsigned i = 0; i < DC_NR; i++) {
		fputs("<tr><td class=\"w\">", f);
		svg_escape(f, disk_counter_table[i].help);
		fprintf(f, "</td><td>%" PRIu64 "</td></tr>\n",
			r->now.stats.n[i]);
	}
	fputs("</table></div>\n", f);
}

struct table {
	FILE *f;
	uint64_t left;
};

static bool zone_row(void *user, const struct zone_info *z)
{
	char type[CLI_WORD_MAX], cond[CLI_WORD_MAX], wp[32] = "";
	struct table *t = user;

	if (!t->left--)
		return false;
	if (z->wp_lba != UINT64_MAX)
		snprintf(wp, sizeof(wp), "%" PRIu64, z->wp_lba);
	fprintf(t->f,
		"<tr><td>%" PRIu32 "</td><td class=\"l\">%s</td>"
		"<td class=\"l\">%s</td><td>%" PRIu64 "</td><td>%" PRIu64
		"</td><td>%s</td></tr>\n",
		z->slot, cli_word(zone_type_name(z->type), type),
		cli_word(zone_cond_name(z->cond), cond), z->start_lba,
		z->blocks, wp);
	return true;
}

static void zone_table(const struct report *r, FILE *f)
{
	struct table t = { f, REPORT_MAX_ZONES };

	fprintf(f,
		"<h2>All zones</h2>\n<details class=\"box\"><summary>%s"
		"</summary>\n<table id=\"zone-table\">\n<tr><th>zone</th>"
		"<th class=\"l\">type</th><th class=\"l\">condition</th>"
		"<th>start LBA</th><th>blocks</th><th>write pointer</th>"
		"</tr>\n",
		r->map.all.nr_slots > REPORT_MAX_ZONES
			? "The first 4096; zloop zones lists all"
			: "Type, condition, start, length and write pointer");
	cli_each_zone(r->disk, 0, zone_row, &t);
	fputs("</table></details>\n", f);
}

void html_end(FILE *f)
{
	fputs("<footer>zloop " ZL_VERSION "</footer>\n</main>\n</body>\n"
	      "</html>\n",
	      f);
}

void report_html(const struct report *r, FILE *f)
{
	html_head(f, r->dir);
	title(r, f);
	cards(r, f);
	problems(r, f);
	faults(r, f);
	fputs("<h2>Zones</h2>\n", f);
	html_picture(f, &r->map);
	domains(r, f);
	if (r->live) {
		history(r, f);
		operations(r, f);
		counters(r, f);
	}
	zone_table(r, f);
	html_end(f);
}
