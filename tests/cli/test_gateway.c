// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop.gateway: who may log in as it is read, and who may write it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/internal.h"
#include "fault/mounts.h"
#include "gateway.h"
#include "live.h"
#include "target.h"

#define IQN "iqn.2003-01.org.linux-iscsi.zloop:1"
#define SAID(rest)                                                          \
	"{\"device\":false,\"target\":{\"iqn\":\"" IQN "\",\"portals\":[\"" \
	"192.0.2.7:3260\"]" rest "}}"
#define SECRET ",\"user\":\"me\",\"password\":\"0123456789ab\""

/* None is a block device of this machine. */
const char *cli_device(const struct lio_backstore *bs,
		       char device[LIO_DEVICE_MAX])
{
	(void)bs;
	*device = 0;
	return device;
}

static void say(const char *text)
{
	FILE *f = fopen("d/zloop.gateway", "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/*
 * Reading.
 */

static const struct {
	const char *text;
	int ret;
	bool exported, open;
} rows[] = {
	{ "{\"device\":true,\"target\":null}", 0, false, false },
	{ SAID(",\"initiator\":\"iqn.a\"" SECRET), 0, true, false },
	{ SAID(",\"initiator\":\"iqn.a\",\"future\":1" SECRET), 0, true,
	  false },
	{ SAID(",\"open\":false,\"initiator\":\"iqn.a\"" SECRET), 0, true,
	  false },
	{ SAID(",\"open\":true"), 0, true, true },
	/* As earlier versions wrote it. */
	{ SAID(""), 0, true, true },
	/* Who may log in is not known, and so not everybody. */
	{ SAID(",\"initiator\":null"), -EINVAL, false, false },
	{ SAID(",\"initiator\":5" SECRET), -EINVAL, false, false },
	{ SAID(",\"initiator\":null" SECRET), -EINVAL, false, false },
	{ SAID(SECRET), -EINVAL, false, false },
	{ SAID(",\"initiators\":[\"iqn.a\"]"), -EINVAL, false, false },
	{ SAID(",\"open\":false"), -EINVAL, false, false },
	{ SAID(",\"open\":1"), -EINVAL, false, false },
	{ SAID(",\"open\":null"), -EINVAL, false, false },
	{ SAID(",\"open\":true,\"initiator\":\"iqn.a\"" SECRET), -EINVAL, false,
	  false },
	{ "[]", -EINVAL, false, false },
	{ "{", -EINVAL, false, false },
};

static void open_only_if_it_says_so(void **state)
{
	struct gateway gw;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].text);
		say(rows[i].text);
		assert_int_equal(gateway_read("d", &gw, &err), rows[i].ret);
		if (rows[i].ret) {
			assert_contains(err.msg, "does not say how");
		} else {
			assert_int_equal(gw.exported, rows[i].exported);
			assert_int_equal(gw.how.open, rows[i].open);
		}
		gateway_free(&gw);
	}
}

/*
 * Writing.
 */

static const struct export_how one = {
	.acl = "iqn.a",
	.user = "me",
	.password = "0123456789ab",
	.portals = { "192.0.2.7:3260" },
	.nr_portals = 1,
};
static const struct export_how all = {
	.open = true,
	.portals = { "192.0.2.7:3260" },
	.nr_portals = 1,
};

static struct live live;
static struct lio_backstore bs;

/* A disk that is attached here; from then on it is on NFS. */
static int enter(void **state)
{
	char here[4096];

	if (work_enter(state) || !getcwd(here, sizeof(here)))
		return -1;
	assert_int_equal(zloop("create",
			       "capacity_mb=8,zone_size_mb=1,conv_zones=1", "d",
			       NULL),
			 0);
	live_open(&live, "d");
	snprintf(bs.config, sizeof(bs.config), "@%.240s/d", here);
	mounts_type = "nfs4";
	return 0;
}

static int leave(void **state)
{
	mounts_type = "";
	live_close(&live);
	return work_leave(state);
}

static void assert_noted(const struct export_how *how)
{
	struct gateway gw;
	struct zl_err err;

	assert_int_equal(gateway_read("d", &gw, &err), 0);
	assert_int_equal(gw.exported, how != NULL);
	if (how) {
		assert_string_equal(gw.iqn, IQN);
		assert_int_equal(gw.how.open, how->open);
		assert_string_equal(gw.how.portals[0], how->portals[0]);
	}
	if (how && !how->open)
		assert_string_equal(gw.how.password, how->password);
	gateway_free(&gw);
}

static void read_as_it_was_written(void **state)
{
	(void)state;
	gateway_note(&bs, &one, IQN);
	assert_noted(&one);
	gateway_note(&bs, &all, IQN);
	assert_noted(&all);
	gateway_note(&bs, NULL, NULL);
	assert_noted(NULL);
}

/* As after a loss: the device is removed, and added again. */
static void added_again(void **state)
{
	char *text;

	(void)state;
	gateway_note_attached(&bs);
	assert_noted(NULL);
	gateway_note(&bs, &one, IQN);
	gateway_note_attached(&bs);
	gateway_note_attached(&bs);
	assert_noted(&one);
	/* What a newer version says of it, too. */
	say(SAID(",\"future\":1"));
	gateway_note_attached(&bs);
	text = read_file("d/zloop.gateway");
	assert_contains(text, "future");
	free(text);
	say("{");
	gateway_note_attached(&bs);
	assert_int_equal(file_size("d/zloop.gateway"), 1);
}

/* zloop unexport, where another machine serves it. */
static void not_by_who_lost_it(void **state)
{
	(void)state;
	gateway_note(&bs, &one, IQN);
	atomic_store(&live.disk->fence.lost, true);
	strcpy(live.disk->fence.why, "lost");
	gateway_note(&bs, NULL, NULL);
	atomic_store(&live.disk->fence.lost, false);
	assert_noted(&one);
}

/* It does not know yet. */
static void not_once_another_has_it(void **state)
{
	uint8_t rec[JOURNAL_RECORD_BYTES];
	FILE *f;

	(void)state;
	gateway_note(&bs, &one, IQN);
	f = fopen("d/zloop.state", "w");
	assert_non_null(f);
	journal_encode(rec, 1, JR_OPEN, 0, 7);
	assert_int_equal(fwrite(rec, sizeof(rec), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	gateway_note(&bs, NULL, NULL);
	assert_noted(&one);
}

static void not_by_who_does_not_have_it(void **state)
{
	(void)state;
	gateway_note(&bs, &one, IQN);
	control_stop(live.control);
	gateway_note(&bs, NULL, NULL);
	assert_noted(&one);
	live.control = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
		TEST(open_only_if_it_says_so),
		TEST(read_as_it_was_written),
		TEST(added_again),
		TEST(not_by_who_lost_it),
		TEST(not_once_another_has_it),
		TEST(not_by_who_does_not_have_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
