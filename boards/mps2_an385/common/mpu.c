/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/common/mpu.h"

#include "base/check.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"
#include "device/flash/flash.h"

/* Armv7-M Architecture Reference Manual, B3.5. */
#define MPU_CTRL 0xe000ed94u
#define MPU_RNR 0xe000ed98u
#define MPU_RBAR 0xe000ed9cu
#define MPU_RASR 0xe000eda0u
#define CTRL_ENABLE_WITH_DEFAULT_MAP 5u
#define RBAR_VALID 0x10u
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

/* Number and place; size as a power of two, and access. Readable like dr_mpu_region's arguments. */
#define REGION(number, address) ((address) | RBAR_VALID | (number))
#define ATTRIBUTES(log2, access)                                                                   \
    ((access) << 24 | RASR_EXECUTE_NEVER | RASR_NORMAL_MEMORY | ((log2)-1u) << 1 | RASR_ENABLE)
#define LOG2_STORE 24u
#define LOG2_DATA 19u
#define LOG2_SLOT 20u
#define LOG2_BOARD 16u
DR_STATIC_ASSERT(
    1u << LOG2_STORE == DR_MPS2_FLASH_BYTES && 1u << LOG2_DATA == DR_MPS2_DATA_BYTES &&
        1u << LOG2_SLOT == DR_MPS2_SLOT_BYTES && 1u << LOG2_BOARD == DR_MPS2_BOARD_BYTES,
    "sizes of the map");

void dr_mpu_protect_storage(uint8_t spare)
{
    static const uint32_t fixed[] = {
        REGION(0u, DR_MPS2_STORE_AT),
        ATTRIBUTES(LOG2_STORE, DR_MPU_READ),
        REGION(1u, DR_MPS2_STORE_AT + DR_MPS2_DATA_AT),
        ATTRIBUTES(LOG2_DATA, DR_MPU_WRITE),
        REGION(3u, DR_MPS2_STORE_AT + DR_MPS2_BOARD_AT),
        ATTRIBUTES(LOG2_BOARD, DR_MPU_WRITE),
        REGION(2u, DR_MPS2_STORE_AT + DR_MPS2_SLOT_A_AT),
        ATTRIBUTES(LOG2_SLOT, DR_MPU_WRITE),
    };
    for (uint32_t i = 0; i < DR_ARRAY_COUNT(fixed); i++) { /* the registers have three more names */
        dr_reg_write(MPU_RBAR + 4u * i, fixed[i]);
    }
    if (spare == DR_SLOT_B) {
        dr_reg_write(MPU_RBAR, REGION(2u, DR_MPS2_STORE_AT + DR_MPS2_SLOT_B_AT));
    } else if (spare != DR_SLOT_A) {
        dr_reg_write(MPU_RASR, 0);
    }
    dr_reg_write(MPU_CTRL, CTRL_ENABLE_WITH_DEFAULT_MAP);
    __asm volatile("dsb\n isb" ::: "memory");
}
