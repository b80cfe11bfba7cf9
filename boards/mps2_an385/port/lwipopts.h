/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* lwIP for one TLS connection: own task, static memory, TCP through its callback interface.
 *
 * The receive window stays near four segments: the Ethernet part's queue holds six full frames and
 * drops more without a word.
 */
#ifndef DR_MPS2_LWIPOPTS_H
#define DR_MPS2_LWIPOPTS_H

#include "task_plan.h"

#define NO_SYS 0
#define SYS_LIGHTWEIGHT_PROT 1
#define LWIP_TCPIP_CORE_LOCKING 1
#define LWIP_TCPIP_CORE_LOCKING_INPUT 1
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_COMPAT_MUTEX 0
#define LWIP_TIMEVAL_PRIVATE 0
#define LWIP_PROVIDE_ERRNO 0

#define MEM_LIBC_MALLOC 0
#define MEMP_MEM_MALLOC 0
#define MEM_ALIGNMENT 4
#define MEM_SIZE 10240
#define MEMP_NUM_PBUF 8
#define MEMP_NUM_TCP_PCB 3
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG 16
#define MEMP_NUM_UDP_PCB 1
#define MEMP_NUM_RAW_PCB 0
#define PBUF_POOL_SIZE 10
#define PBUF_POOL_BUFSIZE 1536

#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ARP 1
#define LWIP_ETHERNET 1
#define LWIP_ICMP 1
#define LWIP_RAW 0
#define LWIP_UDP 0
#define LWIP_DHCP 0
#define LWIP_DNS 0
#define LWIP_IGMP 0
#define LWIP_ALTCP 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define ARP_TABLE_SIZE 4

#define LWIP_TCP 1
#define TCP_MSS 1460
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (3 * TCP_MSS)
#define TCP_SND_QUEUELEN 12
#define TCP_QUEUE_OOSEQ 0
#define TCP_SYNMAXRTX 4
#define LWIP_TCP_KEEPALIVE 0

#define LWIP_NETIF_HOSTNAME 0
#define LWIP_SINGLE_NETIF 1
#define LWIP_STATS 0
#define LWIP_CHECKSUM_ON_COPY 1

#define TCPIP_THREAD_NAME "net"
#define TCPIP_THREAD_STACKSIZE DR_TASK_LWIP_WORDS
#define TCPIP_THREAD_PRIO DR_TASK_LWIP_PRIORITY
#define TCPIP_MBOX_SIZE 12
#define DEFAULT_THREAD_STACKSIZE DR_TASK_LWIP_WORDS
#define DEFAULT_THREAD_PRIO DR_TASK_LWIP_PRIORITY

#endif
