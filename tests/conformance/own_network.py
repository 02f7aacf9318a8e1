#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command in a network and with mounts of its own, where all ports of localhost are free.

Usage, behind the words of entering(): own_network.py COMMAND...
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def entering():
    """The words before a command that give it a network and mounts of its own, or None where this machine refuses."""
    for words in (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"]):
        if shutil.which(words[0]) and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return None


def words():
    """As entering(), and localhost is there; for any command."""
    entered = entering()
    return [*entered, sys.executable, "-B", __file__] if entered else []


def raise_loopback():
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


if __name__ == "__main__":
    raise_loopback()
    os.execvp(sys.argv[1], sys.argv[1:])
