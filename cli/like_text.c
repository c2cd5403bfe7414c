// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Reports of zones as programs print them: blkzone (util-linux 2.29 to 2.42),
 * sg_rep_zones (sg3_utils 1.42 to 1.48) and zbc_report_zones (libzbc 4 to 6).
 * Comments and the prompt that a report was copied with are passed over; every
 * other line must be one that the program prints.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "like.h"

enum form {
	FORM_NONE,
	FORM_BLKZONE,
	FORM_SG,
	FORM_ZBC,
};

static const char *const form_names[] = {
	[FORM_NONE] = "blkzone report, sg_rep_zones or zbc_report_zones",
	[FORM_BLKZONE] = "blkzone report",
	[FORM_SG] = "sg_rep_zones",
	[FORM_ZBC] = "zbc_report_zones",
};

struct text {
	struct like *like;
	struct zl_err *err;
	enum form form;
	unsigned line;
	struct like_zone zone; /* sg_rep_zones: the one that is being read */
	bool open;	       /* there is one */
	uint64_t sectors;      /* zbc_report_zones: of the drive; 0 unknown */
	const char *at;	       /* where the line is read */
};

/* Passes over @what and the blanks before it, or leaves all as it is. */
static bool word(struct text *t, const char *what)
{
	const char *at = t->at + strspn(t->at, " \t");

	if (strncasecmp(at, what, strlen(what)))
		return false;
	t->at = at + strlen(what);
	return true;
}

/* Decimal, or hexadecimal with 0x; one beyond 64 bits is none. */
static bool number(struct text *t, uint64_t *v)
{
	const char *at = t->at + strspn(t->at, " \t");
	char digits[24];
	size_t len = strspn(at, "0123456789abcdefABCDEFxX");

	if (!len || len >= sizeof(digits))
		return false;
	memcpy(digits, at, len);
	digits[len] = 0;
	if (!cli_number(digits, v))
		return false;
	t->at = at + len;
	return true;
}

static bool named(struct text *t, const char *name, uint64_t *v)
{
	const char *start = t->at;

	if (word(t, name) && number(t, v))
		return true;
	t->at = start;
	return false;
}

static int bad_line(struct text *t)
{
	const char *shown = t->at + strspn(t->at, " \t");

	return like_refuse(t->like, t->line, t->err,
			   "'%.40s%s' is no line of %s; give the whole output "
			   "and nothing else",
			   shown, strlen(shown) > 40 ? "..." : "",
			   form_names[t->form]);
}

static int bad_zone(struct text *t, const char *what)
{
	const char *rest = t->at + strspn(t->at, " \t");

	if (!*rest)
		return like_refuse(t->like, t->line, t->err,
				   "%s's line of a zone ends before its %s; "
				   "give the output as it was printed",
				   form_names[t->form], what);
	return like_refuse(t->like, t->line, t->err,
			   "%s's line of a zone has '%.30s' where its %s "
			   "should be; give the output as it was printed",
			   form_names[t->form], rest, what);
}

/*
 * start: 0x000080000, len 0x080000, cap 0x080000, wptr 0x000008 reset:0
 * non-seq:0, zcond: 4(cl) [type: 2(SEQ_WRITE_REQUIRED)]
 */
static int blkzone_zone(struct text *t)
{
	struct like_zone z = { .cap = LIKE_NONE, .at = t->line };
	uint64_t wp = LIKE_NONE, ignored, cond, type;

	if (!number(t, &z.start))
		return bad_zone(t, "start");
	if (!named(t, ", len", &z.blocks))
		return bad_zone(t, "len");
	if ((word(t, ", cap ") || word(t, ", capacity:")) && !number(t, &z.cap))
		return bad_zone(t, "cap");
	/* util-linux 2.42 says N/A. */
	if (!named(t, ", wptr", &wp) && !word(t, ", wptr N/A"))
		return bad_zone(t, "wptr");
	if (!named(t, "reset:", &ignored) || !named(t, "non-seq:", &ignored))
		return bad_zone(t, "reset and non-seq");
	if (!named(t, ", zcond:", &cond))
		return bad_zone(t, "zcond");
	t->at += strcspn(t->at, ")");
	if (!word(t, ")") || !named(t, "[type:", &type))
		return bad_zone(t, "type");
	z.wp = wp > z.blocks ? LIKE_NONE : z.start + wp;
	z.cond = (unsigned)cond;
	z.type = (unsigned)type;
	return like_add(t->like, &z, t->err);
}

static int blkzone_line(struct text *t)
{
	if (word(t, "start:"))
		return blkzone_zone(t);
	if (named(t, "Found", &t->like->nr_said) && word(t, "zones from"))
		return 0;
	return bad_line(t);
}

/* Of what the list of zones has no need. */
static bool zbc_feature(struct text *t)
{
	static const char *const starts[] = {
		"Device ",
		"Vendor ID:",
		"Read commands are ",
		"Optimal number of ",
		"Zone Domains command set is ",
		"Zone Realms command set is ",
		"Zone operation counts are ",
		"Unrestricted read control is ",
		"Zone Activation control is ",
		"NOZSRC bit is ",
		"REPORT REALMS command is ",
		"Setting maximum number of zones to activate is ",
		"Maximum number of zones to activate",
		"Supported zone types:",
		"Realms of ",
	};

	for (size_t i = 0; i < ZL_ARRAY_SIZE(starts); i++)
		if (word(t, starts[i]))
			return true;
	return strstr(t->at, " interface, ");
}

/* What zbc_report_zones says of the drive. */
static int zbc_head(struct text *t)
{
	struct like *like = t->like;
	const char *start = t->at;
	uint64_t n = 0, ro, unit;

	if (zbc_feature(t))
		return 0;
	if (word(t, "Maximum number of open sequential write required zones:"))
		return number(t, &like->max_open) || word(t, "unlimited")
			       ? 0
			       : bad_line(t);
	if (!number(t, &n))
		return bad_line(t);
	if (word(t, "512-bytes sectors"))
		t->sectors = n;
	else if (word(t, "logical blocks of") && number(t, &unit))
		like->block_bytes = (uint32_t)unit;
	else if (word(t, "physical blocks of") && number(t, &unit))
		like->phys_bytes = (uint32_t)unit;
	else if (word(t, "zone") && (word(t, "s from") || word(t, "from")) &&
		 number(t, &ro) && named(t, ", reporting option", &ro)) {
		like->nr_said = n;
		if (ro)
			return like_refuse(like, t->line, t->err,
					   "the report is of some zones only; "
					   "leave -ro out");
	} else if (!word(t, "/") && !strstr(t->at, " GB capacity") &&
		   !word(t, "KiB max R/W size")) {
		t->at = start;
		return bad_line(t);
	}
	return 0;
}

/*
 * Zone 00524: type 0x2 (Sequential-write-required), cond 0x4 (Closed), reset
 * recommended 0, non_seq 0, sector 274726912, 524288 sectors, wp 274726920
 */
static int zbc_zone(struct text *t)
{
	struct like_zone z = { .cap = LIKE_NONE,
			       .wp = LIKE_NONE,
			       .at = t->line };
	uint64_t type, cond = ZC_NOT_WP, n;
	bool blocks;

	if (!number(t, &n) || !word(t, ":") ||
	    !(named(t, "type", &type) || named(t, "unknown type", &type)))
		return bad_zone(t, "type");
	if (word(t, "("))
		t->at += strcspn(t->at, ")") + (strchr(t->at, ')') != NULL);
	if (named(t, ", cond", &cond) && word(t, "("))
		t->at += strcspn(t->at, ")") + (strchr(t->at, ')') != NULL);
	if (named(t, ", reset recommended", &n) && !named(t, ", non_seq", &n))
		return bad_zone(t, "non_seq");
	blocks = word(t, ", block ");
	if (!(blocks || word(t, ", sector ")) || !number(t, &z.start))
		return bad_zone(t, "sector");
	if (!named(t, ",", &z.blocks) ||
	    !word(t, blocks ? "blocks" : "sectors"))
		return bad_zone(t, "length");
	if (word(t, ", wp") && !number(t, &z.wp))
		return bad_zone(t, "wp");
	if (t->like->nr && !t->like->unit_bytes != blocks)
		return bad_line(t);
	t->like->unit_bytes = blocks ? 0 : 512;
	z.type = (unsigned)type;
	z.cond = (unsigned)cond;
	return like_add(t->like, &z, t->err);
}

static int zbc_line(struct text *t)
{
	const char *start = t->at;

	if (word(t, "Zone ") && isdigit((unsigned char)*t->at))
		return zbc_zone(t);
	t->at = start;
	if (word(t, "[WARNING]"))
		return 0;
	return zbc_head(t);
}

/* sg_rep_zones: the zone that has been read, if there is one. */
static int sg_zone_end(struct text *t)
{
	struct like_zone *z = &t->zone;
	bool whole = z->start != LIKE_NONE && z->blocks != LIKE_NONE &&
		     z->type != UINT32_MAX && z->cond != UINT32_MAX;

	if (!t->open)
		return 0;
	t->open = false;
	if (!whole)
		return like_refuse(t->like, z->at, t->err,
				   "the zone descriptor has not all of type, "
				   "condition, length and start; give the "
				   "output as it was printed");
	return like_add(t->like, z, t->err);
}

static int sg_zone_start(struct text *t)
{
	int ret = sg_zone_end(t);

	t->zone = (struct like_zone){ .start = LIKE_NONE,
				      .blocks = LIKE_NONE,
				      .cap = LIKE_NONE,
				      .wp = LIKE_NONE,
				      .type = UINT32_MAX,
				      .cond = UINT32_MAX,
				      .at = t->line };
	t->open = true;
	return ret;
}

static int sg_name(struct text *t, int value, unsigned *v)
{
	if (value < 0)
		return bad_line(t);
	*v = (unsigned)value;
	return 0;
}

static int sg_cond(struct text *t)
{
	char name[CLI_WORD_MAX];

	/* "Empty [0x1]" with --verbose. */
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(t->at, "[\r"), t->at);
	while (*name && name[strlen(name) - 1] == ' ')
		name[strlen(name) - 1] = 0;
	return sg_name(t, cli_cond_parse(name + strspn(name, " ")),
		       &t->zone.cond);
}

/* Within a zone's descriptor; 1: none of its lines. */
static int sg_zone_line(struct text *t)
{
	struct like_zone *z = &t->zone;
	uint64_t n;

	if (word(t, "Zone type: "))
		return sg_name(t, like_type(t->at), &z->type);
	if (word(t, "Zone condition:"))
		return sg_cond(t);
	if (word(t, "Write pointer LBA:"))
		return word(t, "-1") || number(t, &z->wp) ? 0 : bad_line(t);
	if (word(t, "Zone Length:"))
		return number(t, &z->blocks) ? 0 : bad_line(t);
	if (word(t, "Zone start LBA:"))
		return number(t, &z->start) ? 0 : bad_line(t);
	if (named(t, "PUEP:", &n) || named(t, "Non_seq:", &n) ||
	    named(t, "Reset:", &n))
		return 0;
	return 1;
}

static int sg_line(struct text *t)
{
	int ret = t->open ? sg_zone_line(t) : 1;
	uint64_t n;

	if (ret <= 0)
		return ret;
	if (named(t, "Zone descriptor:", &n) ||
	    named(t, "zone descriptor number:", &n))
		return sg_zone_start(t);
	if (word(t, ">>>"))
		return like_refuse(t->like, t->line, t->err,
				   "sg_rep_zones says that its list is "
				   "truncated; have it print all zones, with a "
				   "larger --maxlen");
	if (named(t, "Maximum LBA:", &n)) {
		t->like->end = n + 1;
		return 0;
	}
	if (word(t, "Report zones response:") || word(t, "Same=") ||
	    word(t, "Reported zone starting LBA granularity:"))
		return 0;
	return bad_line(t);
}

static enum form form_of(struct text *t)
{
	static const struct {
		const char *start;
		enum form form;
	} starts[] = {
		{ "start:", FORM_BLKZONE },
		{ "Found ", FORM_BLKZONE },
		{ "Report zones response:", FORM_SG },
		{ "Zone descriptor:", FORM_SG },
		{ "zone descriptor number:", FORM_SG },
		{ "Device ", FORM_ZBC },
		{ "Zone 0", FORM_ZBC },
	};
	const char *at = t->at + strspn(t->at, " \t");

	for (size_t i = 0; i < ZL_ARRAY_SIZE(starts); i++)
		if (!strncasecmp(at, starts[i].start, strlen(starts[i].start)))
			return starts[i].form;
	return FORM_NONE;
}

/* A comment, or the prompt with the command that printed the rest. */
static bool is_no_output(const char *line)
{
	const char *at = line + strspn(line, " \t");

	return !*at || ((*at == '#' || *at == '$') && at[1] == ' ') ||
	       strstr(at, "blkzone report") || strstr(at, "sg_rep_zone") ||
	       strstr(at, "zbc_report_zones ");
}

static int text_line(struct text *t)
{
	if (is_no_output(t->at))
		return 0;
	if (!t->form)
		t->form = form_of(t);
	switch (t->form) {
	case FORM_BLKZONE:
		t->like->unit_bytes = 512;
		return blkzone_line(t);
	case FORM_SG:
		return sg_line(t);
	case FORM_ZBC:
		return zbc_line(t);
	case FORM_NONE:
		break;
	}
	return bad_line(t);
}

static void zbc_end(struct text *t)
{
	struct like *like = t->like;
	uint32_t unit = like->unit_bytes ? like->unit_bytes : like->block_bytes;

	if (t->sectors && unit >= 512)
		like->end = t->sectors / (unit / 512);
}

int like_text(struct like *like, char *text, struct zl_err *err)
{
	struct text t = { .like = like, .err = err };
	char *line, *rest = text;
	int ret = 0;

	while (!ret && (line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = 0;
		t.line++;
		t.at = line;
		ret = text_line(&t);
	}
	if (!ret)
		ret = sg_zone_end(&t);
	zbc_end(&t);
	return ret;
}
