/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What stands in a cloud's directory, made step by step; a step that is done is left alone. */
#include "cli/cloud.h"

#include "base/secret.h"
#include "cloud/pki/pki.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *dr_cloud_path(const struct dr_cloud *cloud, const char *name)
{
    static char paths[4][DR_CLOUD_PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % 4u];
    (void)snprintf(path, sizeof paths[0], "%s/%s", cloud->dir, name);
    return path;
}

static int make_directory(struct dr_cloud *cloud, const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST) {
        return 0;
    }
    return dr_cli_error(cloud->cli, "cannot make %s: %s", path, strerror(errno));
}

int dr_cloud_locate(struct dr_cli *cli, bool create, struct dr_cloud *ret_cloud)
{
    memset(ret_cloud, 0, sizeof *ret_cloud);
    ret_cloud->cli = cli;
    if (create && make_directory(ret_cloud, cli->cloud_dir, 0711) != 0) {
        return DR_EXIT_ERROR;
    }
    char *absolute = realpath(cli->cloud_dir, NULL);
    if (absolute == NULL) {
        return dr_cli_error(cli, "no cloud in %s; `daruma cloud up` makes one", cli->cloud_dir);
    }
    size_t len = strlen(absolute);
    bool fits = len < sizeof ret_cloud->dir;
    /* The texts of the configurations are lines: a name that would break one is refused. */
    bool plain = strpbrk(absolute, "\n\r\t\"'\\$`") == NULL;
    if (fits && plain) {
        memcpy(ret_cloud->dir, absolute, len + 1);
    }
    free(absolute);
    if (!fits || !plain) {
        return dr_cli_error(
            cli,
            "the path of %s is too long or holds quotes or control characters; choose "
            "another --cloud",
            cli->cloud_dir);
    }
    if (access(dr_cloud_path(ret_cloud, "cloud.json"), R_OK) != 0 && errno == EACCES) {
        return dr_cli_error(
            cli, "the cloud in %s is another user's: %s", ret_cloud->dir, strerror(EACCES));
    }
    /* The lock stands there, and is taken before anything else is made. */
    return create ? make_directory(ret_cloud, dr_cloud_path(ret_cloud, "run"), 0711) : 0;
}

int dr_cloud_named(struct dr_cli *cli, struct dr_cloud *ret_cloud)
{
    const char *directory = NULL;
    size_t count = 0;
    const struct dr_cli_option options[] = {{.name = "dir", .text = &directory}};
    int result = dr_cli_parse(cli, options, 1, NULL, 0, &count);
    if (result != 0) {
        return result;
    }
    if (directory != NULL) {
        cli->cloud_dir = directory;
    }
    return dr_cloud_locate(cli, false, ret_cloud);
}

bool dr_cloud_load(struct dr_cloud *cloud)
{
    json_t *settings = json_load_file(dr_cloud_path(cloud, "cloud.json"), 0, NULL);
    const char *api = json_string_value(json_object_get(settings, "api"));
    const char *key_id = json_string_value(json_object_get(settings, "access_key_id"));
    const char *secret = json_string_value(json_object_get(settings, "secret_access_key"));
    json_int_t mqtt_port = json_integer_value(json_object_get(settings, "mqtt_port"));
    const char *colon = api == NULL ? NULL : strrchr(api, ':');
    long api_port = colon == NULL ? 0 : strtol(colon + 1, NULL, 10);
    bool good = api_port > 0 && api_port <= 65535 && mqtt_port > 0 && mqtt_port <= 65535 &&
                key_id != NULL && strlen(key_id) < sizeof cloud->access_key_id && secret != NULL &&
                strlen(secret) < sizeof cloud->secret;
    if (good) {
        cloud->api_port = (uint16_t)api_port;
        cloud->mqtt_port = (uint16_t)mqtt_port;
        (void)snprintf(cloud->access_key_id, sizeof cloud->access_key_id, "%s", key_id);
        (void)snprintf(cloud->secret, sizeof cloud->secret, "%s", secret);
    }
    json_decref(settings);
    return good;
}

/* --- choices made once --- */

/* A loopback port that nobody listens on now. 0 when there is none. */
static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool done = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &len) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return done ? ntohs(address.sin_port) : 0;
}

static bool random_text(char *out, size_t len)
{
    /* 32 symbols, so that a byte maps to one without bias. */
    static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t bytes[64];
    if (len > sizeof bytes || getrandom(bytes, len, 0) != (ssize_t)len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = symbols[bytes[i] & 31u];
    }
    out[len] = '\0';
    dr_wipe(bytes, sizeof bytes);
    return true;
}

static int choose(struct dr_cloud *cloud)
{
    static const char prefix[] = "AKDARUMA";
    cloud->is_new = true;
    cloud->api_port = cloud->api_port != 0 ? cloud->api_port : free_port();
    for (unsigned tries = 0; cloud->mqtt_port == 0 && tries < 16; tries++) {
        uint16_t port = free_port();
        cloud->mqtt_port = port == cloud->api_port ? 0 : port;
    }
    memcpy(cloud->access_key_id, prefix, sizeof prefix - 1);
    if (cloud->api_port == 0 || cloud->mqtt_port == 0 ||
        !random_text(cloud->access_key_id + sizeof prefix - 1, 12) ||
        !random_text(cloud->secret, 40)) {
        return dr_cli_error(cloud->cli, "no free port on 127.0.0.1, or no randomness");
    }
    return 0;
}

/* --- PKI --- */

static int pki_error(struct dr_cloud *cloud, const char *what, enum dr_status status)
{
    return dr_cli_error(
        cloud->cli,
        "%s in %s/pki: %s; restore the directory from a copy, or move it away to start a new cloud",
        what, cloud->dir, dr_status_text(status));
}

/* The authority of these files. In a cloud that is still being made, a missing or half-made one
 * (cut between the two files) is made; later a new one would disown every device, so it is an
 * error. */
static enum dr_status ensure_authority(
    const struct dr_cloud *cloud, const char *name, const char *certificate_path,
    const char *key_path, struct dr_pki_authority **ret_authority)
{
    if (access(certificate_path, F_OK) == 0) {
        return dr_pki_authority_load(certificate_path, key_path, ret_authority);
    }
    if (!cloud->is_new) {
        return DR_E_NOT_FOUND;
    }
    (void)unlink(key_path);
    struct dr_pki_authority *authority = NULL;
    DR_TRY(dr_pki_authority_create(name, (int64_t)time(NULL), &authority));
    enum dr_status status = dr_pki_authority_save(authority, certificate_path, key_path);
    if (status != DR_OK) {
        dr_pki_authority_free(authority);
        return status;
    }
    *ret_authority = authority;
    return DR_OK;
}

static enum dr_status save_identity(
    const struct dr_pki_identity *identity, const char *certificate_path, const char *key_path)
{
    /* Key first: a certificate on disk means that the pair is complete. */
    DR_TRY(dr_pki_write_file(key_path, identity->private_pem, strlen(identity->private_pem), 0600));
    return dr_pki_write_file(
        certificate_path, identity->certificate.pem, identity->certificate.pem_len, 0644);
}

/* A certificate by another authority means that the authority was exchanged: devices trust the one
 * they were made with, so a new certificate would lock all of them out. */
static enum dr_status ensure_server(
    const struct dr_cloud *cloud, const struct dr_pki_authority *authority,
    const char *certificate_path, const char *key_path)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    struct dr_pki_certificate existing;
    struct dr_pki_identity identity;
    int64_t now_s = (int64_t)time(NULL);
    enum dr_status status = dr_pki_certificate_load(certificate_path, &existing);
    bool ours = status == DR_OK && dr_pki_certificate_check(authority, &existing) == DR_OK;
    if (ours && existing.not_after_s > now_s + DR_PKI_RENEW_DAYS * 86400LL) {
        return DR_OK;
    }
    if (status == DR_OK && !ours && !cloud->is_new) {
        return DR_E_AUTH;
    }
    DR_TRY(dr_pki_create_server(authority, names, 2, now_s, &identity));
    status = save_identity(&identity, certificate_path, key_path);
    dr_wipe(&identity, sizeof identity);
    return status;
}

static enum dr_status ensure_service(
    struct dr_cloud *cloud, const struct dr_pki_authority *authority, const char *certificate_path,
    const char *key_path)
{
    struct dr_pki_certificate existing;
    struct dr_pki_identity identity;
    enum dr_status status = dr_pki_certificate_load(certificate_path, &existing);
    if (status != DR_OK || dr_pki_certificate_check(authority, &existing) != DR_OK) {
        DR_TRY(dr_pki_create_identity(
            authority, DR_PKI_EC_P256, "darumad", DR_PKI_SERVICE, (int64_t)time(NULL), &identity));
        existing = identity.certificate;
        status = save_identity(&identity, certificate_path, key_path);
        dr_wipe(&identity, sizeof identity);
    }
    if (status == DR_OK) {
        memcpy(
            cloud->service_certificate_id, existing.id_text, sizeof cloud->service_certificate_id);
    }
    return status;
}

/* The broker looks issuers of client certificates up by the hash of their subject. */
static enum dr_status
link_client_issuer(struct dr_cloud *cloud, const struct dr_pki_authority *authority)
{
    const struct dr_pki_certificate *certificate = dr_pki_authority_certificate(authority);
    char name[32];
    char file[64];
    DR_TRY(dr_pki_certificate_hash_name(certificate, name, sizeof name));
    (void)snprintf(file, sizeof file, "pki/clients/%s", name);
    return dr_pki_write_file(
        dr_cloud_path(cloud, file), certificate->pem, certificate->pem_len, 0644);
}

static int prepare_server_side(struct dr_cloud *cloud)
{
    struct dr_pki_authority *authority = NULL;
    enum dr_status status = ensure_authority(
        cloud, "Daruma server CA", dr_cloud_path(cloud, "pki/ca.pem"),
        dr_cloud_path(cloud, "pki/ca.key"), &authority);
    if (status == DR_OK) {
        status = ensure_server(
            cloud, authority, dr_cloud_path(cloud, "pki/broker.pem"),
            dr_cloud_path(cloud, "pki/broker.key"));
    }
    if (status == DR_OK) {
        status = ensure_server(
            cloud, authority, dr_cloud_path(cloud, "pki/api.pem"),
            dr_cloud_path(cloud, "pki/api.key"));
    }
    dr_pki_authority_free(authority);
    return status == DR_OK ? 0 : pki_error(cloud, "server certificates", status);
}

static int prepare_client_side(struct dr_cloud *cloud)
{
    struct dr_pki_authority *authority = NULL;
    enum dr_status status = ensure_authority(
        cloud, "Daruma device CA", dr_cloud_path(cloud, "pki/device-ca.pem"),
        dr_cloud_path(cloud, "pki/device-ca.key"), &authority);
    if (status == DR_OK) {
        status = ensure_service(
            cloud, authority, dr_cloud_path(cloud, "pki/service.pem"),
            dr_cloud_path(cloud, "pki/service.key"));
    }
    if (status == DR_OK) {
        status = link_client_issuer(cloud, authority);
    }
    dr_pki_authority_free(authority);
    return status == DR_OK ? 0 : pki_error(cloud, "client certificates", status);
}

/* --- all of it --- */

/* The signer's keys and its socket are its own; others only pass through to the socket. Keys that
 * were put there by hand, or in a run without a user of its own, are handed over too. */
static int give_to_signer(struct dr_cloud *cloud)
{
    static const char *const names[] = {"signer", "run/signer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        DIR *dir = opendir(dr_cloud_path(cloud, names[i]));
        bool done = dir != NULL && fchown(dirfd(dir), cloud->signer_uid, cloud->signer_gid) == 0;
        for (struct dirent *entry = done ? readdir(dir) : NULL; entry != NULL;
             entry = readdir(dir)) { /* bound: the directory */
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                done = done && fchownat(
                                   dirfd(dir), entry->d_name, cloud->signer_uid, cloud->signer_gid,
                                   AT_SYMLINK_NOFOLLOW) == 0;
            }
        }
        if (dir != NULL) {
            (void)closedir(dir);
        }
        if (!done) {
            return dr_cli_error(
                cloud->cli, "cannot give %s/%s to the signer's user: %s", cloud->dir, names[i],
                strerror(errno));
        }
    }
    return 0;
}

static int make_directories(struct dr_cloud *cloud)
{
    static const struct {
        const char *name;
        mode_t mode;
    } directories[] = {
        {"pki", 0700},    {"pki/clients", 0700}, {"store", 0700},      {"blobs", 0700},
        {"signer", 0700}, {"run", 0711},         {"run/signer", 0711},
    };
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        const char *path = dr_cloud_path(cloud, directories[i].name);
        int result = make_directory(cloud, path, directories[i].mode);
        if (result != 0) {
            return result;
        }
    }
    if (!cloud->signer_user_set) {
        return 0;
    }
    return give_to_signer(cloud);
}

int dr_cloud_prepare(struct dr_cloud *cloud)
{
    uint16_t api_port = cloud->api_port;
    uint16_t mqtt_port = cloud->mqtt_port;
    int result = make_directories(cloud);
    if (result == 0 && !dr_cloud_load(cloud)) {
        if (access(dr_cloud_path(cloud, "cloud.json"), F_OK) == 0) {
            return dr_cli_error(
                cloud->cli, "%s/cloud.json is damaged; restore it, or move the directory away",
                cloud->dir);
        }
        result = choose(cloud);
    }
    /* Ports on the command line win and are kept. */
    cloud->api_port = api_port != 0 ? api_port : cloud->api_port;
    cloud->mqtt_port = mqtt_port != 0 ? mqtt_port : cloud->mqtt_port;
    if (result == 0) {
        result = prepare_server_side(cloud);
    }
    if (result == 0) {
        result = prepare_client_side(cloud);
    }
    if (result == 0) {
        result = dr_cloud_write_configs(cloud);
    }
    /* Last: a directory with cloud.json is complete. */
    return result == 0 ? dr_cloud_write_settings(cloud) : result;
}
