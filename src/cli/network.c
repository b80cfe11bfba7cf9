/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/network.h"

#include "base/secret.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "tools/provision/device.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FILE_BYTES_MAX 256u

int dr_cli_network_make(
    struct dr_cli *cli, const char *name, const char *password, struct dr_cli_network *ret_network)
{
    const size_t name_len = strlen(name);
    const size_t password_len = strlen(password);
    if (name_len < 1 || name_len > DR_NETWORK_NAME_LEN_MAX ||
        password_len > DR_NETWORK_PASSWORD_LEN_MAX || strpbrk(name, "\t\r\n") != NULL ||
        strpbrk(password, "\t\r\n") != NULL) {
        return dr_cli_usage(
            cli,
            "a network has a name of 1 to %u characters and a password of at most %u, "
            "without tabs or line ends",
            DR_NETWORK_NAME_LEN_MAX, DR_NETWORK_PASSWORD_LEN_MAX);
    }
    memcpy(ret_network->bytes, name, name_len + 1u);
    memcpy(ret_network->bytes + name_len + 1u, password, password_len + 1u);
    ret_network->size_bytes = name_len + 1u + password_len;
    return 0;
}

int dr_cli_network_read(struct dr_cli *cli, const char *path, struct dr_cli_network *ret_network)
{
    size_t size_bytes = 0;
    uint8_t *text = dr_cli_read_file(cli, path, FILE_BYTES_MAX, &size_bytes);
    if (text == NULL) {
        return DR_EXIT_ERROR;
    }
    char *rest = NULL;
    const char *name = strtok_r((char *)text, "\r\n", &rest);
    const char *password = strtok_r(NULL, "\r\n", &rest);
    const char *more = strtok_r(NULL, "\r\n", &rest);
    int result =
        name == NULL || more != NULL
            ? dr_cli_error(cli, "%s: the first line is the name, the second the password", path)
            : dr_cli_network_make(cli, name, password != NULL ? password : "", ret_network);
    dr_wipe(text, size_bytes);
    free(text);
    return result;
}

static int read_key(struct dr_cli *cli, const char *path, uint8_t key[DR_ENCLOSED_KEY_BYTES])
{
    size_t size_bytes = 0;
    uint8_t *data = dr_cli_read_file(cli, path, DR_ENCLOSED_KEY_BYTES, &size_bytes);
    if (data == NULL) {
        return DR_EXIT_ERROR;
    }
    int result = 0;
    if (size_bytes == DR_ENCLOSED_KEY_BYTES) {
        memcpy(key, data, DR_ENCLOSED_KEY_BYTES);
    } else {
        result = dr_cli_error(cli, "%s is no bundle key: 32 bytes", path);
    }
    dr_wipe(data, size_bytes);
    free(data);
    return result;
}

int dr_cli_bundle_key(
    struct dr_cli *cli, const char *directory, uint8_t ret_key[DR_ENCLOSED_KEY_BYTES])
{
    size_t size_bytes = 0;
    enum dr_status status = dr_device_read(
        directory, DR_CLI_BUNDLE_KEY_FILE, ret_key, DR_ENCLOSED_KEY_BYTES, &size_bytes);
    if (status == DR_OK && size_bytes == DR_ENCLOSED_KEY_BYTES) {
        return 0;
    }
    if (status != DR_E_NOT_FOUND ||
        getrandom(ret_key, DR_ENCLOSED_KEY_BYTES, 0) != (ssize_t)DR_ENCLOSED_KEY_BYTES ||
        dr_device_write(directory, DR_CLI_BUNDLE_KEY_FILE, ret_key, DR_ENCLOSED_KEY_BYTES, 0600) !=
            DR_OK) {
        return dr_cli_error(cli, "%s/%s cannot be read or made", directory, DR_CLI_BUNDLE_KEY_FILE);
    }
    return 0;
}

int dr_cli_network_enclose(
    struct dr_cli *cli, const struct dr_cli_network *network, const char *thing,
    const uint8_t digest[DR_IMAGE_DIGEST_BYTES], const char *key_path,
    char ret_text[DR_CLI_ENCLOSED_TEXT_BYTES])
{
    uint8_t key[DR_ENCLOSED_KEY_BYTES];
    uint8_t sealed[DR_ENCLOSED_BYTES_MAX];
    uint8_t aad[DR_ENCLOSED_AAD_BYTES_MAX];
    uint8_t *text = sealed + DR_ENCLOSED_NONCE_BYTES;
    const size_t plain_bytes = 1u + network->size_bytes;
    if (strlen(thing) > DR_THING_NAME_LEN_MAX) {
        return dr_cli_usage(cli, "that is no name of a thing");
    }
    int result = read_key(cli, key_path, key);
    if (result != 0) {
        return result;
    }
    const struct dr_bytes about = {aad, dr_enclosed_aad(thing, digest, aad)};
    text[0] = DR_ENCLOSED_NETWORK;
    memcpy(text + 1, network->bytes, network->size_bytes);
    bool done = getrandom(sealed, DR_ENCLOSED_NONCE_BYTES, 0) == (ssize_t)DR_ENCLOSED_NONCE_BYTES &&
                dr_crypto_openssl.gcm_seal(
                    key, sealed, about, text, plain_bytes, text, text + plain_bytes) == DR_OK;
    dr_wipe(key, sizeof key);
    if (!done) {
        dr_wipe(sealed, sizeof sealed);
        return dr_cli_error(cli, "the network cannot be sealed");
    }
    (void)dr_base64_encode(
        sealed, DR_ENCLOSED_NONCE_BYTES + plain_bytes + DR_ENCLOSED_TAG_BYTES, ret_text);
    return 0;
}
