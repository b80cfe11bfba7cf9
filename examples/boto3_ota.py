#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Register a device and send it an update with boto3, as against AWS; only the endpoint and its CA differ.

  . cloud/env.sh
  examples/boto3_ota.py register THING [CSR.pem]   certificate to standard output, as JSON
  examples/boto3_ota.py update THING IMAGE         upload, offer, and wait for the device

On AWS run it without AWS_ENDPOINT_URL and AWS_CA_BUNDLE, with ROLE_ARN naming a role for OTA updates and
SIGNING_PROFILE one of AWS Signer's profiles. WAIT_S: how long update waits (600).
"""
import json
import os
import pathlib
import sys
import time

import boto3
from botocore.exceptions import BotoCoreError, ClientError

BUCKET = os.environ.get("BUCKET", "firmware-images")
POLICY = os.environ.get("POLICY", "daruma-device")
ROLE = os.environ.get("ROLE_ARN", "arn:aws:iam::000000000000:role/ota")
ENDED = ("SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED", "REMOVED")


def client(service):
    # Older versions of boto3 do not read AWS_ENDPOINT_URL themselves; None means AWS.
    return boto3.client(service, endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))


def policy_document(thing_arn):
    """What a device may do: be itself, on its own topics."""
    arn, me = thing_arn.rsplit(":", 1)[0], "${iot:Connection.Thing.ThingName}"
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{arn}:client/{me}"},
        {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
         "Resource": [f"{arn}:topic/$aws/things/{me}/*", f"{arn}:topic/dt/{me}/*"]},
        {"Effect": "Allow", "Action": "iot:Subscribe",
         "Resource": [f"{arn}:topicfilter/$aws/things/{me}/*", f"{arn}:topicfilter/dt/{me}/*"]}]})


def register(thing, csr=None):
    iot = client("iot")
    arn = iot.create_thing(thingName=thing)["thingArn"]
    try:
        iot.get_policy(policyName=POLICY)
    except iot.exceptions.ResourceNotFoundException:
        iot.create_policy(policyName=POLICY, policyDocument=policy_document(arn))
    if csr:
        made = iot.create_certificate_from_csr(certificateSigningRequest=pathlib.Path(csr).read_text(), setAsActive=True)
    else:
        made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=POLICY, target=made["certificateArn"])
    iot.attach_thing_principal(thingName=thing, principal=made["certificateArn"])
    del made["ResponseMetadata"]
    print(json.dumps(made, indent=2))


def update(thing, image):
    iot, s3 = client("iot"), client("s3")
    image = pathlib.Path(image)
    update_id = f"{thing}-{int(time.time())}-{os.getpid()}"
    try:
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    stored = s3.put_object(Bucket=BUCKET, Key=image.name, Body=image.read_bytes())
    file = {"fileName": image.name, "fileLocation": {"s3Location": {
        "bucket": BUCKET, "key": image.name, "version": stored["VersionId"]}}}
    if "SIGNING_PROFILE" in os.environ:
        file["codeSigning"] = {"startSigningJobParameter": {
            "signingProfileName": os.environ["SIGNING_PROFILE"], "destination": {"s3Destination": {"bucket": BUCKET}}}}
    iot.create_ota_update(otaUpdateId=update_id, targets=[iot.describe_thing(thingName=thing)["thingArn"]],
                          protocols=["MQTT"], roleArn=ROLE, files=[file])
    deadline = time.monotonic() + float(os.environ.get("WAIT_S", "600"))
    while (info := iot.get_ota_update(otaUpdateId=update_id)["otaUpdateInfo"])["otaUpdateStatus"] != "CREATE_COMPLETE":
        if info["otaUpdateStatus"] == "CREATE_FAILED" or time.monotonic() > deadline:
            sys.exit(f"{update_id}: {info['otaUpdateStatus']} {info.get('errorInfo', '')}")
        time.sleep(1)
    print(f"{update_id}: CREATE_COMPLETE")
    while time.monotonic() < deadline:
        seen = iot.describe_job_execution(jobId=info["awsIotJobId"], thingName=thing)["execution"]
        if seen["status"] in ENDED:
            print(f"{thing}: {seen['status']} {json.dumps(seen['statusDetails']['detailsMap'])}")
            return 0 if seen["status"] == "SUCCEEDED" else 2
        time.sleep(1)
    print(f"{thing}: not done after {os.environ.get('WAIT_S', '600')} s", file=sys.stderr)
    return 124


if __name__ == "__main__":
    verbs = {"register": (register, 1, 2), "update": (update, 2, 2)}
    verb, *words = sys.argv[1:] or [""]
    if verb not in verbs or not verbs[verb][1] <= len(words) <= verbs[verb][2]:
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    try:
        sys.exit(verbs[verb][0](*words))
    except (BotoCoreError, ClientError, OSError) as error:
        sys.exit(f"boto3_ota.py: {error}" + ("" if "AWS_ACCESS_KEY_ID" in os.environ else "; source the cloud's env.sh first"))
