// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Names for logs and reports. */
#include <stddef.h>

#include "zone/zone.h"

const char *zone_cond_name(enum zone_cond cond)
{
	switch (cond) {
	case ZC_NOT_WP:
		return "NOT WRITE POINTER";
	case ZC_EMPTY:
		return "EMPTY";
	case ZC_IMP_OPEN:
		return "IMPLICITLY OPENED";
	case ZC_EXP_OPEN:
		return "EXPLICITLY OPENED";
	case ZC_CLOSED:
		return "CLOSED";
	case ZC_INACTIVE:
		return "INACTIVE";
	case ZC_READ_ONLY:
		return "READ ONLY";
	case ZC_FULL:
		return "FULL";
	case ZC_OFFLINE:
		return "OFFLINE";
	}
	return "reserved";
}

const char *zone_type_name(enum zone_type type)
{
	const char *name = NULL;

	if ((unsigned)type < zone_nr_types)
		name = zone_traits[type].name;
	return name ? name : "reserved";
}

const char *zone_verdict_name(enum zone_verdict verdict)
{
	switch (verdict) {
	case ZV_OK:
		return "ok";
	case ZV_LBA_RANGE:
		return "LBA out of range";
	case ZV_UNALIGNED_WRITE:
		return "unaligned write";
	case ZV_WRITE_BOUNDARY:
		return "write boundary violation";
	case ZV_READ_INVALID:
		return "attempt to read invalid data";
	case ZV_READ_BOUNDARY:
		return "read boundary violation";
	case ZV_GAP:
		return "attempt to access gap zone";
	case ZV_FULL:
		return "zone is full";
	case ZV_ZONE_ID:
		return "invalid ZONE ID";
	case ZV_ZONE_COUNT:
		return "invalid ZONE COUNT";
	case ZV_READ_ONLY:
		return "zone is read only";
	case ZV_OFFLINE:
		return "zone is offline";
	case ZV_INACTIVE:
		return "zone is inactive";
	case ZV_NO_RESOURCES:
		return "insufficient zone resources";
	case ZV_DOMAIN:
		return "unknown zone domain";
	}
	return "unknown";
}
