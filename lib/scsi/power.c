// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* TEST UNIT READY, REQUEST SENSE and START STOP UNIT. */
#include "scsi/internal.h"

/* Dispatch has answered for a unit that is stopped. */
enum scsi_next scsi_test_unit_ready(struct scsi_cmd *cmd)
{
	return scsi_good(cmd);
}

/*
 * Sense data as parameter data.  Every CHECK CONDITION carries its own, so that
 * only a unit attention condition and a deferred error, which end here, and the
 * unit's state are left to say; that it is not ready is said first (SPC-5
 * 6.39).
 */
enum scsi_next scsi_request_sense(struct scsi_cmd *cmd)
{
	bool descriptor = cmd->cdb[1] & 0x01; /* DESC */
	struct sense sense = { .code = NO_SENSE };
	uint8_t data[SCSI_SENSE_MAX];
	size_t len;

	if (cmd->unit->fenced)
		sense.code = TARGET_PORT_IN_UNAVAILABLE_STATE;
	else if (sense_of_job(cmd->unit, &sense))
		;
	else if (cmd->unit->stopped)
		sense.code = INITIALIZING_COMMAND_REQUIRED;
	else if (scsi_take_attention(cmd->unit))
		sense.code = POWER_ON_OCCURRED;
	else if (atomic_exchange(&cmd->unit->format_failed, false))
		sense = (struct sense){ .code = FORMAT_COMMAND_FAILED,
					.deferred = true };
	else if (cmd->unit->sanitize_failed)
		sense.code = SANITIZE_COMMAND_FAILED;
	else
		sense_of_self_test(cmd->unit, &sense);
	len = sense_build(&sense, descriptor, data);
	return data_in_all(cmd, cmd->cdb[4], data, len);
}

/*
 * The power conditions are active and stopped (POWER CONDITION is 0, START_
 * VALID).  IMMED is allowed to change nothing: a status that comes only when
 * all is done is never too early.  Zone conditions stay as they are.  A
 * self-test in the background ends (SPC-5, exception commands).
 */
enum scsi_next scsi_start_stop(struct scsi_cmd *cmd)
{
	bool no_flush = cmd->cdb[4] & 0x04;
	bool start = cmd->cdb[4] & 0x01;

	if (!start && !no_flush)
		return SCSI_RUN;
	scsi_self_test_end(cmd->unit, SELF_TEST_STOPPED);
	cmd->unit->stopped = !start;
	return scsi_good(cmd);
}

/* A job that has begun meanwhile goes on, and needs the unit. */
static bool stopped(struct scsi_cmd *cmd)
{
	struct scsi_unit *u = cmd->unit;
	bool job;

	pthread_mutex_lock(&u->job.lock);
	job = u->job.kind != JOB_NONE;
	if (!job)
		u->stopped = true;
	pthread_mutex_unlock(&u->job.lock);
	if (job)
		scsi_fail_job(cmd);
	return true;
}

/* A unit whose cache could not be written does not stop. */
void scsi_stop_run(struct scsi_cmd *cmd)
{
	scsi_self_test_end(cmd->unit, SELF_TEST_STOPPED);
	scsi_submit_sync(cmd, stopped);
}
