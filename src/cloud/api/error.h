/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* AWS error shapes: the code a client switches on, its HTTP status, and a message for a person.
 *
 * rest-json services answer {"message": "..."} with x-amzn-ErrorType; s3 and sts answer XML. One
 * list holds every code this server ever sends; a code belongs to one status.
 */
#ifndef DR_CLOUD_API_ERROR_H
#define DR_CLOUD_API_ERROR_H

#include "base/status.h"

/* X(name, HTTP status, code on the wire) */
#define DR_API_ERROR_LIST(X)                                                                       \
    X(DR_API_INVALID_REQUEST, 400, "InvalidRequestException")                                      \
    X(DR_API_CERTIFICATE_VALIDATION, 400, "CertificateValidationException")                        \
    X(DR_API_MALFORMED_POLICY, 400, "MalformedPolicyException")                                    \
    X(DR_API_THROTTLING, 400, "ThrottlingException")                                               \
    X(DR_API_MISSING_TOKEN, 403, "MissingAuthenticationTokenException")                            \
    X(DR_API_INCOMPLETE_SIGNATURE, 403, "IncompleteSignatureException")                            \
    X(DR_API_UNKNOWN_KEY, 403, "UnrecognizedClientException")                                      \
    X(DR_API_INVALID_SIGNATURE, 403, "InvalidSignatureException")                                  \
    X(DR_API_ACCESS_DENIED, 403, "AccessDeniedException")                                          \
    X(DR_API_NOT_FOUND, 404, "ResourceNotFoundException")                                          \
    X(DR_API_UNKNOWN_OPERATION, 404, "UnknownOperationException")                                  \
    X(DR_API_METHOD_NOT_ALLOWED, 405, "MethodNotAllowedException")                                 \
    X(DR_API_CERTIFICATE_STATE, 406, "CertificateStateException")                                  \
    X(DR_API_ALREADY_EXISTS, 409, "ResourceAlreadyExistsException")                                \
    X(DR_API_VERSION_CONFLICT, 409, "VersionConflictException")                                    \
    X(DR_API_DELETE_CONFLICT, 409, "DeleteConflictException")                                      \
    X(DR_API_INVALID_STATE, 409, "InvalidStateTransitionException")                                \
    X(DR_API_VERSIONS_LIMIT, 409, "VersionsLimitExceededException")                                \
    X(DR_API_CONFLICT, 409, "ConflictException")                                                   \
    X(DR_API_LIMIT_EXCEEDED, 410, "LimitExceededException")                                        \
    X(DR_API_TERMINAL_STATE, 410, "TerminalStateException")                                        \
    X(DR_API_TOO_LARGE, 413, "RequestEntityTooLargeException")                                     \
    X(DR_API_INTERNAL, 500, "InternalFailureException")                                            \
    X(DR_API_NOT_IMPLEMENTED, 501, "NotImplementedException")                                      \
    X(DR_API_UNAVAILABLE, 503, "ServiceUnavailableException")                                      \
    X(DR_S3_INVALID_REQUEST, 400, "InvalidRequest")                                                \
    X(DR_S3_INVALID_ARGUMENT, 400, "InvalidArgument")                                              \
    X(DR_S3_INVALID_BUCKET_NAME, 400, "InvalidBucketName")                                         \
    X(DR_S3_KEY_TOO_LONG, 400, "KeyTooLongError")                                                  \
    X(DR_S3_BAD_DIGEST, 400, "BadDigest")                                                          \
    X(DR_S3_INVALID_DIGEST, 400, "InvalidDigest")                                                  \
    X(DR_S3_CONTENT_SHA256, 400, "XAmzContentSHA256Mismatch")                                      \
    X(DR_S3_INCOMPLETE_BODY, 400, "IncompleteBody")                                                \
    X(DR_S3_TOO_LARGE, 400, "EntityTooLarge")                                                      \
    X(DR_S3_ACCESS_DENIED, 403, "AccessDenied")                                                    \
    X(DR_S3_UNKNOWN_KEY, 403, "InvalidAccessKeyId")                                                \
    X(DR_S3_SIGNATURE, 403, "SignatureDoesNotMatch")                                               \
    X(DR_S3_SKEW, 403, "RequestTimeTooSkewed")                                                     \
    X(DR_S3_NO_BUCKET, 404, "NoSuchBucket")                                                        \
    X(DR_S3_NO_KEY, 404, "NoSuchKey")                                                              \
    X(DR_S3_NO_VERSION, 404, "NoSuchVersion")                                                      \
    X(DR_S3_METHOD_NOT_ALLOWED, 405, "MethodNotAllowed")                                           \
    X(DR_S3_BUCKET_EXISTS, 409, "BucketAlreadyOwnedByYou")                                         \
    X(DR_S3_BUCKET_NOT_EMPTY, 409, "BucketNotEmpty")                                               \
    X(DR_S3_RANGE, 416, "InvalidRange")                                                            \
    X(DR_S3_INTERNAL, 500, "InternalError")                                                        \
    X(DR_S3_NOT_IMPLEMENTED, 501, "NotImplemented")                                                \
    X(DR_S3_UNAVAILABLE, 503, "ServiceUnavailable")

enum dr_api_error {
#define DR_API_ERROR_ENUM(name, http, code) name,
    DR_API_ERROR_LIST(DR_API_ERROR_ENUM)
#undef DR_API_ERROR_ENUM
};

unsigned dr_api_error_http(enum dr_api_error error);
const char *dr_api_error_code(enum dr_api_error error);

/* The entry for a code on the wire, as the service layer names them. DR_E_NOT_FOUND. */
DR_MUST_USE enum dr_status dr_api_error_from_code(const char *code, enum dr_api_error *ret_error);

/* The answer for a status of the service layer when nothing more precise is known. */
enum dr_api_error dr_api_error_from_status(enum dr_status status);

/* The s3 form of a general error: AccessDenied for AccessDeniedException and so on. */
enum dr_api_error dr_api_error_for_s3(enum dr_api_error error);

#endif
