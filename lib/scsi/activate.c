// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * ZONE ACTIVATE and ZONE QUERY (ZBC-2), in CDBs of 16 and of 32 bytes.
 *
 * An unmet prerequisite is no error: the status is GOOD, nothing has changed,
 * and the data say what was unmet.
 */
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

#define HEADER_LEN 64
#define DESC_LEN   32

/* Byte 8 of the parameter data. */
#define NZ_VALID    0x80
#define ZIWUP_VALID 0x40
#define ACTIVATED   0x01

/* A command's memory: what it asks for, and room for what changes. */
struct activation {
	struct zone_activation a;
	uint32_t alloc_bytes;
	struct zone_activated list[];
};

/* Fields of a CDB, and where its other fields begin. */
struct fields {
	uint8_t other_at, count_at, alloc_at;
	bool all;
	uint32_t nr_zones, alloc_bytes;
};

static void decode_16(struct scsi_cmd *cmd, struct fields *f)
{
	const uint8_t *cdb = cmd->cdb;

	cmd->lba_at = 2;
	*f = (struct fields){
		.other_at = 14,
		.count_at = 10,
		.alloc_at = 12,
		.all = cdb[1] & 0x80,
		.nr_zones = be16_get(cdb + 10),
		.alloc_bytes = be16_get(cdb + 12),
	};
}

/* Without ZSRC the number of zones is that of the mode page. */
static void decode_32(struct scsi_cmd *cmd, struct fields *f)
{
	const uint8_t *cdb = cmd->cdb;
	struct disk_control control;

	cmd->lba_at = 12;
	*f = (struct fields){
		.other_at = 11,
		.count_at = 20,
		.alloc_at = 28,
		.all = cdb[10] & 0x80,
		.nr_zones = be32_get(cdb + 20),
		.alloc_bytes = be32_get(cdb + 28),
	};
	if (cdb[10] & 0x40)
		return;
	disk_get_control(cmd->unit->disk, &control, NULL, NULL);
	f->nr_zones = control.nr_zones;
}

/* As many descriptors as there is room for, the last perhaps cut off. */
static uint32_t list_room(const struct scsi_cmd *cmd, uint32_t alloc_bytes)
{
	uint64_t bytes = min_u64(alloc_bytes, cmd->buf_bytes);

	return bytes <= HEADER_LEN
		       ? 0
		       : (uint32_t)div_up_u64(bytes - HEADER_LEN, DESC_LEN);
}

static struct activation *new_activation(struct scsi_cmd *cmd,
					 const struct fields *f)
{
	uint32_t room = list_room(cmd, f->alloc_bytes);
	struct activation *act =
		malloc(sizeof(*act) + room * sizeof(act->list[0]));

	if (!act)
		return NULL;
	act->alloc_bytes = f->alloc_bytes;
	act->a = (struct zone_activation){
		.all = f->all,
		.zone_id = be64_get(cmd->cdb + cmd->lba_at),
		.nr_zones = f->nr_zones,
		.other = cmd->cdb[f->other_at],
		.list = act->list,
		.room = room,
	};
	cmd->mem = act;
	return act;
}

static enum scsi_next refuse(struct scsi_cmd *cmd, const struct fields *f,
			     enum zone_verdict verdict)
{
	switch (verdict) {
	case ZV_DOMAIN:
		return scsi_bad_cdb(cmd, f->other_at, NO_BIT);
	case ZV_ZONE_ID:
		return scsi_bad_cdb(cmd, cmd->lba_at, NO_BIT);
	case ZV_ZONE_COUNT:
		return scsi_bad_cdb(cmd, f->count_at, NO_BIT);
	default:
		return scsi_fail_range(cmd, be64_get(cmd->cdb + cmd->lba_at));
	}
}

/* Leaves the activation in cmd->mem, checked as it is now.  False: the command
 * has been ended. */
static bool take_cdb(struct scsi_cmd *cmd)
{
	enum zone_verdict verdict;
	struct activation *act;
	struct fields f;

	if (cmd->op->cdb_len == 32 && cmd->cdb[7] != 32 - 8) {
		scsi_bad_cdb(cmd, 7, NO_BIT);
		return false;
	}
	if (cmd->op->cdb_len == 32)
		decode_32(cmd, &f);
	else
		decode_16(cmd, &f);
	if (f.alloc_bytes < HEADER_LEN) {
		scsi_bad_cdb(cmd, f.alloc_at, NO_BIT);
		return false;
	}
	act = new_activation(cmd, &f);
	if (!act) {
		scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
		return false;
	}
	verdict = disk_query(cmd->unit->disk, &act->a);
	if (verdict)
		refuse(cmd, &f, verdict);
	return !verdict;
}

static void build_header(uint8_t *head, const struct activation *act,
			 bool activated)
{
	const struct zone_activation *a = &act->a;
	uint32_t nr = a->unmet ? 0 : a->nr_list;
	uint32_t room = (act->alloc_bytes - HEADER_LEN) / DESC_LEN;

	memset(head, 0, HEADER_LEN);
	be32_put(head, nr * DESC_LEN);
	be32_put(head + 4, (uint32_t)min_u64(nr, room) * DESC_LEN);
	if (activated)
		head[8] |= ACTIVATED;
	head[9] = a->unmet;
	head[10] = a->other;
	if (a->all) {
		head[11] = 0x01;
	} else {
		head[8] |= NZ_VALID;
		be32_put(head + 16, a->nr_zones);
	}
	if (a->unmet) {
		head[8] |= ZIWUP_VALID;
		be64_put(head + 24, a->unmet_lba);
	}
}

static void put_desc(struct data_in *in, const struct zone_activated *z)
{
	uint8_t desc[DESC_LEN] = { (uint8_t)z->type, (uint8_t)(z->cond << 4),
				   z->domain };

	be64_put(desc + 8, z->nr_zones);
	be64_put(desc + 16, z->zone_id);
	data_in_put(in, desc, sizeof(desc));
}

static void put_result(struct scsi_cmd *cmd, bool activated)
{
	const struct activation *act = cmd->mem;
	uint8_t head[HEADER_LEN];
	struct data_in in;

	build_header(head, act, activated);
	data_in_start(&in, cmd, act->alloc_bytes);
	data_in_put(&in, head, sizeof(head));
	for (uint32_t i = 0; !act->a.unmet && i < act->a.nr_list && in.room;
	     i++)
		put_desc(&in, &act->list[i]);
}

enum scsi_next scsi_zone_query(struct scsi_cmd *cmd)
{
	if (!take_cdb(cmd))
		return SCSI_DONE;
	put_result(cmd, false);
	return scsi_good(cmd);
}

/* It changes what the medium holds. */
enum scsi_next scsi_zone_activate(struct scsi_cmd *cmd)
{
	if (cmd->unit->swp)
		return scsi_fail(cmd, LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED);
	return take_cdb(cmd) ? SCSI_RUN : SCSI_DONE;
}

static bool activated(struct scsi_cmd *cmd)
{
	const struct activation *act = cmd->mem;

	put_result(cmd, !act->a.unmet);
	return true;
}

void scsi_zone_activate_run(struct scsi_cmd *cmd)
{
	struct activation *act = cmd->mem;

	cmd->io.op = DISK_ACTIVATE;
	cmd->io.activation = &act->a;
	scsi_submit(cmd, activated);
}
