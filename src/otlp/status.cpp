// SPDX-License-Identifier: Apache-2.0
// Bodies of answers, written with protozero and read with the cursor, for they come from the other side unchecked.
#include "otlp/status.h"

#include <charconv>

#include "base/log.h"
#include "otlp/cursor.h"
#include "otlp/utf8.h"
#include "otlp/write.h"
#include "wire/json_reader.h"

namespace stint::otlp {
namespace {

constexpr std::string_view retry_info_url = "type.googleapis.com/google.rpc.RetryInfo";
constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;

// The three responses differ only in names.
namespace response = fields::ExportTraceServiceResponse;
namespace partial_success = fields::ExportTracePartialSuccess;
static_assert(partial_success::rejected_spans == fields::ExportMetricsPartialSuccess::rejected_data_points &&
              partial_success::rejected_spans == fields::ExportLogsPartialSuccess::rejected_log_records);

constexpr Error malformed{ErrorCode::malformed};

std::string valid_utf8(std::string_view text) {
  std::string repaired(repaired_utf8_size(text), '\0');
  write_repaired_utf8(repaired.data(), text);
  return repaired;
}

void append_json_string(std::string& json, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  json.push_back('"');
  for (const char c : valid_utf8(text)) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      json.append({'\\', c});
    } else if (c == '\n') {
      json.append("\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      json.append("\\u00").append({hex[byte >> 4], hex[byte & 15]});
    } else {
      json.push_back(c);
    }
  }
  json.push_back('"');
}

/// protobuf's JSON for Duration: seconds with no, 3, 6 or 9 digits behind the point.
std::string duration_json(Nanoseconds delay) {
  const std::int64_t fraction = delay.count() % nanoseconds_per_second;
  std::string text = concat(delay.count() / nanoseconds_per_second);
  if (fraction != 0) {
    const std::string digits = concat(nanoseconds_per_second + fraction).substr(1);
    const std::size_t wanted = fraction % 1'000'000 == 0 ? 3 : fraction % 1'000 == 0 ? 6 : 9;
    text.append(".").append(digits, 0, wanted);
  }
  return text + "s";
}

std::string encode_retry_info(Nanoseconds delay) {
  std::string info, duration;  // the duration is written even when it is zero
  MessageWriter info_writer(info), writer(duration);
  const std::int64_t seconds = delay.count() / nanoseconds_per_second;
  const auto nanos = static_cast<std::int32_t>(delay.count() % nanoseconds_per_second);
  if (seconds != 0) writer.add_int64(fields::Duration::seconds, seconds);
  if (nanos != 0) writer.add_int32(fields::Duration::nanos, nanos);
  info_writer.add_message(fields::RetryInfo::retry_delay, duration);
  return info;
}

/// A varint field's value; only for fields that the cursor took as varints.
std::uint64_t varint_of(const FieldCursor& field) {
  std::uint64_t value = 0;
  read_varint(field.payload().data(), field.payload().data() + field.payload().size(), value);
  return value;
}

bool is_varint(const FieldCursor& field, std::uint32_t number) {
  return field.number() == number && field.wire_type() == WireType::varint;
}

Result<Nanoseconds> decode_duration(std::string_view bytes) {
  std::int64_t seconds = 0, nanos = 0;
  FieldCursor field(bytes);
  while (field.next()) {
    if (is_varint(field, fields::Duration::seconds)) seconds = static_cast<std::int64_t>(varint_of(field));
    if (is_varint(field, fields::Duration::nanos)) nanos = static_cast<std::int32_t>(varint_of(field));
  }
  constexpr std::int64_t seconds_max = 9'000'000'000;  // what fits nanoseconds
  if (!field.well_formed() || seconds < 0 || seconds > seconds_max || nanos < 0 || nanos >= nanoseconds_per_second) {
    return malformed;
  }
  return Nanoseconds(seconds * nanoseconds_per_second + nanos);
}

/// Reads the detail if it is a RetryInfo.
Result<> decode_detail(std::string_view bytes, std::optional<Nanoseconds>& retry_delay) {
  std::string_view type_url, value;
  FieldCursor field(bytes);
  while (field.next()) {
    if (field.is_message(fields::Any::type_url)) type_url = field.payload();
    if (field.is_message(fields::Any::value)) value = field.payload();
  }
  if (!field.well_formed()) return malformed;
  if (type_url != retry_info_url) return {};
  retry_delay = Nanoseconds::zero();
  FieldCursor info(value);
  while (info.next()) {
    if (!info.is_message(fields::RetryInfo::retry_delay)) continue;
    const Result<Nanoseconds> delay = decode_duration(info.payload());
    if (!delay) return delay.error();
    retry_delay = *delay;
  }
  return info.well_formed() ? Result<>() : malformed;
}

constexpr std::string_view rejected_names[] = {"rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"};
constexpr std::string_view rejected_snake_names[] = {"rejected_spans", "rejected_data_points", "rejected_log_records"};

bool is_rejected_name(std::string_view name) {
  for (const Signal signal : all_signals) {
    const auto place = static_cast<std::size_t>(signal);
    if (name == rejected_names[place] || name == rejected_snake_names[place]) return true;
  }
  return false;
}

/// A number of JSON, or the text of a string, that is a whole number.
bool read_count(std::string_view text, std::int64_t& count) {
  const char* const end = text.data() + text.size();
  const std::from_chars_result read = std::from_chars(text.data(), end, count);
  return read.ec == std::errc() && read.ptr == end;
}

}  // namespace

std::string encode_response(const PartialSuccess& partial) {
  std::string body;
  std::string inner;  // written even when empty, which a nested writer does not do
  MessageWriter writer(body), message(inner);
  if (partial.rejected != 0) message.add_int64(partial_success::rejected_spans, partial.rejected);
  if (!partial.message.empty()) write(message, partial_success::error_message, valid_utf8(partial.message));
  writer.add_message(response::partial_success, inner);
  return body;
}

std::string encode_response_json(Signal signal, const PartialSuccess& partial) {
  std::string json = "{\"partialSuccess\":{";
  if (partial.rejected != 0) {
    json += concat('"', rejected_names[static_cast<std::size_t>(signal)], "\":\"", partial.rejected, '"');
  }
  if (!partial.message.empty()) {
    json += partial.rejected != 0 ? ",\"errorMessage\":" : "\"errorMessage\":";
    append_json_string(json, partial.message);
  }
  return json + "}}";
}

Result<PartialSuccess> decode_response(std::string_view body) {
  PartialSuccess partial;
  FieldCursor outer(body);
  while (outer.next()) {
    if (!outer.is_message(response::partial_success)) continue;
    FieldCursor field(outer.payload());
    while (field.next()) {
      if (is_varint(field, partial_success::rejected_spans)) {
        partial.rejected = static_cast<std::int64_t>(varint_of(field));
      }
      if (field.is_message(partial_success::error_message)) partial.message = field.payload();
    }
    if (!field.well_formed()) return malformed;
  }
  if (!outer.well_formed()) return malformed;
  return partial;
}

Result<PartialSuccess> decode_response_json(std::string_view body) {
  PartialSuccess partial;
  bool whole = true;
  const Result<> read = wire::parse_flat(body, [&](std::string_view path, std::string_view text, wire::JsonToken kind) {
    const std::size_t dot = path.find('.');
    const std::string_view parent = path.substr(0, dot);
    if (dot == std::string_view::npos || (parent != "partialSuccess" && parent != "partial_success")) return;
    const std::string_view name = path.substr(dot + 1);
    if (kind != wire::JsonToken::null && is_rejected_name(name)) whole = whole && read_count(text, partial.rejected);
    if (kind == wire::JsonToken::string && (name == "errorMessage" || name == "error_message")) partial.message = text;
  });
  if (!read) return read.error();
  if (!whole) return malformed;
  return partial;
}

std::string encode_status(const RpcStatus& status) {
  std::string body;
  MessageWriter writer(body);
  if (status.code != RpcCode::ok) writer.add_int32(fields::RpcStatus::code, static_cast<std::int32_t>(status.code));
  if (!status.message.empty()) write(writer, fields::RpcStatus::message, valid_utf8(status.message));
  if (status.retry_delay) {
    const std::string info = encode_retry_info(*status.retry_delay);
    MessageWriter any(writer, fields::RpcStatus::details);
    write(any, fields::Any::type_url, retry_info_url);
    write(any, fields::Any::value, info);
  }
  return body;
}

std::string encode_status_json(const RpcStatus& status) {
  std::string json = concat("{\"code\":", static_cast<std::int32_t>(status.code), ",\"message\":");
  append_json_string(json, status.message);
  if (status.retry_delay) {
    json += concat(",\"details\":[{\"@type\":\"", retry_info_url, "\",\"retryDelay\":\"",
                   duration_json(*status.retry_delay), "\"}]");
  }
  return json + "}";
}

Result<RpcStatus> decode_status(std::string_view body) {
  RpcStatus status;
  FieldCursor field(body);
  while (field.next()) {
    if (is_varint(field, fields::RpcStatus::code)) {
      status.code = static_cast<RpcCode>(static_cast<std::int32_t>(varint_of(field)));
    } else if (field.is_message(fields::RpcStatus::message)) {
      status.message = field.payload();
    } else if (field.is_message(fields::RpcStatus::details)) {
      if (const Result<> detail = decode_detail(field.payload(), status.retry_delay); !detail) return detail.error();
    }
  }
  if (!field.well_formed()) return malformed;
  return status;
}

Result<RpcStatus> decode_status_json(std::string_view body) {
  RpcStatus status;
  const Result<> read = wire::parse_flat(body, [&](std::string_view path, std::string_view text, wire::JsonToken kind) {
    std::int64_t code = 0;
    if (path == "code" && kind == wire::JsonToken::number && read_count(text, code)) {
      status.code = static_cast<RpcCode>(static_cast<std::int32_t>(code));
    }
    if (path == "message" && kind == wire::JsonToken::string) status.message = text;
  });
  if (!read) return read.error();
  return status;
}

}  // namespace stint::otlp
