/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* CRC-32 (IEEE 802.3, reflected, initial and final 0xffffffff): finds accidents, proves nothing
 * about authors. */
#ifndef DR_BASE_CRC32_H
#define DR_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Start with crc = 0; feed the result back in to continue. "123456789" gives 0xcbf43926. */
uint32_t dr_crc32(uint32_t crc, const void *data, size_t size_bytes);

#endif
