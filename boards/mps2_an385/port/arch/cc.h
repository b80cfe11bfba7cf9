/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* lwIP's view of the compiler. */
#ifndef DR_MPS2_ARCH_CC_H
#define DR_MPS2_ARCH_CC_H

#include <stdint.h>

void dr_check_failed(const char *file, int line) __attribute__((noreturn));
uint32_t dr_mps2_lwip_random(void);
uint32_t
dr_mps2_lwip_isn(uint32_t local, uint16_t local_port, uint32_t remote, uint16_t remote_port);

#define BYTE_ORDER LITTLE_ENDIAN
#define LWIP_NO_STDDEF_H 0
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x) dr_check_failed(__FILE__, __LINE__)
#define LWIP_RAND() dr_mps2_lwip_random()
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port)                                  \
    dr_mps2_lwip_isn(                                                                              \
        ip4_addr_get_u32(ip_2_ip4(local)), local_port, ip4_addr_get_u32(ip_2_ip4(remote)),         \
        remote_port)

#endif
