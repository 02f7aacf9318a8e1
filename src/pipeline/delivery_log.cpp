// SPDX-License-Identifier: Apache-2.0
#include "pipeline/delivery_log.h"

#include <algorithm>

#include "base/log.h"

namespace stint {
namespace {

constexpr std::size_t message_bytes_max = 300;  // of a back end's text in one line of the log

}  // namespace

std::string_view user_agent() {
#if defined(__aarch64__)
  return "Stint/" STINT_VERSION " (linux/arm64)";
#else
  return "Stint/" STINT_VERSION " (linux/amd64)";
#endif
}

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, message_bytes_max));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';
  }
  if (text.size() > message_bytes_max) line.append("...");
  return line;
}

void DeliveryLog::attempt_failed(std::string_view target, std::string_view why) {
  log(failing_ ? LogLevel::debug : LogLevel::warn, id_, ": ", target, ": ", why,
      tries_again_ ? "; will be tried again" : "");
  failing_ = true;
}

void DeliveryLog::delivered(std::string_view target, otlp::Signal signal, std::size_t items,
                            const otlp::PartialSuccess& partial) {
  const std::size_t rejected = std::min(items, static_cast<std::size_t>(std::max<std::int64_t>(partial.rejected, 0)));
  context_.data.delivered += items - rejected;
  if (!partial.empty()) {
    context_.data.drop(DropReason::permanent, rejected);
    const std::string message = one_line(partial.message);
    log(message == last_rejection_ ? LogLevel::debug : LogLevel::warn, id_, ": ", target, ": ", rejected, " ",
        names(signal).items, " rejected: ", message);
    last_rejection_ = message;
  }
  if (failing_) log(LogLevel::info, id_, ": ", target, ": delivered again");
  failing_ = false;
}

void DeliveryLog::ended(const Result<>& result, std::string_view target, otlp::Signal signal, std::size_t items) const {
  if (result || result.error().code != ErrorCode::retryable || !tries_again_) return;
  lost(target, signal, items, "retry_on_failure::max_elapsed_time is over");
}

void DeliveryLog::lost(std::string_view target, otlp::Signal signal, std::size_t items, std::string_view why) const {
  log(LogLevel::error, id_, ": ", items, " ", names(signal).items, " not delivered to ", target, ": ", why);
}

std::size_t RequestBody::size() const {
  std::size_t size = 0;
  for (const Slice& slice : slices) size += slice.size();
  return size;
}

RequestBody make_request_body(Batch batch, wire::Compressor* compressor, ComponentContext& context) {
  RequestBody body;
  if (compressor != nullptr) {
    Result<Slice> compressed = compressor->compress(batch.slices, context.pool, context.copies);
    if (compressed) {
      body.slices.push_back(std::move(*compressed));
      body.compressed = true;
      return body;
    }
  }
  body.slices = std::move(batch.slices);
  return body;
}

}  // namespace stint
