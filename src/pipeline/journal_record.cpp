// SPDX-License-Identifier: Apache-2.0
#include "pipeline/journal_record.h"

#include <libdeflate.h>

#include <cstring>

namespace stint::journal {
namespace {

constexpr std::uint32_t record_magic = 0x52'4a'53'1au;
constexpr std::size_t crc_from = 8;

// Two lines of 64 bytes.
constexpr std::string_view head_lines =
    "Stint journal, version 1, of segments of 1048576 bytes.        \n"
    "Stint journal, version 1, of segments of 1048576 bytes.        \n";
constexpr std::size_t line_bytes = 64;
static_assert(head_lines.size() == 2 * line_bytes);

std::uint32_t crc_of(const RecordHead& head) {
  char bytes[sizeof head];
  std::memcpy(bytes, &head, sizeof head);
  return crc32(0, {bytes + crc_from, state_offset - crc_from});
}

}  // namespace

std::uint64_t RecordHead::record_bytes() const {
  const std::uint64_t bytes = sizeof(RecordHead) + content_bytes();
  return (bytes + record_alignment - 1) / record_alignment * record_alignment;
}

std::uint32_t crc32(std::uint32_t before, std::string_view bytes) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

void seal(RecordHead& head) {
  head.magic = record_magic;
  head.crc = crc_of(head);
}

bool read_head(std::string_view bytes, RecordHead& head) {
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  return head.magic == record_magic && head.crc == crc_of(head);
}

std::string_view file_head() { return head_lines; }

FileKind kind_of(std::string_view bytes) {
  bytes = bytes.substr(0, head_lines.size());
  if (bytes == head_lines) return FileKind::ours;
  if (bytes.size() < line_bytes && head_lines.starts_with(bytes)) return FileKind::empty;
  const std::string_view line = head_lines.substr(0, line_bytes);
  const bool has_line =
      bytes.starts_with(line) || (bytes.size() == head_lines.size() && bytes.substr(line_bytes) == line);
  const bool zeros = bytes.find_first_not_of('\0') == bytes.npos;  // truncated to nothing, then written further on
  return has_line || zeros ? FileKind::damaged : FileKind::foreign;
}

}  // namespace stint::journal
