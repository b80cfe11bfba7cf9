/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A product's key for the cloud's signer: its profile in DIR/signer, and the word that it is there.
 */
#include "base/secret.h"
#include "base/text.h"
#include "cli/cloud.h"
#include "cli/key.h"
#include "cloud/signer/client.h"
#include "cloud/signer/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct gift {
    const char *path;
    const char *product;
    const char *profile;
    bool profile_named;
    bool approval;
    bool replace;

    struct dr_cloud cloud;
    struct stat keys; /* the signer's directory: its files are its owner's */
    struct dr_pki_key *key;
    char hash[DR_HEX_SIZE(DR_SHA256_BYTES)];
    bool has_key;  /* the profile holds this very key already */
    bool has_conf; /* and says the same already */
    bool replaced; /* another key was there */
    bool loaded;   /* the signer runs, and uses it now */
};

static const char *file_of(const struct gift *gift, const char *suffix)
{
    char name[DR_SIGNER_PROFILE_MAX + 32];
    (void)snprintf(name, sizeof name, "signer/%s%s", gift->profile, suffix);
    return dr_cloud_path(&gift->cloud, name);
}

/* --- may it be given? --- */

static int check_words(struct dr_cli *cli, struct gift *gift, size_t count)
{
    if (count != 1 || gift->path[0] == '\0' || gift->product == NULL) {
        return dr_cli_usage(cli, "give --product NAME and one private key");
    }
    size_t len = strlen(gift->product);
    bool plain = strpbrk(gift->product, " \t\r\n\v\f") == NULL;
    if (len == 0 || len > DR_SIGNER_PRODUCT_MAX || !plain) {
        return dr_cli_usage(
            cli, "a product has 1 to %u bytes without blanks, unlike \"%s\"", DR_SIGNER_PRODUCT_MAX,
            gift->product);
    }
    gift->profile_named = gift->profile != NULL;
    gift->profile = gift->profile_named ? gift->profile : gift->product;
    if (!dr_signer_profile_name_valid(gift->profile)) {
        return dr_cli_usage(
            cli, "%s 1 to %u letters, digits, - and _, unlike \"%s\"",
            gift->profile_named ? "a profile has"
                                : "say --profile NAME too: a profile is named after its product "
                                  "where that has",
            DR_SIGNER_PROFILE_MAX, gift->profile);
    }
    return 0;
}

static int find_signer(struct dr_cli *cli, struct gift *gift)
{
    int result = dr_cloud_locate(cli, false, &gift->cloud);
    if (result != 0) {
        return result;
    }
    if (stat(dr_cloud_path(&gift->cloud, "signer"), &gift->keys) != 0) {
        return dr_cli_error(
            cli, "there is no complete cloud in %s; `daruma cloud up` completes it",
            gift->cloud.dir);
    }
    if (geteuid() != 0 && geteuid() != gift->keys.st_uid) {
        return dr_cli_error(
            cli, "%s/signer belongs to the signer's own user; run this as root", gift->cloud.dir);
    }
    return 0;
}

/* A second key of the product makes every command say which one is meant: not by accident. */
static int check_new(struct dr_cli *cli, const struct gift *gift, const struct dr_signer_store *all)
{
    for (size_t i = 0; i < all->count && !gift->profile_named; i++) {
        const struct dr_signer_profile *other = &all->slots[i].facts;
        if (other->kind == DR_SIGNER_KIND_IMAGE && strcmp(other->product, gift->product) == 0) {
            return dr_cli_error(
                cli,
                "profile %s holds a key of product %s already; exchange it with --profile %s "
                "--replace, or name a second one with --profile %s",
                other->name, gift->product, other->name, gift->profile);
        }
    }
    if (all->count == DR_SIGNER_PROFILES_MAX) {
        return dr_cli_error(
            cli, "the signer has %u profiles, its most; take one out of %s/signer",
            DR_SIGNER_PROFILES_MAX, gift->cloud.dir);
    }
    return 0;
}

static int check_existing(struct dr_cli *cli, struct gift *gift, const struct dr_signer_slot *slot)
{
    uint8_t hash[DR_SHA256_BYTES];
    char hex[DR_HEX_SIZE(DR_SHA256_BYTES)];
    const struct dr_signer_profile *facts = &slot->facts;
    if (facts->kind != DR_SIGNER_KIND_IMAGE) {
        return dr_cli_error(
            cli, "profile %s signs files, not a product's images; choose another --profile",
            facts->name);
    }
    if (strcmp(facts->product, gift->product) != 0) {
        return dr_cli_error(
            cli, "profile %s is for product %s; choose another --profile", facts->name,
            facts->product);
    }
    if (dr_pki_key_hash(slot->key, hash) != DR_OK) {
        return dr_cli_error(cli, "the key of profile %s cannot be read", facts->name);
    }
    dr_hex_encode(hash, sizeof hash, hex);
    gift->has_key = strcmp(hex, gift->hash) == 0;
    gift->has_conf = facts->approval || !gift->approval;
    gift->approval = gift->approval || facts->approval;
    if (!gift->has_key && !gift->replace) {
        return dr_cli_error(
            cli, "profile %s holds another key of product %s (%.16s...); --replace exchanges it",
            facts->name, facts->product, hex);
    }
    gift->replaced = !gift->has_key;
    return 0;
}

/* Against what the signer has; read by its own code, so that it will be able to. */
static int check_profiles(struct dr_cli *cli, struct gift *gift)
{
    char error[DR_SIGNER_DETAIL_MAX + 1] = "";
    struct dr_signer_store *all = malloc(sizeof *all);
    if (all == NULL) {
        return dr_cli_error(cli, "out of memory");
    }
    const char *directory = dr_cloud_path(&gift->cloud, "signer");
    enum dr_status status = dr_signer_store_load(directory, all, error);
    int result = 0;
    if (status != DR_OK && status != DR_E_NOT_FOUND) { /* not found: it holds no key yet */
        result = dr_cli_error(cli, "the signer's profiles are not in order: %s", error);
    }
    const struct dr_signer_slot *slot = dr_signer_store_find(all, gift->profile);
    if (result == 0) {
        result = slot != NULL ? check_existing(cli, gift, slot) : check_new(cli, gift, all);
    }
    dr_signer_store_clear(all);
    free(all);
    return result;
}

/* --- giving --- */

/* The directory is the signer's: what stands under the name may not be what was written there. */
static bool hand_over(const struct gift *gift, const char *path)
{
    struct stat now;
    if (geteuid() != 0) {
        return true;
    }
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ours = fstat(fd, &now) == 0 && S_ISREG(now.st_mode) && now.st_nlink == 1;
    bool done = ours && fchown(fd, gift->keys.st_uid, gift->keys.st_gid) == 0;
    if (!ours) {
        errno = EEXIST;
    }
    int cause = errno;
    (void)close(fd);
    errno = cause;
    return done;
}

/* A file of the signer's owner, complete before it has its name. */
static int
put(struct dr_cli *cli, const struct gift *gift, const char *suffix, const char *text,
    unsigned mode)
{
    char path[DR_CLOUD_PATH_BYTES];
    char temporary[DR_CLOUD_PATH_BYTES + 8];
    (void)snprintf(path, sizeof path, "%s", file_of(gift, suffix));
    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    int result = dr_cli_write_file(cli, temporary, (const uint8_t *)text, strlen(text), mode);
    if (result != 0) {
        return result;
    }
    if (!hand_over(gift, temporary) || rename(temporary, path) != 0) {
        int cause = errno;
        (void)unlink(temporary);
        return dr_cli_error(cli, "cannot write %s: %s", path, strerror(cause));
    }
    return 0;
}

/* What it may sign first: a key without that would sign any file. */
static int store(struct dr_cli *cli, const struct gift *gift)
{
    char conf[128];
    char pem[DR_PKI_PRIVATE_PEM_BYTES];
    int result = 0;
    (void)snprintf(
        conf, sizeof conf, "kind image\nproduct %s\n%s", gift->product,
        gift->approval ? "approval required\n" : "");
    if (!gift->has_conf) {
        result = put(cli, gift, ".conf", conf, 0644);
    }
    if (result != 0 || gift->has_key) {
        return result;
    }
    if (dr_pki_key_private_pem(gift->key, pem, sizeof pem) != DR_OK) {
        result = dr_cli_error(cli, "%s cannot be written as PEM", gift->path);
    } else {
        result = put(cli, gift, ".key", pem, 0600);
    }
    dr_wipe(pem, sizeof pem);
    return result;
}

/* A signer that runs takes it at once. */
static int load(struct dr_cli *cli, struct gift *gift)
{
    char socket_path[64];
    char error[DR_SIGNER_ERROR_BYTES] = "it cannot be reached";
    if (dr_cloud_supervisor(&gift->cloud) == 0) {
        return 0;
    }
    /* The directory may be deeper than an address is long: name it by its descriptor. */
    int dir = open(dr_cloud_path(&gift->cloud, "run/signer"), O_PATH | O_CLOEXEC);
    (void)snprintf(socket_path, sizeof socket_path, "/proc/self/fd/%d/signer.sock", dir);
    const struct dr_signer_client client = {
        .socket_path = socket_path, .timeout_ms = DR_SIGNER_TIMEOUT_MS};
    enum dr_status status = dir >= 0 ? dr_signer_reload(&client, error) : DR_E_NOT_FOUND;
    if (dir >= 0) {
        (void)close(dir);
    }
    gift->loaded = status == DR_OK;
    return status == DR_OK
               ? 0
               : dr_cli_error(
                     cli,
                     "the key is in profile %s, but the signer that runs does not take "
                     "it: %s; start the cloud again (`daruma cloud down`, `daruma cloud "
                     "up`)",
                     gift->profile, error);
}

static int tell(struct dr_cli *cli, const struct gift *gift)
{
    if (cli->json) {
        return dr_cli_print_json(
            cli, json_pack(
                     "{s:s, s:s, s:s, s:b, s:b, s:b}", "profile", gift->profile, "product",
                     gift->product, "keyHash", gift->hash, "approval", gift->approval ? 1 : 0,
                     "replaced", gift->replaced ? 1 : 0, "loaded", gift->loaded ? 1 : 0));
    }
    printf(
        "profile   %s: images and commands of product %s%s\n"
        "key hash  %s%s\n"
        "signer    %s\n",
        gift->profile, gift->product, gift->approval ? ", each once it is approved" : "",
        gift->hash,
        gift->has_key    ? " (it had this key)"
        : gift->replaced ? " (instead of another)"
                         : "",
        gift->loaded ? "uses it from now on" : "reads it when the cloud starts");
    return DR_EXIT_DONE;
}

static int give(struct dr_cli *cli, struct gift *gift)
{
    uint8_t hash[DR_SHA256_BYTES];
    int result = dr_cli_key_load(cli, gift->path, "the signer", &gift->key);
    if (result != 0) {
        return result;
    }
    if (dr_pki_key_hash(gift->key, hash) != DR_OK) {
        return dr_cli_error(cli, "%s has no public half", gift->path);
    }
    dr_hex_encode(hash, sizeof hash, gift->hash);
    result = check_profiles(cli, gift);
    result = result != 0 ? result : store(cli, gift);
    result = result != 0 ? result : load(cli, gift);
    return result != 0 ? result : tell(cli, gift);
}

static int run(struct dr_cli *cli)
{
    struct gift gift = {.path = NULL};
    size_t count = 0;
    const struct dr_cli_option options[] = {
        {.name = "product", .text = &gift.product},
        {.name = "profile", .text = &gift.profile},
        {.name = "approval", .flag = &gift.approval},
        {.name = "replace", .flag = &gift.replace},
    };
    int result = dr_cli_parse(cli, options, 4, &gift.path, 1, &count);
    result = result != 0 ? result : check_words(cli, &gift, count);
    result = result != 0 ? result : find_signer(cli, &gift);
    result = result != 0 ? result : give(cli, &gift);
    dr_pki_key_free(gift.key);
    return result;
}

const struct dr_cli_verb dr_verb_key_give = {
    .noun = "key",
    .verb = "give",
    .summary = "give the cloud's signer a product key",
    .usage = "key give --product NAME [--replace] [options] FILE",
    .help = "Copies the private key FILE into the signing profile of a product, where only\n"
            "daruma-signer reads it. It signs the commands of `daruma update revert` then.\n"
            "A signer that runs uses it at once. FILE stays where it is. Works on the\n"
            "cloud's directory, on its own machine; where the signer has a user of its own,\n"
            "as root.\n"
            "\n"
            "  --product NAME  what it signs for: never another product, nor an order or\n"
            "                  security counter below what it has signed\n"
            "  --replace       instead of the key that the profile holds; what was signed\n"
            "                  stays remembered\n"
            "  --profile NAME  name the profile (after its product); a product with several\n"
            "                  has `daruma update revert` ask for one\n"
            "  --approval      sign only what was approved: `daruma-signer --help`\n"
            "\n"
            "Example: daruma key give --product lamp product.pem",
    .run = run,
};
