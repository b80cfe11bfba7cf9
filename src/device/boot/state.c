/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/state.h"

#include "base/check.h"
#include "device/boot/fields_priv.h"

#include <string.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): the arguments are names of members */
#define FACTS(member)                                                                              \
    DR_BOOL(struct dr_boot_state, member.known), DR_U32(struct dr_boot_state, member.counter),     \
        DR_RUN(struct dr_boot_state, member.revocation, member.revocation),                        \
        DR_ORDER(struct dr_boot_state, member.order)
#define SEALED(index)                                                                              \
    DR_BOOL(struct dr_boot_state, sealed[index].valid),                                            \
        DR_BYTES(struct dr_boot_state, sealed[index].digest), FACTS(sealed[index].facts)
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct dr_field fields[] = {
    DR_RUN(struct dr_boot_state, home, rejection_next),
    DR_BOOL(struct dr_boot_state, journal_lost),
    DR_BOOL(struct dr_boot_state, floor_known),
    DR_BOOL(struct dr_boot_state, sealed_ever),
    DR_RUN(struct dr_boot_state, trial.slot, trial.digest),
    FACTS(trial.facts),
    DR_U32(struct dr_boot_state, target_security),
    DR_U32(struct dr_boot_state, target_revocation),
    DR_U32(struct dr_boot_state, target_epoch),
    DR_U32(struct dr_boot_state, sealed_epoch),
    DR_ORDER(struct dr_boot_state, floor),
    DR_BYTES(struct dr_boot_state, floor_digest),
    SEALED(0),
    SEALED(1),
    FACTS(factory),
    DR_RUN(struct dr_boot_state, last, refused),
    DR_REJECTIONS(struct dr_boot_state),
};

void dr_boot_state_encode(const struct dr_boot_state *state, uint8_t out[DR_BOOT_STATE_BYTES])
{
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_BOOT_STATE_BYTES);
    dr_fields_write(fields, DR_ARRAY_COUNT(fields), state, &writer);
    dr_write_fill(&writer, 0, DR_BOOT_STATE_BYTES - writer.size_bytes);
}

enum dr_status
dr_boot_state_decode(const uint8_t data[DR_BOOT_STATE_BYTES], struct dr_boot_state *ret_state)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, DR_BOOT_STATE_BYTES);
    memset(ret_state, 0, sizeof *ret_state);
    dr_fields_read(fields, DR_ARRAY_COUNT(fields), ret_state, &reader);
    /* The values that index something; all others are compared only. */
    bool inside = ret_state->home - 1u < DR_SLOT_FACTORY && ret_state->last_sealed <= DR_SLOT_B &&
                  ret_state->trial.slot <= DR_SLOT_B &&
                  (ret_state->trial.slot == DR_SLOT_NONE) == (ret_state->trial.state == 0) &&
                  ret_state->rejection_next < DR_BOOT_REJECTIONS;
    return inside ? reader.status : DR_E_RANGE;
}
