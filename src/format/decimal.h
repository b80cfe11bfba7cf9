/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Decimal digits without a formatter; private to format. */
#ifndef DR_FORMAT_DECIMAL_H
#define DR_FORMAT_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define DR_DECIMAL_BYTES 10u /* of UINT32_MAX */

/* Write the digits, without a NUL; returns how many. */
size_t dr_decimal(uint32_t number, char *out);

#endif
