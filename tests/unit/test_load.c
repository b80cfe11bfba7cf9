/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The loader: where an image may go, what it must be, and that only the copy in RAM counts. */
#include "tests/unit/check.h"

#include "crypto/crypto.h"
#include "crypto/sign.h"
#include "device/boot/load.h"
#include "format/der.h"
#include "format/image_write.h"

#define WINDOW_AT 0x20001000u
#define WINDOW_BYTES 8192u
#define PAYLOAD_BYTES 2048u
#define HEADER_BYTES 64u
#define LOAD_ADDRESS_AT 4u /* in the header */

/* What is stored, and a flash that may answer differently later. */
struct store {
    uint8_t bytes[WINDOW_BYTES + 1024u];
    uint32_t size;
    uint32_t reads;
    uint32_t changes_after; /* reads; 0: never */
    uint32_t fails_at;      /* this read, from 1; 0: none */
    uint32_t false_address; /* load address that the first read tells; 0: the true one */
    bool missing;
};

static struct store store;
static uint8_t memory[WINDOW_BYTES];
static uint8_t digest[DR_IMAGE_DIGEST_BYTES];
static const uint8_t private_key[DR_P256_PRIVATE_BYTES] = {9, 8, 7};
static struct dr_trust trust;
static struct dr_verify_workspace workspace;
static struct dr_loaded loaded;
static enum dr_reason reason;

static enum dr_status store_open(void *context, uint8_t slot, uint32_t *ret_size_bytes)
{
    struct store *from = context;
    (void)slot;
    from->reads = 0;
    *ret_size_bytes = from->size;
    return from->missing ? DR_E_NOT_FOUND : DR_OK;
}

static uint32_t fed; /* reads of nothing: pieces that were hashed */

static enum dr_status store_read(void *context, uint32_t offset, uint8_t *out, uint32_t size)
{
    struct store *from = context;
    if (offset > from->size || size > from->size - offset) {
        return DR_E_RANGE;
    }
    EXPECT(size <= DR_LOAD_PIECE_BYTES); /* each call feeds the watchdog */
    if (size == 0) {
        fed++;
        return DR_OK;
    }
    memcpy(out, from->bytes + offset, size);
    from->reads++;
    if (from->reads == from->fails_at) {
        return DR_E_IO;
    }
    if (from->false_address != 0 && from->reads == 1) {
        struct dr_writer writer;
        dr_writer_init(&writer, out + LOAD_ADDRESS_AT, 4);
        dr_write_u32(&writer, from->false_address);
    }
    if (from->changes_after != 0 && from->reads > from->changes_after) {
        out[size / 2] ^= 1;
    }
    return DR_OK;
}

static bool window_refuses;
static bool freeze_refuses;

static uint8_t *window_begin(void *context)
{
    (void)context;
    if (window_refuses) {
        return NULL;
    }
    memset(memory, 0xee, sizeof memory);
    return memory;
}

static const uint8_t *window_freeze(void *context, uint32_t size_bytes)
{
    (void)context;
    EXPECT(size_bytes <= sizeof memory);
    return freeze_refuses ? NULL : memory;
}

static const struct dr_load_source source = {&store, store_open, store_read};
static struct dr_load_window window = {
    .begin = window_begin,
    .freeze = window_freeze,
    .address = WINDOW_AT,
    .size_bytes = WINDOW_BYTES,
    .vectors = true,
};

struct made {
    uint32_t load_address;
    uint32_t stack;
    uint32_t entry;
    uint32_t counter;
    uint32_t min_rom;
    const char *product;
    uint32_t payload_bytes; /* 0: PAYLOAD_BYTES */
    uint16_t hang_s;        /* its own limit; 0: none */
};

static struct made usual(void)
{
    return (struct made){
        .load_address = WINDOW_AT,
        .stack = WINDOW_AT + WINDOW_BYTES,
        .entry = WINDOW_AT + HEADER_BYTES + 0x101,
        .counter = 5,
        .product = "lamp",
    };
}

static void make(const struct made *made)
{
    const struct dr_image_spec spec = {
        .version = {.major = 1},
        .load_address = made->load_address,
        .header_size_bytes = HEADER_BYTES,
        .has_security_counter = true,
        .security_counter = made->counter,
        .min_rom = made->min_rom,
        .product = made->product,
        .has_limits = made->hang_s != 0,
        .limits = {.hang_s = made->hang_s},
    };
    const uint32_t payload_bytes = made->payload_bytes != 0 ? made->payload_bytes : PAYLOAD_BYTES;
    uint8_t spki[DR_DER_SPKI_BYTES];
    uint8_t key_hash[DR_SHA256_BYTES];
    uint8_t signature[DR_P256_SIGNATURE_BYTES];
    uint8_t der[DR_DER_SIGNATURE_BYTES_MAX];
    struct dr_writer writer;
    struct dr_writer der_writer;
    memset(&store, 0, sizeof store);
    dr_writer_init(&writer, store.bytes, sizeof store.bytes);
    dr_image_write_head(&writer, &spec, payload_bytes);
    if (payload_bytes >= 8) {
        dr_write_u32(&writer, made->stack);
        dr_write_u32(&writer, made->entry);
    }
    dr_write_fill(&writer, 0x5a, payload_bytes >= 8 ? payload_bytes - 8 : payload_bytes);
    dr_image_write_protected(&writer, &spec);
    dr_sha256_once(&dr_crypto_openssl, writer.data, writer.size_bytes, digest);
    trust.key_count = 1;
    EXPECT_EQ(dr_p256_public_key(private_key, trust.keys[0]), DR_OK);
    EXPECT_EQ(dr_p256_sign(private_key, digest, signature), DR_OK);
    dr_der_spki_encode(trust.keys[0], spki);
    dr_sha256_once(&dr_crypto_openssl, spki, sizeof spki, key_hash);
    dr_writer_init(&der_writer, der, sizeof der);
    dr_der_signature_write(&der_writer, signature);
    dr_image_write_signature(&writer, digest, key_hash, der, der_writer.size_bytes);
    EXPECT_EQ(writer.status, DR_OK);
    store.size = (uint32_t)writer.size_bytes;
}

static const char *product = "lamp";
static const uint8_t *running_digest;
static bool at_floor; /* the image that was loaded last is the highest ever sealed */

static bool load_as(uint8_t slot, uint8_t state_of_image, uint32_t counter)
{
    const struct dr_boot_choice choice = {.slot = slot, .state = state_of_image, .digest = digest};
    struct dr_boot_state state = {.home = DR_SLOT_FACTORY, .target_security = counter};
    if (at_floor) {
        state.floor_known = true;
        state.floor = loaded.facts.order;
        memcpy(state.floor_digest, digest, sizeof state.floor_digest);
    }
    const struct dr_anchor_view anchor = {.life = DR_LIFE_LOCKED};
    const struct dr_load_rules rules = {
        .choice = &choice,
        .state = &state,
        .anchor = &anchor,
        .product = product,
        .policy = &dr_boot_policy_default,
        .running_digest = running_digest,
    };
    const struct dr_loader loader = {
        .crypto = &dr_crypto_openssl,
        .source = &source,
        .window = &window,
        .trust = &trust,
        .workspace = &workspace,
    };
    volatile enum dr_verdict verdict = DR_VERDICT_REJECT;
    verdict = dr_load_image(&loader, &rules, &loaded, &reason);
    return dr_verdict_is_accept(&verdict);
}

static bool load(void)
{
    return load_as(DR_SLOT_A, DR_IMAGE_SEALED, 5);
}

static void test_good(void)
{
    struct made made = usual();
    make(&made);
    fed = 0;
    EXPECT(load());
    EXPECT(fed >= store.size / DR_VERIFY_CHUNK_BYTES); /* while it was hashed, too */
    EXPECT_EQ(reason, DR_REASON_NONE);
    EXPECT_EQ(loaded.offset_bytes, 0);
    EXPECT_EQ(loaded.entry_offset_bytes, HEADER_BYTES);
    EXPECT_EQ(loaded.payload_size_bytes, PAYLOAD_BYTES);
    EXPECT_EQ(loaded.size_bytes, store.size);
    EXPECT_EQ(loaded.facts.counter, 5);
    EXPECT_EQ(loaded.limits.hang_s, dr_boot_policy_default.limits.hang_s);
    EXPECT(memcmp(memory, store.bytes, store.size) == 0);
}

static void test_higher_in_the_window(void)
{
    struct made made = usual();
    made.load_address = WINDOW_AT + 4096;
    made.entry = WINDOW_AT + 4096 + HEADER_BYTES;
    make(&made);
    EXPECT(load());
    EXPECT_EQ(loaded.offset_bytes, 4096);
    EXPECT(memcmp(memory + 4096, store.bytes, store.size) == 0);
    EXPECT_EQ(memory[4095], 0xee);
}

static void test_outside_the_window(void)
{
    const uint32_t addresses[] = {
        WINDOW_AT - 4,
        WINDOW_AT - WINDOW_BYTES,
        0x10,
        WINDOW_AT + WINDOW_BYTES,
        WINDOW_AT + WINDOW_BYTES - 16,
        0xfffffff0u,
        0x80000000u,
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(addresses); i++) {
        struct made made = usual();
        made.load_address = addresses[i];
        make(&made);
        EXPECT(!load());
    }
}

static void test_vectors(void)
{
    const struct {
        uint32_t stack;
        uint32_t entry;
        bool good;
    } rows[] = {
        {WINDOW_AT + WINDOW_BYTES, WINDOW_AT + HEADER_BYTES + 9, true},
        {WINDOW_AT, WINDOW_AT + HEADER_BYTES + 9, true},
        {WINDOW_AT + WINDOW_BYTES + 4, WINDOW_AT + HEADER_BYTES + 9, false},
        {WINDOW_AT - 4, WINDOW_AT + HEADER_BYTES + 9, false},
        {0, WINDOW_AT + HEADER_BYTES + 9, false},
        {WINDOW_AT + 64, WINDOW_AT + HEADER_BYTES - 1, false},
        {WINDOW_AT + 64, WINDOW_AT + HEADER_BYTES + PAYLOAD_BYTES + 1, false},
        {WINDOW_AT + 64, WINDOW_AT + HEADER_BYTES + PAYLOAD_BYTES - 1, true},
        {WINDOW_AT + 64, 0x41, false},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct made made = usual();
        made.stack = rows[i].stack;
        made.entry = rows[i].entry;
        make(&made);
        EXPECT_EQ(load(), rows[i].good);
        EXPECT_EQ(reason, rows[i].good ? DR_REASON_NONE : DR_REASON_LOAD_WINDOW);
    }
}

static void test_rules(void)
{
    struct made made = usual();
    make(&made);
    EXPECT(!load_as(DR_SLOT_A, DR_IMAGE_SEALED, 6));
    EXPECT_EQ(reason, DR_REASON_COUNTER);
    EXPECT(load_as(DR_SLOT_FACTORY, DR_IMAGE_FACTORY, 6)); /* by its pinned digest */
    made.product = "kettle";
    make(&made);
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_PRODUCT);
    made = usual();
    made.min_rom = 2;
    make(&made);
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_MIN_ROM);
}

/* Any changed byte, and any size but the image's own. */
static void test_damage(void)
{
    struct made made = usual();
    make(&made);
    for (uint32_t i = 0; i < store.size; i++) {
        store.bytes[i] ^= 0x10;
        EXPECT(!load());
        store.bytes[i] ^= 0x10;
    }
    store.size--;
    EXPECT(!load());
    store.size += 2;
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
    store.size = 20;
    EXPECT(!load());
    store.size = 0;
    EXPECT(!load());
    make(&made);
    store.missing = true;
    EXPECT(!load());
    make(&made);
    EXPECT(load());
}

static void test_other_image(void)
{
    struct made made = usual();
    make(&made);
    digest[5] ^= 1; /* genuine, but not the one that was recorded */
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
}

/* A flash that tells the truth once: whatever it says later, the image that runs is the one that
 * was hashed. */
static void test_changing_flash(void)
{
    struct made made = usual();
    make(&made);
    store.changes_after = 1; /* the header is true, the copy is not */
    EXPECT(!load());
    store.changes_after = 2; /* both are true, anything after is not */
    EXPECT(load());
    EXPECT(memcmp(memory, store.bytes, store.size) == 0);
}

/* Memory that is not given, reads that fail: no image, and no word against it. */
static void test_refusals_of_the_machine(void)
{
    struct made made = usual();
    make(&made);
    for (store.fails_at = 1; store.fails_at <= 2; store.fails_at++) {
        EXPECT(!load());
        EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
    }
    EXPECT(load()); /* there are only two */
    window_refuses = true;
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
    window_refuses = false;
    freeze_refuses = true;
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
    freeze_refuses = false;
    EXPECT(load());
}

/* The header that was read first decided where the image lies; the one that was signed says
 * elsewhere. */
static void test_header_that_changes(void)
{
    struct made made = usual();
    make(&made);
    store.false_address = WINDOW_AT + 1024;
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_FLASH_OR_SOURCE);
    store.false_address = WINDOW_AT;
    EXPECT(load());
}

/* A payload that is too short for its vectors. */
static void test_short_payload(void)
{
    for (uint32_t bytes = 4; bytes <= 8; bytes += 4) {
        struct made made = usual();
        made.payload_bytes = bytes;
        made.entry = WINDOW_AT + HEADER_BYTES + 1;
        make(&made);
        EXPECT_EQ(load(), bytes == 8);
        EXPECT_EQ(reason, bytes == 8 ? DR_REASON_NONE : DR_REASON_LOAD_WINDOW);
    }
}

/* The image's own limit where it has one, the board's elsewhere. */
static void test_own_limits(void)
{
    struct made made = usual();
    made.hang_s = 33;
    make(&made);
    EXPECT(load());
    EXPECT_EQ(loaded.limits.hang_s, 33);
    EXPECT_EQ(loaded.limits.seal_s, dr_boot_policy_default.limits.seal_s);
}

/* A board whose product has a name that no image can carry runs nothing. */
static void test_endless_product(void)
{
    char name[DR_IMAGE_PRODUCT_BYTES_MAX + 2u];
    struct made made = usual();
    memset(name, 'p', sizeof name);
    name[sizeof name - 1u] = '\0';
    make(&made);
    product = name;
    EXPECT(!load());
    EXPECT_EQ(reason, DR_REASON_PRODUCT);
    product = "lamp";
    EXPECT(load());
}

/* The very image at the floor may come again while another one runs, and not while it runs. */
static void test_candidate_at_the_floor(void)
{
    struct made made = usual();
    make(&made);
    EXPECT(load());
    at_floor = true;
    EXPECT(load_as(DR_SLOT_A, DR_IMAGE_CANDIDATE, 5));
    running_digest = digest;
    EXPECT(!load_as(DR_SLOT_A, DR_IMAGE_CANDIDATE, 5));
    EXPECT_EQ(reason, DR_REASON_ORDER);
    EXPECT(load_as(DR_SLOT_A, DR_IMAGE_SEALED, 5)); /* only what is new is held against it */
    running_digest = NULL;
    at_floor = false;
}

static void test_revoked(void)
{
    struct made made = usual();
    make(&made);
    trust.revoked = 1; /* not looked at: the anchor and the journal say what is revoked */
    EXPECT(load());
    trust.revoked = 0;
    EXPECT(loaded.unrevoked);
}

DR_TEST_MAIN(
    test_good, test_higher_in_the_window, test_outside_the_window, test_vectors, test_rules,
    test_damage, test_other_image, test_changing_flash, test_refusals_of_the_machine,
    test_header_that_changes, test_short_payload, test_own_limits, test_endless_product,
    test_candidate_at_the_floor, test_revoked)
