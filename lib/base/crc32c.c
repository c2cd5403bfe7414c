// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* CRC-32C, bit by bit: it guards records of 32 bytes, not data. */
#include "base/crc32c.h"

uint32_t crc32c(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}
