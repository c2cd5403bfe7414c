// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The tcmu-runner handler "zloop": between tcmu-runner's commands and lib/scsi.
 *
 * Every command goes to handle_cmd first.  What cannot block is answered there,
 * which is cheapest, since the daemon posts such completions in batches.  What
 * may block goes through one door, whatever it is: handle_cmd remembers it,
 * overwrites the operation code of the daemon's copy of the CDB with
 * SYNCHRONIZE CACHE(10) and returns "not handled"; the daemon then calls
 * flush() from the same thread, with the command tracked and a completion
 * function set, and looks at nothing else.  From there the command is ours
 * until tcmur_cmd_complete().
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "base/refusal.h"
#include "cmdpool.h"
#include "control/control.h"
#include "scsi/scsi.h"
#include "tcmur_abi.h"

#define SUBTYPE	       "zloop"
#define CONTROL_CONFIG "dev_config=" SUBTYPE "/" /* in configfs */
#define NR_WORKERS     8
#define LOCK_WAIT_MS   10000
#define MAX_XFER_BYTES (1 * ZL_MIB)
#define MAX_OPEN_FILES 65536 /* each keeps some KiB of the kernel's memory */
#define LOG_PREFIX     SUBTYPE ":0: " /* libtcmu's, for these calls */
#define LOG_TEXT_MAX   (254 - sizeof(LOG_PREFIX)) /* … and a newline */

struct unit {
	struct tcmu_device *dev;
	struct disk *disk;
	struct scsi_unit *scsi;
	struct control *control; /* NULL: there is no socket */
	/* The kernel was making the device when it was opened: it is not one
	 * that a daemon comes back to. */
	bool made_now;
	struct cmd_pool pool;
	struct cmd *at_door; /* between handle_cmd() and flush() */
	struct cmd *spare;   /* the command thread's, without the pool's lock */
};

/* tcmu-runner cancels its threads with pthread_cancel(); not in here. */
static int cancel_off(void)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	return old;
}

static void cancel_restore(int old)
{
	pthread_setcancelstate(old, NULL);
}

static void log_part(enum zl_log_level level, const char *before,
		     const char *text, size_t len, const char *after)
{
	static void (*const message[])(struct tcmu_device *, const char *, int,
				       const char *, ...) = {
		[ZL_LOG_ERR] = tcmu_err_message,
		[ZL_LOG_WARN] = tcmu_warn_message,
		[ZL_LOG_INFO] = tcmu_info_message,
		[ZL_LOG_DEBUG] = tcmu_dbg_message,
	};

	message[level](NULL, SUBTYPE, 0, "%s%.*s%s\n", before, (int)len, text,
		       after);
}

/* Up to @max bytes of @text, to a space where there is one. */
static size_t part_len(const char *text, size_t max)
{
	size_t len = max;

	while (len && text[len] != ' ')
		len--;
	return len ? len : max;
}

/* libtcmu cuts long lines: what a person is to read goes on in the next. */
static void log_line(enum zl_log_level level, const char *line)
{
	const char *before = "";
	size_t len;

	while (strlen(before) + strlen(line) > LOG_TEXT_MAX) {
		len = part_len(line, LOG_TEXT_MAX - strlen(before) - 4);
		log_part(level, before, line, len, " ...");
		line += len;
		line += *line == ' ';
		before = "... ";
	}
	log_part(level, before, line, strlen(line), "");
}

/* The part behind "zloop/". */
static const char *own_config(const char *cfgstring)
{
	const char *slash = strchr(cfgstring, '/');

	return slash ? slash + 1 : cfgstring;
}

static bool zloop_check_config(const char *cfgstring, char **reason)
{
	struct disk_opts opts;
	struct zl_err err;
	const char *dir;
	int ret;

	ret = disk_cfg_parse(own_config(cfgstring), &opts, &dir, &err);
	if (!ret)
		ret = disk_precheck(dir, &opts, &err);
	if (ret) {
		/* What comes from configfs is asked first, too. */
		refusal_note(own_config(cfgstring), err.msg);
		if (asprintf(reason, "%s", err.msg) < 0)
			*reason = NULL;
	}
	return !ret;
}

/* What the completed command looks like to tcmu-runner. */
static int status_of(struct cmd *cmd, struct tcmulib_cmd *lib_cmd)
{
	switch (cmd->scsi.status) {
	case SCSI_GOOD:
	case SCSI_CONDITION_MET: /* libtcmu has no way to say it */
		return TCMU_STS_OK;
	case SCSI_BUSY:
		return TCMU_STS_BUSY;
	case SCSI_CHECK_CONDITION:
		break;
	}
	static_assert(sizeof(lib_cmd->sense_buf) >= SCSI_SENSE_MAX,
		      "sense data does not fit");
	/* All of it goes to the initiator, and the memory is not new. */
	memset(lib_cmd->sense_buf, 0, sizeof(lib_cmd->sense_buf));
	memcpy(lib_cmd->sense_buf, cmd->scsi.sense, cmd->scsi.sense_len);
	return TCMU_STS_PASSTHROUGH_ERR;
}

/* On any thread. */
static void command_done(struct scsi_cmd *scsi)
{
	struct cmd *cmd = scsi->user;
	struct unit *unit = cmd->unit;
	struct tcmur_cmd *tcmur_cmd = cmd->tcmur_cmd;
	int status = status_of(cmd, tcmur_cmd->lib_cmd);

	tcmur_cmd_complete(unit->dev, tcmur_cmd, status);
	cmd_pool_put(&unit->pool, cmd);
}

static struct cmd *get_cmd(struct unit *unit)
{
	struct cmd *cmd = unit->spare;

	unit->spare = NULL;
	if (!cmd)
		return cmd_pool_get(&unit->pool);
	/* Before it asked for this one the daemon has posted that one: it is in
	 * the ring, which the kernel reads before it takes anything back. */
	scsi_answered(&cmd->scsi);
	return cmd;
}

/*
 * The daemon did not call flush() for the last command that was to go through
 * the door.  That one has its answer (BUSY, from a daemon that began to recover
 * the device meanwhile), and its memory may have gone.
 */
static void drop_lost(struct unit *unit)
{
	struct cmd *cmd = unit->at_door;

	if (!cmd)
		return;
	unit->at_door = NULL;
	zl_log(ZL_LOG_WARN,
	       "%s: tcmu-runner did not come back with command %02Xh, which "
	       "was not carried out",
	       disk_meta(unit->disk)->serial, cmd->cdb[0]);
	scsi_drop(&cmd->scsi);
	cmd_pool_put(&unit->pool, cmd);
}

static int begin(struct unit *unit, struct tcmur_cmd *tcmur_cmd)
{
	struct tcmulib_cmd *lib_cmd = tcmur_cmd->lib_cmd;
	int status, len = tcmu_cdb_get_length(lib_cmd->cdb);
	struct cmd *cmd;

	cmd = get_cmd(unit);
	if (!cmd) {
		/* Else what other commands left there is handed back. */
		tcmu_iovec_zero(lib_cmd->iovec, lib_cmd->iov_cnt);
		return TCMU_STS_NO_RESOURCE;
	}
	assert(len <= (int)sizeof(cmd->cdb));
	/* A vendor specific operation code: nobody knows how long it is. */
	if (len < 0)
		len = 0;
	/* Most are of this length, which takes no call. */
	if (len == 16)
		memcpy(cmd->cdb, lib_cmd->cdb, 16);
	else
		memcpy(cmd->cdb, lib_cmd->cdb, (size_t)len);
	cmd->unit = unit;
	cmd->tcmur_cmd = tcmur_cmd;
	cmd->scsi.cdb = cmd->cdb;
	cmd->scsi.cdb_len = (size_t)len;
	cmd->scsi.iov = lib_cmd->iovec;
	cmd->scsi.iov_cnt = lib_cmd->iov_cnt;
	cmd->scsi.done = command_done;
	cmd->scsi.user = cmd;
	if (scsi_begin(unit->scsi, &cmd->scsi) == SCSI_RUN) {
		unit->at_door = cmd;
		lib_cmd->cdb[0] = 0x35; /* SYNCHRONIZE CACHE(10) */
		return TCMU_STS_NOT_HANDLED;
	}
	status = status_of(cmd, lib_cmd);
	unit->spare = cmd; /* taken above */
	return status;
}

static int zloop_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	struct unit *unit = tcmur_dev_get_private(dev);
	int status, old = cancel_off();

	drop_lost(unit);
	status = begin(unit, cmd);
	cancel_restore(old);
	return status;
}

/*
 * The door's inner side: the command that handle_cmd() has just left there. One
 * that is not there any more was dropped, and is answered now.
 */
static int zloop_flush(struct tcmu_device *dev, struct tcmur_cmd *tcmur_cmd)
{
	struct unit *unit = tcmur_dev_get_private(dev);
	struct tcmulib_cmd *lib_cmd = tcmur_cmd->lib_cmd;
	struct cmd *cmd = unit->at_door;
	int old;

	if (!cmd || cmd->tcmur_cmd != tcmur_cmd) {
		tcmu_iovec_zero(lib_cmd->iovec, lib_cmd->iov_cnt);
		return TCMU_STS_BUSY;
	}
	old = cancel_off();
	unit->at_door = NULL;
	scsi_run(&cmd->scsi);
	cancel_restore(old);
	return TCMU_STS_OK;
}

/* The daemon sends nothing here, since handle_cmd() leaves nothing; but it
 * takes a handler without them for one that only passes commands through. */
static int never_read(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		      struct iovec *iovec, size_t iov_cnt, size_t len,
		      off_t off)
{
	(void)dev, (void)cmd, (void)iovec, (void)iov_cnt, (void)len, (void)off;
	return TCMU_STS_HW_ERR;
}

/*
 * The backstore's folder in configfs.  The uio device's name tells it:
 * tcm-user/HBA/NAME/CFGSTRING.
 */
static bool backstore_path(struct tcmu_device *dev, char *path, size_t len)
{
	char sys[128], *name, *hba, *dev_name = NULL, *end = NULL;
	bool ok = false;

	snprintf(sys, sizeof(sys), "/sys/class/uio/%s/name",
		 tcmu_dev_get_uio_name(dev));
	name = tcmu_cfgfs_get_str(sys);
	if (!name)
		return false;
	hba = strchr(name, '/');
	if (hba)
		dev_name = strchr(hba + 1, '/');
	if (dev_name)
		end = strchr(dev_name + 1, '/');
	if (end) {
		ok = snprintf(path, len,
			      "/sys/kernel/config/target/core/user_%.*s/%.*s",
			      (int)(dev_name - hba - 1), hba + 1,
			      (int)(end - dev_name - 1),
			      dev_name + 1) < (int)len;
	}
	free(name);
	return ok;
}

/* Whether there is something to forget: what is of each opening stays. */
static bool has_other_options(const struct disk_opts *opts)
{
	for (enum disk_opt_id id = 0; id < OPT_NR; id++)
		if (disk_opt_given(opts, id) && !disk_opt_table[id].use)
			return true;
	return false;
}

/*
 * The attribute says at first what WCE is: 0, the kernel's default, would be in
 * every saved configuration.  Not for a device that the kernel has already: it
 * would ask us, and we are here.
 */
static void tell_write_cache(struct unit *unit)
{
	const char *on = scsi_write_cache(unit->scsi) ? "1" : "0";
	char store[512], path[560];
	int ret;

	if (!backstore_path(unit->dev, store, sizeof(store)))
		return;
	snprintf(path, sizeof(path), "%s/enable", store);
	unit->made_now = !tcmu_cfgfs_get_int(path);
	if (!unit->made_now)
		return;
	snprintf(path, sizeof(path), "%s/attrib/emulate_write_cache", store);
	ret = tcmu_cfgfs_set_str(path, on, 1);
	if (ret < 0)
		zl_log(ZL_LOG_WARN, "%s: could not set it to %s: %s", path, on,
		       limit_strerror(-ret));
}

/*
 * A saved target configuration replays its cfgstring at every boot.  From now
 * on it says where the disk is, and no option that could make one, so that a
 * file system which was not mounted never becomes a new empty disk.
 */
static void forget_how_to_make(struct tcmu_device *dev, const char *dir,
			       const struct disk_opts *opts)
{
	char path[512], control[544], text[512] = CONTROL_CONFIG;
	size_t len = strlen(text);
	int ret = -ENOENT;

	len += disk_cfg_reopen(text + len, sizeof(text) - len, opts, dir);
	if (backstore_path(dev, path, sizeof(path))) {
		snprintf(control, sizeof(control), "%s/control", path);
		ret = tcmu_cfgfs_set_str(control, text, (int)len);
	}
	if (ret < 0)
		zl_log(ZL_LOG_WARN,
		       "%s: could not set %s (%s); a saved target "
		       "configuration keeps the options that made the disk",
		       dir, text, limit_strerror(-ret));
}

/* As its creator gave it; a number of LBAs would hide a part of a block. */
static uint64_t device_bytes(struct tcmu_device *dev)
{
	uint64_t size;
	int ret;

	size = tcmu_cfgfs_dev_get_info_u64(dev, "Size", &ret);
	if (ret < 0)
		size = tcmu_dev_get_num_lbas(dev) *
		       tcmu_dev_get_block_size(dev);
	return size;
}

/*
 * The attribute hw_block_size: 512 is its default, and says nothing; 4096 is a
 * new disk's default.  It is not an option given, as those are what allows a
 * disk to be made, and saved configurations keep the attribute.
 */
static int take_hw_block_size(uint32_t bytes, struct disk_opts *opts,
			      struct zl_err *err)
{
	if (bytes == 512)
		return 0;
	if (bytes != 4096)
		return zl_fail(err, EINVAL,
			       "hw_block_size=%u is not possible; use 512 or "
			       "4096",
			       bytes);
	if (disk_opt_given(opts, OPT_BLOCK_SIZE) &&
	    opts->num[OPT_BLOCK_SIZE] != bytes)
		return zl_fail(err, EINVAL,
			       "block_size=%" PRIu64
			       " does not agree with hw_block_size=%u; leave "
			       "one of them out",
			       opts->num[OPT_BLOCK_SIZE], bytes);
	opts->num[OPT_BLOCK_SIZE] = bytes;
	return 0;
}

static int check_hw_block_size(uint32_t bytes, const char *dir,
			       const struct disk *disk, struct zl_err *err)
{
	uint32_t has = disk_meta(disk)->block_bytes;

	if (bytes == 512 || bytes == has)
		return 0;
	return zl_fail(err, EINVAL,
		       "hw_block_size=%u does not agree with the disk in %s, "
		       "whose blocks have %u bytes; leave hw_block_size out",
		       bytes, dir, has);
}

static int open_disk(struct unit *unit, const char *cfg, struct zl_err *err)
{
	struct tcmu_device *dev = unit->dev;
	struct disk_open_args args = {
		.size_bytes = device_bytes(dev),
		.may_make = true,
		.lock_wait_ms = LOCK_WAIT_MS,
		.nr_workers = NR_WORKERS,
		.note_flight = true,
	};
	uint32_t hw_block_size = tcmu_dev_get_block_size(dev);
	struct disk_opts opts;
	const char *dir;
	int ret;

	ret = disk_cfg_parse(cfg, &opts, &dir, err);
	if (!ret)
		ret = take_hw_block_size(hw_block_size, &opts, err);
	if (ret)
		return ret;
	args.opts = &opts;
	ret = disk_open(dir, &args, &unit->disk, err);
	if (ret)
		return ret;
	ret = check_hw_block_size(hw_block_size, dir, unit->disk, err);
	if (ret) {
		disk_close(unit->disk);
		return ret;
	}
	/* Said already where the string has nothing to forget. */
	if (has_other_options(&opts))
		forget_how_to_make(dev, dir, &opts);
	return 0;
}

static int make_unit(struct unit *unit, struct zl_err *err)
{
	const struct disk_meta *meta = disk_meta(unit->disk);
	struct scsi_unit_args args = {
		.max_xfer_blocks =
			(uint32_t)(MAX_XFER_BYTES / meta->block_bytes),
	};
	int ret;

	ret = scsi_unit_new(unit->disk, &args, &unit->scsi);
	if (ret)
		return zl_fail(err, -ret, "out of memory");
	tcmu_dev_set_block_size(unit->dev, meta->block_bytes);
	tcmu_dev_set_num_lbas(unit->dev,
			      meta->capacity_bytes / meta->block_bytes);
	return 0;
}

/* A disk without its socket is still a disk. */
static void start_control(struct unit *unit)
{
	struct zl_err err;

	if (control_start(unit->disk, &unit->control, &err))
		zl_log(ZL_LOG_WARN, "%s: no control socket: %s",
		       disk_meta(unit->disk)->serial, err.msg);
}

static int open_unit(struct unit *unit, const char *cfg, struct zl_err *err)
{
	int ret;

	ret = open_disk(unit, cfg, err);
	if (ret)
		return ret;
	ret = make_unit(unit, err);
	if (ret) {
		disk_close(unit->disk);
		return ret;
	}
	tell_write_cache(unit);
	start_control(unit);
	return 0;
}

static int zloop_open(struct tcmu_device *dev, bool reopen)
{
	const char *cfg = own_config(tcmu_dev_get_cfgstring(dev));
	struct unit *unit;
	struct zl_err err;
	int ret, old = cancel_off();

	(void)reopen;
	unit = calloc(1, sizeof(*unit));
	if (!unit) {
		cancel_restore(old);
		return -ENOMEM;
	}
	unit->dev = dev;
	cmd_pool_init(&unit->pool);
	ret = open_unit(unit, cfg, &err);
	if (ret) {
		zl_log(ZL_LOG_ERR, "%s: %s", cfg, err.msg);
		refusal_note(cfg, err.msg);
		cmd_pool_free(&unit->pool);
		free(unit);
	} else {
		tcmur_dev_set_private(dev, unit);
		refusal_note(cfg, NULL);
	}
	cancel_restore(old);
	return ret;
}

/*
 * The daemon means to wait for all commands before this.  But it looks at its
 * queue once, and until its command thread notices that it was cancelled, which
 * is at the end of a batch, that one hands over whatever is in the ring.
 */
static void wait_for_commands(struct unit *unit)
{
	drop_lost(unit);
	if (unit->spare)
		cmd_pool_put(&unit->pool, unit->spare);
	cmd_pool_wait(&unit->pool);
}

static void zloop_close(struct tcmu_device *dev)
{
	struct unit *unit = tcmur_dev_get_private(dev);
	int old = cancel_off();

	scsi_unit_hurry(unit->scsi);
	control_stop(unit->control);
	wait_for_commands(unit);
	scsi_unit_free(unit->scsi);
	disk_close(unit->disk);
	cmd_pool_free(&unit->pool);
	free(unit);
	tcmur_dev_set_private(dev, NULL);
	cancel_restore(old);
}

/* The directory of a cfgstring with its prefix, or NULL. */
static const char *config_dir(const char *cfgstring)
{
	const char *at = strchr(cfgstring, '@');

	return at ? at + 1 : NULL;
}

/* Before a command has come, a restored configuration may say what it likes: it
 * is no error, and what makes the disk safer is carried out. */
static int restore_write_cache(struct unit *unit, const char *dir, bool on)
{
	if (on) {
		zl_log(ZL_LOG_INFO,
		       "%s: emulate_write_cache=1 changes nothing: %s", dir,
		       disk_is_write_through(unit->disk)
			       ? "the disk is open with write_through"
			       : "MODE SELECT has switched the write cache "
				 "off, and only that switches it on");
		return 0;
	}
	zl_log(ZL_LOG_WARN,
	       "%s: emulate_write_cache=0 switches the write cache off; MODE "
	       "SELECT (sdparm --set WCE) switches it on",
	       dir);
	return scsi_write_cache_off(unit->scsi);
}

static int set_write_cache(struct unit *unit, const char *dir, bool on)
{
	if (on == scsi_write_cache(unit->scsi))
		return 0;
	if (unit->made_now && scsi_is_unused(unit->scsi))
		return restore_write_cache(unit, dir, on);
	if (disk_is_write_through(unit->disk))
		zl_log(ZL_LOG_ERR,
		       "%s: emulate_write_cache=1 is not possible with "
		       "write_through; remove the disk and create it again "
		       "with @DIRECTORY",
		       dir);
	else
		zl_log(ZL_LOG_ERR,
		       "%s: emulate_write_cache=%d is not possible while the "
		       "write cache is %s: initiators have been told so; "
		       "switch it with MODE SELECT (sdparm --%s WCE)",
		       dir, on, on ? "off" : "on", on ? "set" : "clear");
	return -EINVAL;
}

/*
 * Restoring a saved target configuration sets each attribute to what it is
 * already; that is no change.  A real one is refused: a disk does not move, its
 * size is its sidecar's, and its cache is the CACHING mode page's.
 */
static int zloop_reconfig(struct tcmu_device *dev, struct tcmulib_cfg_info *cfg)
{
	struct unit *unit = tcmur_dev_get_private(dev);
	const char *is = config_dir(tcmu_dev_get_cfgstring(dev)), *want;

	switch (cfg->type) {
	case TCMULIB_CFG_DEV_CFGSTR:
		want = config_dir(cfg->data.dev_cfgstring);
		if (is && want && !strcmp(is, want))
			return 0;
		zl_log(ZL_LOG_ERR,
		       "%s: the disk stays where it is: remove it and "
		       "create it again with @DIRECTORY",
		       is);
		return -EINVAL;
	case TCMULIB_CFG_DEV_SIZE:
		if (cfg->data.dev_size == disk_meta(unit->disk)->capacity_bytes)
			return 0;
		zl_log(ZL_LOG_ERR,
		       "%s: size=%" PRIu64 " is not the disk's: it has "
		       "size=%" PRIu64,
		       is, cfg->data.dev_size,
		       disk_meta(unit->disk)->capacity_bytes);
		return -EINVAL;
	case TCMULIB_CFG_WRITE_CACHE:
		return set_write_cache(unit, is, cfg->data.write_cache);
	}
	return -EOPNOTSUPP;
}

static struct tcmur_handler zloop_handler = {
	.name = "Host-managed zoned disk, one file per zone",
	.subtype = SUBTYPE,
	.cfg_desc =
		"[OPTION[=VALUE][/OPTION[=VALUE]...]]@DIRECTORY, for example "
		"zone_size_mb=64/conv_zones=8@/var/local/zloop/0; "
		"@DIRECTORY alone opens the disk that is there. "
		"Options: zloop-handler(8).",
	.check_config = zloop_check_config,
	.reconfig = zloop_reconfig,
	.open = zloop_open,
	.close = zloop_close,
	.handle_cmd = zloop_handle_cmd,
	.read = never_read,
	.write = never_read,
	.flush = zloop_flush,
};

/* A file that is closed is synced before: with fewer than are written to, each
 * write would wait for another one's sync.  The rest is for everything else. */
static void keep_files_open(void)
{
	limit_raise_descriptors();
	disk_keep_open(
		(unsigned)min_u64(limit_descriptors() / 4, MAX_OPEN_FILES));
}

int handler_init(void)
{
	zl_log_set(log_line);
	limit_only_fails();
	keep_files_open();
	return tcmur_register_handler(&zloop_handler);
}
