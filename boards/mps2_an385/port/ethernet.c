/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/mps2_an385/port/ethernet.h"

#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/regs.h"
#include "boards/mps2_an385/map.h"
#include "boards/mps2_an385/port/lan9118.h"
#include "boards/mps2_an385/port/task_plan.h"

#include <FreeRTOS.h>
#include <task.h>

#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>

#include <string.h>

#define NVIC_ENABLE_AT 0xe000e100u
#define NVIC_PRIORITY_AT 0xe000e400u
#define INTERRUPT_PRIORITY 0x80u /* less urgent than what may not call the kernel */
#define WAKE_TICKS configTICK_RATE_HZ

static struct {
    struct netif netif;
    uint8_t mac[6];
    TaskHandle_t task;
    TaskHandle_t lwip_task;
    StaticTask_t task_memory;
    StackType_t stack[DR_TASK_ETHERNET_WORDS] __attribute__((aligned(32)));
    struct dr_ethernet_counts counts;
    uint32_t seen_ms;
    uint8_t out[DR_LAN9118_FRAME_BYTES_MAX + 2u] __attribute__((aligned(4)));
} ethernet;

void dr_ethernet_interrupt(void)
{
    BaseType_t woken = pdFALSE;
    dr_lan9118_receive_interrupt(false);
    vTaskNotifyGiveFromISR(ethernet.task, &woken);
    portYIELD_FROM_ISR(woken);
}

/* On lwIP's side of the core lock, so one at a time. */
static err_t send_frame(struct netif *netif, struct pbuf *frame)
{
    (void)netif;
    if (frame->tot_len > DR_LAN9118_FRAME_BYTES_MAX) {
        return ERR_BUF;
    }
    (void)pbuf_copy_partial(frame, ethernet.out, frame->tot_len, 0);
    return dr_lan9118_send(ethernet.out, frame->tot_len) == DR_OK ? ERR_OK : ERR_WOULDBLOCK;
}

static err_t set_up(struct netif *netif)
{
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    netif->mtu = 1500;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    memcpy(netif->hwaddr, ethernet.mac, sizeof(ethernet.mac));
    netif->flags =
        NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static void take_frame(uint32_t size_bytes)
{
    struct pbuf *frame = pbuf_alloc(PBUF_RAW, (u16_t)size_bytes, PBUF_POOL);
    if (frame == NULL || frame->next != NULL) { /* a place of the pool holds every frame */
        ethernet.counts.dropped++;
        dr_lan9118_drop(size_bytes);
        if (frame != NULL) {
            (void)pbuf_free(frame);
        }
        return;
    }
    dr_lan9118_read(frame->payload, size_bytes);
    if (ethernet.netif.input(frame, &ethernet.netif) != ERR_OK) {
        ethernet.counts.dropped++;
        (void)pbuf_free(frame);
    }
}

static void drain(void)
{
    uint32_t count = 0;
    uint32_t size_bytes = dr_lan9118_next();
    while (size_bytes != 0) { /* bound: faster than the wire */
        take_frame(size_bytes);
        count++;
        size_bytes = dr_lan9118_next();
    }
    ethernet.counts.frames += count;
    if (count > ethernet.counts.longest) {
        ethernet.counts.longest = count;
    }
}

/* The interrupt is allowed again before the last look at the queue: a frame that comes in between
 * is either seen or interrupts. */
static void run(void *unused)
{
    (void)unused;
    for (;;) {
        ethernet.seen_ms = dr_clock_ms();
        dr_lan9118_receive_interrupt(true);
        drain();
        (void)ulTaskNotifyTake(pdTRUE, WAKE_TICKS);
    }
}

static void start_netif(void *unused)
{
    (void)unused;
    ethernet.lwip_task = xTaskGetCurrentTaskHandle();
    ip4_addr_t address;
    ip4_addr_t mask;
    ip4_addr_t gateway;
    /* The emulator's user-mode network: always this. */
    IP4_ADDR(&address, 10, 0, 2, 15);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 10, 0, 2, 2);
    (void)netif_add(&ethernet.netif, &address, &mask, &gateway, NULL, set_up, tcpip_input);
    netif_set_default(&ethernet.netif);
    netif_set_up(&ethernet.netif);
    ethernet.task = xTaskCreateStatic(
        run, "eth", DR_TASK_ETHERNET_WORDS, NULL, DR_TASK_ETHERNET_PRIORITY, ethernet.stack,
        &ethernet.task_memory);
    uint32_t irq = DR_MPS2_ETHERNET_IRQ;
    *(volatile uint8_t *)(uintptr_t)(NVIC_PRIORITY_AT + irq) = INTERRUPT_PRIORITY;
    dr_reg_write(NVIC_ENABLE_AT, 1u << irq);
}

enum dr_status dr_ethernet_start(void)
{
    DR_TRY(dr_lan9118_start(ethernet.mac));
    tcpip_init(start_netif, NULL);
    return DR_OK;
}

void dr_ethernet_counts(struct dr_ethernet_counts *ret_counts)
{
    *ret_counts = ethernet.counts;
}

uint32_t dr_ethernet_seen_ms(void)
{
    return ethernet.seen_ms;
}

void *dr_ethernet_task(void)
{
    return ethernet.task;
}

uint32_t dr_ethernet_stack_left(void)
{
    return ethernet.task != NULL ? (uint32_t)uxTaskGetStackHighWaterMark(ethernet.task) : 0;
}

uint32_t dr_ethernet_lwip_stack_left(void)
{
    return ethernet.lwip_task != NULL ? (uint32_t)uxTaskGetStackHighWaterMark(ethernet.lwip_task)
                                      : 0;
}
