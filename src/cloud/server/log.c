/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/server/log.h"

#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void dr_server_log(const char *format, ...)
{
    char line[2048];
    struct timespec now;
    struct tm parts;
    va_list arguments;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    size_t len = strftime(line, sizeof line, "time=%Y-%m-%dT%H:%M:%S", &parts);
    len += (size_t)snprintf(line + len, sizeof line - len, ".%03ldZ ", now.tv_nsec / 1000000);
    va_start(arguments, format);
    int body = vsnprintf(line + len, sizeof line - len - 1, format, arguments);
    va_end(arguments);
    if (body > 0) {
        size_t room = sizeof line - len - 2;
        len += (size_t)body < room ? (size_t)body : room;
    }
    line[len++] = '\n';
    /* A log that cannot be written has nowhere to be reported. */
    DR_IGNORE(write(STDERR_FILENO, line, len) < 0);
}
