/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Stands still in main: no task exists yet. */
#include "base/status.h"
#include "boards/mps2_an385/firmware/faulty/faulty.h"

enum dr_status __wrap_dr_ethernet_start(void);

enum dr_status __wrap_dr_ethernet_start(void)
{
    faulty_hang();
}
