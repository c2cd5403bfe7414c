// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See device.h. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "load.h"
#include "runner.h"

struct runner_handler *device_handler(const char *so)
{
	struct runner_handler *h;
	char *why;

	h = runner_load(so, &why);
	if (!h)
		fprintf(stderr, "bench: %s: %s\n", so, why);
	return h;
}

struct tcmu_device *device_open(struct runner_handler *h, const char *cfg,
				const char *place)
{
	char text[8192];
	struct runner_dev_params p = {
		.cfgstring = text,
		.size_bytes = NR_ZONES * ZONE_BYTES,
		.hw_max_sectors = 2048,
		.wwn = "0123456789abcdef",
		.ring = { .depth = 256,
			  .max_data_bytes = 1 << 20,
			  .zero_copy = true },
	};
	struct tcmu_device *dev;
	int ret;

	snprintf(text, sizeof(text), cfg, place);
	ret = runner_add(h, &p, &dev);
	if (ret) {
		fprintf(stderr, "bench: %s: %s\n", text, strerror(-ret));
		return NULL;
	}
	return dev;
}
