/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What exists outside of a simulated device: the product's keys and the images ever made for it.
 *
 * Built once, deterministic, read-only afterwards; every device of a run shares it. Signed with the
 * host's real ECDSA, so that what a ROM accepts or refuses here is what it would accept anywhere.
 */
#ifndef DR_SIM_WORLD_H
#define DR_SIM_WORLD_H

#include "crypto/crypto.h"
#include "device/flash/flash.h"
#include "device/verify/verify.h"

#include <stdint.h>

#define DR_SIM_PRODUCT "daruma-sim"
#define DR_SIM_IMAGE_BYTES 8192u

/* How an image's firmware behaves. */
enum dr_sim_conduct {
    DR_SIM_GOOD,
    DR_SIM_HANGS,      /* whenever it is a candidate */
    DR_SIM_FAILS,      /* its self-test, as a candidate */
    DR_SIM_HANGS_LATE, /* once it is confirmed */
    DR_SIM_LOOPS,      /* once it is sealed; not in safe mode */
};

/* X(name, sequence, counter, conduct, signed by the product, what it is) */
#define DR_SIM_IMAGE_LIST(X)                                                                       \
    X(DR_SIM_FACTORY, 1, 1, DR_SIM_GOOD, 1, "factory 1.0")                                         \
    X(DR_SIM_V11, 2, 2, DR_SIM_GOOD, 1, "1.1")                                                     \
    X(DR_SIM_V12, 3, 2, DR_SIM_GOOD, 1, "1.2")                                                     \
    X(DR_SIM_FOREIGN, 20, 20, DR_SIM_GOOD, 0, "signed by somebody else")                           \
    X(DR_SIM_BELOW, 21, 1, DR_SIM_GOOD, 1, "below the counter")                                    \
    X(DR_SIM_OLDER, 2, 9, DR_SIM_GOOD, 1, "of a lower order")                                      \
    X(DR_SIM_V13, 4, 4, DR_SIM_HANGS, 1, "1.3, which hangs")                                       \
    X(DR_SIM_V14, 5, 5, DR_SIM_FAILS, 1, "1.4, which fails its self-test")                         \
    X(DR_SIM_V15, 6, 6, DR_SIM_HANGS_LATE, 1, "1.5, which hangs once confirmed")                   \
    X(DR_SIM_V16, 7, 7, DR_SIM_GOOD, 1, "1.6")                                                     \
    X(DR_SIM_V17, 8, 8, DR_SIM_LOOPS, 1, "1.7, which crashes once sealed")                         \
    X(DR_SIM_V18, 9, 8, DR_SIM_GOOD, 1, "1.8")                                                     \
    X(DR_SIM_V19, 10, 9, DR_SIM_GOOD, 1, "1.9")

enum dr_sim_image_id {
#define DR_SIM_IMAGE_ENUM(name, sequence, counter, conduct, ours, text) name,
    DR_SIM_IMAGE_LIST(DR_SIM_IMAGE_ENUM)
#undef DR_SIM_IMAGE_ENUM
        DR_SIM_IMAGES,
};

struct dr_sim_image {
    uint8_t bytes[DR_SIM_IMAGE_BYTES];
    uint8_t digest[DR_IMAGE_DIGEST_BYTES];
    uint32_t counter;
    enum dr_sim_conduct conduct;
    bool ours;
    const char *text;
};

struct dr_sim_world {
    const struct dr_crypto *crypto;
    struct dr_flash_geometry geometry;
    struct dr_flash_map map;
    struct dr_trust trust;
    struct dr_sim_image images[DR_SIM_IMAGES];
};

void dr_sim_world_init(struct dr_sim_world *world, const struct dr_crypto *crypto);

/* The image with this digest, DR_SIM_IMAGES when none has it. */
enum dr_sim_image_id
dr_sim_image_find(const struct dr_sim_world *world, const uint8_t digest[DR_IMAGE_DIGEST_BYTES]);

#endif
