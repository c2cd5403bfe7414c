// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The kernel's messages, whole, cut and wrong. */
#include <errno.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "lio/fake.h"
#include "lio/internal.h"

#define FAMILY 27

/* The commands and attributes of the kernel header. */
enum {
	ADDED = 1,
	REMOVED,
	RECONFIG,
	ADDED_DONE
};
enum {
	DEVICE = 1,
	MINOR,
	DEV_CFG = 4,
	DEV_SIZE,
	WRITECACHE,
	DEVICE_ID = 8
};

static struct nl_msg *message(int cmd, const char *device)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 0, 0, FAMILY, 0, 0, (uint8_t)cmd, 2));
	if (device)
		assert_int_equal(nla_put_string(msg, DEVICE, device), 0);
	assert_int_equal(nla_put_u32(msg, MINOR, 5), 0);
	assert_int_equal(nla_put_u32(msg, DEVICE_ID, 77), 0);
	return msg;
}

static int take(struct nl_msg *msg, struct lio_event *event)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	int ret = lio_event_parse(hdr, hdr->nlmsg_len, FAMILY, event);

	nlmsg_free(msg);
	return ret;
}

static void added_and_removed(void **state)
{
	struct lio_event e;

	(void)state;
	assert_int_equal(
		take(message(ADDED, "tcm-user/3/z0/zloop/a=1/b@/srv/z0"), &e),
		0);
	assert_int_equal(e.kind, LIO_ADDED);
	assert_string_equal(e.hba, "user_3");
	assert_string_equal(e.name, "z0");
	assert_string_equal(e.config, "zloop/a=1/b@/srv/z0");
	assert_int_equal(e.minor, 5);
	assert_string_equal(e.new_config, "");
	assert_false(e.has_size);
	assert_int_equal(take(message(REMOVED, "tcm-user/0/a/b"), &e), 0);
	assert_int_equal(e.kind, LIO_REMOVED);
}

static void reconfigured(void **state)
{
	struct nl_msg *msg = message(RECONFIG, "tcm-user/3/z0/zloop/@/srv/z0");
	struct lio_event e;

	(void)state;
	nla_put_string(msg, DEV_CFG, "zloop/@/srv/z1");
	nla_put_u64(msg, DEV_SIZE, UINT64_C(1) << 40);
	nla_put_u8(msg, WRITECACHE, 1);
	assert_int_equal(take(msg, &e), 0);
	assert_int_equal(e.kind, LIO_RECONFIGURED);
	assert_string_equal(e.new_config, "zloop/@/srv/z1");
	assert_true(e.has_size && e.new_size_bytes == UINT64_C(1) << 40);
	assert_true(e.has_write_cache && e.new_write_cache);
}

static void wrong(void **state)
{
	static const char *const devices[] = {
		NULL,
		"",
		"tcm-user",
		"tcm-user/",
		"tcm-user/3",
		"tcm-user/3/z",
		"tcm-user//z/c",
		"tcm-user/x/z/c",
	};
	struct nl_msg *msg = message(ADDED, "tcm-user/3/z0/c");
	struct lio_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		assert_int_equal(take(message(ADDED, devices[i]), &e), -EINVAL);
	assert_int_equal(take(message(ADDED_DONE, "tcm-user/3/z0/c"), &e),
			 -EINVAL);
	assert_int_equal(lio_event_parse(nlmsg_hdr(msg),
					 nlmsg_hdr(msg)->nlmsg_len, FAMILY + 1,
					 &e),
			 -EINVAL);
	nlmsg_free(msg);
}

/* Each length in memory of just that length, each byte changed. */
static void cut_and_damaged(void **state)
{
	struct nl_msg *msg = message(RECONFIG, "tcm-user/3/z0/zloop/@/srv/z0");
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	size_t len = hdr->nlmsg_len;
	struct lio_event e;
	unsigned char *copy;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		copy = malloc(n + 1);
		assert_non_null(copy);
		memcpy(copy, hdr, n);
		assert_int_equal(lio_event_parse(copy, n, FAMILY, &e), -EINVAL);
		free(copy);
	}
	for (size_t n = 0; n < len; n++) {
		copy = malloc(len);
		assert_non_null(copy);
		for (unsigned v = 0; v < 256; v++) {
			memcpy(copy, hdr, len);
			copy[n] = (unsigned char)v;
			lio_event_parse(copy, len, FAMILY, &e);
			assert_true(strlen(e.name) < sizeof(e.name));
		}
		free(copy);
	}
	nlmsg_free(msg);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(added_and_removed),
		cmocka_unit_test(reconfigured),
		cmocka_unit_test(wrong),
		cmocka_unit_test(cut_and_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
