// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The control socket: requests, and what hostile clients can do. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/internal.h"
#include "disk/inject.h"
#include "disk/internal.h"
#include "skip.h"
#include "stores/hang.h"
#include "stores/mem.h"

static struct store_mem *mem;
static struct disk *disk;
static struct control *control;
static char run_dir[] = "/tmp/zl-control-XXXXXX";
static const char *serial;

static int start(void **state)
{
	static const char how[] = "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
				  "discard_write_cache";
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	struct zl_err err;

	(void)state;
	strcpy(run_dir + strlen(run_dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	setenv("ZLOOP_RUN_DIR", run_dir, 1);
	mem = store_mem_new();
	disk_opts_parse(&opts, how, sizeof(how) - 1, ',', false, &err);
	/* No UTF-8, as a directory's name need not be. */
	assert_int_equal(disk_open_store(store_mem_open(mem), "te\xfft", &args,
					 &disk, &err),
			 0);
	serial = disk_meta(disk)->serial;
	if (control_start(disk, &control, &err))
		fail_msg("%s", err.msg);
	return 0;
}

static int stop(void **state)
{
	char path[CONTROL_PATH_MAX];

	(void)state;
	assert_int_equal(control_path(serial, path), 0);
	control_stop(control);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(run_dir), 0);
	disk_close(disk);
	store_mem_free(mem);
	return 0;
}

/* @text: a request with ' for ".  The reply as text, with ' for ". */
static void ask(const char *text, char *reply, size_t size)
{
	struct json_object *request, *o;
	struct zl_err err = { "" };
	char in[1024];
	size_t i;
	int ret;

	for (i = 0; text[i]; i++)
		in[i] = text[i] == '\'' ? '"' : text[i];
	in[i] = 0;
	request = json_tokener_parse(in);
	assert_non_null(request);
	ret = control_call(serial, request, &o, NULL, NULL, &err);
	json_object_put(request);
	if (ret) {
		snprintf(reply, size, "%d %s", ret, err.msg);
		return;
	}
	snprintf(reply, size, "%s",
		 json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	for (char *p = reply; *p; p++)
		if (*p == '"')
			*p = '\'';
}

static void check(const char *request, const char *want)
{
	char reply[8192];

	ask(request, reply, sizeof(reply));
	assert_string_equal(reply, want);
}

static void check_has(const char *request, const char *want)
{
	char reply[8192];

	ask(request, reply, sizeof(reply));
	if (!strstr(reply, want))
		fail_msg("%s is not in %s", want, reply);
}

static void version(void **state)
{
	(void)state;
	check("{'request':'version'}",
	      "{'ok':true,'version':'" ZL_VERSION "','protocol':1}");
}

static void info_and_stats(void **state)
{
	(void)state;
	check_has("{'request':'info'}", "'capacity_bytes':8388608,");
	check_has("{'request':'info'}",
		  "'conditions':[{'condition':'not-write-pointer','code':0,"
		  "'zones':2},{'condition':'empty','code':1,'zones':6}]");
	check_has("{'request':'info'}", serial);
	check_has("{'request':'info'}", "'directory':'te\xef\xbf\xbd"
					"t'");
	check_has("{'request':'info'}", "'opens':1,");
	check_has("{'request':'stats'}",
		  "{'ok':true,'opens':1,'unclean_opens':0,"
		  "'retries_absorbed':0,"
		  "'most_open_zones':0,");
}

static void zones_come_in_pages(void **state)
{
	struct disk_io io = { .op = DISK_ZONE, .zone_op = ZO_OPEN };
	char want[1024];
	uint64_t blocks = disk_geo(disk)->zone_blocks;

	(void)state;
	io.lba = 2 * blocks;
	assert_int_equal(disk_run(disk, &io), DISK_OK);
	snprintf(want, sizeof(want),
		 "{'ok':true,'zones':[{'zone':2,"
		 "'type':'sequential-write-required','type_code':2,"
		 "'condition':'explicitly-opened','condition_code':3,"
		 "'start_lba':%llu,'blocks':%llu,'write_pointer_lba':%llu,"
		 "'attributes':0}],'next_lba':%llu}",
		 (unsigned long long)(2 * blocks), (unsigned long long)blocks,
		 (unsigned long long)(2 * blocks),
		 (unsigned long long)(3 * blocks));
	check("{'request':'zones','start_lba':4100,'count':1}", want);
	check_has("{'request':'zones'}", "'next_lba':null");
	check("{'request':'zones','count':1001}",
	      "-71 count is not a number from 0 to 1000");
}

/* The I/Os of this test alone, in every member. */
static void activity(void **state)
{
	struct disk_io io = { .op = DISK_SYNC };
	char reply[8192];
	struct json_object *o, *v;

	(void)state;
	assert_int_equal(disk_run(disk, &io), DISK_OK);
	io = (struct disk_io){ .op = DISK_ZONE, .zone_op = ZO_OPEN };
	assert_int_equal(disk_run(disk, &io), DISK_REFUSED);
	ask("{'request':'stats'}", reply, sizeof(reply));
	for (char *p = reply; *p; p++)
		if (*p == '\'')
			*p = '"';
	o = json_tokener_parse(reply);
	assert_non_null(o);
	assert_int_equal(
		json_object_get_int(json_object_object_get(o, "in_flight")), 0);
	v = json_object_object_get(o, "failed");
	assert_int_equal(json_object_object_length(v), 9);
	assert_int_equal(
		json_object_get_int(json_object_object_get(v, "refused")), 1);
	v = json_object_object_get(o, "operations");
	assert_int_equal(json_object_object_length(v), 8);
	v = json_object_object_get(v, "sync");
	assert_int_equal(json_object_get_int(json_object_object_get(v, "done")),
			 1);
	v = json_object_object_get(v, "latency");
	assert_int_equal(json_object_array_length(v), 26);
	json_object_put(o);
}

/* Only those that are open, wherever they are. */
static void open_zones(void **state)
{
	uint64_t blocks = disk_geo(disk)->zone_blocks;
	struct disk_io io = { .op = DISK_ZONE, .zone_op = ZO_OPEN };

	(void)state;
	check("{'request':'zones','open':true}",
	      "{'ok':true,'zones':[],'next_lba':null}");
	for (unsigned zone = 3; zone < 8; zone += 4) {
		io.lba = zone * blocks;
		assert_int_equal(disk_run(disk, &io), DISK_OK);
	}
	check_has("{'request':'zones','open':true}", "'zones':[{'zone':3,");
	check_has("{'request':'zones','open':true}", "{'zone':7,");
	check_has("{'request':'zones','open':true,'count':1}",
		  "'next_lba':8192}");
	check("{'request':'zones','open':1}",
	      "-71 open is neither true nor false");
}

static bool first_serial(void *user, const char *name)
{
	snprintf(user, 64, "%s", name);
	return false;
}

static void each_disk(void **state)
{
	char found[64] = "", path[300];
	struct zl_err err;

	(void)state;
	assert_int_equal(control_each(first_serial, found, &err), 0);
	assert_string_equal(found, serial);
	/* What is no socket's name is passed over. */
	snprintf(path, sizeof(path), "%s/.sock", run_dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	found[0] = 0;
	assert_int_equal(control_each(first_serial, found, &err), 0);
	assert_string_equal(found, serial);
	unlink(path);
	setenv("ZLOOP_RUN_DIR", "/nowhere/at/all", 1);
	assert_int_equal(control_each(first_serial, found, &err), 0);
	setenv("ZLOOP_RUN_DIR", run_dir, 1);
}

static void first_sample(void **state)
{
	(void)state;
	/* Taken at once, before any request can be answered. */
	check_has("{'request':'history'}",
		  "'members':['open_ms','reads','read_bytes','writes',"
		  "'written_bytes','failed','open_zones'],'samples':[[");
}

static uint64_t sample_time(const struct history *h, unsigned i)
{
	return h->samples[i].open_ms;
}

/* However long the disk is open: so many samples, evenly spread. */
static void history_thins_out(void **state)
{
	static struct history h;
	uint64_t now = 0;

	(void)state;
	history_init(&h);
	assert_int_equal(history_wait_ms(&h, now), 0);
	for (unsigned i = 0; i < HISTORY_MAX; i++) {
		now += history_wait_ms(&h, now);
		assert_int_equal(now, i * 1000);
		history_sample(&h, disk, now);
		h.samples[i].open_ms = now;
	}
	assert_int_equal(h.nr, HISTORY_MAX);
	now += history_wait_ms(&h, now);
	history_sample(&h, disk, now);
	assert_int_equal(h.nr, HISTORY_MAX / 2 + 1);
	for (unsigned i = 0; i < HISTORY_MAX / 2; i++)
		assert_int_equal(sample_time(&h, i), i * 2000);
	assert_int_equal(history_wait_ms(&h, now), 2000);
}

static void inject_add_list_clear(void **state)
{
	(void)state;
	check("{'request':'inject-list'}", "{'ok':true,'faults':[]}");
	check("{'request':'inject-add','fault':{'fault':'read-error','lba':7,"
	      "'count':2}}",
	      "{'ok':true,'id':1}");
	check("{'request':'inject-add','fault':{'fault':'offline','lba':0}}",
	      "{'ok':true,'id':null}");
	check_has("{'request':'inject-list'}",
		  "{'fault':'read-error','lba':7,'blocks':1,'count':2,"
		  "'persistent':false,'id':1,'hits':0},{'fault':'offline'");
	check("{'request':'inject-clear','id':2}", "-71 there is no fault 2");
	check("{'request':'inject-clear','id':1}", "{'ok':true}");
	check("{'request':'inject-clear','lba':0}", "{'ok':true}");
	check("{'request':'inject-list'}", "{'ok':true,'faults':[]}");
	check("{'request':'inject-add','fault':{'fault':'busy'}}",
	      "{'ok':true,'id':2}");
	check("{'request':'inject-clear','all':'false'}",
	      "-71 all is neither true nor false");
	check_has("{'request':'inject-list'}", "'fault':'busy'");
	check("{'request':'inject-clear','all':true}", "{'ok':true}");
	check("{'request':'inject-list'}", "{'ok':true,'faults':[]}");
	check("{'request':'inject-clear'}",
	      "-71 say what to clear: id, zone, lba (and blocks), or \"all\": "
	      "true");
	check("{'request':'inject-add'}", "-71 a fault is not a JSON object");
}

/* Side by side, zones are one entry; else a reply has an end, and says so. */
static void more_faults_than_a_reply_has(void **state)
{
	static const char how[] =
		"capacity_mb=2600,zone_size_mb=1,conv_zones=0";
	static const char list[] = "{\"request\":\"inject-list\"}";
	struct inject_fault fault = { .kind = INJECT_PREDICTED_ERRORS };
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	struct store_mem *m = store_mem_new();
	struct disk *d;
	struct zl_err err;
	char *reply;
	uint32_t id;

	(void)state;
	disk_opts_parse(&opts, how, sizeof(how) - 1, ',', false, &err);
	assert_int_equal(
		disk_open_store(store_mem_open(m), "many", &args, &d, &err), 0);
	fault.nr_blocks = disk_geo(d)->zone_blocks * 2000;
	assert_int_equal(disk_fault_add(d, &fault, &id, &err), 0);
	reply = control_answer(d, NULL, list, sizeof(list) - 1, NULL, NULL);
	assert_null(strstr(reply, "left_out"));
	assert_non_null(strstr(reply, "{\"fault\":\"predicted-errors\","
				      "\"lba\":0,\"blocks\":"));
	assert_null(strstr(strstr(reply, "lba") + 3, "lba"));
	free(reply);
	assert_int_equal(disk_fault_clear(d, &err), 0);
	fault.nr_blocks = 1;
	for (unsigned i = 0; i < 1300; i++) {
		fault.lba = 2 * i * disk_geo(d)->zone_blocks;
		assert_int_equal(disk_fault_add(d, &fault, &id, &err), 0);
	}
	reply = control_answer(d, NULL, list, sizeof(list) - 1, NULL, NULL);
	assert_non_null(strstr(reply, "],\"left_out\":44}"));
	free(reply);
	disk_close(d);
	store_mem_free(m);
}

static void refusals(void **state)
{
	(void)state;
	check_has("{'request':'reboot'}", "-71 request is not one of version,");
	check_has("{'request':7}", "-71 request is not one of");
	check("[]", "-71 a request is a JSON object");
	check("{'request':'powerfail','seed':9223372036854775808}",
	      "-71 seed is not a number from 0 to 9223372036854775807");
	check("{'request':'zones','start_lba':-1}",
	      "-71 start_lba is not a number from 0 to 16383");
}

#define VERSION "{\"request\":\"version\"}\n"

static int connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(control_path(serial, addr.sun_path), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

static void put(int fd, const char *s)
{
	assert_int_equal(send(fd, s, strlen(s), MSG_NOSIGNAL), strlen(s));
}

static void read_until(int fd, const char *what)
{
	char buf[4096] = "";
	size_t len = 0;
	ssize_t n;

	while (!strstr(buf, what)) {
		n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
		assert_true(n > 0);
		len += (size_t)n;
		buf[len] = 0;
	}
}

static void not_json_is_answered(void **state)
{
	int fd = connect_raw();

	(void)state;
	put(fd, "hello\n");
	read_until(fd, "{\"ok\":false,\"error\":\"this is not JSON\"}\n");
	put(fd, "{\"request\":\"version\"}\n");
	read_until(fd, "{\"ok\":true");
	close(fd);
}

static void several_lines_and_parts_of_lines(void **state)
{
	int fd = connect_raw();

	(void)state;
	put(fd, "{\"request\":\"version\"}\n{\"request\":\"stats\"}\n{\"req");
	read_until(fd, "faults_injected");
	put(fd, "uest\":\"version\"}\n");
	read_until(fd, "version");
	close(fd);
}

static void a_line_without_end_is_hung_up_on(void **state)
{
	char *junk = malloc(2 * CONTROL_REQUEST_MAX);
	int fd = connect_raw();
	char c;

	(void)state;
	memset(junk, 'x', 2 * CONTROL_REQUEST_MAX);
	send(fd, junk, 2 * CONTROL_REQUEST_MAX, MSG_NOSIGNAL);
	assert_true(recv(fd, &c, 1, 0) <= 0);
	close(fd);
	free(junk);
	check_has("{'request':'version'}", "'ok':true");
}

/* Who asks and does not read stops nobody but itself. */
static void a_client_that_does_not_read(void **state)
{
	int fd = connect_raw();

	(void)state;
	while (send(fd, "{\"request\":\"info\"}\n", 19,
		    MSG_NOSIGNAL | MSG_DONTWAIT) == 19)
		;
	check_has("{'request':'version'}", "'ok':true");
	close(fd);
	check_has("{'request':'version'}", "'ok':true");
}

static void more_clients_than_there_is_room_for(void **state)
{
	int fd[CONTROL_MAX_CLIENTS + 4];
	char c;

	(void)state;
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		fd[i] = connect_raw();
		put(fd[i], "{\"request\":\"version\"}\n");
		read_until(fd[i], "ok");
	}
	for (int i = CONTROL_MAX_CLIENTS; i < CONTROL_MAX_CLIENTS + 4; i++) {
		fd[i] = connect_raw();
		read_until(fd[i], "has as many clients as it serves");
		while (recv(fd[i], &c, 1, 0) > 0)
			;
	}
	for (int i = 0; i < 20; i++)
		check("{'request':'version'}",
		      "-71 the control socket has as many clients as it serves;"
		      " try again when one has left");
	for (int i = 0; i < CONTROL_MAX_CLIENTS + 4; i++)
		close(fd[i]);
	/* The thread sees their end in its own time. */
	for (int i = 0; i < 1000; i++) {
		char reply[256];

		ask("{'request':'version'}", reply, sizeof(reply));
		if (strstr(reply, "'ok':true"))
			return;
		usleep(10000);
	}
	fail_msg("the places of clients that left are not free again");
}

/* Stands before libc's. */
static atomic_uint accepts;
static atomic_bool no_descriptors;

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	accepts++;
	if (!no_descriptors)
		return (int)syscall(SYS_accept4, fd, addr, len, flags);
	errno = EMFILE;
	return -1;
}

/* The daemon's descriptors are all disks' together.  Who waits then is served
 * later, and the thread does not go round and round until then. */
static void no_descriptor_for_a_client(void **state)
{
	int first = connect_raw(), second;

	(void)state;
	put(first, VERSION);
	read_until(first, "version");
	no_descriptors = true;
	accepts = 0;
	second = connect_raw();
	put(second, VERSION);
	for (int i = 0; i < 1000; i++) {
		put(first, VERSION);
		read_until(first, "}\n");
	}
	no_descriptors = false;
	assert_in_range(accepts, 1, 100);
	read_until(second, "version");
	close(first);
	close(second);
}

/*
 * powerfail's progress
 */

#define NR_DIRTY   6
#define POWERFAIL  "{\"request\":\"powerfail\",\"progress\":true}\n"
#define FIRST_LINE "{\"progress\":{\"done\":1,\"total\":6}}\n"
#define DONE_LINE  "{\"progress\":{\"done\":6,\"total\":6}}\n"
#define STILL	   "{\"progress\":{\"done\":0,\"total\":0}}"
#define NOTHING	   "{\"ok\":true,\"zones\":0,\"seed\":null}\n"
#define OKAY	   "{\"ok\":true,\"zones\":6,\"seed\":null}\n"

static unsigned empty_zones(void)
{
	uint32_t nr_cond[16];

	disk_count_zones(disk, nr_cond);
	return nr_cond[ZC_EMPTY];
}

/* All sequential zones have something to be taken back. */
static void dirty_zones(void)
{
	uint64_t blocks = disk_geo(disk)->zone_blocks;
	uint8_t buf[4096] = { 0 };
	struct iovec iov = { buf, disk_meta(disk)->block_bytes };

	for (unsigned zone = 2; zone < 2 + NR_DIRTY; zone++) {
		struct disk_io io = { .op = DISK_WRITE,
				      .lba = zone * blocks,
				      .nr_blocks = 1,
				      .iov = &iov,
				      .iov_cnt = 1 };

		assert_int_equal(disk_run(disk, &io), DISK_OK);
	}
	assert_int_equal(empty_zones(), 0);
}

/* The next @lines lines, to be freed. */
static char *read_lines(int fd, unsigned lines)
{
	size_t len = 0, room = 1 << 20;
	char *text = malloc(room), c;

	assert_non_null(text);
	while (lines) {
		assert_true(len + 1 < room);
		assert_int_equal(recv(fd, &c, 1, 0), 1);
		text[len++] = c;
		lines -= c == '\n';
	}
	text[len] = 0;
	return text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void progress_comes_before_the_reply(void **state)
{
	int fd = connect_raw();
	char *text;

	(void)state;
	dirty_zones();
	put(fd, POWERFAIL);
	/* The first at once, then no more for a while, and the last. */
	text = read_lines(fd, 1);
	assert_string_equal(text, FIRST_LINE);
	free(text);
	read_until(fd, DONE_LINE OKAY);
	assert_int_equal(empty_zones(), NR_DIRTY);
	/* There is nothing to be told. */
	put(fd, POWERFAIL);
	text = read_lines(fd, 1);
	assert_string_equal(text, NOTHING);
	free(text);
	close(fd);
}

static void no_progress_unless_asked_for(void **state)
{
	int fd = connect_raw();
	char *text;

	(void)state;
	dirty_zones();
	put(fd, "{\"request\":\"powerfail\",\"progress\":false}\n");
	text = read_lines(fd, 1);
	assert_string_equal(text, OKAY);
	free(text);
	dirty_zones();
	put(fd, "{\"request\":\"powerfail\"}\n");
	text = read_lines(fd, 1);
	assert_string_equal(text, OKAY);
	free(text);
	close(fd);
	check("{'request':'powerfail','progress':1}",
	      "-71 progress is neither true nor false");
}

struct heard {
	unsigned nr;
	uint32_t done, total;
};

static void hear(void *user, uint32_t done, uint32_t total)
{
	struct heard *h = user;

	assert_true(done > h->done && done <= total);
	*h = (struct heard){ h->nr + 1, done, total };
}

static void a_caller_hears_of_progress(void **state)
{
	struct json_object *request = json_tokener_parse(POWERFAIL), *reply;
	struct heard h = { 0 };
	struct zl_err err;

	(void)state;
	dirty_zones();
	assert_int_equal(control_call(serial, request, &reply, hear, &h, &err),
			 0);
	json_object_put(reply);
	assert_true(h.nr >= 2);
	assert_int_equal(h.done, NR_DIRTY);
	assert_int_equal(h.total, NR_DIRTY);
	/* Who does not want to hear gets the reply all the same. */
	dirty_zones();
	assert_int_equal(
		control_call(serial, request, &reply, NULL, NULL, &err), 0);
	assert_true(json_object_object_get_ex(reply, "ok", NULL));
	json_object_put(reply);
	json_object_put(request);
}

static void who_asked_for_progress_is_gone(void **state)
{
	int fd = connect_raw();

	(void)state;
	dirty_zones();
	put(fd, POWERFAIL);
	read_until(fd, FIRST_LINE);
	close(fd);
	/* Connections are served in their order, by one thread. */
	check_has("{'request':'version'}", "'ok':true");
	assert_int_equal(empty_zones(), NR_DIRTY);
}

static void is_over(struct disk_io *io)
{
	atomic_store((atomic_bool *)io->user, true);
}

/* A command that takes so long, which a snapshot waits for. */
static void submit_slow(struct disk_io *io)
{
	const struct inject_fault late = { .kind = INJECT_DELAY,
					   .op = INJECT_OP_WRITE,
					   .lba = io->lba,
					   .nr_blocks = 1,
					   .count = 1,
					   .delay_ms = 600000 };
	struct zl_err err;
	uint32_t id;

	assert_int_equal(disk_fault_add(disk, &late, &id, &err), 0);
	disk_submit(disk, io);
}

static void let_go(void)
{
	struct zl_err err;

	assert_int_equal(disk_fault_clear(disk, &err), 0);
}

/* A snapshot that waits for a command which is delayed: other requests wait
 * for it. */
struct held_up {
	int fd;
	uint8_t buf[4096];
	struct iovec iov;
	struct disk_io io;
	atomic_bool over;
};

static void hold_up(struct held_up *h)
{
	*h = (struct held_up){ .fd = connect_raw() };
	h->iov = (struct iovec){ h->buf, disk_meta(disk)->block_bytes };
	h->io = (struct disk_io){ .op = DISK_WRITE,
				  .nr_blocks = 1,
				  .iov = &h->iov,
				  .iov_cnt = 1,
				  .done = is_over,
				  .user = &h->over };
	submit_slow(&h->io);
	put(h->fd, "{\"request\":\"snapshot\",\"name\":\"x\","
		   "\"progress\":true}\n");
	/* It is being carried out. */
	read_until(h->fd, STILL);
}

static void go_on(struct held_up *h)
{
	let_go();
	read_until(h->fd, "\"ok\":");
	while (!atomic_load(&h->over))
		usleep(1000);
	close(h->fd);
}

/* Whose turn comes after he has given up gets nothing done. */
static void who_is_gone_before_his_turn(void **state)
{
	unsigned was_ms = control_still_ms;
	struct held_up h;
	int gone, next;

	(void)state;
	dirty_zones();
	control_still_ms = 50;
	hold_up(&h);
	gone = connect_raw();
	put(gone, POWERFAIL);
	next = connect_raw();
	put(next, "{\"request\":\"version\",\"progress\":true}\n");
	/* Who waits for his turn is told so, too. */
	read_until(gone, STILL);
	read_until(next, STILL);
	close(gone);
	go_on(&h);
	read_until(next, "\"version\":");
	close(next);
	control_still_ms = was_ms;
	assert_int_equal(empty_zones(), 0);
}

/* Many requests at once are no reason for others to wait for all of them. */
static void who_asks_much_takes_turns(void **state)
{
	unsigned was_ms = control_still_ms;
	struct held_up h;
	int much, little;
	char *line;

	(void)state;
	control_still_ms = 50;
	hold_up(&h);
	much = connect_raw();
	for (unsigned i = 0; i < 8; i++)
		put(much, "{\"request\":\"inject-add\",\"progress\":true,"
			  "\"fault\":{\"fault\":\"busy\",\"count\":1}}\n");
	read_until(much, STILL);
	little = connect_raw();
	put(little, "{\"request\":\"inject-list\",\"progress\":true}\n");
	read_until(little, STILL);
	go_on(&h);
	while (line = read_lines(little, 1), strstr(line, STILL))
		free(line);
	assert_in_range(count(line, "busy"), 0, 1);
	free(line);
	close(little);
	close(much);
	control_still_ms = was_ms;
}

/* None that comes later is delayed, either. */
static void the_disk_is_to_be_removed(void **state)
{
	uint8_t buf[4096] = { 0 };
	struct iovec iov = { buf, disk_meta(disk)->block_bytes };
	atomic_bool over;
	struct disk_io io = { .op = DISK_WRITE,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1,
			      .done = is_over,
			      .user = &over };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		atomic_init(&over, false);
		submit_slow(&io);
		if (!i)
			assert_false(atomic_load(&over));
		check("{'request':'end-delays'}", "{'ok':true}");
		while (!atomic_load(&over))
			usleep(1000);
	}
}

/* Whatever it is that takes long: here a snapshot, which then finds nothing to
 * complete. */
static void who_waits_is_told_so(void **state)
{
	static const char *const requests[] = {
		"{\"request\":\"snapshot\",\"name\":\"x\","
		"\"progress\":true}\n",
		"{\"request\":\"snapshot\",\"name\":\"x\"}\n",
	};
	unsigned was_ms = control_still_ms, nr;
	uint8_t buf[4096] = { 0 };
	struct iovec iov = { buf, disk_meta(disk)->block_bytes };
	atomic_bool over;
	char *line;
	int fd = connect_raw();

	(void)state;
	control_still_ms = 50;
	for (unsigned i = 0; i < 2; i++) {
		struct disk_io io = { .op = DISK_WRITE,
				      .lba = 2 * disk_geo(disk)->zone_blocks +
					     i,
				      .nr_blocks = 1,
				      .iov = &iov,
				      .iov_cnt = 1,
				      .done = is_over,
				      .user = &over };

		atomic_init(&over, false);
		submit_slow(&io);
		put(fd, requests[i]);
		for (nr = 0; nr < 2 && !i; nr++) {
			line = read_lines(fd, 1);
			assert_non_null(strstr(line, STILL));
			free(line);
		}
		/* Who does not ask for them would have some by now. */
		usleep(i ? 300000 : 0);
		let_go();
		while (line = read_lines(fd, 1), strstr(line, STILL)) {
			assert_int_equal(i, 0);
			free(line);
		}
		assert_non_null(strstr(line, "\"ok\":"));
		free(line);
		while (!atomic_load(&over))
			usleep(1000);
	}
	control_still_ms = was_ms;
	close(fd);
}

/* In one piece: they are not read while a reply is not. */
static void put_versions(int fd, unsigned n)
{
	const size_t len = strlen(VERSION);
	char *text = malloc(n * len + 1);

	assert_non_null(text);
	for (unsigned i = 0; i < n; i++)
		memcpy(text + i * len, VERSION, len);
	text[n * len] = 0;
	put(fd, text);
	free(text);
}

/* So many replies are taken for who does not read. */
static unsigned replies_that_fit(void)
{
	int fd = connect_raw(), bytes = 0, before;
	char *line;
	unsigned n;

	put_versions(fd, 2000);
	/* Between two of others it has a turn, unless it is stuck. */
	do {
		before = bytes;
		check_has("{'request':'version'}", "'ok':true");
		assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
	} while (!bytes || bytes != before);
	line = read_lines(fd, 1);
	n = (unsigned)((size_t)bytes / strlen(line));
	free(line);
	close(fd);
	assert_true(n > 2 && n < 2000);
	return n;
}

/* Lines of progress up to the reply; how many. */
static unsigned read_progress(int fd)
{
	static const char start[] = "{\"progress\":{\"done\":";
	bool more = true;
	unsigned n = 0;

	while (more) {
		char *line = read_lines(fd, 1);

		more = !strncmp(line, start, strlen(start)) &&
		       strstr(line, ",\"total\":6}}\n");
		if (!more)
			assert_string_equal(line, OKAY);
		n += more;
		free(line);
	}
	return n;
}

/* How many lines of progress there are behind @fill replies that were not read:
 * whole ones. */
static unsigned unread_progress(unsigned fill)
{
	int fd = connect_raw();
	char *text;
	unsigned n;

	dirty_zones();
	put_versions(fd, fill);
	put(fd, POWERFAIL);
	while (empty_zones() < NR_DIRTY)
		usleep(1000);
	/* Behind it. */
	check_has("{'request':'version'}", "'ok':true");
	text = read_lines(fd, fill);
	assert_int_equal(count(text, "\"version\":"), fill);
	free(text);
	n = read_progress(fd);
	put(fd, VERSION);
	read_until(fd, "\"version\":");
	close(fd);
	return n;
}

static void who_asked_for_progress_does_not_read(void **state)
{
	unsigned fit = replies_that_fit();

	(void)state;
	assert_in_range(unread_progress(fit - 2), 1, 2);
	assert_in_range(unread_progress(fit - 1), 1, 1);
	assert_in_range(unread_progress(fit), 0, 0);
}

/*
 * Another disk, whose file system hangs.
 */

struct other {
	struct store_mem *mem;
	struct store_hang hang;
	struct disk *disk;
	struct control *control;
};

static void start_other(struct other *o)
{
	static const char how[] = "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
				  "discard_write_cache";
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	struct zl_err err;

	o->mem = store_mem_new();
	store_hang_init(&o->hang);
	disk_opts_parse(&opts, how, sizeof(how) - 1, ',', false, &err);
	if (disk_open_store(store_hang_new(store_mem_open(o->mem), &o->hang),
			    "other", &args, &o->disk, &err) ||
	    control_start(o->disk, &o->control, &err))
		fail_msg("%s", err.msg);
}

static void stop_other(struct other *o)
{
	control_stop(o->control);
	disk_close(o->disk);
	store_mem_free(o->mem);
}

/* Its own clients wait, nobody else's; and it can be stopped when it goes on.
 */
static void a_disk_that_hangs(void **state)
{
	struct disk *mine = disk;
	struct other o;
	int fd, next;

	(void)state;
	start_other(&o);
	disk = o.disk;
	serial = disk_meta(disk)->serial;
	dirty_zones();
	fd = connect_raw();
	next = connect_raw();
	store_hang_set(&o.hang, true);
	put(fd, POWERFAIL);
	store_hang_wait(&o.hang, 1);
	put(next, VERSION);
	disk = mine;
	serial = disk_meta(disk)->serial;
	check_has("{'request':'version'}", "'ok':true");
	check_has("{'request':'info'}", "'ok':true");
	store_hang_set(&o.hang, false);
	read_until(fd, "\"ok\":true");
	read_until(next, "\"version\":");
	close(fd);
	close(next);
	stop_other(&o);
	check_has("{'request':'version'}", "'ok':true");
}

static void *read_first_block(void *arg)
{
	static uint8_t block[4096];
	struct iovec iov = { block, sizeof(block) };
	struct disk_io io = {
		.op = DISK_READ, .nr_blocks = 1, .iov = &iov, .iov_cnt = 1
	};

	assert_int_equal(disk_run(arg, &io), DISK_READ_ERROR);
	return NULL;
}

/* Who asks for counters, as LOG SENSE does in a thread that all commands need,
 * does not wait while the file of the faults is written. */
static void counters_wait_for_no_file(void **state)
{
	const struct inject_fault twice = { .kind = INJECT_READ_ERROR,
					    .nr_blocks = 1,
					    .count = 2,
					    .persistent = true };
	struct disk_stats stats;
	struct zl_err err;
	struct other o;
	pthread_t reader;
	uint32_t id;

	(void)state;
	start_other(&o);
	assert_int_equal(disk_fault_add(o.disk, &twice, &id, &err), 0);
	store_hang_set(&o.hang, true);
	assert_int_equal(
		pthread_create(&reader, NULL, read_first_block, o.disk), 0);
	store_hang_wait(&o.hang, 1);
	disk_get_stats(o.disk, &stats);
	assert_int_equal(stats.n[DC_FAULTS_INJECTED], 1);
	store_hang_set(&o.hang, false);
	pthread_join(reader, NULL);
	stop_other(&o);
}

/* Instead of json-c's: what is put together is none of what a disk's commands
 * wait for. */
int __real_json_object_array_add(struct json_object *array,
				 struct json_object *o);
int __wrap_json_object_array_add(struct json_object *array,
				 struct json_object *o);
static struct disk *formatted;

int __wrap_json_object_array_add(struct json_object *array,
				 struct json_object *o)
{
	if (formatted) {
		assert_int_equal(pthread_mutex_trylock(&formatted->lock), 0);
		pthread_mutex_unlock(&formatted->lock);
	}
	return __real_json_object_array_add(array, o);
}

static void answers(struct disk *d, const char *request, const char *want)
{
	char *reply =
		control_answer(d, NULL, request, strlen(request), NULL, NULL);

	assert_non_null(reply);
	if (!strstr(reply, want))
		fail_msg("%s: %s", request, reply);
	free(reply);
}

static void nothing_is_formatted_under_the_disks_lock(void **state)
{
	static const char how[] = "capacity_mb=64,zone_size_mb=1,model=realms";
	struct store_mem *m = store_mem_new();
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts, .may_make = true };
	struct zl_err err;
	struct disk *d;

	(void)state;
	disk_opts_parse(&opts, how, sizeof(how) - 1, ',', false, &err);
	if (disk_open_store(store_mem_open(m), "realms", &args, &d, &err))
		fail_msg("%s", err.msg);
	formatted = d;
	answers(d, "{\"request\":\"zones\",\"count\":9}", "\"zone\":8");
	answers(d, "{\"request\":\"realms\",\"count\":2}", "\"realm\":1");
	formatted = NULL;
	disk_close(d);
	store_mem_free(m);
}

static void modes(void **state)
{
	char path[CONTROL_PATH_MAX];
	struct stat st;

	(void)state;
	assert_int_equal(control_path(serial, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(S_ISSOCK(st.st_mode));
}

/* Even where the socket's mode lets it in: the kernel says who it is. */
static void another_user_is_hung_up_on(void **state)
{
	char path[CONTROL_PATH_MAX];
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip_test("not root: cannot become another user");
	assert_int_equal(control_path(serial, path), 0);
	assert_int_equal(chmod(run_dir, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	pid = fork();
	if (!pid) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		char c;

		strcpy(addr.sun_path, path);
		if (setuid(65534) ||
		    connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			_exit(2);
		send(fd, "{}\n", 3, MSG_NOSIGNAL);
		_exit(recv(fd, &c, 1, 0) <= 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_has("{'request':'version'}", "'ok':true");
}

static void a_left_over_socket_is_replaced(void **state)
{
	char path[CONTROL_PATH_MAX];
	struct zl_err err;
	struct stat st;

	(void)state;
	control_stop(control);
	assert_int_equal(control_path(serial, path), 0);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	assert_int_equal(control_start(disk, &control, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	check_has("{'request':'version'}", "'ok':true");
}

/* Of a copy, which has the serial number: neither is taken for the other. */
static void a_socket_in_use_is_left_alone(void **state)
{
	struct control *second;
	struct zl_err err;

	(void)state;
	assert_int_equal(control_start(disk, &second, &err), -EADDRINUSE);
	assert_non_null(strstr(err.msg, ".sock is another process's, which has "
					"a disk of this serial number open"));
	assert_null(second);
	check_has("{'request':'version'}", "{'ok':true");
}

/* Has a socket of that name for a while, then dies. */
/* Whether it is served cannot be found out then, and it stays. */
static void a_socket_stays_where_there_is_no_descriptor(void **state)
{
	char path[CONTROL_PATH_MAX];
	struct rlimit old, none;
	int fd, ret, first;
	struct zl_err err;

	(void)state;
	assert_int_equal(control_path(serial, path), 0);
	getrlimit(RLIMIT_NOFILE, &old);
	first = dup(STDIN_FILENO);
	close(first);
	none = (struct rlimit){ (rlim_t)first, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ret = socket_make(path, &fd, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(ret, -EMFILE);
	assert_int_equal(access(path, F_OK), 0);
}

static void serve_and_die(const char *path, int ready)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1) ||
	    write(ready, "", 1) != 1)
		_exit(1);
	usleep(100000);
	_exit(0);
}

/* A process that was killed has its socket a moment longer than the lock. */
static void the_dying_are_waited_for(void **state)
{
	char path[CONTROL_PATH_MAX], c;
	struct zl_err err;
	int status, ready[2];
	pid_t pid;

	(void)state;
	control_stop(control);
	assert_int_equal(control_path(serial, path), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid)
		serve_and_die(path, ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	if (control_start(disk, &control, &err))
		fail_msg("%s", err.msg);
	check_has("{'request':'version'}", "{'ok':true");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
}

static void an_unsafe_directory_is_refused(void **state)
{
	struct control *other;
	struct zl_err err;

	(void)state;
	control_stop(control);
	assert_int_equal(chmod(run_dir, 0777), 0);
	assert_int_equal(control_start(disk, &other, &err), -EPERM);
	assert_null(other);
	assert_int_equal(chmod(run_dir, 0700), 0);
	assert_int_equal(control_start(disk, &control, &err), 0);
}

static void nobody_there(void **state)
{
	struct json_object *request = json_object_new_object(), *reply;
	struct zl_err err;

	(void)state;
	assert_int_equal(control_call("0123456789abcdef", request, &reply, NULL,
				      NULL, &err),
			 -ENOENT);
	json_object_put(request);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(version),
		T(info_and_stats),
		T(zones_come_in_pages),
		T(activity),
		T(open_zones),
		T(each_disk),
		T(first_sample),
		T(history_thins_out),
		T(inject_add_list_clear),
		T(more_faults_than_a_reply_has),
		T(refusals),
		T(not_json_is_answered),
		T(several_lines_and_parts_of_lines),
		T(a_line_without_end_is_hung_up_on),
		T(a_client_that_does_not_read),
		T(more_clients_than_there_is_room_for),
		T(no_descriptor_for_a_client),
		T(progress_comes_before_the_reply),
		T(no_progress_unless_asked_for),
		T(a_caller_hears_of_progress),
		T(who_asked_for_progress_is_gone),
		T(who_waits_is_told_so),
		T(who_is_gone_before_his_turn),
		T(who_asks_much_takes_turns),
		T(the_disk_is_to_be_removed),
		T(who_asked_for_progress_does_not_read),
		T(a_disk_that_hangs),
		T(counters_wait_for_no_file),
		T(nothing_is_formatted_under_the_disks_lock),
		T(modes),
		T(another_user_is_hung_up_on),
		T(a_left_over_socket_is_replaced),
		T(a_socket_in_use_is_left_alone),
		T(a_socket_stays_where_there_is_no_descriptor),
		T(the_dying_are_waited_for),
		T(an_unsafe_directory_is_refused),
		T(nobody_there),
	};

	return skip_run_tests(tests, NULL, NULL);
}
