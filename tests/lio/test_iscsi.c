// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* iSCSI targets: who may log in, and nothing left of what fails. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lio/fake.h"

#define IQN  "iqn.2003-01.org.linux-iscsi.zloop:0123456789abcdef"
#define ACL  "iqn.1993-08.org.debian:01:abc"
#define TPG  FAKE_TARGET "/iscsi/" IQN "/tpgt_1"
#define OPEN TPG "/attrib/generate_node_acls"

static struct lio_backstore bs;

static const struct lio_iscsi_args secure = {
	.iqn = IQN,
	.portals = { "192.0.2.1:3260", "[2001:db8::1]:3261" },
	.nr_portals = 2,
	.initiator = ACL,
	.user = "zloop",
	.password = "0123456789abcdef",
};

static int enter(void **state)
{
	struct zl_err err;

	return fake_enter(state) ||
	       lio_attach_backstore(&fake_lio, &fake_args, NULL, &bs, &err);
}

static void export(const struct lio_iscsi_args *args, struct lio_export *ex)
{
	struct zl_err err;

	assert_int_equal(lio_iscsi_make(&fake_lio, &bs, args, ex, &err), 0);
}

static void with_acl(void **state)
{
	struct lio_export ex;

	(void)state;
	export(&secure, &ex);
	assert_string_equal(fake_get(TPG "/attrib/authentication"), "1");
	assert_string_equal(fake_get(OPEN), "0");
	assert_string_equal(fake_get(TPG "/acls/" ACL "/auth/userid"), "zloop");
	assert_string_equal(fake_get(TPG "/acls/" ACL "/auth/password"),
			    secure.password);
	assert_int_equal(fake_count(TPG "/acls/" ACL "/lun_0/lun"), 1);
	assert_true(fake_has(TPG "/np/192.0.2.1:3260"));
	assert_true(fake_has(TPG "/np/[2001:db8::1]:3261"));
	assert_string_equal(fake_get(TPG "/enable"), "1");
}

static void open_to_all(void **state)
{
	struct lio_iscsi_args args = secure;
	struct lio_export ex;

	(void)state;
	args.initiator = NULL;
	export(&args, &ex);
	assert_string_equal(fake_get(TPG "/attrib/authentication"), "0");
	assert_string_equal(fake_get(OPEN), "1");
	assert_string_equal(fake_get(TPG "/attrib/demo_mode_write_protect"),
			    "0");
	assert_int_equal(fake_count(TPG "/acls/*"), 0);
}

static void removed(void **state)
{
	struct lio_export ex;
	struct zl_err err;

	(void)state;
	export(&secure, &ex);
	assert_int_equal(lio_export_remove(&fake_lio, &ex, &err), 0);
	assert_int_equal(fake_count(FAKE_TARGET "/iscsi/*"), 0);
	assert_true(fake_has(FAKE_TARGET "/core/user_0/zloop0"));
	assert_int_equal(lio_backstore_remove(&fake_lio, &bs, &err), 0);
	fake_assert_clean();
}

static void every_failure(void **state)
{
	struct lio_export ex;
	struct zl_err err;
	unsigned n = 0;
	int ret;

	(void)state;
	do {
		fake->changes = 0;
		fake->fail_at = ++n;
		*err.msg = 0;
		ret = lio_iscsi_make(&fake_lio, &bs, &secure, &ex, &err);
		fake->fail_at = 0;
		if (ret) {
			assert_int_equal(ret, -EIO);
			assert_string_not_equal(err.msg, "");
			assert_int_equal(fake_count(FAKE_TARGET "/iscsi/*"), 0);
		}
	} while (ret);
	assert_in_range(n, 15, 25);
}

/* Whose port it is, not what the kernel says. */
static void a_port_that_is_taken(void **state)
{
	static const char other[] =
		FAKE_TARGET "/iscsi/iqn.2001-01.com.other:t/tpgt_1/np/";
	char path[256];
	struct lio_export ex;
	struct zl_err err;
	unsigned n = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s127.0.0.1:3260/iser", other);
	fake_put(path, "0");
	/* The first call that makes a portal fails. */
	do {
		fake->changes = 0;
		fake->fail_at = ++n;
		assert_int_equal(
			lio_iscsi_make(&fake_lio, &bs, &secure, &ex, &err),
			-EIO);
		fake->fail_at = 0;
	} while (!strstr(err.msg, "portal"));
	assert_string_equal(err.msg,
			    "the portal 192.0.2.1:3260 cannot be made; the "
			    "target iqn.2001-01.com.other:t has "
			    "127.0.0.1:3260: use that or another port, as in "
			    "--portal 0.0.0.0:3261");
	fake_drop(FAKE_TARGET "/iscsi/iqn.2001-01.com.other:t");
}

static void twice(void **state)
{
	struct lio_export ex;
	struct zl_err err;

	(void)state;
	export(&secure, &ex);
	assert_int_equal(lio_iscsi_make(&fake_lio, &bs, &secure, &ex, &err),
			 -EEXIST);
	/* The first one is whole. */
	assert_string_equal(fake_get(TPG "/enable"), "1");
	assert_int_equal(fake_count(TPG "/lun/lun_0/zloop0"), 1);
}

/* What targetcli has restored of it while another machine had the disk. */
static void in_place_of_one_without_luns(void **state)
{
	struct lio_export ex;

	(void)state;
	export(&secure, &ex);
	fake_drop(TPG "/acls/" ACL "/lun_0");
	fake_drop(TPG "/lun/lun_0");
	fake_put(TPG "/acls/iqn.other/info", "");
	fake_put(TPG "/np/198.51.100.1:3260/iser", "0");
	export(&secure, &ex);
	assert_int_equal(fake_count(TPG "/lun/lun_0/zloop0"), 1);
	assert_int_equal(fake_count(TPG "/acls/" ACL "/lun_0/lun"), 1);
	assert_int_equal(fake_count(TPG "/acls/*"), 1);
	assert_int_equal(fake_count(TPG "/np/*"), 2);
	assert_string_equal(fake_get(TPG "/enable"), "1");
}

static void sessions(void **state)
{
	struct lio_export ex;

	(void)state;
	export(&secure, &ex);
	assert_int_equal(lio_export_sessions(&fake_lio, &ex), 0);
	fake_put(TPG "/acls/" ACL "/info",
		 "InitiatorName: " ACL "\nInitiatorAlias: x");
	assert_int_equal(lio_export_sessions(&fake_lio, &ex), 1);
	fake_put(TPG "/dynamic_sessions", "iqn.a:1\niqn.a:2");
	assert_int_equal(lio_export_sessions(&fake_lio, &ex), 3);
	strcpy(ex.fabric, "loopback");
	assert_int_equal(lio_export_sessions(&fake_lio, &ex), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, fake_leave)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(with_acl),
		TEST(open_to_all),
		TEST(removed),
		TEST(twice),
		TEST(in_place_of_one_without_luns),
		TEST(every_failure),
		TEST(sessions),
		TEST(a_port_that_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
