// SPDX-License-Identifier: Apache-2.0
// The OTLP layer as a command, for the check_*.py beside it. Input and output are sequences of records: a length of
// four bytes (little-endian), then bytes.
//
//   otlp-tool counts SIGNAL                        one request in, one line of counts or the refusal out
//   otlp-tool split SIGNAL ITEMS_MAX BYTES_MAX     a record per slice in; a record per part out, its items in 4 bytes
//                                                  before it
//   otlp-tool repair SIGNAL                        one request in, the repaired request out
//   otlp-tool json SIGNAL                          a record per request in JSON in; a record per request out, as
//                                                  protobuf or as "refused: " and the sentence
//   otlp-tool to-json SIGNAL                       a record per request in protobuf in; a record per request out, as
//   JSON otlp-tool merge-to-json SIGNAL                 a record per request in protobuf in; one record out, all of
//   them in JSON otlp-tool status CODE MESSAGE DELAY_MS         records out: Status as protobuf and as JSON (a delay of
//   -1: none) otlp-tool response SIGNAL REJECTED MESSAGE     records out: Export*ServiceResponse as protobuf and as
//   JSON otlp-tool read-status, otlp-tool read-response one body in, one line out
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "otlp/json.h"
#include "otlp/json_encode.h"
#include "otlp/repair.h"
#include "otlp/split.h"
#include "otlp/status.h"
#include "otlp/walk.h"

namespace {

using namespace stint;
using namespace stint::otlp;

std::string read_all() {
  std::string text;
  char buffer[1 << 16];
  for (std::size_t size; (size = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) text.append(buffer, size);
  return text;
}

void put(std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); }

void put_number(std::size_t number) {
  const auto value = static_cast<std::uint32_t>(number);
  const char bytes[] = {static_cast<char>(value), static_cast<char>(value >> 8), static_cast<char>(value >> 16),
                        static_cast<char>(value >> 24)};
  put({bytes, 4});
}

void put_record(std::string_view bytes) {
  put_number(bytes.size());
  put(bytes);
}

std::size_t get_number(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

int refuse(std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  return 1;
}

struct Memory {
  BlockPool pool{256u << 20};
  CopyCounters counters;
  Arena arena{pool, counters};

  Slice slice(std::string_view bytes) {
    Block block = pool.allocate(bytes.size()).value();
    bytes.copy(block.data(), bytes.size());
    const std::string_view view(block.data(), bytes.size());
    return Slice(std::move(block), view);
  }
};

int counts(Signal signal) {
  const auto counts = walk(signal, read_all());
  if (!counts) return refuse(describe(counts.error()));
  put(concat(counts->resources, ' ', counts->scopes, ' ', counts->metrics, ' ', counts->items, ' ',
             counts->invalid_utf8, '\n'));
  return 0;
}

int split_input(Signal signal, SplitLimits limits) {
  Memory memory;
  const std::string input = read_all();
  std::vector<Slice> request;
  for (std::string_view rest = input; !rest.empty();) {
    const std::size_t size = get_number(rest);
    request.push_back(memory.slice(rest.substr(4, size)));
    if (const auto walked = walk(signal, request.back().view()); !walked) return refuse(describe(walked.error()));
    rest.remove_prefix(4 + size);
  }
  const auto parts = split(signal, std::move(request), limits, memory.arena);
  if (!parts) return refuse(describe(parts.error()));
  for (const Part& part : *parts) {
    put_number(part.items);
    put_number(part.bytes);
    for (const Slice& slice : part.slices) put(slice.view());
  }
  return 0;
}

int repair_input(Signal signal) {
  Memory memory;
  const auto repaired = repair(signal, memory.slice(read_all()), memory.arena);
  if (!repaired) return refuse(describe(repaired.error()));
  for (const Slice& slice : repaired->slices) put(slice.view());
  return 0;
}

int json_input(Signal signal) {
  Memory memory;
  const std::string input = read_all();
  for (std::string_view rest = input; !rest.empty();) {
    const std::size_t size = get_number(rest);
    std::string refusal;
    const auto request = decode_json(signal, rest.substr(4, size), memory.pool, memory.pool.bytes_max(), refusal);
    put_record(request ? std::string(request->protobuf.view()) : "refused: " + refusal);
    rest.remove_prefix(4 + size);
  }
  return 0;
}

int to_json(Signal signal, bool merged) {
  Memory memory;
  const std::string input = read_all();
  std::vector<Slice> requests;
  for (std::string_view rest = input; !rest.empty();) {
    const std::size_t size = get_number(rest);
    requests.push_back(memory.slice(rest.substr(4, size)));
    rest.remove_prefix(4 + size);
    if (merged && !rest.empty()) continue;
    const auto json = encode_json(signal, requests, memory.pool, memory.pool.bytes_max());
    put_record(json ? std::string(json->view()) : "refused: " + to_string(json.error()));
    requests.clear();
  }
  return 0;
}

int write_status(const char* code, const char* message, long delay_ms) {
  RpcStatus status{.code = static_cast<RpcCode>(std::atoi(code)), .message = message, .retry_delay = std::nullopt};
  if (delay_ms >= 0) status.retry_delay = Milliseconds(delay_ms);
  put_record(encode_status(status));
  put_record(encode_status_json(status));
  return 0;
}

int write_response(Signal signal, long rejected, const char* message) {
  const PartialSuccess partial{.rejected = rejected, .message = message};
  put_record(encode_response(partial));
  put_record(encode_response_json(signal, partial));
  return 0;
}

int read_status() {
  const auto status = decode_status(read_all());
  if (!status) return refuse(describe(status.error()));
  put(concat(static_cast<std::int32_t>(status->code), ' ', status->retry_delay.value_or(Nanoseconds(-1)).count(), ' ',
             status->message, '\n'));
  return 0;
}

int read_response() {
  const auto partial = decode_response(read_all());
  if (!partial) return refuse(describe(partial.error()));
  put(concat(partial->rejected, ' ', partial->message, '\n'));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view command = count > 1 ? arguments[1] : "";
  if (command == "read-status") return read_status();
  if (command == "read-response") return read_response();
  if (command == "status" && count == 5) return write_status(arguments[2], arguments[3], std::atol(arguments[4]));
  const auto signal = parse_signal(count > 2 ? arguments[2] : "");
  if (!signal) return refuse("see the head of otlp_tool.cpp");
  if (command == "counts") return counts(*signal);
  if (command == "json") return json_input(*signal);
  if (command == "to-json" || command == "merge-to-json") return to_json(*signal, command == "merge-to-json");
  if (command == "repair") return repair_input(*signal);
  if (command == "split" && count == 5) {
    return split_input(*signal, {std::strtoul(arguments[3], nullptr, 10), std::strtoul(arguments[4], nullptr, 10)});
  }
  if (command == "response" && count == 5) return write_response(*signal, std::atol(arguments[3]), arguments[4]);
  return refuse("see the head of otlp_tool.cpp");
}
