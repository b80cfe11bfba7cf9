/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/rom/rom.h"

const struct dr_crypto *dr_rom_crypto(void)
{
    return &dr_crypto_rom;
}
