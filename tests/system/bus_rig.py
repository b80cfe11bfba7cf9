# SPDX-License-Identifier: Apache-2.0 OR MIT
"""darumad, a broker with the gate, and devices registered through the API: the cloud without its command line."""
import json
import subprocess

import api_rig
import gate_rig
from world import wait_for

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect",
     "Resource": gate_rig.ARN + "client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": "iot:Subscribe",
     "Resource": gate_rig.ARN + "topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/*"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
     "Resource": gate_rig.ARN + "topic/$aws/things/${iot:Connection.Thing.ThingName}/*"}]})


class Cloud:
    def __init__(self, strict=False, requests_per_s=0):
        self.rig = gate_rig.Rig(strict=strict, requests_per_s=requests_per_s)
        directory = self.rig.directory
        self.daemon = api_rig.Daemon(
            f"mqtt_host localhost\nmqtt_port {self.rig.port}\nmqtt_certificate {directory}/service.pem\n"
            f"mqtt_key {directory}/service.key\nserver_ca {directory}/ca.pem\ngate_snapshot {directory}/gate.snapshot\n"
            f"strict {'on' if strict else 'off'}\n")
        subprocess.run([api_rig.BIN / "darumad", "--config", self.daemon.directory / "darumad.conf", "--write-snapshot"],
                       check=True, stderr=subprocess.DEVNULL)
        self.rig.start()
        self.daemon.start()
        self.iot = self.daemon.client("iot")
        self.iot.create_policy(policyName="ota", policyDocument=POLICY)

    def add(self, name):
        """A thing with a certificate of its own; returns its identity and the certificate's ARN."""
        identity = self.rig.pki.identity(name)
        arn = self.iot.register_certificate_without_ca(certificatePem=identity.certificate.read_text(),
                                                       status="ACTIVE")["certificateArn"]
        self.iot.create_thing(thingName=name)
        self.iot.attach_policy(policyName="ota", target=arn)
        self.iot.attach_thing_principal(thingName=name, principal=arn)
        return identity, arn

    def connect(self, identity, **options):
        """As soon as the gate knows the certificate."""
        def attempt():
            try:
                return self.rig.device(identity, **options)
            except gate_rig.mqtt_raw.Refused:
                return None
        return wait_for(f"{identity.name} is let in", attempt)

    def stream(self, name, size):
        """A stream of one file, number 0, of so many bytes."""
        s3 = self.daemon.client("s3")
        s3.create_bucket(Bucket="blocks")
        s3.put_object(Bucket="blocks", Key="k", Body=b"x" * size)
        self.iot.create_stream(streamId=name, roleArn="arn:aws:iam::000000000000:role/r",
                               files=[{"fileId": 0, "s3Location": {"bucket": "blocks", "key": "k"}}])

    def restart_client(self):
        """After a restart the API may have another port."""
        self.iot = self.daemon.client("iot")

    def close(self):
        status = self.daemon.close()
        return status or self.rig.close()
