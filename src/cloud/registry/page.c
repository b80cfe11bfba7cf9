/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/registry/page.h"

#include "base/check.h"
#include "cloud/registry/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_DIGITS_MAX 18u /* fits an int64_t whatever they are */

/* A page under construction. */
struct reading {
    const struct dr_list *list;
    const char *sql;
    const char *token; /* never NULL */
    uint32_t limit;
    json_t *items;
    bool more;
    char last[DR_SERVICE_TOKEN_SIZE]; /* key of the last item */
};

/* Where the page begins, as the SQL compares it. */
static enum dr_status
find_begin(struct dr_call *call, const struct reading *reading, struct dr_value *ret_begin)
{
    size_t len = strlen(reading->token);
    if (reading->list->key == DR_LIST_TEXT) {
        *ret_begin = dr_value_text(reading->token);
        return DR_OK;
    }
    if (len > NUMBER_DIGITS_MAX || strspn(reading->token, "0123456789") != len) {
        return dr_call_invalid(call, "the continuation token is not one of this list");
    }
    int64_t first = reading->list->key == DR_LIST_NEWEST ? INT64_MAX : 0;
    *ret_begin = dr_value_int(len == 0 ? first : strtoll(reading->token, NULL, 10));
    return DR_OK;
}

/* False: the page is full, and there is more. */
static bool add(struct dr_call *call, struct reading *reading, const struct dr_rows *row)
{
    json_t *item = reading->list->item(call, row, reading->list->context);
    if (item == NULL) {
        return true;
    }
    if (json_array_size(reading->items) >= reading->limit) {
        reading->more = true;
        json_decref(item);
        return false;
    }
    (void)snprintf(reading->last, sizeof reading->last, "%s", dr_rows_text(row, 0));
    (void)json_array_append_new(reading->items, item);
    return true;
}

static enum dr_status run_read(struct dr_call *call, struct dr_db *db, void *arguments)
{
    struct reading *reading = arguments;
    const struct dr_list *list = reading->list;
    struct dr_value values[2 + DR_LIST_VALUES_MAX];
    struct dr_rows rows;
    DR_TRY(find_begin(call, reading, &values[0]));
    DR_TRY(list->require != NULL ? list->require(call, db, list->owner) : DR_OK);
    /* One row more than the page tells whether there is another page. */
    values[1] = dr_value_int(list->filtered ? INT64_MAX : (int64_t)reading->limit + 1);
    for (size_t i = 0; i < list->value_count; i++) {
        values[2 + i] = list->values[i];
    }
    dr_db_select(db, &rows, reading->sql, values, 2 + list->value_count);
    bool goes_on = true;
    while (goes_on && dr_rows_next(&rows)) { /* bound: one page; filtered, all that is listed */
        goes_on = add(call, reading, &rows);
    }
    return dr_rows_end(&rows);
}

enum dr_status dr_list_read(
    struct dr_call *call, const struct dr_list *list, const struct dr_page *page, json_t **ret_body)
{
    struct reading reading = {
        .list = list, .sql = list->sql, .token = "", .limit = DR_SERVICE_PAGE_MAX};
    DR_CHECK(list->value_count <= DR_LIST_VALUES_MAX);
    if (page != NULL && page->descending && list->sql_down != NULL) {
        reading.sql = list->sql_down;
    }
    if (page != NULL && page->limit != 0 && page->limit < DR_SERVICE_PAGE_MAX) {
        reading.limit = page->limit;
    }
    if (page != NULL && page->token != NULL) {
        reading.token = page->token;
    }
    reading.items = json_array();
    enum dr_status status = dr_call_read(call, run_read, &reading);
    if (status != DR_OK) {
        json_decref(reading.items);
        return status;
    }
    json_t *body = json_object();
    dr_json_set(body, list->items_name, reading.items);
    if (reading.more) {
        dr_json_set_text(body, list->token_name, reading.last);
    }
    *ret_body = body;
    return DR_OK;
}
