/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/secret.h"
#include "base/text.h"
#include "cli/image.h"
#include "cli/network.h"
#include "cli/update.h"
#include "crypto/crypto.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THINGS_MAX 100u
#define IMAGE_BYTES_MAX (20u * 1024u * 1024u)
#define BUCKET "daruma-images"

struct request {
    const char *image_path;
    const char *const *things;
    size_t thing_count;
    const char *description;
    const char *protocol; /* one of the table's words */
    uint64_t url_s;       /* how long a URL for HTTPS is good; 0: as the service has it */
    struct dr_update_offer offer;
    bool unchecked; /* let the service pass images that no device will take: for tests */
    const char *network_file;
    const char *key_path;
    char enclosed[DR_CLI_ENCLOSED_TEXT_BYTES]; /* "": nothing goes with the image */
    char update_id[DR_UPDATE_ID_BYTES];
    char key[DR_HEX_SIZE(DR_SHA256_BYTES) + 8];
    char version_id[64];
};

/* A refusal by the service as one line. */
static int refused(struct dr_cli *cli, const char *what, const struct dr_aws_response *response)
{
    return dr_cli_error(
        cli, "the cloud refused %s: %ld %s: %s", what, response->status, response->error_type,
        response->error_message);
}

static int ensure_bucket(struct dr_cli *cli, struct dr_aws *aws)
{
    struct dr_aws_response response;
    int result = dr_aws_request(aws, "s3", "HEAD", "/" BUCKET, NULL, NULL, 0, &response);
    long status = response.status;
    dr_aws_response_free(&response);
    if (result != 0 || status == 200) {
        return result;
    }
    result = dr_aws_request(aws, "s3", "PUT", "/" BUCKET, NULL, NULL, 0, &response);
    if (result == 0 && response.status != 200 && response.status != 409) {
        result = refused(cli, "to make the bucket " BUCKET, &response);
    }
    dr_aws_response_free(&response);
    return result;
}

/* What no device can take need not travel. Whose key signed it is the device's to judge. */
static int check_image(struct dr_cli *cli, struct request *request)
{
    const struct dr_trust nobody = {.key_count = 0};
    if (request->unchecked) {
        return 0;
    }
    struct dr_cli_image *image = dr_cli_image_read(cli, request->image_path, &nobody);
    if (image == NULL) {
        return DR_EXIT_ERROR;
    }
    enum dr_reason reason = image->reason;
    bool without_product = reason == DR_REASON_KEY && image->info.product_len == 0;
    request->offer.path = request->image_path;
    request->offer.order = image->info.order;
    request->offer.counter = image->info.security_counter;
    memcpy(request->offer.digest, image->info.digest, sizeof request->offer.digest);
    dr_cli_image_free(image);
    if (without_product) {
        return dr_cli_error(
            cli, "%s names no product, so no device takes it; sign it with `--product NAME`",
            request->image_path);
    }
    if (reason == DR_REASON_KEY) {
        return 0;
    }
    return dr_cli_error(
        cli, "%s is no good image: %s (%s); `daruma image sign` makes one", request->image_path,
        dr_reason_text(reason), dr_reason_word(reason));
}

/* Objects are named by their content, so the same image is one object however often it is offered.
 */
static int upload(struct dr_cli *cli, struct dr_aws *aws, struct request *request)
{
    struct dr_aws_response response;
    uint8_t digest[DR_SHA256_BYTES];
    char hex[DR_HEX_SIZE(DR_SHA256_BYTES)];
    char target[256];
    size_t size_bytes = 0;
    uint8_t *image = dr_cli_read_file(cli, request->image_path, IMAGE_BYTES_MAX, &size_bytes);
    if (image == NULL) {
        return DR_EXIT_ERROR;
    }
    dr_sha256_once(&dr_crypto_openssl, image, size_bytes, digest);
    dr_hex_encode(digest, sizeof(digest), hex);
    snprintf(request->key, sizeof(request->key), "%s.bin", hex);
    snprintf(target, sizeof(target), "/" BUCKET "/%s", request->key);
    int result = dr_aws_request(aws, "s3", "PUT", target, NULL, image, size_bytes, &response);
    if (result == 0 && response.status != 200) {
        result = refused(cli, "the image", &response);
    }
    snprintf(request->version_id, sizeof(request->version_id), "%s", response.version_id);
    dr_aws_response_free(&response);
    free(image);
    return result;
}

static json_t *target_arns(struct dr_aws *aws, const struct request *request)
{
    json_t *targets = json_array();
    for (size_t i = 0; i < request->thing_count; i++) {
        const char *thing = request->things[i];
        json_t *arn =
            strncmp(thing, "arn:", 4) == 0
                ? json_string(thing)
                : json_sprintf(
                      "arn:aws:iot:%s:%s:thing/%s", dr_aws_region(aws), dr_aws_account(aws), thing);
        json_array_append_new(targets, arn);
    }
    return targets;
}

/* How the image may travel; of two, a device without a wish of its own takes the first. */
static const struct {
    const char *word;
    const char *protocols[2];
} protocol_words[] = {
    {"mqtt", {"MQTT", NULL}},
    {"https", {"HTTP", NULL}},
    {"both", {"HTTP", "MQTT"}},
    {"mqtt,https", {"MQTT", "HTTP"}},
};

/* NULL: no such word. */
static json_t *protocols_of(const char *word)
{
    for (size_t i = 0; i < sizeof(protocol_words) / sizeof(protocol_words[0]); i++) {
        if (strcmp(protocol_words[i].word, word) == 0) {
            return json_pack(
                "[s, s*]", protocol_words[i].protocols[0], protocol_words[i].protocols[1]);
        }
    }
    return NULL;
}

static int create(struct dr_aws *aws, const struct request *request, json_t **ret_answer)
{
    char target[128];
    const char *slash = strrchr(request->image_path, '/');
    json_t *location = json_pack(
        "{s:s, s:s, s:s*}", "bucket", BUCKET, "key", request->key, "version",
        request->version_id[0] != '\0' ? request->version_id : NULL);
    json_t *file = json_pack(
        "{s:s, s:{s:o}}", "fileName", slash != NULL ? slash + 1 : request->image_path,
        "fileLocation", "s3Location", location);
    json_t *body = json_pack(
        "{s:o, s:[o], s:o, s:s, s:s*}", "targets", target_arns(aws, request), "files", file,
        "protocols", protocols_of(request->protocol), "roleArn",
        "arn:aws:iam::000000000000:role/daruma", "description", request->description);
    json_t *parameters = json_object();
    if (request->unchecked) {
        json_object_set_new(parameters, "daruma-unchecked", json_string("true"));
    }
    if (request->url_s != 0) {
        json_object_set_new(
            body, "awsJobPresignedUrlConfig",
            json_pack("{s:I}", "expiresInSec", (json_int_t)request->url_s));
    }
    if (request->enclosed[0] != '\0') {
        json_object_set_new(parameters, "daruma-bundle", json_string(request->enclosed));
    }
    if (json_object_size(parameters) > 0) {
        json_object_set(body, "additionalParameters", parameters);
    }
    json_decref(parameters);
    snprintf(target, sizeof(target), "/otaUpdates/%s", request->update_id);
    return dr_aws_iot(aws, "POST", target, body, ret_answer);
}

/* The network to join with this image, sealed for the one device that it is offered to. */
static int enclose(struct dr_cli *cli, struct request *request)
{
    const struct dr_trust nobody = {.key_count = 0};
    struct dr_cli_network network;
    char path[PATH_MAX];
    const char *thing = request->things[0];
    const char *devices = getenv("DARUMA_DEVICES");
    if (request->thing_count != 1 || strncmp(thing, "arn:", 4) == 0) {
        return dr_cli_usage(cli, "a network is sealed for one thing, by its name");
    }
    int result = dr_cli_network_read(cli, request->network_file, &network);
    if (result != 0) {
        return result;
    }
    struct dr_cli_image *image = dr_cli_image_read(cli, request->image_path, &nobody);
    if (image == NULL) {
        return DR_EXIT_ERROR;
    }
    snprintf(
        path, sizeof path, "%s/%s/%s", devices != NULL ? devices : "devices", thing,
        DR_CLI_BUNDLE_KEY_FILE);
    result = dr_cli_network_enclose(
        cli, &network, thing, image->info.digest,
        request->key_path != NULL ? request->key_path : path, request->enclosed);
    dr_wipe(&network, sizeof network);
    dr_cli_image_free(image);
    return result;
}

/* "20261122T120102-3f9a": sorts by time, and two in a second differ. */
static void make_id(char *out, size_t capacity_bytes)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(out, capacity_bytes, "%Y%m%dT%H%M%S", &utc);
    snprintf(out + len, capacity_bytes - len, "-%05lx", (unsigned long)(now.tv_nsec / 1000));
}

/* Upload, offer, and follow when asked to. */
static int offer(struct dr_cli *cli, struct request *request, bool wait, uint64_t timeout_s)
{
    struct dr_aws *aws = dr_aws_open(cli);
    if (aws == NULL) {
        return DR_EXIT_ERROR;
    }
    json_t *answer = NULL;
    int result = request->unchecked
                     ? 0
                     : dr_update_check_offer(
                           cli, aws, &request->offer, request->things, request->thing_count);
    result = result != 0 ? result : ensure_bucket(cli, aws);
    result = result != 0 ? result : upload(cli, aws, request);
    result = result != 0 ? result : create(aws, request, &answer);
    if (result == 0 && wait) {
        result = dr_update_follow(cli, aws, request->update_id, timeout_s);
    } else if (result == 0 && cli->json) {
        result = dr_cli_print_json(cli, json_incref(answer));
    } else if (result == 0) {
        printf(
            "update %s created; follow it with `daruma update watch %s`\n", request->update_id,
            request->update_id);
    }
    json_decref(answer);
    dr_aws_close(aws);
    return result;
}

static int run(struct dr_cli *cli)
{
    const char *words[1 + THINGS_MAX];
    size_t word_count = 0;
    const char *id = NULL;
    bool wait = false;
    uint64_t timeout_s = 600;
    struct request request = {.protocol = "mqtt"};
    const struct dr_cli_option options[] = {
        {.name = "id", .text = &id},
        {.name = "description", .text = &request.description},
        {.name = "protocol", .text = &request.protocol},
        {.name = "url-seconds", .number = &request.url_s},
        {.name = "wait", .flag = &wait},
        {.name = "force", .flag = &request.offer.forced},
        {.name = "unchecked", .flag = &request.unchecked},
        {.name = "network-file", .text = &request.network_file},
        {.name = "bundle-key", .text = &request.key_path},
        {.name = "timeout", .number = &timeout_s},
    };
    int result = dr_cli_parse(
        cli, options, sizeof(options) / sizeof(options[0]), words, 1 + THINGS_MAX, &word_count);
    if (result != 0) {
        return result;
    }
    if (word_count < 2) {
        return dr_cli_usage(cli, "which image, for which things?");
    }
    for (size_t i = 0; i < word_count; i++) {
        if (words[i][0] == '\0') {
            return dr_cli_usage(cli, "an empty word is neither an image nor a thing");
        }
    }
    json_t *protocols = protocols_of(request.protocol);
    json_decref(protocols);
    if (protocols == NULL) {
        return dr_cli_usage(
            cli, "--protocol is mqtt, https, both or mqtt,https, not \"%s\"", request.protocol);
    }
    request.image_path = words[0];
    request.things = &words[1];
    request.thing_count = word_count - 1;
    result = id != NULL ? dr_update_check_id(cli, id) : 0;
    result = result != 0 ? result : check_image(cli, &request);
    if (result == 0 && request.network_file != NULL) {
        result = enclose(cli, &request);
    }
    if (result != 0) {
        return result;
    }
    if (id != NULL) {
        snprintf(request.update_id, sizeof(request.update_id), "%s", id);
    } else {
        make_id(request.update_id, sizeof(request.update_id));
    }
    return offer(cli, &request, wait, timeout_s);
}

const struct dr_cli_verb dr_verb_update_create = {
    .noun = "update",
    .verb = "create",
    .summary = "offer an image to things",
    .usage = "update create IMAGE THING... [--wait] [--id ID] [options]",
    .help = "Upload a signed image and make an OTA update of it for one or more things\n"
            "(names or ARNs). An image that all of them would refuse, because it is older\n"
            "(by order or security counter) than what they last reported, is not offered.\n"
            "\n"
            "  --wait           follow it to its end and show progress\n"
            "  --timeout S      with --wait: give up after S seconds (600)\n"
            "  --id ID          name the update yourself (letters, digits, - and _)\n"
            "  --description T  a note for the operators\n"
            "  --force          offer an older image all the same: to devices that went back\n"
            "                   to their factory image and have not said so yet\n"
            "  --protocol P     how the image travels: mqtt (as it is without this), https,\n"
            "                   both (https, and mqtt when that fails), or mqtt,https\n"
            "  --url-seconds S  how long a URL for https is good; devices ask for new ones\n"
            "                   (1800)\n"
            "  --network-file F name and password, one a line, of a network that the device\n"
            "                   is to join with this image: sealed so that no cloud reads it,\n"
            "                   kept if the image is kept, undone with it. For one thing\n"
            "  --bundle-key F   the device's bundle.key (DARUMA_DEVICES/THING/bundle.key,\n"
            "                   else ./devices/THING/bundle.key)\n"
            "tests only:\n"
            "  --unchecked      offer it even if no device can take it\n"
            "\n"
            "Exit codes with --wait: 0 every thing succeeded, 2 one failed, 3 canceled,\n"
            "124 time-out.",
    .run = run,
};
