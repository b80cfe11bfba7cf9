/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/image.h"

#include "base/check.h"
#include "base/text.h"
#include "cli/key.h"
#include "format/image_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXTRAS_MAX 16u
#define EXTRA_BYTES_MAX 1024u
#define ABSENT UINT64_MAX

struct request {
    struct dr_image_spec spec;
    struct dr_image_extra extras[EXTRAS_MAX];
    uint8_t extra_bytes[EXTRA_BYTES_MAX];
    const char *key_path;
    const char *files[2];

    /* as given on the command line */
    const char *version;
    const char *counter;
    const char *limits;
    const char *tlvs;
    uint64_t sequence;
    uint64_t load_address;
    uint64_t min_rom;
    uint64_t revoke;
    uint64_t header_size;
};

static bool parse_u32(const char *text, uint32_t *ret_number)
{
    char *end = NULL;
    unsigned long long number = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number > UINT32_MAX) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* "hang,health,soak,seal" in seconds. */
static bool parse_limits(const char *text, struct dr_image_limits *ret_limits)
{
    unsigned seconds[4];
    char behind = '\0';
    int count = sscanf(
        text, "%5u,%5u,%5u,%5u%c", &seconds[0], &seconds[1], &seconds[2], &seconds[3], &behind);
    for (int i = 0; i < 4 && count == 4; i++) {
        count = seconds[i] <= UINT16_MAX ? count : 0;
    }
    if (count != 4) {
        return false;
    }
    ret_limits->hang_s = (uint16_t)seconds[0];
    ret_limits->health_s = (uint16_t)seconds[1];
    ret_limits->soak_s = (uint16_t)seconds[2];
    ret_limits->seal_s = (uint16_t)seconds[3];
    return true;
}

/* "0x00a0=0102,0x01a0=ff" */
static bool parse_extras(const char *text, struct request *request)
{
    size_t used_bytes = 0;
    while (*text != '\0') {
        struct dr_image_extra *extra = &request->extras[request->spec.extra_count];
        size_t len = strcspn(text, ",");
        char *equals = NULL;
        unsigned long type = strtoul(text, &equals, 0);
        if (equals == text || *equals != '=' || equals > text + len || type > UINT16_MAX ||
            request->spec.extra_count == EXTRAS_MAX) {
            return false;
        }
        size_t hex_len = (size_t)(text + len - (equals + 1));
        if (hex_len / 2 > sizeof(request->extra_bytes) - used_bytes ||
            dr_hex_decode(equals + 1, hex_len, request->extra_bytes + used_bytes, hex_len / 2) !=
                DR_OK) {
            return false;
        }
        extra->type = (uint16_t)type;
        extra->size_bytes = (uint16_t)(hex_len / 2);
        extra->data = request->extra_bytes + used_bytes;
        used_bytes += hex_len / 2;
        request->spec.extra_count++;
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return true;
}

/* The command line as a spec. 0, or an exit code after an error line. */
static int make_spec(struct dr_cli *cli, struct request *request)
{
    struct dr_image_spec *spec = &request->spec;
    const char *wrong = NULL;
    if (dr_version_parse(request->version, strlen(request->version), &spec->version) != DR_OK) {
        return dr_cli_usage(cli, "--version must be like 1.2.3 or 1.2.3+4, at most 255.255.65535");
    }
    if (request->counter != NULL) {
        spec->has_security_counter = true;
        if (strcmp(request->counter, "auto") == 0) {
            spec->security_counter = dr_image_counter_from_version(&spec->version);
        } else if (!parse_u32(request->counter, &spec->security_counter)) {
            return dr_cli_usage(cli, "--counter must be a number below 2^32, or auto");
        }
    }
    if (request->limits != NULL) {
        spec->has_limits = true;
        if (!parse_limits(request->limits, &spec->limits)) {
            return dr_cli_usage(
                cli, "--limits must be four numbers of seconds up to 65535: "
                     "hang,health,soak,seal");
        }
    }
    if (request->tlvs != NULL && !parse_extras(request->tlvs, request)) {
        return dr_cli_usage(cli, "--tlv must be like 0x00a0=0102,0x01a0=ff");
    }
    if ((request->sequence != ABSENT && request->sequence > UINT32_MAX) ||
        request->load_address > UINT32_MAX || request->min_rom > UINT32_MAX ||
        request->header_size > UINT16_MAX ||
        (request->revoke != ABSENT && request->revoke > UINT8_MAX)) {
        return dr_cli_usage(cli, "a number is too large");
    }
    spec->has_sequence = request->sequence != ABSENT;
    spec->sequence = spec->has_sequence ? (uint32_t)request->sequence : 0;
    spec->has_revocation_target = request->revoke != ABSENT;
    spec->revocation_target = spec->has_revocation_target ? (uint8_t)request->revoke : 0;
    spec->load_address = (uint32_t)request->load_address;
    spec->min_rom = (uint32_t)request->min_rom;
    spec->header_size_bytes = (uint16_t)request->header_size;
    spec->extras = request->extras;
    if (dr_image_spec_check(spec, &wrong) != DR_OK) {
        return dr_cli_usage(cli, "%s", wrong);
    }
    return 0;
}

/* Head and payload stand in the writer already; the rest follows. */
static enum dr_status finish_image(
    struct dr_writer *writer, const struct dr_image_spec *spec, const struct dr_pki_key *key)
{
    uint8_t digest[DR_SHA256_BYTES];
    uint8_t key_hash[DR_SHA256_BYTES];
    uint8_t der[DR_PKI_DER_SIGNATURE_MAX];
    size_t der_size_bytes = 0;
    dr_image_write_protected(writer, spec);
    DR_TRY(writer->status);
    dr_sha256_once(&dr_crypto_openssl, writer->data, writer->size_bytes, digest);
    DR_TRY(dr_pki_key_hash(key, key_hash));
    DR_TRY(dr_pki_key_sign_der(key, digest, der, &der_size_bytes));
    dr_image_write_signature(writer, digest, key_hash, der, der_size_bytes);
    return writer->status;
}

/* An image in an image would verify, and never run. */
static bool begins_as_image(const uint8_t *data, size_t size_bytes)
{
    return size_bytes >= 4 && data[0] == (uint8_t)DR_IMAGE_MAGIC &&
           data[1] == (uint8_t)(DR_IMAGE_MAGIC >> 8) &&
           data[2] == (uint8_t)(DR_IMAGE_MAGIC >> 16) && data[3] == (uint8_t)(DR_IMAGE_MAGIC >> 24);
}

static int sign(struct dr_cli *cli, const struct request *request, const struct dr_pki_key *key)
{
    size_t payload_bytes = 0;
    struct dr_writer writer;
    uint8_t *payload =
        dr_cli_read_file(cli, request->files[0], DR_CLI_IMAGE_BYTES_MAX / 2, &payload_bytes);
    if (payload == NULL) {
        return DR_EXIT_ERROR;
    }
    if (payload_bytes == 0) {
        free(payload);
        return dr_cli_error(
            cli, "%s is empty; give the firmware as a raw binary", request->files[0]);
    }
    if (begins_as_image(payload, payload_bytes)) {
        free(payload);
        return dr_cli_error(
            cli, "%s is an image already (`daruma image inspect` shows it); give the raw binary",
            request->files[0]);
    }
    size_t capacity_bytes = payload_bytes + DR_IMAGE_HEADER_BYTES_MAX + DR_IMAGE_TLVS_BYTES_MAX;
    uint8_t *image = malloc(capacity_bytes);
    if (image == NULL) {
        free(payload);
        return dr_cli_error(cli, "out of memory");
    }
    dr_writer_init(&writer, image, capacity_bytes);
    dr_image_write_head(&writer, &request->spec, (uint32_t)payload_bytes);
    dr_write_bytes(&writer, payload, payload_bytes);
    free(payload);
    enum dr_status status = finish_image(&writer, &request->spec, key);
    int result = 0;
    if (status != DR_OK) {
        result = dr_cli_error(cli, "could not sign: %s", dr_status_text(status));
    } else {
        result = dr_cli_write_file(cli, request->files[1], image, writer.size_bytes, 0644);
    }
    free(image);
    return result;
}

/* Read what was written as a device would, and say what it is. */
static int check_and_tell(struct dr_cli *cli, const char *path, const struct dr_pki_key *key)
{
    struct dr_trust trust = {.key_count = 1};
    if (dr_pki_key_public(key, trust.keys[0]) != DR_OK) {
        return dr_cli_error(cli, "could not read the public half of the key");
    }
    struct dr_cli_image *image = dr_cli_image_read(cli, path, &trust);
    if (image == NULL) {
        return DR_EXIT_ERROR;
    }
    volatile enum dr_verdict verdict = image->verdict;
    int result = DR_EXIT_DONE;
    if (!dr_verdict_is_accept(&verdict)) {
        result = dr_cli_error(
            cli, "%s does not verify after writing: %s; check the disk and sign again", path,
            dr_reason_text(image->reason));
    } else if (cli->json) {
        json_t *object = json_pack("{s:s}", "file", path);
        dr_cli_image_to_json(&image->info, object);
        result = dr_cli_print_json(cli, object);
    } else {
        printf("%s: signed\n", path);
        dr_cli_image_print(&image->info);
    }
    dr_cli_image_free(image);
    return result;
}

static int run(struct dr_cli *cli)
{
    struct request request = {
        .sequence = ABSENT,
        .revoke = ABSENT,
        .header_size = DR_IMAGE_HEADER_BYTES_DEFAULT,
    };
    const struct dr_cli_option options[] = {
        {.name = "key", .text = &request.key_path},
        {.name = "version", .text = &request.version},
        {.name = "product", .text = &request.spec.product},
        {.name = "sequence", .number = &request.sequence},
        {.name = "counter", .text = &request.counter},
        {.name = "limits", .text = &request.limits},
        {.name = "load-address", .number = &request.load_address},
        {.name = "min-rom", .number = &request.min_rom},
        {.name = "revoke", .number = &request.revoke},
        {.name = "header-size", .number = &request.header_size},
        {.name = "tlv", .text = &request.tlvs},
    };
    size_t count = 0;
    int result = dr_cli_parse(cli, options, DR_ARRAY_COUNT(options), request.files, 2, &count);
    if (result != 0) {
        return result;
    }
    if (request.key_path == NULL || request.version == NULL || count != 2) {
        return dr_cli_usage(cli, "give --key, --version, the input and the output file");
    }
    result = make_spec(cli, &request);
    struct dr_pki_key *key = NULL;
    if (result == 0) {
        result = dr_cli_key_load(cli, request.key_path, "signing", &key);
    }
    if (result == 0) {
        result = sign(cli, &request, key);
    }
    if (result == 0) {
        result = check_and_tell(cli, request.files[1], key);
    }
    dr_pki_key_free(key);
    return result;
}

const struct dr_cli_verb dr_verb_image_sign = {
    .noun = "image",
    .verb = "sign",
    .summary = "make a signed image out of a firmware binary",
    .usage = "image sign --key KEY --version V [options] IN OUT",
    .help = "Wraps the raw binary IN in MCUboot's format, signs it with KEY and writes OUT.\n"
            "\n"
            "  --key KEY          private key, EC P-256 in PEM, readable by you alone\n"
            "  --version V        1.2.3 or 1.2.3+4 (up to 255.255.65535+4294967295)\n"
            "  --product NAME     the product it is for, 1 to 32 bytes; others refuse it\n"
            "  --sequence N       order of releases; beats the version where present\n"
            "  --counter N        security counter, or auto (from the version); raised when\n"
            "                     sealed\n"
            "  --limits H,T,S,L   seconds: watchdog, health deadline, soak, seal; 0: the\n"
            "                     board's own\n"
            "  --load-address A   RAM address it is linked for\n"
            "  --min-rom N        oldest boot ROM it can run under\n"
            "  --revoke 1         retire the product's first key (sign with the second)\n"
            "  --header-size N    bytes in front of the payload (default 512)\n"
            "  --tlv T=HEX,...    further signed TLVs in the vendor range, e.g. 0x00a0=0102\n"
            "\n"
            "Example: daruma image sign --key product.pem --version 1.1.0 --sequence 2 \\\n"
            "             --product demo-lock firmware.bin firmware-1.1.0.img",
    .run = run,
};
