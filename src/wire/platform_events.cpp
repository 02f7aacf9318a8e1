// SPDX-License-Identifier: Apache-2.0
#include "wire/platform_events.h"

#include <charconv>
#include <string>

#include "wire/json_reader.h"

namespace stint::wire {

namespace {

enum class Level : std::uint8_t { event, record, metrics };

// Where a known field goes. Exactly one of the members is set.
struct Field {
  Level level;
  std::string_view key;
  std::string_view PlatformEvent::* text = nullptr;
  std::optional<double> PlatformEvent::* real = nullptr;
  std::optional<std::uint64_t> PlatformEvent::* count = nullptr;
};

constexpr Field fields[] = {
    {Level::event, "type", &PlatformEvent::type},
    {Level::event, "time", &PlatformEvent::time},
    {Level::record, "requestId", &PlatformEvent::request_id},
    {Level::record, "status", &PlatformEvent::status},
    {Level::record, "reason", &PlatformEvent::reason},
    {Level::record, "errorType", &PlatformEvent::error_type},
    {Level::record, "droppedRecords", nullptr, nullptr, &PlatformEvent::dropped_records},
    {Level::record, "droppedBytes", nullptr, nullptr, &PlatformEvent::dropped_bytes},
    {Level::metrics, "durationMs", nullptr, &PlatformEvent::duration_ms},
};
constexpr std::size_t field_count = sizeof fields / sizeof fields[0];

class EventReader {
 public:
  explicit EventReader(std::string_view bytes) : bytes_(bytes), reader_(bytes) {}

  Result<> each(PlatformEventSink sink, void* context) {
    Result<JsonToken> token = reader_.next();
    if (token && *token != JsonToken::begin_array) return Error{ErrorCode::malformed};
    while ((token = reader_.next())) {
      if (*token == JsonToken::end_array) break;
      if (*token != JsonToken::begin_object) {
        if (const Result<> skipped = reader_.skip(*token); !skipped) return skipped;
        continue;
      }
      event_ = PlatformEvent{};
      if (const Result<> read = object(Level::event); !read) return read;
      sink(context, event_);
    }
    if (!token) return token.error();
    token = reader_.next();
    return token ? Result<>() : Result<>(token.error());
  }

 private:
  // Reads an open object to its end. Recursion ends at Level::metrics.
  Result<> object(Level level) {
    for (;;) {
      Result<JsonToken> token = reader_.next();
      if (!token) return token.error();
      if (*token == JsonToken::end_object) return {};
      const std::string_view key = reader_.text();
      token = reader_.next();
      if (!token) return token.error();
      if (const Result<> taken = value(level, key, *token); !taken) return taken;
    }
  }

  Result<> value(Level level, std::string_view key, JsonToken token) {
    const std::size_t start = reader_.token_start();
    const bool record = level == Level::event && key == "record";
    const bool metrics = level == Level::record && key == "metrics";
    if (token == JsonToken::begin_object && (record || metrics)) {
      if (const Result<> inner = object(record ? Level::record : Level::metrics); !inner) return inner;
    } else {
      take(level, key, token);
      if (const Result<> skipped = reader_.skip(token); !skipped) return skipped;
    }
    if (record) event_.record = bytes_.substr(start, reader_.position() - start);
    return {};
  }

  void take(Level level, std::string_view key, JsonToken token) {
    for (std::size_t i = 0; i < field_count; ++i) {
      if (fields[i].level == level && fields[i].key == key) return store(i, token);
    }
  }

  // A value of another type than known is as good as absent.
  void store(std::size_t index, JsonToken token) {
    const Field& field = fields[index];
    const std::string_view text = reader_.text();
    if (field.text != nullptr && token == JsonToken::string) {
      event_.*field.text = reader_.escaped() ? unescape(index, text) : text;
    } else if (field.real != nullptr && token == JsonToken::number) {
      event_.*field.real = parsed<double>(text);
    } else if (field.count != nullptr && token == JsonToken::number) {
      event_.*field.count = parsed<std::uint64_t>(text);
    }
  }

  std::string_view unescape(std::size_t index, std::string_view text) {
    unescaped_[index].clear();
    append_unescaped(unescaped_[index], text);
    return unescaped_[index];
  }

  template <typename Number>
  static std::optional<Number> parsed(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
  }

  std::string_view bytes_;
  JsonReader reader_;
  PlatformEvent event_;
  std::string unescaped_[field_count];
};

}  // namespace

Result<> for_each_platform_event(std::string_view bytes, PlatformEventSink sink, void* context) {
  EventReader reader(bytes);
  return reader.each(sink, context);
}

}  // namespace stint::wire
