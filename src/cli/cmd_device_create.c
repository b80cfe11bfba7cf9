/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/device.h"
#include "cli/device_identity.h"
#include "cli/image.h"
#include "cli/network.h"
#include "format/der.h"
#include "tools/provision/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
    struct dr_cli_device device;
    const char *key;
    const char *reserve_key;
    const char *image;
    const char *product;
    const char *host_key_normal;
    const char *host_key_recovery;
    const char *board;
    const char *network_file;
    struct dr_cli_network network;
    uint64_t time_divisor;
    bool offline;
    bool replace;
};

static bool has_file(const struct dr_cli_device *device, const char *name)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", device->directory, name);
    return access(path, F_OK) == 0;
}

/* Whole: nothing of what this command makes is missing. A part of it is gone on with. */
static int refuse_existing(struct dr_cli *cli, const struct request *request)
{
    const struct dr_cli_device *device = &request->device;
    bool identity = request->offline || has_file(device, "provisioned");
    if (!identity || !has_file(device, "board.conf") || !has_file(device, "rom") ||
        !has_file(device, "flash.bin")) {
        return 0;
    }
    return dr_cli_error(
        cli,
        "%s exists already in %s; `daruma device run %s` switches it on, `daruma device "
        "delete %s` deletes it",
        device->name, device->directory, device->name, device->name);
}

/* A device must not trust a key that everybody has. */
static int add_key(struct dr_cli *cli, const char *path, struct dr_trust *trust)
{
    struct dr_trust one;
    uint8_t spki[DR_DER_SPKI_BYTES];
    uint8_t hash[DR_SHA256_BYTES];
    int result = dr_cli_trust_read(cli, path, &one);
    if (result != 0) {
        return result;
    }
    dr_der_spki_encode(one.keys[0], spki);
    dr_sha256_once(&dr_crypto_openssl, spki, sizeof spki, hash);
    if (dr_cli_test_key_refused(cli, hash)) {
        return DR_EXIT_ERROR;
    }
    memcpy(trust->keys[trust->key_count++], one.keys[0], sizeof one.keys[0]);
    return 0;
}

static int
read_keys(struct dr_cli *cli, const struct request *request, struct dr_trust_record *record)
{
    int result = add_key(cli, request->key, &record->trust);
    if (result == 0 && request->reserve_key != NULL) {
        result = add_key(cli, request->reserve_key, &record->trust);
    }
    record->time_divisor = (uint16_t)request->time_divisor;
    return result;
}

/* Before anything is made: a device that trusts other keys than those of its factory image would
 * have to be deleted. */
static int
check_image(struct dr_cli *cli, const struct request *request, struct dr_cli_image *image)
{
    volatile enum dr_verdict verdict = image->verdict;
    if (dr_verdict_is_accept(&verdict)) {
        return 0;
    }
    return dr_cli_error(
        cli, "a boot ROM that trusts %s would refuse %s: %s (%s)%s", request->key, request->image,
        dr_reason_text(image->reason), dr_reason_word(image->reason),
        image->reason == DR_REASON_KEY ? "; give the key that signed it" : "");
}

/* The product is what the factory image says, unless told otherwise. */
static int name_product(
    struct dr_cli *cli, const struct request *request, const struct dr_cli_image *image,
    struct dr_trust_record *record)
{
    const char *product = request->product != NULL ? request->product : image->info.product;
    if (strlen(product) > DR_IMAGE_PRODUCT_BYTES_MAX) {
        return dr_cli_usage(cli, "a product name has at most 32 bytes");
    }
    if (product[0] == '\0') {
        return dr_cli_error(
            cli, "%s names no product; sign it with `daruma image sign --product NAME`",
            request->image);
    }
    snprintf(record->product, sizeof record->product, "%s", product);
    return 0;
}

static int failed(struct dr_cli *cli, const struct dr_provision_error *error)
{
    return dr_cli_error(cli, "%s", error->text);
}

static int make_identity(
    struct dr_cli *cli, const struct request *request, const struct dr_provision_plan *plan,
    struct dr_cli_identity *identity)
{
    struct dr_provision_error error = {{0}};
    struct dr_provision_requests *requests = calloc(1, sizeof *requests);
    if (requests == NULL) {
        return dr_cli_error(cli, "out of memory");
    }
    int result = 0;
    enum dr_status status = dr_provision_requests(plan, requests, &error);
    if (status == DR_OK) {
        result = dr_cli_identity_make(cli, &request->device, requests, identity);
        identity->bundle.network = (struct dr_bundle_text){
            (const char *)request->network.bytes, request->network.size_bytes};
        if (result == 0) {
            result = dr_cli_bundle_key(cli, plan->directory, identity->bundle_key);
            identity->bundle.bundle_key = (struct dr_bundle_text){
                (const char *)identity->bundle_key, sizeof identity->bundle_key};
        }
        if (result == 0 && dr_provision_finish(plan, &identity->bundle, &error) != DR_OK) {
            result = failed(cli, &error);
        }
    } else if (status != DR_E_EXISTS) {
        result = failed(cli, &error);
    }
    if (result != 0) {
        dr_provision_power_off(plan);
    }
    free(requests);
    return result;
}

static int
write_conf(struct dr_cli *cli, const struct request *request, const struct dr_provision_plan *plan)
{
    char text[512];
    int len = snprintf(
        text, sizeof text, "name %s\nboard %s\nproduct %s\ntime-divisor %u\n", request->device.name,
        plan->board->name, plan->trust.product, plan->trust.time_divisor);
    if (dr_device_write(plan->directory, "board.conf", (const uint8_t *)text, (size_t)len, 0644) !=
        DR_OK) {
        return dr_cli_error(cli, "cannot write %s/board.conf", plan->directory);
    }
    return 0;
}

/* Around a device that knows a network there is one. */
static int write_access_point(
    struct dr_cli *cli, const struct request *request, const struct dr_provision_plan *plan)
{
    const char *name = (const char *)request->network.bytes;
    char text[DR_NETWORK_BYTES_MAX + 8u];
    int len = snprintf(text, sizeof text, "in\t%s\t%s\n", name, name + strlen(name) + 1u);
    if (dr_device_write(plan->directory, "ap.conf", (const uint8_t *)text, (size_t)len, 0600) !=
        DR_OK) {
        return dr_cli_error(cli, "cannot write %s/ap.conf", plan->directory);
    }
    return 0;
}

static int
make_device(struct dr_cli *cli, const struct request *request, const struct dr_provision_plan *plan)
{
    struct dr_provision_error error = {{0}};
    struct dr_cli_identity identity = {.settings = NULL};
    int result = request->offline ? 0 : dr_cli_identity_open(cli, &identity);
    if (result == 0 && !request->offline) {
        result = dr_cli_identity_claim(cli, &request->device, request->replace);
    }
    if (result == 0 && (dr_provision_files(plan, &error) != DR_OK ||
                        dr_provision_factory(plan, &error) != DR_OK)) {
        result = failed(cli, &error);
    }
    if (result == 0) {
        result = write_conf(cli, request, plan);
    }
    if (result == 0 && request->network_file != NULL) {
        result = write_access_point(cli, request, plan);
    }
    if (result == 0 && !request->offline) {
        result = make_identity(cli, request, plan, &identity);
    }
    dr_cli_identity_close(&identity);
    return result;
}

static void make_parent(const char *directory)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", directory);
    char *slash = strrchr(parent, '/');
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        mkdir(parent, 0755); /* if it cannot be made, neither can what is in it, which says so */
    }
}

static int
report(struct dr_cli *cli, const struct request *request, const struct dr_provision_plan *plan)
{
    const char *identity = request->offline ? "none" : "locked";
    const char *parent = request->device.parent;
    if (parent != NULL && strchr(parent, '\'') != NULL) {
        parent = "..."; /* what is meant to be pasted holds no quote of others */
    }
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack(
                     "{s:s, s:s, s:s, s:s}", "name", request->device.name, "directory",
                     plan->directory, "product", plan->trust.product, "identity", identity));
    }
    printf(
        "%s is made (product %s, %u trust anchor%s, identity %s).\n"
        "Switch it on with `daruma device run %s%s%s%s`.\n",
        request->device.name, plan->trust.product, plan->trust.trust.key_count,
        plan->trust.trust.key_count == 1 ? "" : "s", identity, request->device.name,
        parent != NULL ? " --dir '" : "", parent != NULL ? parent : "", parent != NULL ? "'" : "");
    if (plan->trust.time_divisor != 1 || plan->host_key_normal != NULL) {
        printf("It is a test device: its clocks or its keys are not those of a product.\n");
    }
    return DR_EXIT_DONE;
}

static int check(struct dr_cli *cli, const struct request *request)
{
    if (request->key == NULL || request->image == NULL) {
        return dr_cli_usage(cli, "--key and --image are needed");
    }
    if (request->time_divisor < 1 || request->time_divisor > DR_TRUST_TIME_DIVISOR_MAX) {
        return dr_cli_usage(cli, "--time-divisor is 1 to %u", DR_TRUST_TIME_DIVISOR_MAX);
    }
    if ((request->host_key_normal == NULL) != (request->host_key_recovery == NULL)) {
        return dr_cli_usage(cli, "--key-from-host and --key-from-host-recovery go together");
    }
    return 0;
}

static int with_programs(
    struct dr_cli *cli, const struct request *request, const struct dr_provision_plan *parts)
{
    char rom[PATH_MAX];
    char anchor[PATH_MAX];
    char program[PATH_MAX];
    const struct dr_provision_board *board = dr_provision_board_named(request->board);
    if (board == NULL) {
        return dr_cli_usage(cli, "--board is linux or mps2-an385");
    }
    snprintf(rom, sizeof rom, "%s", dr_cli_sister(cli, board->rom_program));
    snprintf(anchor, sizeof anchor, "%s", dr_cli_sister(cli, "daruma-anchor"));
    snprintf(program, sizeof program, "%s", dr_cli_sister(cli, board->board_program));
    if (rom[0] == '\0' || anchor[0] == '\0' || program[0] == '\0') {
        return dr_cli_error(
            cli, "%s, daruma-anchor and %s must lie beside this program", board->rom_program,
            board->board_program);
    }
    struct dr_provision_plan plan = *parts;
    plan.board = board;
    plan.rom_program = rom;
    plan.anchor_program = anchor;
    plan.board_program = program;
    make_parent(plan.directory);
    int result = make_device(cli, request, &plan);
    return result == 0 ? report(cli, request, &plan) : result;
}

static int run(struct dr_cli *cli)
{
    struct request request = {.time_divisor = 1, .board = "linux"};
    const struct dr_cli_option options[] = {
        {.name = "key", .text = &request.key},
        {.name = "reserve-key", .text = &request.reserve_key},
        {.name = "image", .text = &request.image},
        {.name = "product", .text = &request.product},
        {.name = "offline", .flag = &request.offline},
        {.name = "replace", .flag = &request.replace},
        {.name = "time-divisor", .number = &request.time_divisor},
        {.name = "key-from-host", .text = &request.host_key_normal},
        {.name = "key-from-host-recovery", .text = &request.host_key_recovery},
        {.name = "network-file", .text = &request.network_file},
        {.name = "board", .text = &request.board}};
    int result = dr_cli_device_parse(
        cli, options, sizeof options / sizeof options[0], NULL, 0, false, &request.device);
    if (result == 0) {
        result = check(cli, &request);
    }
    if (result == 0) {
        result = refuse_existing(cli, &request);
    }
    if (result == 0 && request.network_file != NULL) {
        result = dr_cli_network_read(cli, request.network_file, &request.network);
    }
    if (result != 0) {
        return result;
    }
    struct dr_provision_plan plan = {
        .directory = request.device.directory,
        .host_key_normal = request.host_key_normal,
        .host_key_recovery = request.host_key_recovery};
    result = read_keys(cli, &request, &plan.trust);
    if (result != 0) {
        return result;
    }
    struct dr_cli_image *image = dr_cli_image_read(cli, request.image, &plan.trust.trust);
    if (image == NULL) {
        return DR_EXIT_ERROR;
    }
    plan.image = image->data;
    plan.image_bytes = image->size_bytes;
    result = check_image(cli, &request, image);
    if (result == 0) {
        result = name_product(cli, &request, image, &plan.trust);
    }
    if (result == 0) {
        result = with_programs(cli, &request, &plan);
    }
    dr_cli_image_free(image);
    return result;
}

const struct dr_cli_verb dr_verb_device_create = {
    .noun = "device",
    .verb = "create",
    .summary = "make a virtual device and register it with the cloud",
    .usage = "device create NAME --key PRODUCT.pem --image FACTORY.img [options]",
    .help = "Makes secure element, flash and boot ROM in DIRECTORY/NAME, writes the factory\n"
            "image, pins its digest, and has the device's two keys certified by the cloud.\n"
            "After a cut or an error the same command goes on where it stopped.\n"
            "\n"
            "  --key F            the product's key: what its boot ROM trusts (the public\n"
            "                     half is enough)\n"
            "  --reserve-key F    a second one, which can retire the first\n"
            "  --image F          signed factory image\n"
            "  --product P        default: what the image says\n"
            "  --board B          linux (default), or mps2-an385: a Cortex-M3 in QEMU\n"
            "  --network-file F   name and password, one a line, of the network it joins; see\n"
            "                     `daruma device network`. Without it there is a cable\n"
            "  --offline          no cloud: the device is left without an identity\n"
            "  --replace          the cloud has a thing of this name: it and its history\n"
            "                     stay, its certificates give way to those of this device\n"
            "tests only:\n"
            "  --time-divisor N   pin stages and long waits of the boot ROM N times shorter\n"
            "  --key-from-host F, --key-from-host-recovery F\n"
            "                     identity keys from files; marked for ever in the secure\n"
            "                     element",
    .run = run,
};
