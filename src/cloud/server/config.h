/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* darumad's configuration file: lines of `key value`, '#' begins a comment.
 *
 * Every key is known, given at most once and checked; anything else is refused with file, line and
 * what to do. Relative paths are relative to the file. Secrets stand in a separate credentials
 * file, one `access-key-id secret role` per line, mode 0600; one that others can read is refused.
 */
#ifndef DR_CLOUD_SERVER_CONFIG_H
#define DR_CLOUD_SERVER_CONFIG_H

#include "base/status.h"
#include "cloud/api/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_CONFIG_PATH_MAX 1024u
#define DR_CONFIG_ERROR_BYTES 1280u

struct dr_server_config {
    char region[33];
    char account[13];
    char api_address[64];
    uint16_t api_port;
    bool api_plain; /* plain HTTP, for tests on loopback */
    char api_certificate[DR_CONFIG_PATH_MAX];
    char api_key[DR_CONFIG_PATH_MAX];
    unsigned api_threads;
    uint64_t object_bytes_max;
    char credentials[DR_CONFIG_PATH_MAX];
    char store[DR_CONFIG_PATH_MAX];     /* SQLite file */
    uint32_t store_pages_max;           /* 0: no limit */
    char blobs[DR_CONFIG_PATH_MAX];     /* directory */
    char device_ca[DR_CONFIG_PATH_MAX]; /* certificate of the device CA */
    char device_ca_key[DR_CONFIG_PATH_MAX];
    char server_ca[DR_CONFIG_PATH_MAX];     /* what devices and tools trust */
    char signer_socket[DR_CONFIG_PATH_MAX]; /* "" when there is no signer */
    char signing_profile[65];               /* used when CreateOTAUpdate names none; "" = none */
    char mqtt_host[256];                    /* "" runs without a bus (tests) */
    uint16_t mqtt_port;
    char mqtt_certificate[DR_CONFIG_PATH_MAX]; /* the service's client certificate */
    char mqtt_key[DR_CONFIG_PATH_MAX];
    char gate_snapshot[DR_CONFIG_PATH_MAX]; /* "" when there is no gate */
    char device_endpoint[256];              /* what DescribeEndpoint answers: host:port */
    char download_url[300];                 /* "": no HTTP for devices; else https://HOST[:PORT] */
    char ready_file[DR_CONFIG_PATH_MAX];    /* "", or a file that holds the API's port once ready */
    bool strict;                            /* AWS's own limits */
};

/* Read and check. On failure error holds one line for a person: "FILE:LINE: what; what to do".
 *
 * DR_E_NOT_FOUND, DR_E_IO, DR_E_FORMAT (unknown key, repeated key, bad value, missing key).
 */
DR_MUST_USE enum dr_status dr_server_config_load(
    const char *path, struct dr_server_config *ret_config, char error[DR_CONFIG_ERROR_BYTES]);

/* Read the credentials file. ret_credentials holds DR_API_CREDENTIALS_MAX.
 *
 * DR_E_DENIED: others may read it. The caller wipes what it got.
 */
DR_MUST_USE enum dr_status dr_server_credentials_load(
    const char *path, struct dr_api_credential *ret_credentials, size_t *ret_count,
    char error[DR_CONFIG_ERROR_BYTES]);

#endif
