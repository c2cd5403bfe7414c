// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The error counter log pages' numbers: what the disk counts anyhow, and of
 * that what was verified.
 */
#include "disk/activity.h"
#include "scsi/internal.h"

void scsi_count_verify(struct scsi_unit *u, const struct disk_io *io)
{
	if (io->status == DISK_OK)
		u->verified_bytes += (uint64_t)io->nr_blocks * u->block_bytes;
	else if (io->status == DISK_READ_ERROR)
		u->verify_errors++;
}

/* What is counted in two places is not counted at the same moment. */
static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void counts_since_open(struct scsi_unit *u, struct scsi_media_counts *c)
{
	struct disk_activity a;

	disk_get_activity(u->disk, &a);
	c->bytes[MEDIA_WRITE] = a.kind[DISK_KIND_WRITE].bytes;
	c->bytes[MEDIA_VERIFY] = u->verified_bytes;
	c->bytes[MEDIA_READ] =
		minus(a.kind[DISK_KIND_READ].bytes, c->bytes[MEDIA_VERIFY]);
	c->errors[MEDIA_WRITE] = a.failed[DISK_WRITE_ERROR - DISK_REFUSED];
	c->errors[MEDIA_VERIFY] = u->verify_errors;
	c->errors[MEDIA_READ] = minus(a.failed[DISK_READ_ERROR - DISK_REFUSED],
				      c->errors[MEDIA_VERIFY]);
}

void scsi_media_counts(struct scsi_unit *u, struct scsi_media_counts *c)
{
	counts_since_open(u, c);
	pthread_mutex_lock(&u->mode_lock);
	for (unsigned kind = 0; kind < MEDIA_NR; kind++) {
		c->bytes[kind] =
			minus(c->bytes[kind], u->counts_base.bytes[kind]);
		c->errors[kind] =
			minus(c->errors[kind], u->counts_base.errors[kind]);
	}
	pthread_mutex_unlock(&u->mode_lock);
}

void scsi_media_restart(struct scsi_unit *u, enum scsi_media_kind kind)
{
	struct scsi_media_counts now;

	counts_since_open(u, &now);
	pthread_mutex_lock(&u->mode_lock);
	u->counts_base.bytes[kind] = now.bytes[kind];
	u->counts_base.errors[kind] = now.errors[kind];
	pthread_mutex_unlock(&u->mode_lock);
}
