#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The kernel's names that the Cortex-M3 board uses are those of docs/porting.md, which versions 9 to 11 have; and a kernel in
a folder that the user names is built."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import ROOT  # noqa: E402

USED = re.compile(r"\b(?:(?:x|v|ul|ux|pc|px|pv)(?:Task|Queue|Semaphore|Port|Application|Timer|EventGroup|Stream|Message)\w+"
                  r"|(?:task|port|trace)[A-Z][A-Z_]{3,}\w*)")
KERNEL = ROOT / "build/third-party/freertos"
THIRD = ROOT / "build/third-party"
MISSING = [name for name in ("arm-none-eabi-gcc", "cmake", "ninja") if not shutil.which(name)]


def listed():
    return set(re.search(r"^```kernel-api\n(.*?)^```", (ROOT / "docs/porting.md").read_text(), re.M | re.S).group(1).split())


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


class Kernel(unittest.TestCase):
    def test_names_used_are_names_listed(self):
        used = set()
        for folder in ("port", "firmware"):
            for path in sorted((ROOT / "boards/mps2_an385" / folder).rglob("*.[ch]")):
                used |= set(USED.findall(without_comments(path.read_text())))
        self.assertEqual(used - listed(), set(), "used, but not in the list that every version has")
        self.assertEqual(listed() - used, set(), "listed, but not used any more")

    @unittest.skipUnless((KERNEL / "tasks.c").exists(), "no kernel here: tools/fetch-sources --mcu")
    def test_names_listed_are_in_the_kernel(self):
        headers = "".join(path.read_text(errors="replace") for folder in ("include", "portable/GCC/ARM_CM3")
                          for path in (KERNEL / folder).glob("*.[ch]")) + (KERNEL / "tasks.c").read_text(errors="replace")
        self.assertEqual({name for name in listed() if not re.search(rf"\b{name}\b", headers)}, set())

    @unittest.skipIf(MISSING, f"not installed: {', '.join(MISSING)}")
    @unittest.skipUnless((KERNEL / "tasks.c").exists() and (THIRD / "lwip").exists(), "no sources: tools/fetch-sources --mcu")
    def test_a_kernel_that_the_user_names(self):
        with tempfile.TemporaryDirectory(prefix="daruma-kernel-") as directory:
            mine, out = pathlib.Path(directory) / "my-kernel", pathlib.Path(directory) / "out"
            shutil.copytree(KERNEL, mine, ignore=shutil.ignore_patterns(".fetched"))
            with open(mine / "tasks.c", "a", encoding="ascii") as source:
                source.write('\nconst char dr_test_mark[] = "my kernel";\n')
            for words in (["cmake", "-S", ROOT, "-B", out, "-G", "Ninja", "--toolchain", ROOT / "cmake/arm-none-eabi.cmake",
                           "-DCMAKE_BUILD_TYPE=MinSizeRel", f"-DFREERTOS_KERNEL_PATH={mine}", "--log-level=WARNING"],
                          ["cmake", "--build", out, "--target", "firmware-mps2-good"]):
                done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=200)
                self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
            library = next(out.rglob("libmcu_kernel.a")).read_bytes()
            self.assertIn(b"my kernel", library)


if __name__ == "__main__":
    unittest.main()
