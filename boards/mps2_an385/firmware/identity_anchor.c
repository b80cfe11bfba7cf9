/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The identity keys are the secure element's: this program never sees them. */
#include "boards/mps2_an385/firmware/firmware.h"

void dr_firmware_signer(struct dr_firmware *firmware, struct dr_identity_signer *ret_signer)
{
    dr_identity_signer_anchor(&firmware->anchor, ret_signer);
}
