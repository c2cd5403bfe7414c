/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* The file of what is under way, as its writer and its reader see it. */
#ifndef ZL_DISK_FLIGHT_FILE_H
#define ZL_DISK_FLIGHT_FILE_H

#include "disk/internal.h"

/* The file begins with it; what follows is aligned to 64 bytes each: a struct
 * flight_record per slot, the struct flight_compare, the blocks of each of
 * those, and a struct flight_lost per slot.  In the machine's byte order, as no
 * other will read it. */
struct flight_head {
	char magic[8];
	char serial[DISK_SERIAL_LEN];
	uint64_t boot;	   /* journal_boot_hash() */
	uint64_t dev, ino; /* of the disk's directory; 0 = it is not known */
	uint64_t bytes;	   /* of the file */
	/* On flight_clock_ms(): when FLIGHT_EARLIER is over. */
	uint64_t grace_end_ms;
	uint32_t number; /* in the journal */
	uint32_t nr_slots, block_shift;
	uint32_t crc; /* of all before it, CRC-32C */
	/* The lock was lost, and with it what was not on the medium. */
	atomic_uint fenced;
	uint32_t spare;
};

#define FLIGHT_MAGIC "ZLFLY02\n"

static inline uint32_t flight_time(uint64_t ns)
{
	return (uint32_t)(ns >> 30);
}

uint32_t flight_sum(const struct flight_record *r, uint32_t slot);
/* Writes a slot's record; @state with whose it is. */
void flight_put(struct flight_record *r, uint32_t slot, uint32_t state,
		const struct flight_record *what);

#endif
