/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The firmware's tasks: who goes before whom, and how much stack each has. One place, for C and
 * for lwIP's options; docs/porting.md explains the order, tests/system/test_mps2_tasks.py holds the
 * margins.
 *
 *   task     priority  stack    does                                             may block on
 *   health   7         1 KiB    feeds the watchdog, when dr_health_may_feed      its period
 *                               allows it; prints figures
 *   eth      6         1 KiB    empties the Ethernet part's queue                its interrupt
 *   net      5         1.5 KiB  lwIP: timers                                     its mailbox
 *   product  4         1.5 KiB  the application: blinks, measures                its next beat
 *   agent    3         7 KiB    client, agent, TLS, MQTT, secure element         link, timers
 *   idle     0         0.5 KiB  stops the processor until the next interrupt     never
 *
 * Higher numbers are more urgent. What must not be late is short and above what takes long: a
 * signature or the check of a whole image (hundreds of ms, in the agent's task) delays nobody.
 * Words are of 4 bytes. Numbers only: the preprocessor of other projects reads this.
 */
#ifndef DR_BOARDS_MPS2_TASK_PLAN_H
#define DR_BOARDS_MPS2_TASK_PLAN_H

#define DR_TASK_HEALTH_PRIORITY 7
#define DR_TASK_ETHERNET_PRIORITY 6
#define DR_TASK_LWIP_PRIORITY 5
#define DR_TASK_PRODUCT_PRIORITY 4
#define DR_TASK_AGENT_PRIORITY 3

#define DR_TASK_HEALTH_WORDS 256
#define DR_TASK_ETHERNET_WORDS 256
#define DR_TASK_LWIP_WORDS 384
#define DR_TASK_PRODUCT_WORDS 384
#define DR_TASK_AGENT_WORDS 1792
#define DR_TASK_IDLE_WORDS 128

#endif
