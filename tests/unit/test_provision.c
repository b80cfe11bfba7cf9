/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* First power-on, from the requests to the lock, and a cut or a dead line at each step of it. */
#include "boards/provision.c"

#include "tests/unit/vault_rig.h"

/* What the factory was told, and what it says. */
static struct {
    unsigned requests;
    enum dr_wire_csr kinds[2];
    char pem[2][DR_CSR_PEM_BYTES_MAX];
    unsigned steps; /* so many are answered, then the line is dead */
    unsigned dones;
    const struct dr_bundle *bundle;
    size_t cut; /* bytes that the answer is short of */
    enum dr_anchor_lifecycle told_in;
} factory;

static struct device device;

static bool answers(void)
{
    return factory.steps > 0 && factory.steps-- > 0;
}

static enum dr_status
take_request(void *context, enum dr_wire_csr kind, const char *pem, size_t len)
{
    EXPECT(context == &factory && strlen(pem) == len && factory.requests < 2u);
    if (!answers()) {
        return DR_E_CLOSED;
    }
    factory.kinds[factory.requests] = kind;
    snprintf(factory.pem[factory.requests++], DR_CSR_PEM_BYTES_MAX, "%s", pem);
    return DR_OK;
}

static enum dr_status
give_bundle(void *context, uint8_t *out, size_t capacity_bytes, size_t *ret_size_bytes)
{
    EXPECT(context == &factory && factory.requests == 2);
    if (!answers()) {
        return DR_E_CLOSED;
    }
    EXPECT_EQ(dr_bundle_encode(factory.bundle, out, capacity_bytes, ret_size_bytes), DR_OK);
    *ret_size_bytes -= factory.cut;
    return DR_OK;
}

static enum dr_anchor_lifecycle lifecycle(void)
{
    struct dr_anchor_status status = {0};
    EXPECT_EQ(dr_anchor_status(&device.rom, &status), DR_OK);
    return status.lifecycle;
}

static enum dr_status take_done(void *context)
{
    EXPECT(context == &factory);
    factory.told_in = lifecycle();
    factory.dones++;
    return answers() ? DR_OK : DR_E_CLOSED;
}

static void log_line(void *context, const char *line)
{
    EXPECT(context == &factory && strncmp(line, "provisioning: ", 14) == 0);
}

static enum dr_status
public_key(void *context, enum dr_anchor_identity identity, uint8_t ret_key[DR_P256_PUBLIC_BYTES])
{
    memset(ret_key, (int)identity + 1, DR_P256_PUBLIC_BYTES);
    return context == NULL ? DR_OK : DR_E_IO;
}

static enum dr_status sign(
    void *context, enum dr_anchor_identity identity, const uint8_t digest[DR_SHA256_BYTES],
    uint8_t ret_signature[DR_P256_SIGNATURE_BYTES])
{
    (void)identity;
    (void)digest;
    memset(ret_signature, 1, DR_P256_SIGNATURE_BYTES);
    return context == NULL ? DR_OK : DR_E_IO;
}

static struct dr_identity_signer signer = {NULL, public_key, sign};

static enum dr_status run(const struct dr_bundle *bundle, unsigned steps)
{
    static const struct dr_provision_port port = {take_request, give_bundle, take_done, log_line};
    static uint8_t buffer[1024];
    const struct dr_provision provision = {
        .port = &port,
        .context = &factory,
        .signer = &signer,
        .crypto = &dr_crypto_openssl,
        .anchor = &device.rom,
        .vault = &device.vault,
        .buffer = buffer,
        .buffer_bytes = sizeof buffer,
    };
    factory.requests = factory.dones = 0;
    factory.bundle = bundle;
    factory.steps = steps;
    return dr_provision_run(&provision);
}

static void begin(void)
{
    static const uint8_t digest[DR_SHA256_BYTES] = {1};
    memset(&factory, 0, sizeof factory);
    device_make(&device, 1);
    EXPECT_EQ(dr_anchor_pin_factory(&device.rom, digest), DR_OK);
}

static struct dr_bundle_text text(const char *words)
{
    return (struct dr_bundle_text){words, strlen(words)};
}

static struct dr_bundle small_bundle(void)
{
    return (struct dr_bundle){
        .thing_name = text("lamp-1"),
        .mqtt_host = text("cloud.example"),
        .mqtt_port = 8883,
        .ca_pem = text("CA"),
        .normal_certificate_pem = text("normal"),
        .recovery_certificate_pem = text("recovery"),
    };
}

static void expect_kept(void)
{
    static char ca[DR_PEM_BYTES_MAX];
    static char certificate[DR_PEM_BYTES_MAX];
    struct dr_endpoint endpoint;
    EXPECT_EQ(dr_identity_endpoint(&device.vault, &endpoint), DR_OK);
    EXPECT_STR(endpoint.thing, "lamp-1");
    EXPECT_STR(endpoint.host, "cloud.example");
    EXPECT_EQ(endpoint.port, 8883);
    EXPECT_EQ(dr_identity_certificates(&device.vault, false, ca, certificate), DR_OK);
    EXPECT_STR(ca, "CA");
    EXPECT_STR(certificate, "normal");
    EXPECT_EQ(dr_identity_certificates(&device.vault, true, ca, certificate), DR_OK);
    EXPECT_STR(certificate, "recovery");
}

static void everything_in_order(void)
{
    const struct dr_bundle bundle = small_bundle();
    char expected[DR_CSR_PEM_BYTES_MAX];
    begin();
    EXPECT_EQ(run(&bundle, 4), DR_OK);
    EXPECT(factory.requests == 2 && factory.dones == 1);
    EXPECT(factory.kinds[0] == DR_WIRE_CSR_NORMAL && factory.kinds[1] == DR_WIRE_CSR_RECOVERY);
    for (unsigned i = 0; i < 2u; i++) {
        enum dr_anchor_identity identity =
            i == 0 ? DR_ANCHOR_IDENTITY_NORMAL : DR_ANCHOR_IDENTITY_RECOVERY;
        EXPECT_EQ(
            dr_identity_csr(&signer, &dr_crypto_openssl, identity, common_name, expected), DR_OK);
        EXPECT_STR(factory.pem[i], expected);
    }
    EXPECT_EQ(factory.told_in, DR_ANCHOR_LOCKED); /* not before */
    expect_kept();
    device_end(&device);
}

static void what_may_be_absent(void)
{
    static const char network[] = {'h', 'o', 'm', 'e', '\0', 'p', 'a',
                                   's', 's', 'w', 'o', 'r',  'd'};
    struct dr_bundle bundle = small_bundle();
    uint8_t kept[64];
    uint32_t kept_bytes = 0;
    begin();
    EXPECT_EQ(run(&bundle, 4), DR_OK);
    EXPECT_EQ(
        dr_vault_read(&device.vault, &dr_identity_network_file, kept, sizeof kept, &kept_bytes),
        DR_E_NOT_FOUND);
    device_end(&device);
    bundle.network = (struct dr_bundle_text){network, sizeof network};
    bundle.bundle_key = text("0123456789abcdef0123456789abcdef");
    begin();
    EXPECT_EQ(run(&bundle, 4), DR_OK);
    EXPECT_EQ(
        dr_vault_read(&device.vault, &dr_identity_network_file, kept, sizeof kept, &kept_bytes),
        DR_OK);
    EXPECT(kept_bytes == sizeof network && memcmp(kept, network, sizeof network) == 0);
    EXPECT(holds_text(&device, &dr_identity_bundle_key_file, bundle.bundle_key.text));
    device_end(&device);
}

static void again_after_each_step(void)
{
    const struct dr_bundle bundle = small_bundle();
    for (unsigned steps = 0; steps < 4u; steps++) {
        begin();
        EXPECT_EQ(run(&bundle, steps), DR_E_CLOSED);
        EXPECT(
            factory.dones == (steps == 3u) && (lifecycle() == DR_ANCHOR_LOCKED) == (steps == 3u));
        EXPECT_EQ(run(&bundle, 4), DR_OK);
        EXPECT(factory.dones == 1 && factory.told_in == DR_ANCHOR_LOCKED);
        expect_kept();
        device_end(&device);
    }
}

static void nothing_is_locked_without_an_identity(void)
{
    const struct dr_bundle bundle = small_bundle();
    struct dr_endpoint endpoint;
    begin();
    for (factory.cut = 1; factory.cut < 13u; factory.cut++) { /* 13: without its last field */
        EXPECT(run(&bundle, 4) != DR_OK);
    }
    factory.cut = 0;
    signer.context = &factory; /* no key to ask for */
    EXPECT_EQ(run(&bundle, 4), DR_E_IO);
    signer.context = NULL;
    EXPECT_EQ(dr_identity_endpoint(&device.vault, &endpoint), DR_E_NOT_FOUND);
    EXPECT(lifecycle() != DR_ANCHOR_LOCKED && factory.dones == 0);
    device_end(&device);
}

DR_TEST_MAIN(
    everything_in_order, what_may_be_absent, again_after_each_step,
    nothing_is_locked_without_an_identity)
