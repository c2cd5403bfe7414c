// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// The stand-in carries a handler that was not made for it: tcmu-runner's own
// handler_file_zbc.so, unmodified, on a file of its own.

#include "skip.h"
#include "testing.h"

#include <unistd.h>

#define ZBC_BYTES (1ull << 30)
#define ZONE_LBAS 131072u /* 64 MiB of 512 bytes */

static char image[] = "/tmp/runner-zbc-XXXXXX";

static uint64_t be64_at(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static int setup(void **state)
{
	struct runner_dev_params p = { .size_bytes = ZBC_BYTES,
				       .wwn = "0123456789abcdef" };
	char cfgstring[128];
	struct tcmu_device *dev;
	int fd = mkstemp(image);

	if (fd < 0)
		return -1;
	close(fd);
	unlink(image); /* the handler makes it, with a format */
	snprintf(cfgstring, sizeof(cfgstring),
		 "zbc/model-HM/zsize-64/conv-8@%s", image);
	p.cfgstring = cfgstring;
	if (runner_add(load(STOCK_HANDLER), &p, &dev))
		return -1;
	*state = dev;
	return 0;
}

static int teardown(void **state)
{
	runner_remove(*state);
	return unlink(image);
}

static void test_inquiry(void **state)
{
	uint8_t cdb[6] = { 0x12, 0, 0, 0, 36 };
	uint8_t data[36];

	assert_int_equal(runner_exec(*state, cdb, 6, RUNNER_IN, data, 36, NULL),
			 0);
	assert_int_equal(data[0], 0x14);
	assert_memory_equal(data + 8, "LIO-ORG ", 8);
}

static void report_zones(struct tcmu_device *dev, uint8_t *data, size_t len)
{
	uint8_t cdb[16] = { 0x95 };

	cdb[12] = (uint8_t)(len >> 8);
	cdb[13] = (uint8_t)len;
	assert_int_equal(runner_exec(dev, cdb, 16, RUNNER_IN, data, len, NULL),
			 0);
}

static void test_report_zones(void **state)
{
	uint8_t data[64 + 16 * 64];
	uint8_t *zone8 = data + 64 + 8 * 64;

	report_zones(*state, data, sizeof(data));
	assert_int_equal(data[3], 0x00);
	assert_int_equal(data[2], 0x04);      /* 16 descriptors: 400h bytes */
	assert_int_equal(data[64] & 0x0f, 1); /* conventional */
	assert_int_equal(zone8[0] & 0x0f, 2); /* sequential write required */
	assert_int_equal(be64_at(zone8 + 8), ZONE_LBAS);
	assert_int_equal(be64_at(zone8 + 16), 8 * ZONE_LBAS);
	assert_int_equal(be64_at(zone8 + 24), 8 * ZONE_LBAS);
}

static void test_write_read(void **state)
{
	uint8_t out[8 * 512], in[8 * 512], zones[64 + 16 * 64];
	uint8_t sense[RUNNER_SENSE_BYTES];
	uint8_t cdb[16];
	unsigned int i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i + i / 256);
	rw16(cdb, 0x8a, 0, 8 * ZONE_LBAS, 8);
	assert_int_equal(runner_exec(*state, cdb, 16, RUNNER_OUT, out,
				     sizeof(out), sense),
			 0);
	rw16(cdb, 0x88, 0, 8 * ZONE_LBAS, 8);
	assert_int_equal(
		runner_exec(*state, cdb, 16, RUNNER_IN, in, sizeof(in), sense),
		0);
	assert_memory_equal(in, out, sizeof(in));

	report_zones(*state, zones, sizeof(zones));
	assert_int_equal(be64_at(zones + 64 + 8 * 64 + 24), 8 * ZONE_LBAS + 8);
	rw16(cdb, 0x8a, 0, 8 * ZONE_LBAS, 8); /* below the write pointer */
	assert_int_equal(runner_exec(*state, cdb, 16, RUNNER_OUT, out,
				     sizeof(out), sense),
			 2);
	assert_sense(sense, 0x5, 0x21, 0x04); /* UNALIGNED WRITE COMMAND */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inquiry),
		cmocka_unit_test(test_report_zones),
		cmocka_unit_test(test_write_read),
	};

	if (access(STOCK_HANDLER, R_OK)) {
		printf("skipped: no %s (package tcmu-runner)\n", STOCK_HANDLER);
		return SKIP_STATUS;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
