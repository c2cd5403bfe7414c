/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * tcmu-runner 1.5's plug-in ABI, for a 64-bit Linux: what the daemon and
 * libtcmu.so.2 share with a handler. Distributions ship no headers for it.
 *
 * Layouts and signatures are those of tcmu-runner 1.5.4 (tcmu-runner.h,
 * libtcmu.h, libtcmu_common.h, main-syms.txt), held by the assertions below.
 *
 * Rules that hold everywhere
 * - A callout returns 0 or -errno unless it says a TCMU_STS_ status.
 * - Sizes and offsets are bytes, LBAs and block counts are in units of
 *   tcmu_dev_get_block_size().
 * - One thread per device (the "command thread") calls handle_cmd and, with
 *   nr_threads 0, read, write and flush. open is called by the daemon's main
 *   thread, close by the command thread while it is being cancelled, or by
 *   the main thread.
 * - The command thread is cancelled (pthread_cancel) when a device goes.
 */
#ifndef ZLOOP_TCMUR_ABI_H
#define ZLOOP_TCMUR_ABI_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct tcmu_device; /* opaque */
struct tcmur_cmd;

/* What became of a command. Values from NO_RESOURCE on end it. */
enum {
	TCMU_STS_ASYNC_HANDLED =
		-2,		   /* the daemon's own; no completion status */
	TCMU_STS_NOT_HANDLED = -1, /* from handle_cmd: use the callouts */
	TCMU_STS_OK = 0,	  /* GOOD; from read, write and flush: queued */
	TCMU_STS_NO_RESOURCE = 1, /* TASK SET FULL */
	TCMU_STS_PASSTHROUGH_ERR = 2, /* CHECK CONDITION, sense_buf is set */
	TCMU_STS_BUSY = 3,	      /* BUSY */
	TCMU_STS_WR_ERR = 4, /* the rest: CHECK CONDITION with fixed sense */
	TCMU_STS_RD_ERR = 5,
	TCMU_STS_MISCOMPARE = 6,
	TCMU_STS_INVALID_CMD = 7,
	TCMU_STS_INVALID_CDB = 8,
	TCMU_STS_INVALID_PARAM_LIST = 9,
	TCMU_STS_INVALID_PARAM_LIST_LEN = 10,
	TCMU_STS_TIMEOUT = 11, /* BUSY */
	TCMU_STS_FENCED = 12,
	TCMU_STS_HW_ERR = 13,
	TCMU_STS_RANGE = 14,
	TCMU_STS_FRMT_IN_PROGRESS = 15,
	TCMU_STS_CAPACITY_CHANGED = 16,
	TCMU_STS_NOTSUPP_SAVE_PARAMS = 17,
	TCMU_STS_WR_ERR_INCOMPAT_FRMT = 18,
	TCMU_STS_TRANSITION = 19,
	TCMU_STS_IMPL_TRANSITION_ERR = 20,
	TCMU_STS_EXPL_TRANSITION_ERR = 21,
	TCMU_STS_NO_LOCK_HOLDERS = 22, /* lock callouts only */
	TCMU_STS_NOTSUPP_SEG_DESC_TYPE = 23,
	TCMU_STS_NOTSUPP_TGT_DESC_TYPE = 24,
	TCMU_STS_CP_TGT_DEV_NOTCONN = 25,
	TCMU_STS_INVALID_CP_TGT_DEV_TYPE = 26,
	TCMU_STS_TOO_MANY_SEG_DESC = 27,
	TCMU_STS_TOO_MANY_TGT_DESC = 28,
};

#define TCMU_SENSE_BUFFERSIZE 96

/*
 * A command as libtcmu took it from the ring. cdb and iovec are copies that
 * the handler may change; the memory that iovec points to is the ring's.
 * cdb holds tcmu_cdb_get_length(cdb) bytes. Gone once completed.
 */
struct tcmulib_cmd {
	uint16_t cmd_id;
	uint8_t *cdb;
	struct iovec *iovec;
	size_t iov_cnt;
	uint8_t sense_buf[TCMU_SENSE_BUFFERSIZE];
	void *hm_private; /* its tcmur_cmd */
};

/*
 * The daemon's part of a command. Packed, since libtcmu puts it right behind
 * a CDB of 6, 10 or 8 + n bytes: it may stand at any address. Take no
 * pointers to its members.
 */
struct tcmur_cmd {
	struct tcmulib_cmd *lib_cmd;
	struct iovec *iovec; /* the daemon's, for compound commands */
	size_t iov_cnt;
	void *iov_base_copy;
	void *cmd_state;
	size_t requested;
	struct {
		void *next;
		void *prev;
	} cmds_list_entry;
	struct timespec start_time;
	bool timed_out;
	uint8_t pad[7];
	/* NULL inside handle_cmd (nr_threads 0): nothing to complete with. */
	void (*done)(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		     int status);
} __attribute__((packed));

enum tcmulib_cfg_type {
	TCMULIB_CFG_DEV_CFGSTR,
	TCMULIB_CFG_DEV_SIZE,
	TCMULIB_CFG_WRITE_CACHE,
};

/* What reconfig() is to change. */
struct tcmulib_cfg_info {
	enum tcmulib_cfg_type type;
	union {
		uint64_t dev_size; /* bytes */
		char *dev_cfgstring;
		bool write_cache;
	} data;
};

/* What a handler registers. NULL callouts are left out. */
struct tcmur_handler {
	const char *name;
	const char *subtype; /* the part of the cfgstring before the slash */
	const char *cfg_desc;
	void *opaque;

	/*
	 * May @cfgstring (with "SUBTYPE/") work? On false *reason is a
	 * malloc'ed sentence, freed by the caller. Called before a device is
	 * made, and again for each device that the starting daemon finds.
	 */
	bool (*check_config)(const char *cfgstring, char **reason);
	int (*reconfig)(struct tcmu_device *dev, struct tcmulib_cfg_info *cfg);
	/* @reopen is true only for recovery within the same daemon. */
	int (*open)(struct tcmu_device *dev, bool reopen);
	void (*close)(struct tcmu_device *dev);

	/* 0: callouts run in the command thread and return when queued. */
	int nr_threads;

	/*
	 * Sees each command first. Returns the command's status when it is
	 * done, or TCMU_STS_NOT_HANDLED for the daemon's dispatch: READ and
	 * WRITE (6, 10, 12, 16) to read and write, SYNCHRONIZE CACHE to flush.
	 */
	int (*handle_cmd)(struct tcmu_device *dev, struct tcmur_cmd *cmd);

	/*
	 * With nr_threads 0: TCMU_STS_OK when queued (tcmur_cmd_complete() is
	 * or was called), any other status when it failed at once.
	 */
	int (*read)(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		    struct iovec *iovec, size_t iov_cnt, size_t len, off_t off);
	int (*write)(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		     struct iovec *iovec, size_t iov_cnt, size_t len,
		     off_t off);
	int (*flush)(struct tcmu_device *dev, struct tcmur_cmd *cmd);
	int (*unmap)(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		     uint64_t off, uint64_t len);
	int (*writesame)(struct tcmu_device *dev, struct tcmur_cmd *cmd,
			 uint64_t off, uint64_t len, struct iovec *iovec,
			 size_t iov_cnt);
	int (*caw)(struct tcmu_device *dev, struct tcmur_cmd *cmd, uint64_t off,
		   uint64_t len, struct iovec *iovec, size_t iov_cnt);

	int (*report_event)(struct tcmu_device *dev);
	int (*lock)(struct tcmu_device *dev, uint16_t tag);
	int (*unlock)(struct tcmu_device *dev);
	int (*get_lock_tag)(struct tcmu_device *dev, uint16_t *tag);
	int (*get_lock_state)(struct tcmu_device *dev);

	bool _is_dbus_handler; /* the daemon's own */

	bool (*update_logdir)(void);
	int (*init)(void);     /* when registered; not 0 refuses the handler */
	void (*destroy)(void); /* the daemon never calls it for a plug-in */
};

#define TCMUR_AT(type, field, at)                           \
	static_assert(offsetof(struct type, field) == (at), \
		      #type "." #field " is not where tcmu-runner has it")
#define TCMUR_SIZE(type, size)                       \
	static_assert(sizeof(struct type) == (size), \
		      #type " has another size in tcmu-runner")

TCMUR_SIZE(tcmulib_cmd, 136);
TCMUR_AT(tcmulib_cmd, cmd_id, 0);
TCMUR_AT(tcmulib_cmd, cdb, 8);
TCMUR_AT(tcmulib_cmd, iovec, 16);
TCMUR_AT(tcmulib_cmd, iov_cnt, 24);
TCMUR_AT(tcmulib_cmd, sense_buf, 32);
TCMUR_AT(tcmulib_cmd, hm_private, 128);

TCMUR_SIZE(tcmur_cmd, 96);
TCMUR_AT(tcmur_cmd, lib_cmd, 0);
TCMUR_AT(tcmur_cmd, iovec, 8);
TCMUR_AT(tcmur_cmd, iov_cnt, 16);
TCMUR_AT(tcmur_cmd, iov_base_copy, 24);
TCMUR_AT(tcmur_cmd, cmd_state, 32);
TCMUR_AT(tcmur_cmd, requested, 40);
TCMUR_AT(tcmur_cmd, cmds_list_entry, 48);
TCMUR_AT(tcmur_cmd, start_time, 64);
TCMUR_AT(tcmur_cmd, timed_out, 80);
TCMUR_AT(tcmur_cmd, done, 88);

TCMUR_SIZE(tcmulib_cfg_info, 16);
TCMUR_AT(tcmulib_cfg_info, type, 0);
TCMUR_AT(tcmulib_cfg_info, data, 8);

TCMUR_SIZE(tcmur_handler, 200);
TCMUR_AT(tcmur_handler, name, 0);
TCMUR_AT(tcmur_handler, subtype, 8);
TCMUR_AT(tcmur_handler, cfg_desc, 16);
TCMUR_AT(tcmur_handler, opaque, 24);
TCMUR_AT(tcmur_handler, check_config, 32);
TCMUR_AT(tcmur_handler, reconfig, 40);
TCMUR_AT(tcmur_handler, open, 48);
TCMUR_AT(tcmur_handler, close, 56);
TCMUR_AT(tcmur_handler, nr_threads, 64);
TCMUR_AT(tcmur_handler, handle_cmd, 72);
TCMUR_AT(tcmur_handler, read, 80);
TCMUR_AT(tcmur_handler, write, 88);
TCMUR_AT(tcmur_handler, flush, 96);
TCMUR_AT(tcmur_handler, unmap, 104);
TCMUR_AT(tcmur_handler, writesame, 112);
TCMUR_AT(tcmur_handler, caw, 120);
TCMUR_AT(tcmur_handler, report_event, 128);
TCMUR_AT(tcmur_handler, lock, 136);
TCMUR_AT(tcmur_handler, unlock, 144);
TCMUR_AT(tcmur_handler, get_lock_tag, 152);
TCMUR_AT(tcmur_handler, get_lock_state, 160);
TCMUR_AT(tcmur_handler, _is_dbus_handler, 168);
TCMUR_AT(tcmur_handler, update_logdir, 176);
TCMUR_AT(tcmur_handler, init, 184);
TCMUR_AT(tcmur_handler, destroy, 192);

static_assert(sizeof(void *) == 8 && sizeof(off_t) == 8,
	      "this ABI was verified for 64-bit systems only");

#undef TCMUR_AT
#undef TCMUR_SIZE

/* These cross the plug-in's border: visible, whatever the build's default. */
#pragma GCC visibility push(default)

/* ---- exported by the handler ---- */

/* Registers. Returns 0, or anything else when the plug-in is of no use. */
int handler_init(void);

/* ---- exported by the daemon ---- */

/* Returns 0; -1 when the subtype is taken; else what init() returned. */
int tcmur_register_handler(struct tcmur_handler *handler);

/*
 * Ends a command that a callout has queued. From any thread, also inside the
 * callout; never inside handle_cmd. The command's memory is gone afterwards.
 */
void tcmur_cmd_complete(struct tcmu_device *dev, void *cmd, int status);

/* The handler's pointer of a device. */
void tcmur_dev_set_private(struct tcmu_device *dev, void *data);
void *tcmur_dev_get_private(struct tcmu_device *dev);

/*
 * New size, also for the kernel, and a unit attention for the next command.
 * Returns 0 or -errno.
 */
int tcmur_dev_update_size(struct tcmu_device *dev, uint64_t new_size_bytes);

void tcmu_notify_conn_lost(struct tcmu_device *dev);
void tcmu_notify_lock_lost(struct tcmu_device *dev);
void tcmu_notify_cmd_timed_out(struct tcmu_device *dev);

/* ---- exported by libtcmu.so.2 ---- */

/* "SUBTYPE/…", the device's own copy (at most 4095 bytes). */
char *tcmu_dev_get_cfgstring(struct tcmu_device *dev);
/* "uioN" */
const char *tcmu_dev_get_uio_name(struct tcmu_device *dev);
/* The daemon's pointer, not the handler's. */
void *tcmu_dev_get_private(struct tcmu_device *dev);
void tcmu_dev_set_private(struct tcmu_device *dev, void *data);

/* Setting the block size leaves the number of LBAs as it was. */
void tcmu_dev_set_block_size(struct tcmu_device *dev, uint32_t bytes);
uint32_t tcmu_dev_get_block_size(struct tcmu_device *dev);
void tcmu_dev_set_num_lbas(struct tcmu_device *dev, uint64_t num_lbas);
uint64_t tcmu_dev_get_num_lbas(struct tcmu_device *dev);
uint64_t tcmu_lba_to_byte(struct tcmu_device *dev, uint64_t lba);
uint64_t tcmu_byte_to_lba(struct tcmu_device *dev, uint64_t byte);
uint64_t tcmu_cdb_to_byte(struct tcmu_device *dev, uint8_t *cdb);

/* Block counts; max_xfer_len starts as the attribute hw_max_sectors. */
void tcmu_dev_set_max_xfer_len(struct tcmu_device *dev, uint32_t blocks);
uint32_t tcmu_dev_get_max_xfer_len(struct tcmu_device *dev);
void tcmu_dev_set_opt_xcopy_rw_len(struct tcmu_device *dev, uint32_t blocks);
uint32_t tcmu_dev_get_opt_xcopy_rw_len(struct tcmu_device *dev);
void tcmu_dev_set_max_unmap_len(struct tcmu_device *dev, uint32_t blocks);
uint32_t tcmu_dev_get_max_unmap_len(struct tcmu_device *dev);
void tcmu_dev_set_opt_unmap_gran(struct tcmu_device *dev, uint32_t blocks,
				 bool split);
uint32_t tcmu_dev_get_opt_unmap_gran(struct tcmu_device *dev);
void tcmu_dev_set_unmap_gran_align(struct tcmu_device *dev, uint32_t blocks);
uint32_t tcmu_dev_get_unmap_gran_align(struct tcmu_device *dev);

void tcmu_dev_set_write_cache_enabled(struct tcmu_device *dev, bool enabled);
bool tcmu_dev_get_write_cache_enabled(struct tcmu_device *dev);
void tcmu_dev_set_solid_state_media(struct tcmu_device *dev, bool solid_state);
bool tcmu_dev_get_solid_state_media(struct tcmu_device *dev);
void tcmu_dev_set_unmap_enabled(struct tcmu_device *dev, bool enabled);
bool tcmu_dev_get_unmap_enabled(struct tcmu_device *dev);

/* attrib/NAME of the backstore; returns the value or -errno. */
int tcmu_cfgfs_dev_get_attr_int(struct tcmu_device *dev, const char *name);
/* "NAME: value" in the backstore's info; *ret is 0 or -errno. */
uint64_t tcmu_cfgfs_dev_get_info_u64(struct tcmu_device *dev, const char *name,
				     int *ret);
/* The unit serial, to be freed; "" until it was set; NULL on errors. */
char *tcmu_cfgfs_dev_get_wwn(struct tcmu_device *dev);
/* Writes "KEY=VALUE" to the backstore's control; returns 0 or -errno. */
int tcmu_cfgfs_dev_set_ctrl_u64(struct tcmu_device *dev, const char *key,
				uint64_t value);
int tcmu_cfgfs_dev_exec_action(struct tcmu_device *dev, const char *name,
			       uint32_t value);
/* A whole file: the text without its last newline, to be freed, or NULL. */
char *tcmu_cfgfs_get_str(const char *path);
int tcmu_cfgfs_set_str(const char *path, const char *value, int value_bytes);
int tcmu_cfgfs_get_int(const char *path);
int tcmu_cfgfs_set_u32(const char *path, uint32_t value);

/* Bytes of a CDB by its group code (7Fh: 8 + byte 7), or -EINVAL. */
int tcmu_cdb_get_length(uint8_t *cdb);
/* For CDBs of at most 16 bytes; longer ones may abort the daemon. */
uint64_t tcmu_cdb_get_lba(uint8_t *cdb);
uint32_t tcmu_cdb_get_xfer_length(uint8_t *cdb);
void tcmu_cdb_print_info(struct tcmu_device *dev, const struct tcmulib_cmd *cmd,
			 const char *info);

/*
 * The copies stop at the shorter end, return what they copied and consume
 * the iovec: it points behind the bytes afterwards.
 */
size_t tcmu_memcpy_into_iovec(struct iovec *iovec, size_t iov_cnt, void *src,
			      size_t len);
size_t tcmu_memcpy_from_iovec(void *dest, size_t len, struct iovec *iovec,
			      size_t iov_cnt);
/* Consumes @count bytes; returns the number of whole elements passed. */
size_t tcmu_iovec_seek(struct iovec *iovec, size_t count);
void tcmu_cmd_seek(struct tcmulib_cmd *cmd, size_t count);
size_t tcmu_iovec_length(struct iovec *iovec, size_t iov_cnt);
void tcmu_iovec_zero(struct iovec *iovec, size_t iov_cnt);
bool tcmu_iovec_zeroed(struct iovec *iovec, size_t iov_cnt);
/* Offset of the first difference, or -1. */
off_t tcmu_iovec_compare(void *mem, struct iovec *iovec, size_t size);

/*
 * Fixed format sense data, current. The first clears the buffer and returns
 * TCMU_STS_PASSTHROUGH_ERR; the next two clear its first 18 bytes.
 */
int tcmu_sense_set_data(uint8_t *sense_buf, uint8_t key, uint16_t asc_ascq);
void tcmu_sense_set_info(uint8_t *sense_buf, uint32_t info);
void tcmu_sense_set_key_specific_info(uint8_t *sense_buf, uint16_t info);
void __tcmu_sense_set_data(uint8_t *sense_buf, uint8_t key, uint16_t asc_ascq);

/*
 * The log: levels are syslog's (2, 3, 4, 6, 7), a line with its prefix is
 * cut to 254 bytes. @dev may be NULL. @fmt brings its own newline.
 */
#define TCMUR_PRINTF __attribute__((format(printf, 4, 5)))
void tcmu_crit_message(struct tcmu_device *dev, const char *func, int line,
		       const char *fmt, ...) TCMUR_PRINTF;
void tcmu_err_message(struct tcmu_device *dev, const char *func, int line,
		      const char *fmt, ...) TCMUR_PRINTF;
void tcmu_warn_message(struct tcmu_device *dev, const char *func, int line,
		       const char *fmt, ...) TCMUR_PRINTF;
void tcmu_info_message(struct tcmu_device *dev, const char *func, int line,
		       const char *fmt, ...) TCMUR_PRINTF;
void tcmu_dbg_message(struct tcmu_device *dev, const char *func, int line,
		      const char *fmt, ...) TCMUR_PRINTF;
void tcmu_dbg_scsi_cmd_message(struct tcmu_device *dev, const char *func,
			       int line, const char *fmt, ...) TCMUR_PRINTF;
#undef TCMUR_PRINTF
unsigned int tcmu_get_log_level(void);

/* "PREFIX-uioN", cut to 15 characters, for the calling thread. */
void tcmu_set_thread_name(const char *prefix, struct tcmu_device *dev);

#pragma GCC visibility pop

#endif
