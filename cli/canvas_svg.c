// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Drawing as SVG. */
#include "base/num.h"
#include "canvas.h"

const struct paint_color paint_colors[PAINT_NR] = {
	[PAINT_PAPER] = { "paper", 0xffffff, 0x0f172a },
	[PAINT_INK] = { "ink", 0x0f172a, 0xe2e8f0 },
	[PAINT_FAINT] = { "faint", 0x64748b, 0x94a3b8 },
	[PAINT_ON_DARK] = { "on", 0xffffff, 0x0f172a },
	[PAINT_CONV] = { "conv", 0x64748b, 0x94a3b8 },
	[PAINT_CONV_PALE] = { "conv-p", 0xcbd5e1, 0x334155 },
	[PAINT_EMPTY] = { "empty", 0x94a3b8, 0x64748b },
	[PAINT_EMPTY_PALE] = { "empty-p", 0xf1f5f9, 0x1e293b },
	[PAINT_IMP_OPEN] = { "imp", 0x16a34a, 0x4ade80 },
	[PAINT_IMP_OPEN_PALE] = { "imp-p", 0xbbf7d0, 0x14532d },
	[PAINT_EXP_OPEN] = { "exp", 0x0891b2, 0x22d3ee },
	[PAINT_EXP_OPEN_PALE] = { "exp-p", 0xa5f3fc, 0x164e63 },
	[PAINT_CLOSED] = { "closed", 0xd97706, 0xfbbf24 },
	[PAINT_CLOSED_PALE] = { "closed-p", 0xfde68a, 0x5b3209 },
	[PAINT_FULL] = { "full", 0x4f46e5, 0x818cf8 },
	[PAINT_FULL_PALE] = { "full-p", 0xc7d2fe, 0x312e81 },
	[PAINT_READ_ONLY] = { "ro", 0xa21caf, 0xe879f9 },
	[PAINT_READ_ONLY_PALE] = { "ro-p", 0xf5d0fe, 0x581c63 },
	[PAINT_OFFLINE] = { "off", 0xdc2626, 0xf87171 },
	[PAINT_OFFLINE_PALE] = { "off-p", 0xfecaca, 0x611a1a },
	[PAINT_INACTIVE] = { "inact", 0x57534e, 0xa8a29e },
	[PAINT_INACTIVE_PALE] = { "inact-p", 0xd6d3d1, 0x44403c },
};

void svg_escape(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			/* XML has no others below a space. */
			fputc((unsigned char)*text < ' ' ? '?' : *text, f);
		}
	}
}

static void rules(FILE *f, bool dark)
{
	for (unsigned i = 0; i < PAINT_NR; i++)
		fprintf(f, ".%s{fill:#%06x}", paint_colors[i].name,
			dark ? paint_colors[i].dark : paint_colors[i].light);
}

void svg_style(FILE *f)
{
	fputs(".map text{font-family:system-ui,'DejaVu Sans',sans-serif}\n", f);
	rules(f, false);
	fputs("\n@media (prefers-color-scheme: dark){", f);
	rules(f, true);
	fputs("}\n", f);
}

static void rect(struct canvas *c, double x, double y, double w, double h,
		 enum paint paint)
{
	fprintf(c->to,
		"<rect class=\"%s\" x=\"%g\" y=\"%g\" width=\"%g\" "
		"height=\"%g\"/>\n",
		paint_colors[paint].name, x, y, w, h);
}

static void text(struct canvas *c, double x, double y, double size,
		 bool centred, enum paint paint, const char *s)
{
	fprintf(c->to,
		"<text class=\"%s\" x=\"%g\" y=\"%g\" font-size=\"%g\"%s>",
		paint_colors[paint].name, x, y, size,
		centred ? " text-anchor=\"middle\"" : "");
	svg_escape(c->to, s);
	fputs("</text>\n", c->to);
}

static void group(struct canvas *c, const char *explanation)
{
	fputs("<g><title>", c->to);
	svg_escape(c->to, explanation);
	fputs("</title>\n", c->to);
}

static void group_end(struct canvas *c)
{
	fputs("</g>\n", c->to);
}

void svg_begin(struct canvas *c, FILE *f, double width, double height,
	       bool alone)
{
	*c = (struct canvas){ rect, text, group, group_end, f };
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"map\" "
		"viewBox=\"0 0 %g %g\"",
		width, height);
	if (alone) {
		fprintf(f, " width=\"%g\" height=\"%g\">\n<style>", width,
			height);
		svg_style(f);
		fputs("</style>\n", f);
		rect(c, 0, 0, width, height, PAINT_PAPER);
	} else {
		fputs(">\n", f);
	}
}

void svg_end(struct canvas *c)
{
	fputs("</svg>\n", c->to);
}
