/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/boot/state.h"

#include "base/check.h"
#include "device/boot/codec_priv.h"

#include <string.h>

static void code_facts(struct dr_codec *codec, struct dr_image_facts *facts)
{
    dr_code_bool(codec, &facts->known);
    dr_code_u8(codec, &facts->revocation);
    dr_code_u32(codec, &facts->counter);
    dr_code_order(codec, &facts->order);
}

static void code_trial(struct dr_codec *codec, struct dr_boot_trial *trial)
{
    dr_code_enum(codec, &trial->slot, DR_SLOT_B);
    dr_code_enum(codec, &trial->state, DR_IMAGE_CONFIRMED);
    dr_code_u8(codec, &trial->faults);
    dr_code_u8(codec, &trial->boots);
    dr_code_u8(codec, &trial->confirmed_boots);
    dr_code_digest(codec, trial->digest);
    code_facts(codec, &trial->facts);
}

static void code_state(struct dr_codec *codec, struct dr_boot_state *state)
{
    dr_code_enum(codec, &state->home, DR_SLOT_FACTORY);
    dr_code_enum(codec, &state->rung, DR_RUNG_FACTORY);
    dr_code_enum(codec, &state->retry_rung, DR_RUNG_FACTORY);
    dr_code_enum(codec, &state->last_sealed, DR_SLOT_B);
    dr_code_u8(codec, &state->lost_faults);
    dr_code_bool(codec, &state->journal_lost);
    for (size_t i = 0; i < DR_ARRAY_COUNT(state->sealed); i++) {
        dr_code_bool(codec, &state->sealed[i].valid);
        dr_code_digest(codec, state->sealed[i].digest);
        code_facts(codec, &state->sealed[i].facts);
    }
    code_facts(codec, &state->factory);
    code_trial(codec, &state->trial);
    dr_code_bool(codec, &state->floor_known);
    dr_code_order(codec, &state->floor);
    dr_code_digest(codec, state->floor_digest);
    dr_code_u32(codec, &state->target_security);
    dr_code_u32(codec, &state->target_revocation);
    dr_code_u32(codec, &state->target_epoch);
    dr_code_bool(codec, &state->sealed_ever);
    dr_code_u32(codec, &state->sealed_epoch);
    dr_code_rejections(codec, &state->rejections);
    dr_code_enum(codec, &state->rejection_next, DR_BOOT_REJECTIONS - 1u);
    dr_code_transition(codec, &state->last);
    dr_code_transition(codec, &state->refused);
}

void dr_boot_state_encode(const struct dr_boot_state *state, uint8_t out[DR_BOOT_STATE_BYTES])
{
    struct dr_boot_state copy = *state; /* the codec's fields are not const */
    struct dr_writer writer;
    dr_writer_init(&writer, out, DR_BOOT_STATE_BYTES);
    struct dr_codec codec = {.writer = &writer};
    code_state(&codec, &copy);
    dr_write_fill(&writer, 0, DR_BOOT_STATE_BYTES - writer.size_bytes);
    DR_CHECK(writer.status == DR_OK);
}

enum dr_status
dr_boot_state_decode(const uint8_t data[DR_BOOT_STATE_BYTES], struct dr_boot_state *ret_state)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, DR_BOOT_STATE_BYTES);
    struct dr_codec codec = {.reader = &reader};
    memset(ret_state, 0, sizeof *ret_state);
    code_state(&codec, ret_state);
    if (ret_state->home == DR_SLOT_NONE ||
        (ret_state->trial.slot != DR_SLOT_NONE && ret_state->trial.state == 0)) {
        dr_reader_fail(&reader, DR_E_RANGE);
    }
    return reader.status;
}
