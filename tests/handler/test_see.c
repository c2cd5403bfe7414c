// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What zloop shows of a disk that the daemon has open: SCSI commands here,
 * the command in another process. */
#include "rig.h"

#define OUT_MAX 65536

/* What a command with $ for the rig's directory prints. */
static const char *output_of(struct rig *rig, const char *command)
{
	static char out[OUT_MAX];
	FILE *f = popen(rig_text(rig, command), "r");
	size_t len;

	assert_non_null(f);
	len = fread(out, 1, sizeof(out) - 1, f);
	out[len] = 0;
	if (pclose(f))
		fail_msg("%s fails: %s", command, out);
	return out;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void counted(void **state)
{
	static uint8_t data[16 * 512];
	struct rig *rig = *state;
	const char *out;

	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rig_write(rig, ZONE(5) + i * 8, 8, data), 0);
	assert_int_equal(rig_read(rig, ZONE(5), 16, data), 0);
	assert_int_equal(rig_zone(rig, SA_OPEN, ZONE(6), false), 0);
	/* Not at the write pointer. */
	assert_int_not_equal(rig_write(rig, ZONE(7) + 8, 8, data), 0);
	out = output_of(rig, ZLOOP " stats $/d");
	assert_has(out, "\n  write                4       12 KiB ");
	assert_has(out, "\n  read                 1        8 KiB ");
	assert_has(out, "\n  open                 1 ");
	assert_has(out, "\n  failed: refused 1\n");
	assert_has(out, ", 0 in flight\n");
	out = output_of(rig, ZLOOP " stats --prometheus");
	assert_has(out, "operation=\"write\"} 12288\n");
	out = output_of(rig, ZLOOP " top --batch --count 1");
	assert_has(out, "\n  open zones 2, in flight 0, failed 1 (of 1), ");
	out = output_of(rig, "LC_ALL=C.UTF-8 " ZLOOP " zones --map $/d");
	assert_has(out, "\n      0  C C C C E I▁X E  E ");
	out = output_of(rig, ZLOOP " report --html - $/d");
	assert_has(out, "<tr><td>write</td><td>4</td><td>12 KiB</td>");
}

/* Each zone's RESET takes a while: there is time to ask. */
static void format_under_way(void **state)
{
	static const uint8_t list[4] = { 0, 0x02 };
	struct rig *rig = *state;
	const char *out = "";

	rig_shell(rig, ZLOOP " inject add $/d delay op=zone delay_ms=100 "
			     ">/dev/null");
	assert_int_equal(rig_exec(rig, CDB(0x04, 0x10, 0, 0, 0, 0), 6,
				  RUNNER_OUT, (void *)list, sizeof(list)),
			 0);
	while (!strstr(out, "busy with"))
		out = output_of(rig, ZLOOP " info $/d");
	assert_has(out, "  busy with       format, ");
	assert_has(out, " % done\n");
	rig_shell(rig, ZLOOP " inject clear $/d all");
	while (strstr(out, "busy with"))
		out = output_of(rig, ZLOOP " info $/d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counted, rig_setup_dev,
						rig_teardown),
		cmocka_unit_test_setup_teardown(format_under_way, rig_setup_dev,
						rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
