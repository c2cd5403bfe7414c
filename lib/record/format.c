// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A record's bytes: see docs/record-format.md. */
#include <string.h>

#include "base/crc32c.h"
#include "base/num.h"
#include "record/record.h"

static const uint8_t magic[4] = { 'Z', 'L', 'R', '1' };

enum {
	AT_TYPE = 4,
	AT_FLAGS = 5,
	AT_SEQ = 8,
	AT_BEGIN = 16,
	AT_TIME = 24,
	AT_LBA = 32,
	AT_BLOCKS = 40,
	AT_BYTES = 44,
	AT_DATA_CRC = 48,
	AT_CRC = 60,
};

static void put(uint8_t *p, unsigned len, uint64_t v)
{
	for (unsigned i = 0; i < len; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t get(const uint8_t *p, unsigned len)
{
	uint64_t v = 0;

	while (len--)
		v = v << 8 | p[len];
	return v;
}

const char *record_type_name(enum record_type type)
{
	static const char *const names[RECORD_NR_TYPES] = {
		[RECORD_HEAD] = "head",		[RECORD_WRITE] = "write",
		[RECORD_UNMAP] = "unmap",	[RECORD_RESET] = "reset",
		[RECORD_FINISH] = "finish",	[RECORD_OPEN] = "open",
		[RECORD_CLOSE] = "close",	[RECORD_REFILL] = "refill",
		[RECORD_FLUSH] = "flush",	[RECORD_SAFE] = "safe",
		[RECORD_MARK] = "mark",		[RECORD_END] = "end",
		[RECORD_ACTIVATE] = "activate",
	};

	return type < RECORD_NR_TYPES && names[type] ? names[type] : "unknown";
}

void record_encode(uint8_t head[RECORD_HEAD_BYTES], const struct record *r)
{
	memset(head, 0, RECORD_HEAD_BYTES);
	memcpy(head, magic, sizeof(magic));
	head[AT_TYPE] = (uint8_t)r->type;
	head[AT_FLAGS] = (uint8_t)r->flags;
	put(head + AT_SEQ, 8, r->seq);
	put(head + AT_BEGIN, 8, r->begin);
	put(head + AT_TIME, 8, r->time_ns);
	put(head + AT_LBA, 8, r->lba);
	put(head + AT_BLOCKS, 4, r->nr_blocks);
	put(head + AT_BYTES, 4, r->data_bytes);
}

static uint32_t data_crc(const uint8_t *head)
{
	return crc32c(head + RECORD_HEAD_BYTES, get(head + AT_BYTES, 4));
}

void record_seal(uint8_t *head)
{
	put(head + AT_DATA_CRC, 4, data_crc(head));
	put(head + AT_CRC, 4, crc32c(head, AT_CRC));
}

bool record_decode(const uint8_t head[RECORD_HEAD_BYTES], struct record *r)
{
	if (memcmp(head, magic, sizeof(magic)) ||
	    get(head + AT_CRC, 4) != crc32c(head, AT_CRC))
		return false;
	*r = (struct record){
		.type = (enum record_type)head[AT_TYPE],
		.flags = head[AT_FLAGS],
		.seq = get(head + AT_SEQ, 8),
		.begin = get(head + AT_BEGIN, 8),
		.time_ns = get(head + AT_TIME, 8),
		.lba = get(head + AT_LBA, 8),
		.nr_blocks = (uint32_t)get(head + AT_BLOCKS, 4),
		.data_bytes = (uint32_t)get(head + AT_BYTES, 4),
	};
	return r->data_bytes <= RECORD_MAX_DATA;
}

bool record_data_is_sound(const uint8_t *head)
{
	return get(head + AT_DATA_CRC, 4) == data_crc(head);
}
