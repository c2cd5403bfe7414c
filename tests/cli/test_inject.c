// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop inject, powerfail, info and zones with a disk that is open here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "disk/disk.h"
#include "base/num.h"
#include "run.h"

static struct disk *disk;
static struct control *control;

static int enter(void **state)
{
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts };
	char here[4096];
	struct zl_err err;

	work_enter(state);
	assert_int_equal(zloop("create",
			       "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
			       "block_size=512",
			       "d", NULL),
			 0);
	assert_non_null(realpath(".", here));
	setenv("ZLOOP_RUN_DIR", here, 1);
	if (disk_opts_parse(&opts, "discard_write_cache", 19, ',', false,
			    &err) ||
	    disk_open("d", &args, &disk, &err) ||
	    control_start(disk, &control, &err))
		fail_msg("%s", err.msg);
	return 0;
}

static int leave(void **state)
{
	control_stop(control);
	disk_close(disk);
	return work_leave(state);
}

static enum disk_status io(enum disk_op op, uint64_t lba)
{
	static uint8_t buf[512];
	struct iovec iov = { buf, sizeof(buf) };
	struct disk_io io = {
		.op = op, .lba = lba, .nr_blocks = 1, .iov = &iov, .iov_cnt = 1
	};

	return disk_run(disk, &io);
}

static void add_list_clear(void **state)
{
	(void)state;
	assert_int_equal(zloop("inject", "add", "d", "read-error", "lba=7",
			       "count=2", NULL),
			 0);
	assert_string_equal(run_out, "1\n");
	assert_int_equal(io(DISK_READ, 7), DISK_READ_ERROR);
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_string_equal(run_out, "id=1 read-error lba=0x7 blocks=1 count=1 "
				     "persistent=false hits=1\n");
	assert_int_equal(zloop("inject", "clear", "d", "id=1", NULL), 0);
	assert_silent();
	assert_int_equal(io(DISK_READ, 7), DISK_OK);
	/* As zones prints them. */
	assert_int_equal(
		zloop("inject", "add", "d", "read-error", "lba=0x1f", NULL), 0);
	assert_int_equal(io(DISK_READ, 31), DISK_READ_ERROR);
	assert_int_equal(zloop("inject", "clear", "d", "id=0x2", NULL), 0);
	assert_int_equal(zloop("inject", "add", "d", "busy", "lba=0x0x1", NULL),
			 2);
	assert_sentence("lba=0x0x1 is not a number");
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_silent();
}

static void json(void **state)
{
	struct json_object *o;

	(void)state;
	assert_int_equal(zloop("inject", "--json", "add", "d",
			       "{\"fault\":\"busy\",\"op\":\"read\"}", NULL),
			 0);
	o = out_json();
	assert_int_equal(member_u64(o, "id"), 1);
	json_object_put(o);
	assert_int_equal(zloop("inject", "-j", "list", "d", NULL), 0);
	o = out_json();
	assert_int_equal(json_object_array_length(o), 1);
	json_object_put(o);
}

static void a_zone(void **state)
{
	(void)state;
	assert_int_equal(zloop("inject", "add", "d", "offline", "zone=3", NULL),
			 0);
	assert_silent();
	assert_int_equal(zloop("zones", "d", "--condition", "offline", NULL),
			 0);
	assert_contains(run_out, "seq-000003");
	assert_int_equal(count_lines(run_out), 2);
	assert_int_equal(zloop("inject", "clear", "d", "zone=3", NULL), 0);
	assert_int_equal(zloop("zones", "d", "--condition", "offline", NULL),
			 0);
	assert_int_equal(count_lines(run_out), 1);
}

static void clear_all(void **state)
{
	(void)state;
	zloop("inject", "add", "d", "offline", "zone=0", NULL);
	zloop("inject", "add", "d", "busy", NULL);
	assert_int_equal(zloop("inject", "clear", "d", "all", NULL), 0);
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_silent();
}

/* What a directory cannot tell. */
static void live_states(void **state)
{
	struct json_object *o;

	(void)state;
	assert_int_equal(io(DISK_WRITE, 3 * 2048), DISK_OK);
	assert_int_equal(zloop("zones", "d", "-c", "implicitly-opened", NULL),
			 0);
	assert_contains(run_out, "seq-000003");
	assert_int_equal(zloop("info", "--json", "d", NULL), 0);
	o = out_json();
	assert_int_equal(member_u64(member(json_object_array_get_idx(o, 0),
					   "conditions"),
				    "implicitly-opened"),
			 1);
	json_object_put(o);
}

static void powerfail(void **state)
{
	struct json_object *o;
	struct zone_info z;
	char words[64];

	(void)state;
	assert_int_equal(io(DISK_WRITE, 3 * 2048), DISK_OK);
	assert_int_equal(zloop("powerfail", "d", NULL), 0);
	assert_string_equal(run_out, "");
	assert_sentence("note: 1 zone lost all that was not flushed");
	disk_zone_at(disk, 3 * 2048, &z);
	assert_int_equal(z.cond, ZC_EMPTY);
	assert_int_equal(zloop("powerfail", "d", "--seed", "7", NULL), 0);
	assert_sentence("note: nothing is lost: nothing was to be flushed");
	assert_int_equal(io(DISK_WRITE, 3 * 2048), DISK_OK);
	assert_int_equal(zloop("powerfail", "d", "--seed", "7", NULL), 0);
	assert_sentence("note: 1 zone lost what --seed 7 chooses");
	assert_int_equal(zloop("powerfail", "-q", "d", NULL), 0);
	assert_silent();
	/* One that was chosen can be said again. */
	assert_int_equal(io(DISK_WRITE, 4 * 2048), DISK_OK);
	assert_int_equal(zloop("powerfail", "-jr", "d", NULL), 0);
	o = out_json();
	assert_int_equal(member_u64(o, "zones"), 1);
	snprintf(words, sizeof(words), "what --seed %llu chooses",
		 (unsigned long long)member_u64(o, "seed"));
	assert_sentence(words);
	assert_null(member(o, "device"));
	json_object_put(o);
	/* Of several each is named. */
	assert_int_equal(io(DISK_WRITE, 6 * 2048), DISK_OK);
	assert_int_equal(zloop("powerfail", "d", "d", "nowhere", NULL), 1);
	assert_contains(run_err, "d: 1 zone lost all that was not flushed\n");
	assert_contains(run_err, "d: nothing is lost: nothing was to be ");
	assert_contains(run_err, "there is no disk nowhere");
	assert_int_equal(zloop("powerfail", "-jq", "d", "d", NULL), 0);
	o = out_json();
	assert_int_equal(json_object_array_length(o), 2);
	json_object_put(o);
	assert_int_equal(zloop("powerfail", "--all", "d", NULL), 2);
	assert_int_equal(zloop("powerfail", NULL), 2);
	assert_int_equal(zloop("powerfail", "d", "--reattach", NULL), 1);
	assert_int_equal(zloop("powerfail", "d", "--seed", "x", NULL), 2);
	assert_contains(run_err, "--seed x is not a number");
}

/* Standard error is no terminal here: lines. */
static void powerfail_progress(void **state)
{
	(void)state;
	for (unsigned zone = 2; zone < 8; zone++)
		assert_int_equal(io(DISK_WRITE, zone * 2048), DISK_OK);
	assert_int_equal(zloop("powerfail", "--progress", "d", NULL), 0);
	assert_string_equal(run_out, "");
	assert_contains(run_err, "zloop: taking back: 100 %, 6 of 6 zones\n");
	assert_contains(run_err, "note: 6 zones lost all that was not flushed");
	/* Nothing is to be taken back, no progress to be said of it. */
	assert_int_equal(zloop("powerfail", "--progress", "d", NULL), 0);
	assert_sentence("nothing is lost");
	assert_int_equal(io(DISK_WRITE, 2 * 2048), DISK_OK);
	assert_int_equal(zloop("powerfail", "--quiet", "d", NULL), 0);
	assert_silent();
}

static void mistakes(void **state)
{
	(void)state;
	assert_int_equal(zloop("inject", NULL), 2);
	assert_int_equal(zloop("inject", "list", NULL), 2);
	assert_int_equal(zloop("inject", "remove", "d", NULL), 2);
	assert_sentence("'remove' is not add, list or clear");
	assert_int_equal(zloop("inject", "add", "d", NULL), 2);
	assert_sentence("there is no fault");
	assert_int_equal(zloop("inject", "add", "d", "busy", "lba", NULL), 2);
	assert_sentence("'lba' is not MEMBER=VALUE");
	assert_int_equal(zloop("inject", "add", "d", "read-error", "zone=3",
			       "persistent", NULL),
			 2);
	assert_sentence("as in persistent=true");
	assert_int_equal(zloop("inject", "add", "d", "offline", NULL), 2);
	assert_sentence("offline needs zone=NUMBER or lba=NUMBER");
	assert_int_equal(zloop("inject", "add", "d", "{", NULL), 2);
	assert_sentence("{ is not JSON");
	/* Another disk may have it. */
	assert_int_equal(zloop("inject", "add", "d", "busy", "zone=8", NULL),
			 1);
	assert_sentence("zone=8 is beyond the disk's last zone; use 0 to 7");
	assert_int_equal(zloop("inject", "clear", "d", "zone=8", NULL), 1);
	assert_sentence("zone=8 is beyond the disk's last zone; use 0 to 7");
	assert_int_equal(zloop("inject", "add", "d", "nothing", NULL), 2);
	assert_sentence("fault=nothing is not one of");
	assert_int_equal(zloop("inject", "add", "d", "offline", NULL), 2);
	assert_sentence("offline needs zone=NUMBER");
	assert_int_equal(zloop("inject", "clear", "d", NULL), 2);
	assert_sentence("say what to clear");
	assert_int_equal(zloop("inject", "clear", "d", "3", NULL), 2);
	assert_sentence("zone=N, not 3");
	assert_int_equal(zloop("inject", "clear", "d", "all", "id=1", NULL), 2);
	assert_sentence("zone=N, not all");
	assert_int_equal(zloop("inject", "clear", "d", "id=1", "id=2", NULL),
			 2);
	assert_sentence("'id=2' comes after another id");
	assert_int_equal(
		zloop("inject", "add", "d", "busy", "lba=7", "zone=2", NULL),
		2);
	assert_sentence("zone says where, as lba and blocks do");
	assert_int_equal(zloop("inject", "list", "d", "all", NULL), 2);
	assert_sentence("'all' is one word too many");
	assert_int_equal(zloop("inject", "clear", "d", "id=9", NULL), 1);
	assert_sentence("there is no fault 9");
	assert_int_equal(zloop("inject", "list", "nowhere", NULL), 1);
}

static void not_attached(void **state)
{
	(void)state;
	control_stop(control);
	control = NULL;
	assert_int_equal(zloop("inject", "list", "d", NULL), 1);
	assert_sentence("the disk is not attached");
	assert_int_equal(zloop("powerfail", "d", NULL), 1);
	assert_sentence("the disk is not attached");
	assert_int_equal(zloop("zones", "d", NULL), 0);
}

/* It has the serial number of the disk that is attached, and is another. */
static void a_copy_is_not_attached(void **state)
{
	struct zone_info z;

	(void)state;
	assert_int_equal(system("cp -a d copy"), 0);
	assert_int_equal(io(DISK_WRITE, 3 * 2048), DISK_OK);
	assert_int_equal(zloop("inject", "add", "copy", "busy", NULL), 1);
	assert_sentence("the disk is not attached, so that only a persistent "
			"fault stays");
	assert_int_equal(
		zloop("inject", "add", "copy", "offline", "zone=4", NULL), 0);
	assert_silent();
	assert_int_equal(zloop("powerfail", "copy", NULL), 1);
	assert_sentence("the disk is not attached");
	assert_int_equal(zloop("stats", "copy", NULL), 1);
	assert_sentence("nobody has the disk in copy open");
	assert_int_equal(zloop("zones", "copy", "-c", "empty", NULL), 0);
	assert_contains(run_out, "seq-000003");
	disk_zone_at(disk, 3 * 2048, &z);
	assert_int_equal(z.cond, ZC_IMP_OPEN);
	disk_zone_at(disk, 4 * 2048, &z);
	assert_int_equal(z.cond, ZC_EMPTY);
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_silent();
}

static void detach(void)
{
	control_stop(control);
	disk_close(disk);
}

static void attach(void)
{
	struct disk_open_args args = { .opts = NULL };
	struct zl_err err;

	if (disk_open("d", &args, &disk, &err) ||
	    control_start(disk, &control, &err))
		fail_msg("%s", err.msg);
}

static void attributes_persist(void **state)
{
	(void)state;
	assert_int_equal(zloop("inject", "add", "d", "predicted-errors",
			       "zone=3", "persistent=true", NULL),
			 0);
	assert_silent();
	detach();
	attach();
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_string_equal(run_out, "predicted-errors lba=0x1800 blocks=2048 "
				     "persistent=true\n");
	assert_int_equal(zloop("inject", "clear", "d", "zone=3", NULL), 0);
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_silent();
}

static void expect_named(const char *text)
{
	char words[128];

	assert_int_equal(zloop("info", "d", NULL), 0);
	snprintf(words, sizeof(words), "\n  injected        %s\n", text);
	assert_contains(run_out, words);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_string_equal(run_out, "");
	snprintf(words, sizeof(words),
		 "note: d: injected, and so not checked: "
		 "%s\n",
		 text);
	assert_contains(run_err, words);
	assert_int_equal(zloop("report", "-o-", "d", NULL), 0);
	snprintf(words, sizeof(words), "<li>%s</li>", text);
	assert_contains(run_out, words);
}

/* Everything that is injected is named where one looks for a cause, whether the
 * disk is attached or not. */
static void every_fault_is_named(void **state)
{
	static const struct {
		const char *words[4], *text;
		bool passing;
	} f[] = {
		{ { "offline", "zone=3" }, "zone 3: offline", false },
		{ { "read-only", "lba=0", "blocks=4096" },
		  "zones 0 to 1: read-only",
		  false },
		{ { "predicted-errors", "zone=4", "persistent=true" },
		  "zone 4: predicted-errors",
		  false },
		{ { "reset-recommended", "zone=5" },
		  "zone 5: reset-recommended, until the disk is closed",
		  true },
		{ { "read-error", "lba=7", "persistent=true" },
		  "read-error lba=0x7 blocks=1",
		  false },
		{ { "delay", "delay_ms=1", "op=zone" },
		  "delay op=zone delay_ms=1, until the disk is closed",
		  true },
	};
	struct json_object *o;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(f); i++) {
		assert_int_equal(zloop("inject", "add", "d", f[i].words[0],
				       f[i].words[1], f[i].words[2], NULL),
				 0);
		expect_named(f[i].text);
	}
	assert_int_equal(zloop("info", "--json", "d", NULL), 0);
	o = out_json();
	assert_int_equal(json_object_array_length(member(
				 json_object_array_get_idx(o, 0), "faults")),
			 ZL_ARRAY_SIZE(f));
	json_object_put(o);
	detach();
	for (size_t i = 0; i < ZL_ARRAY_SIZE(f); i++)
		if (!f[i].passing)
			expect_named(f[i].text);
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_int_equal(count_lines(run_out), 4);
	assert_int_equal(zloop("inject", "clear", "d", "zone=3", NULL), 0);
	assert_silent();
	assert_int_equal(zloop("inject", "clear", "d", "id=1", NULL), 0);
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_int_equal(count_lines(run_out), 2);
	assert_int_equal(zloop("inject", "add", "d", "offline", "zone=6", NULL),
			 0);
	expect_named("zone 6: offline");
	assert_int_equal(zloop("inject", "clear", "d", "all", NULL), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
	assert_false(exists("d/zloop.faults"));
	attach();
	assert_int_equal(zloop("inject", "list", "d", NULL), 0);
	assert_silent();
	assert_int_equal(io(DISK_READ, 7), DISK_OK);
}

/* "  zloop inject ... /srv/z0 ...", of the disk d. */
static void run_example(char *line)
{
	char *words[16], *word;
	unsigned n = 0;

	for (word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		assert_true(n < 15);
		words[n++] = strcmp(word, "/srv/z0") ? word : (char *)"d";
	}
	assert_true(n >= 4);
	words[n] = NULL;
	for (unsigned i = n; i < 8; i++)
		words[i] = NULL;
	assert_int_equal(zloop(words[1], words[2], words[3], words[4], words[5],
			       words[6], words[7], NULL),
			 0);
}

/* It is all that is needed: names everything, and its examples work. */
static void help(void **state)
{
	static const char *const members[] = {
		"lba=",	     "blocks=", "zone=",	   "count=",	 "op=",
		"delay_ms=", "errno=",	"written_blocks=", "persistent="
	};
	char text[8192], *line, *end;
	unsigned nr = 0;

	(void)state;
	assert_int_equal(zloop("help", "inject", NULL), 0);
	snprintf(text, sizeof(text), "%s", run_out);
	for (unsigned i = 0; i < INJECT_NR; i++)
		assert_contains(text, inject_kind_names[i]);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(members); i++)
		assert_contains(text, members[i]);
	for (line = text; (line = strstr(line, "\n  zloop inject ")); nr++) {
		line++;
		end = strchr(line, '\n');
		*end = 0;
		run_example(line);
		*end = '\n';
		line = end - 1;
	}
	assert_int_equal(nr, 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	const struct CMUnitTest tests[] = {
		T(add_list_clear),
		T(json),
		T(a_zone),
		T(clear_all),
		T(live_states),
		T(powerfail),
		T(powerfail_progress),
		T(mistakes),
		T(not_attached),
		T(a_copy_is_not_attached),
		T(attributes_persist),
		T(every_fault_is_named),
		T(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
