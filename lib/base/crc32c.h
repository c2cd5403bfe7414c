/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* CRC-32C (Castagnoli, reflected polynomial 82F63B78h), as in RFC 3720 B.4. */
#ifndef ZL_BASE_CRC32C_H
#define ZL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Returns the CRC of @len bytes at @data.  Any thread. */
uint32_t crc32c(const void *data, size_t len);

/* The same without the processor's instruction: thirty times slower (tests). */
uint32_t crc32c_portable(const void *data, size_t len);

#endif
