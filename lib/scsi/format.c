// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * FORMAT UNIT and SANITIZE (SBC-4 5.4, 5.30; ZBC-2 for the zones): a job that
 * goes over the disk zone by zone, beside the command if that has IMMED.  So is
 * EXIT FAILURE MODE, which goes over those that have a write pointer.
 *
 * Zones that cannot be written (READ ONLY, OFFLINE) are left as they are.  The
 * capacity stays, so that there is nothing of an initialisation pattern but
 * zeros to ask for in FORMAT UNIT.  OVERWRITE COUNT passes leave what the last
 * one writes, and only that one is made: in files there is no layer below.
 */
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "disk/activity.h"
#include "scsi/internal.h"

#define IMMED 0x80 /* byte 1 of SANITIZE */
#define ZNR   0x40
#define AUSE  0x20

/* The daemon can do nothing else meanwhile, and to overwrite a disk takes
 * hours; formatting one does not. */
void scsi_job_give_up(struct scsi_unit *u)
{
	struct scsi_job *j = &u->job;

	pthread_mutex_lock(&j->lock);
	if (j->kind == JOB_SANITIZE)
		j->give_up = true;
	pthread_mutex_unlock(&j->lock);
}

void scsi_job_free(struct scsi_unit *u)
{
	struct scsi_job *j = &u->job;

	pthread_mutex_lock(&j->lock);
	while (j->kind != JOB_NONE)
		pthread_cond_wait(&j->over, &j->lock);
	pthread_mutex_unlock(&j->lock);
	pthread_cond_destroy(&j->over);
	pthread_mutex_destroy(&j->lock);
}

void scsi_job_drop(struct scsi_unit *u)
{
	struct scsi_job *j = &u->job;

	free(j->pattern);
	j->pattern = NULL;
	pthread_mutex_lock(&j->lock);
	j->kind = JOB_NONE;
	pthread_mutex_unlock(&j->lock);
}

void scsi_job_power_on(struct scsi_unit *u)
{
	u->job.give_up = true;
}

static void set_io(struct scsi_unit *u, enum disk_op op, uint64_t nr)
{
	struct scsi_job *j = &u->job;

	memset(&j->chain.io, 0, sizeof(j->chain.io));
	j->chain.io.op = op;
	j->chain.io.lba = j->lba;
	j->chain.io.nr_blocks = (uint32_t)nr;
	j->chain.io.goes_on = true;
	if (j->pattern && op != DISK_UNMAP) {
		j->chain.io.iov = j->pattern->iov;
		j->chain.io.iov_cnt = j->pattern->cnt;
	}
}

/* What FINISH ZONE with ALL set to one would change. */
static bool is_to_finish(const struct zone_info *z)
{
	return !zone_traits[z->type].only_reset &&
	       (z->cond == ZC_IMP_OPEN || z->cond == ZC_EXP_OPEN ||
		z->cond == ZC_CLOSED);
}

/* With ZNR a zone is overwritten when it is FULL, so that what FINISH has added
 * is as well. */
static uint64_t wp_zone_io(struct scsi_unit *u, const struct zone_info *z,
			   uint64_t left)
{
	bool finish = u->job.no_reset && is_to_finish(z);

	set_io(u, u->job.no_reset && !finish ? DISK_REFILL : DISK_ZONE, left);
	u->job.chain.io.zone_op = finish ? ZO_FINISH : ZO_RESET;
	/* What else cannot be synced is not what it is about. */
	u->job.chain.io.fua = u->job.exits;
	return finish ? 0 : left;
}

/* Sets the I/O for the rest of a zone or a part of it; returns its blocks, or
 * 0: the zone comes again. */
static uint64_t zone_io(struct scsi_unit *u, const struct zone_info *z)
{
	uint64_t left = z->start_lba + z->blocks - u->job.lba;
	uint64_t max = SCSI_MAX_SAME_BYTES / u->block_bytes;

	if (zone_traits[z->type].has_wp)
		return wp_zone_io(u, z, left);
	if (u->job.pattern)
		left = min_u64(left, max);
	set_io(u, u->job.pattern ? DISK_WRITE : DISK_UNMAP, left);
	return left;
}

/* EXIT FAILURE MODE resets write pointers, and with ZNR not even those. */
static bool leave_alone(const struct scsi_job *j, const struct zone_info *z)
{
	if (j->exits && (j->no_reset || !zone_traits[z->type].has_wp))
		return true;
	return zone_traits[z->type].span == ZS_NOTHING ||
	       z->cond == ZC_READ_ONLY || z->cond == ZC_OFFLINE ||
	       z->cond == ZC_INACTIVE;
}

/* The next zone or a part of it; false: that was all. */
static bool next_zone(struct scsi_unit *u)
{
	struct scsi_job *j = &u->job;
	struct zone_info z;

	j->lba += j->step;
	disk_note_job(u->disk, j->kind == JOB_FORMAT ? "format" : "sanitize",
		      j->lba);
	for (; j->lba < u->capacity_blocks; j->lba = z.start_lba + z.blocks) {
		disk_zone_at(u->disk, j->lba, &z);
		if (leave_alone(j, &z))
			continue;
		j->step = zone_io(u, &z);
		return true;
	}
	return false;
}

/*
 * Realms become active as the disk was made.  Their zones are EMPTY, unless
 * none is to be reset; one that is READ ONLY or OFFLINE keeps its realm as it
 * is.  False: there is nothing to do.
 */
static bool restore_realms(struct scsi_unit *u)
{
	struct scsi_job *j = &u->job;

	if (!u->realms || j->no_reset || j->exits)
		return false;
	j->activation = (struct zone_activation){
		.all = true,
		.restores = true,
		.other = disk_meta(u->disk)->realms.active,
	};
	set_io(u, DISK_ACTIVATE, 0);
	j->chain.io.activation = &j->activation;
	return true;
}

/* A FORMAT UNIT whose command is over before it is leaves a mark, too. */
static uint64_t job_mark(struct scsi_unit *u)
{
	uint64_t ause = u->sanitize_ause ? SAVED_AUSE : 0;
	struct scsi_job *j = &u->job;

	if (j->kind == JOB_SANITIZE)
		return SAVED_FAILED | ause;
	return j->immed ? SAVED_FORMAT : disk_saved(u->disk) & SAVED_FORMAT;
}

/* False: it is set. */
static bool set_mark(struct scsi_unit *u, uint64_t mark)
{
	bool format = u->job.kind == JOB_FORMAT;

	if (format && (disk_saved(u->disk) & SAVED_FORMAT) == mark)
		return false;
	set_io(u, DISK_SAVE, 0);
	u->job.chain.io.lba = mark;
	u->job.chain.io.save_mask = format ? SAVED_FORMAT : SAVED_SANITIZE;
	return true;
}

/* With IMMED the command is over when the job cannot be forgotten any more. */
static void end_immed(struct scsi_job *j)
{
	struct scsi_cmd *cmd = j->waiter;

	if (!cmd || !j->immed)
		return;
	j->waiter = NULL;
	scsi_finish(cmd);
}

/* The next I/O; false: all is done, or failed. */
static bool next_io(struct scsi_chain *chain)
{
	struct scsi_unit *u = chain->unit;
	struct scsi_job *j = &u->job;

	if (chain->io.status != DISK_OK)
		j->failed = true;
	/* First there must be a mark; in the end everything is durable. */
	if (j->give_up && j->what != STEP_MARK && j->what != STEP_END)
		j->failed = true;
	if (j->failed)
		return false;
	switch (j->what) {
	case STEP_MARK:
		j->what = STEP_ZONES;
		if (set_mark(u, job_mark(u)))
			return true;
		/* fall through */
	case STEP_ZONES:
		end_immed(j);
		if (next_zone(u))
			return true;
		if (j->exits) {
			j->what = STEP_END;
			return set_mark(u, 0);
		}
		j->what = STEP_REALMS;
		if (restore_realms(u))
			return true;
		/* fall through */
	case STEP_REALMS:
		set_io(u, DISK_SYNC, 0);
		j->chain.io.lba = 0;
		j->what = STEP_UNMARK;
		return true;
	case STEP_UNMARK:
		j->what = STEP_END;
		return set_mark(u, 0);
	case STEP_END:
		break;
	}
	return false;
}

/* The unit may be gone as soon as the lock is left. */
static void over(struct scsi_chain *chain)
{
	struct scsi_unit *u = chain->unit;
	struct scsi_job *j = &u->job;
	struct scsi_cmd *cmd = j->waiter;
	bool failed = j->failed, format = j->kind == JOB_FORMAT;

	free(j->pattern);
	j->pattern = NULL;
	u->sanitize_failed = !format && failed;
	u->format_failed = format && failed && !cmd;
	if (cmd && failed)
		scsi_fail(cmd, format ? FORMAT_COMMAND_FAILED
				      : SANITIZE_COMMAND_FAILED);
	disk_note_job(u->disk, NULL, 0);
	pthread_mutex_lock(&j->lock);
	j->kind = JOB_NONE;
	pthread_cond_broadcast(&j->over);
	pthread_mutex_unlock(&j->lock);
	if (cmd)
		scsi_finish(cmd);
}

void scsi_job_init(struct scsi_unit *u)
{
	pthread_mutex_init(&u->job.lock, NULL);
	pthread_cond_init(&u->job.over, NULL);
	u->job.chain.unit = u;
	u->job.chain.next = next_io;
	u->job.chain.over = over;
	u->sanitize_failed = disk_saved(u->disk) & SAVED_FAILED;
	u->sanitize_ause = disk_saved(u->disk) & SAVED_AUSE;
	u->format_failed = disk_saved(u->disk) & SAVED_FORMAT;
}

struct job_args {
	bool no_reset, immed, ause, exits;
	struct repeated *pattern;
};

/* Claims the unit for a job; false: another command was faster. */
static bool claim(struct scsi_cmd *cmd, enum scsi_job_kind kind,
		  const struct job_args *args)
{
	struct scsi_job *j = &cmd->unit->job;
	bool ok;

	pthread_mutex_lock(&j->lock);
	ok = j->kind == JOB_NONE;
	if (ok) {
		cmd->unit->stopped = false;
		j->lba = j->step = 0;
		j->failed = false;
		j->give_up = false;
		j->what = STEP_MARK;
		j->no_reset = args->no_reset;
		j->ause = args->ause;
		j->exits = args->exits;
		j->pattern = args->pattern;
		j->waiter = cmd;
		j->immed = args->immed;
		j->kind = kind;
	}
	pthread_mutex_unlock(&j->lock);
	if (!ok)
		free(args->pattern);
	return ok;
}

static enum scsi_next start(struct scsi_cmd *cmd, enum scsi_job_kind kind,
			    const struct job_args *args)
{
	return claim(cmd, kind, args) ? SCSI_RUN : scsi_fail_job(cmd);
}

void scsi_job_run(struct scsi_cmd *cmd)
{
	struct scsi_unit *u = cmd->unit;

	if (u->job.kind == JOB_SANITIZE)
		u->sanitize_ause = u->job.ause;
	u->job.chain.io.status = DISK_OK;
	scsi_chain_run(&u->job.chain);
}

/*
 * FORMAT UNIT.  No defect list, no protection information, no pattern.
 */

#define FMTDATA	 0x10
#define LONGLIST 0x20
#define FMT_FOV	 0x80
#define FMT_IMM	 0x02

static enum scsi_next format_list(struct scsi_cmd *cmd, bool *immed)
{
	struct iov_cur cur = iov_start(cmd->iov, cmd->iov_cnt);
	size_t len = cmd->cdb[1] & LONGLIST ? 8 : 4;
	unsigned list_len = (unsigned)len / 2; /* DEFECT LIST LENGTH */
	uint8_t h[8] = { 0 };

	if (cmd->buf_bytes < len)
		return scsi_fail(cmd, PARAMETER_LIST_LENGTH_ERROR);
	iov_get(&cur, h, len);
	if (h[0])
		return scsi_bad_param(cmd, 0, NO_BIT);
	/* IP; DPRY, DCRT and STPF with FOV say what holds anyhow. */
	if (h[1] & 0x0d)
		return scsi_bad_param(cmd, 1, top_bit(h[1] & 0x0d));
	if (!(h[1] & FMT_FOV) && h[1] & 0x70)
		return scsi_bad_param(cmd, 1, top_bit(h[1] & 0x70));
	for (unsigned i = 2; i < len; i++)
		if (h[i])
			return scsi_bad_param(cmd, i < list_len ? i : list_len,
					      NO_BIT);
	*immed = h[1] & FMT_IMM;
	return SCSI_RUN;
}

enum scsi_next scsi_format(struct scsi_cmd *cmd)
{
	bool immed = false;

	if (!scsi_writable(cmd))
		return SCSI_DONE;
	if (cmd->cdb[1] & FMTDATA && format_list(cmd, &immed) == SCSI_DONE)
		return SCSI_DONE;
	return start(cmd, JOB_FORMAT, &(struct job_args){ .immed = immed });
}

/*
 * SANITIZE.
 */

/* The failure of one without AUSE: then the only way out is another one. */
static bool is_restricted(const struct scsi_unit *u)
{
	return u->sanitize_failed && !u->sanitize_ause;
}

static bool can_sanitize(struct scsi_cmd *cmd)
{
	if (!scsi_writable(cmd))
		return false;
	if (!(cmd->cdb[1] & AUSE) || !is_restricted(cmd->unit))
		return true;
	scsi_bad_cdb(cmd, 1, 5);
	return false;
}

static enum scsi_next sanitize(struct scsi_cmd *cmd, struct repeated *pattern)
{
	return start(cmd, JOB_SANITIZE,
		     &(struct job_args){ .no_reset = cmd->cdb[1] & ZNR,
					 .immed = cmd->cdb[1] & IMMED,
					 .ause = cmd->cdb[1] & AUSE,
					 .pattern = pattern });
}

enum scsi_next scsi_sanitize_erase(struct scsi_cmd *cmd)
{
	if (!can_sanitize(cmd))
		return SCSI_DONE;
	if (be16_get(cmd->cdb + 7))
		return scsi_bad_cdb(cmd, 7, NO_BIT);
	return sanitize(cmd, NULL);
}

/* What the last pass writes: with INVERT the first one begins so that it is the
 * pattern, too. */
static void last_pass(uint8_t *block, uint32_t len, uint32_t pattern_len)
{
	for (uint32_t i = pattern_len; i < len; i++)
		block[i] = block[i - pattern_len];
}

enum scsi_next scsi_sanitize_overwrite(struct scsi_cmd *cmd)
{
	struct iov_cur cur = iov_start(cmd->iov, cmd->iov_cnt);
	uint32_t block_bytes = cmd->unit->block_bytes;
	uint32_t len = be16_get(cmd->cdb + 7), pattern_len;
	uint8_t head[4], block[4096];
	struct repeated *pattern;

	if (!can_sanitize(cmd))
		return SCSI_DONE;
	if (len < 5 || len > 4 + block_bytes || len > cmd->buf_bytes)
		return scsi_bad_cdb(cmd, 7, NO_BIT);
	iov_get(&cur, head, sizeof(head));
	pattern_len = be16_get(head + 2);
	if (head[0] & 0x60) /* TEST: vendor specific */
		return scsi_bad_param(cmd, 0, top_bit(head[0] & 0x60));
	if (!(head[0] & 0x1f)) /* OVERWRITE COUNT */
		return scsi_bad_param(cmd, 0, 4);
	if (!pattern_len || pattern_len != len - 4)
		return scsi_bad_param(cmd, 2, NO_BIT);
	iov_get(&cur, block, pattern_len);
	last_pass(block, block_bytes, pattern_len);
	pattern = scsi_repeat(block, block_bytes,
			      SCSI_MAX_SAME_BYTES / block_bytes);
	if (!pattern)
		return scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
	return sanitize(cmd, pattern);
}

/* What has not failed needs no exit.  One that fails leaves all as it was: what
 * is not sanitized must not be readable. */
enum scsi_next scsi_sanitize_exit(struct scsi_cmd *cmd)
{
	struct scsi_unit *u = cmd->unit;

	if (!scsi_writable(cmd))
		return SCSI_DONE;
	if (be16_get(cmd->cdb + 7))
		return scsi_bad_cdb(cmd, 7, NO_BIT);
	if (is_restricted(u))
		return scsi_bad_cdb(cmd, 1, 4);
	if (!u->sanitize_failed)
		return scsi_good(cmd);
	return start(cmd, JOB_SANITIZE,
		     &(struct job_args){ .no_reset = cmd->cdb[1] & ZNR,
					 .immed = cmd->cdb[1] & IMMED,
					 .ause = true,
					 .exits = true });
}
