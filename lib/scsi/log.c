// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * LOG SENSE and LOG SELECT (SPC-5 6.8, 6.9, 7.3; ZBC-2, zoned block device
 * statistics).
 */
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "disk/medium/counters.h"
#include "scsi/internal.h"

#define SPF	 0x40
#define LIST	 0x03 /* FORMAT AND LINKING of binary data */
#define DATA_MAX 512
#define SUB_ALL	 0xff

#define LAST_STATISTIC 0x000a /* of page 14h,01h in ZBC-2 */

/* PC field */
#define PC_CUMULATIVE 0x1

/* Parameters being put behind the page's header. */
struct log_page {
	const struct scsi_unit *unit;
	uint16_t from; /* PARAMETER POINTER */
	bool any;      /* some parameter has that code or a higher one */
	size_t len;
	uint8_t data[DATA_MAX];
};

static void put_param(struct log_page *p, uint16_t code, const uint8_t *value,
		      uint8_t len)
{
	if (code < p->from)
		return;
	p->any = true;
	be16_put(p->data + p->len, code);
	p->data[p->len + 2] = LIST;
	p->data[p->len + 3] = len;
	memcpy(p->data + p->len + 4, value, len);
	p->len += 4u + len;
}

/* A number of 4 bytes behind 4 reserved ones. */
static void put_statistic(struct log_page *p, uint16_t code, uint64_t value)
{
	uint8_t v[8] = { 0 };

	be32_put(v + 4, (uint32_t)min_u64(value, UINT32_MAX));
	put_param(p, code, v, sizeof(v));
}

/* FFh: there is no sensor. */
static void temperature(struct log_page *p)
{
	static const uint8_t unknown[2] = { 0, 0xff };

	put_param(p, 0x0000, unknown, sizeof(unknown));
	put_param(p, 0x0001, unknown, sizeof(unknown));
}

/* No dates, no specified lifetime; each opening of the disk is a start. */
static void start_stop_cycles(struct log_page *p)
{
	static const uint8_t no_date[6] = "      ";
	struct disk_stats stats;
	uint8_t count[4], none[4] = { 0 };

	disk_get_stats(p->unit->disk, &stats);
	be32_put(count, (uint32_t)min_u64(stats.n[DC_OPENS], UINT32_MAX));
	put_param(p, 0x0001, no_date, sizeof(no_date));
	put_param(p, 0x0002, no_date, sizeof(no_date));
	put_param(p, 0x0003, none, sizeof(none));
	put_param(p, 0x0004, count, sizeof(count));
}

/* Twenty entries, none used: self-tests are not logged. */
static void self_test_results(struct log_page *p)
{
	static const uint8_t unused[16];

	for (uint16_t code = 1; code <= 20; code++)
		put_param(p, code, unused, sizeof(unused));
}

/* The counter that the parameter with this code has, or DC_NR. */
static unsigned counter_of(uint16_t code, bool preferred)
{
	unsigned c = 0;

	for (; c < DC_NR; c++) {
		const struct disk_counter_row *row = &disk_counter_table[c];

		if (row->zoned && row->param == code &&
		    (preferred || !row->preferred))
			break;
	}
	return c;
}

/* Ascending.  0007h is about optimal numbers: exceeding them costs nothing. */
static void zoned_statistics(struct log_page *p)
{
	const struct zone_geo *geo = disk_geo(p->unit->disk);
	uint64_t seq_zones = zone_geo_slots(geo) - geo->conv_slots;
	struct disk_stats s;

	disk_get_stats(p->unit->disk, &s);
	for (uint16_t code = 0; code <= LAST_STATISTIC; code++) {
		unsigned c = counter_of(code, geo->host_aware);

		if (c < DC_NR)
			put_statistic(p, code,
				      disk_counter_table[c].rest
					      ? seq_zones - s.n[c]
					      : s.n[c]);
	}
}

/* No exception, and the temperature as above. */
static void informational_exceptions(struct log_page *p)
{
	static const uint8_t healthy[4] = { 0, 0, 0xff, 0 };

	put_param(p, 0x0000, healthy, sizeof(healthy));
}

static void list_pages(struct log_page *p);
static void list_subpages(struct log_page *p);

/* Ascending. */
static const struct page {
	uint8_t code, sub;
	bool is_list; /* of page codes, not of parameters */
	void (*build)(struct log_page *p);
} pages[] = {
	{ 0x00, 0x00, true, list_pages },
	{ 0x00, SUB_ALL, true, list_subpages },
	{ 0x0d, 0x00, false, temperature },
	{ 0x0e, 0x00, false, start_stop_cycles },
	{ 0x10, 0x00, false, self_test_results },
	{ 0x14, 0x01, false, zoned_statistics },
	{ 0x2f, 0x00, false, informational_exceptions },
};

static void list_pages(struct log_page *p)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++)
		if (!i || pages[i].code != pages[i - 1].code)
			p->data[p->len++] = pages[i].code;
}

static void list_subpages(struct log_page *p)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++) {
		p->data[p->len++] = pages[i].code;
		p->data[p->len++] = pages[i].sub;
	}
}

static bool code_known(uint8_t code)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++)
		if (pages[i].code == code)
			return true;
	return false;
}

static const struct page *find_page(uint8_t code, uint8_t sub)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++)
		if (pages[i].code == code && pages[i].sub == sub)
			return &pages[i];
	return NULL;
}

/*
 * Values are cumulative; of lists there is one, whatever PC says.  SP is
 * refused with the reserved bits: the statistics are kept anyhow.
 */
enum scsi_next scsi_log_sense(struct scsi_cmd *cmd)
{
	const uint8_t *cdb = cmd->cdb;
	uint8_t code = cdb[2] & 0x3f, sub = cdb[3];
	struct log_page p = { .unit = cmd->unit,
			      .from = be16_get(cdb + 5),
			      .len = 4 };
	const struct page *page = find_page(code, sub);

	if (!page)
		return code_known(code) ? scsi_bad_cdb(cmd, 3, NO_BIT)
					: scsi_bad_cdb(cmd, 2, 5);
	if (!page->is_list && cdb[2] >> 6 != PC_CUMULATIVE)
		return scsi_bad_cdb(cmd, 2, 7);
	page->build(&p);
	if (page->is_list ? p.from : !p.any)
		return scsi_bad_cdb(cmd, 5, NO_BIT);
	p.data[0] = code | (sub ? SPF : 0);
	p.data[1] = sub;
	be16_put(p.data + 2, (uint16_t)(p.len - 4));
	return data_in_all(cmd, be16_get(cdb + 7), p.data, p.len);
}

/*
 * With PCR and no parameter list: the statistics of the zones start again (page
 * 14h,01h, or 00h for all pages).  Nothing can be set.
 */
enum scsi_next scsi_log_select(struct scsi_cmd *cmd)
{
	const uint8_t *cdb = cmd->cdb;
	uint8_t code = cdb[2] & 0x3f, sub = cdb[3];
	bool pcr = cdb[1] & 0x02;

	if (be16_get(cdb + 7))
		return scsi_bad_cdb(cmd, 7, NO_BIT);
	if (!pcr)
		return scsi_good(cmd);
	if (!find_page(code, sub))
		return code_known(code) ? scsi_bad_cdb(cmd, 3, NO_BIT)
					: scsi_bad_cdb(cmd, 2, 5);
	if (!code || code == 0x14)
		disk_reset_zone_stats(cmd->unit->disk);
	return scsi_good(cmd);
}
