// SPDX-License-Identifier: Apache-2.0
// The journal's format. A head, then segments of one size; in a segment, records one behind the other, each at a
// multiple of 64 bytes:
//
//   file ─ head ─ segment ─ record ─ RecordHead, receiver's id, request (protobuf), padding
//
// A record larger than a segment has several in a row for itself. A segment is written anew from its beginning when all
// its records are done; its number of generation, that of its first record, tells the records of now from what is
// left of former ones.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace stint::journal {

constexpr std::uint64_t segment_bytes = 1u << 20;
/// How many segments so many bytes take.
constexpr std::uint64_t segments_of(std::uint64_t bytes) { return (bytes + segment_bytes - 1) / segment_bytes; }
constexpr std::uint64_t file_head_bytes = 4096;
constexpr std::uint64_t record_alignment = 64;

constexpr char state_live = 'L';
constexpr char state_done = 'D';

/// As it lies in the file; both architectures are little-endian.
struct RecordHead {
  std::uint32_t magic = 0;
  std::uint32_t crc = 0;  // of the fields from here to `state`
  std::uint64_t generation = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t content_crc = 0;  // of the id and the body
  std::uint32_t items = 0;
  std::uint16_t id_bytes = 0;
  std::uint8_t signal = 0;
  char state = state_live;  // anything but `state_done` is live: a damaged byte shall not lose a record

  std::uint64_t content_bytes() const { return std::uint64_t{id_bytes} + body_bytes; }
  /// With its padding.
  std::uint64_t record_bytes() const;
};
static_assert(sizeof(RecordHead) == 32);
constexpr std::uint64_t state_offset = 31;

/// Of one run of bytes after others.
std::uint32_t crc32(std::uint32_t before, std::string_view bytes);
/// Sets magic and crc.
void seal(RecordHead& head);
/// Null: there is no whole head at the beginning of `bytes`.
bool read_head(std::string_view bytes, RecordHead& head);

/// The bytes of the file's head, which never vary: two copies of a line, so that one damaged byte does no harm.
std::string_view file_head();
enum class FileKind : std::uint8_t { ours, empty, damaged, foreign };
/// What a file is that begins with `bytes`. `empty`: nothing was written yet, or not even a line. `damaged`: ours or
/// zeros, with a head to be written again.
FileKind kind_of(std::string_view bytes);

}  // namespace stint::journal
