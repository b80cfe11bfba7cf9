# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The cloud's HTTP API with no more than Python's own library: AWS Signature Version 4 over urllib, for what the
command line has no verb for."""
import datetime
import hashlib
import hmac
import json
import ssl
import urllib.parse
import urllib.request


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def request(settings, method, path, body=None, headers=None):
    """settings: cloud.json. Returns the JSON of a 2xx answer; urllib's HTTPError for any other."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    data = b"" if body is None else json.dumps(body).encode()
    url = urllib.parse.urlsplit(settings["api"] + path)
    fields = {"host": url.netloc, "x-amz-date": now, **(headers or {})}
    names = ";".join(sorted(fields))
    canonical = "\n".join([method, url.path, url.query, *(f"{name}:{fields[name]}" for name in sorted(fields)), "", names,
                           hashlib.sha256(data).hexdigest()])
    scope = f"{now[:8]}/{settings['region']}/iot/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + settings["secret_access_key"]).encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    fields["authorization"] = (f"AWS4-HMAC-SHA256 Credential={settings['access_key_id']}/{scope}, SignedHeaders={names}, "
                               f"Signature={_hmac(key, text).hex()}")
    if body is not None:
        fields["content-type"] = "application/json"
    context = ssl.create_default_context(cafile=settings["ca"])
    asked = urllib.request.Request(settings["api"] + path, data=data or None, headers=fields, method=method)
    with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def second_certificate(settings, thing, directory):
    """One more certificate for a thing, with the policy of devices. Returns (certificate, key), two files."""
    made = request(settings, "POST", "/keys-and-certificate?setAsActive=true")
    arn = made["certificateArn"]
    request(settings, "PUT", f"/things/{thing}/principals", headers={"x-amzn-principal": arn})
    request(settings, "PUT", "/target-policies/daruma-device", {"target": arn})
    certificate, key = directory / f"second-{thing}.pem", directory / f"second-{thing}.key"
    certificate.write_text(made["certificatePem"])
    key.write_text(made["keyPair"]["PrivateKey"])
    return certificate, key
