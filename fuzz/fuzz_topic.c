/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/topic.h"
#include "fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_topic topic;
    enum dr_status status = dr_topic_parse((const char *)data, size_bytes, &topic);
    if (status == DR_OK) {
        char text[DR_TOPIC_BYTES_MAX];
        size_t len = 0;
        FUZZ(dr_topic_build(&topic, text, sizeof(text), &len) == DR_OK);
        FUZZ(len == size_bytes && memcmp(text, data, len) == 0);
        FUZZ(dr_topic_family(&topic) != DR_TOPIC_FAMILY_OTHER);
    } else if (status == DR_E_NOT_FOUND) {
        FUZZ(dr_thing_name_valid(topic.thing, topic.thing_len) && topic.kind == DR_TOPIC_NONE);
    }
    return 0;
}
