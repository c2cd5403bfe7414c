// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The tables of docs/conformance.md, made from the command table and the zone
 * state machine.
 *
 * test_conformance FILE: compares; test_conformance: prints them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "scsi/internal.h"

static void put_commands(FILE *out)
{
	fprintf(out, "| command | CDB usage data |\n|---|---|\n");
	for (unsigned i = 0; i < scsi_op_count; i++) {
		const struct scsi_op *op = &scsi_op_table[i];

		fprintf(out, "| %s | `", op->name);
		for (unsigned b = 0; b < op->cdb_len; b++)
			fprintf(out, "%s%02X", b ? " " : "", op->usage[b]);
		fprintf(out, "` |\n");
	}
}

/* Two conventional zones; sequential ones of 6 blocks, each with a gap.  On a
 * host-aware disk without one. */
#define SLOTS 5
static const struct zone_geo geo = {
	.capacity_blocks = SLOTS * 8,
	.zone_blocks = 8,
	.zone_cap_blocks = 6,
	.runs = { { 2, ZT_CONVENTIONAL }, { UINT32_MAX, ZT_SEQ_REQUIRED } },
	.phys_blocks = 1,
	.urswrz = true
};

static struct zone_slot slots[SLOTS];

/* What takes the sequential zones' place, without gaps. */
static enum zone_type other;

static void set_up(struct zone_set *set, bool urswrz, uint32_t slot,
		   enum zone_cond cond)
{
	static const uint8_t wp[16] = {
		[ZC_IMP_OPEN] = 2,  [ZC_EXP_OPEN] = 2, [ZC_CLOSED] = 2,
		[ZC_READ_ONLY] = 2, [ZC_OFFLINE] = 2,  [ZC_INACTIVE] = 2
	};
	struct zone_geo g = geo;

	g.urswrz = urswrz || other == ZT_SEQ_PREFERRED;
	if (other) {
		g.runs[1].type = other;
		g.zone_cap_blocks = g.zone_blocks;
	}
	zone_set_init(set, &g, slots);
	zone_set_state(set, slot, cond,
		       cond == ZC_FULL ? g.zone_cap_blocks : wp[cond]);
}

static void put_verdict(FILE *out, const struct zone_set *set, uint32_t slot,
			enum zone_verdict verdict, enum zone_cond before)
{
	enum zone_cond after = zone_slot_cond(set, slot);

	if (verdict)
		fprintf(out, " | %s", zone_verdict_name(verdict));
	else if (after == before)
		fprintf(out, " | good");
	else
		fprintf(out, " | → %s", zone_cond_name(after));
	if (!verdict && set->nr_non_seq)
		fprintf(out, ", NON_SEQ");
}

/* At the write pointer, or somewhere else. */
static void put_write(FILE *out, uint32_t slot, uint64_t lba,
		      enum zone_cond cond)
{
	struct zone_set set;
	enum zone_verdict v;

	set_up(&set, true, slot, cond);
	v = zone_write_begin(&set, lba, 1, NULL);
	if (!v)
		zone_write_end(&set, lba, 1);
	put_verdict(out, &set, slot, v, cond);
}

static void put_row(FILE *out, const char *type, uint32_t slot, uint64_t lba,
		    enum zone_cond cond)
{
	static const enum zone_op ops[] = { ZO_OPEN, ZO_CLOSE, ZO_FINISH,
					    ZO_RESET };
	struct zone_set set;
	enum zone_verdict v;
	uint32_t wp;

	set_up(&set, true, slot, cond);
	fprintf(out, "| %s | %s", type,
		lba % 8 ? "NOT WRITE POINTER" : zone_cond_name(cond));
	put_verdict(out, &set, slot, zone_read_check(&set, lba, 1, NULL), cond);
	set_up(&set, false, slot, cond);
	put_verdict(out, &set, slot,
		    zone_read_check(&set, lba % 8 ? lba : lba + 5, 1, NULL),
		    cond);
	set_up(&set, true, slot, cond);
	wp = zone_slot_wp_blocks(&set, slot) % 6;
	put_write(out, slot, lba + wp, cond);
	put_write(out, slot, lba + (lba % 8 ? 1 : 4), cond);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(ops); i++) {
		set_up(&set, true, slot, cond);
		v = zone_op_run(&set, ops[i], lba, 0, false);
		put_verdict(out, &set, slot, v, cond);
	}
	fprintf(out, " |\n");
}

static void put_zones(FILE *out)
{
	static const enum zone_cond conv[] = { ZC_NOT_WP, ZC_READ_ONLY,
					       ZC_OFFLINE, ZC_INACTIVE };
	static const enum zone_cond seq[] = { ZC_EMPTY,	   ZC_IMP_OPEN,
					      ZC_EXP_OPEN, ZC_CLOSED,
					      ZC_FULL,	   ZC_READ_ONLY,
					      ZC_OFFLINE,  ZC_INACTIVE };

	fprintf(out, "| zone type | condition | read | read behind the write "
		     "pointer, URSWRZ=0 | write at the write pointer | write "
		     "elsewhere | OPEN | CLOSE | FINISH | RESET |\n"
		     "|---|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < ZL_ARRAY_SIZE(conv); i++)
		put_row(out, "conventional", 1, 8, conv[i]);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(seq); i++)
		put_row(out, "sequential write required", 3, 24, seq[i]);
	put_row(out, "gap", 3, 30, ZC_EMPTY);
	other = ZT_SEQ_PREFERRED;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(seq); i++)
		put_row(out, "sequential write preferred", 3, 24, seq[i]);
	other = ZT_SEQ_OR_BEFORE;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(seq); i++)
		if (seq[i] != ZC_EXP_OPEN)
			put_row(out, "sequential or before required", 3, 24,
				seq[i]);
	other = 0;
}

static char *table(void (*put)(FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	put(out);
	fclose(out);
	return text;
}

static char *read_file(const char *name)
{
	static char text[1 << 20];
	FILE *f = fopen(name, "r");

	if (!f) {
		perror(name);
		exit(1);
	}
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	return text;
}

static bool has(const char *doc, const char *name, void (*put)(FILE *out))
{
	char *want = table(put);
	bool ok;

	if (!doc)
		printf("%s", want);
	ok = !doc || strstr(doc, want);
	if (!ok)
		printf("docs/conformance.md: the table of %s should be\n%s",
		       name, want);
	free(want);
	return ok;
}

int main(int argc, char **argv)
{
	const char *doc = argc > 1 ? read_file(argv[1]) : NULL;
	bool commands = has(doc, "commands", put_commands);
	bool zones = has(doc, "zones", put_zones);

	return !commands || !zones;
}
