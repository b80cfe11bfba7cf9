/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "format/json.h"
#include "fuzz/fuzz.h"

#include <string.h>

/* Read everything that can be read of a value; containers two deep. */
static void read_value(struct dr_json value, unsigned depth)
{
    static char text[4096];
    uint32_t number = 0;
    bool flag = false;
    if (dr_json_string(value, text, sizeof(text)) == DR_OK) {
        FUZZ(dr_json_kind(value) == DR_JSON_STRING && strlen(text) <= value.len);
        FUZZ(dr_json_raw(value).len == value.len - 2);
        /* What was decoded can be written and decoded again to the same. */
        static char again[8 * 4096];
        static char twice[4096];
        struct dr_json_writer json;
        struct dr_json root;
        size_t len = 0;
        dr_json_begin(&json, again, sizeof(again));
        dr_json_put_text(&json, NULL, text);
        FUZZ(dr_json_end(&json, &len) == DR_OK);
        FUZZ(dr_json_check(again, len, &root) == DR_OK);
        FUZZ(dr_json_string(root, twice, sizeof(twice)) == DR_OK && strcmp(text, twice) == 0);
    }
    DR_IGNORE(dr_json_u32(value, &number)); /* any outcome will do */
    DR_IGNORE(dr_json_bool(value, &flag));
    struct dr_json_iterator each = dr_json_each(value);
    size_t consumed = 0;
    while (dr_json_next(&each)) {
        consumed += each.key.len + each.value.len;
        FUZZ(each.value.len > 0 && consumed < value.len);
        if (depth > 0) {
            read_value(each.value, depth - 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct dr_json root;
    struct dr_json again;
    if (dr_json_check(data, size_bytes, &root) != DR_OK) {
        return 0;
    }
    FUZZ(root.len > 0 && root.len <= size_bytes);
    FUZZ(dr_json_check(root.text, root.len, &again) == DR_OK && again.len == root.len);
    read_value(root, 2);
    FUZZ(dr_json_member(root, "no such member").len == 0 || dr_json_kind(root) == DR_JSON_OBJECT);
    return 0;
}
