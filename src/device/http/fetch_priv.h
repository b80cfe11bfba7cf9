/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the files of device/http share. */
#ifndef DR_DEVICE_HTTP_FETCH_PRIV_H
#define DR_DEVICE_HTTP_FETCH_PRIV_H

#include "device/http/fetch.h"

#define DR_HTTP_RANGE_BYTES 25u /* "4294967295-4294967295\r\n\r\n" */

/* want.c */

/* The next blocks to ask for, one run; false: none. They count as sent. */
bool dr_http_next_run(struct dr_http *http, struct dr_http_sent *ret_run);

/* Is this block wanted still? Then it is not any more. */
bool dr_http_settle(struct dr_http *http, uint32_t index);

/* Everything that is owed has to be asked for again. */
void dr_http_unsend(struct dr_http *http);

#endif
