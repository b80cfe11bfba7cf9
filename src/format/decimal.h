/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Decimal digits without a formatter; private to format. */
#ifndef DR_FORMAT_DECIMAL_H
#define DR_FORMAT_DECIMAL_H

#include <stdint.h>

#define DR_DECIMAL_BYTES 11u /* of UINT32_MAX, with its NUL */

/* Write the digits and a NUL; returns where the NUL is. */
char *dr_decimal(uint32_t number, char *out);

#endif
