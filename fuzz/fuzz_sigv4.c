/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A request as lines: method, target, then "name: value". Whatever it claims, reading and verifying
 * it must be safe, and a signature that was not made with the secret must not verify. */
#include "aws/sigv4.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define TEXT_BYTES 4096u
#define HEADERS_MAX 32u

static char *next_line(char **rest)
{
    char *line = *rest;
    size_t len = strcspn(line, "\n");
    *rest = line + len + (line[len] == '\n' ? 1 : 0);
    line[len] = '\0';
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char text[TEXT_BYTES];
    struct dr_sigv4_header headers[HEADERS_MAX];
    struct dr_sigv4_request request = {.headers = headers};
    struct dr_sigv4_claim claim;
    if (size_bytes >= sizeof text || memchr(data, 0, size_bytes) != NULL) {
        return 0;
    }
    memcpy(text, data, size_bytes);
    text[size_bytes] = '\0';
    char *rest = text;
    request.method = next_line(&rest);
    request.target = next_line(&rest);
    while (*rest != '\0' && request.header_count < HEADERS_MAX) {
        char *name = next_line(&rest);
        size_t name_len = strcspn(name, ":");
        char *value = name[name_len] == ':' ? name + name_len + 1 : name + name_len;
        name[name_len] = '\0';
        headers[request.header_count++] = (struct dr_sigv4_header){.name = name, .value = value};
    }
    if (dr_sigv4_parse(&request, &claim) != DR_OK) {
        return 0;
    }
    FUZZ(claim.access_key_id[0] != '\0' && claim.service[0] != '\0');
    FUZZ(dr_sigv4_check_time(&claim, claim.time_s) == DR_OK);
    FUZZ(dr_sigv4_check_time(&claim, claim.time_s - 100000) == DR_E_RANGE);
    FUZZ(
        dr_sigv4_verify(&dr_crypto_openssl, &request, &claim, "unguessed", "UNSIGNED-PAYLOAD") !=
        DR_OK);
    return 0;
}
