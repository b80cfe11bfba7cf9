# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a device must not take, and how little of it is fetched to know."""
from stage import HEAD_AND_TAIL, KIB, equal, expect

CEILING = 0xF0000000  # the first security counter that is refused everywhere



def altered_images(stage):
    """(what, path, reason, how many blocks tell it: an altered middle shows only when all of it is there)"""
    good = stage.image("good")

    def altered(name, change):
        path = good.path.with_suffix("." + name)
        path.write_bytes(change(bytearray(good.path.read_bytes())))
        return path

    def flip(data):
        data[20000] ^= 1
        return data

    return [
        ("altered after signing", altered("altered", flip), "flash_or_source", None),
        ("signed by another key", stage.image("good", key="stranger"), "image_key", HEAD_AND_TAIL),
        ("for another product", stage.image("good", product="garden-gate"), "wrong_product", HEAD_AND_TAIL),
        ("larger than the slot", stage.image("good", pad_to=stage.board.large), "too_large", 0),
        ("truncated", altered("truncated", lambda data: data[: len(data) // 2]), "image_truncated", HEAD_AND_TAIL),
        ("of a lower order", stage.image("good", sequence=2), "order_not_above", HEAD_AND_TAIL),
    ]


def bad_images(stage):
    stage.base()
    rows = altered_images(stage)
    before = stage.device.show()
    for what, image, wanted, enough in rows:
        blocks = stage.blocks()[0]
        execution = stage.offer(image, "--unchecked", expect_exit=2)
        expect(execution["status"] in ("FAILED", "REJECTED"), f"{what}: {execution['status']}")
        equal(f"{what}: reason", stage.reason(execution), wanted)
        fetched = stage.blocks()[0] - blocks
        expect(enough is None or fetched <= enough, f"{what}: {fetched} blocks, where {enough} tell")
        stage.say(f"{what:<22} {execution['status']:<8} {wanted:<16} after {fetched} blocks")
    stage.untouched(before, "boots")
    return "six images refused, each with its own reason; nothing rebooted"


def order_and_counter(stage):
    """Refused on head and tail alone, whatever the size; then the undo, which is an order above with an old payload."""
    stage.base()
    counter = stage.device.show()["counters"]["security"] + 1
    first = stage.image("good", counter=counter, pad_to=stage.board.good)
    stage.offer(first)
    stage.wait_running(first.version)
    before = stage.device.show()
    equal("security counter", before["counters"]["security"], counter)
    stage.say(f"{first.version} runs: order {first.sequence}, security counter {counter}.")
    rows = [
        ("another of the same order", {"sequence": first.sequence}, "order_not_above"),
        ("a lower counter", {"counter": counter - 1}, "counter_below"),
        ("a counter over the ceiling", {"counter": CEILING}, "counter_ceiling"),
    ]
    for what, fields, wanted in rows:
        image = stage.image("good", pad_to=stage.board.cut, **fields)
        blocks, start = stage.blocks()
        execution = stage.offer(image, "--unchecked", expect_exit=2)
        expect(execution["status"] in ("FAILED", "REJECTED"), f"{what}: {execution['status']}")
        equal(f"{what}: reason", stage.reason(execution), wanted)
        count, end = stage.blocks()
        expect(count - blocks <= HEAD_AND_TAIL and end - start <= 16 * KIB, f"{what}: {end - start} bytes")
        stage.say(f"{what:<27} {wanted:<16} after {end - start} of {image.size()} bytes")
    stage.untouched(before, "boots")
    equal("security counter", stage.device.show()["counters"]["security"], counter)
    second = stage.image("good", pad_to=stage.board.good)
    stage.offer(second)
    stage.wait_running(second.version)
    undo = stage.image("good", version=first.version, pad_to=stage.board.good)
    stage.say(f"{second.version} is undone: the payload of {first.version}, signed anew with order {undo.sequence}.")
    equal("job", stage.offer(undo)["status"], "SUCCEEDED")
    stage.wait_running(first.version)
    return f"three refused on head and tail; {second.version} undone to {first.version} by order {undo.sequence}"
