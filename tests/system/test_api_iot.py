# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The registry through boto3: things, certificates, policies, attachments, jobs and their refusals (AWS IoT's published API)."""
import hashlib
import json
import ssl
import subprocess
import unittest

import botocore.exceptions

import api_rig

ARN = "arn:aws:iot:local:000000000000:"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": ARN + "client/${iot:Connection.Thing.ThingName}"}]})


class IotTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = api_rig.Daemon().start()
        cls.iot = cls.daemon.client("iot")

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.close() == 0

    def refused(self, status, code, call, **options):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**options)
        error = caught.exception.response
        self.assertEqual((error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]), (status, code))
        self.assertTrue(error["Error"]["Message"])
        return error

    # --- things ---

    def test_things(self):
        made = self.iot.create_thing(thingName="a:b_c-1", attributePayload={"attributes": {"room": "kitchen"}})
        self.assertEqual(made["thingArn"], ARN + "thing/a:b_c-1")
        again = self.iot.create_thing(thingName="a:b_c-1", attributePayload={"attributes": {"room": "kitchen"}})
        self.assertEqual(again["thingId"], made["thingId"])
        error = self.refused(409, "ResourceAlreadyExistsException", self.iot.create_thing, thingName="a:b_c-1",
                             attributePayload={"attributes": {"room": "cellar"}})
        self.assertIn("resourceArn", error)
        shown = self.iot.describe_thing(thingName="a:b_c-1")
        self.assertEqual((shown["attributes"], shown["version"]), ({"room": "kitchen"}, 1))
        self.iot.update_thing(thingName="a:b_c-1", expectedVersion=1,
                              attributePayload={"attributes": {"floor": "2"}, "merge": True})
        self.assertEqual(self.iot.describe_thing(thingName="a:b_c-1")["attributes"], {"room": "kitchen", "floor": "2"})
        self.refused(409, "VersionConflictException", self.iot.update_thing, thingName="a:b_c-1", expectedVersion=1,
                     attributePayload={"attributes": {"floor": "3"}})
        self.refused(409, "VersionConflictException", self.iot.delete_thing, thingName="a:b_c-1", expectedVersion=9)
        self.iot.delete_thing(thingName="a:b_c-1")
        self.iot.delete_thing(thingName="a:b_c-1")
        self.refused(404, "ResourceNotFoundException", self.iot.describe_thing, thingName="a:b_c-1")

    def test_lists_go_both_ways(self):
        for i in range(5):
            self.iot.create_policy(policyName=f"way-{i}", policyDocument=POLICY)

        def walk(**options):
            names, marker = [], {}
            while marker is not None:
                page = self.iot.list_policies(pageSize=2, **options, **marker)
                names += [policy["policyName"] for policy in page["policies"]]
                marker = {"marker": page["nextMarker"]} if "nextMarker" in page else None
            return names

        names = walk()
        self.assertEqual(names, sorted(names))
        self.assertGreaterEqual(len(names), 5)
        self.assertEqual(walk(ascendingOrder=True), names)
        self.assertEqual(walk(ascendingOrder=False), names[::-1])

    def test_lists_have_pages(self):
        for i in range(7):
            self.iot.create_thing(thingName=f"page-{i}", attributePayload={"attributes": {"set": "pages"}})
        pages = list(self.iot.get_paginator("list_things").paginate(
            attributeName="set", attributeValue="pages", PaginationConfig={"PageSize": 3}))
        self.assertEqual([len(page["things"]) for page in pages], [3, 3, 1])
        self.assertEqual([t["thingName"] for page in pages for t in page["things"]], [f"page-{i}" for i in range(7)])

    # --- certificates ---

    def test_keys_and_certificate(self):
        made = self.iot.create_keys_and_certificate(setAsActive=True)
        der = ssl.PEM_cert_to_DER_cert(made["certificatePem"])
        self.assertEqual(made["certificateId"], hashlib.sha256(der).hexdigest())
        self.assertEqual(made["certificateArn"], ARN + "cert/" + made["certificateId"])
        text = subprocess.run(["openssl", "rsa", "-text", "-noout"], input=made["keyPair"]["PrivateKey"], text=True,
                              capture_output=True, check=True).stdout
        self.assertIn("2048 bit", text)
        shown = self.iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
        self.assertEqual((shown["status"], shown["certificatePem"]), ("ACTIVE", made["certificatePem"]))
        self.assertEqual(shown["validity"]["notAfter"].year, 2049)
        self.assertIn(made["certificateId"],
                      [c["certificateId"] for c in self.iot.list_certificates(pageSize=250)["certificates"]])
        self.refused(406, "CertificateStateException", self.iot.delete_certificate, certificateId=made["certificateId"])
        self.iot.update_certificate(certificateId=made["certificateId"], newStatus="INACTIVE")
        self.iot.delete_certificate(certificateId=made["certificateId"])
        self.refused(404, "ResourceNotFoundException", self.iot.describe_certificate,
                     certificateId=made["certificateId"])

    def test_certificate_requests(self):
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                             capture_output=True, text=True, check=True).stdout
        csr = subprocess.run(["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=whatever"], input=key,
                             capture_output=True, text=True, check=True).stdout
        made = self.iot.create_certificate_from_csr(certificateSigningRequest=csr, setAsActive=True)
        self.assertNotIn("keyPair", made)
        lines = csr.splitlines()
        lines[-3] = lines[-3][:10] + ("A" if lines[-3][10] != "A" else "B") + lines[-3][11:]
        for bad in ("no request", csr[:200], "\n".join(lines)):
            self.refused(400, "InvalidRequestException", self.iot.create_certificate_from_csr,
                         certificateSigningRequest=bad)
        # The one that works after ten years in a drawer.
        status, kind, body = self.daemon.call(
            "POST", "/daruma/things/lamp/recovery-certificate",
            json.dumps({"certificateSigningRequest": csr}).encode())
        self.assertEqual(status, 200, kind)
        text = subprocess.run(["openssl", "x509", "-noout", "-enddate"], input=body["certificatePem"], text=True,
                              capture_output=True, check=True).stdout
        self.assertIn("9999", text)
        self.iot.create_thing(thingName="x" * 65)
        status, kind, body = self.daemon.call(
            "POST", f"/daruma/things/{'x' * 65}/recovery-certificate",
            json.dumps({"certificateSigningRequest": csr}).encode())
        self.assertEqual((status, kind), (400, "InvalidRequestException"))
        self.assertIn("64", body["message"])

    # --- policies ---

    def test_policies(self):
        made = self.iot.create_policy(policyName="ota", policyDocument=POLICY)
        self.assertEqual((made["policyVersionId"], json.loads(made["policyDocument"])), ("1", json.loads(POLICY)))
        self.refused(409, "ResourceAlreadyExistsException", self.iot.create_policy, policyName="ota",
                     policyDocument=POLICY)
        self.refused(400, "MalformedPolicyException", self.iot.create_policy, policyName="bad", policyDocument="{}")
        version = self.iot.create_policy_version(policyName="ota", policyDocument=POLICY, setAsDefault=True)
        self.assertEqual(version["policyVersionId"], "2")
        self.assertEqual(self.iot.get_policy(policyName="ota")["defaultVersionId"], "2")
        self.refused(409, "DeleteConflictException", self.iot.delete_policy, policyName="ota")
        self.iot.delete_policy_version(policyName="ota", policyVersionId="1")

        certificate = self.iot.create_keys_and_certificate(setAsActive=True)
        arn, name = certificate["certificateArn"], "attached"
        self.iot.attach_policy(policyName="ota", target=arn)
        self.assertEqual([p["policyName"] for p in self.iot.list_attached_policies(target=arn)["policies"]], ["ota"])
        self.assertEqual(self.iot.list_targets_for_policy(policyName="ota")["targets"], [arn])
        self.assertEqual(self.iot.list_policy_principals(policyName="ota")["principals"], [arn])
        self.assertEqual([p["policyName"] for p in self.iot.list_principal_policies(principal=arn)["policies"]], ["ota"])
        self.iot.create_thing(thingName=name)
        self.iot.attach_thing_principal(thingName=name, principal=arn)
        self.assertEqual(self.iot.list_thing_principals(thingName=name)["principals"], [arn])
        self.assertEqual(self.iot.list_principal_things(principal=arn)["things"], [name])
        self.refused(400, "InvalidRequestException", self.iot.delete_thing, thingName=name)
        self.iot.detach_thing_principal(thingName=name, principal=arn)
        self.iot.detach_policy(policyName="ota", target=arn)
        self.iot.delete_thing(thingName=name)
        self.iot.delete_policy(policyName="ota")

    # --- updates, as far as they go without a device ---

    def test_an_update_and_its_job(self):
        s3 = self.daemon.client("s3")
        s3.create_bucket(Bucket="images")
        version = s3.put_object(Bucket="images", Key="fw.bin", Body=b"firmware" * 1000)["VersionId"]
        self.iot.create_thing(thingName="lamp")
        signature = {"customCodeSigning": {"signature": {"inlineDocument": b"0" * 70},
                                           "certificateChain": {"certificateName": "signer.crt"},
                                           "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA"}}
        made = self.iot.create_ota_update(
            otaUpdateId="first", targets=[ARN + "thing/lamp"], protocols=["MQTT"], roleArn="arn:aws:iam::0:role/ota-role",
            files=[{"fileName": "fw", "fileType": 1, "codeSigning": signature,
                    "fileLocation": {"s3Location": {"bucket": "images", "key": "fw.bin", "version": version}}}])
        self.assertEqual(made["awsIotJobId"], "AFR_OTA-first")
        shown = self.iot.get_ota_update(otaUpdateId="first")["otaUpdateInfo"]
        self.assertEqual(shown["otaUpdateStatus"], "CREATE_COMPLETE")
        document = json.loads(self.iot.get_job_document(jobId="AFR_OTA-first")["document"])
        self.assertEqual(document["afr_ota"]["files"][0]["filesize"], 8000)
        execution = self.iot.describe_job_execution(jobId="AFR_OTA-first", thingName="lamp")["execution"]
        self.assertEqual((execution["status"], execution["statusDetails"]), ("QUEUED", {"detailsMap": {}}))
        self.assertEqual([e["jobId"] for e in self.iot.list_job_executions_for_thing(thingName="lamp")[
            "executionSummaries"]], ["AFR_OTA-first"])
        self.assertEqual(self.iot.describe_job(jobId="AFR_OTA-first")["job"]["jobProcessDetails"]["numberOfQueuedThings"],
                         1)
        self.assertIn("first", [u["otaUpdateId"] for u in self.iot.list_ota_updates()["otaUpdates"]])
        self.iot.cancel_job(jobId="AFR_OTA-first", reasonCode="TEST", comment="enough")
        self.assertEqual(self.iot.describe_job_execution(jobId="AFR_OTA-first", thingName="lamp")["execution"]["status"],
                         "CANCELED")
        self.refused(404, "ResourceNotFoundException", self.iot.describe_job, jobId="AFR_OTA-second")
        streams = self.iot.list_streams()["streams"]
        self.assertEqual(len(streams), 1)
        self.assertEqual(self.iot.describe_stream(streamId=streams[0]["streamId"])["streamInfo"]["files"][0]["fileId"], 0)
        self.iot.delete_ota_update(otaUpdateId="first", deleteStream=True, forceDeleteAWSJob=True)
        self.assertEqual(self.iot.list_ota_updates()["otaUpdates"], [])

    def test_what_bounds_a_rollout(self):
        criterion = {"failureType": "ALL", "action": "CANCEL", "thresholdPercentage": 12.5, "minNumberOfExecutedThings": 3}
        self.iot.create_thing(thingName="bounded")
        target = {"targets": [ARN + "thing/bounded"], "document": "{}"}
        self.iot.create_job(jobId="bounded", abortConfig={"criteriaList": [criterion]},
                            jobExecutionsRolloutConfig={"maximumPerMinute": 7}, **target)
        job = self.iot.describe_job(jobId="bounded")["job"]
        self.assertEqual(job["abortConfig"]["criteriaList"], [criterion])
        self.assertEqual(job["jobExecutionsRolloutConfig"], {"maximumPerMinute": 7})
        self.assertEqual(job["jobProcessDetails"]["numberOfQueuedThings"], 1)
        for member, value in {
            "exponentialRate": {"jobExecutionsRolloutConfig": {"exponentialRate": {
                "baseRatePerMinute": 5, "incrementFactor": 2, "rateIncreaseCriteria": {"numberOfNotifiedThings": 5}}}},
            "jobExecutionsRetryConfig": {"jobExecutionsRetryConfig": {"criteriaList": [
                {"failureType": "FAILED", "numberOfRetries": 1}]}},
            "failureType": {"abortConfig": {"criteriaList": [{**criterion, "failureType": "CANCELED"}]}},
        }.items():
            with self.subTest(member):
                with self.assertRaisesRegex(botocore.exceptions.ClientError, f"InvalidRequestException.*{member}"):
                    self.iot.create_job(jobId="unbounded", **value, **target)

    def test_endpoint_and_own_paths(self):
        self.assertEqual(self.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"], "localhost:8883")
        self.iot.create_thing(thingName="seen")
        status, _, state = self.daemon.call("GET", "/daruma/things/seen/state")
        self.assertEqual((status, state["thingName"], state["connected"]), (200, "seen", False))
        self.assertEqual(self.daemon.call("GET", "/daruma/things/seen/timeline")[2]["entries"], [])
        self.assertEqual(self.daemon.call("GET", "/daruma/things/nobody/state")[0], 404)
        self.assertEqual(self.daemon.call("GET", "/daruma/things/seen/counters")[0], 404)
        actions = [e["action"] for e in self.daemon.call("GET", "/daruma/audit")[2]["entries"]]
        self.assertIn("CreateThing", actions)

    # --- bodies ---

    def test_bad_bodies(self):
        deep = b'{"attributePayload":' + b"[" * 5000 + b"]" * 5000 + b"}"
        cases = {
            b"{": "not JSON", b"[]": "not a JSON object", b'{"a":1}': 'unknown member "a"',
            b'{"attributePayload":1}': "must be an object", b'{"thingTypeName":1}': "must be a string",
            b'{"attributePayload":{"attributes":{"a":1}}}': "must be a string",
            b'{"attributePayload":{"merge":"x"}}': "true or false",
            b'{"thingTypeName":"a","thingTypeName":"b"}': "not JSON", b'{"thingTypeName":"\\u0000"}': "not JSON",
            b"\xff\xfe": "not JSON", deep: "nested deeper", b'"x"': "not", b"null": "not",
        }
        for body, needle in cases.items():
            with self.subTest(body[:40]):
                status, kind, answer = self.daemon.call("POST", "/things/never", body)
                self.assertEqual((status, kind), (400, "InvalidRequestException"))
                self.assertIn(needle, answer["message"])
        large = b'{"thingTypeName":"' + b"x" * 1_100_000 + b'"}'
        status, kind, _ = self.daemon.call("POST", "/things/never", large)
        self.assertEqual((status, kind), (413, "RequestEntityTooLargeException"))
        self.assertEqual(self.daemon.call("GET", "/things/never")[0], 404)

    def test_too_much_without_a_length(self):
        body = b'{"thingTypeName":"' + b"x" * 1_100_000 + b'"}'
        headers = self.daemon.signed("POST", "/things/never", body) + [("Transfer-Encoding", "chunked")]
        framed = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[i:i + 50000] for i in range(0, len(body), 50000)))
        status, answer, _ = self.daemon.send("POST", "/things/never", headers, framed + b"0\r\n\r\n", length=False)
        self.assertEqual((status, answer["x-amzn-errortype"]), (413, "RequestEntityTooLargeException"))

    def test_bad_names(self):
        for name in ("x" * 129, "a b", "a/b", "ä"):
            status, kind, _ = self.daemon.call("POST", "/things/" + "".join(
                f"%{b:02X}" if not chr(b).isalnum() or b > 127 else chr(b) for b in name.encode()), b"{}")
            self.assertEqual((status, kind), (400, "InvalidRequestException"), name)

    def test_documented_members_we_ignore(self):
        self.iot.create_thing(thingName="billed", billingGroupName="cost-centre")
        self.iot.create_policy(policyName="tagged", policyDocument=POLICY, tags=[{"Key": "k", "Value": "v"}])


if __name__ == "__main__":
    unittest.main()
