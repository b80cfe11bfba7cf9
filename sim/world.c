/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "sim/world.h"

#include "base/check.h"
#include "crypto/sign.h"
#include "format/der.h"
#include "format/image_write.h"
#include "sim/power.h"

#include <string.h>

#define SECTOR_BYTES 4096u
#define SLOT_SECTORS 5u
#define HEADER_BYTES 64u

static const struct {
    uint32_t sequence;
    uint32_t counter;
    enum dr_sim_conduct conduct;
    bool ours;
    const char *text;
} image_list[] = {
#define IMAGE_ROW(name, sequence, counter, conduct, ours, text)                                    \
    {sequence, counter, conduct, ours, text},
    DR_SIM_IMAGE_LIST(IMAGE_ROW)
#undef IMAGE_ROW
};

struct maker {
    const struct dr_crypto *crypto;
    uint8_t private_key[DR_P256_PRIVATE_BYTES];
    uint8_t public_key[DR_P256_PUBLIC_BYTES];
};

static void make_key(struct maker *maker, const struct dr_crypto *crypto, uint64_t seed)
{
    maker->crypto = crypto;
    for (size_t i = 0; i < sizeof maker->private_key; i++) {
        maker->private_key[i] = (uint8_t)dr_sim_random(&seed);
    }
    maker->private_key[0] &= 0x7f; /* below the group order */
    DR_CHECK(dr_p256_public_key(maker->private_key, maker->public_key) == DR_OK);
}

static void write_signature(
    const struct maker *maker, struct dr_writer *writer, uint8_t digest[DR_IMAGE_DIGEST_BYTES])
{
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    uint8_t spki[DR_DER_SPKI_BYTES];
    uint8_t key_hash[DR_SHA256_BYTES];
    uint8_t der[DR_DER_SIGNATURE_BYTES_MAX];
    struct dr_writer der_writer;
    dr_sha256_once(maker->crypto, writer->data, writer->size_bytes, digest);
    DR_CHECK(dr_p256_sign(maker->private_key, digest, signature) == DR_OK);
    dr_der_spki_encode(maker->public_key, spki);
    dr_sha256_once(maker->crypto, spki, sizeof spki, key_hash);
    dr_writer_init(&der_writer, der, sizeof der);
    dr_der_signature_write(&der_writer, signature);
    dr_image_write_signature(writer, digest, key_hash, der, der_writer.size_bytes);
}

/* One try at an image of exactly DR_SIM_IMAGE_BYTES; the signature's length varies, so the payload
 * is adjusted until it fits. Returns the size that came out. */
static size_t
make_image(const struct maker *maker, struct dr_sim_image *image, size_t index, uint32_t payload)
{
    static uint8_t buffer[DR_SIM_IMAGE_BYTES + 1024u];
    const struct dr_image_spec spec = {
        .version = {.major = 1, .minor = (uint8_t)index},
        .header_size_bytes = HEADER_BYTES,
        .has_security_counter = true,
        .security_counter = image_list[index].counter,
        .has_sequence = true,
        .sequence = image_list[index].sequence,
        .product = DR_SIM_PRODUCT,
    };
    struct dr_writer writer;
    dr_writer_init(&writer, buffer, sizeof buffer);
    dr_image_write_head(&writer, &spec, payload);
    uint64_t noise = index + 1u;
    for (uint32_t i = 0; i < payload; i++) {
        dr_write_u8(&writer, (uint8_t)dr_sim_random(&noise));
    }
    dr_image_write_protected(&writer, &spec);
    write_signature(maker, &writer, image->digest);
    DR_CHECK(writer.status == DR_OK);
    memcpy(image->bytes, buffer, sizeof image->bytes);
    return writer.size_bytes;
}

static void init_map(struct dr_sim_world *world)
{
    const struct {
        struct dr_flash_area *area;
        uint32_t sectors;
    } areas[] = {
        {&world->map.journal, 2},
        {&world->map.requests, 1},
        {&world->map.slot_a, SLOT_SECTORS},
        {&world->map.slot_b, SLOT_SECTORS},
        {&world->map.factory, SLOT_SECTORS},
        {&world->map.vault, 8},
        {&world->map.panel, 1},
    };
    uint32_t at = 0;
    for (size_t i = 0; i < DR_ARRAY_COUNT(areas); i++) {
        *areas[i].area = (struct dr_flash_area){at, areas[i].sectors * SECTOR_BYTES};
        at += areas[i].sectors * SECTOR_BYTES;
    }
    world->geometry = (struct dr_flash_geometry){
        .size_bytes = at,
        .sector_bytes = SECTOR_BYTES,
        .program_unit_bytes = 32,
        .erased_value = 0xff,
    };
    DR_CHECK(dr_flash_map_check(&world->map, &world->geometry) == DR_OK);
}

void dr_sim_world_init(struct dr_sim_world *world, const struct dr_crypto *crypto)
{
    struct maker product;
    struct maker stranger;
    memset(world, 0, sizeof *world);
    world->crypto = crypto;
    init_map(world);
    make_key(&product, crypto, 1);
    make_key(&stranger, crypto, 2);
    world->trust.key_count = 1;
    memcpy(world->trust.keys[0], product.public_key, sizeof world->trust.keys[0]);
    for (size_t i = 0; i < DR_SIM_IMAGES; i++) {
        struct dr_sim_image *image = &world->images[i];
        image->counter = image_list[i].counter;
        image->conduct = image_list[i].conduct;
        image->ours = image_list[i].ours;
        image->text = image_list[i].text;
        const struct maker *maker = image->ours ? &product : &stranger;
        uint32_t payload = DR_SIM_IMAGE_BYTES - 512u;
        size_t size = make_image(maker, image, i, payload);
        while (size != DR_SIM_IMAGE_BYTES) { /* bound: DER lengths differ by at most 2 */
            payload = (uint32_t)(payload + DR_SIM_IMAGE_BYTES - size);
            size = make_image(maker, image, i, payload);
        }
    }
}

enum dr_sim_image_id
dr_sim_image_find(const struct dr_sim_world *world, const uint8_t digest[DR_IMAGE_DIGEST_BYTES])
{
    size_t i = 0;
    while (i < DR_SIM_IMAGES &&
           memcmp(world->images[i].digest, digest, DR_IMAGE_DIGEST_BYTES) != 0) {
        i++;
    }
    return (enum dr_sim_image_id)i;
}
