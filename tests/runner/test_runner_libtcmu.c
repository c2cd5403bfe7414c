// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// libtcmu's helpers as handlers see them, against what 1.5.4 does.

#include "testing.h"

#include "dev.h"

#include <errno.h>

static void test_cdb_lengths(void **state)
{
	static const struct {
		uint8_t opcode, additional;
		int len;
	} expect[] = {
		{ 0x00, 0, 6 },	  { 0x1f, 0, 6 },   { 0x20, 0, 10 },
		{ 0x5f, 0, 10 },  { 0x60, 0, -22 }, { 0x7e, 0, -22 },
		{ 0x7f, 24, 32 }, { 0x80, 0, 16 },  { 0x9f, 0, 16 },
		{ 0xa0, 0, 12 },  { 0xbf, 0, 12 },  { 0xc0, 0, -22 },
		{ 0xff, 0, -22 },
	};
	uint8_t cdb[16] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		cdb[0] = expect[i].opcode;
		cdb[7] = expect[i].additional;
		assert_int_equal(tcmu_cdb_get_length(cdb), expect[i].len);
	}
}

static void test_cdb_fields(void **state)
{
	uint8_t cdb[16] = { 0x08, 0xff, 2,  3,	4,  5,	6,  7,
			    8,	  9,	10, 11, 12, 13, 14, 15 };

	(void)state;
	assert_int_equal(tcmu_cdb_get_lba(cdb), 0x1f0203);
	assert_int_equal(tcmu_cdb_get_xfer_length(cdb), 4);
	cdb[0] = 0x28;
	assert_int_equal(tcmu_cdb_get_lba(cdb), 0x02030405);
	assert_int_equal(tcmu_cdb_get_xfer_length(cdb), 0x0708);
	cdb[0] = 0xa8;
	assert_int_equal(tcmu_cdb_get_xfer_length(cdb), 0x06070809);
	cdb[0] = 0x88;
	assert_int_equal(tcmu_cdb_get_lba(cdb), 0x0203040506070809);
	assert_int_equal(tcmu_cdb_get_xfer_length(cdb), 0x0a0b0c0d);
}

static void test_iovecs(void **state)
{
	char a[3] = "abc", b[5] = "defgh", copy[10] = { 0 };
	struct iovec iov[3] = { { a, 3 }, { b, 0 }, { b, 5 } };

	(void)state;
	assert_int_equal(tcmu_iovec_length(iov, 3), 8);
	assert_int_equal(tcmu_iovec_compare("abcdef", iov, 6), -1);
	assert_int_equal(tcmu_iovec_compare("abcdxf", iov, 6), 4);
	assert_int_equal(tcmu_iovec_seek(iov, 4), 2);
	assert_int_equal(tcmu_iovec_length(iov, 3), 4);
	assert_int_equal(tcmu_memcpy_from_iovec(copy, 10, iov, 3), 4);
	assert_string_equal(copy, "efgh");
	assert_int_equal(tcmu_iovec_length(iov, 3), 0);

	iov[0] = (struct iovec){ a, 3 };
	iov[2] = (struct iovec){ b, 5 };
	assert_int_equal(tcmu_memcpy_into_iovec(iov, 3, "01234567890", 11), 8);
	assert_memory_equal(a, "012", 3);
	assert_memory_equal(b, "34567", 5);
	iov[2] = (struct iovec){ b, 5 };
	assert_false(tcmu_iovec_zeroed(iov + 2, 1));
	tcmu_iovec_zero(iov + 2, 1);
	assert_true(tcmu_iovec_zeroed(iov + 2, 1));
}

static void test_sense(void **state)
{
	uint8_t s[TCMU_SENSE_BUFFERSIZE];

	(void)state;
	memset(s, 0xff, sizeof(s));
	assert_int_equal(tcmu_sense_set_data(s, 0x5, 0x2104),
			 TCMU_STS_PASSTHROUGH_ERR);
	assert_sense(s, 0x5, 0x21, 0x04);
	assert_int_equal(s[7], 10);
	assert_int_equal(s[95], 0);
	tcmu_sense_set_info(s, 0x01020304);
	__tcmu_sense_set_data(s, 0xe, 0x1d00);
	assert_int_equal(s[0], 0xf0);
	assert_memory_equal(s + 3, "\1\2\3\4", 4);
	tcmu_sense_set_key_specific_info(s, 0x8001);
	assert_memory_equal(s + 15, "\x80\x80\x01", 3);
}

static void test_log(void **state)
{
	char *line;
	char long_text[400];

	(void)state;
	runner_log_clear();
	runner_log_level(6);
	tcmu_dbg_message(NULL, "f", 1, "hidden\n");
	tcmu_info_message(NULL, "f", 2, "shown %d\n", 5);
	tcmu_err_message(NULL, "f", 3, "error\n");
	assert_null(runner_log_find(8, "hidden", 0));
	line = runner_log_find(6, NULL, 0);
	assert_string_equal(line, "f:2: shown 5\n");
	free(line);
	line = runner_log_find(3, NULL, 0);
	assert_string_equal(line, "f:3: error\n");
	free(line);
	assert_null(runner_log_find(3, NULL, 1));

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	tcmu_err_message(NULL, "f", 4, "%s\n", long_text);
	line = runner_log_find(3, "xxx", 0);
	assert_int_equal(strlen(line), 254);
	free(line);
	runner_log_level(7);
	tcmu_dbg_message(NULL, "f", 5, "hidden\n");
	line = runner_log_find(7, "hidden", 0);
	assert_non_null(line);
	free(line);
	runner_log_level(6);
}

/* A handler in this very program; the ones in files come elsewhere. */
static char seen_cfgstring[300];
static char seen_wwn[64];
static char seen_uio[400];

static int here_open(struct tcmu_device *dev, bool reopen)
{
	char path[256];
	char *text;
	int ret;

	(void)reopen;
	strcpy(seen_cfgstring, tcmu_dev_get_cfgstring(dev));
	text = tcmu_cfgfs_dev_get_wwn(dev);
	strcpy(seen_wwn, text);
	free(text);
	snprintf(path, sizeof(path), "/sys/class/uio/%s/name",
		 tcmu_dev_get_uio_name(dev));
	text = tcmu_cfgfs_get_str(path);
	strcpy(seen_uio, text);
	free(text);

	assert_int_equal(tcmu_dev_get_block_size(dev), 4096);
	assert_int_equal(tcmu_dev_get_num_lbas(dev), DISK_BYTES / 4096);
	assert_int_equal(tcmu_dev_get_max_xfer_len(dev), 128);
	assert_int_equal(tcmu_cfgfs_dev_get_attr_int(dev, "hw_block_size"),
			 4096);
	assert_int_equal(tcmu_cfgfs_dev_get_attr_int(dev, "none"), -ENOENT);
	assert_int_equal(tcmu_cfgfs_dev_get_info_u64(dev, "Size", &ret),
			 DISK_BYTES);
	assert_int_equal(ret, 0);
	tcmu_cfgfs_dev_get_info_u64(dev, "none", &ret);
	assert_int_equal(ret, -EINVAL);
	return 0;
}

static void here_close(struct tcmu_device *dev)
{
	(void)dev;
}

static struct tcmur_handler here = {
	.subtype = "here",
	.open = here_open,
	.close = here_close,
};

static void test_configfs(void **state)
{
	struct runner_handler h = { .ops = &here };
	struct runner_dev_params p = { .name = "z0",
				       .hw_block_size = 4096,
				       .size_bytes = DISK_BYTES };
	struct tcmu_device *dev;
	char cfgstring[300];
	char path[256];
	char *text;

	(void)state;
	p.cfgstring = "here/a;tcmur_cmd_time_out=3;b@/x";
	assert_int_equal(runner_add(&h, &p, &dev), 0);
	assert_string_equal(seen_cfgstring, "here/ab@/x");
	assert_string_equal(seen_wwn, "");
	assert_memory_equal(seen_uio, "tcm-user/", 9);
	assert_non_null(strstr(seen_uio, "/z0/here/ab@/x"));
	runner_set_wwn(dev, "abc-def");
	text = tcmu_cfgfs_dev_get_wwn(dev);
	assert_string_equal(text, "abc-def");
	free(text);

	assert_null(runner_control_write(dev, 0));
	assert_int_equal(tcmu_cfgfs_dev_set_ctrl_u64(dev, "key", 7), 0);
	snprintf(path, sizeof(path),
		 "/sys/kernel/config/target/core/%s/z0/control",
		 dev->lib.hba_name);
	assert_int_equal(tcmu_cfgfs_set_str(path, "dev_config=here/@/x", 20),
			 0);
	strcpy(strrchr(path, '/'), "/other");
	assert_int_equal(tcmu_cfgfs_set_str(path, "x", 2), -ENOENT);
	assert_int_equal(tcmur_dev_update_size(dev, 8192), 0);
	assert_string_equal(runner_control_write(dev, 0), "key=7");
	assert_string_equal(runner_control_write(dev, 1),
			    "dev_config=here/@/x");
	assert_string_equal(runner_control_write(dev, 2), "dev_size=8192");
	assert_null(runner_control_write(dev, 3));
	assert_int_equal(tcmu_dev_get_num_lbas(dev), 2);
	runner_remove(dev);

	memset(cfgstring, 'y', sizeof(cfgstring) - 1);
	cfgstring[sizeof(cfgstring) - 1] = '\0';
	p.cfgstring = cfgstring;
	p.wwn = "serial";
	assert_int_equal(runner_add(&h, &p, &dev), 0);
	assert_int_equal(strlen(seen_cfgstring), 255);
	assert_string_equal(seen_wwn, "serial");
	runner_remove(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cdb_lengths),
		cmocka_unit_test(test_cdb_fields),
		cmocka_unit_test(test_iovecs),
		cmocka_unit_test(test_sense),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_configfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
