# SPDX-License-Identifier: Apache-2.0
"""The content encodings by the hands of others: each with all the forms in which senders write it, and its reader."""

import gzip
import random
import zlib

import cramjam
import lz4.frame
import zstandard

TEXT_BYTES_MAX = 64 << 20


def _zstd(data, **parameters):
    return zstandard.ZstdCompressor(**parameters).compress(data)


def _zstd_streamed(data, **parameters):
    """Without the size in its head, as from a sender that does not know it."""
    settings = zstandard.ZstdCompressionParameters.from_level(3, write_content_size=False, **parameters)
    packer = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    return packer.compress(data) + packer.flush()


def _lz4(**options):
    return lambda data: lz4.frame.compress(data, **options)


def _lz4_streamed(data):
    with lz4.frame.LZ4FrameCompressor() as packer:
        return packer.begin() + packer.compress(data) + packer.flush()


# name -> form -> compress
FORMS = {
    "gzip": {"": lambda data: gzip.compress(data, mtime=0), "1": lambda data: gzip.compress(data, 1)},
    "zlib": {"": zlib.compress, "9": lambda data: zlib.compress(data, 9), "stored": lambda data: zlib.compress(data, 0)},
    "deflate": {"": zlib.compress, "other": lambda data: bytes(cramjam.zlib.compress(data))},
    "zstd": {
        "": _zstd,
        "19": lambda data: _zstd(data, level=19),
        "checksum": lambda data: _zstd(data, write_checksum=True),
        "streamed": _zstd_streamed,
        "window of 128 MiB": lambda data: _zstd_streamed(data, window_log=27),
        "two frames": lambda data: _zstd(data[:100]) + _zstd_streamed(data[100:]),
        "other": lambda data: bytes(cramjam.zstd.compress(data)),
    },
    "snappy": {
        "": lambda data: bytes(cramjam.snappy.compress_raw(data)),
        "framed": lambda data: bytes(cramjam.snappy.compress(data)),
    },
    "x-snappy-framed": {"": lambda data: bytes(cramjam.snappy.compress(data))},
    "lz4": {
        "": lz4.frame.compress,
        "9": _lz4(compression_level=9),
        "independent": _lz4(block_linked=False, block_size=lz4.frame.BLOCKSIZE_MAX4MB),
        "checksums": _lz4(content_checksum=True, block_checksum=True),
        "streamed": _lz4_streamed,
        "two frames": lambda data: lz4.frame.compress(data[:100]) + _lz4_streamed(data[100:]),
        "other": lambda data: bytes(cramjam.lz4.compress(data)),
    },
}
ALL_FORMS = [(name, form) for name, forms in FORMS.items() for form in forms]


def compress(name, data, form=""):
    return FORMS[name][form](data)


def bomb(name, size, form=""):
    """`size` bytes that compress well, compressed."""
    # Of all zeros lz4's high levels compare every place with hundreds of others, for half a minute.
    period = random.Random(1).randbytes(1 << 14) if (name, form) == ("lz4", "9") else bytes(1 << 14)
    return compress(name, period * (size // len(period)), form)


def _decompress_zlib(data):
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(data, TEXT_BYTES_MAX)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("zlib: cut, or a rest behind it")
    return text


def _decompress_zstd(data):
    if zstandard.frame_content_size(data) < 0:
        raise ValueError("zstd: a frame without its size")
    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 20).decompressobj()
    text = unpacker.decompress(data)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("zstd: cut, or a rest behind it")
    return text


_READERS = {
    "gzip": gzip.decompress,
    "zlib": _decompress_zlib,
    "deflate": _decompress_zlib,
    "zstd": _decompress_zstd,
    "snappy": lambda data: bytes(cramjam.snappy.decompress_raw(data)),
    "x-snappy-framed": lambda data: bytes(cramjam.snappy.decompress(data)),
    "lz4": lz4.frame.decompress,
}


def decompress(name, data):
    """Fails: ValueError, which names what is wrong."""
    if name not in _READERS:
        raise ValueError(f"content encoding {name!r}")
    try:
        return _READERS[name](data)
    except (EOFError, OSError, RuntimeError, zlib.error, zstandard.ZstdError, cramjam.DecompressionError) as problem:
        raise ValueError(f"{name}: {problem}") from None
