#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""tests/ci/test_mps2_kills.py with 200 kills instead of 20. SEED chooses other instants."""
import os
import pathlib
import sys
import unittest

os.environ.setdefault("KILLS", "200")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "ci"))
from test_mps2_kills import Kills  # noqa: E402, F401

if __name__ == "__main__":
    unittest.main(verbosity=2)
