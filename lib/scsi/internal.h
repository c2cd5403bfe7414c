/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What the files of lib/scsi share.
 *
 * A command's way: scsi_begin() finds its row in the table, checks the CDB
 * against the row's usage mask and calls row->begin(), which decodes.  begin()
 * ends the command itself (SCSI_DONE), or leaves everything in struct scsi_cmd
 * that row->run() needs (SCSI_RUN).  run() must not look at the CDB again: the
 * caller may have changed it.
 */
#ifndef ZL_SCSI_INTERNAL_H
#define ZL_SCSI_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/iov.h"
#include "scsi/scsi.h"
#include "scsi/sense.h"

/*
 * The command table.
 */

#define SCSI_CDB_MAX 32
#define NO_SA	     (-1)

/* struct scsi_op flags */
#define OP_STOPPED 0x1 /* is carried out in the stopped power condition */
/* is carried out during FORMAT UNIT and SANITIZE, and with a unit attention
 * condition pending */
#define OP_ALWAYS 0x2
#define OP_THIN	  0x4 /* is there with thin provisioning only */
#define OP_REALMS 0x8 /* is there with zone domains and realms only */
/* is allowed during SANITIZE, and after one has failed (SBC-4 4.11.2) */
#define OP_SANITIZE 0x10

struct scsi_op {
	const char *name;
	int sa; /* service action or NO_SA */
	/* CDB USAGE DATA as REPORT SUPPORTED OPERATION CODES returns it: byte 0
	 * is the operation code, the service action's field has its value, else
	 * a bit is 1 if the device server evaluates it.  A bit that is 0 must
	 * be 0 in a CDB. */
	uint8_t usage[SCSI_CDB_MAX];
	uint8_t cdb_len;
	uint8_t flags;
	uint16_t timeout_s; /* recommended command timeout; 0 = none given */
	enum scsi_next (*begin)(struct scsi_cmd *cmd);
	void (*run)(struct scsi_cmd *cmd); /* NULL: begin() does it all */
	/* Bits of byte 1 that are evaluated with thin provisioning only, and
	 * must be 0 without. */
	uint8_t thin;
	/* Which CDBs are allowed during SANITIZE; NULL: what flags say. */
	bool (*in_sanitize)(const uint8_t *cdb);
};

/* Ascending by operation code, then service action. */
extern const struct scsi_op scsi_op_table[];
extern const unsigned scsi_op_count;

/*
 * The row of a command.  NULL: there is none; then *opcode_known says whether
 * the operation code has rows with other service actions.
 */
const struct scsi_op *scsi_op_find(const struct scsi_unit *unit, uint8_t opcode,
				   int sa, bool *opcode_known);

/* Whether this unit has a row's command; a byte of its usage data there. */
bool scsi_op_there(const struct scsi_unit *unit, const struct scsi_op *op);
uint8_t scsi_op_usage(const struct scsi_unit *unit, const struct scsi_op *op,
		      unsigned byte);

/* The first row of an operation code, or NULL. */
const struct scsi_op *scsi_op_first(const struct scsi_unit *unit,
				    uint8_t opcode);

/*
 * Mode pages.
 */

enum mode_id {
	MODE_ERROR_RECOVERY,
	MODE_VERIFY_RECOVERY,
	MODE_CACHING,
	MODE_CONTROL,
	MODE_CONTROL_EXT,
	MODE_ZONED, /* zoned block device control: with realms only */
	MODE_IE_CONTROL,
	MODE_BACKGROUND,
	MODE_NR
};

#define MODE_PAGE_MAX 32 /* bytes of the longest page, its header included */

/*
 * I/Os one after the other, without a thread that waits.
 */
struct scsi_chain {
	struct scsi_unit *unit;
	/* Sets io; looks first at the status of the one before, which is
	 * DISK_OK before the first.  False: that was all. */
	bool (*next)(struct scsi_chain *chain);
	void (*over)(struct scsi_chain *chain); /* may free the chain */
	struct disk_io io;
	atomic_uint phase;
};

void scsi_chain_run(struct scsi_chain *chain);

/*
 * FORMAT UNIT or SANITIZE under way.
 */
enum scsi_job_kind {
	JOB_NONE,
	JOB_FORMAT,
	JOB_SANITIZE
};

enum scsi_job_step {
	STEP_MARK, /* what does not come to its end has failed */
	STEP_ZONES,
	STEP_REALMS, /* are active as the disk was made */
	STEP_UNMARK,
	STEP_END,
};

struct scsi_job {
	pthread_mutex_t lock; /* for kind */
	pthread_cond_t over;
	_Atomic enum scsi_job_kind kind;
	/* From here on: the job's own, while there is one. */
	_Atomic uint64_t lba; /* what is under way begins there */
	uint64_t step;	      /* … and how long it is */
	bool no_reset, immed, ause, failed;
	bool exits; /* EXIT FAILURE MODE */
	/* What was done may have been taken back, or the unit is to go. */
	atomic_bool give_up;
	enum scsi_job_step what;  /* comes next */
	struct repeated *pattern; /* NULL: zeros */
	struct scsi_cmd *waiter;  /* NULL: it was IMMED, and is over */
	struct zone_activation activation;
	struct scsi_chain chain;
};

/*
 * A self-test under way, and the results of those before (SPC-5).
 */
enum scsi_self_test_code {
	SELF_TEST_DEFAULT = 0, /* SELFTEST; or there is none under way */
	SELF_TEST_BACKGROUND_SHORT = 1,
	SELF_TEST_BACKGROUND_EXTENDED = 2,
	SELF_TEST_ABORT = 4,
	SELF_TEST_SHORT = 5,
	SELF_TEST_EXTENDED = 6,
};

/* RESULTS of log page 10h. */
enum scsi_self_test_result {
	SELF_TEST_GOOD = 0x0,
	SELF_TEST_ABORTED = 0x1, /* by SEND DIAGNOSTIC */
	SELF_TEST_STOPPED = 0x2, /* by something else */
	SELF_TEST_UNKNOWN = 0x3, /* could not be completed */
	SELF_TEST_FAILED = 0x4,
	SELF_TEST_RUNNING = 0xf,
};

struct scsi_self_test_entry {
	uint8_t code, result;
	uint16_t hours; /* at its end */
	uint64_t lba;	/* the first that cannot be read; else UINT64_MAX */
};

#define SELF_TEST_ENTRIES 20

struct scsi_self_test {
	pthread_mutex_t lock; /* for running and the results */
	pthread_cond_t over;
	atomic_bool running, foreground;
	atomic_uint give_up; /* enum scsi_self_test_result; 0 = go on */
	unsigned nr_entries; /* the newest is entry[0] */
	struct scsi_self_test_entry entry[SELF_TEST_ENTRIES];
	/* From here on: the test's own, while it is running. */
	enum scsi_self_test_code code;
	_Atomic uint64_t lba;	 /* what is under way begins there … */
	uint64_t next_lba;	 /* … and ends there */
	struct scsi_cmd *waiter; /* in the foreground */
	struct scsi_chain chain;
};

/*
 * What was written, read and verified, for the error counter log pages.
 */
enum scsi_media_kind {
	MEDIA_WRITE,
	MEDIA_READ,
	MEDIA_VERIFY,
	MEDIA_NR
};

struct scsi_media_counts {
	uint64_t bytes[MEDIA_NR];
	uint64_t errors[MEDIA_NR]; /* not recovered */
};

/*
 * The unit.  The mode pages' current values are changed under mode_lock;
 * the bits that commands look at have copies that need no lock.
 */
struct scsi_unit {
	struct disk *disk;
	uint64_t capacity_blocks;
	uint32_t block_bytes;
	uint32_t phys_blocks;	  /* logical blocks per physical block */
	uint32_t max_xfer_blocks; /* 0 = no limit */
	bool thin;		  /* disk_is_thin() */
	bool write_through;	  /* disk_is_write_through() */
	bool realms;		  /* it has zone domains and realms */
	/* INQUIRY strings, padded with spaces. */
	char vendor[8], product[16], revision[4];
	/* Index of an operation code's first row + 1; 0 = none. */
	uint8_t first_row[256];

	pthread_mutex_t mode_lock;
	uint8_t mode[MODE_NR][MODE_PAGE_MAX];
	uint8_t saved_mode[MODE_NR][MODE_PAGE_MAX];
	atomic_bool wce, d_sense, swp;

	atomic_bool used; /* a command has come */
	atomic_bool stopped;
	atomic_bool fenced; /* another machine has taken the disk over */
	/* POWER ON OCCURRED is still to be told.  Which initiator sent a
	 * command is not known, so there is one condition for all. */
	atomic_bool attention;
	atomic_uint power_ons;

	/* Of VERIFY, which the disk counts as reading. */
	atomic_ullong verified_bytes, verify_errors;
	/* Counts begin there.  Under mode_lock. */
	struct scsi_media_counts counts_base;

	struct scsi_self_test self_test;

	struct scsi_job job;
	atomic_bool sanitize_failed, sanitize_ause;
	/* A FORMAT UNIT with IMMED has failed, which is still to be told. */
	atomic_bool format_failed;
};

/* Whether POWER ON OCCURRED is to be told; whoever asks tells it. */
static inline bool scsi_take_attention(struct scsi_unit *unit)
{
	if (!atomic_exchange(&unit->attention, false))
		return false;
	disk_told_power_loss(unit->disk);
	return true;
}

void scsi_mode_init(struct scsi_unit *unit);
/* The saved values become the current ones. */
void scsi_mode_power_on(struct scsi_unit *unit);

/* format.c */
void scsi_job_init(struct scsi_unit *u);
/* A SANITIZE under way ends soon, and has failed then. */
void scsi_job_give_up(struct scsi_unit *u);
/* Waits for the job. */
void scsi_job_free(struct scsi_unit *u);
/* Gives back the claim on the unit for a job that was not begun. */
void scsi_job_drop(struct scsi_unit *u);
/* The power has failed: a job under way ends and has failed. */
void scsi_job_power_on(struct scsi_unit *u);

/* self_test.c */
void scsi_self_test_init(struct scsi_unit *u);
/* Waits for the end of the test under way. */
void scsi_self_test_free(struct scsi_unit *u);
/* A test under way ends soon, with that result. */
void scsi_self_test_end(struct scsi_unit *u, enum scsi_self_test_result why);
/* Gives back the claim for a test that was not begun. */
void scsi_self_test_drop(struct scsi_unit *u);
/* Claims it for @cmd; SCSI_RUN, or ends the command: there is one. */
enum scsi_next scsi_self_test_claim(struct scsi_cmd *cmd,
				    enum scsi_self_test_code code);
void scsi_self_test_run(struct scsi_cmd *cmd);
/* How long an extended one is said to take at most, and so 1 at least. */
uint32_t scsi_self_test_secs(const struct scsi_unit *u);
/* But for that of a test under way the results go. */
void scsi_self_test_forget(struct scsi_unit *u);
/* The newest first.  Returns how many there are. */
unsigned
scsi_self_test_log(struct scsi_unit *u,
		   struct scsi_self_test_entry entry[SELF_TEST_ENTRIES]);

/* The bits that the disk keeps (DISK_SAVE): mode pages, a failed SANITIZE or
 * FORMAT UNIT; of DISK_SAVE_POWERED, how the mode pages' current values differ
 * from them. */
#define SAVED_MODE     UINT64_C(0x00000000ffffffff)
#define SAVED_SANITIZE UINT64_C(0x0000000300000000)
#define SAVED_FAILED   UINT64_C(0x0000000100000000)
#define SAVED_AUSE     UINT64_C(0x0000000200000000)
#define SAVED_FORMAT   UINT64_C(0x0000000400000000) /* with IMMED, not over */
#define SAVED_CURRENT  DISK_SAVE_POWERED
#define CURRENT_SHIFT  48

/* The left-most bit that is set; @v is not 0. */
static inline int top_bit(uint8_t v)
{
	return 31 - __builtin_clz(v);
}

/*
 * Ending a command.
 */

/* finish.c: what of the buffer is not data-in. */
void scsi_zero_rest(struct scsi_cmd *cmd);

/* GOOD without (further) data. */
enum scsi_next scsi_good(struct scsi_cmd *cmd);

/* After run(): zeroes what must be and calls cmd->done(). */
void scsi_finish(struct scsi_cmd *cmd);

/*
 * Submits cmd->io, whose operation is set; ends the command with GOOD or what
 * the disk says.  @then, if not NULL, is called after a success: true if that
 * was the last, false if it has submitted another one.
 */
void scsi_submit(struct scsi_cmd *cmd, bool (*then)(struct scsi_cmd *cmd));

/* The same for the whole disk's cache. */
void scsi_submit_sync(struct scsi_cmd *cmd, bool (*then)(struct scsi_cmd *cmd));

/*
 * The end of a begin() whose run() would submit cmd->io: carries it out now if
 * that needs not wait.  SCSI_RUN: nothing has happened, run() submits it.
 */
enum scsi_next scsi_try(struct scsi_cmd *cmd,
			bool (*then)(struct scsi_cmd *cmd));

/*
 * Data-in of a command whose CDB has an allocation length: put in order, cut at
 * the allocation length and the buffer's end.
 */
struct data_in {
	struct scsi_cmd *cmd;
	struct iov_cur cur;
	size_t room; /* bytes that can still be put */
};

void data_in_start(struct data_in *in, struct scsi_cmd *cmd,
		   uint32_t alloc_bytes);
void data_in_put(struct data_in *in, const void *data, size_t len);
/* GOOD with what was put. */
enum scsi_next data_in_end(struct data_in *in);
/* All three in one. */
enum scsi_next data_in_all(struct scsi_cmd *cmd, uint32_t alloc_bytes,
			   const void *data, size_t len);

/*
 * The commands.
 */

/* activate.c */
enum scsi_next scsi_zone_query(struct scsi_cmd *cmd);
enum scsi_next scsi_zone_activate(struct scsi_cmd *cmd);
void scsi_zone_activate_run(struct scsi_cmd *cmd);

/* capacity.c */
/* What READ CAPACITY tells of: the whole disk, or what is at its start. */
uint64_t scsi_told_blocks(const struct scsi_unit *unit);
enum scsi_next scsi_read_capacity_10(struct scsi_cmd *cmd);
enum scsi_next scsi_read_capacity_16(struct scsi_cmd *cmd);

/* format.c */
enum scsi_next scsi_format(struct scsi_cmd *cmd);
enum scsi_next scsi_sanitize_overwrite(struct scsi_cmd *cmd);
enum scsi_next scsi_sanitize_erase(struct scsi_cmd *cmd);
enum scsi_next scsi_sanitize_exit(struct scsi_cmd *cmd);
void scsi_job_run(struct scsi_cmd *cmd);

/* ident.c */
enum scsi_next scsi_media_serial(struct scsi_cmd *cmd);
enum scsi_next scsi_report_ident(struct scsi_cmd *cmd);
enum scsi_next scsi_report_luns(struct scsi_cmd *cmd);

/* diagnostic.c */
enum scsi_next scsi_send_diagnostic(struct scsi_cmd *cmd);
enum scsi_next scsi_receive_diagnostic(struct scsi_cmd *cmd);

/* lba_status.c */
enum scsi_next scsi_get_lba_status(struct scsi_cmd *cmd);

/* counts.c */
/* Of an I/O that is done. */
void scsi_count_verify(struct scsi_unit *unit, const struct disk_io *io);
void scsi_media_counts(struct scsi_unit *unit,
		       struct scsi_media_counts *counts);
/* The counts of one kind start again. */
void scsi_media_restart(struct scsi_unit *unit, enum scsi_media_kind kind);

/* log.c */
enum scsi_next scsi_log_sense(struct scsi_cmd *cmd);
enum scsi_next scsi_log_select(struct scsi_cmd *cmd);
bool scsi_log_in_sanitize(const uint8_t *cdb);

/* inquiry.c */
enum scsi_next scsi_inquiry(struct scsi_cmd *cmd);

/* mode.c */
enum scsi_next scsi_mode_sense_6(struct scsi_cmd *cmd);
enum scsi_next scsi_mode_sense_10(struct scsi_cmd *cmd);
enum scsi_next scsi_mode_select_6(struct scsi_cmd *cmd);
enum scsi_next scsi_mode_select_10(struct scsi_cmd *cmd);
void scsi_mode_select_run(struct scsi_cmd *cmd);
bool scsi_mode_in_sanitize(const uint8_t *cdb);

/* opcodes.c */
enum scsi_next scsi_report_opcodes(struct scsi_cmd *cmd);
enum scsi_next scsi_report_tmfs(struct scsi_cmd *cmd);

/* power.c */
enum scsi_next scsi_test_unit_ready(struct scsi_cmd *cmd);
enum scsi_next scsi_request_sense(struct scsi_cmd *cmd);
enum scsi_next scsi_start_stop(struct scsi_cmd *cmd);
void scsi_stop_run(struct scsi_cmd *cmd);

/* realms.c */
enum scsi_next scsi_report_domains(struct scsi_cmd *cmd);
enum scsi_next scsi_report_realms(struct scsi_cmd *cmd);

/* rw.c */
/* LBA, length and FUA of a CDB of any length. */
void scsi_decode_range(struct scsi_cmd *cmd);
/* False: the command has been ended. */
bool scsi_range_ok(struct scsi_cmd *cmd);
bool scsi_length_ok(struct scsi_cmd *cmd);
bool scsi_writable(struct scsi_cmd *cmd);
/* There are @blocks of data-out, or more. */
bool scsi_data_out_ok(struct scsi_cmd *cmd, uint64_t blocks);
/* There are @blocks and no more: else the initiator means something else. */
bool scsi_data_out_exact(struct scsi_cmd *cmd, uint64_t blocks);
/* Fills cmd->io for the whole range and buffer. */
void scsi_set_io(struct scsi_cmd *cmd, enum disk_op op);
enum scsi_next scsi_read(struct scsi_cmd *cmd);
enum scsi_next scsi_write(struct scsi_cmd *cmd);
void scsi_rw_run(struct scsi_cmd *cmd);
enum scsi_next scsi_sync_cache(struct scsi_cmd *cmd);
void scsi_sync_run(struct scsi_cmd *cmd);

/* media.c */
#define SCSI_MAX_COMPARE_BLOCKS DISK_MAX_COMPARE_BLOCKS
/* WRITE SAME, and the unit of what FORMAT UNIT and SANITIZE write. */
#define SCSI_MAX_SAME_BYTES  (UINT32_C(32) << 20)
#define SCSI_MAX_UNMAP_DESCS 64
enum scsi_next scsi_verify(struct scsi_cmd *cmd);
void scsi_verify_run(struct scsi_cmd *cmd);
enum scsi_next scsi_write_verify(struct scsi_cmd *cmd);
void scsi_write_verify_run(struct scsi_cmd *cmd);
enum scsi_next scsi_compare_write(struct scsi_cmd *cmd);
void scsi_compare_write_run(struct scsi_cmd *cmd);
enum scsi_next scsi_write_same(struct scsi_cmd *cmd);
void scsi_write_same_run(struct scsi_cmd *cmd);
enum scsi_next scsi_unmap(struct scsi_cmd *cmd);
void scsi_unmap_run(struct scsi_cmd *cmd);
enum scsi_next scsi_prefetch(struct scsi_cmd *cmd);

/*
 * @nr repetitions of a block as an iovec array and the data it points to, in
 * one piece of memory; NULL: none.  @block is NULL for zeros.
 */
struct repeated {
	size_t cnt;
	struct iovec iov[];
};
struct repeated *scsi_repeat(const uint8_t *block, uint32_t block_bytes,
			     uint32_t nr);

/* zones.c */
enum scsi_next scsi_report_zones(struct scsi_cmd *cmd);
bool scsi_zones_in_sanitize(const uint8_t *cdb);
enum scsi_next scsi_zone_out(struct scsi_cmd *cmd);
void scsi_zone_out_run(struct scsi_cmd *cmd);

#endif
