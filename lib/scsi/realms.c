// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * REPORT ZONE DOMAINS and REPORT REALMS (ZBC-2).
 *
 * Layouts are those that sg3_utils and Seagate's library agree on; what the
 * sources leave open is decided in docs/realms.md.
 */
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

#define HEADER_LEN	64
#define DOMAIN_DESC_LEN 96

/* The LBA of both commands, and their options, of which 00h to 03h are known.
 * False: the command has been ended. */
static bool report_ok(struct scsi_cmd *cmd)
{
	cmd->lba = be64_get(cmd->cdb + 2);
	if (cmd->lba >= cmd->unit->capacity_blocks) {
		scsi_fail_range(cmd, cmd->lba);
		return false;
	}
	if ((cmd->cdb[14] & 0x3f) <= 0x03)
		return true;
	scsi_bad_cdb(cmd, 14, 5);
	return false;
}

/*
 * REPORT ZONE DOMAINS.
 */

enum {
	DOMAINS_ALL_ACTIVE = 0x01,
	DOMAINS_SOME_ACTIVE = 0x02,
	DOMAINS_NONE_ACTIVE = 0x03,
};

static bool domain_matches(uint8_t option, const struct zone_domain_info *d)
{
	switch (option) {
	case DOMAINS_ALL_ACTIVE:
		return d->active_zones == d->zones;
	case DOMAINS_SOME_ACTIVE:
		return d->active_zones;
	case DOMAINS_NONE_ACTIVE:
		return !d->active_zones;
	default:
		return true;
	}
}

static void build_domain(uint8_t *desc, unsigned id,
			 const struct zone_domain_info *d)
{
	memset(desc, 0, DOMAIN_DESC_LEN);
	desc[0] = (uint8_t)id;
	be64_put(desc + 16, d->zones);
	be64_put(desc + 24, d->start_lba);
	be64_put(desc + 32, d->end_lba);
	desc[40] = (uint8_t)d->type;
	desc[42] = 0x02; /* VZDZT: its zones are of that type; no SRB */
}

/* Those that end at the locator or behind it. */
enum scsi_next scsi_report_domains(struct scsi_cmd *cmd)
{
	uint8_t data[HEADER_LEN + ZONE_MAX_DOMAINS * DOMAIN_DESC_LEN] = { 0 };
	unsigned domains = disk_geo(cmd->unit->disk)->domains.nr, nr = 0;
	uint8_t option = cmd->cdb[14] & 0x3f;
	struct zone_domain_info d;
	uint32_t len;

	if (!report_ok(cmd))
		return SCSI_DONE;
	for (unsigned i = 0; i < domains; i++) {
		disk_domain(cmd->unit->disk, i, &d);
		if (d.end_lba >= cmd->lba && domain_matches(option, &d))
			build_domain(data + HEADER_LEN + nr++ * DOMAIN_DESC_LEN,
				     i, &d);
	}
	len = nr * DOMAIN_DESC_LEN;
	be32_put(data, len);
	/* With the header: hosts take it off (docs/realms.md). */
	be32_put(data + 4, HEADER_LEN + len);
	data[8] = (uint8_t)domains;
	data[9] = (uint8_t)nr;
	data[10] = option;
	be64_put(data + 16, cmd->lba);
	return data_in_all(cmd, be32_get(cmd->cdb + 10), data,
			   HEADER_LEN + len);
}

/*
 * REPORT REALMS.
 */

struct realms_report {
	struct data_in in;
	const struct zone_domains *domains;
	uint8_t option;
	uint32_t nr;
	bool cut;	   /* a realm did not fit … */
	uint64_t next_lba; /* … the first of which begins there */
};

static uint32_t realm_desc_len(const struct zone_domains *domains)
{
	return 16 + 16 * domains->nr;
}

static bool realm_matches(const struct realms_report *r,
			  const struct zone_realm_info *realm)
{
	static const enum zone_type option_type[] = {
		[0x01] = ZT_SEQ_OR_BEFORE,
		[0x02] = ZT_SEQ_REQUIRED,
		[0x03] = ZT_SEQ_PREFERRED,
	};

	return !r->option ||
	       r->domains->d[realm->active].type == option_type[r->option];
}

/* RESTRICTIONS is 0: every realm that has zones in a domain can have them
 * activated, and all zones can be reset. */
static void put_realm(struct realms_report *r,
		      const struct zone_realm_info *realm)
{
	uint8_t desc[16 + 16 * ZONE_MAX_DOMAINS] = { 0 };

	be32_put(desc, realm->realm);
	desc[7] = realm->active;
	for (unsigned i = 0; i < r->domains->nr; i++) {
		be64_put(desc + 16 + 16 * i, realm->range[i].start_lba);
		be64_put(desc + 24 + 16 * i, realm->range[i].end_lba);
	}
	data_in_put(&r->in, desc, realm_desc_len(r->domains));
}

static uint64_t first_lba(const struct realms_report *r,
			  const struct zone_realm_info *realm)
{
	unsigned i = 0;

	while (i < r->domains->nr - 1 && !realm->range[i].end_lba)
		i++;
	return realm->range[i].start_lba;
}

static bool report_realm(void *user, const struct zone_realm_info *realm)
{
	struct realms_report *r = user;

	if (!realm_matches(r, realm))
		return true;
	if (r->in.room < realm_desc_len(r->domains) && !r->cut) {
		r->cut = true;
		r->next_lba = first_lba(r, realm);
	}
	if (r->in.room)
		put_realm(r, realm);
	r->nr++;
	return true;
}

/*
 * From the realm that has the locator on.  All that match count, also those
 * that the allocation length has no room for: hosts ask for the number first.
 */
enum scsi_next scsi_report_realms(struct scsi_cmd *cmd)
{
	static const uint8_t no_header[HEADER_LEN];
	struct disk *disk = cmd->unit->disk;
	struct realms_report r = { .domains = &disk_geo(disk)->domains,
				   .option = cmd->cdb[14] & 0x3f };
	uint8_t head[HEADER_LEN] = { 0 };
	struct iov_cur cur;

	if (!report_ok(cmd))
		return SCSI_DONE;
	data_in_start(&r.in, cmd, be32_get(cmd->cdb + 10));
	data_in_put(&r.in, no_header, sizeof(no_header));
	disk_each_realm(disk, disk_realm_at(disk, cmd->lba), report_realm, &r);

	be32_put(head, r.nr * realm_desc_len(r.domains));
	be32_put(head + 4, r.nr);
	be32_put(head + 8, realm_desc_len(r.domains));
	be64_put(head + 12, r.next_lba);
	cur = iov_start(cmd->iov, cmd->iov_cnt);
	iov_put(&cur, head, min_u64(sizeof(head), cmd->data_in_bytes));
	return data_in_end(&r.in);
}
