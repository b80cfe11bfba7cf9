/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Lists: what every List... call shares. For cloud/service and this room.
 *
 * A list is rows in the order of a key, and each row an item. A page is the items after a token, at
 * most dr_page.limit of them (DR_SERVICE_PAGE_MAX when that is 0 or more). When the list goes on
 * behind it, the answer carries a token too: the key of the page's last item, as plain text. So a
 * page begins after a key and not at a position: rows that come and go between two calls neither
 * repeat nor hide others, a token outlives its row, and a page costs one search in an index.
 *
 *     static json_t *item(const struct dr_call *call, const struct dr_rows *row,
 *                         const void *context)
 *     {
 *         return json_pack("{s:s}", "streamId", dr_rows_text(row, 0));
 *     }
 *
 *     const struct dr_list list = {
 *         .sql = "SELECT id FROM stream WHERE id > ?1 ORDER BY id LIMIT ?2",
 *         .item = item, .items_name = "streams", .token_name = "nextToken"};
 *     return dr_list_read(call, &list, page, ret_body);
 */
#ifndef DR_CLOUD_REGISTRY_PAGE_H
#define DR_CLOUD_REGISTRY_PAGE_H

#include "cloud/registry/call.h"
#include "cloud/store/store.h"

#define DR_LIST_VALUES_MAX 4u

enum dr_list_key {
    DR_LIST_TEXT,   /* text upwards; the first page begins after "" (or sql_down sees to it) */
    DR_LIST_OLDEST, /* row numbers upwards; the first page begins after 0 */
    DR_LIST_NEWEST, /* row numbers downwards; the first page begins before INT64_MAX */
};

/* One list, everything in it borrowed for the call. */
struct dr_list {
    /* Column 0 is the key. ?1 is where the page begins, ?2 how many rows to read, and ?3, ?4, ...
     * are values. The SQL compares with ?1 and orders as key says. sql_down is the same the other
     * way round, for dr_page.descending; NULL: this list has one order, whatever is asked for. */
    const char *sql;
    const char *sql_down;
    enum dr_list_key key;
    const struct dr_value *values; /* this and value_count: as DR_VALUES gives them */
    size_t value_count;            /* up to DR_LIST_VALUES_MAX */

    /* What the list belongs to, and how its absence is noted. require NULL: nothing. */
    enum dr_status (*require)(struct dr_call *call, struct dr_db *db, const char *owner);
    const char *owner;

    /* A new reference. NULL leaves the row out, for a list that is filtered; then as many rows are
     * read as the page needs. */
    json_t *(*item)(const struct dr_call *call, const struct dr_rows *row, const void *context);
    const void *context;
    bool filtered;

    const char *items_name; /* of the answer's members */
    const char *token_name;
};

/* sql and sql_down of a list by a text. select ends with WHERE or with AND. */
#define DR_LIST_BOTH_WAYS(select, key)                                                             \
    .sql = select " " key " > ?1 ORDER BY " key " LIMIT ?2",                                       \
    .sql_down = select " (?1 = '' OR " key " < ?1) ORDER BY " key " DESC LIMIT ?2"

/* One page, in one consistent view of the store. page NULL: the first, as large as may be. On
 * DR_OK *ret_body is {items_name: [...], token_name: token}, the caller's, without a token on the
 * last page; otherwise it is not touched.
 *
 * DR_E_ARGUMENT  noted as InvalidRequest: the key is a number and the token is none.
 * DR_E_NOT_FOUND and whatever else require notes.
 * Others         the store's, noted as dr_call_outcome does. */
DR_MUST_USE enum dr_status dr_list_read(
    struct dr_call *call, const struct dr_list *list, const struct dr_page *page,
    json_t **ret_body);

#endif
