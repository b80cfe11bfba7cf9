/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/signer/profile.h"

#include "cloud/signer/state.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_SUFFIX ".key"
#define CONF_LINE_MAX 256u

/* SHA-256 of the SubjectPublicKeyInfo of the published test key. */
static const uint8_t golden_key_hash[DR_SHA256_BYTES] = {
    0xef, 0x1d, 0x8d, 0xf1, 0xa4, 0x41, 0xd8, 0x72, 0x91, 0x96, 0x16, 0x38, 0xe7, 0xfc, 0x15, 0x1a,
    0x22, 0x1e, 0x2c, 0xed, 0xad, 0x93, 0x22, 0xb1, 0x4a, 0xe8, 0x69, 0xc8, 0xb0, 0xf8, 0xdb, 0x31};

static enum dr_status fail(char *error, enum dr_status status, const char *path, const char *why)
{
    (void)snprintf(error, DR_SIGNER_DETAIL_MAX + 1, "%.100s: %.90s", path, why);
    return status;
}

static enum dr_status
join(char *out, const char *directory, const char *name, const char *suffix, char *error)
{
    int len = snprintf(out, DR_SIGNER_PATH_MAX, "%s/%s%s", directory, name, suffix);
    if (len < 0 || (size_t)len >= DR_SIGNER_PATH_MAX) {
        return fail(error, DR_E_SPACE, directory, "the path is too long");
    }
    return DR_OK;
}

static enum dr_status
conf_line(struct dr_signer_profile *facts, char *line, const char *path, char *error)
{
    char *rest = NULL;
    const char *key = strtok_r(line, " \t\r\n", &rest);
    if (key == NULL || key[0] == '#') {
        return DR_OK;
    }
    const char *value = strtok_r(NULL, " \t\r\n", &rest);
    if (value == NULL || strtok_r(NULL, " \t\r\n", &rest) != NULL) {
        return fail(error, DR_E_FORMAT, path, "a line is a word and one value");
    }
    if (strcmp(key, "kind") == 0 && strcmp(value, "file") == 0) {
        facts->kind = DR_SIGNER_KIND_FILE;
        return DR_OK;
    }
    if (strcmp(key, "kind") == 0 && strcmp(value, "image") == 0) {
        facts->kind = DR_SIGNER_KIND_IMAGE;
        return DR_OK;
    }
    if (strcmp(key, "product") == 0 && strlen(value) <= DR_SIGNER_PRODUCT_MAX) {
        memcpy(facts->product, value, strlen(value) + 1);
        return DR_OK;
    }
    if (strcmp(key, "approval") == 0 && strcmp(value, "required") == 0) {
        facts->approval = true;
        return DR_OK;
    }
    if (strcmp(key, "pkcs11") == 0) {
        return fail(
            error, DR_E_UNSUPPORTED, path,
            "keys in PKCS#11 tokens are not supported yet: use a file");
    }
    return fail(error, DR_E_FORMAT, path, "unknown word, or a value that it does not take");
}

static enum dr_status read_conf(struct dr_signer_profile *facts, const char *path, char *error)
{
    char line[CONF_LINE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT ? DR_OK : fail(error, DR_E_IO, path, strerror(errno));
    }
    enum dr_status status = DR_OK;
    while (status == DR_OK && fgets(line, sizeof(line), file) != NULL) {
        status = conf_line(facts, line, path, error);
    }
    (void)fclose(file);
    if (status == DR_OK && facts->kind == DR_SIGNER_KIND_IMAGE && facts->product[0] == '\0') {
        return fail(error, DR_E_FORMAT, path, "an image profile names its product");
    }
    return status;
}

static enum dr_status load_key(struct dr_signer_slot *slot, const char *path, char *error)
{
    uint8_t hash[DR_SHA256_BYTES];
    enum dr_status status = dr_pki_key_load(path, &slot->key);
    if (status == DR_E_DENIED) {
        return fail(error, status, path, "others may read or write it: chmod 600");
    }
    if (status == DR_OK) {
        status = dr_pki_key_spki(slot->key, slot->facts.spki);
    }
    if (status == DR_OK) {
        status = dr_pki_key_hash(slot->key, hash);
    }
    if (status != DR_OK) {
        return fail(error, status, path, dr_status_text(status));
    }
    const char *allowed = getenv("DARUMA_ALLOW_TEST_KEY");
    if (memcmp(hash, golden_key_hash, sizeof(hash)) == 0 &&
        (allowed == NULL || strcmp(allowed, "1") != 0)) {
        return fail(error, DR_E_DENIED, path, "this is the published test key: make another");
    }
    return DR_OK;
}

static enum dr_status
load_slot(const char *directory, const char *name, struct dr_signer_slot *slot, char *error)
{
    char path[DR_SIGNER_PATH_MAX];
    slot->facts.kind = DR_SIGNER_KIND_FILE;
    memcpy(slot->facts.name, name, strlen(name) + 1);
    DR_TRY(join(path, directory, name, KEY_SUFFIX, error));
    DR_TRY(load_key(slot, path, error));
    DR_TRY(join(path, directory, name, ".conf", error));
    DR_TRY(read_conf(&slot->facts, path, error));
    DR_TRY(join(slot->state_path, directory, name, ".state", error));
    enum dr_status status = dr_signer_state_read(slot->state_path, &slot->state);
    return status == DR_OK ? DR_OK : fail(error, status, slot->state_path, dr_status_text(status));
}

/* NAME of NAME.key, false for other files. */
static bool profile_name(const char *file, char name[DR_SIGNER_PROFILE_MAX + 1])
{
    size_t len = strlen(file);
    size_t suffix = sizeof(KEY_SUFFIX) - 1;
    if (len <= suffix || len - suffix > DR_SIGNER_PROFILE_MAX ||
        strcmp(file + len - suffix, KEY_SUFFIX) != 0) {
        return false;
    }
    memcpy(name, file, len - suffix);
    name[len - suffix] = '\0';
    return dr_signer_profile_name_valid(name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_key_file(const struct dirent *entry)
{
    char name[DR_SIGNER_PROFILE_MAX + 1];
    return profile_name(entry->d_name, name) ? 1 : 0;
}

enum dr_status
dr_signer_store_load(const char *directory, struct dr_signer_store *store, char *error)
{
    struct dirent **files = NULL;
    memset(store, 0, sizeof(*store));
    int count = scandir(directory, &files, is_key_file, by_name);
    if (count < 0) {
        return fail(error, DR_E_IO, directory, strerror(errno));
    }
    enum dr_status status = DR_OK;
    if (count == 0) {
        status = fail(error, DR_E_NOT_FOUND, directory, "no NAME.key in it: daruma-signer --init");
    } else if ((size_t)count > DR_SIGNER_PROFILES_MAX) {
        status = fail(error, DR_E_SPACE, directory, "too many profiles");
    }
    for (int i = 0; i < count; i++) {
        char name[DR_SIGNER_PROFILE_MAX + 1];
        if (status == DR_OK && profile_name(files[i]->d_name, name)) {
            status = load_slot(directory, name, &store->slots[store->count++], error);
        }
        free(files[i]);
    }
    free(files);
    if (status != DR_OK) {
        dr_signer_store_clear(store);
    }
    return status;
}

enum dr_status
dr_signer_store_reload(const char *directory, struct dr_signer_store *store, char *error)
{
    struct dr_signer_store *fresh = malloc(sizeof(*fresh));
    if (fresh == NULL) {
        return fail(error, DR_E_SPACE, directory, dr_status_text(DR_E_SPACE));
    }
    enum dr_status status = dr_signer_store_load(directory, fresh, error);
    if (status == DR_OK) {
        dr_signer_store_clear(store);
        memcpy(store, fresh, sizeof(*store)); /* the keys with it: fresh has none any more */
    }
    free(fresh);
    return status;
}

void dr_signer_store_clear(struct dr_signer_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        dr_pki_key_free(store->slots[i].key);
    }
    memset(store, 0, sizeof(*store));
}

struct dr_signer_slot *dr_signer_store_find(struct dr_signer_store *store, const char *name)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->slots[i].facts.name, name) == 0) {
            return &store->slots[i];
        }
    }
    return NULL;
}

enum dr_status dr_signer_slot_save(struct dr_signer_slot *slot, const struct dr_signer_state *state)
{
    DR_TRY(dr_signer_state_write(slot->state_path, state));
    slot->state = *state;
    return DR_OK;
}

enum dr_status dr_signer_store_init(const char *directory, char *error)
{
    char path[DR_SIGNER_PATH_MAX];
    struct dr_pki_key *key;
    DR_TRY(join(path, directory, "default", KEY_SUFFIX, error));
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return fail(error, DR_E_IO, directory, strerror(errno));
    }
    enum dr_status status = dr_pki_key_generate(&key);
    if (status == DR_OK) {
        status = dr_pki_key_save(key, path);
        dr_pki_key_free(key);
    }
    return status == DR_OK || status == DR_E_EXISTS
               ? DR_OK
               : fail(error, status, path, dr_status_text(status));
}
