// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* CRC-32C, by the processor where it has the instruction: a record of all that
 * a disk is given (lib/record) must not cost more than its copy. */
#include <pthread.h>
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
/*
 * The instruction takes three cycles, and one can begin each cycle: three lanes
 * side by side, whose remainders are put together by a table of what LANE_BYTES
 * zeros make of a remainder, byte by byte of it.
 */
#define LANE_BYTES 1024u

static uint32_t behind_lane[4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

__attribute__((target(CRC_TARGET))) static uint32_t
add_bytes(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t v;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&v, p, 8);
		crc = crc_8(crc, v);
	}
	for (; len; len--)
		crc = crc_1(crc, *p++);
	return crc;
}

/* That of a sum is the sum of those of its bits. */
static void make_table(void)
{
	static const uint8_t zeros[LANE_BYTES];
	uint32_t of_bit;

	for (unsigned bit = 0; bit < 32; bit++) {
		of_bit = add_bytes(UINT32_C(1) << bit, zeros, LANE_BYTES);
		for (unsigned v = 0; v < 256; v++)
			if (v & 1u << bit % 8)
				behind_lane[bit / 8][v] ^= of_bit;
	}
}

static uint32_t pass_lane(uint32_t crc)
{
	return behind_lane[0][crc & 0xff] ^ behind_lane[1][crc >> 8 & 0xff] ^
	       behind_lane[2][crc >> 16 & 0xff] ^ behind_lane[3][crc >> 24];
}

__attribute__((target(CRC_TARGET))) static uint32_t add_lanes(uint32_t crc,
							      const uint8_t *p)
{
	const uint8_t *end = p + LANE_BYTES;
	uint32_t second = 0, third = 0;
	uint64_t a, b, c;

	for (; p < end; p += 8) {
		memcpy(&a, p, 8);
		memcpy(&b, p + LANE_BYTES, 8);
		memcpy(&c, p + 2 * LANE_BYTES, 8);
		crc = crc_8(crc, a);
		second = crc_8(second, b);
		third = crc_8(third, c);
	}
	return pass_lane(pass_lane(crc) ^ second) ^ third;
}

static uint32_t crc32c_fast(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = UINT32_MAX;

	pthread_once(&once, make_table);
	for (; len >= 3 * LANE_BYTES;
	     p += 3 * LANE_BYTES, len -= 3 * LANE_BYTES)
		crc = add_lanes(crc, p);
	return ~add_bytes(crc, p, len);
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
