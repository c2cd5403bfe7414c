// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Making a unit. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "scsi/internal.h"

/* ASCII, padded with spaces, no NUL (SPC-5 4.3.1). */
static void put_padded(char *to, size_t size, const char *s, size_t len)
{
	memset(to, ' ', size);
	memcpy(to, s, min_u64(len, size));
}

/* "1.2.3" becomes "1.2": the field has four characters. */
static size_t version_len(const char *version)
{
	const char *dot = strrchr(version, '.');

	return dot && strlen(version) > 4 ? (size_t)(dot - version)
					  : strlen(version);
}

static void set_names(struct scsi_unit *u, const struct scsi_unit_args *args)
{
	const char *vendor = args->vendor ? args->vendor : "ZLOOP";
	const char *product = args->product ? args->product : "zoned disk";

	put_padded(u->vendor, sizeof(u->vendor), vendor, strlen(vendor));
	put_padded(u->product, sizeof(u->product), product, strlen(product));
	if (args->revision)
		put_padded(u->revision, sizeof(u->revision), args->revision,
			   strlen(args->revision));
	else
		put_padded(u->revision, sizeof(u->revision), ZL_VERSION,
			   version_len(ZL_VERSION));
}

bool scsi_op_there(const struct scsi_unit *u, const struct scsi_op *op)
{
	return (u->thin || !(op->flags & OP_THIN)) &&
	       (u->realms || !(op->flags & OP_REALMS));
}

uint8_t scsi_op_usage(const struct scsi_unit *u, const struct scsi_op *op,
		      unsigned byte)
{
	uint8_t bits = op->usage[byte];

	return u->thin || byte != 1 ? bits : bits & (uint8_t)~op->thin;
}

static void index_rows(struct scsi_unit *u)
{
	assert(scsi_op_count < UINT8_MAX);
	for (unsigned i = scsi_op_count; i--;)
		if (scsi_op_there(u, &scsi_op_table[i]))
			u->first_row[scsi_op_table[i].usage[0]] =
				(uint8_t)(i + 1);
}

/*
 * The disk has lost its power for a moment: parameters that were not saved are
 * lost, FORMAT UNIT and SANITIZE have failed, it is started again, and
 * initiators are told.
 */
static void power_on(void *user)
{
	struct scsi_unit *u = user;

	scsi_mode_power_on(u);
	scsi_job_power_on(u);
	scsi_self_test_end(u, SELF_TEST_STOPPED);
	u->stopped = false;
	u->power_ons++;
	u->attention = true;
}

static void fenced(void *user)
{
	struct scsi_unit *u = user;

	u->fenced = true;
}

int scsi_unit_new(struct disk *disk, const struct scsi_unit_args *args,
		  struct scsi_unit **unit)
{
	static const struct scsi_unit_args no_args;
	const struct zone_geo *geo = disk_geo(disk);
	struct scsi_unit *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	if (!args)
		args = &no_args;
	u->disk = disk;
	u->capacity_blocks = geo->capacity_blocks;
	u->block_bytes = disk_meta(disk)->block_bytes;
	u->phys_blocks = geo->phys_blocks;
	u->thin = disk_is_thin(disk);
	u->write_through = disk_is_write_through(disk);
	u->realms = geo->domains.nr;
	u->max_xfer_blocks = args->max_xfer_blocks;
	set_names(u, args);
	index_rows(u);
	scsi_mode_init(u);
	scsi_job_init(u);
	scsi_self_test_init(u);
	u->attention = disk_lost_power(disk);
	disk_on_powerfail(disk, power_on, u);
	disk_on_fenced(disk, fenced, u);
	*unit = u;
	return 0;
}

void scsi_unit_hurry(struct scsi_unit *unit)
{
	disk_end_delays(unit->disk);
	scsi_job_give_up(unit);
	scsi_self_test_end(unit, SELF_TEST_STOPPED);
}

void scsi_unit_free(struct scsi_unit *unit)
{
	if (!unit)
		return;
	scsi_unit_hurry(unit);
	disk_on_powerfail(unit->disk, NULL, NULL);
	disk_on_fenced(unit->disk, NULL, NULL);
	scsi_self_test_free(unit);
	scsi_job_free(unit);
	pthread_mutex_destroy(&unit->mode_lock);
	free(unit);
}

const struct scsi_op *scsi_op_first(const struct scsi_unit *unit,
				    uint8_t opcode)
{
	unsigned row = unit->first_row[opcode];

	return row ? &scsi_op_table[row - 1] : NULL;
}

const struct scsi_op *scsi_op_find(const struct scsi_unit *unit, uint8_t opcode,
				   int sa, bool *opcode_known)
{
	const struct scsi_op *op = scsi_op_first(unit, opcode);
	const struct scsi_op *end = scsi_op_table + scsi_op_count;

	*opcode_known = op;
	for (; op && op < end && op->usage[0] == opcode; op++)
		if (scsi_op_there(unit, op) &&
		    (op->sa == NO_SA || op->sa == sa))
			return op;
	return NULL;
}
