// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Loopback targets (drivers/target/loopback/tcm_loop.c): a target is a SCSI
 * host of this machine, its LUNs are disks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lio/internal.h"

/* Registered names below the company ID 001405h, as targetcli makes them, but
 * from the serial number: the same disk has the same. */
static int make_names(const struct lio_backstore *bs, struct lio_export *ex,
		      char *nexus, size_t size)
{
	int ret = lio_print(ex->wwn, sizeof(ex->wwn), "naa.5001405%.9s",
			    bs->unit_serial);

	strcpy(ex->fabric, "loopback");
	strcpy(ex->tpg, "tpgt_1");
	ex->lun = 0;
	return ret ? ret
		   : lio_print(nexus, size, "naa.5001405%.9s",
			       strlen(bs->unit_serial) >= 16
				       ? bs->unit_serial + 7
				       : "000000001");
}

static int make_target(const struct lio *lio, const struct lio_export *ex,
		       const char *nexus)
{
	char path[PATH_MAX];
	int ret = lio_need_target(lio, ex, path);

	if (ret)
		return ret;
	lio_tpg_path(lio, ex, path);
	ret = lio_need_dir(lio, path);
	/* One that is there already may have it. */
	if (!ret) {
		ret = lio_set(lio, path, "nexus", "%s", nexus);
		if (ret == -EEXIST)
			ret = 0;
	}
	return ret;
}

int lio_loopback_make(const struct lio *lio, const struct lio_backstore *bs,
		      struct lio_export *ex, struct zl_err *err)
{
	char nexus[64];
	int ret = make_names(bs, ex, nexus, sizeof(nexus));
	/* Those of somebody else in a target that has our name. */
	bool shared = !ret && lio_count_luns(lio, ex);

	if (!ret)
		ret = make_target(lio, ex, nexus);
	if (!ret)
		ret = lio_lun_make(lio, ex, bs);
	if (!ret)
		return 0;
	if (ret != -EEXIST && !shared)
		lio_target_undo(lio, ex);
	return zl_fail(err, -ret,
		       "the loopback target %s of %s cannot be made: %s",
		       ex->wwn, bs->name, strerror(-ret));
}

int lio_loopback_again(const struct lio *lio, const struct lio_backstore *bs,
		       const struct lio_export *ex, struct zl_err *err)
{
	struct lio_export own;
	char nexus[64];
	int ret = make_names(bs, &own, nexus, sizeof(nexus));

	if (!ret)
		ret = make_target(lio, ex, nexus);
	if (!ret)
		ret = lio_lun_make(lio, ex, bs);
	if (!ret)
		return 0;
	return zl_fail(err, -ret,
		       "the LUN %u of the loopback target %s cannot be made "
		       "again: %s",
		       ex->lun, ex->wwn, strerror(-ret));
}

struct finding {
	char *device;
	int ret;
};

static bool take_device(void *user, const char *path)
{
	struct finding *f = user;

	f->ret = lio_print(f->device, LIO_DEVICE_MAX, "%s", lio_last(path));
	return false;
}

int lio_export_device(const struct lio *lio, const struct lio_export *ex,
		      char device[LIO_DEVICE_MAX])
{
	struct finding f = { .device = device, .ret = -ENODEV };
	char path[PATH_MAX], address[64], file[PATH_MAX];

	if (strcmp(ex->fabric, "loopback"))
		return -ENODEV;
	/* HOST:CHANNEL:TARGET */
	lio_tpg_path(lio, ex, path);
	if (lio_print(file, sizeof(file), "%s/address", path) ||
	    lio_read(file, address, sizeof(address)) || !*address)
		return -ENODEV;
	lio_each_path(lio, take_device, &f,
		      "/sys/bus/scsi/devices/%s:%u/block/*", address, ex->lun);
	return f.ret;
}
