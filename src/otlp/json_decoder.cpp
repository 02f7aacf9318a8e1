// SPDX-License-Identifier: Apache-2.0
#include "otlp/json_decoder.h"

#include <algorithm>

#include "base/log.h"
#include "wire/json_reader.h"
#include "wire/json_scan.h"

namespace stint::otlp {

Result<JsonRequest> decode_json(Signal signal, std::string_view json, BlockPool& pool, std::size_t bytes_max,
                                std::string& refusal) {
  detail::JsonDecoder decoder(json, pool, bytes_max);
  Result<JsonRequest> request = decoder.run(signal);
  if (!request) refusal = std::move(decoder.refusal());
  return request;
}

namespace detail {
namespace {

constexpr std::size_t path_bytes_max = 400;
constexpr std::size_t output_bytes_max = (1u << 28) - 1;  // a length of four bytes reaches so far

/// Null: the message knows no such name.
const JsonField* find_field(MessageId message, std::string_view name) {
  if (name.empty()) return nullptr;
  const JsonMessage& table = json_messages[static_cast<std::size_t>(message)];
  const auto octet = [name](std::size_t at) { return std::size_t{static_cast<std::uint8_t>(name[at])}; };
  const std::size_t sum = name.size() * table.factors[0] + octet(0) * table.factors[1] +
                          octet(name.size() / 2) * table.factors[2] + octet(name.size() - 1) * table.factors[3];
  const JsonSlot& slot = json_slots[table.first + (sum & table.mask)];
  return slot.name == name ? &json_fields[slot.field] : nullptr;
}

/// How documents begin that are no UTF-8 text.
std::string_view foreign_encoding(std::string_view json) {
  if (json.starts_with("\xFE\xFF") || json.starts_with("\xFF\xFE")) return "UTF-16";
  if (json.size() >= 2 && (json[0] == '\0' || json[1] == '\0')) return "UTF-16 or UTF-32";
  return {};
}

}  // namespace

JsonDecoder::JsonDecoder(std::string_view json, BlockPool& pool, std::size_t bytes_max)
    : p_(json.data()), begin_(p_), end_(p_ + json.size()), out_(pool, std::min(bytes_max, output_bytes_max)) {
  length_guess_.fill(1);
  using enum MessageId;
  for (const MessageId message : {Span, LogRecord, Metric, Gauge, Sum, Histogram, ExponentialHistogram, Summary,
                                  HistogramDataPoint, ExponentialHistogramDataPoint}) {
    length_guess_[static_cast<std::size_t>(message)] = 2;
  }
  for (const MessageId message : {ResourceSpans, ResourceMetrics, ResourceLogs, ScopeSpans, ScopeMetrics, ScopeLogs}) {
    length_guess_[static_cast<std::size_t>(message)] = static_cast<std::uint8_t>(varint_size(json.size() / 3));
  }
}

Result<JsonRequest> JsonDecoder::run(Signal signal) {
  if (const Result<> started = out_.start(static_cast<std::size_t>(end_ - begin_) / 2); !started) {
    return started.error();
  }
  if (!document(names(signal).request)) return error_;
  Result<Slice> protobuf = out_.finish();
  if (!protobuf) {
    no_room(protobuf.error());
    return error_;
  }
  return JsonRequest{std::move(*protobuf), counter_.counts(0), repaired_strings_};
}

bool JsonDecoder::document(MessageId request) {
  if (!start_document()) return false;
  if (*p_ == 'n') return literal("null");
  ++p_;
  frame_ = stack_.data();
  *frame_ = Frame{nullptr, 0, 0, 0, request, 0, false};
  depth_ = 1;
  while (depth_ != 0) {
    if (!member()) return false;
  }
  return true;
}

bool JsonDecoder::start_document() {
  const std::string_view json(begin_, static_cast<std::size_t>(end_ - begin_));
  if (const std::string_view encoding = foreign_encoding(json); !encoding.empty()) {
    return fail(p_, concat("the body looks like ", encoding, ", want UTF-8"));
  }
  if (json.starts_with("\xEF\xBB\xBF")) p_ += 3;  // RFC 8259: a byte order mark may be ignored
  skip_space();
  if (p_ == end_) return fail(p_, "the body is empty, want a JSON object");
  return *p_ == '{' || *p_ == 'n' || unexpected("an object");
}

// One member of the innermost message, or its end.
bool JsonDecoder::member() {
  skip_space();
  if (peek() == '}') {
    ++p_;
    return pop();
  }
  if (!first_) {
    if (peek() != ',') return unexpected("a comma or the end of the object");
    ++p_;
    skip_space();
  }
  first_ = false;
  const JsonField* field = nullptr;
  if (!key(field)) return false;
  if (field == nullptr) return skip_value();
  field_ = field;
  index_ = no_index;
  if (!value(*field)) return false;
  field_ = nullptr;
  return true;
}

bool JsonDecoder::key(const JsonField*& field) {
  if (peek() != '"') return unexpected("a field's name in quotes");
  std::string_view name;
  bool escaped = false, ascii = false;
  if (!scan_string(name, escaped, ascii)) return false;
  if (escaped) {
    scratch_.resize(name.size());
    bool repaired = false;
    const char* const end = wire::write_unescaped(scratch_.data(), name, repaired);
    name = std::string_view(scratch_.data(), static_cast<std::size_t>(end - scratch_.data()));
  }
  field = find_field(frame_->message, name);
  if (peek() != ':') {
    skip_space();
    if (peek() != ':') return unexpected("a colon");
  }
  ++p_;
  skip_space();
  return true;
}

bool JsonDecoder::value(const JsonField& field) {
  if (peek() == 'n') return literal("null");  // as if the field were not there
  if (field.repeated) return array(field);
  if (field.kind != JsonKind::message) return scalar(field);
  return peek() == '{' ? push(field, false, 0) : unexpected("an object");
}

bool JsonDecoder::array(const JsonField& field) {
  if (peek() != '[') return unexpected("an array");
  ++p_;
  skip_space();
  if (peek() == ']') {
    ++p_;
    return true;
  }
  if (field.kind == JsonKind::message) return elements(field, 0);
  return field.kind == JsonKind::string ? strings(field) : numbers(field);
}

// Enters the element at `p_`, the first that is no null.
bool JsonDecoder::elements(const JsonField& field, std::uint32_t index) {
  for (;; ++index) {
    field_ = &field;
    index_ = index;
    if (peek() == '{') return push(field, true, index);
    if (peek() != 'n') return unexpected("an object");
    if (!literal("null") || !room(4)) return false;
    counter_.count(static_cast<MessageId>(field.argument));
    put_tag(field);
    out_.set_next(write_varint(out_.next(), 0));
    bool more = false;
    if (!after_element(more)) return false;
    if (more) continue;
    field_ = nullptr;
    return true;
  }
}

bool JsonDecoder::after_element(bool& more) {
  skip_space();
  more = peek() == ',';
  if (!more && peek() != ']') return unexpected("a comma or the end of the array");
  ++p_;
  if (more) skip_space();
  return true;
}

std::uint8_t JsonDecoder::length_guess(MessageId message) const {
  return values_ > short_length_values_max ? 4 : length_guess_[static_cast<std::size_t>(message)];
}

bool JsonDecoder::push(const JsonField& field, bool element, std::uint32_t index) {
  const auto message = static_cast<MessageId>(field.argument);
  if (message == MessageId::AnyValue && ++values_ > limits::nesting_max) {
    return fail(p_, concat("nested too deep: at most ", limits::nesting_max, " values inside each other"),
                ErrorCode::too_deep);
  }
  STINT_CHECK(depth_ < frames_max);
  counter_.count(message);
  if (!room(8)) return false;
  put_tag(field);
  const std::uint8_t guess = length_guess(message);
  const std::uint32_t length_at = out_.open_length(guess);
  ++depth_;
  ++frame_;
  *frame_ = Frame{&field, length_at, 0, index, message, guess, element};
  ++p_;
  first_ = true;
  field_ = nullptr;
  return true;
}

bool JsonDecoder::pop() {
  first_ = false;
  if (--depth_ == 0) return true;
  const Frame frame = *frame_--;
  if (values_ > short_length_values_max) {
    out_.close_fixed_length(frame.length_at, frame.length_guess);
  } else {
    const std::uint32_t size = out_.close_length(frame.length_at, frame.length_guess);
    if (size == 0) return no_room(out_.error());
    length_guess_[static_cast<std::size_t>(frame.message)] = static_cast<std::uint8_t>(size);
  }
  if (frame.message == MessageId::AnyValue) --values_;
  if (!frame.element) return true;
  field_ = frame.field;
  index_ = no_index;
  bool more = false;
  if (!after_element(more)) return false;
  if (more) return elements(*frame.field, frame.index + 1);
  field_ = nullptr;
  return true;
}

bool JsonDecoder::skip_value() {
  const char c = peek();
  if (c == '"') {
    std::string_view raw;
    bool escaped = false, ascii = false;
    return scan_string(raw, escaped, ascii);
  }
  wire::JsonReader reader(std::string_view(p_, static_cast<std::size_t>(end_ - p_)));
  const Result<wire::JsonToken> token = reader.next();
  const Result<> skipped = token ? reader.skip(*token) : Result<>(token.error());
  // Where it failed the reader may have stepped behind the end.
  p_ += std::min(reader.position(), static_cast<std::size_t>(end_ - p_));
  if (skipped) return true;
  if (skipped.error().code == ErrorCode::too_deep) {
    return fail(p_, concat("nested too deep: at most ", wire::JsonReader::depth_limit, " levels in an unknown field"),
                ErrorCode::too_deep);
  }
  return unexpected("JSON");
}

bool JsonDecoder::scan_string(std::string_view& raw, bool& escaped, bool& ascii) {
  const char* const start = ++p_;
  wire::TextEnd text = wire::scan_text(p_, end_);
  escaped = false;
  ascii = text.ascii;
  while (text.at != end_ && *text.at == '\\') {
    escaped = true;
    p_ = text.at;
    const char* const behind = wire::skip_escape(p_, end_);
    if (behind == nullptr) return unexpected("an escape that JSON knows");
    text = wire::scan_text(behind, end_);
    ascii = ascii && text.ascii;
  }
  p_ = text.at;
  if (p_ == end_ || *p_ != '"') return unexpected("the end of the string");
  raw = std::string_view(start, static_cast<std::size_t>(p_ - start));
  ++p_;
  return true;
}

bool JsonDecoder::read_text(std::string_view& text) {
  if (peek() != '"') return unexpected("a string");
  bool escaped = false, ascii = false;
  if (!scan_string(text, escaped, ascii)) return false;
  if (escaped) {
    scratch_.resize(text.size());
    bool repaired = false;
    const char* const end = wire::write_unescaped(scratch_.data(), text, repaired);
    text = std::string_view(scratch_.data(), static_cast<std::size_t>(end - scratch_.data()));
  }
  return true;
}

bool JsonDecoder::literal(std::string_view word) {
  const std::string_view rest(p_, static_cast<std::size_t>(end_ - p_));
  if (!rest.starts_with(word)) return unexpected(word);
  p_ += word.size();
  return true;
}

bool JsonDecoder::unexpected(std::string_view wanted) {
  if (p_ == end_) return fail(p_, concat("the document ends here, want ", wanted));
  const auto byte = static_cast<std::uint8_t>(*p_);
  if (byte >= 0x20 && byte < 0x7F) return fail(p_, concat("'", *p_, "' is unexpected, want ", wanted));
  return fail(p_, concat("the byte ", +byte, " is unexpected, want ", wanted));
}

[[gnu::cold]] bool JsonDecoder::no_room(Error error) {
  return fail(p_, error.code == ErrorCode::too_large ? "the request is too large in protobuf" : "no memory is left",
              error.code);
}

[[gnu::cold]] bool JsonDecoder::fail(const char* at, std::string_view what, ErrorCode code) {
  error_ = Error{code};
  const std::string place = path();
  refusal_ = concat(place, place.empty() ? "" : ": ", what, " (byte ", at - begin_, ")");
  return false;
}

std::string JsonDecoder::path() const {
  std::string path;
  const auto add = [&path](const JsonField& field, std::uint32_t index) {
    if (!path.empty()) path.push_back('.');
    path += field.name;
    if (index != no_index) path += concat('[', index, ']');
  };
  for (std::size_t i = 1; i < depth_; ++i) add(*stack_[i].field, stack_[i].element ? stack_[i].index : no_index);
  if (field_ != nullptr) add(*field_, index_);
  if (path.size() > path_bytes_max) path = concat("...", path.substr(path.size() - path_bytes_max));
  return path;
}

}  // namespace detail
}  // namespace stint::otlp
