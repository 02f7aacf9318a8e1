// SPDX-License-Identifier: Apache-2.0
// JSON: tokens lie in the text and come in its order, skipping ends where reading does, and what was read is written
// to the same text twice. Input: the document.
#include "fuzz/fuzz.h"
#include "otlp/utf8.h"
#include "wire/json_reader.h"
#include "wire/json_writer.h"

namespace stint::fuzz {
namespace {

using wire::JsonReader;
using wire::JsonToken;
using wire::JsonWriter;

void write_token(JsonWriter& writer, JsonToken token, const JsonReader& reader) {
  std::string text;
  if (reader.escaped()) {
    wire::append_unescaped(text, reader.text());
  } else {
    text = reader.text();
  }
  switch (token) {
    case JsonToken::begin_object: writer.begin_object(); break;
    case JsonToken::end_object: writer.end_object(); break;
    case JsonToken::begin_array: writer.begin_array(); break;
    case JsonToken::end_array: writer.end_array(); break;
    case JsonToken::key: writer.key(text); break;
    case JsonToken::string: writer.string(text); break;
    case JsonToken::number:
    case JsonToken::boolean:
    case JsonToken::null: writer.raw(text); break;
    case JsonToken::end: break;
  }
}

struct Read {
  std::string written;
  bool failed = false;
  std::uint32_t depth_max = 0;
  std::size_t escaped_keys = 0;
};

Read read(std::string_view json) {
  Read read;
  JsonReader reader(json);
  JsonWriter writer(read.written);
  std::uint32_t depth = 0;
  for (std::size_t position = 0;;) {
    const Result<JsonToken> token = reader.next();
    if (!token) {
      const Result<JsonToken> again = reader.next();
      STINT_CHECK(!again && again.error() == token.error());
      read.failed = true;
      return read;
    }
    if (*token == JsonToken::begin_object || *token == JsonToken::begin_array) ++depth;
    if (*token == JsonToken::end_object || *token == JsonToken::end_array) --depth;
    STINT_CHECK(reader.depth() == depth && reader.position() <= json.size());
    if (*token == JsonToken::end) break;
    STINT_CHECK(reader.token_start() >= position && reader.position() > reader.token_start());
    position = reader.position();
    if (*token == JsonToken::key || *token == JsonToken::string) STINT_CHECK(lies_within(reader.text(), json));
    read.depth_max = std::max(read.depth_max, depth);
    read.escaped_keys += *token == JsonToken::key && reader.escaped() ? 1 : 0;
    write_token(writer, *token, reader);
  }
  STINT_CHECK(depth == 0);
  return read;
}

// The document's value as a whole.
bool skips(std::string_view json) {
  JsonReader reader(json);
  const Result<JsonToken> first = reader.next();
  if (!first || !reader.skip(*first)) return false;
  const Result<JsonToken> end = reader.next();
  return end && *end == JsonToken::end;
}

}  // namespace

void run(std::string_view json) {
  const Read once = read(json);
  STINT_CHECK(skips(json) != once.failed);
  std::size_t scalars = 0;
  const Result<> flat = wire::parse_flat(json, [&](std::string_view, std::string_view, JsonToken kind) {
    STINT_CHECK(kind == JsonToken::string || kind == JsonToken::number || kind == JsonToken::boolean ||
                kind == JsonToken::null);
    ++scalars;
  });
  if (once.failed) {
    STINT_CHECK(!flat);
    return;
  }
  STINT_CHECK(flat || flat.error().code == ErrorCode::too_deep);
  STINT_CHECK(otlp::is_valid_utf8(once.written));
  const Read twice = read(once.written);
  STINT_CHECK(!twice.failed && twice.written == once.written);
  plant_bug({once.escaped_keys > 0, once.depth_max >= 3}, json);
}

}  // namespace stint::fuzz
