/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* A handler's device in the stand-in, as the benchmarks use it. */
#ifndef ZLOOP_TESTS_BENCH_DEVICE_H
#define ZLOOP_TESTS_BENCH_DEVICE_H

struct runner_handler;
struct tcmu_device;

/* printf formats for the place. */
#define CFG_ZLOOP   "zloop/zone_size_mb=256/conv_zones=1@%s"
#define CFG_ZBC	    "zbc/model-HM/zsize-256/conv-1@%s"
#define CFG_BARE    "bare/%s"
#define CFG_INSTANT "instant/%s"

/* NULL, and a line on standard error: it could not be loaded, or opened. */
struct runner_handler *device_handler(const char *so);
struct tcmu_device *device_open(struct runner_handler *h, const char *cfg,
				const char *place);

#endif
