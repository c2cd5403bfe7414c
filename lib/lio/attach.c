// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* From a directory's cfgstring to a disk of this machine, or nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lio/internal.h"

/* The kernel has said it before the daemon answered; it is only to be read. */
#define EVENT_WAIT_MS 5000

static int wait_for_event(struct lio_events *events,
			  const struct lio_backstore *bs, struct zl_err *err)
{
	struct lio_event event;
	int ret;

	do {
		ret = lio_events_next(events, EVENT_WAIT_MS, &event);
	} while (ret > 0 &&
		 (event.kind != LIO_ADDED || strcmp(event.hba, bs->hba) ||
		  strcmp(event.name, bs->name)));
	if (ret > 0)
		return 0;
	return zl_fail(err, ret ? -ret : ETIMEDOUT,
		       "the kernel has not said on netlink that %s was added%s"
		       "%s",
		       bs->name, ret ? ": " : "", ret ? strerror(-ret) : "");
}

int lio_attach_backstore(const struct lio *lio,
			 const struct lio_backstore_args *args,
			 struct lio_events *events, struct lio_backstore *bs,
			 struct zl_err *err)
{
	int ret = lio_backstore_make(lio, args, bs, err);

	if (ret)
		return ret;
	snprintf(bs->unit_serial, sizeof(bs->unit_serial), "%s",
		 args->unit_serial);
	if (events)
		ret = wait_for_event(events, bs, err);
	if (ret)
		lio_backstore_remove(lio, bs, NULL);
	return ret;
}

struct waiting {
	const struct lio *lio;
	const struct lio_export *ex;
	char *device;
	const char *missing; /* what there is not yet */
};

/* The number in a file of the disk's in sysfs; 0 if there is none. */
static uint64_t disk_number(const struct waiting *w, const char *name)
{
	char path[PATH_MAX], text[32];

	lio_path(w->lio, path, "/sys/block/%s/%s", w->device, name);
	lio_read(path, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

static bool lacks_zones(const struct waiting *w)
{
	char path[PATH_MAX], zoned[32];

	lio_path(w->lio, path, "/sys/block/%s/queue/zoned", w->device);
	lio_read(path, zoned, sizeof(zoned));
	return !strcmp(zoned, "host-managed") &&
	       !disk_number(w, "queue/nr_zones");
}

/* What whoever gets its name does next must work: new kernels make the node
 * some milliseconds before the device behind it. */
static bool disk_is_there(void *user)
{
	struct waiting *w = user;
	char path[PATH_MAX];

	w->missing = "made no disk";
	if (lio_export_device(w->lio, w->ex, w->device) ||
	    !disk_number(w, "size"))
		return false;
	w->missing = "looked at no zones of the disk";
	if (lacks_zones(w))
		return false;
	w->missing = "made no device that can be opened";
	lio_path(w->lio, path, "/dev/%s", w->device);
	return !lio_open_device(w->lio, path);
}

static int wait_for_disk(const struct lio *lio, const struct lio_export *ex,
			 char *device, struct zl_err *err)
{
	struct waiting w = { lio, ex, device, NULL };

	if (lio_until(disk_is_there, &w, lio->wait_ms)) {
		lio_settle(lio);
		return 0;
	}
	return zl_fail(err, ETIMEDOUT,
		       "the kernel has %s of the loopback target %s within "
		       "%u s; see its log",
		       w.missing, ex->wwn, lio->wait_ms / 1000);
}

int lio_renew_disk(const struct lio *lio, const struct lio_backstore *bs,
		   const struct lio_export *ex, char device[LIO_DEVICE_MAX],
		   struct zl_err *err)
{
	int ret = lio_export_remove(lio, ex, err);

	if (!ret)
		ret = lio_loopback_again(lio, bs, ex, err);
	return ret ? ret : wait_for_disk(lio, ex, device, err);
}

int lio_attach(const struct lio *lio, const struct lio_backstore_args *args,
	       struct lio_events *events, char device[LIO_DEVICE_MAX],
	       struct zl_err *err)
{
	struct lio_backstore bs;
	struct lio_export ex;
	int ret;

	ret = lio_attach_backstore(lio, args, events, &bs, err);
	if (ret)
		return ret;
	ret = lio_loopback_make(lio, &bs, &ex, err);
	if (!ret) {
		ret = wait_for_disk(lio, &ex, device, err);
		if (ret)
			lio_export_remove(lio, &ex, NULL);
	}
	if (ret)
		lio_backstore_remove(lio, &bs, NULL);
	return ret;
}
