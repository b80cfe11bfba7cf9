/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/mpu.h"

#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"
#include "device/flash/flash.h"

/* Armv7-M Architecture Reference Manual, B3.5. */
#define MPU_CTRL 0xe000ed94u
#define MPU_RNR 0xe000ed98u
#define MPU_RBAR 0xe000ed9cu
#define MPU_RASR 0xe000eda0u
#define CTRL_ENABLE_WITH_DEFAULT_MAP 5u
#define RASR_EXECUTE_NEVER (1u << 28)
#define RASR_NORMAL_MEMORY (1u << 17)
#define RASR_ENABLE 1u
#define ACCESS_CODE 0x10u

void dr_mpu_region(uint32_t number, uint32_t address, uint32_t size_bytes, uint32_t access)
{
    uint32_t attributes = 0;
    if (size_bytes != 0) {
        uint32_t log2 = 31u - (uint32_t)__builtin_clz(size_bytes);
        attributes = (access & 7u) << 24 | RASR_NORMAL_MEMORY | (log2 - 1u) << 1 | RASR_ENABLE;
        attributes |= (access & ACCESS_CODE) != 0 ? 0 : RASR_EXECUTE_NEVER;
    }
    dr_reg_write(MPU_RNR, number);
    dr_reg_write(MPU_RBAR, address);
    dr_reg_write(MPU_RASR, attributes);
    __asm volatile("dsb\n isb" ::: "memory");
}

void dr_mpu_protect_storage(uint8_t spare)
{
    uint32_t spare_at = spare == DR_SLOT_A ? DR_MPS2_SLOT_A_AT : DR_MPS2_SLOT_B_AT;
    uint32_t spare_bytes = spare == DR_SLOT_A || spare == DR_SLOT_B ? DR_MPS2_SLOT_BYTES : 0;
    dr_mpu_region(0, DR_MPS2_STORE_AT, DR_MPS2_FLASH_BYTES, DR_MPU_READ);
    dr_mpu_region(1, DR_MPS2_STORE_AT + DR_MPS2_DATA_AT, DR_MPS2_DATA_BYTES, DR_MPU_WRITE);
    dr_mpu_region(2, DR_MPS2_STORE_AT + spare_at, spare_bytes, DR_MPU_WRITE);
    dr_mpu_region(3, DR_MPS2_STORE_AT + DR_MPS2_BOARD_AT, DR_MPS2_BOARD_BYTES, DR_MPU_WRITE);
    dr_reg_write(MPU_CTRL, CTRL_ENABLE_WITH_DEFAULT_MAP);
    __asm volatile("dsb\n isb" ::: "memory");
}
