/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/lan9118.h"

#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"

#include <string.h>

/* Registers, as offsets. */
#define RX_DATA 0x00u
#define TX_DATA 0x20u
#define RX_STATUS 0x40u
#define TX_STATUS 0x48u
#define ID_REV 0x50u
#define IRQ_CFG 0x54u
#define INT_STS 0x58u
#define INT_EN 0x5cu
#define BYTE_TEST 0x64u
#define FIFO_INT 0x68u
#define RX_CFG 0x6cu
#define TX_CFG 0x70u
#define HW_CFG 0x74u
#define RX_FIFO_INF 0x7cu
#define TX_FIFO_INF 0x80u
#define MAC_COMMAND 0xa4u
#define MAC_DATA 0xa8u

#define BYTE_TEST_VALUE 0x87654321u
#define ID_LAN9118 0x0118u
#define HW_SOFT_RESET 0x1u
#define HW_CONFIG 0x00150000u /* must-be-one bit, 5 KiB for sending */
#define IRQ_PUSH_PULL_HIGH_ON 0x111u
#define INT_RX_LEVEL 0x8u
#define TX_ON 0x2u
#define RX_ERROR 0x8000u
#define MAC_BUSY 0x80000000u
#define MAC_READ 0x40000000u
#define TX_FIRST_AND_LAST 0x3000u

/* Indirect registers of the MAC. */
#define MAC_CONTROL 1u
#define MAC_ADDRESS_HIGH 2u
#define MAC_ADDRESS_LOW 3u
#define MAC_FULL_DUPLEX_ON 0x0010000cu

#define CHECKSUM_BYTES 4u
#define PATIENCE 100000u

static uint32_t get(uint32_t offset)
{
    return dr_reg_read(DR_MPS2_ETHERNET_AT + offset);
}

static void put(uint32_t offset, uint32_t value)
{
    dr_reg_write(DR_MPS2_ETHERNET_AT + offset, value);
}

static bool clears(uint32_t offset, uint32_t bits)
{
    for (uint32_t i = 0; i < PATIENCE; i++) {
        if ((get(offset) & bits) == 0) {
            return true;
        }
    }
    return false;
}

static bool mac_read(uint32_t index, uint32_t *ret_value)
{
    put(MAC_COMMAND, MAC_BUSY | MAC_READ | index);
    if (!clears(MAC_COMMAND, MAC_BUSY)) {
        return false;
    }
    *ret_value = get(MAC_DATA);
    return true;
}

static bool mac_write(uint32_t index, uint32_t value)
{
    put(MAC_DATA, value);
    put(MAC_COMMAND, MAC_BUSY | index);
    return clears(MAC_COMMAND, MAC_BUSY);
}

enum dr_status dr_lan9118_start(uint8_t ret_mac[6])
{
    uint32_t high = 0;
    uint32_t low = 0;
    if (get(BYTE_TEST) != BYTE_TEST_VALUE || get(ID_REV) >> 16 != ID_LAN9118) {
        return DR_E_IO;
    }
    put(HW_CFG, HW_SOFT_RESET);
    if (!clears(HW_CFG, HW_SOFT_RESET)) {
        return DR_E_IO;
    }
    put(HW_CFG, HW_CONFIG);
    put(INT_EN, 0);
    put(INT_STS, 0xffffffffu);
    put(FIFO_INT, 0); /* a level of 0 means: one frame is enough */
    put(RX_CFG, 0);
    put(IRQ_CFG, IRQ_PUSH_PULL_HIGH_ON);
    if (!mac_read(MAC_ADDRESS_HIGH, &high) || !mac_read(MAC_ADDRESS_LOW, &low) ||
        !mac_write(MAC_CONTROL, MAC_FULL_DUPLEX_ON)) {
        return DR_E_IO;
    }
    put(TX_CFG, TX_ON);
    for (uint32_t i = 0; i < 4u; i++) {
        ret_mac[i] = (uint8_t)(low >> 8u * i);
    }
    ret_mac[4] = (uint8_t)high;
    ret_mac[5] = (uint8_t)(high >> 8);
    return DR_OK;
}

void dr_lan9118_receive_interrupt(bool on)
{
    if (on) {
        put(INT_STS, INT_RX_LEVEL);
    }
    put(INT_EN, on ? INT_RX_LEVEL : 0);
}

static uint32_t words(uint32_t size_bytes)
{
    return (size_bytes + 3u) / 4u;
}

/* The checksum lies behind the frame and may share its last word. */
static void skip(uint32_t word_count)
{
    for (uint32_t i = 0; i < word_count; i++) {
        (void)get(RX_DATA);
    }
}

uint32_t dr_lan9118_next(void)
{
    while ((get(RX_FIFO_INF) & 0x00ff0000u) != 0) { /* bound: the queue holds 255 at most */
        uint32_t status = get(RX_STATUS);
        uint32_t whole = status >> 16 & 0x3fffu;
        if ((status & RX_ERROR) == 0 && whole > CHECKSUM_BYTES &&
            whole - CHECKSUM_BYTES <= DR_LAN9118_FRAME_BYTES_MAX) {
            return whole - CHECKSUM_BYTES;
        }
        skip(words(whole));
    }
    return 0;
}

void dr_lan9118_read(uint8_t *out, uint32_t size_bytes)
{
    uint32_t count = words(size_bytes);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = get(RX_DATA);
        memcpy(out + 4u * i, &word, sizeof(word));
    }
    skip(words(size_bytes + CHECKSUM_BYTES) - count);
}

void dr_lan9118_drop(uint32_t size_bytes)
{
    skip(words(size_bytes + CHECKSUM_BYTES));
}

enum dr_status dr_lan9118_send(const uint8_t *frame, uint32_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > DR_LAN9118_FRAME_BYTES_MAX) {
        return DR_E_RANGE;
    }
    while ((get(TX_FIFO_INF) & 0x00ff0000u) != 0) { /* bound: the queue of results is short */
        (void)get(TX_STATUS);
    }
    if ((get(TX_FIFO_INF) & 0xffffu) < size_bytes + 16u) {
        return DR_E_BUSY;
    }
    put(TX_DATA, TX_FIRST_AND_LAST | size_bytes);
    put(TX_DATA, size_bytes);
    for (uint32_t i = 0; i < words(size_bytes); i++) {
        uint32_t word;
        memcpy(&word, frame + 4u * i, sizeof(word));
        put(TX_DATA, word);
    }
    return DR_OK;
}
