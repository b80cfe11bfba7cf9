# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The table of scenarios: number, what it is called, how it is played.

A scenario is a function of the stage. It begins with `stage.base()` unless it brings its own beginning, asserts version, slot, state, job status, reason
and counters, leaves a device that can take the next update, and returns the line for the table at the end.
"""
from typing import Callable, NamedTuple

from scenarios import command, hostile, https, network, person, refusal, trial


class Scenario(NamedTuple):
    number: int
    title: str
    play: Callable
    follows: bool = False  # stands on the one before it: played in the same lane, right after it


SCENARIOS = [
    Scenario(1, "a good update", trial.good_update),
    Scenario(2, "an update that hangs", trial.hanging_update),
    Scenario(3, "an update that fails its self-test", trial.failed_self_test),
    Scenario(4, "six bad images", refusal.bad_images),
    Scenario(5, "power cut in a download", network.power_cut),
    Scenario(6, "a man in the middle", network.man_in_the_middle),
    Scenario(7, "the factory pin", person.factory_pin),
    Scenario(8, "a crash before main", trial.early_crash),
    Scenario(9, "no way to the cloud", trial.no_cloud),
    Scenario(10, "the same image, network back", trial.same_image_again, follows=True),
    Scenario(11, "crashes once it is confirmed", trial.late_revert),
    Scenario(12, "crashes once it is sealed", trial.fault_loop),
    Scenario(13, "revert by signed command", command.signed_revert),
    Scenario(14, "orders, counters and an undo", refusal.order_and_counter),
    Scenario(15, "network, broker, darumad killed", network.interruptions),
    Scenario(16, "cancelled in mid-download", network.canceled),
    Scenario(17, "another takes the device's name", network.takeover),
    Scenario(18, "MQTT, HTTPS and back", https.two_ways),
    Scenario(19, "postponed, and refused by the owner", person.postponed),
    Scenario(20, "a hostile broker", hostile.hostile_broker),
]
