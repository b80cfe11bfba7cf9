/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Trust anchors in a boot ROM's bytes. */
#include "tools/provision/provision.h"

#include <string.h>

static const uint8_t magic[DR_TRUST_RECORD_MAGIC_BYTES] = {'D', 'R', 'T', 'R', 'U', 'S', 'T', '1'};

/* The one place where the magic stands with a record's room behind it; NULL for none or several. */
static const uint8_t *find(const uint8_t *rom, size_t rom_bytes)
{
    const uint8_t *found = NULL;
    size_t at = 0;
    while (rom_bytes - at >= DR_TRUST_RECORD_BYTES) { /* bound: rom_bytes */
        const uint8_t *next = memmem(rom + at, rom_bytes - at, magic, sizeof magic);
        if (next == NULL || (size_t)(rom + rom_bytes - next) < DR_TRUST_RECORD_BYTES) {
            break;
        }
        if (found != NULL) {
            return NULL;
        }
        found = next;
        at = (size_t)(next - rom) + 1u;
    }
    return found;
}

enum dr_status
dr_provision_burn(uint8_t *rom, size_t rom_bytes, const struct dr_trust_record *record)
{
    const uint8_t *found = find(rom, rom_bytes);
    if (found == NULL) {
        return DR_E_NOT_FOUND;
    }
    return dr_trust_record_encode(record, rom + (found - rom));
}

enum dr_status
dr_provision_read_trust(const uint8_t *rom, size_t rom_bytes, struct dr_trust_record *ret_record)
{
    const uint8_t *found = find(rom, rom_bytes);
    return found != NULL ? dr_trust_record_decode(found, ret_record) : DR_E_NOT_FOUND;
}
