/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "boards/linux/testfw/testfw.h"

#include "base/check.h"
#include "base/secret.h"
#include "boards/linux/crash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FEED_MS 100u

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "testfw: check failed at %s:%d\n", file, line);
    abort();
}

static void need(enum dr_status status, const char *what)
{
    if (status != DR_OK) {
        fprintf(stderr, "testfw: %s: %s\n", what, dr_status_text(status));
        _exit(1);
    }
}

void testfw_say(struct dr_channel *channel, const char *format, ...)
{
    char line[DR_WIRE_LOG_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    need(dr_channel_log(channel, line), "log");
}

void testfw_start(struct dr_channel *channel, struct dr_boot_info *ret_info, const char *name)
{
    uint8_t handoff[DR_WIRE_HANDOFF_BYTES_MAX];
    size_t size_bytes = 0;
    need(dr_channel_open(channel, DR_WIRE_FD), "hello");
    need(dr_crash_install(channel), "crash handlers");
    need(dr_channel_handoff_get(channel, handoff, sizeof handoff, &size_bytes), "hand-off");
    need(dr_boot_info_decode(handoff, size_bytes, ret_info), "hand-off");
    dr_wipe(handoff, sizeof handoff);
    need(dr_channel_led(channel, DR_LED_NORMAL), "led");
    struct dr_crash_record crash = {.reason = DR_CRASH_NONE};
    DR_IGNORE(dr_crash_decode(ret_info->crash, &crash)); /* mostly there is none */
    testfw_say(
        channel, "%s: up, cause %u, transition %u, epoch %u, crash %u signal %u", name,
        ret_info->reset_cause, ret_info->last.kind, (unsigned)ret_info->user_epoch, crash.reason,
        (unsigned)crash.fault_status);
}

void testfw_feed_for(struct dr_channel *channel, unsigned duration_ms)
{
    for (unsigned done = 0; done < duration_ms; done += FEED_MS) {
        struct timespec pause = {.tv_nsec = FEED_MS * 1000000L};
        need(dr_channel_watchdog_feed(channel), "feed");
        nanosleep(&pause, NULL);
    }
}
