// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop takeover: a disk that another machine had, attached and exported here
 * as it was there. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "gateway.h"
#include "progress.h"
#include "target.h"

#define LOOK_EVERY_MS  250
#define DEFAULT_WAIT_S 300
/* A daemon that has died is started again sooner, and its machine goes on. */
#define STARTS_AGAIN_MS 5000
/* Opening a file takes longer only if its server asks another machine. */
#define MOMENT_MS 2000

struct takeover {
	const char *options, *word;
	struct disk_opts opts; /* those options: of use */
	struct export_how how;
	bool check, device, json, save;
	uint64_t wait_s;
	char dir[PATH_MAX];
	struct disk *disk; /* opened to look at it */
	struct gateway gw;
	struct json_object *holder; /* who had it, NULL: nobody knows */
	char who[128];		    /* the same, or who has it; "": nobody */
	uint64_t waited_ms;
};

static const struct argp_option options[] = {
	{ "check", 'c', NULL, 0,
	  "Take nothing over: succeed if this machine has the disk, and it "
	  "answers and has not been lost to another one",
	  0 },
	{ "device", 'd', NULL, 0,
	  "Make it a block device of this machine, too, as zloop add does", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "quiet", 'q', NULL, 0, "Do not say how long it has waited", 0 },
	CLI_SAVE_OPTION,
	{ "timeout", 't', "SECONDS", 0,
	  "How long to wait until the other machine's lock has lapsed "
	  "(default: 300), and then in one step for tcmu-runner (default: 60)",
	  0 },
	{ 0 },
};

static void take_word(struct takeover *t, char *arg, struct argp_state *state)
{
	if (t->word && t->options)
		argp_error(state, "'%s' is one word too many", arg);
	t->options = t->word;
	t->word = arg;
}

static void check_options(struct takeover *t, struct argp_state *state)
{
	struct zl_err err;

	if (!t->options)
		return;
	if (disk_opts_parse(&t->opts, t->options, strlen(t->options), ',',
			    false, &err))
		argp_error(state, "%s", err.msg);
	for (unsigned i = 0; i < OPT_NR; i++)
		if (disk_opt_given(&t->opts, i) && !disk_opt_table[i].use)
			argp_error(state,
				   "%s is no option of use, as write_through "
				   "is; the disk is there, and DIRECTORY says "
				   "where",
				   disk_opt_table[i].name);
}

static void take_timeout(struct takeover *t, char *arg,
			 struct argp_state *state)
{
	cli_set_timeout(arg, state);
	parse_u64(arg, strlen(arg), &t->wait_s);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct takeover *t = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &t->how;
		return 0;
	case 'c':
		t->check = true;
		return 0;
	case 'd':
		t->device = true;
		return 0;
	case 'j':
		t->json = true;
		return 0;
	case 'q':
		progress_set(PROGRESS_QUIET);
		return 0;
	case 's':
		t->save = true;
		return 0;
	case 't':
		take_timeout(t, arg, state);
		return 0;
	case ARGP_KEY_ARG:
		take_word(t, arg, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "there is no disk");
		return 0;
	case ARGP_KEY_SUCCESS:
		check_options(t, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ .argp = &export_how_argp },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "[OPTION[,OPTION...]] DIRECTORY",
	.doc = "Attach the disk in DIRECTORY, on a network file system, as "
	       "soon as the machine that had it lets go of it or its lock has "
	       "lapsed, and export it as that machine did: with the same "
	       "target, portals, initiator and secret, and the same options "
	       "of use, such as write_through.  Options that are given take "
	       "the place of what it did.\v"
	       "On NFS 4 a machine that was only cut off, and comes back, can "
	       "write no more; elsewhere see to it that it is off.  The "
	       "address that the portals have must be moved here by somebody "
	       "else.",
};

/*
 * What can be known before.
 */

struct twin {
	const char *serial, *dir;
	char other[PATH_MAX];
};

static bool find_twin(void *user, const struct lio_backstore *bs)
{
	struct twin *t = user;
	struct disk_meta meta;
	const char *dir = lio_backstore_dir(bs);

	if (disk_read_meta(dir, &meta) || strcmp(meta.serial, t->serial))
		return true;
	snprintf(t->other, sizeof(t->other), "%s", dir);
	return false;
}

static int refuse_copy(const struct takeover *t)
{
	struct twin twin = { .serial = disk_meta(t->disk)->serial };

	lio_each_backstore(cli_lio(), find_twin, &twin);
	if (!*twin.other)
		return 0;
	cli_error("%s has the serial number of the disk in %s, which is "
		  "attached here: one is a copy of the other; zloop clone "
		  "makes copies that are disks of their own",
		  t->dir, twin.other);
	return -EEXIST;
}

/* The other directory may be in use by now, or be next. */
static int refuse_moved(const struct takeover *t)
{
	struct disk_holder h;
	char text[DISK_HOLDER_TEXT_MAX];

	if (disk_read_holder(t->dir, &h, NULL) || !cli_is_copy(t->dir, &h))
		return 0;
	cli_error("what %s had was another directory, of which %s is a copy, "
		  "with its serial number and its target: take over that one; "
		  "or, if this one is to be in its place for good, zloop add "
		  "it first",
		  disk_holder_text(&h, text), t->dir);
	return -EEXIST;
}

/* Where no other machine can have it, or this one cannot write. */
static int refuse_place(const struct takeover *t)
{
	struct statvfs sv;

	if (!disk_is_shared(t->dir)) {
		cli_error("%s is not on a network file system, so that no "
			  "other machine has the disk; zloop add it",
			  t->dir);
		return -EINVAL;
	}
	if (!statvfs(t->dir, &sv) && sv.f_flag & ST_RDONLY) {
		cli_error("the file system of %s is mounted read-only; mount "
			  "it rw, as in mount -o remount,rw",
			  t->dir);
		return -EROFS;
	}
	return 0;
}

static int find(struct takeover *t)
{
	uint64_t end_ms = clock_ms() + (t->check ? 0 : t->wait_s * 1000);
	struct zl_err err;

	/* Who resolves a path waits for its server, and for good. */
	while (!cli_answers(t->word, &err))
		if (!clock_wait_step(end_ms, LOOK_EVERY_MS)) {
			cli_error("%s", err.msg);
			return -ETIMEDOUT;
		}
	if (realpath(t->word, t->dir))
		return 0;
	cli_error("%s: %s", t->word, strerror(errno));
	return -errno;
}

static int look(struct takeover *t)
{
	struct zl_err err;

	if (cli_refuse_attached(t->dir))
		return -EEXIST;
	if (!cli_look(t->dir, &t->disk, &err))
		return 0;
	cli_error("%s", err.msg);
	return -EINVAL;
}

/*
 * How it was there, and what was given in place of that.
 */

static int take_export(struct takeover *t)
{
	int ret;

	if (!export_how_given(&t->how))
		return 0;
	ret = export_how_overlay(&t->gw.how, &t->how);
	t->gw.exported = true;
	return ret ? ret : export_how_complete(&t->gw.how);
}

static int fail_options(const struct takeover *t, const char *why)
{
	cli_error("%s; say which, as in zloop takeover write_through %s, or '' "
		  "for none: initiators that were told of no write cache flush "
		  "none",
		  why, t->dir);
	return -EINVAL;
}

/* With what it was opened there. */
static int take_options(struct takeover *t, const struct disk_holder *h)
{
	char why[sizeof(t->who) + DISK_OPTIONS_MAX + 64];

	/* A full file system had room for no more than that it was. */
	if (!*t->who)
		return fail_options(t, "zloop.state does not say with which "
				       "options the disk was open");
	if (!disk_opts_parse(&t->opts, h->options, strlen(h->options), '/',
			     true, NULL))
		return 0;
	snprintf(why, sizeof(why),
		 "%s had the disk with %s, which this version does not know",
		 t->who, h->options);
	return fail_options(t, why);
}

static int take_holder(struct takeover *t)
{
	struct disk_holder h;
	struct zl_err err;
	int ret = disk_read_holder(t->dir, &h, &err);

	if (!ret && *disk_holder_text(&h, t->who))
		t->holder = cli_holder_json(t->dir);
	/* Others were given, or nobody has had it yet. */
	if (t->options || ret == -ENOENT)
		return 0;
	return ret ? fail_options(t, err.msg) : take_options(t, &h);
}

static int plan(struct takeover *t)
{
	struct zl_err err;
	int ret = gateway_read(t->dir, &t->gw, &err);

	if (ret && ret != -ENOENT) {
		cli_error("%s", err.msg);
		return ret;
	}
	if (take_holder(t) || take_export(t))
		return -EINVAL;
	/* Nothing is known: as zloop add. */
	t->gw.device |= t->device || !t->gw.exported;
	return 0;
}

/*
 * Waiting.
 */

static int fail_taken(const struct takeover *t)
{
	cli_error("%s has taken over the disk in %s", t->who, t->dir);
	return -EBUSY;
}

/* Who has it is not who had it when this began. */
static bool is_other(const struct takeover *t, char first[DISK_HOST_MAX])
{
	struct disk_holder h;

	if (disk_read_holder(t->dir, &h, NULL))
		return false;
	if (!*first)
		strcpy(first, h.host);
	return strcmp(h.host, first) != 0;
}

/* Says to @fd that it is @who, unless that is known. */
static int tell(struct takeover *t, int fd, const char who[sizeof(t->who)],
		char first[DISK_HOST_MAX])
{
	if (!strcmp(who, t->who))
		return 0;
	strcpy(t->who, who);
	if (is_other(t, first))
		return fail_taken(t);
	return write(fd, who, sizeof(t->who)) < 0 ? -EPIPE : 0;
}

/* Whether who had the disk until @held_ms (0: nobody had) may have it again in
 * a moment: it has not stopped. */
static bool starts_again(const struct takeover *t, uint64_t held_ms)
{
	struct disk_holder h;

	return held_ms && clock_ms() - held_ms < STARTS_AGAIN_MS &&
	       !(!disk_read_holder(t->dir, &h, NULL) && h.clean);
}

/*
 * A child of its own does what may be kept waiting: a server that has delegated
 * a file to a machine asks for it back before it lets another one open it, and
 * waits for the answer of one that is gone until its lease has ended.  Writes
 * to @fd who has the disk when it is found out, and ends when nobody has it.
 */
static int watch(struct takeover *t, int fd)
{
	char who[sizeof(t->who)], first[DISK_HOST_MAX] = "";
	uint64_t held_ms = 0;
	bool held;

	if (look(t) || refuse_copy(t) || refuse_place(t) || refuse_moved(t))
		return CLI_FAILED;
	while ((held = disk_in_use(t->dir, t->disk, 0, who, sizeof(who))) ||
	       starts_again(t, held_ms)) {
		if (held && tell(t, fd, who, first))
			return CLI_FAILED;
		if (held)
			held_ms = clock_ms();
		clock_sleep_ms(LOOK_EVERY_MS);
	}
	return CLI_OK;
}

static const char until[] =
	"waiting until it is removed there, or its lock has lapsed: a server "
	"lets go of the locks of a machine that is gone when its lease has "
	"ended, 90 s as a rule";

static int note_who(const struct takeover *t)
{
	if (!strncmp(t->who, "process ", 8)) {
		cli_error("%s of this machine has the disk in %s", t->who,
			  t->dir);
		return -EBUSY;
	}
	if (!progress_is_quiet())
		cli_note("%s has the disk; %s", t->who, until);
	return 0;
}

/* Nothing is known yet. */
static void note_moment(const struct takeover *t, bool *noted)
{
	if (*noted || *t->who || t->waited_ms < MOMENT_MS)
		return;
	*noted = true;
	if (!progress_is_quiet())
		cli_note("the server has not said yet whether another machine "
			 "has the disk; %s",
			 until);
}

static int fail_wait(const struct takeover *t)
{
	if (*t->who)
		cli_error("%s still has the disk in %s after %" PRIu64
			  " s: it is alive, or its lock does not lapse; zloop "
			  "remove the disk there, or turn that machine off",
			  t->who, t->dir, t->wait_s);
	else
		cli_error("the server has not said within %" PRIu64
			  " s whether another machine has the disk in %s; wait "
			  "until it answers, with a longer --timeout",
			  t->wait_s, t->dir);
	return -EBUSY;
}

/* Until the child has no more to say; 0, or -errno, said. */
static int follow(struct takeover *t, int fd)
{
	uint64_t start = clock_ms();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool noted = false;
	int ret = 0;

	while (!ret && t->waited_ms < t->wait_s * 1000) {
		progress_step(NULL, (uint32_t)(t->waited_ms / 1000),
			      (uint32_t)t->wait_s);
		if (poll(&p, 1, LOOK_EVERY_MS) > 0) {
			if (read(fd, t->who, sizeof(t->who)) <= 0)
				return 0;
			progress_hide();
			ret = note_who(t);
		}
		t->waited_ms = clock_ms() - start;
		note_moment(t, &noted);
	}
	return ret ? ret : fail_wait(t);
}

/* Until nobody has it. */
static int wait_free(struct takeover *t)
{
	int fds[2], ret, status = 0;
	pid_t parent = getpid(), child;

	if (pipe(fds) || (child = fork()) < 0) {
		cli_error("out of memory or processes");
		return -ENOMEM;
	}
	if (!child) {
		cli_end_with(parent);
		close(fds[0]);
		_exit(watch(t, fds[1]));
	}
	close(fds[1]);
	progress_start_of("waiting", "s");
	ret = follow(t, fds[0]);
	progress_end();
	close(fds[0]);
	if (ret)
		kill(child, SIGKILL);
	/* One that the server keeps waiting ends when it can. */
	waitpid(child, &status, ret ? WNOHANG : 0);
	if (!ret && (!WIFEXITED(status) || WEXITSTATUS(status)))
		ret = -EBUSY;
	return ret;
}

/*
 * Doing it.
 */

static int attach_as(struct takeover *t, struct lio_backstore *bs)
{
	char device[LIO_DEVICE_MAX];
	struct lio_events *events;
	struct zl_err err;
	int ret;

	if (!t->gw.device)
		return cli_attach_backstore(t->dir, &t->opts, bs);
	ret = lio_events_open(&events, &err);
	if (ret) {
		cli_error("%s", err.msg);
		return ret;
	}
	ret = cli_attach_device(t->dir, &t->opts, events, device);
	lio_events_close(events);
	return ret || cli_find_dir(t->dir, bs) ? ret : -ENODEV;
}

/* Of several that waited one has it. */
static int attach(struct takeover *t, struct lio_backstore *bs)
{
	int ret = attach_as(t, bs);

	if (ret && disk_in_use(t->dir, t->disk, 0, t->who, sizeof(t->who)))
		fail_taken(t);
	return ret;
}

static int export(struct takeover *t, const struct lio_backstore *bs)
{
	if (!*t->gw.iqn)
		export_iqn(bs, t->gw.iqn);
	/* What is noted is what the next machine begins with. */
	assert(export_is_sound(&t->gw.how, t->gw.iqn));
	return export_make(bs, &t->gw.how, t->gw.iqn);
}

static void undo(const struct lio_backstore *bs)
{
	struct cli_seen seen = { .luns = lio_luns_read(cli_lio()) };

	if (cli_remove_exports(&seen, bs, NULL) >= 0)
		lio_backstore_remove(cli_lio(), bs, NULL);
	cli_seen_free(&seen);
}

static void print(const struct takeover *t, const struct lio_backstore *bs)
{
	char device[LIO_DEVICE_MAX];
	struct json_object *o;

	if (*t->who && !progress_is_quiet())
		cli_note("%s had the disk, for whose lock this waited %" PRIu64
			 ".%" PRIu64 " s",
			 t->who, t->waited_ms / 1000,
			 t->waited_ms % 1000 / 100);
	if (t->json) {
		o = cli_backstore_json(bs);
		json_object_object_add(o, "taken_from",
				       json_object_get(t->holder));
		json_add_u64(o, "waited_ms", t->waited_ms);
		json_print(o);
		return;
	}
	if (*cli_device(bs, device))
		printf("/dev/%s\n", device);
	if (t->gw.exported)
		printf("%s\n", t->gw.iqn);
}

static int take_over(struct takeover *t)
{
	struct lio_backstore bs;
	struct zl_err err;

	if (plan(t))
		return CLI_FAILED;
	if (lio_ready(cli_lio(), t->gw.exported, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	if (attach(t, &bs))
		return CLI_FAILED;
	if (!t->gw.exported) {
		gateway_note_attached(&bs);
	} else if (export(t, &bs)) {
		undo(&bs);
		return CLI_FAILED;
	}
	print(t, &bs);
	return CLI_OK;
}

/* Of the sidecar and the socket only: it is asked again and again. */
static int check_here(const struct takeover *t)
{
	struct lio_backstore bs;
	struct control_info now;
	struct zl_err err;
	int ret;

	if (!cli_find_dir(t->dir, &bs)) {
		cli_error("%s is not attached", t->dir);
		return CLI_FAILED;
	}
	ret = gateway_ask(t->dir, &now, &err);
	if (!ret && *now.fenced) {
		cli_error("%s: %s", t->dir, now.fenced);
		return CLI_FAILED;
	}
	return cli_said(ret, &err);
}

int takeover_main(int argc, char **argv)
{
	struct takeover t = { .wait_s = DEFAULT_WAIT_S };
	int status;

	cli_parse(&argp, argc, argv, &t);
	if (cli_need_root() || find(&t))
		return CLI_FAILED;
	if (t.check)
		return check_here(&t);
	zl_log_set(cli_log);
	if (wait_free(&t) || look(&t))
		return CLI_FAILED;
	status = take_over(&t);
	gateway_free(&t.gw);
	json_object_put(t.holder);
	disk_close(t.disk);
	return cli_finish(t.save, status, "");
}
