// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/subscription.h"

#include <charconv>

#include "base/log.h"
#include "tools/lambda/json_value.h"

namespace stint::platform {
namespace {

using Kind = JsonValue::Kind;

// Each of these returns what is wrong; empty: nothing.
std::string read_schema_version(const JsonValue& body, Mode mode, Subscription& out) {
  const JsonValue* const value = body.member("schemaVersion");
  if (value == nullptr || !value->is(Kind::string)) return "schemaVersion is required";
  out.schema_version = value->text;
  const bool known =
      out.schema_version == "2022-07-01" || out.schema_version == "2022-12-13" || out.schema_version == "2025-01-29";
  if (!known) return concat("schemaVersion ", out.schema_version, " is not supported");
  if (mode == Mode::managed_instances && out.schema_version != "2025-01-29") {
    return "schemaVersion must be 2025-01-29 on managed instances";
  }
  return {};
}

std::string read_types(const JsonValue& body, Subscription& out) {
  const JsonValue* const types = body.member("types");
  if (types == nullptr || !types->is(Kind::array) || types->items.empty())
    return "types must be an array with at least one item";
  for (const JsonValue& type : types->items) {
    const std::string_view text = type.is(Kind::string) ? std::string_view(type.text) : std::string_view();
    bool* const flag = text == "platform"    ? &out.platform
                       : text == "function"  ? &out.function
                       : text == "extension" ? &out.extension
                                             : nullptr;
    if (flag == nullptr) return concat("types: unknown type '", text, "'");
    if (*flag) return concat("types: '", text, "' is given twice");
    *flag = true;
  }
  return {};
}

std::string read_number(const JsonValue& buffering, const char* name, std::int64_t least, std::int64_t most,
                        std::int64_t& out) {
  const JsonValue* const value = buffering.member(name);
  if (value == nullptr) return {};
  const std::optional<std::int64_t> number = value->integer();
  if (!number || *number < least || *number > most) {
    return concat("buffering.", name, " must be an integer from ", least, " to ", most);
  }
  out = *number;
  return {};
}

std::string read_buffering(const JsonValue& body, Subscription& out) {
  const JsonValue* const buffering = body.member("buffering");
  if (buffering == nullptr) return {};
  if (!buffering->is(Kind::object)) return "buffering must be an object";
  std::int64_t items = 1000, bytes = 262'144, timeout_ms = 1000;
  std::string wrong = read_number(*buffering, "maxItems", 1000, 10'000, items);
  if (wrong.empty()) wrong = read_number(*buffering, "maxBytes", 262'144, 1'048'576, bytes);
  if (wrong.empty()) wrong = read_number(*buffering, "timeoutMs", 25, 30'000, timeout_ms);
  out.items_max = static_cast<std::size_t>(items);
  out.bytes_max = static_cast<std::size_t>(bytes);
  out.timeout = Milliseconds(timeout_ms);
  return wrong;
}

std::string read_uri(std::string_view uri, Destination& out) {
  constexpr std::string_view scheme = "http://";
  if (!uri.starts_with(scheme)) return "destination.URI must start with http://";
  uri.remove_prefix(scheme.size());
  const std::size_t slash = uri.find('/');
  out.path = slash == uri.npos ? "/" : std::string(uri.substr(slash));
  std::string_view authority = uri.substr(0, slash);
  const std::size_t colon = authority.rfind(':');
  if (colon == authority.npos) return "destination.URI must have a port";
  out.host = authority.substr(0, colon);
  if (out.host != "sandbox.localdomain" && out.host != "sandbox") {
    return "destination.URI must have the host sandbox.localdomain or sandbox";
  }
  const std::string_view port = authority.substr(colon + 1);
  const auto end = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (end.ec != std::errc() || end.ptr != port.data() + port.size() || out.port == 0) {
    return "destination.URI must have a port from 1 to 65535";
  }
  return out.port == 9001 ? "destination: port 9001 is reserved" : "";
}

std::string read_destination(const JsonValue& body, Destination& out) {
  const JsonValue* const destination = body.member("destination");
  if (destination == nullptr || !destination->is(Kind::object)) return "destination is required";
  const JsonValue* const protocol = destination->member("protocol");
  const std::string_view protocol_name = protocol == nullptr ? std::string_view() : std::string_view(protocol->text);
  if (protocol_name == "HTTP") {
    const JsonValue* const uri = destination->member("URI");
    if (uri == nullptr || !uri->is(Kind::string)) return "destination.URI is required";
    return read_uri(uri->text, out);
  }
  if (protocol_name != "TCP") return "destination.protocol must be HTTP or TCP";
  const JsonValue* const port = destination->member("port");
  const std::optional<std::int64_t> number = port == nullptr ? std::nullopt : port->integer();
  if (!number || *number < 1 || *number > 65'535) return "destination.port must be from 1 to 65535";
  if (*number == 9001) return "destination: port 9001 is reserved";
  out = Destination{Destination::Protocol::tcp, "127.0.0.1", static_cast<std::uint16_t>(*number), ""};
  return {};
}

}  // namespace

std::variant<Subscription, std::string> parse_subscription(std::string_view body, Mode mode) {
  const std::optional<JsonValue> document = parse_json(body);
  if (!document || !document->is(Kind::object)) return "the body must be a JSON object";
  Subscription subscription;
  std::string wrong = read_schema_version(*document, mode, subscription);
  if (wrong.empty()) wrong = read_types(*document, subscription);
  if (wrong.empty()) wrong = read_buffering(*document, subscription);
  if (wrong.empty()) wrong = read_destination(*document, subscription.destination);
  if (!wrong.empty()) return wrong;
  return subscription;
}

}  // namespace stint::platform
