# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A certificate authority for tests, in a directory of its own, by the openssl program."""
import pathlib
import subprocess

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout")


def openssl(*words, stdin=None):
    """What it writes."""
    done = subprocess.run(["openssl", *map(str, words)], input=stdin, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr.decode()}")
    return done.stdout


class Authority:
    """Its certificate and key are ca.pem and ca.key; what it signs stands beside them.

    root: certificate and key of an authority that exists, to sign in its name."""

    def __init__(self, directory, name="test root", root=None):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.serial = 0
        self.ca, self.key = root or (self.dir / "ca.pem", self.dir / "ca.key")
        if root is None:
            self.make(name)

    def make(self, name):
        openssl("req", "-x509", *NEW_KEY, self.key, "-out", self.ca, "-days", "3650", "-subj", f"/CN={name}", "-addext",
                "basicConstraints=critical,CA:TRUE")
        self.key.chmod(0o600)

    def sign(self, csr, extensions, days=30, out="device.pem"):
        """Path of the certificate for a request; days may be negative: expired."""
        self.serial += 1
        extension_file = self.dir / f"{out}.ext"
        extension_file.write_text(extensions)
        path = self.dir / out
        openssl("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self.key, "-set_serial", self.serial, "-days", days,
                "-extfile", extension_file, "-out", path)
        return path

    def issue(self, name, extensions="extendedKeyUsage=clientAuth\n", days=30):
        """Paths NAME.pem and NAME.key of a certificate with a new key."""
        key, csr = self.dir / f"{name}.key", self.dir / f"{name}.csr"
        openssl("req", "-new", *NEW_KEY, key, "-out", csr, "-subj", f"/CN={name}")
        return self.sign(csr, extensions, days, f"{name}.pem"), key

    def server(self, names="DNS:localhost", days=30, out="server"):
        """The same for a server of these names."""
        return self.issue(out, f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n", days)
