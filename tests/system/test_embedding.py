#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""docs/embedding.md, followed to the letter: every shell block in an empty directory, and what the guide says comes out."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))
from world import BIN, ROOT  # noqa: E402

GUIDE = ROOT / "docs/embedding.md"
MBEDTLS = ROOT / "build/third-party/mbedtls"
MISSING = [name for name in ("arm-none-eabi-gcc",) if not shutil.which(name)]
MISSING += [path for path in (MBEDTLS / "include/psa/crypto.h",) if not path.exists()]
# A second run need not compile the same files again.
CACHED = {**os.environ, **({"CMAKE_C_COMPILER_LAUNCHER": "ccache"} if shutil.which("ccache") else {})}
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(part C)
add_library(my_mbedtls INTERFACE)
target_include_directories(my_mbedtls INTERFACE {mbedtls}/include {root})
target_compile_definitions(my_mbedtls INTERFACE MBEDTLS_CONFIG_FILE="boards/mps2_an385/port/mbedtls_config.h")
set(DARUMA_PSA_TARGET my_mbedtls)
add_subdirectory({root} daruma EXCLUDE_FROM_ALL)
"""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.M | re.S)


class Guide(unittest.TestCase):
    def test_every_command(self):
        shell, text = blocks("sh"), blocks("text")
        self.assertGreaterEqual(len(shell), 3, "the guide has lost its commands")
        self.assertEqual(len(text), 1)
        environment = {**CACHED, "DARUMA": str(ROOT), "PATH": f"{BIN}:{os.environ['PATH']}"}
        printed = []
        with tempfile.TemporaryDirectory(prefix="daruma-guide-") as directory:
            for block in shell:
                done = subprocess.run(["sh", "-e"], input=block, capture_output=True, text=True, cwd=directory,
                                      env=environment, timeout=200)
                self.assertEqual(done.returncode, 0, f"{block}\n{done.stdout}{done.stderr}")
                printed.append(done.stdout)
        self.assertTrue(printed[1].endswith(text[0]), f"the guide says\n{text[0]}\nit was\n{printed[1]}")
        self.assertNotIn("agent: OPENING", printed[2], "a foreign image reached the flash")
        self.assertNotIn("INSTALLING", printed[2])
        refusal = printed[2].splitlines()[-1]  # the reason, not that nothing came of it
        self.assertRegex(refusal, r"^update: refused: .* \(image_key\)$")
        self.assertIn(f"`{refusal}`", GUIDE.read_text())

    @unittest.skipIf(MISSING, f"not here: {', '.join(map(str, MISSING))}")
    def test_for_a_part(self):
        """The same two lines in a cross-compiled project: the device side, and its crypto over a PSA of the project's own."""
        with tempfile.TemporaryDirectory(prefix="daruma-part-") as directory:
            project, out = pathlib.Path(directory) / "part", pathlib.Path(directory) / "out"
            project.mkdir()
            (project / "CMakeLists.txt").write_text(PROJECT.format(mbedtls=MBEDTLS, root=ROOT))
            for words in (["cmake", "-S", project, "-B", out, "--toolchain", ROOT / "cmake/arm-none-eabi.cmake"],
                          ["cmake", "--build", out, "--target", "daruma_device", "daruma_crypto_psa"]):
                done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=200,
                                      env=CACHED)
                self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
            self.assertEqual({path.name for path in out.rglob("*.a")}, {"libdaruma_device.a", "libdaruma_crypto_psa.a"})

    def test_what_the_guides_name_exists(self):
        for guide in (GUIDE, ROOT / "docs/porting.md"):
            for path in re.findall(r"`((?:src|boards|docs|tests|examples)/[\w./-]+)`", guide.read_text()):
                self.assertTrue((ROOT / path).exists(), f"{guide.name}: {path}")


if __name__ == "__main__":
    unittest.main()
