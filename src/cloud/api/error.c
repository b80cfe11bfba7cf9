/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/api/error.h"

#include "base/check.h"

#include <stddef.h>
#include <string.h>

static const struct {
    unsigned http;
    const char *code;
} errors[] = {
#define DR_API_ERROR_ROW(name, http, code) {http, code},
    DR_API_ERROR_LIST(DR_API_ERROR_ROW)
#undef DR_API_ERROR_ROW
};

unsigned dr_api_error_http(enum dr_api_error error)
{
    DR_CHECK((size_t)error < DR_ARRAY_COUNT(errors));
    return errors[error].http;
}

const char *dr_api_error_code(enum dr_api_error error)
{
    DR_CHECK((size_t)error < DR_ARRAY_COUNT(errors));
    return errors[error].code;
}

enum dr_status dr_api_error_from_code(const char *code, enum dr_api_error *ret_error)
{
    for (size_t i = 0; i < DR_ARRAY_COUNT(errors); i++) {
        if (strcmp(errors[i].code, code) == 0) {
            *ret_error = (enum dr_api_error)i;
            return DR_OK;
        }
    }
    return DR_E_NOT_FOUND;
}

enum dr_api_error dr_api_error_from_status(enum dr_status status)
{
    switch (status) {
    case DR_E_ARGUMENT:
    case DR_E_RANGE:
    case DR_E_FORMAT:
    case DR_E_TRUNCATED:
        return DR_API_INVALID_REQUEST;
    case DR_E_UNSUPPORTED:
        return DR_API_NOT_IMPLEMENTED;
    case DR_E_NOT_FOUND:
        return DR_API_NOT_FOUND;
    case DR_E_EXISTS:
        return DR_API_ALREADY_EXISTS;
    case DR_E_STATE:
        return DR_API_INVALID_STATE;
    case DR_E_CONFLICT:
        return DR_API_VERSION_CONFLICT;
    case DR_E_AUTH:
    case DR_E_DENIED:
        return DR_API_ACCESS_DENIED;
    /* The store is full, busy or read-only: the client may try again, nothing was done. */
    case DR_E_SPACE:
    case DR_E_IO:
    case DR_E_BUSY:
    case DR_E_AGAIN:
    case DR_E_TIMEOUT:
    case DR_E_CLOSED:
        return DR_API_UNAVAILABLE;
    case DR_OK:
    case DR_E_CORRUPT:
    case DR_E_CRYPTO:
    case DR_E_INTERNAL:
        return DR_API_INTERNAL;
    }
    return DR_API_INTERNAL;
}

enum dr_api_error dr_api_error_for_s3(enum dr_api_error error)
{
    static const struct {
        enum dr_api_error general;
        enum dr_api_error s3;
    } pairs[] = {
        {DR_API_INVALID_REQUEST, DR_S3_INVALID_REQUEST},
        {DR_API_MISSING_TOKEN, DR_S3_ACCESS_DENIED},
        {DR_API_INCOMPLETE_SIGNATURE, DR_S3_ACCESS_DENIED},
        {DR_API_UNKNOWN_KEY, DR_S3_UNKNOWN_KEY},
        {DR_API_INVALID_SIGNATURE, DR_S3_SIGNATURE},
        {DR_API_ACCESS_DENIED, DR_S3_ACCESS_DENIED},
        {DR_API_NOT_FOUND, DR_S3_NO_KEY},
        {DR_API_UNKNOWN_OPERATION, DR_S3_INVALID_REQUEST},
        {DR_API_METHOD_NOT_ALLOWED, DR_S3_METHOD_NOT_ALLOWED},
        {DR_API_ALREADY_EXISTS, DR_S3_BUCKET_EXISTS},
        {DR_API_TOO_LARGE, DR_S3_TOO_LARGE},
        {DR_API_INTERNAL, DR_S3_INTERNAL},
        {DR_API_NOT_IMPLEMENTED, DR_S3_NOT_IMPLEMENTED},
        {DR_API_UNAVAILABLE, DR_S3_UNAVAILABLE},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(pairs); i++) {
        if (pairs[i].general == error) {
            return pairs[i].s3;
        }
    }
    return error;
}
