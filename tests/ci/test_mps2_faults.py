#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Updates that hang or crash, each in its own way, on the Cortex-M3 board: the previous image comes back, the cloud
knows why, and nothing else has changed. The images are the real firmware with one function spoiled
(boards/mps2_an385/firmware/faulty), offered and installed as updates are."""
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from mps2 import BIN, FirmwareTest  # noqa: E402


# Armv7-M, MemManage fault status: an instruction that may not be fetched; data that may not be written, at a known
# address; data that may not be written, and the frame of
# the exception neither.
INSTRUCTION, STORE, STACKING = 0x01, 0x82, 0x12


def symbol(behaviour, function):
    """Where a function of an image begins, and its size in bytes."""
    program = BIN.parent / "mcu/bin" / f"firmware-mps2-{behaviour}.elf"
    lines = subprocess.run(["arm-none-eabi-nm", "-S", "--defined-only", program], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    begin, size = next(line.split()[:2] for line in lines if line.endswith(" " + function))
    return int(begin, 16), int(size, 16)


class Faults(FirmwareTest):
    def died_in(self, device, behaviour, reason, function):
        """The crash record is in the report: the address is one of that function's. The address and
        the processor's fault status."""
        note = self.noted(device, reason)
        found = re.fullmatch(r"pc([0-9a-f]{8}) lr([0-9a-f]{8}) s([0-9a-f]{8})", note["detail"])
        self.assertTrue(found, note)
        pc = int(found.group(1), 16)
        status = int(found.group(3), 16)
        if function is not None:
            begin, size = symbol(behaviour, function)
            self.assertTrue(begin <= pc <= begin + size, f"{pc:#x} is not in {function}, {begin:#x} + {size:#x}")
        return pc, status

    def undone(self, behaviour, reason, last_words, function):
        """Offered to a device that runs 1.0.0; after three tries 1.0.0 runs again, and the job failed for this."""
        device = self.device(behaviour, counter=1)
        image, version = self.image(behaviour, counter=2)
        execution = self.update(device, image, behaviour)
        self.assert_job(execution, "FAILED", reason, "3")
        report = self.assert_runs(device, "1.0.0", "factory", "factory")
        self.assertEqual((report["bootReason"], report["lastReason"]), (reason, reason), report)
        tries = [start for start in device.handoffs() if start[1] == version]
        self.assertEqual(tries, 3 * [("A", version, "candidate", "normal", "normal")])
        self.assertEqual(len(device.lines(f"serial: {last_words}$")), 3)
        record = self.died_in(device, behaviour, reason, function)
        again = self.update(device, image, behaviour + "-again")
        self.assert_job(again, "REJECTED", "rejected_before")
        return record

    # The watchdog's warning: nobody was there to feed it.

    def test_hang_before_main(self):
        self.undone("hang-before-main", "hang", "watchdog: hang", "__wrap_main")

    def test_hang_in_main(self):
        self.undone("hang-in-main", "hang", "watchdog: hang", "__wrap_dr_ethernet_start")

    def test_hang_with_interrupts_disabled(self):
        self.undone("hang-interrupts", "hang", "watchdog: hang", "__wrap_dr_app_step")

    def test_hang_before_the_network(self):
        self.undone("hang-before-network", "hang", "watchdog: hang", "__wrap_dr_client_start")

    # The supervisor missed a task.

    def test_hang_in_the_tls_handshake(self):
        self.undone("hang-in-handshake", "hang", "silent: agent", "__wrap_dr_anchor_sign")

    def test_hang_after_connecting(self):
        self.undone("hang-connected", "hang", "silent: agent", "__wrap_dr_client_turn")

    def test_hang_after_confirm(self):
        """Confirmed is not for good: after three faults the image before it runs again, once, and the job, which had
        succeeded, stays as it is."""
        device = self.device("hang-confirmed", counter=1)
        image, version = self.image("hang-confirmed", counter=2, limits="8,60,2,60")
        execution = self.update(device, image, "confirmed")
        self.assert_job(execution, "SUCCEEDED")
        device.wait_line("silent: agent", 3)
        report = self.assert_runs(device, "1.0.0", "factory", "factory")
        self.assertEqual((report["bootReason"], report["lastReason"]), ("hang", "hang"), report)
        runs = [start[2] for start in device.handoffs() if start[1] == version]
        self.assertEqual(runs, ["candidate", "confirmed", "confirmed"])
        self.died_in(device, "hang-confirmed", "hang", "__wrap_dr_client_turn")
        self.assert_job(self.execution(device, "confirmed"), "SUCCEEDED")
        again = self.update(device, image, "confirmed-again")
        self.assert_job(again, "REJECTED", "rejected_before")

    def test_crash_by_a_fault(self):
        pc, status = self.undone("crash-fault", "crash", "fault", None)
        self.assertEqual((pc, status), (0xf0000000, INSTRUCTION))

    def test_crash_by_stack_overflow(self):
        """The guard under the stack: there is no room left for the processor to say where it was."""
        pc, status = self.undone("crash-stack", "crash", "fault", None)
        self.assertEqual((pc, status & STACKING), (0, STACKING))

    def test_code_is_not_written(self):
        """The address of the store is the function's own, and the processor says which address it was for."""
        _, status = self.undone("crash-code", "crash", "fault", "__wrap_dr_app_step")
        self.assertEqual(status & STORE, STORE)

    def test_data_is_not_executed(self):
        pc, status = self.undone("crash-data", "crash", "fault", None)
        begin, size = symbol("crash-data", "faulty_data")
        self.assertEqual(status, INSTRUCTION)
        self.assertTrue(begin <= pc < begin + size, f"{pc:#x} is not in faulty_data, {begin:#x} + {size:#x}")

    def test_crash_by_a_failed_assertion(self):
        self.undone("crash-assert", "crash", "check failed", "xQueueGenericSend")

    def test_a_hand_off_of_another_version(self):
        """A firmware that this boot ROM's hand-off is not for says so and gives up; it does not run on what it misread."""
        self.undone("crash-hand-off", "crash", "hand-off refused", "main")

    def test_shipping_limits(self):
        """Promised: from a hang to the previous image serving again in at most 60 s, without limits of its own. The
        slowest kind is the one that only the watchdog ends. By the board's clock."""
        device = self.device("shipping")
        image, version = self.image("hang-in-main", limits="0,0,0,0")
        execution = self.update(device, image, "shipping")
        self.assert_job(execution, "FAILED", "hang", "3")
        begin = float(device.wait_line(rf"([\d.]+) board: hand-off: slot A, version {version}").group(1))
        back = device.wait_line(r"([\d.]+) board: hand-off: slot factory, .* factory, normal", 2)
        connected = device.wait_line(r"([\d.]+) serial: connected: localhost", 2)
        self.assertLess(float(back.group(1)) - begin, 60)
        self.assertLess(float(connected.group(1)) - begin, 60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
