/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/server/config.h"

#include "base/check.h"
#include "base/secret.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_BYTES 2048u

enum kind {
    TEXT,   /* as it stands */
    PATH,   /* made absolute by the file's directory */
    NUMBER, /* decimal, within low..high */
    SWITCH, /* on, off */
};

struct key {
    const char *name;
    enum kind kind;
    bool required;
    size_t offset;
    size_t size_bytes; /* of a text; of the integer */
    uint64_t low;
    uint64_t high;
};

#define FIELD(member)                                                                              \
    offsetof(struct dr_server_config, member), sizeof(((struct dr_server_config *)0)->member)

static const struct key keys[] = {
    {"region", TEXT, true, FIELD(region), 0, 0},
    {"account", TEXT, true, FIELD(account), 0, 0},
    {"api_address", TEXT, false, FIELD(api_address), 0, 0},
    {"api_port", NUMBER, true, FIELD(api_port), 0, 65535},
    {"api_plain", SWITCH, false, FIELD(api_plain), 0, 0},
    {"api_certificate", PATH, false, FIELD(api_certificate), 0, 0},
    {"api_key", PATH, false, FIELD(api_key), 0, 0},
    {"api_threads", NUMBER, false, FIELD(api_threads), 1, 16},
    {"object_bytes_max", NUMBER, false, FIELD(object_bytes_max), 1, 1ull << 40},
    {"credentials", PATH, true, FIELD(credentials), 0, 0},
    {"store", PATH, true, FIELD(store), 0, 0},
    {"store_pages_max", NUMBER, false, FIELD(store_pages_max), 0, UINT32_MAX},
    {"blobs", PATH, true, FIELD(blobs), 0, 0},
    {"device_ca", PATH, true, FIELD(device_ca), 0, 0},
    {"device_ca_key", PATH, true, FIELD(device_ca_key), 0, 0},
    {"server_ca", PATH, false, FIELD(server_ca), 0, 0},
    {"signer_socket", PATH, false, FIELD(signer_socket), 0, 0},
    {"signing_profile", TEXT, false, FIELD(signing_profile), 0, 0},
    {"mqtt_host", TEXT, false, FIELD(mqtt_host), 0, 0},
    {"mqtt_port", NUMBER, false, FIELD(mqtt_port), 1, 65535},
    {"mqtt_certificate", PATH, false, FIELD(mqtt_certificate), 0, 0},
    {"mqtt_key", PATH, false, FIELD(mqtt_key), 0, 0},
    {"gate_snapshot", PATH, false, FIELD(gate_snapshot), 0, 0},
    {"device_endpoint", TEXT, false, FIELD(device_endpoint), 0, 0},
    {"download_url", TEXT, false, FIELD(download_url), 0, 0},
    {"ready_file", PATH, false, FIELD(ready_file), 0, 0},
    {"strict", SWITCH, false, FIELD(strict), 0, 0},
};

/* Where a message is about, and where it goes. */
struct place {
    const char *path;
    unsigned line;
    char *error;
};

static enum dr_status refuse(const struct place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum dr_status refuse(const struct place *place, const char *format, ...)
{
    char text[DR_CONFIG_ERROR_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (place->line == 0) {
        (void)snprintf(place->error, DR_CONFIG_ERROR_BYTES, "%.600s: %s", place->path, text);
    } else {
        (void)snprintf(
            place->error, DR_CONFIG_ERROR_BYTES, "%.600s:%u: %s", place->path, place->line, text);
    }
    return DR_E_FORMAT;
}

static void default_config(struct dr_server_config *config)
{
    memset(config, 0, sizeof *config);
    (void)snprintf(config->api_address, sizeof config->api_address, "127.0.0.1");
    config->api_threads = 4;
    config->object_bytes_max = 64u << 20;
}

/* --- one value --- */

static enum dr_status
set_text(const struct place *place, const struct key *key, const char *value, char *out)
{
    size_t len = strlen(value);
    if (len >= key->size_bytes) {
        return refuse(place, "%s is longer than %zu characters", key->name, key->size_bytes - 1);
    }
    memcpy(out, value, len + 1);
    return DR_OK;
}

static enum dr_status
set_path(const struct place *place, const struct key *key, const char *value, char *out)
{
    char joined[2 * DR_CONFIG_PATH_MAX];
    const char *slash = strrchr(place->path, '/');
    if (value[0] == '/' || slash == NULL) {
        return set_text(place, key, value, out);
    }
    (void)snprintf(
        joined, sizeof joined, "%.*s/%s", (int)(slash - place->path), place->path, value);
    return set_text(place, key, joined, out);
}

static enum dr_status
set_number(const struct place *place, const struct key *key, const char *value, void *out)
{
    errno = 0;
    unsigned long long number = strtoull(value, NULL, 10);
    bool digits = value[0] != '\0' && strspn(value, "0123456789") == strlen(value);
    if (!digits || errno != 0 || number < key->low || number > key->high) {
        return refuse(
            place, "%s must be a number from %llu to %llu", key->name, (unsigned long long)key->low,
            (unsigned long long)key->high);
    }
    switch (key->size_bytes) {
    case sizeof(uint16_t):
        *(uint16_t *)out = (uint16_t)number;
        return DR_OK;
    case sizeof(uint32_t):
        *(uint32_t *)out = (uint32_t)number;
        return DR_OK;
    default:
        *(uint64_t *)out = (uint64_t)number;
        return DR_OK;
    }
}

static enum dr_status
set_switch(const struct place *place, const struct key *key, const char *value, bool *out)
{
    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
        return refuse(place, "%s must be on or off", key->name);
    }
    *out = strcmp(value, "on") == 0;
    return DR_OK;
}

static enum dr_status set_value(
    const struct place *place, const struct key *key, const char *value,
    struct dr_server_config *config)
{
    void *out = (char *)config + key->offset;
    if (value[0] == '\0') {
        return refuse(place, "%s has no value", key->name);
    }
    switch (key->kind) {
    case TEXT:
        return set_text(place, key, value, out);
    case PATH:
        return set_path(place, key, value, out);
    case NUMBER:
        return set_number(place, key, value, out);
    case SWITCH:
        return set_switch(place, key, value, out);
    }
    return DR_E_INTERNAL;
}

/* --- the file --- */

/* Blanks and the end of line go; NULL for an empty line or a comment. */
static char *trim(char *line)
{
    line += strspn(line, " \t");
    size_t len = strlen(line);
    while (len > 0 && isspace((unsigned char)line[len - 1])) {
        line[--len] = '\0';
    }
    return len == 0 || line[0] == '#' ? NULL : line;
}

static enum dr_status
parse_line(const struct place *place, char *line, struct dr_server_config *config, uint64_t *seen)
{
    size_t name_len = strcspn(line, " \t");
    const char *value = line + name_len + strspn(line + name_len, " \t");
    line[name_len] = '\0';
    for (size_t i = 0; i < DR_ARRAY_COUNT(keys); i++) {
        if (strcmp(keys[i].name, line) != 0) {
            continue;
        }
        if ((*seen & (1ull << i)) != 0) {
            return refuse(place, "%s is given twice", line);
        }
        *seen |= 1ull << i;
        return set_value(place, &keys[i], value, config);
    }
    return refuse(place, "unknown key \"%.60s\"", line);
}

/* "https://HOST[:PORT]" and nothing behind it. */
static bool is_origin(const char *url)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
    const char *host = url + 8;
    return strncmp(url, "https://", 8) == 0 && host[0] != '\0' &&
           strspn(host, letters) == strlen(host);
}

static enum dr_status
check_whole(const struct place *place, uint64_t seen, const struct dr_server_config *config)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(keys); i++) {
        if (keys[i].required && (seen & (1ull << i)) == 0) {
            return refuse(place, "%s is missing", keys[i].name);
        }
    }
    bool certified = config->api_certificate[0] != '\0' && config->api_key[0] != '\0';
    if (!config->api_plain && !certified) {
        return refuse(
            place, "api_certificate and api_key are missing; `api_plain on` serves plain HTTP on "
                   "loopback instead");
    }
    if (config->mqtt_host[0] != '\0' &&
        (config->mqtt_port == 0 || config->mqtt_certificate[0] == '\0' ||
         config->mqtt_key[0] == '\0' || config->server_ca[0] == '\0')) {
        return refuse(
            place, "mqtt_host needs mqtt_port, mqtt_certificate, mqtt_key and server_ca beside it");
    }
    if (config->download_url[0] != '\0' && !is_origin(config->download_url)) {
        return refuse(place, "download_url must be https://HOST or https://HOST:PORT");
    }
    if (strlen(config->account) != 12 ||
        strspn(config->account, "0123456789") != strlen(config->account)) {
        return refuse(place, "account must be 12 digits");
    }
    return DR_OK;
}

static enum dr_status open_file(const struct place *place, FILE **ret_file)
{
    FILE *file = fopen(place->path, "re");
    if (file == NULL) {
        bool missing = errno == ENOENT;
        DR_IGNORE(refuse(place, "cannot be opened: %s", strerror(errno)));
        return missing ? DR_E_NOT_FOUND : DR_E_IO;
    }
    *ret_file = file;
    return DR_OK;
}

enum dr_status dr_server_config_load(
    const char *path, struct dr_server_config *ret_config, char error[DR_CONFIG_ERROR_BYTES])
{
    struct dr_server_config config;
    struct place place = {.path = path, .line = 0, .error = error};
    char line[LINE_BYTES];
    uint64_t seen = 0;
    FILE *file = NULL;
    DR_STATIC_ASSERT(DR_ARRAY_COUNT(keys) <= 64, "seen has a bit for each key");
    DR_TRY(open_file(&place, &file));
    default_config(&config);
    enum dr_status status = DR_OK;
    while (status == DR_OK && fgets(line, sizeof line, file) != NULL) { /* bound: the file */
        place.line++;
        if (strchr(line, '\n') == NULL && !feof(file)) {
            status = refuse(&place, "the line is too long");
            break;
        }
        char *text = trim(line);
        status = text == NULL ? DR_OK : parse_line(&place, text, &config, &seen);
    }
    (void)fclose(file);
    DR_TRY(status);
    place.line = 0;
    DR_TRY(check_whole(&place, seen, &config));
    *ret_config = config;
    return DR_OK;
}

/* --- credentials --- */

static enum dr_status
parse_credential(const struct place *place, char *line, struct dr_api_credential *credential)
{
    static const struct {
        const char *word;
        enum dr_api_role role;
    } roles[] = {{"viewer", DR_API_VIEWER}, {"operator", DR_API_OPERATOR}, {"admin", DR_API_ADMIN}};
    char role[16] = "";
    char rest[2] = "";
    memset(credential, 0, sizeof *credential);
    int fields = sscanf(
        line, "%128s %128s %15s %1s", credential->access_key_id, credential->secret, role, rest);
    if (fields != 3) {
        return refuse(place, "expected: access-key-id secret viewer|operator|admin");
    }
    if (strlen(credential->secret) < 16) {
        return refuse(place, "the secret is shorter than 16 characters");
    }
    for (size_t i = 0; i < DR_ARRAY_COUNT(roles); i++) {
        if (strcmp(roles[i].word, role) == 0) {
            credential->role = roles[i].role;
            return DR_OK;
        }
    }
    return refuse(place, "the role must be viewer, operator or admin");
}

static bool
has_key(const struct dr_api_credential *credentials, size_t count, const char *access_key_id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(credentials[i].access_key_id, access_key_id) == 0) {
            return true;
        }
    }
    return false;
}

static enum dr_status read_credentials(
    FILE *file, struct place *place, struct dr_api_credential *credentials, size_t *ret_count)
{
    char line[LINE_BYTES];
    size_t count = 0;
    enum dr_status status = DR_OK;
    while (status == DR_OK && fgets(line, sizeof line, file) != NULL) { /* bound: the file */
        struct dr_api_credential credential;
        place->line++;
        char *text = trim(line);
        if (text == NULL) {
            continue;
        }
        status = parse_credential(place, text, &credential);
        if (status == DR_OK && has_key(credentials, count, credential.access_key_id)) {
            status = refuse(place, "this access key id is given twice");
        }
        if (status == DR_OK && count == DR_API_CREDENTIALS_MAX) {
            status = refuse(place, "more than %u credentials", DR_API_CREDENTIALS_MAX);
        }
        if (status == DR_OK) {
            credentials[count++] = credential;
        }
        dr_wipe(&credential, sizeof credential);
    }
    dr_wipe(line, sizeof line);
    if (status == DR_OK && count == 0) {
        place->line = 0;
        status = refuse(place, "holds no credentials: nobody could call the API");
    }
    *ret_count = count;
    return status;
}

enum dr_status dr_server_credentials_load(
    const char *path, struct dr_api_credential *ret_credentials, size_t *ret_count,
    char error[DR_CONFIG_ERROR_BYTES])
{
    struct place place = {.path = path, .line = 0, .error = error};
    struct stat info;
    FILE *file = NULL;
    DR_TRY(open_file(&place, &file));
    enum dr_status status = DR_OK;
    if (fstat(fileno(file), &info) != 0 || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        DR_IGNORE(refuse(&place, "others may read it; `chmod 600` it"));
        status = DR_E_DENIED;
    } else {
        status = read_credentials(file, &place, ret_credentials, ret_count);
    }
    (void)fclose(file);
    return status;
}
