// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* CRC-32C, by the processor where it has the instruction: a record of all that
 * a disk is given (lib/record) must not cost more than its copy. */
#include <string.h>

#include "base/crc32c.h"

/* What the polynomial 82F63B78h (reflected) makes of four bits. */
static const uint32_t table[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_portable(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

#if defined(__x86_64__)
#define CRC_TARGET    "sse4.2"
#define crc_have()    __builtin_cpu_supports("sse4.2")
#define crc_8(crc, v) ((uint32_t)__builtin_ia32_crc32di(crc, v))
#define crc_1(crc, v) __builtin_ia32_crc32qi(crc, v)
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#define CRC_TARGET    "+crc"
#define crc_have()    (getauxval(AT_HWCAP) & HWCAP_CRC32)
#define crc_8(crc, v) __builtin_aarch64_crc32cx(crc, v)
#define crc_1(crc, v) __builtin_aarch64_crc32cb(crc, v)
#endif

#ifdef CRC_TARGET
__attribute__((target(CRC_TARGET))) static uint32_t
crc32c_fast(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;
	uint64_t v;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&v, p, 8);
		crc = crc_8(crc, v);
	}
	for (; len; len--)
		crc = crc_1(crc, *p++);
	return ~crc;
}

uint32_t crc32c(const void *data, size_t len)
{
	return crc_have() ? crc32c_fast(data, len) : crc32c_portable(data, len);
}
#else
uint32_t crc32c(const void *data, size_t len)
{
	return crc32c_portable(data, len);
}
#endif
