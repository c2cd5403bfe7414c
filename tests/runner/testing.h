/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the tests of the stand-in share. */
#ifndef ZLOOP_TESTS_RUNNER_TESTING_H
#define ZLOOP_TESTS_RUNNER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runner.h"

#define DISK_BYTES (1u << 20)

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

static inline struct runner_handler *load(const char *path)
{
	struct runner_handler *h;
	char *why;

	h = runner_load(path, &why);
	if (!h)
		fprintf(stderr, "%s\n", why);
	assert_non_null(h);
	return h;
}

static inline struct tcmu_device *add(struct runner_handler *h,
				      const char *cfgstring,
				      const struct runner_ring_params *ring)
{
	struct runner_dev_params p = { .cfgstring = cfgstring,
				       .size_bytes = DISK_BYTES };
	struct tcmu_device *dev;

	if (ring)
		p.ring = *ring;
	assert_int_equal(runner_add(h, &p, &dev), 0);
	return dev;
}

/* READ(16) or WRITE(16); @flags is byte 1. */
static inline void rw16(uint8_t *cdb, uint8_t opcode, uint8_t flags,
			uint32_t lba, uint32_t blocks)
{
	memset(cdb, 0, 16);
	cdb[0] = opcode;
	cdb[1] = flags;
	cdb[6] = (uint8_t)(lba >> 24);
	cdb[7] = (uint8_t)(lba >> 16);
	cdb[8] = (uint8_t)(lba >> 8);
	cdb[9] = (uint8_t)lba;
	cdb[10] = (uint8_t)(blocks >> 24);
	cdb[11] = (uint8_t)(blocks >> 16);
	cdb[12] = (uint8_t)(blocks >> 8);
	cdb[13] = (uint8_t)blocks;
}

static inline void assert_sense(const uint8_t *sense, uint8_t key, uint8_t asc,
				uint8_t ascq)
{
	assert_int_equal(sense[0], 0x70);
	assert_int_equal(sense[2], key);
	assert_int_equal(sense[12], asc);
	assert_int_equal(sense[13], ascq);
}

#endif
