/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the journal's reader and its writer share. */
#ifndef ZL_DISK_MEDIUM_JOURNAL_FORMAT_H
#define ZL_DISK_MEDIUM_JOURNAL_FORMAT_H

#include <stdint.h>

#define JOURNAL_MAGIC "ZLJ1"

/* Little-endian fields of @len bytes. */
static inline uint64_t le_get(const uint8_t *p, unsigned len)
{
	uint64_t v = 0;

	while (len--)
		v = v << 8 | p[len];
	return v;
}

static inline void le_put(uint8_t *p, unsigned len, uint64_t v)
{
	for (unsigned i = 0; i < len; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

/* Stands for this boot of the machine; 0 = it cannot be known. */
uint64_t journal_boot_hash(void);

#endif
