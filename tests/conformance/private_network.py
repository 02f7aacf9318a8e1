#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command beside a back end in a network of its own, in which the famous ports are free.

Usage: private_network.py --out FILE [--certificate FILE --key FILE] [--opt FOLDER] COMMAND... The back end listens on
port 14318 of localhost, over https where it has a certificate. FILE gets what arrived as JSON; FOLDER is seen as /opt;
the exit status is the command's.
"""

import argparse
import fcntl
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import sys

PORT = 14318
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def entering():
    """The words before a command that give it a network and mounts of its own, or None where this machine refuses."""
    for words in (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"]):
        if shutil.which(words[0]) and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return None


def run(folder, command, certificate=None, opt=None, seconds=120):
    """Runs the command as described above. Returns (the completed process, what arrived)."""
    out = pathlib.Path(folder) / "arrived.json"
    served = ["--certificate", str(certificate.served()), "--key", str(certificate.key_file)] if certificate else []
    served += ["--opt", str(opt)] if opt else []
    completed = subprocess.run(
        [*entering(), sys.executable, "-B", __file__, "--out", str(out), *served, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return completed, json.loads(out.read_text(encoding="utf-8"))


def _raise_loopback():
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--opt")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    import backend as backend_module

    _raise_loopback()
    if options.opt:
        subprocess.run(["mount", "--bind", options.opt, "/opt"], check=True)
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)
    with backend_module.Backend(PORT, tls=tls) as backend:
        status = subprocess.run(options.command, env=os.environ, check=False).returncode
        arrived = {
            "items": backend.items(),
            "headers": [request.headers for request in backend.requests],
            "violations": backend.violations,
        }
    options.out.write_text(json.dumps(arrived), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
