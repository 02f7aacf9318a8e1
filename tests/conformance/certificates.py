# SPDX-License-Identifier: Apache-2.0
"""Certificates made by the openssl command while a test runs: authorities, leaves, and what is wrong with some.

Files lie in the folder that a test gives and are gone with it.
"""

import pathlib
import ssl
import subprocess

_CONFIGURATION = """
[ca]
default_ca = own
[own]
dir = {folder}
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = none
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[extensions]
basicConstraints = critical, CA:{authority}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{names}
"""


KEYS = {
    **{curve: ("ec", "-pkeyopt", f"ec_paramgen_curve:{curve}") for curve in ("P-256", "P-384", "P-521")},
    "RSA": ("rsa:2048",),
    "Ed25519": ("ed25519",),
}


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Certificate:
    """A key of the kind `key` (KEYS) and a certificate, signed by `issuer` or by itself, valid from `start` to `end`."""

    def __init__(
        self, folder, common_name, names=(), issuer=None, authority=False, start="20200101", end="20990101", key="P-256"
    ):
        self.folder = pathlib.Path(folder) / common_name.replace(" ", "-")
        self.folder.mkdir()
        self.file, self.key_file = self.folder / "certificate.pem", self.folder / "key.pem"
        self._issuer = issuer
        (self.folder / "index").touch()
        configuration, request = self.folder / "openssl.cnf", self.folder / "request.pem"
        alternative = f"subjectAltName = {','.join(names)}" if names else ""
        configuration.write_text(
            _CONFIGURATION.format(folder=self.folder, authority="TRUE" if authority else "FALSE", names=alternative)
        )
        _openssl(
            *("req", "-new", "-newkey", *KEYS[key], "-nodes", "-config", configuration),
            *("-subj", f"/CN={common_name}", "-keyout", self.key_file, "-out", request),
        )
        signer = ("-cert", issuer.file, "-keyfile", issuer.key_file) if issuer else ("-selfsign", "-keyfile", self.key_file)
        _openssl(
            *("ca", "-batch", "-notext", "-config", configuration, "-extensions", "extensions", "-in", request),
            *("-startdate", f"{start}000000Z", "-enddate", f"{end}000000Z", "-out", self.file, *signer),
        )

    def traditional_key(self):
        """The file of its key (EC or RSA) as tools before PKCS #8 wrote it: BEGIN EC or RSA PRIVATE KEY."""
        file = self.folder / "traditional.pem"
        _openssl("pkey", "-in", self.key_file, "-traditional", "-out", file)
        return file

    def pem(self):
        return self.file.read_text(encoding="ascii")

    def chain(self):
        """With every issuer but the self-signed one at the end."""
        above = self._issuer.chain() if self._issuer and self._issuer._issuer else ""
        return self.pem() + above

    def served(self, chain=True):
        """The file that a server shows."""
        file = self.folder / "served.pem"
        file.write_text(self.chain() if chain else self.pem())
        return file

    def server(self, chain=True, newest=None, client_root=None):
        """An ssl.SSLContext that shows this certificate, and its chain unless told otherwise."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.served(chain), self.key_file)
        context.set_alpn_protocols(["http/1.1"])
        if newest is not None:
            context.maximum_version = newest
        if client_root is not None:
            context.load_verify_locations(client_root.file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    """A root, an authority below it, and leaves signed by that one."""

    def __init__(self, folder):
        self._folder = folder
        self.root = Certificate(folder, "Test Root", authority=True)
        self.middle = Certificate(folder, "Test Middle", issuer=self.root, authority=True)

    def leaf(self, common_name="leaf", names=("DNS:localhost", "IP:127.0.0.1"), **options):
        return Certificate(self._folder, common_name, names, issuer=self.middle, **options)
