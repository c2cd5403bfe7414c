// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * LOG SENSE and LOG SELECT (SPC-5 6.8, 6.9, 7.3; ZBC-2, zoned block device
 * statistics).
 */
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "disk/activity.h"
#include "disk/medium/counters.h"
#include "scsi/internal.h"

#define DS  0x80 /* nothing can be saved, as SP is refused */
#define SPF 0x40
#define SP  0x01 /* byte 1 of LOG SELECT */
/* FORMAT AND LINKING: a bounded data counter, ASCII data, binary data. */
#define COUNTER	 0x00
#define ASCII	 0x01
#define BINARY	 0x03
#define DATA_MAX 512
#define SUB_ALL	 0xff

#define LAST_STATISTIC 0x000b /* of page 14h,01h in ZBC-2 */

/* PC field */
#define PC_CUMULATIVE	      0x1
#define PC_DEFAULT_CUMULATIVE 0x3
#define PC_DEFAULT	      0x80 /* in byte 2: it is one of the defaults */

/* Parameters being put behind the page's header. */
struct log_page {
	struct scsi_unit *unit;
	uint16_t from; /* PARAMETER POINTER */
	bool any;      /* some parameter has that code or a higher one */
	size_t len;
	uint8_t data[DATA_MAX];
};

static void put_param(struct log_page *p, uint16_t code, uint8_t format,
		      const uint8_t *value, uint8_t len)
{
	if (code < p->from)
		return;
	p->any = true;
	be16_put(p->data + p->len, code);
	p->data[p->len + 2] = format;
	p->data[p->len + 3] = len;
	memcpy(p->data + p->len + 4, value, len);
	p->len += 4u + len;
}

/* A number of 4 bytes behind 4 reserved ones. */
static void put_statistic(struct log_page *p, uint16_t code, uint64_t value)
{
	uint8_t v[8] = { 0 };

	be32_put(v + 4, (uint32_t)min_u64(value, UINT32_MAX));
	put_param(p, code, BINARY, v, sizeof(v));
}

/* FFh: there is no sensor. */
static void temperature(struct log_page *p)
{
	static const uint8_t unknown[2] = { 0, 0xff };

	put_param(p, 0x0000, BINARY, unknown, sizeof(unknown));
	put_param(p, 0x0001, BINARY, unknown, sizeof(unknown));
}

/*
 * What was written, read and verified since the disk was opened or LOG SELECT
 * said so, and what could not be.  Nothing is corrected here: the file system
 * below has done that, or not.
 */
static void error_counters(struct log_page *p, enum scsi_media_kind kind)
{
	struct scsi_media_counts counts;
	uint8_t value[8];

	scsi_media_counts(p->unit, &counts);
	for (uint16_t code = 0; code <= 6; code++) {
		be64_put(value, code == 5   ? counts.bytes[kind]
				: code == 6 ? counts.errors[kind]
					    : 0);
		put_param(p, code, COUNTER, value, sizeof(value));
	}
}

static void write_errors(struct log_page *p)
{
	error_counters(p, MEDIA_WRITE);
}

static void read_errors(struct log_page *p)
{
	error_counters(p, MEDIA_READ);
}

static void verify_errors(struct log_page *p)
{
	error_counters(p, MEDIA_VERIFY);
}

static void restart_write(struct scsi_unit *u)
{
	scsi_media_restart(u, MEDIA_WRITE);
}

static void restart_read(struct scsi_unit *u)
{
	scsi_media_restart(u, MEDIA_READ);
}

static void restart_verify(struct scsi_unit *u)
{
	scsi_media_restart(u, MEDIA_VERIFY);
}

/* No dates, no specified lifetime; each opening of the disk is a start. */
static void start_stop_cycles(struct log_page *p)
{
	static const uint8_t no_date[6] = "      ";
	struct disk_stats stats;
	uint8_t count[4], none[4] = { 0 };

	disk_get_stats(p->unit->disk, &stats);
	be32_put(count, (uint32_t)min_u64(stats.n[DC_OPENS], UINT32_MAX));
	put_param(p, 0x0001, ASCII, no_date, sizeof(no_date));
	put_param(p, 0x0002, ASCII, no_date, sizeof(no_date));
	put_param(p, 0x0003, BINARY, none, sizeof(none));
	put_param(p, 0x0004, BINARY, count, sizeof(count));
}

static void self_test_entry(const struct scsi_self_test_entry *e, uint8_t v[16])
{
	v[0] = (uint8_t)(e->code << 5 | e->result);
	be16_put(v + 2, e->hours);
	be64_put(v + 4, e->lba);
	if (e->result == SELF_TEST_FAILED) {
		v[12] = (uint8_t)(UNRECOVERED_READ_ERROR >> 16);
		v[13] = (uint8_t)(UNRECOVERED_READ_ERROR >> 8);
		v[14] = (uint8_t)UNRECOVERED_READ_ERROR;
	}
}

/* Always twenty, the newest first; unused ones are zeros. */
static void self_test_results(struct log_page *p)
{
	struct scsi_self_test_entry entry[SELF_TEST_ENTRIES];
	unsigned nr = scsi_self_test_log(p->unit, entry);

	for (unsigned i = 0; i < SELF_TEST_ENTRIES; i++) {
		uint8_t value[16] = { 0 };

		if (i < nr)
			self_test_entry(&entry[i], value);
		put_param(p, (uint16_t)(i + 1), BINARY, value, sizeof(value));
	}
}

/* The counter that the parameter with this code has, or DC_NR. */
static unsigned counter_of(const struct zone_geo *geo, uint16_t code)
{
	unsigned c = 0;

	for (; c < DC_NR; c++) {
		const struct disk_counter_row *row = &disk_counter_table[c];

		if (row->zoned && row->param == code &&
		    (!row->zone_type ||
		     zone_geo_has(geo, (enum zone_type)row->zone_type)))
			break;
	}
	return c;
}

/* Ascending.  0007h is about optimal numbers: exceeding them costs nothing. */
static void zoned_statistics(struct log_page *p)
{
	struct disk *disk = p->unit->disk;
	struct disk_stats s;

	disk_get_stats(disk, &s);
	for (uint16_t code = 0; code <= LAST_STATISTIC; code++) {
		unsigned c = counter_of(disk_geo(disk), code);

		if (c < DC_NR)
			put_statistic(p, code,
				      disk_counter_table[c].rest
					      ? disk_wp_zones(disk) - s.n[c]
					      : s.n[c]);
	}
}

static void restart_statistics(struct scsi_unit *u)
{
	disk_reset_zone_stats(u->disk);
}

/* None is going on, none has been: mode page 1Ch,01h enables none. */
static void background_scan(struct log_page *p)
{
	struct disk_activity activity;
	uint8_t status[12] = { 0 };

	disk_get_activity(p->unit->disk, &activity);
	be32_put(status,
		 (uint32_t)min_u64(activity.open_ms / 60000, UINT32_MAX));
	put_param(p, 0x0000, BINARY, status, sizeof(status));
}

/* No exception, and the temperature as above. */
static void informational_exceptions(struct log_page *p)
{
	static const uint8_t healthy[4] = { 0, 0, 0xff, 0 };

	put_param(p, 0x0000, BINARY, healthy, sizeof(healthy));
}

enum page_kind {
	OF_PAGES,    /* page codes, not parameters */
	OF_LISTS,    /* list parameters */
	OF_COUNTERS, /* data counters */
};

static void list_pages(struct log_page *p);
static void list_subpages(struct log_page *p);

/* Ascending. */
static const struct page {
	uint8_t code, sub;
	enum page_kind kind;
	void (*build)(struct log_page *p);
	void (*reset)(struct scsi_unit *u); /* NULL: there is nothing to */
} pages[] = {
	{ 0x00, 0x00, OF_PAGES, list_pages },
	{ 0x00, SUB_ALL, OF_PAGES, list_subpages },
	{ 0x02, 0x00, OF_COUNTERS, write_errors, restart_write },
	{ 0x03, 0x00, OF_COUNTERS, read_errors, restart_read },
	{ 0x05, 0x00, OF_COUNTERS, verify_errors, restart_verify },
	{ 0x0d, 0x00, OF_LISTS, temperature },
	{ 0x0e, 0x00, OF_LISTS, start_stop_cycles },
	{ 0x10, 0x00, OF_LISTS, self_test_results, scsi_self_test_forget },
	{ 0x14, 0x01, OF_LISTS, zoned_statistics, restart_statistics },
	{ 0x15, 0x00, OF_LISTS, background_scan },
	{ 0x2f, 0x00, OF_LISTS, informational_exceptions },
};

/* Those that a code alone asks for. */
static void list_pages(struct log_page *p)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++)
		if (!pages[i].sub)
			p->data[p->len++] = pages[i].code;
}

static void list_one(struct log_page *p, uint8_t code, uint8_t sub)
{
	p->data[p->len++] = code;
	p->data[p->len++] = sub;
}

static bool has_code(const struct page *page, uint8_t code)
{
	return page < pages + ZL_ARRAY_SIZE(pages) && page->code == code;
}

/* Those of a code, and then the list that has them. */
static void list_of_code(struct log_page *p, uint8_t code)
{
	const struct page *page = pages;

	while (page->code != code)
		page++;
	for (; has_code(page, code); page++)
		if (page->sub != SUB_ALL)
			list_one(p, code, page->sub);
	list_one(p, code, SUB_ALL);
}

static void list_subpages(struct log_page *p)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++)
		if (!i || pages[i].code != pages[i - 1].code)
			list_of_code(p, pages[i].code);
}

static const struct page *find_page(uint8_t code, uint8_t sub)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++)
		if (pages[i].code == code && pages[i].sub == sub)
			return &pages[i];
	return NULL;
}

static bool code_known(uint8_t code)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++)
		if (pages[i].code == code)
			return true;
	return false;
}

static enum scsi_next no_such_page(struct scsi_cmd *cmd, uint8_t code)
{
	return code_known(code) ? scsi_bad_cdb(cmd, 3, NO_BIT)
				: scsi_bad_cdb(cmd, 2, 5);
}

/* Subpage FFh of whatever there is lists the subpages. */
static enum page_kind build_page(struct log_page *p, const struct page *page,
				 uint8_t code)
{
	if (!page) {
		list_of_code(p, code);
		return OF_PAGES;
	}
	page->build(p);
	return page->kind;
}

/*
 * Counters are cumulative; of all else there is one value, whatever PC says. SP
 * is refused with the reserved bits: the statistics are kept anyhow.
 */
enum scsi_next scsi_log_sense(struct scsi_cmd *cmd)
{
	const uint8_t *cdb = cmd->cdb;
	uint8_t code = cdb[2] & 0x3f, sub = cdb[3];
	struct log_page p = { .unit = cmd->unit,
			      .from = be16_get(cdb + 5),
			      .len = 4 };
	const struct page *page = find_page(code, sub);
	enum page_kind kind;

	if (!page && (sub != SUB_ALL || !code_known(code)))
		return no_such_page(cmd, code);
	if (page && page->kind == OF_COUNTERS && cdb[2] >> 6 != PC_CUMULATIVE)
		return scsi_bad_cdb(cmd, 2, 7);
	kind = build_page(&p, page, code);
	if (kind == OF_PAGES ? p.from : !p.any)
		return scsi_bad_cdb(cmd, 5, NO_BIT);
	p.data[0] = code | (sub ? SPF : 0);
	p.data[0] |= kind == OF_PAGES ? 0 : DS;
	p.data[1] = sub;
	be16_put(p.data + 2, (uint16_t)(p.len - 4));
	return data_in_all(cmd, be16_get(cdb + 7), p.data, p.len);
}

/* The temperature. */
bool scsi_log_in_sanitize(const uint8_t *cdb)
{
	return (cdb[2] & 0x3f) == 0x0d && !cdb[3];
}

/* Page 00h stands for all, subpage FFh for all that have the page's code. */
static bool is_selected(const struct page *page, uint8_t code, uint8_t sub)
{
	if (!code && !sub)
		return true;
	return page->code == code && (page->sub == sub || sub == SUB_ALL);
}

/* PCR sets all back to what it was at first, PC 11b the cumulative values. */
static bool is_to_reset(const struct page *page, const uint8_t *cdb)
{
	if (!page->reset)
		return false;
	return cdb[1] & 0x02 || (page->kind == OF_COUNTERS &&
				 cdb[2] >> 6 == PC_DEFAULT_CUMULATIVE);
}

/*
 * Without a parameter list: nothing can be set but to what it was at first, and
 * there are no thresholds.
 */
enum scsi_next scsi_log_select(struct scsi_cmd *cmd)
{
	const uint8_t *cdb = cmd->cdb;
	uint8_t code = cdb[2] & 0x3f, sub = cdb[3];
	bool any = false;

	/* What is set to what it was at first is not saved, SP or not. */
	if (cdb[1] & SP && !(cdb[2] & PC_DEFAULT))
		return scsi_bad_cdb(cmd, 1, 0);
	if (be16_get(cdb + 7))
		return scsi_bad_cdb(cmd, 7, NO_BIT);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(pages); i++) {
		if (!is_selected(&pages[i], code, sub))
			continue;
		any = true;
		if (is_to_reset(&pages[i], cdb))
			pages[i].reset(cmd->unit);
	}
	return any ? scsi_good(cmd) : no_such_page(cmd, code);
}
