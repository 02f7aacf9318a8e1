// SPDX-License-Identifier: Apache-2.0
#include "bench/load/traffic.h"

#include <array>
#include <cstdlib>
#include <cstring>

namespace load_bench {
namespace {

std::uint64_t scramble(std::uint64_t value) {  // splitmix64
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_key(std::string& out, unsigned field, unsigned type) { put_varint(out, field << 3 | type); }

void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
  put_key(out, field, 2);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_number(std::string& out, unsigned field, std::uint64_t value) {
  put_key(out, field, 0);
  put_varint(out, value);
}

void put_fixed(std::string& out, unsigned field, std::uint64_t value) {
  put_key(out, field, 1);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string any_text(std::string_view text) {
  std::string value;
  put_bytes(value, 1, text);
  return value;
}

std::string any_number(unsigned field, std::uint64_t number) {  // 2: bool, 3: int
  std::string value;
  put_number(value, field, number);
  return value;
}

std::string any_double(double number) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  std::string value;
  put_fixed(value, 4, bits);
  return value;
}

void put_attribute(std::string& out, unsigned field, std::string_view key, std::string_view value) {
  std::string pair;
  put_bytes(pair, 1, key);
  put_bytes(pair, 2, value);
  put_bytes(out, field, pair);
}

constexpr std::array<std::string_view, 6> routes = {"/orders", "/orders/{id}", "/carts/{id}/lines",
                                                    "/users",  "/health",      "/search"};
constexpr std::array<std::string_view, 4> methods = {"GET", "POST", "PUT", "DELETE"};

class Values {
 public:
  explicit Values(std::uint64_t seed) : state_(scramble(seed)) {}
  std::uint64_t next() { return state_ = scramble(state_); }
  std::size_t below(std::size_t limit) { return next() % limit; }
  std::string octets(std::size_t count) {
    std::string bytes;
    while (bytes.size() < count) {
      const std::uint64_t value = next();
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    bytes.resize(count);
    return bytes;
  }

 private:
  std::uint64_t state_;
};

constexpr std::size_t trace_spans = 10;
constexpr std::uint64_t epoch_ns = 1'760'000'000'000'000'000;
constexpr std::size_t id_in_span = 16 + 2 + 2;  // trace_id with key and length, then the id's own key and length

std::string make_span(Values& values, std::size_t number, std::string& trace, std::string& parent) {
  const bool is_root = number % trace_spans == 0;
  if (is_root) trace = values.octets(16);
  const std::string id = values.octets(8);
  const std::string_view route = routes[values.below(routes.size())];
  const std::uint64_t start = epoch_ns + number * 1'300'000 + values.below(1'000'000);
  std::string span;
  put_bytes(span, 1, trace);
  put_bytes(span, 2, id);
  if (!is_root) put_bytes(span, 4, parent);
  parent = id;
  put_bytes(span, 5, route);
  put_number(span, 6, 1 + values.below(3));
  put_fixed(span, 7, start);
  put_fixed(span, 8, start + values.below(50'000'000));
  put_attribute(span, 9, "http.method", any_text(methods[values.below(methods.size())]));
  put_attribute(span, 9, "http.route", any_text(route));
  put_attribute(span, 9, "http.status", any_number(3, values.below(20) == 0 ? 503 : 200));
  put_attribute(span, 9, "tenant", any_text("tenant-" + std::to_string(values.below(400))));
  put_attribute(span, 9, "shard", any_number(3, values.below(64)));
  put_attribute(span, 9, "cached", any_number(2, values.below(2)));
  put_attribute(span, 9, "items", any_number(3, values.below(30)));
  put_attribute(span, 9, "db", any_text("pg"));
  put_attribute(span, 9, "wait_ms", any_double(static_cast<double>(values.below(9000)) / 1000));
  put_attribute(span, 9, "retry", any_number(2, 0));
  if (values.below(20) == 0) put_bytes(span, 15, any_number(3, 2));  // status: error
  return span;
}

std::string make_resource() {
  std::string resource;
  put_attribute(resource, 1, "service.name", any_text("orders"));
  put_attribute(resource, 1, "service.version", any_text("1.14.2"));
  put_attribute(resource, 1, "cloud.provider", any_text("aws"));
  put_attribute(resource, 1, "cloud.region", any_text("eu-central-1"));
  put_attribute(resource, 1, "faas.name", any_text("orders-production"));
  put_attribute(resource, 1, "telemetry.sdk.name", any_text("opentelemetry"));
  return resource;
}

/// Reads one field. False: the bytes end, or are none of protobuf's.
bool read_varint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto octet = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{octet & 0x7fu} << shift;
    if (octet < 0x80) return true;
  }
  return false;
}

bool read_field(std::string_view& bytes, std::uint64_t& field, std::string_view& content) {
  std::uint64_t key = 0;
  if (!read_varint(bytes, key)) return false;
  field = key >> 3;
  std::uint64_t size = 0;
  if (const unsigned type = key & 7; type == 0) {
    content = {};
    return read_varint(bytes, size);
  } else if (type == 2) {
    if (!read_varint(bytes, size)) return false;
  } else if (type == 1 || type == 5) {
    size = type == 1 ? 8 : 4;
  } else {
    return false;
  }
  if (size > bytes.size()) return false;
  content = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

bool count_span(std::string_view span, Tally& tally) {
  std::uint64_t field = 0;
  for (std::string_view content; !span.empty();) {
    if (!read_field(span, field, content)) return false;
    if (field != 2 || content.size() != 8) continue;
    std::uint64_t id = 0;
    std::memcpy(&id, content.data(), sizeof id);
    tally.add(id);
    return true;
  }
  return false;
}

/// Counts what lies below the given depth: 0 resource spans, 1 scope spans, 2 spans.
bool count_below(std::string_view message, unsigned depth, Tally& tally) {
  std::uint64_t field = 0;
  for (std::string_view content; !message.empty();) {
    if (!read_field(message, field, content)) return false;
    if (field != (depth == 0 ? 1u : 2u)) continue;
    if (depth == 2 ? !count_span(content, tally) : !count_below(content, depth + 1, tally)) return false;
  }
  return true;
}

}  // namespace

void Tally::add(std::uint64_t id) {
  ++spans;
  sum += id;
  mix ^= id;
}

void Tally::add(const Tally& other) {
  spans += other.spans;
  sum += other.sum;
  mix ^= other.mix;
}

Message make_message(std::size_t spans, std::uint64_t seed) {
  Values values(seed);
  std::string scope;
  put_bytes(scope, 1, "orders.http");
  std::string scope_spans;
  put_bytes(scope_spans, 1, scope);
  std::vector<std::size_t> behind;  // positions of the ids, counted from the end of what encloses them
  std::string trace;
  std::string parent;
  for (std::size_t number = 0; number < spans; ++number) {
    const std::string span = make_span(values, number, trace, parent);
    put_bytes(scope_spans, 2, span);
    behind.push_back(scope_spans.size() - span.size() + id_in_span);
  }
  for (std::size_t& position : behind) position = scope_spans.size() - position;
  std::string resource_spans;
  put_bytes(resource_spans, 1, make_resource());
  put_bytes(resource_spans, 2, scope_spans);
  std::string body;
  put_bytes(body, 1, resource_spans);

  Message message;
  message.body_size = body.size();
  message.bytes =
      "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load-bench\r\nContent-Type: "
      "application/x-protobuf\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  for (const std::size_t position : behind) message.id_positions.push_back(message.bytes.size() - position);
  return message;
}

Tally set_ids(const Message& message, std::string& copy, std::uint64_t& sequence) {
  copy = message.bytes;
  Tally tally;
  for (const std::size_t position : message.id_positions) {
    const std::uint64_t id = scramble(++sequence);
    std::memcpy(copy.data() + position, &id, sizeof id);
    tally.add(id);
  }
  return tally;
}

std::optional<Tally> count_spans(std::string_view request) {
  Tally tally;
  if (!count_below(request, 0, tally)) return std::nullopt;
  return tally;
}

std::optional<Frame> frame_of(std::string_view received) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  constexpr std::string_view name = "\r\nContent-Length: ";
  const std::size_t at = received.substr(0, end).find(name);
  const bool has_body = at != std::string_view::npos;
  return Frame{end + 4, has_body ? std::strtoul(received.data() + at + name.size(), nullptr, 10) : 0};
}

}  // namespace load_bench
