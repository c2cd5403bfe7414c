/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_CLI_PROMETHEUS_H
#define ZL_CLI_PROMETHEUS_H

#include "cli.h"
#include "control/ask.h"
#include "lio/lio.h"

struct prometheus_disk {
	const struct control_info *is;
	char device[LIO_DEVICE_MAX]; /* "sda"; "": it has none here */
};

/* Writes the counters of these disks in the text format, 0.0.4. */
void prometheus_print(const struct prometheus_disk *disks, unsigned nr);

#endif
