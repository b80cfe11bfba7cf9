# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signed commands: what an operator can have a device do without an image."""
import base64
import json
import subprocess

from harness.api import request
from stage import equal, expect

PRODUCT = "demo-lock"


def command_document(stage, key, digest, product=PRODUCT):
    """A command to leave the image, signed by hand with a PEM key (None: not signed at all)."""
    signature = ""
    if key is not None:
        covered = b"daruma-cmd-1\0revert\0" + product.encode() + b"\0" + bytes.fromhex(digest)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(key)], input=covered, capture_output=True,
                              check=True)
        signature = base64.b64encode(done.stdout).decode()
    return {"daruma": {"command": "revert", "product": product, "digest": digest, "signature": signature}}


def make_job(stage, document):
    """As any operator of an AWS fleet makes a job. Returns the name that `update watch` knows it by."""
    stage.updates += 1
    update = f"s{stage.scenario.number}-{stage.updates}"
    settings = stage.world.settings()
    arn = f"arn:aws:iot:{settings['region']}:{settings['account']}:thing/{stage.name}"
    request(settings, "PUT", f"/jobs/AFR_OTA-{update}", {"targets": [arn], "document": json.dumps(document)})
    return update


def give_key_to_signer(stage):
    """The signer gets the product's key, as a profile of its own, and starts with it."""
    world = stage.world
    directory = world.cloud_dir / "signer"
    if (directory / "lock.key").exists():
        return
    key = directory / "lock.key"
    key.touch(0o600)
    key.write_bytes(world.key("product").read_bytes())
    (directory / "lock.conf").write_text(f"kind image\nproduct {PRODUCT}\n")
    world.cloud_down()
    world.cloud_up()
    stage.wait_quiet()


def signed_revert(stage):
    before = stage.base()
    give_key_to_signer(stage)
    image = stage.image("good", limits=stage.board.slow_seal)
    equal("job", stage.offer(image)["status"], "SUCCEEDED")
    stage.device.verb("power", "cycle")
    running = stage.wait_board(version=image.version, state="confirmed")
    stage.wait_quiet()
    stage.say(f"{image.version} is confirmed, not sealed. An operator wants {before['version']} back.")
    stranger = stage.world.key("stranger")
    genuine = stage.world.key("product")
    rows = [
        ("unsigned", command_document(stage, None, running["digest"]), "command_signature"),
        ("signed by another key", command_document(stage, stranger, running["digest"]), "command_signature"),
        ("for another product", command_document(stage, genuine, running["digest"], "garden-gate"), "command_target"),
        ("for another image", command_document(stage, genuine, before["digest"]), "command_target"),
    ]
    for what, document, wanted in rows:
        execution = stage.follow(make_job(stage, document), expect_exit=2)
        stage.failed(execution, wanted, status="REJECTED")
        stage.say(f"{what:<22} REJECTED {wanted}")
    stage.untouched(running)
    blocks = stage.blocks()[0]
    stage.world.run("update", "revert", stage.name, "--id", f"back-{image.version.replace('.', '-')}")
    execution = stage.follow(f"back-{image.version.replace('.', '-')}")
    equal("job", execution["status"], "SUCCEEDED")
    reported = stage.wait_running(before["version"])
    equal("last reason in the cloud", reported["lastReason"], "command")
    stage.untouched(before)
    equal("blocks fetched", stage.blocks()[0] - blocks, 0)
    stage.say(f"`daruma update revert`, signed by daruma-signer: back to {before['version']}, no block fetched.")
    replay = command_document(stage, genuine, running["digest"])
    stage.failed(stage.follow(make_job(stage, replay), expect_exit=2), "command_target", status="REJECTED")
    sealed = command_document(stage, genuine, before["digest"])
    stage.failed(stage.follow(make_job(stage, sealed), expect_exit=2), "already_sealed", status="REJECTED")
    stage.untouched(before)
    expect(stage.device.show()["state"] == "sealed", "not sealed")
    return f"back to {before['version']} without a download; unsigned, foreign, replayed, too late: refused"
