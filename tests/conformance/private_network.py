#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command beside a back end in a network of its own, in which the famous ports are free.

Usage: private_network.py --out FILE [--certificate FILE --key FILE] [--opt FOLDER] COMMAND... The back end listens on
port 14318 of localhost, over https where it has a certificate. FILE gets what arrived as JSON; FOLDER is seen as /opt;
the exit status is the command's.
"""

import argparse
import json
import os
import pathlib
import ssl
import subprocess
import sys

from own_network import entering, raise_loopback

PORT = 14318


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--opt")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    import backend as backend_module

    raise_loopback()
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
