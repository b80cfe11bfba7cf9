/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/report.h"
#include "fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_report report;
    struct dr_report again;
    static char text[8 * DR_REPORT_BYTES_MAX];
    size_t len = 0;
    if (dr_report_parse(data, size_bytes, &report) != DR_OK) {
        return 0;
    }
    FUZZ(report.note_count <= DR_REPORT_NOTES_MAX);
    FUZZ(strlen(report.client_token) <= DR_CLIENT_TOKEN_LEN_MAX);
    /* What was understood can be said again, and is understood the same. */
    FUZZ(dr_report_write(&report, text, sizeof(text), &len) == DR_OK);
    FUZZ(dr_report_parse(text, len, &again) == DR_OK);
    FUZZ(memcmp(&report.version, &again.version, sizeof(report.version)) == 0);
    FUZZ(memcmp(report.digest, again.digest, sizeof(report.digest)) == 0);
    FUZZ(report.slot == again.slot && report.state == again.state && report.mode == again.mode);
    FUZZ(report.note_count == again.note_count && report.uptime_s == again.uptime_s);
    for (size_t i = 0; i < report.note_count; i++) {
        FUZZ(strcmp(report.notes[i].detail, again.notes[i].detail) == 0);
    }
    return 0;
}
