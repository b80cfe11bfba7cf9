/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "ports.h"

#include "base/check.h"
#include "crypto/sign.h"
#include "device/anchor/core.h"
#include "device/boot/policy.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ----- flash: NOR rules over an array */

#define SECTOR 4096u
#define UNIT 32u

static uint8_t cells[2u * 1024u * 1024u];

static enum dr_status flash_read(void *context, uint32_t address, uint8_t *out, uint32_t size)
{
    (void)context;
    memcpy(out, cells + address, size);
    return DR_OK;
}

static enum dr_status
flash_program(void *context, uint32_t address, const uint8_t *data, uint32_t size)
{
    (void)context;
    for (uint32_t i = 0; i < size; i++) {
        if (cells[address + i] != 0xff) {
            return DR_E_IO; /* programmed twice between two erases */
        }
    }
    memcpy(cells + address, data, size);
    return DR_OK;
}

static enum dr_status flash_erase(void *context, uint32_t address, uint32_t size)
{
    (void)context;
    memset(cells + address, 0xff, size);
    return DR_OK;
}

static enum dr_status flash_sync(void *context)
{
    (void)context;
    return DR_OK;
}

const struct dr_flash my_flash = {
    .geometry =
        {
            .size_bytes = sizeof(cells),
            .sector_bytes = SECTOR,
            .program_unit_bytes = UNIT,
            .erased_value = 0xff,
        },
    .read = flash_read,
    .program = flash_program,
    .erase = flash_erase,
    .sync = flash_sync,
};

const struct dr_flash_map my_map = {
    .journal = {0, 2u * SECTOR},
    .requests = {2u * SECTOR, SECTOR},
    .vault = {0x10000u, 0x10000u},
    .slot_a = {0x20000u, 0xa0000u},
    .slot_b = {0xc0000u, 0xa0000u},
    .factory = {0x160000u, 0x90000u},
    .panel = {0x1ff000u, SECTOR},
};

/* ----- board: clock, watchdog, reset, console */

bool my_reset_wanted;

/* Since the reset, which is when it is asked first here: never the time of day. */
static uint64_t now_ms(void *context)
{
    static uint64_t reset_ms;
    struct timespec now;
    (void)context;
    (void)timespec_get(&now, TIME_UTC);
    uint64_t time_ms = (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
    if (reset_ms == 0) {
        reset_ms = time_ms;
    }
    return time_ms - reset_ms;
}

static void feed(void *context)
{
    (void)context; /* the watchdog's register */
}

static void reset(void *context)
{
    (void)context;
    my_reset_wanted = true; /* the reset register */
}

static uint8_t retained[DR_RETAINED_BYTES]; /* RAM that a reset leaves alone */

static enum dr_status retained_read(void *context, uint8_t out[DR_RETAINED_BYTES])
{
    (void)context;
    memcpy(out, retained, sizeof(retained));
    return DR_OK;
}

static enum dr_status retained_write(void *context, const uint8_t data[DR_RETAINED_BYTES])
{
    (void)context;
    memcpy(retained, data, sizeof(retained));
    return DR_OK;
}

static void log_line(void *context, const char *line)
{
    (void)context;
    printf("%s\n", line);
}

const struct dr_client_board my_board = {
    .now_ms = now_ms,
    .feed = feed,
    .reset = reset,
    .retained_read = retained_read,
    .retained_write = retained_write,
    .log = log_line,
};

_Noreturn void dr_check_failed(const char *file, int line)
{
    fprintf(stderr, "check failed: %s:%d\n", file, line);
    abort();
}

/* ----- secure element: its own logic, in this process instead of in a part */

static struct dr_anchor_core element;

static enum dr_status element_entropy(void *context, uint8_t *out, size_t size)
{
    (void)context;
    return dr_random_bytes(out, size);
}

static enum dr_status element_generate(
    void *context, uint8_t private_key[DR_P256_PRIVATE_BYTES],
    uint8_t public_key[DR_P256_PUBLIC_BYTES])
{
    (void)context;
    return dr_p256_generate(private_key, public_key);
}

static enum dr_status element_sign(
    void *context, const uint8_t private_key[DR_P256_PRIVATE_BYTES],
    const uint8_t digest[DR_SHA256_BYTES], uint8_t signature[DR_P256_SIGNATURE_BYTES])
{
    (void)context;
    return dr_p256_sign(private_key, digest, signature);
}

static enum dr_status element_persist(void *context, const uint8_t image[DR_ANCHOR_STATE_BYTES])
{
    (void)context;
    (void)image; /* the part's own memory */
    return DR_OK;
}

static enum dr_status transact(void *context, struct dr_anchor_exchange *exchange)
{
    (void)context;
    exchange->response_bytes = dr_anchor_core_handle(
        &element, now_ms(NULL), exchange->request, exchange->request_bytes, exchange->response);
    return exchange->response_bytes > 0 ? DR_OK : DR_E_TIMEOUT;
}

enum dr_status my_anchor(struct dr_anchor *anchor)
{
    static const struct dr_anchor_core_ops ops = {
        .entropy = element_entropy,
        .generate = element_generate,
        .sign = element_sign,
        .persist = element_persist,
    };
    static const struct dr_anchor_port port = {.transact = transact};
    uint8_t secret[DR_DEVICE_SECRET_BYTES];
    uint8_t seed[DR_SHA256_BYTES];
    uint8_t image[DR_ANCHOR_STATE_BYTES];
    DR_TRY(dr_random_bytes(secret, sizeof(secret)));
    DR_TRY(dr_random_bytes(seed, sizeof(seed)));
    dr_anchor_state_blank(image);
    DR_TRY(dr_anchor_core_start(&element, &dr_crypto_openssl, &ops, secret, image));
    dr_anchor_init(anchor, &dr_crypto_openssl, &port, DR_ANCHOR_KEY_NONE, NULL, seed);
    return DR_OK;
}

/* ----- hand-off: what Daruma's boot ROM leaves in RAM for the image it starts */

static bool read_key(const char *path, uint8_t ret_point[DR_P256_PUBLIC_BYTES])
{
    uint8_t point[1u + DR_P256_PUBLIC_BYTES];
    size_t size = 0;
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = file != NULL ? PEM_read_PUBKEY(file, NULL, NULL, NULL) : NULL;
    bool done = key != NULL &&
                EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point), &size) == 1 &&
                size == sizeof(point);
    if (done) {
        memcpy(ret_point, point + 1, DR_P256_PUBLIC_BYTES);
    }
    EVP_PKEY_free(key);
    if (file != NULL) {
        fclose(file);
    }
    return done;
}

bool my_boot_info(const char *public_pem_path, const char *product, struct dr_boot_info *ret_info)
{
    memset(cells, 0xff, sizeof(cells));
    memset(ret_info, 0, sizeof(*ret_info));
    ret_info->slot = DR_SLOT_FACTORY;
    ret_info->mode = DR_MODE_NORMAL;
    ret_info->state = DR_IMAGE_FACTORY;
    ret_info->spare = DR_SLOT_A;
    ret_info->limits = dr_boot_policy_default.limits;
    ret_info->limits_min = dr_boot_policy_default.limits_min;
    ret_info->limits_max = dr_boot_policy_default.limits_max;
    ret_info->trust.key_count = 1;
    snprintf(ret_info->product, sizeof(ret_info->product), "%s", product);
    struct dr_boot_keys *keys = &ret_info->keys;
    keys->present = DR_KEY_REQUEST | DR_KEY_SLOTS | DR_KEY_SYS_V1 | DR_KEY_VAULT_SYS;
    return dr_random_bytes(keys->request, sizeof(keys->request)) == DR_OK &&
           dr_random_bytes(keys->slot_a, sizeof(keys->slot_a)) == DR_OK &&
           dr_random_bytes(keys->sys_v1, sizeof(keys->sys_v1)) == DR_OK &&
           dr_random_bytes(keys->vault_sys, sizeof(keys->vault_sys)) == DR_OK &&
           read_key(public_pem_path, ret_info->trust.keys[0]);
}
