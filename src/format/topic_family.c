/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/topic.h"

#include <string.h>

enum dr_topic_family dr_topic_family(const struct dr_topic *topic)
{
    static const struct {
        const char *prefix;
        enum dr_topic_family family;
    } rows[] = {
        {"jobs/", DR_TOPIC_FAMILY_JOBS},
        {"streams/", DR_TOPIC_FAMILY_STREAMS},
        {"daruma/", DR_TOPIC_FAMILY_DARUMA},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].prefix);
        if (topic->operation_len >= len && memcmp(topic->operation, rows[i].prefix, len) == 0) {
            return rows[i].family;
        }
    }
    return DR_TOPIC_FAMILY_OTHER;
}
