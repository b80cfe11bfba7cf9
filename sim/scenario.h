/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The life of one device, as a list of phases, and what must hold after every reset of it.
 *
 * A phase has a goal, not a list of steps: the firmware looks at its hand-off and does what a good
 * agent would do next, so that a run can be interrupted anywhere and goes on by itself. What was
 * promised (a request that was written and read back) is noted in the script and held against what
 * the ROM does afterwards.
 */
#ifndef DR_SIM_SCENARIO_H
#define DR_SIM_SCENARIO_H

#include "sim/device.h"

enum dr_sim_act {
    DR_SIM_PROVISION,    /* make the device; its identity; lock */
    DR_SIM_UPDATE,       /* to target, until it is sealed */
    DR_SIM_REFUSE,       /* install target; the ROM must drop it, for `reason` */
    DR_SIM_REVERT,       /* install target; it undoes itself, for `reason` */
    DR_SIM_REJECT,       /* install target again; the ROM must not even try */
    DR_SIM_LATE_REVERT,  /* target confirms itself, then goes wrong */
    DR_SIM_PIN_PREVIOUS, /* a person asks for target */
    DR_SIM_PIN_FACTORY,
    DR_SIM_PIN_ERASE,
    DR_SIM_COMMAND_FACTORY, /* factory by request */
    DR_SIM_LADDER,          /* the sealed image loops: repaired from safe mode, by target */
};

struct dr_sim_phase {
    enum dr_sim_act act;
    enum dr_sim_image_id target;
    uint8_t reason;    /* enum dr_reason */
    bool seal_at_once; /* CONFIRM and SEAL in one boot */
    bool forge;        /* the issuer also writes a request that is not genuine */
    const char *title;
};

extern const struct dr_sim_phase dr_sim_phases[];
extern const size_t dr_sim_phase_count;

/* A record in the vault: the version that must be there, or the one that was being written. */
struct dr_sim_record {
    uint32_t kept;
    uint32_t tried;
    uint32_t epoch; /* of its content; records that are erased with the owner's data */
};

/* Where the story stands. Plain data; copied with the device. */
struct dr_sim_script {
    size_t phase;
    size_t until;              /* the phase before which a run ends, its image booted and not run */
    uint64_t phase_began;      /* operation */
    enum dr_sim_image_id base; /* what the device lives on */
    enum dr_sim_image_id kept; /* last sealed image, while factory runs; DR_SIM_IMAGES: none */

    /* Of this phase: promises that were made to the firmware. */
    bool install_written;
    bool confirm_written;
    bool seal_written;
    bool factory_written;
    bool target_confirmed; /* the hand-off has said so */
    uint32_t candidate_jumps;
    uint32_t resets;
    uint32_t epoch_before;

    /* Of the device's whole life. */
    uint32_t counters[DR_ANCHOR_COUNTERS]; /* highest seen */
    uint32_t sealed_counter;               /* of all images sealed so far, the highest */
    bool sealed_any;
    uint32_t sealed_epoch;
    struct dr_sim_record job;
    struct dr_sim_record owner;
    struct dr_sim_record net;
    struct dr_sim_record join;    /* as every image sees it but `bundled` */
    enum dr_sim_image_id bundled; /* brought a version of its own; DR_SIM_IMAGES: none did */
    struct dr_sim_record lock;
};

void dr_sim_script_init(struct dr_sim_script *script);

/* One start of the device and one run of what it boots. False: the case is over, with a verdict. */
bool dr_sim_step(struct dr_sim_device *device, struct dr_sim_script *script);

/* Steps until phase `until` begins, or the list ends. False as above; also LOST when a phase does
 * not reach its goal. */
bool dr_sim_run(struct dr_sim_device *device, struct dr_sim_script *script, size_t until);

/* The hand-off, against everything that must hold. Failures are noted in the device. */
void dr_sim_check_boot(struct dr_sim_device *device, struct dr_sim_script *script);

/* The firmware: how its run ended. */
enum dr_sim_end {
    DR_SIM_END_PLANNED,
    DR_SIM_END_FAULT,
    DR_SIM_END_OFF, /* the power went */
};
enum dr_sim_end dr_sim_firmware(struct dr_sim_device *device, struct dr_sim_script *script);

/* Manufacture, by a host: the factory slot is written and read back, its digest pinned. Goes on
 * where it was interrupted. */
void dr_sim_manufacture(struct dr_sim_device *device);

/* Does slot hold exactly this image? Reads past the port: costs no operation. */
bool dr_sim_slot_holds(
    struct dr_sim_device *device, enum dr_slot_id slot, enum dr_sim_image_id image);

/* Download an image into the slot as the client does: resume or begin, write, read back, verify.
 * False: not there (yet). */
bool dr_sim_download(
    struct dr_sim_device *device, enum dr_slot_id slot, const uint8_t slot_key[DR_BOOT_KEY_BYTES],
    enum dr_sim_image_id image, uint32_t journal_sequence);

/* The vault's records, checked at each boot and rewritten before each request. */
void dr_sim_records_check(struct dr_sim_device *device, struct dr_sim_script *script);
bool dr_sim_records_write(struct dr_sim_device *device, struct dr_sim_script *script);

/* Before INSTALL: what target brings with it, or nothing. False: not done (yet). */
bool dr_sim_bundle_write(
    struct dr_sim_device *device, struct dr_sim_script *script, enum dr_sim_image_id target);

#endif
