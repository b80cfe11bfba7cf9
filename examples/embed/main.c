/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* my_firmware PUBLIC-KEY.pem PRODUCT IMAGE: offer the image to a device that believes this key, and
 * see it verified, written and asked for, or refused with the reason. Ends 0 when the agent wants
 * the reset into it. */
#include "device/client/client.h"
#include "device/client/identity.h"
#include "network.h"
#include "ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURNS_MAX 100000u

static uint8_t image[600u * 1024u];
static struct dr_client client;
static struct dr_boot_info info;
static struct dr_anchor anchor;
static struct dr_link network;
static uint8_t scratch[4096];

/* In the factory. Yours hands out certificate requests (dr_identity_csr) and gets certificates. */
static enum dr_status provision(void)
{
    static const struct dr_identity_text text = {"(PEM)", 5};
    struct dr_identity_bundle bundle = {
        .endpoint = {.port = 8883, .thing = "my-thing", .host = "updates.example"},
        .ca = text,
        .normal_certificate = text,
        .recovery_certificate = text,
    };
    return dr_identity_store(&client.vault, &bundle);
}

static enum dr_status run(void)
{
    const struct dr_client_config config = {
        .crypto = &dr_crypto_openssl,
        .flash = &my_flash,
        .map = &my_map,
        .anchor = &anchor,
        .link = &network,
        .info = &info,
        .board = my_board,
        .scratch = scratch,
        .scratch_bytes = sizeof(scratch),
        .block_bytes = 4096,
        .window_bytes = 32768,
        .batch_sectors = 1,
    };
    DR_TRY(my_anchor(&anchor));
    DR_TRY(dr_client_open(&client, &config));
    DR_TRY(provision());
    DR_TRY(dr_client_start(&client));
    dr_client_self_test(&client, true, NULL);
    for (unsigned i = 0; i < TURNS_MAX && !my_reset_wanted; i++) {
        dr_client_turn(&client, 100); /* your task's loop */
        if (my_network_refusal() != DR_REASON_NONE) {
            return DR_E_DENIED;
        }
    }
    return my_reset_wanted ? DR_OK : DR_E_TIMEOUT;
}

static int tell(enum dr_status status)
{
    enum dr_reason reason = my_network_refusal();
    if (status == DR_OK) {
        printf("update: verified, written, asked for\n");
    } else if (reason != DR_REASON_NONE) {
        printf("update: refused: %s (%s)\n", dr_reason_text(reason), dr_reason_word(reason));
    } else {
        printf("update: not done: %s\n", dr_status_text(status));
    }
    return status == DR_OK ? 0 : 1;
}

int main(int count, char **words)
{
    if (count != 4) {
        fprintf(stderr, "usage: my_firmware PUBLIC-KEY.pem PRODUCT IMAGE\n");
        return 64;
    }
    FILE *file = fopen(words[3], "rb");
    size_t size = file != NULL ? fread(image, 1, sizeof(image), file) : 0;
    if (size == 0) {
        fprintf(stderr, "my_firmware: %s cannot be read, or is empty\n", words[3]);
        return 1;
    }
    fclose(file);
    if (!my_boot_info(words[1], words[2], &info)) {
        fprintf(stderr, "my_firmware: %s holds no public key in PEM (FILE.pub)\n", words[1]);
        return 1;
    }
    my_network(image, (uint32_t)size, &network);
    return tell(run());
}
