// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* INQUIRY: standard data (SPC-5 6.7) and vital product data pages. */
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

/* Qualifier 000b and host-managed zoned block device, or direct access block
 * device: a host-aware disk is one, and more in the VPD pages; a disk with
 * realms is one in its first domain. */
static uint8_t peripheral(const struct scsi_unit *unit)
{
	return disk_meta(unit->disk)->device_type;
}

/* Version descriptors, "no version claimed" (SPC-5 table "Version descriptor
 * values"). */
static const uint16_t versions[] = {
	0x00a0, /* SAM-5 */
	0x05c0, /* SPC-5 */
	0x0600, /* SBC-4 */
	0x0660, /* ZBC-2 */
};

static enum scsi_next standard_data(struct scsi_cmd *cmd, uint32_t alloc)
{
	const struct scsi_unit *unit = cmd->unit;
	uint8_t data[96] = { 0 };

	data[0] = peripheral(unit);
	data[2] = 0x07; /* SPC-5 */
	data[3] = 0x02; /* RESPONSE DATA FORMAT; NORMACA, HISUP 0 */
	data[4] = sizeof(data) - 5;
	data[7] = 0x02; /* CMDQUE */
	memcpy(data + 8, unit->vendor, 8);
	memcpy(data + 16, unit->product, 16);
	memcpy(data + 32, unit->revision, 4);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(versions); i++)
		be16_put(data + 58 + 2 * i, versions[i]);
	return data_in_all(cmd, alloc, data, sizeof(data));
}

/*
 * Vital product data pages.  Each function writes what follows the page's
 * header and returns its length.
 */

#define VPD_BODY_MAX 128

static size_t supported_pages(struct scsi_cmd *cmd, uint8_t *body);

static size_t unit_serial_number(struct scsi_cmd *cmd, uint8_t *body)
{
	memcpy(body, disk_meta(cmd->unit->disk)->serial, DISK_SERIAL_LEN);
	return DISK_SERIAL_LEN;
}

/*
 * T10 vendor ID based: vendor, product and serial number, as SPC-5 7.7.6.4
 * recommends.
 */
static size_t t10_designator(const struct scsi_unit *unit, uint8_t *d)
{
	size_t len = 8 + 16 + DISK_SERIAL_LEN;

	d[0] = 0x02; /* ASCII */
	d[1] = 0x01; /* of the logical unit, T10 vendor ID */
	d[2] = 0;
	d[3] = (uint8_t)len;
	memcpy(d + 4, unit->vendor, 8);
	memcpy(d + 12, unit->product, 16);
	memcpy(d + 28, disk_meta(unit->disk)->serial, DISK_SERIAL_LEN);
	return 4 + len;
}

static uint8_t hex_digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/*
 * NAA 6h (IEEE Registered Extended): the company ID 001405h, under which
 * Linux's target makes the names of all its disks, 36 bits of 0, which its own
 * names practically never have, and the serial number's 64 bits as the
 * extension.
 */
static size_t naa_designator(const struct scsi_unit *unit, uint8_t *d)
{
	const char *serial = disk_meta(unit->disk)->serial;

	memset(d, 0, 20);
	d[0] = 0x01; /* binary */
	d[1] = 0x03; /* of the logical unit, NAA */
	d[3] = 16;
	d[4] = 0x60;
	d[5] = 0x01;
	d[6] = 0x40;
	d[7] = 0x50;
	for (size_t i = 0; i < DISK_SERIAL_LEN; i++)
		d[12 + i / 2] =
			(uint8_t)(d[12 + i / 2] << 4 | hex_digit(serial[i]));
	return 20;
}

static size_t device_identification(struct scsi_cmd *cmd, uint8_t *body)
{
	size_t len = t10_designator(cmd->unit, body);

	return len + naa_designator(cmd->unit, body + len);
}

static size_t extended_inquiry(struct scsi_cmd *cmd, uint8_t *body)
{
	uint64_t minutes = div_up_u64(scsi_self_test_secs(cmd->unit), 60);

	memset(body, 0, 60);
	/* SIMPSUP alone: the transport does not say which commands are ordered
	 * or head of queue, so they could not be treated so. */
	body[1] = 0x01;
	body[2] = 0x01; /* V_SUP: a volatile cache */
	/* EXTENDED SELF-TEST COMPLETION MINUTES */
	be16_put(body + 6, (uint16_t)min_u64(minutes, UINT16_MAX));
	return 60;
}

/*
 * No OPTIMAL TRANSFER LENGTH: longer is better up to the maximum, and hosts
 * take a value for a stripe's size, to which they align file systems.
 */
static size_t block_limits(struct scsi_cmd *cmd, uint8_t *body)
{
	const struct scsi_unit *unit = cmd->unit;

	memset(body, 0, 60);
	body[0] = 0x01; /* WSNZ */
	body[1] = SCSI_MAX_COMPARE_BLOCKS;
	be16_put(body + 2, (uint16_t)min_u64(unit->phys_blocks, UINT16_MAX));
	be32_put(body + 4, unit->max_xfer_blocks);
	if (unit->thin) {
		be32_put(body + 16, UINT32_MAX); /* no limit of blocks */
		be32_put(body + 20, SCSI_MAX_UNMAP_DESCS);
		be32_put(body + 24,
			 unit->phys_blocks); /* optimal granularity */
	}
	be64_put(body + 32, SCSI_MAX_SAME_BYTES / unit->block_bytes);
	return 60;
}

/*
 * Fully provisioned: all zeros (SBC-4 4.7.2), which tells those who ask that
 * there is nothing to manage.  Thin: UNMAP and both forms of WRITE SAME
 * deallocate, and what is deallocated reads as zeros (LBPRZ 001b).
 */
static size_t logical_block_provisioning(struct scsi_cmd *cmd, uint8_t *body)
{
	memset(body, 0, 4);
	if (!cmd->unit->thin)
		return 4;
	body[1] = 0x80 | 0x40 | 0x20 | 1 << 2; /* LBPU, LBPWS, LBPWS10, LBPRZ */
	body[2] = 0x02;			       /* thin provisioned */
	return 4;
}

/*
 * A rotation rate: shingled disks have one, and hosts choose their scheduling
 * by it.  Whoever wants to test against a zoned disk wants it treated as such.
 * ZONED is 00b, as for every disk of device type 14h (SBC-4), or host-aware.
 */
static size_t block_characteristics(struct scsi_cmd *cmd, uint8_t *body)
{
	memset(body, 0, 60);
	be16_put(body, 7200);
	/* 3.5 inch; WABEREQ 01b: after SANITIZE BLOCK ERASE nothing has to be
	 * written before it is read */
	body[3] = 0x40 | 0x02;
	/* FUAB: SYNCHRONIZE CACHE and FUA go to the medium; VBULS: VERIFY
	 * compares what is not mapped as zeros */
	body[4] = 0x02 | 0x01;
	if (disk_meta(cmd->unit->disk)->host_aware)
		body[4] |= 0x1 << 4; /* ZONED */
	return 60;
}

static bool last_zone_is_smaller(const struct zone_geo *geo)
{
	return geo->capacity_blocks % geo->zone_blocks;
}

/* ZONED BLOCK DEVICE EXTENSION */
static uint8_t zoned_extension(const struct scsi_unit *unit)
{
	if (unit->realms)
		return 0x2; /* zone domains and realms */
	return disk_meta(unit->disk)->host_aware ? 0x1 : 0;
}

/* ZONE ALIGNMENT METHOD: constant starts with gaps, constant lengths, or not
 * reported. */
static void put_alignment(const struct zone_geo *geo, uint8_t *body)
{
	if (geo->zone_cap_blocks < geo->zone_blocks) {
		body[19] = 0x8;
		be64_put(body + 20, geo->zone_blocks);
	} else if (!last_zone_is_smaller(geo)) {
		body[19] = 0x1;
	}
}

/*
 * A number of open zones is the most that sequential write required ones can
 * have, but what is optimal for sequential write preferred ones.  Of the latter
 * any number may be written in any order without being slower.
 */
static size_t zoned_characteristics(struct scsi_cmd *cmd, uint8_t *body)
{
	const struct zone_geo *geo = disk_geo(cmd->unit->disk);
	uint32_t open = geo->max_open ? geo->max_open : UINT32_MAX;

	memset(body, 0, 60);
	body[0] = (uint8_t)(zoned_extension(cmd->unit) << 4);
	if (cmd->unit->realms)
		body[0] |= 0x02; /* AAORB: whole realms are activated */
	if (disk_urswrz(cmd->unit->disk))
		body[0] |= 0x01;
	memset(body + 4, 0xff, 12);
	if (zone_geo_has(geo, ZT_SEQ_PREFERRED))
		be32_put(body + 4, open);
	if (zone_geo_has(geo, ZT_SEQ_REQUIRED))
		be32_put(body + 12, open);
	put_alignment(geo, body);
	return 60;
}

static const struct vpd_page {
	uint8_t code;
	size_t (*build)(struct scsi_cmd *cmd, uint8_t *body);
} vpd_pages[] = {
	{ 0x00, supported_pages },
	{ 0x80, unit_serial_number },
	{ 0x83, device_identification },
	{ 0x86, extended_inquiry },
	{ 0xb0, block_limits },
	{ 0xb1, block_characteristics },
	{ 0xb2, logical_block_provisioning },
	{ 0xb6, zoned_characteristics },
};

static size_t supported_pages(struct scsi_cmd *cmd, uint8_t *body)
{
	(void)cmd;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(vpd_pages); i++)
		body[i] = vpd_pages[i].code;
	return ZL_ARRAY_SIZE(vpd_pages);
}

static enum scsi_next vpd_data(struct scsi_cmd *cmd,
			       const struct vpd_page *page, uint32_t alloc)
{
	uint8_t data[4 + VPD_BODY_MAX] = { peripheral(cmd->unit), page->code };
	size_t len = page->build(cmd, data + 4);

	be16_put(data + 2, (uint16_t)len);
	return data_in_all(cmd, alloc, data, 4 + len);
}

enum scsi_next scsi_inquiry(struct scsi_cmd *cmd)
{
	bool evpd = cmd->cdb[1] & 0x01;
	uint8_t code = cmd->cdb[2];
	uint16_t alloc = be16_get(cmd->cdb + 3);

	if (!evpd)
		return code ? scsi_bad_cdb(cmd, 2, NO_BIT)
			    : standard_data(cmd, alloc);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(vpd_pages); i++)
		if (vpd_pages[i].code == code)
			return vpd_data(cmd, &vpd_pages[i], alloc);
	return scsi_bad_cdb(cmd, 2, NO_BIT);
}
