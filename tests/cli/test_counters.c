// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Whatever counts, is told everywhere: each row of the table of counters in
 * each output that is made from it.  The documents: tests/tree/docs.
 */
#include <stdio.h>
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "disk/internal.h"
#include "live.h"
#include "scsi/scsi.h"

#define NR_ZONES 60u

static struct live a;

/* So that none is taken for another, and fewer than there are zones. */
static uint64_t value_of(unsigned counter)
{
	return 20 + counter;
}

static int enter(void **state)
{
	static const char how[] = "capacity_mb=60,zone_size_mb=1,conv_zones=0,"
				  "model=host-aware";
	struct disk *d;

	work_enter(state);
	assert_int_equal(zloop("create", how, "a", NULL), 0);
	live_open(&a, "a");
	d = a.disk;
	pthread_mutex_lock(&d->lock);
	for (unsigned c = 0; c < DC_NR; c++)
		d->stats.n[c] = value_of(c);
	pthread_mutex_unlock(&d->lock);
	pthread_mutex_lock(&d->faults.lock);
	d->faults.injected = value_of(DC_FAULTS_INJECTED);
	pthread_mutex_unlock(&d->faults.lock);
	return 0;
}

static int leave(void **state)
{
	live_close(&a);
	return work_leave(state);
}

static void a_row_is_complete(void **state)
{
	(void)state;
	for (unsigned c = 0; c < DC_NR; c++) {
		const struct disk_counter_row *row = &disk_counter_table[c];

		assert_non_null(row->key);
		assert_non_null(row->help);
		assert_non_null(row->metric);
		for (unsigned b = 0; b < c; b++) {
			const struct disk_counter_row *other =
				&disk_counter_table[b];

			assert_string_not_equal(row->key, other->key);
			assert_string_not_equal(row->metric, other->metric);
			assert_false(row->zoned && other->zoned &&
				     row->param == other->param);
		}
	}
}

static void for_people(void **state)
{
	char line[128];

	(void)state;
	assert_int_equal(zloop("stats", "a", NULL), 0);
	for (unsigned c = 0; c < DC_NR; c++) {
		snprintf(line, sizeof(line), "\n  %-28s %12u\n",
			 disk_counter_table[c].key, (unsigned)value_of(c));
		assert_contains(run_out, line);
	}
	assert_int_equal(zloop("report", "--html", "-", "a", NULL), 0);
	for (unsigned c = 0; c < DC_NR; c++) {
		snprintf(line, sizeof(line), "</td><td>%u</td></tr>",
			 (unsigned)value_of(c));
		assert_contains(run_out, line);
	}
}

static void check_members(struct json_object *o)
{
	for (unsigned c = 0; c < DC_NR; c++)
		assert_int_equal(member_u64(o, disk_counter_table[c].key),
				 value_of(c));
}

/* As the control socket has it, and as zloop makes it. */
static void in_json(void **state)
{
	static const char *const commands[] = { "stats", "info" };

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(commands); i++) {
		struct json_object *root;

		assert_int_equal(zloop(commands[i], "--json", "a", NULL), 0);
		root = out_json();
		check_members(json_object_array_get_idx(root, 0));
		json_object_put(root);
	}
}

static void for_prometheus(void **state)
{
	char text[256];

	(void)state;
	assert_int_equal(zloop("stats", "--prometheus", "a", NULL), 0);
	for (unsigned c = 0; c < DC_NR; c++) {
		const struct disk_counter_row *row = &disk_counter_table[c];
		const char *line;

		snprintf(text, sizeof(text),
			 "# HELP zloop_%s %s.\n# TYPE zloop_%s %s\n",
			 row->metric, row->help, row->metric,
			 row->gauge ? "gauge" : "counter");
		assert_contains(run_out, text);
		line = strstr(run_out, text) + strlen(text);
		snprintf(text, sizeof(text), "} %u\n", (unsigned)value_of(c));
		assert_int_equal(strncmp(line, "zloop_", 6), 0);
		assert_int_equal(strncmp(strchr(line, '}'), text, strlen(text)),
				 0);
	}
}

/* The log page 14h,01h as it is; its length. */
static size_t read_page(uint8_t *page, size_t size)
{
	static const uint8_t cdb[10] = { 0x4d, 0, 0x54, 1, [7] = 1 };
	struct iovec iov = { page, size };
	struct scsi_cmd cmd = {
		.cdb = cdb, .cdb_len = sizeof(cdb), .iov = &iov, .iov_cnt = 1
	};
	struct scsi_unit *unit;

	assert_int_equal(scsi_unit_new(a.disk, NULL, &unit), 0);
	/* The first one says that the unit was made. */
	scsi_begin(unit, &cmd);
	if (cmd.status != SCSI_GOOD)
		scsi_begin(unit, &cmd);
	assert_int_equal(cmd.status, SCSI_GOOD);
	scsi_unit_free(unit);
	return cmd.data_in_bytes;
}

/* On this disk, which is host-aware. */
static bool is_in_the_log_page(unsigned c)
{
	const struct disk_counter_row *row = &disk_counter_table[c];

	return row->zoned && row->param != DC_NO_PARAM &&
	       (!row->zone_type || row->zone_type == ZT_SEQ_PREFERRED);
}

static void in_the_log_page(void **state)
{
	uint8_t page[256];
	size_t len = read_page(page, sizeof(page)), at = 4;
	int last = -1;

	(void)state;
	for (unsigned c = 0; c < DC_NR; c++)
		at += is_in_the_log_page(c) ? 12 : 0;
	assert_int_equal(len, at);
	for (at = 4; at < len; at += 12) {
		uint16_t code = be16_get(page + at);
		uint32_t value = be32_get(page + at + 8);
		unsigned c = 0;

		assert_true(code > last);
		last = code;
		while (c < DC_NR && (!disk_counter_table[c].zoned ||
				     disk_counter_table[c].param != code))
			c++;
		assert_int_not_equal(c, DC_NR);
		assert_int_equal(value, disk_counter_table[c].rest
						? NR_ZONES - value_of(c)
						: value_of(c));
	}
}

/* What LOG SELECT sets back, and nothing else. */
static void set_back(void **state)
{
	struct disk_stats s;

	(void)state;
	disk_reset_zone_stats(a.disk);
	disk_get_stats(a.disk, &s);
	for (unsigned c = 0; c < DC_NR; c++)
		assert_int_equal(s.n[c],
				 disk_counter_table[c].zoned ? 0 : value_of(c));
}

static void over_a_stop(void **state)
{
	struct disk_stats s;

	(void)state;
	live_close(&a);
	live_open(&a, "a");
	disk_get_stats(a.disk, &s);
	for (unsigned c = 0; c < DC_NR; c++)
		assert_int_equal(s.n[c],
				 disk_counter_table[c].since_open
					 ? 0
					 : value_of(c) + (c == DC_OPENS));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
		T(a_row_is_complete), T(for_people),	  T(in_json),
		T(for_prometheus),    T(in_the_log_page), T(set_back),
		T(over_a_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
