/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* The text format that Prometheus collects, version 0.0.4. */
#ifndef ZL_CLI_PROMETHEUS_H
#define ZL_CLI_PROMETHEUS_H

#include "running.h"

void prometheus_print(const struct control_info *disks, unsigned nr);

#endif
