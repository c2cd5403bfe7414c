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

#include "base/log.h"
#include "base/num.h"
#include "cmdpool.h"
#include "scsi/scsi.h"
#include "tcmur_abi.h"

#define SUBTYPE	       "zloop"
#define NR_WORKERS     8
#define LOCK_WAIT_MS   10000
#define MAX_XFER_BYTES (1 * ZL_MIB)

struct unit {
	struct tcmu_device *dev;
	struct disk *disk;
	struct scsi_unit *scsi;
	struct cmd_pool pool;
	struct cmd *at_door; /* between handle_cmd() and flush() */
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

static void log_line(enum zl_log_level level, const char *line)
{
	switch (level) {
	case ZL_LOG_ERR:
		tcmu_err_message(NULL, SUBTYPE, 0, "%s\n", line);
		break;
	case ZL_LOG_WARN:
		tcmu_warn_message(NULL, SUBTYPE, 0, "%s\n", line);
		break;
	case ZL_LOG_INFO:
		tcmu_info_message(NULL, SUBTYPE, 0, "%s\n", line);
		break;
	case ZL_LOG_DEBUG:
		tcmu_dbg_message(NULL, SUBTYPE, 0, "%s\n", line);
		break;
	}
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
	if (ret && asprintf(reason, "%s", err.msg) < 0)
		*reason = NULL;
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

	cmd_pool_put(&unit->pool, cmd);
	tcmur_cmd_complete(unit->dev, tcmur_cmd, status);
}

static int begin(struct unit *unit, struct tcmur_cmd *tcmur_cmd)
{
	struct tcmulib_cmd *lib_cmd = tcmur_cmd->lib_cmd;
	int status, len = tcmu_cdb_get_length(lib_cmd->cdb);
	struct cmd *cmd;

	cmd = cmd_pool_get(&unit->pool);
	if (!cmd)
		return TCMU_STS_NO_RESOURCE;
	assert(len > 0 && (size_t)len <= sizeof(cmd->cdb));
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
	cmd_pool_put(&unit->pool, cmd);
	return status;
}

static int zloop_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	struct unit *unit = tcmur_dev_get_private(dev);
	int old = cancel_off();
	int status = begin(unit, cmd);

	cancel_restore(old);
	return status;
}

/* The door's inner side: the command that handle_cmd() has just left there. */
static int zloop_flush(struct tcmu_device *dev, struct tcmur_cmd *tcmur_cmd)
{
	struct unit *unit = tcmur_dev_get_private(dev);
	struct cmd *cmd = unit->at_door;
	int old = cancel_off();

	assert(cmd && cmd->tcmur_cmd == tcmur_cmd);
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

static void log_problem(void *user, uint32_t slot, const char *what)
{
	(void)slot;
	tcmu_warn_message(user, SUBTYPE, 0, "%s\n", what);
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

/*
 * A saved target configuration replays its cfgstring at every boot.  From now
 * on it says where the disk is and nothing else, so that a file system which
 * was not mounted never becomes a new empty disk.
 */
static void forget_how_to_make(struct tcmu_device *dev, const char *dir)
{
	char path[512], control[544], text[512];
	int len, ret = -ENOENT;

	len = snprintf(text, sizeof(text), "dev_config=" SUBTYPE "/@%s", dir);
	if (backstore_path(dev, path, sizeof(path))) {
		snprintf(control, sizeof(control), "%s/control", path);
		ret = tcmu_cfgfs_set_str(control, text, len);
	}
	if (ret < 0)
		tcmu_warn_message(dev, SUBTYPE, 0,
				  "could not set %s (errno %d); a saved target "
				  "configuration keeps the options that made "
				  "the disk\n",
				  text, -ret);
}

static int open_disk(struct unit *unit, const char *cfg, struct zl_err *err)
{
	struct tcmu_device *dev = unit->dev;
	struct disk_open_args args = {
		.may_make = true,
		.lock_wait_ms = LOCK_WAIT_MS,
		.nr_workers = NR_WORKERS,
	};
	uint32_t block_bytes = tcmu_dev_get_block_size(dev);
	struct disk_opts opts;
	const char *dir;
	int ret;

	ret = disk_cfg_parse(cfg, &opts, &dir, err);
	if (ret)
		return ret;
	/* hw_block_size: 512 is its default, and says nothing. */
	if (block_bytes != 512 && !disk_opt_given(&opts, OPT_BLOCK_SIZE)) {
		opts.given |= 1u << OPT_BLOCK_SIZE;
		opts.num[OPT_BLOCK_SIZE] = block_bytes;
	}
	args.opts = &opts;
	args.size_bytes = tcmu_dev_get_num_lbas(dev) * block_bytes;
	ret = disk_open(dir, &args, &unit->disk, err);
	if (ret)
		return ret;
	if (strchr(cfg, '@') != cfg)
		forget_how_to_make(dev, dir);
	disk_each_problem(unit->disk, log_problem, dev);
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

static int open_unit(struct unit *unit, const char *cfg, struct zl_err *err)
{
	int ret;

	ret = open_disk(unit, cfg, err);
	if (ret)
		return ret;
	ret = make_unit(unit, err);
	if (ret)
		disk_close(unit->disk);
	return ret;
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
		tcmu_err_message(dev, SUBTYPE, 0, "%s: %s\n", cfg, err.msg);
		cmd_pool_free(&unit->pool);
		free(unit);
	} else {
		tcmur_dev_set_private(dev, unit);
		tcmu_info_message(dev, SUBTYPE, 0, "%s: serial %s, opened\n",
				  cfg, disk_meta(unit->disk)->serial);
	}
	cancel_restore(old);
	return ret;
}

static void zloop_close(struct tcmu_device *dev)
{
	struct unit *unit = tcmur_dev_get_private(dev);
	int old = cancel_off();

	scsi_unit_free(unit->scsi);
	disk_close(unit->disk);
	cmd_pool_free(&unit->pool);
	free(unit);
	tcmur_dev_set_private(dev, NULL);
	cancel_restore(old);
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
	.open = zloop_open,
	.close = zloop_close,
	.handle_cmd = zloop_handle_cmd,
	.read = never_read,
	.write = never_read,
	.flush = zloop_flush,
};

int handler_init(void)
{
	zl_log_set(log_line);
	return tcmur_register_handler(&zloop_handler);
}
