/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* One logfmt line per event on standard error, written in one piece. */
#ifndef DR_CLOUD_SERVER_LOG_H
#define DR_CLOUD_SERVER_LOG_H

/* fields: "level=info msg=ready port=1"; the time is put in front, the end of line behind. */
void dr_server_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
