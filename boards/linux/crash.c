/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The dying program's last words: async-signal-safe from end to end. */
#include "boards/linux/crash.h"

#include "boards/linux/channel_priv.h"
#include "device/boot/info.h"

#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

/* A signal handler has no other way to find its channel. */
static struct dr_channel *crash_channel;
static uint8_t crash_stack[32768] __attribute__((aligned(16)));

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP};

static void fill_registers(struct dr_crash_record *record, const ucontext_t *context)
{
#if defined(__x86_64__)
    record->pc = (uint32_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    record->pc = (uint32_t)context->uc_mcontext.pc;
    record->lr = (uint32_t)context->uc_mcontext.regs[30];
#else
#error "say where this architecture keeps the program counter"
#endif
}

static uint8_t reason_of(int signal_number)
{
    if (signal_number == DR_CRASH_NMI_SIGNAL) {
        return DR_CRASH_HANG;
    }
    return signal_number == SIGABRT ? DR_CRASH_CHECK : DR_CRASH_FAULT;
}

static void on_crash(int signal_number, siginfo_t *info, void *context)
{
    (void)info;
    struct dr_crash_record record = {
        .reason = reason_of(signal_number), .fault_status = (uint32_t)signal_number};
    fill_registers(&record, context);
    uint64_t uptime_ms = dr_channel_uptime_ms(crash_channel);
    record.uptime_ms = uptime_ms < UINT32_MAX ? (uint32_t)uptime_ms : UINT32_MAX;
    uint8_t payload[DR_CRASH_BYTES];
    dr_crash_encode(&record, payload);
    struct dr_channel_call call = {
        .operation = DR_WIRE_CRASH, .payload = payload, .payload_bytes = sizeof payload};
    /* There is nobody left to tell about a failure. */
    DR_IGNORE(dr_channel_post(crash_channel, &call));
    if (record.reason == DR_CRASH_HANG) {
        for (;;) { /* bound: the watchdog's second expiry */
            pause();
        }
    }
    /* All signals are blocked here: this one takes its default action when the handler returns. */
    struct sigaction plain = {.sa_handler = SIG_DFL};
    if (sigaction(signal_number, &plain, NULL) != 0 || raise(signal_number) != 0) {
        _exit(1);
    }
}

enum dr_status dr_crash_install(struct dr_channel *channel)
{
    crash_channel = channel;
    stack_t stack = {.ss_sp = crash_stack, .ss_size = sizeof crash_stack};
    if (sigaltstack(&stack, NULL) != 0) {
        return DR_E_INTERNAL;
    }
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int failed = sigfillset(&action.sa_mask);
    failed |= sigaction(SIGABRT, &action, NULL) | sigaction(DR_CRASH_NMI_SIGNAL, &action, NULL);
    for (size_t i = 0; i < sizeof fault_signals / sizeof fault_signals[0]; i++) {
        failed |= sigaction(fault_signals[i], &action, NULL);
    }
    return failed == 0 ? DR_OK : DR_E_INTERNAL;
}
