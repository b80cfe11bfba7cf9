/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A profile's state as a small checked file. */
#ifndef DR_CLOUD_SIGNER_STATE_H
#define DR_CLOUD_SIGNER_STATE_H

#include "cloud/signer/policy.h"

/* A missing file is a state that has signed nothing. DR_E_CORRUPT: refused, a person must look. */
DR_MUST_USE enum dr_status
dr_signer_state_read(const char *path, struct dr_signer_state *ret_state);

/* Replaced in one step and durable when this returns. */
DR_MUST_USE enum dr_status
dr_signer_state_write(const char *path, const struct dr_signer_state *state);

#endif
