// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What zloop watch finds out by looking, of disks that are open here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live.h"
#include "machine.h"
#include "watch_state.h"

static struct watch_state seen;
static struct live disk;
static struct lio lio;
static char said[512];

static void hear(void *user, const struct watch_news *n)
{
	size_t len = strlen(said);

	(void)user;
	if (n->kind == WATCH_DAEMON)
		snprintf(said + len, sizeof(said) - len, "daemon %s;", n->what);
	else if (n->kind == WATCH_FAULTS)
		snprintf(said + len, sizeof(said) - len, "faults %d;",
			 (int)n->nr);
	else
		snprintf(said + len, sizeof(said) - len, "%s %d;",
			 zone_cond_name(n->cond), (int)n->nr);
	if (n->kind != WATCH_DAEMON) {
		assert_string_equal(n->serial, disk_meta(disk.disk)->serial);
		assert_contains(n->dir, "/d");
	}
}

static void says(const char *what)
{
	*said = 0;
	watch_poll(&seen, &lio, hear, NULL);
	assert_string_equal(said, what);
}

static int enter(void **state)
{
	if (machine_enter(state))
		return -1;
	assert_int_equal(zloop("create",
			       "capacity_mb=8,zone_size_mb=1,conv_zones=1", "d",
			       NULL),
			 0);
	live_open(&disk, "d");
	seen = (struct watch_state){ .begun = false };
	lio = (struct lio){ .root = "root", .ops = &lio_kernel_ops };
	return 0;
}

static int leave(void **state)
{
	watch_end(&seen);
	live_close(&disk);
	return machine_leave(state);
}

/* One that is injected counts as a fault, too. */
static void zones(void **state)
{
	(void)state;
	live_break(&disk, INJECT_OFFLINE, 2 * 2048);
	says("");
	live_break(&disk, INJECT_OFFLINE, 3 * 2048);
	says("faults 1;OFFLINE 2;");
	says("");
	live_break(&disk, INJECT_READ_ONLY, 4 * 2048);
	says("faults 1;READ ONLY 1;");
	assert_int_equal(disk_fault_clear(disk.disk, NULL), 0);
	says("READ ONLY 0;OFFLINE 0;");
}

static void faults(void **state)
{
	(void)state;
	says("");
	live_break(&disk, INJECT_READ_ERROR, 5);
	says("");
	live_io(&disk, DISK_READ, 5);
	live_io(&disk, DISK_READ, 5);
	says("faults 2;");
	says("");
	/* Opened anew it counts from the beginning. */
	live_close(&disk);
	live_open(&disk, "d");
	live_break(&disk, INJECT_READ_ERROR, 5);
	live_io(&disk, DISK_READ, 5);
	says("faults 1;");
}

static void a_disk_that_comes(void **state)
{
	(void)state;
	live_close(&disk);
	says("");
	live_open(&disk, "d");
	live_break(&disk, INJECT_OFFLINE, 2 * 2048);
	says("");
	live_break(&disk, INJECT_OFFLINE, 3 * 2048);
	says("faults 1;OFFLINE 2;");
}

static void daemon_dies(void **state)
{
	(void)state;
	says("");
	assert_int_equal(rename("root/proc/77/comm", "root/comm"), 0);
	says("daemon gone;");
	says("");
	assert_int_equal(rename("root/comm", "root/proc/77/comm"), 0);
	says("daemon ready;");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	const struct CMUnitTest tests[] = {
		T(zones),
		T(faults),
		T(a_disk_that_comes),
		T(daemon_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
