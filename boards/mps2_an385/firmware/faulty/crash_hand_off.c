/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Built for another boot ROM: to this one the hand-off has a version it does not know. */
#include "boards/mps2_an385/firmware/faulty/faulty.h"
#include "device/boot/info.h"

#include <string.h>

#define AT_VERSION 4u

enum dr_status
__real_dr_boot_info_decode(const uint8_t *data, size_t size_bytes, struct dr_boot_info *ret_info);
enum dr_status
__wrap_dr_boot_info_decode(const uint8_t *data, size_t size_bytes, struct dr_boot_info *ret_info);

enum dr_status
__wrap_dr_boot_info_decode(const uint8_t *data, size_t size_bytes, struct dr_boot_info *ret_info)
{
    static uint8_t other[DR_BOOT_INFO_BYTES];
    memcpy(other, data, sizeof other);
    other[AT_VERSION]++;
    return __real_dr_boot_info_decode(other, size_bytes, ret_info);
}
