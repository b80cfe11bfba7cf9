/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#ifndef DR_TOOLS_PROVISION_PROVISION_PRIV_H
#define DR_TOOLS_PROVISION_PROVISION_PRIV_H

#include "tools/provision/provision.h"

#include <limits.h>
#include <stdbool.h>

#define DR_PROVISION_ROM_BYTES_MAX (32u * 1024u * 1024u)

/* Fill error->text and return status. */
enum dr_status
dr_provision_fail(struct dr_provision_error *error, enum dr_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* directory/name; false when it is too long. */
bool dr_provision_path(const char *directory, const char *name, char out[PATH_MAX]);

#endif
