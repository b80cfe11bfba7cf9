/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What Mbed TLS's primitives ask of the platform: its own version keeps a pointer in writable
 * memory, which this ROM has none of. */
#include "base/secret.h"

#include <mbedtls/platform_util.h>

void mbedtls_platform_zeroize(void *buf, size_t len)
{
    dr_wipe(buf, len);
}
