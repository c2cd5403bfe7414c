// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Lines over time. */
#include "chart.h"
#include "canvas.h"

#define WIDTH  900.0
#define HEIGHT 190.0
#define LEFT   12.0
#define RIGHT  12.0
#define TOP    44.0
#define BOTTOM 26.0

static double largest(const struct chart *c)
{
	double max = 0;

	for (unsigned l = 0; l < c->nr_lines; l++)
		for (unsigned i = 0; i < c->nr; i++)
			if (c->lines[l].y[i] > max)
				max = c->lines[l].y[i];
	return max > 0 ? max : 1;
}

/* 1, 2 or 5 times a power of ten, of KiB, MiB and so on where bytes are meant,
 * not below @v: where the scale ends. */
static double nice(double v, bool bytes)
{
	static const double steps[] = { 1, 2, 5, 10 };
	double ten = 1;
	unsigned i = 0;

	for (; bytes && v / ten >= 1024; ten *= 1024)
		;

	while (ten > v)
		ten /= 10;
	while (ten * 10 <= v)
		ten *= 10;
	while (i < 3 && steps[i] * ten < v)
		i++;
	return steps[i] * ten;
}

static double x_of(const struct chart *c, unsigned i)
{
	double span = c->x_s[c->nr - 1] - c->x_s[0];

	return LEFT + (span > 0 ? (c->x_s[i] - c->x_s[0]) / span : 0) *
			      (WIDTH - LEFT - RIGHT);
}

static double y_of(double v, double max)
{
	return HEIGHT - BOTTOM - v / max * (HEIGHT - TOP - BOTTOM);
}

static void draw_line(const struct chart *c, const struct chart_line *l,
		      double max, FILE *f)
{
	fprintf(f, "<polyline class=\"line %s\" points=\"", l->css);
	for (unsigned i = 0; i < c->nr; i++)
		fprintf(f, "%s%.1f,%.1f", i ? " " : "", x_of(c, i),
			y_of(l->y[i], max));
	fputs("\"/>\n", f);
}

static void draw_grid(const struct chart *c, double max, FILE *f)
{
	char text[64];

	for (unsigned i = 0; i <= 2; i++) {
		double y = y_of(max * i / 2, max);

		fprintf(f, "<path class=\"grid\" d=\"M%g %gH%g\"/>\n", LEFT, y,
			WIDTH - RIGHT);
		if (!i)
			continue;
		c->format(max * i / 2, text, sizeof(text));
		fprintf(f, "<text class=\"faint\" x=\"%g\" y=\"%g\">", LEFT,
			y - 4);
		svg_escape(f, text);
		fputs("</text>\n", f);
	}
}

static void format_time(double s, char *buf, size_t size)
{
	unsigned long t = (unsigned long)(s + 0.5);

	if (t < 120)
		snprintf(buf, size, "%lu s", t);
	else if (t < 7200)
		snprintf(buf, size, "%lu min", t / 60);
	else
		snprintf(buf, size, "%lu h", t / 3600);
}

static void draw_times(const struct chart *c, FILE *f)
{
	char text[64];

	for (unsigned i = 0; i < 5; i++) {
		double s = c->x_s[0] + (c->x_s[c->nr - 1] - c->x_s[0]) * i / 4;

		format_time(s, text, sizeof(text));
		fprintf(f,
			"<text class=\"faint\" text-anchor=\"%s\" x=\"%g\" "
			"y=\"%g\">%s</text>\n",
			i == 0	 ? "start"
			: i == 4 ? "end"
				 : "middle",
			LEFT + (WIDTH - LEFT - RIGHT) * i / 4, HEIGHT - 8,
			text);
	}
}

static void draw_names(const struct chart *c, FILE *f)
{
	double x = WIDTH - RIGHT;

	fprintf(f, "<text class=\"ink title\" x=\"%g\" y=\"20\">", LEFT);
	svg_escape(f, c->title);
	fputs("</text>\n", f);
	for (unsigned i = c->nr_lines; i-- > 0 && c->nr_lines > 1;) {
		x -= 80;
		fprintf(f,
			"<path class=\"line %s\" d=\"M%g 15h18\"/>"
			"<text class=\"ink\" x=\"%g\" y=\"20\">%s</text>\n",
			c->lines[i].css, x, x + 24, c->lines[i].name);
	}
}

void chart_draw(const struct chart *c, FILE *f)
{
	double max = nice(largest(c), c->bytes);

	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" "
		"viewBox=\"0 0 %g %g\">\n",
		WIDTH, HEIGHT);
	draw_names(c, f);
	draw_grid(c, max, f);
	draw_times(c, f);
	for (unsigned i = 0; i < c->nr_lines; i++)
		draw_line(c, &c->lines[i], max, f);
	fputs("</svg>\n", f);
}
