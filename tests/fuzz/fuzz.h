/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What the fuzz targets share.  Each is one LLVMFuzzerTestOneInput(); linked
 * with libFuzzer it searches, linked with replay.c it runs the files it is
 * given.  A broken promise ends the process, whatever the build type.
 */
#ifndef ZL_TESTS_FUZZ_H
#define ZL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MUST(cond)                                                       \
	do {                                                             \
		if (!(cond)) {                                           \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #cond);                        \
			abort();                                         \
		}                                                        \
	} while (0)

/* The input, taken from its start; zeros behind its end. */
struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t take_u8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint32_t take_u16(struct input *in)
{
	uint32_t high = take_u8(in);

	return high << 8 | take_u8(in);
}

/* A copy in memory of its own, so that a sanitizer sees every byte too far. */
static inline void *exact_copy(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	MUST(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

/* A sentence for a person: not empty, no control characters. */
static inline void check_sentence(const char *s)
{
	MUST(*s);
	for (; *s; s++)
		MUST((unsigned char)*s >= ' ' && *s != 0x7f);
}

#endif
