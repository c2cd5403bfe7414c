// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The requests as calls: what a disk says, and what whoever answers may say. */
#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "control/ask.h"
#include "stores/mem.h"

#define NR_ZONES 2500u /* three pages */
#define ZONE_LBA 2048u

static struct store_mem *mem;
static struct disk *disk;
static struct control *control;
static char run_dir[] = "/tmp/zl-ask-XXXXXX";
static const char *serial;
static struct zl_err err;

static int start_with(const char *how)
{
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };

	strcpy(run_dir + strlen(run_dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	setenv("ZLOOP_RUN_DIR", run_dir, 1);
	mem = store_mem_new();
	assert_int_equal(
		disk_opts_parse(&opts, how, strlen(how), ',', false, &err), 0);
	assert_int_equal(disk_open_store(store_mem_open(mem), "test", &args,
					 &disk, &err),
			 0);
	serial = disk_meta(disk)->serial;
	assert_int_equal(control_start(disk, &control, &err), 0);
	return 0;
}

static int start(void **state)
{
	(void)state;
	return start_with("capacity_mb=2500,zone_size_mb=1,conv_zones=2,"
			  "discard_write_cache");
}

/* The first realm is conventional, the others one zone of either kind. */
#define NR_REALMS 1500u

static int start_realms(void **state)
{
	(void)state;
	return start_with("model=realms,zone_size_mb=1,realms=1500,"
			  "realm_zones=1+1");
}

static int stop(void **state)
{
	(void)state;
	control_stop(control);
	disk_close(disk);
	store_mem_free(mem);
	assert_int_equal(rmdir(run_dir), 0);
	return 0;
}

static void over(struct disk_io *io)
{
	atomic_store((atomic_bool *)io->user, true);
}

static void zone_op(enum zone_op op, uint64_t lba)
{
	atomic_bool done = false;
	struct disk_io io = { .op = DISK_ZONE,
			      .lba = lba,
			      .zone_op = op,
			      .done = over,
			      .user = &done };

	disk_submit(disk, &io);
	while (!atomic_load(&done))
		usleep(100);
	assert_int_equal(io.status, DISK_OK);
}

static void info_and_stats(void **state)
{
	struct control_info info;
	struct disk_stats stats, are;
	struct json_object *reply;

	(void)state;
	zone_op(ZO_OPEN, 7 * ZONE_LBA);
	assert_int_equal(control_info(serial, &info, &reply, &err), 0);
	json_object_put(reply);
	assert_string_equal(info.serial, serial);
	assert_string_equal(info.dir, "test");
	assert_int_equal(info.capacity_bytes, NR_ZONES * ZL_MIB);
	assert_int_equal(info.zone_bytes, ZL_MIB);
	assert_int_equal(info.block_bytes, 512);
	assert_int_equal(info.nr_cond[ZC_EXP_OPEN], 1);
	assert_int_equal(info.nr_cond[ZC_EMPTY], NR_ZONES - 3);
	assert_string_equal(info.job, "");
	assert_int_equal(info.activity.kind[DISK_KIND_OPEN].done, 1);
	assert_int_equal(control_stats(serial, &stats, &err), 0);
	disk_get_stats(disk, &are);
	assert_memory_equal(&stats, &are, sizeof(are));
	assert_memory_equal(&info.stats, &are, sizeof(are));
	assert_int_equal(stats.n[DC_MAX_EXP_OPEN], 1);
}

struct seen {
	uint32_t nr, most;
};

static bool see(void *user, const struct zone_info *z)
{
	struct seen *s = user;
	struct zone_info is;

	disk_zone_at(disk, z->start_lba, &is);
	assert_int_equal(z->slot, is.slot);
	assert_int_equal(z->type, is.type);
	assert_int_equal(z->cond, is.cond);
	assert_int_equal(z->wp_lba, is.wp_lba);
	assert_int_equal(z->blocks, is.blocks);
	s->nr++;
	return s->nr < s->most;
}

static void zones(void **state)
{
	struct seen all = { .most = UINT32_MAX }, some = { .most = 1001 },
		    open = { .most = UINT32_MAX };

	(void)state;
	zone_op(ZO_OPEN, 7 * ZONE_LBA);
	zone_op(ZO_OPEN, 2000 * ZONE_LBA);
	assert_int_equal(control_zones(serial, 0, see, &all, &err), 0);
	assert_int_equal(all.nr, NR_ZONES);
	assert_int_equal(control_zones(serial, ZONE_LBA, see, &some, &err), 0);
	assert_int_equal(some.nr, 1001);
	assert_int_equal(control_open_zones(serial, 5, see, &open, &err), 0);
	assert_int_equal(open.nr, 2);
	assert_int_equal(
		control_zones(serial, UINT64_C(1) << 40, see, &all, &err),
		-EPROTO);
	assert_non_null(strstr(err.msg, "start_lba is not a number"));
}

static void history(void **state)
{
	struct control_sample *samples;
	unsigned nr;

	(void)state;
	zone_op(ZO_OPEN, 7 * ZONE_LBA);
	assert_int_equal(control_history(serial, &samples, &nr, &err), 0);
	/* The first is taken at once, and knows no open zone yet. */
	assert_true(nr >= 1);
	assert_int_equal(samples[0].reads, 0);
	free(samples);
}

static void faults_of(const struct control_peer *to)
{
	struct json_object *o = json_tokener_parse(
		"{\"fault\":\"read-error\",\"lba\":4096,\"count\":2}");
	struct json_object *all = json_tokener_parse("{\"all\":true}"), *faults;
	uint64_t id = 0, left_out = 1;

	assert_int_equal(control_fault_add(to, o, &id, &err), 0);
	assert_int_not_equal(id, 0);
	assert_int_equal(control_fault_list(to, &faults, &left_out, &err), 0);
	assert_int_equal(json_object_array_length(faults), 1);
	assert_int_equal(left_out, 0);
	json_object_put(faults);
	assert_int_equal(control_fault_clear(to, all, &err), 0);
	assert_int_equal(control_fault_list(to, &faults, &left_out, &err), 0);
	assert_int_equal(json_object_array_length(faults), 0);
	json_object_put(faults);
	json_object_object_add(o, "lbb", json_object_new_int(1));
	assert_int_equal(control_fault_add(to, o, &id, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "lbb"));
	json_object_put(all);
	json_object_put(o);
}

static void faults(void **state)
{
	const struct control_peer socket = { .serial = serial },
				  here = { .disk = disk };

	(void)state;
	faults_of(&socket);
	faults_of(&here);
}

static void powerfail(void **state)
{
	uint64_t zones = 77;

	(void)state;
	assert_int_equal(
		control_powerfail(serial, UINT64_MAX, &zones, NULL, NULL, &err),
		0);
	assert_int_equal(zones, 0);
	assert_int_equal(control_powerfail(serial, 4, &zones, NULL, NULL, &err),
			 0);
}

/* Each call, whose reply may be anything; NULL: nobody to ask. */
static int ask_all(const char *whom, int want)
{
	const struct control_peer to = { .serial = whom };
	struct json_object *o = json_object_new_object(), *faults = NULL;
	struct control_sample *samples = NULL;
	struct seen none = { .most = 1 };
	struct control_info info;
	struct disk_stats stats;
	uint64_t n;
	unsigned nr;
	int bad = 0;

	bad += control_info(whom, &info, NULL, &err) != want;
	bad += control_stats(whom, &stats, &err) != want;
	bad += control_history(whom, &samples, &nr, &err) != want;
	bad += control_zones(whom, 0, see, &none, &err) != want;
	bad += control_open_zones(whom, 3, see, &none, &err) != want;
	bad += control_powerfail(whom, 1, &n, NULL, NULL, &err) != want;
	bad += control_fault_add(&to, o, &n, &err) != want;
	bad += control_fault_list(&to, &faults, &n, &err) != want;
	bad += control_fault_clear(&to, o, &err) != want;
	free(samples);
	json_object_put(faults);
	json_object_put(o);
	return bad;
}

static void nobody_there(void **state)
{
	(void)state;
	assert_int_equal(ask_all(NULL, -ENOENT), 0);
	assert_int_equal(ask_all("0123456789abcdef", -ENOENT), 0);
}

/*
 * Somebody else answers.
 */

struct liar {
	int fd;
	const char *_Atomic says;
};

static void *lie(void *arg)
{
	struct liar *l = arg;
	int fd;
	char c;

	while ((fd = accept(l->fd, NULL, NULL)) >= 0) {
		while (read(fd, &c, 1) == 1 && c != '\n')
			;
		dprintf(fd, "%s\n", l->says);
		close(fd);
	}
	return NULL;
}

static void start_liar(struct liar *l)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	assert_int_equal(control_path("ffffffffffffffff", addr.sun_path), 0);
	unlink(addr.sun_path);
	l->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(l->fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	assert_int_equal(listen(l->fd, 16), 0);
}

static void any_reply(void **state)
{
	static const struct {
		const char *says;
		int want;
	} replies[] = {
		{ "{\"ok\":true}", 0 },
		{ "{\"ok\":true,\"zones\":5,\"faults\":{},\"id\":\"x\"}", 0 },
		{ "{\"ok\":true,\"zones\":[],\"next_lba\":0}", 0 },
		{ "{\"ok\":true,\"conditions\":[3,null],\"job\":[1],"
		  "\"operations\":[],\"failed\":7,\"serial\":{}}",
		  0 },
		{ "{\"ok\":true,\"operations\":{\"read\":[],\"write\":{"
		  "\"latency\":[1,\"x\",null]}},\"job\":{\"name\":null}}",
		  0 },
		{ "{\"ok\":true,\"members\":[\"open_ms\",3,null],"
		  "\"samples\":[[1],2,[],null]}",
		  0 },
		{ "{\"ok\":false}", -EPROTO },
		{ "{\"ok\":false,\"error\":null}", -EPROTO },
		{ "[]", -EPROTO },
		{ "null", -EPROTO },
		{ "no JSON", -EPROTO },
	};
	struct liar l;
	pthread_t thread;
	struct sockaddr_un addr;

	(void)state;
	start_liar(&l);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(replies); i++) {
		l.says = replies[i].says;
		if (!i)
			pthread_create(&thread, NULL, lie, &l);
		if (ask_all("ffffffffffffffff", replies[i].want))
			fail_msg("%s", replies[i].says);
	}
	shutdown(l.fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(l.fd);
	assert_int_equal(control_path("ffffffffffffffff", addr.sun_path), 0);
	unlink(addr.sun_path);
}

static bool see_realm(void *user, const struct zone_realm_info *realm)
{
	uint32_t *nr = user;

	assert_int_equal(realm->realm, *nr);
	assert_int_equal(realm->range[0].start_lba, *nr * ZONE_LBA);
	assert_int_equal(realm->range[0].end_lba, (*nr + 1) * ZONE_LBA - 1);
	assert_int_equal(realm->range[1].end_lba != 0, *nr != 0);
	assert_int_equal(realm->active, *nr == 7);
	return ++*nr < NR_REALMS;
}

static void realms(void **state)
{
	struct control_activation seven = { .first = 7,
					    .last = 7,
					    .domain = 1 };
	const struct control_peer to = { .serial = serial },
				  here = { .disk = disk };
	struct control_info info;
	uint32_t nr = 0;

	(void)state;
	seven.query = true;
	assert_int_equal(control_activate(&here, &seven, &err), 0);
	assert_false(seven.activated);
	assert_int_equal(seven.realms, 1);
	seven.query = false;
	assert_int_equal(control_activate(&to, &seven, &err), 0);
	assert_true(seven.activated);
	assert_string_equal(seven.unmet, "");
	assert_int_equal(seven.unmet_lba, UINT64_MAX);
	assert_int_equal(control_realms(serial, 0, see_realm, &nr, &err), 0);
	assert_int_equal(nr, NR_REALMS);
	assert_int_equal(control_activate(&to, &seven, &err), 0);
	assert_false(seven.activated);
	assert_string_equal(seven.unmet, "not-inactive");
	assert_int_equal(seven.unmet_lba,
			 (NR_REALMS + 1 + 6) * (uint64_t)ZONE_LBA);
	assert_int_equal(control_info(serial, &info, NULL, &err), 0);
	assert_int_equal(info.nr_domains, 2);
	assert_int_equal(info.domains[0].active_realms, NR_REALMS - 1);
	assert_int_equal(info.domains[1].active_realms, 1);
	assert_int_equal(info.domains[1].info.type, ZT_SEQ_REQUIRED);
}

static void realms_refused(void **state)
{
	struct control_activation a = { .first = 0, .last = 3, .domain = 1 };
	const struct control_peer to = { .serial = serial };
	uint32_t nr = 0;

	(void)state;
	assert_int_equal(control_activate(&to, &a, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "realm 0 has no zones in domain 1"));
	a.first = 4;
	assert_int_equal(control_activate(&to, &a, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "say what to activate"));
	a.last = NR_REALMS;
	assert_int_equal(control_activate(&to, &a, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "last is not a number from 0 to 1499"));
	a.domain = 2;
	assert_int_equal(control_activate(&to, &a, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "domain is not a number from 0 to 1"));
	assert_int_equal(
		control_realms(serial, NR_REALMS, see_realm, &nr, &err),
		-EPROTO);
}

/* A disk without. */
static void no_realms(void **state)
{
	struct control_activation a = { .all = true };
	const struct control_peer to = { .serial = serial };
	struct control_info info;
	uint32_t nr = 0;

	(void)state;
	assert_int_equal(control_activate(&to, &a, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "neither zone domains nor realms"));
	assert_int_equal(control_realms(serial, 0, see_realm, &nr, &err),
			 -EPROTO);
	assert_int_equal(control_info(serial, &info, NULL, &err), 0);
	assert_int_equal(info.nr_domains, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(info_and_stats),
		T(zones),
		T(history),
		T(faults),
		T(powerfail),
		T(nobody_there),
		T(any_reply),
		T(no_realms),
		cmocka_unit_test_setup_teardown(realms, start_realms, stop),
		cmocka_unit_test_setup_teardown(realms_refused, start_realms,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
