#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR MIT
# Register a device and send it an update with nothing but the AWS command line.
#
#   . cloud/env.sh
#   examples/aws-cli-ota.sh register THING [CSR.pem]   certificate to standard output, as JSON
#   examples/aws-cli-ota.sh update THING IMAGE         upload, offer, and wait for the device
#
# With a certificate signing request the device keeps its private key; without one the cloud makes a key
# and the answer holds it, once. AWS names another aws program. WAIT_S: how long update waits (600).
set -eu

aws_program=${AWS:-aws}
wait_s=${WAIT_S:-600}
bucket=${BUCKET:-firmware-images}
policy=${POLICY:-daruma-device}
account=000000000000

# Older versions do not read AWS_ENDPOINT_URL themselves. `command`: the program, not this function again.
aws() { command "$aws_program" --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }

fail() {
    echo "aws-cli-ota.sh: $*" >&2
    exit "${code:-1}"
}

# What a device may do: be itself, on its own topics.
policy_document() {
    arn="arn:aws:iot:$AWS_DEFAULT_REGION:$account"
    me='${iot:Connection.Thing.ThingName}'
    cat <<END
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "iot:Connect", "Resource": "$arn:client/$me"},
  {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
   "Resource": ["$arn:topic/\$aws/things/$me/*", "$arn:topic/dt/$me/*"]},
  {"Effect": "Allow", "Action": "iot:Subscribe",
   "Resource": ["$arn:topicfilter/\$aws/things/$me/*", "$arn:topicfilter/dt/$me/*"]}]}
END
}

register() {
    thing=$1
    csr=${2:-}
    aws iot create-thing --thing-name "$thing" >/dev/null
    if ! aws iot get-policy --policy-name "$policy" >/dev/null 2>&1; then
        aws iot create-policy --policy-name "$policy" --policy-document "$(policy_document)" >/dev/null
    fi
    if [ -n "$csr" ]; then
        answer=$(aws iot create-certificate-from-csr --certificate-signing-request "file://$csr" --set-as-active \
            --output json)
    else
        answer=$(aws iot create-keys-and-certificate --set-as-active --output json)
    fi
    certificate=$(printf '%s\n' "$answer" | sed -n 's/.*"certificateArn": "\(.*\)".*/\1/p')
    [ -n "$certificate" ] || fail "the answer names no certificate"
    aws iot attach-policy --policy-name "$policy" --target "$certificate"
    aws iot attach-thing-principal --thing-name "$thing" --principal "$certificate"
    printf '%s\n' "$answer"
}

# One member of the execution, by a JMESPath expression.
execution() {
    aws iot describe-job-execution --job-id "$1" --thing-name "$2" --query "execution.$3" --output text
}

update() {
    thing=$1
    image=$2
    [ -r "$image" ] || fail "cannot read $image"
    id=$(basename "$image" | tr -c 'a-zA-Z0-9\n' '-')-$(date +%s)
    aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1 || aws s3api create-bucket --bucket "$bucket" >/dev/null
    aws s3api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled
    # put-object, not `s3 cp`: above 8 MiB the latter would upload in parts.
    version=$(aws s3api put-object --bucket "$bucket" --key "$id" --body "$image" --query VersionId --output text)
    target=$(aws iot describe-thing --thing-name "$thing" --query thingArn --output text)
    job=$(aws iot create-ota-update --ota-update-id "$id" --targets "$target" --protocols MQTT \
        --role-arn "arn:aws:iam::$account:role/daruma" \
        --files "[{\"fileName\": \"firmware\", \"fileLocation\": {\"s3Location\":
                  {\"bucket\": \"$bucket\", \"key\": \"$id\", \"version\": \"$version\"}}}]" \
        --query awsIotJobId --output text)
    echo "update $id is job $job"
    aws iot get-ota-update --ota-update-id "$id" --query 'otaUpdateInfo.otaUpdateStatus' --output text
    deadline=$(($(date +%s) + wait_s))
    last=''
    while :; do
        status=$(execution "$job" "$thing" status)
        [ "$status" = "$last" ] || echo "$thing: $status"
        last=$status
        case $status in
        SUCCEEDED) return ;;
        FAILED | REJECTED | TIMED_OUT)
            code=2 fail "the device says: $(execution "$job" "$thing" statusDetails.detailsMap.reason)"
            ;;
        CANCELED | REMOVED) code=3 fail "the update was $status" ;;
        esac
        [ "$(date +%s)" -lt "$deadline" ] || code=124 fail "no end after $wait_s s; last seen: $status"
        sleep 1
    done
}

command -v "$aws_program" >/dev/null || fail "there is no $aws_program; install Debian's awscli, or name one with AWS="
[ -n "${AWS_ENDPOINT_URL:-}" ] || fail "AWS_ENDPOINT_URL is not set; source the cloud's env.sh first"
case "${1:-} $#" in
"register 2" | "register 3" | "update 3") "$@" ;;
*)
    sed -n '4,7p' "$0" | cut -c3- >&2
    exit 64
    ;;
esac
