/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What of AWS IoT's control plane works here (AWS IoT's published API). Members marked ":-" are
 * documented by AWS and ignored by this server; docs/api.md lists them, "Differences". */
#include "base/check.h"
#include "cloud/api/handlers.h"

#define V DR_API_VIEWER
#define O DR_API_OPERATOR
#define A DR_API_ADMIN
#define NO_BODY DR_API_BODY_NONE
#define JSON DR_API_BODY_JSON

#define TOKEN_PAGE "nextToken maxResults"
#define MARKER_PAGE "marker pageSize isAscendingOrder"

#define ATTRIBUTES "attributePayload{attributes{*:s} merge:b} thingTypeName:s "
#define SIGNING_JOB                                                                                \
    "startSigningJobParameter{signingProfileParameter{certificateArn:s platform:s "                \
    "certificatePathOnDevice:s} signingProfileName:s destination{s3Destination{bucket:s "          \
    "prefix:s}}} "
#define CUSTOM_SIGNING                                                                             \
    "customCodeSigning{signature{inlineDocument:s} certificateChain{certificateName:s "            \
    "inlineDocument:s} hashAlgorithm:s signatureAlgorithm:s} "
#define OTA_FILE                                                                                   \
    "fileName:s fileType:i fileVersion:s fileLocation{stream{streamId:s fileId:i} "                \
    "s3Location{bucket:s key:s version:s}} codeSigning{awsSignerJobId:s " SIGNING_JOB              \
        CUSTOM_SIGNING "} attributes{*:s}"
#define RATES "maximumPerMinute:i exponentialRate:*"
#define CRITERION "failureType:s action:s thresholdPercentage:n minNumberOfExecutedThings:i"
#define OTA_UPDATE                                                                                 \
    "targets:a files[" OTA_FILE "] roleArn:s description:s protocols:a targetSelection:s "         \
    "awsJobExecutionsRolloutConfig{" RATES "} awsJobPresignedUrlConfig{expiresInSec:i} "           \
    "awsJobAbortConfig{abortCriteriaList[" CRITERION                                               \
    "]} awsJobTimeoutConfig{inProgressTimeoutInMinutes:i} "                                        \
    "additionalParameters{*:s} tags:-"
#define STREAM "description:s files[fileId:i s3Location{bucket:s key:s version:s}] roleArn:s tags:-"
#define JOB                                                                                        \
    "targets:a document:s documentSource:s description:s targetSelection:s "                       \
    "presignedUrlConfig{roleArn:s expiresInSec:i} jobExecutionsRolloutConfig{" RATES               \
    "} abortConfig{criteriaList[" CRITERION "]} "                                                  \
    "timeoutConfig{inProgressTimeoutInMinutes:i} jobExecutionsRetryConfig:* tags:-"

static const struct dr_api_route routes[] = {
    {"GET", "/endpoint", "DescribeEndpoint", dr_api_describe_endpoint, V, NO_BODY, NULL,
     "endpointType", NULL},

    {"GET", "/things", "ListThings", dr_api_list_things, V, NO_BODY, NULL,
     TOKEN_PAGE " attributeName attributeValue", NULL},
    {"POST", "/things/{}", "CreateThing", dr_api_create_thing, A, JSON, NULL, NULL,
     ATTRIBUTES "billingGroupName:-"},
    {"GET", "/things/{}", "DescribeThing", dr_api_describe_thing, V, NO_BODY, NULL, NULL, NULL},
    {"PATCH", "/things/{}", "UpdateThing", dr_api_update_thing, A, JSON, NULL, NULL,
     ATTRIBUTES "expectedVersion:i removeThingType:b"},
    {"DELETE", "/things/{}", "DeleteThing", dr_api_delete_thing, A, NO_BODY, NULL,
     "expectedVersion", NULL},
    {"PUT", "/things/{}/principals", "AttachThingPrincipal", dr_api_attach_thing_principal, A,
     NO_BODY, NULL, "thingPrincipalType", NULL},
    {"DELETE", "/things/{}/principals", "DetachThingPrincipal", dr_api_detach_thing_principal, A,
     NO_BODY, NULL, NULL, NULL},
    {"GET", "/things/{}/principals", "ListThingPrincipals", dr_api_list_thing_principals, V,
     NO_BODY, NULL, TOKEN_PAGE, NULL},
    {"GET", "/principals/things", "ListPrincipalThings", dr_api_list_principal_things, V, NO_BODY,
     NULL, TOKEN_PAGE, NULL},

    {"POST", "/keys-and-certificate", "CreateKeysAndCertificate",
     dr_api_create_keys_and_certificate, A, NO_BODY, NULL, "setAsActive", NULL},
    {"POST", "/certificates", "CreateCertificateFromCsr", dr_api_create_certificate_from_csr, A,
     JSON, NULL, "setAsActive", "certificateSigningRequest:s"},
    {"POST", "/certificate/register-no-ca", "RegisterCertificateWithoutCA",
     dr_api_register_certificate, A, JSON, NULL, NULL, "certificatePem:s status:s"},
    {"GET", "/certificates", "ListCertificates", dr_api_list_certificates, V, NO_BODY, NULL,
     MARKER_PAGE, NULL},
    {"GET", "/certificates/{}", "DescribeCertificate", dr_api_describe_certificate, V, NO_BODY,
     NULL, NULL, NULL},
    {"PUT", "/certificates/{}", "UpdateCertificate", dr_api_update_certificate, A, NO_BODY, NULL,
     "newStatus", NULL},
    {"DELETE", "/certificates/{}", "DeleteCertificate", dr_api_delete_certificate, A, NO_BODY, NULL,
     "forceDelete", NULL},

    {"GET", "/policies", "ListPolicies", dr_api_list_policies, V, NO_BODY, NULL, MARKER_PAGE, NULL},
    {"POST", "/policies/{}", "CreatePolicy", dr_api_create_policy, A, JSON, NULL, NULL,
     "policyDocument:s tags:-"},
    {"GET", "/policies/{}", "GetPolicy", dr_api_get_policy, V, NO_BODY, NULL, NULL, NULL},
    {"DELETE", "/policies/{}", "DeletePolicy", dr_api_delete_policy, A, NO_BODY, NULL, NULL, NULL},
    {"POST", "/policies/{}/version", "CreatePolicyVersion", dr_api_create_policy_version, A, JSON,
     NULL, "setAsDefault", "policyDocument:s"},
    {"GET", "/policies/{}/version", "ListPolicyVersions", dr_api_list_policy_versions, V, NO_BODY,
     NULL, NULL, NULL},
    {"GET", "/policies/{}/version/{}", "GetPolicyVersion", dr_api_get_policy_version, V, NO_BODY,
     NULL, NULL, NULL},
    {"PATCH", "/policies/{}/version/{}", "SetDefaultPolicyVersion",
     dr_api_set_default_policy_version, A, NO_BODY, NULL, NULL, NULL},
    {"DELETE", "/policies/{}/version/{}", "DeletePolicyVersion", dr_api_delete_policy_version, A,
     NO_BODY, NULL, NULL, NULL},
    {"PUT", "/target-policies/{}", "AttachPolicy", dr_api_attach_policy, A, JSON, NULL, NULL,
     "target:s"},
    {"POST", "/target-policies/{}", "DetachPolicy", dr_api_detach_policy, A, JSON, NULL, NULL,
     "target:s"},
    {"POST", "/attached-policies/{+}", "ListAttachedPolicies", dr_api_list_attached_policies, V,
     NO_BODY, NULL, MARKER_PAGE " recursive", NULL},
    {"POST", "/policy-targets/{}", "ListTargetsForPolicy", dr_api_list_targets_for_policy, V,
     NO_BODY, NULL, MARKER_PAGE, NULL},
    {"GET", "/principal-policies", "ListPrincipalPolicies", dr_api_list_principal_policies, V,
     NO_BODY, NULL, MARKER_PAGE, NULL},
    {"PUT", "/principal-policies/{}", "AttachPrincipalPolicy", dr_api_attach_principal_policy, A,
     NO_BODY, NULL, NULL, NULL},
    {"DELETE", "/principal-policies/{}", "DetachPrincipalPolicy", dr_api_detach_principal_policy, A,
     NO_BODY, NULL, NULL, NULL},
    {"GET", "/policy-principals", "ListPolicyPrincipals", dr_api_list_policy_principals, V, NO_BODY,
     NULL, MARKER_PAGE, NULL},

    {"GET", "/streams", "ListStreams", dr_api_list_streams, V, NO_BODY, NULL,
     TOKEN_PAGE " isAscendingOrder", NULL},
    {"POST", "/streams/{}", "CreateStream", dr_api_create_stream, O, JSON, NULL, NULL, STREAM},
    {"GET", "/streams/{}", "DescribeStream", dr_api_describe_stream, V, NO_BODY, NULL, NULL, NULL},
    {"DELETE", "/streams/{}", "DeleteStream", dr_api_delete_stream, O, NO_BODY, NULL, NULL, NULL},

    {"GET", "/otaUpdates", "ListOTAUpdates", dr_api_list_ota_updates, V, NO_BODY, NULL,
     TOKEN_PAGE " otaUpdateStatus", NULL},
    {"POST", "/otaUpdates/{}", "CreateOTAUpdate", dr_api_create_ota_update, O, JSON, NULL, NULL,
     OTA_UPDATE},
    {"GET", "/otaUpdates/{}", "GetOTAUpdate", dr_api_get_ota_update, V, NO_BODY, NULL, NULL, NULL},
    {"DELETE", "/otaUpdates/{}", "DeleteOTAUpdate", dr_api_delete_ota_update, O, NO_BODY, NULL,
     "deleteStream forceDeleteAWSJob", NULL},

    {"GET", "/jobs", "ListJobs", dr_api_list_jobs, V, NO_BODY, NULL,
     TOKEN_PAGE " status targetSelection", NULL},
    {"PUT", "/jobs/{}", "CreateJob", dr_api_create_job, O, JSON, NULL, NULL, JOB},
    {"GET", "/jobs/{}", "DescribeJob", dr_api_describe_job, V, NO_BODY, NULL, "beforeSubstitution",
     NULL},
    {"DELETE", "/jobs/{}", "DeleteJob", dr_api_delete_job, O, NO_BODY, NULL, "force namespaceId",
     NULL},
    {"GET", "/jobs/{}/job-document", "GetJobDocument", dr_api_get_job_document, V, NO_BODY, NULL,
     "beforeSubstitution", NULL},
    {"PUT", "/jobs/{}/cancel", "CancelJob", dr_api_cancel_job, O, JSON, NULL, "force",
     "reasonCode:s comment:s"},
    {"GET", "/jobs/{}/things", "ListJobExecutionsForJob", dr_api_list_executions_for_job, V,
     NO_BODY, NULL, TOKEN_PAGE " status", NULL},
    {"GET", "/things/{}/jobs", "ListJobExecutionsForThing", dr_api_list_executions_for_thing, V,
     NO_BODY, NULL, TOKEN_PAGE " status", NULL},
    {"GET", "/things/{}/jobs/{}", "DescribeJobExecution", dr_api_describe_execution, V, NO_BODY,
     NULL, "executionNumber", NULL},
    {"PUT", "/things/{}/jobs/{}/cancel", "CancelJobExecution", dr_api_cancel_execution, O, JSON,
     NULL, "force", "expectedVersion:i statusDetails{*:s}"},
    {"DELETE", "/things/{}/jobs/{}/executionNumber/{}", "DeleteJobExecution",
     dr_api_delete_execution, O, NO_BODY, NULL, "force namespaceId", NULL},
};

const struct dr_api_route_table dr_api_routes_iot = {
    .routes = routes, .count = DR_ARRAY_COUNT(routes)};
