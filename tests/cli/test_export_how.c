// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What takeover exports, of what was noted and of each option in place of it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export.h"
#include "run.h"

#define SECRET "0123456789ab"
#define IQN    "iqn.2003-01.org.linux-iscsi.zloop:1"
#define NOTED  "192.0.2.7:3260"

static const struct export_how noted = {
	.acl = "iqn.a",
	.user = "me",
	.password = "noted-secret",
	.portals = { NOTED },
	.nr_portals = 1,
};
static const struct export_how to_all = {
	.open = true,
	.portals = { NOTED },
	.nr_portals = 1,
};
static const struct export_how nothing = { .nr_portals = 0 };

/* NULL: what is made, or nobody's. */
struct row {
	const char *what;
	const struct export_how *was;
	struct export_how given;
	bool refused, open;
	const char *acl, *user, *password, *portal;
};

static const struct row rows[] = {
	{ "another initiator",
	  &noted,
	  { .acl = "iqn.b" },
	  false,
	  false,
	  "iqn.b",
	  "me",
	  "noted-secret",
	  NOTED },
	{ "another user",
	  &noted,
	  { .user = "you" },
	  false,
	  false,
	  "iqn.a",
	  "you",
	  "noted-secret",
	  NOTED },
	{ "another secret",
	  &noted,
	  { .password = SECRET },
	  false,
	  false,
	  "iqn.a",
	  "me",
	  SECRET,
	  NOTED },
	{ "a secret in a file",
	  &noted,
	  { .password_file = "secret" },
	  false,
	  false,
	  "iqn.a",
	  "me",
	  SECRET,
	  NOTED },
	{ "another portal",
	  &noted,
	  { .portals = { "[::1]:1" }, .nr_portals = 1 },
	  false,
	  false,
	  "iqn.a",
	  "me",
	  "noted-secret",
	  "[::1]:1" },
	{ "everybody",
	  &noted,
	  { .open = true },
	  false,
	  true,
	  NULL,
	  NULL,
	  NULL,
	  NOTED },
	{ "one, not everybody",
	  &to_all,
	  { .acl = "iqn.b" },
	  false,
	  false,
	  "iqn.b",
	  "zloop",
	  NULL,
	  NOTED },
	{ "everybody's portal",
	  &to_all,
	  { .portals = { "[::1]:1" }, .nr_portals = 1 },
	  false,
	  true,
	  NULL,
	  NULL,
	  NULL,
	  "[::1]:1" },
	{ "everybody has no user", &to_all, { .user = "me" }, true },
	{ "everybody has no secret", &to_all, { .password = SECRET }, true },
	{ "nobody's secret", &nothing, { .password = SECRET }, true },
	{ "nobody's portal",
	  &nothing,
	  { .portals = { NOTED }, .nr_portals = 1 },
	  true },
	{ "one, from nothing",
	  &nothing,
	  { .acl = "iqn.b" },
	  false,
	  false,
	  "iqn.b",
	  "zloop",
	  NULL,
	  "0.0.0.0:3260" },
};

static void same(const char *what, const char *want, const char *has)
{
	if (want && (!has || strcmp(want, has)))
		fail_msg("%s: %s, and not %s", what, has ? has : "nothing",
			 want);
}

static void try_row(const struct row *r)
{
	struct export_how how = *r->was;

	print_message("%s\n", r->what);
	assert_int_equal(!!export_how_overlay(&how, &r->given), r->refused);
	if (r->refused)
		return;
	assert_int_equal(export_how_complete(&how), 0);
	assert_true(export_is_sound(&how, IQN));
	assert_int_equal(how.open, r->open);
	same(r->what, r->acl, how.acl);
	same(r->what, r->user, how.user);
	same(r->what, r->password, how.password);
	same(r->what, r->portal, how.portals[0]);
	assert_int_equal(how.nr_portals, 1);
	if (r->open)
		assert_true(!how.acl && !how.user && !how.password);
}

static void each_option_by_itself(void **state)
{
	FILE *f = fopen("secret", "w");

	(void)state;
	assert_non_null(f);
	fputs(SECRET "\n", f);
	fclose(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try_row(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_option_by_itself,
						work_enter, work_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
