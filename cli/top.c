// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop top: what running disks do, again and again. */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "map.h"
#include "running.h"

#define MAX_ZONES     12 /* of a disk that are shown */
#define ZONES_PER_ROW 3

struct top_args {
	bool batch;
	uint64_t count; /* pictures left */
	double interval_s;
	int first; /* of the directories */
};

static const struct argp_option options[] = {
	{ "batch", 'b', NULL, 0,
	  "One picture after the other, for files and scripts", 0 },
	{ "count", 'n', "N", 0, "End after N pictures", 0 },
	{ "interval", 'i', "SECONDS", 0, "Time between pictures, else 1", 0 },
	{ 0 },
};

static uint64_t take_count(const char *s, struct argp_state *state)
{
	uint64_t n;

	if (parse_u64(s, strlen(s), &n) || !n)
		argp_error(state, "--count %s is not a number from 1 on", s);
	return n;
}

static double take_interval(const char *s, struct argp_state *state)
{
	char *end;
	double v = strtod(s, &end);

	if (*end || !(v >= 0.1 && v <= 3600))
		argp_error(state,
			   "--interval %s is not a number of seconds from 0.1 "
			   "to 3600",
			   s);
	return v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_args *a = state->input;

	switch (key) {
	case 'b':
		a->batch = true;
		return 0;
	case 'n':
		a->count = take_count(arg, state);
		return 0;
	case 'i':
		a->interval_s = take_interval(arg, state);
		return 0;
	default:
		return cli_key_any(key, state, &a->first);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[DISK...]",
	.doc = "Show what each DISK does, or all that are attached, each "
	       "second: I/Os, bytes, latencies, and open zones "
	       "with their write pointers.  The first picture is about all the "
	       "time since the disk was opened.\v"
	       "On a terminal q ends it." CLI_DISK_DOC,
};

/*
 * What is known of a disk: now, and when the picture before was drawn.
 */

struct open_zone {
	struct zone_info info;
	uint64_t moved_blocks; /* the write pointer, since then */
};

struct top_disk {
	struct top_disk *next;
	char serial[DISK_SERIAL_LEN + 1];
	char dir[PATH_MAX]; /* what it was called by, or what it says */
	bool seen;	    /* in this picture */
	struct control_info now;
	struct disk_activity then;
	struct open_zone zones[MAX_ZONES];
	unsigned nr_zones;
};

struct top {
	struct top_disk *disks;
	unsigned nr_seen;
	bool named; /* those that were asked for, and no others */
	int status;
};

static struct top_disk *find(struct top *t, const char *serial)
{
	struct top_disk *d = t->disks;

	while (d && strcmp(d->serial, serial))
		d = d->next;
	return d;
}

/* Those that were named come as they were, others by their directories. */
static void insert(struct top *t, struct top_disk *d)
{
	struct top_disk **at = &t->disks;

	while (*at && (t->named || strverscmp((*at)->dir, d->dir) < 0))
		at = &(*at)->next;
	d->next = *at;
	*at = d;
}

/* Not in the list yet; NULL for want of memory. */
static struct top_disk *new_disk(const char *serial, const char *dir)
{
	struct top_disk *d = calloc(1, sizeof(*d));

	if (d) {
		snprintf(d->serial, sizeof(d->serial), "%s", serial);
		snprintf(d->dir, sizeof(d->dir), "%s", dir);
	}
	return d;
}

static uint64_t old_wp(const struct open_zone *old, unsigned nr,
		       const struct zone_info *z)
{
	for (unsigned i = 0; i < nr; i++)
		if (old[i].info.slot == z->slot &&
		    old[i].info.wp_lba <= z->wp_lba)
			return old[i].info.wp_lba;
	return z->wp_lba;
}

static bool take_zone(void *user, const struct zone_info *z)
{
	struct top_disk *d = user;

	d->zones[d->nr_zones++].info = *z;
	return d->nr_zones < MAX_ZONES;
}

static void read_zones(struct top_disk *d)
{
	struct open_zone old[MAX_ZONES];
	unsigned nr_old = d->nr_zones;
	struct zl_err err;

	memcpy(old, d->zones, sizeof(old));
	d->nr_zones = 0;
	if (control_open_zones(d->serial, MAX_ZONES, take_zone, d, &err))
		d->nr_zones = 0;
	for (unsigned i = 0; i < d->nr_zones; i++) {
		struct zone_info *z = &d->zones[i].info;

		d->zones[i].moved_blocks = z->wp_lba - old_wp(old, nr_old, z);
	}
}

static void update(struct top *t, struct top_disk *d,
		   const struct control_info *now)
{
	struct disk_activity then = d->now.activity;

	/* It was opened anew. */
	if (then.open_ms > now->activity.open_ms)
		then = (struct disk_activity){ 0 };
	d->now = *now;
	d->then = then;
	d->seen = true;
	t->nr_seen++;
	read_zones(d);
}

static bool read_disk(void *user, const char *serial)
{
	struct top *t = user;
	struct top_disk *d = find(t, serial);
	struct control_info now;
	struct zl_err err;

	if (control_info(serial, &now, NULL, &err))
		return true;
	if (!d) {
		d = new_disk(serial, now.dir);
		if (!d)
			return false;
		insert(t, d);
	}
	update(t, d, &now);
	return true;
}

static void read_all(struct top *t)
{
	struct zl_err err;

	t->nr_seen = 0;
	for (struct top_disk *d = t->disks; d; d = d->next)
		d->seen = false;
	if (!t->named && control_each(read_disk, t, &err)) {
		cli_error("%s", err.msg);
		t->status = CLI_FAILED;
	}
	for (struct top_disk *d = t->disks; t->named && d; d = d->next)
		read_disk(t, d->serial);
}

/* What cannot be shown is no reason to wait for it. */
static void take_names(struct top *t, char **words, unsigned nr)
{
	running_serial *serials = NULL;
	struct top_disk *d;

	t->named = nr > 0;
	nr = nr ? running_find(words, nr, &serials) : 0;
	for (unsigned i = 0; i < nr; i++) {
		d = serials[i][0] ? new_disk(serials[i], words[i]) : NULL;
		if (d)
			insert(t, d);
		else
			t->status = CLI_FAILED;
	}
	free(serials);
	read_all(t);
	for (d = t->disks; d; d = d->next) {
		if (d->seen)
			continue;
		cli_error("nobody has the disk in %s open; zloop add attaches "
			  "it",
			  d->dir);
		t->status = CLI_FAILED;
	}
}

/*
 * A picture.
 */

static double per_second(uint64_t n, const struct disk_activity *diff)
{
	return diff->open_ms ? (double)n * 1000 / (double)diff->open_ms : 0;
}

static void print_rates(const char *name, const struct disk_kind_activity *k,
			const struct disk_activity *diff)
{
	char text[CLI_SIZE_MAX] = "-";

	if (k->bytes)
		cli_size((uint64_t)per_second(k->bytes, diff), text);
	/* Time spent in a second is how many there were at a time. */
	printf("  %-6s %10.1f %12s %7.2f", name, per_second(k->done, diff),
	       text, per_second(k->total_ns, diff) / 1e9);
	for (unsigned i = 0; i < RUNNING_NR_PERMILLE; i++)
		printf(" %8s",
		       k->done ? running_time(disk_latency_ns(
						      k, running_permille[i]),
					      text)
			       : "-");
	putchar('\n');
}

/* OPEN, CLOSE, FINISH, RESET and all others in one. */
static void sum_rest(const struct disk_activity *diff,
		     struct disk_kind_activity *sum)
{
	*sum = (struct disk_kind_activity){ 0 };
	for (unsigned i = DISK_KIND_OPEN; i < DISK_NR_KINDS; i++) {
		sum->done += diff->kind[i].done;
		sum->total_ns += diff->kind[i].total_ns;
		for (unsigned b = 0; b < DISK_NR_BUCKETS; b++)
			sum->latency[b] += diff->kind[i].latency[b];
	}
}

static void print_zone(const struct top_disk *d, const struct open_zone *zone,
		       const struct disk_activity *diff)
{
	const struct zone_info *z = &zone->info;
	struct map_cell cell = {
		.written_blocks = z->wp_lba - z->start_lba,
		.room_blocks = z->blocks,
	};
	char size[CLI_SIZE_MAX] = "";

	if (zone->moved_blocks)
		cli_size((uint64_t)per_second(
				 zone->moved_blocks * d->now.block_bytes, diff),
			 size);
	printf(" %7" PRIu32 " %c%s %-11s", z->slot,
	       z->cond == ZC_EXP_OPEN ? 'X' : 'I', map_bar(&cell), size);
}

static void print_zones(const struct top_disk *d,
			const struct disk_activity *diff)
{
	for (unsigned i = 0; i < d->nr_zones; i++) {
		if (i % ZONES_PER_ROW == 0)
			printf("%s  %-5s", i ? "\n" : "", i ? "" : "zones");
		print_zone(d, &d->zones[i], diff);
	}
	if (d->nr_zones)
		putchar('\n');
}

static uint64_t failures(const struct disk_activity *a)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		sum += a->failed[i];
	return sum;
}

static void print_disk(const struct top_disk *d)
{
	const struct control_info *r = &d->now;
	struct disk_activity diff;
	struct disk_kind_activity rest;
	char limit[32] = "";

	running_since(&r->activity, &d->then, &diff);
	sum_rest(&diff, &rest);
	if (r->max_open)
		snprintf(limit, sizeof(limit), " of %" PRIu64, r->max_open);
	printf("%s\n  open zones %" PRIu64 "%s, in flight %" PRIu64
	       ", failed %" PRIu64 " (of %" PRIu64 "), repeated writes "
	       "absorbed %" PRIu64 "\n",
	       r->dir[0] ? r->dir : r->serial, running_open_zones(r), limit,
	       r->activity.in_flight, failures(&diff), failures(&r->activity),
	       r->stats.n[DC_RETRIES_ABSORBED]);
	if (r->job[0])
		printf("  %s: %u %% done\n", r->job, r->job_percent);
	printf("  %-6s %10s %12s %7s %8s %8s %8s\n", "", "PER SECOND",
	       "BYTES/S", "DEPTH", "P50", "P99", "P99.9");
	print_rates("read", &diff.kind[DISK_KIND_READ], &diff);
	print_rates("write", &diff.kind[DISK_KIND_WRITE], &diff);
	print_rates("sync", &diff.kind[DISK_KIND_SYNC], &diff);
	print_rates("other", &rest, &diff);
	print_zones(d, &diff);
}

/* What print_disk() prints, and the empty line before it. */
static unsigned nr_lines(const struct top_disk *d)
{
	if (!d->seen)
		return 2;
	return 8 + (d->now.job[0] != 0) +
	       (d->nr_zones + ZONES_PER_ROW - 1) / ZONES_PER_ROW;
}

/* Lines that there is room for, below the first and above the cursor. */
static unsigned room(const struct top_args *a)
{
	struct winsize size;

	if (a->batch || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ||
	    size.ws_row < 3)
		return UINT_MAX;
	return size.ws_row - 2;
}

/* As many as there is room for, whole ones, lest the first scroll away. */
static void print_disks(const struct top *t, unsigned left)
{
	unsigned hidden = 0, lines;

	for (const struct top_disk *d = t->disks; d; d = d->next) {
		if (!d->seen && !t->named)
			continue;
		lines = nr_lines(d);
		/* Below the last one there must be room to say so. */
		if (hidden || lines + (d->next ? 2 : 0) > left) {
			hidden++;
			continue;
		}
		left -= lines;
		putchar('\n');
		if (d->seen)
			print_disk(d);
		else
			printf("%s: nobody has it open\n", d->dir);
	}
	if (hidden)
		printf("\n%u more disk%s; zloop top DISK... shows those that "
		       "are named\n",
		       hidden, hidden == 1 ? "" : "s");
}

static void print_picture(const struct top *t, const struct top_args *a)
{
	time_t now = time(NULL);
	struct tm tm;
	char clock[16];

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	printf("zloop top  %s  %u disk%s, every %g s%s\n", clock, t->nr_seen,
	       t->nr_seen == 1 ? "" : "s", a->interval_s,
	       a->batch ? "" : "  (q ends)");
	print_disks(t, room(a));
	if (a->batch)
		putchar('\n');
}

/*
 * The terminal.
 */

static struct termios old_mode;
static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void enter_screen(void)
{
	struct sigaction action = { .sa_handler = stop };
	struct termios mode;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!tcgetattr(STDIN_FILENO, &old_mode)) {
		mode = old_mode;
		mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &mode);
	}
	fputs("\033[?1049h\033[?25l", stdout);
}

static void leave_screen(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &old_mode);
	fputs("\033[?25h\033[?1049l", stdout);
}

/* False: it is to end. */
static bool wait_or_key(const struct top_args *a)
{
	struct pollfd p = { .fd = a->batch ? -1 : STDIN_FILENO,
			    .events = POLLIN };
	char key = 0;

	if (poll(&p, 1, (int)(a->interval_s * 1000)) == 1 &&
	    read(STDIN_FILENO, &key, 1) <= 0)
		return false;
	return !stopped && key != 'q' && key != 'Q';
}

/* What is known has been read. */
static void show(struct top *t, struct top_args *a)
{
	for (;;) {
		if (!a->batch)
			fputs("\033[H\033[J", stdout);
		print_picture(t, a);
		fflush(stdout);
		if (--a->count == 0 || ferror(stdout) || !wait_or_key(a))
			return;
		read_all(t);
		if (t->status)
			return;
	}
}

int top_main(int argc, char **argv)
{
	struct top_args a = { .count = UINT64_MAX, .interval_s = 1 };
	struct top t = { .disks = NULL };
	struct top_disk *d;

	cli_parse(&argp, argc, argv, &a);
	setlocale(LC_CTYPE, "");
	a.batch |= !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
	/* Before the screen is another one, which takes sentences along. */
	take_names(&t, argv + a.first, (unsigned)(argc - a.first));
	if (!t.status) {
		if (!a.batch)
			enter_screen();
		show(&t, &a);
		if (!a.batch)
			leave_screen();
	}
	while ((d = t.disks)) {
		t.disks = d->next;
		free(d);
	}
	return t.status;
}
