/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Stands still between the reset vector and main, as a constructor might. */
#include "boards/mps2_an385/firmware/faulty/faulty.h"

int __wrap_main(void);

int __wrap_main(void)
{
    faulty_hang();
}
