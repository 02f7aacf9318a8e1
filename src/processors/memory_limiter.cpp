// SPDX-License-Identifier: Apache-2.0
#include "processors/memory_limiter.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"

namespace stint {
namespace {

constexpr std::uint64_t mib = 1u << 20;
// Of version 2 and version 1.
constexpr const char* container_limits[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};

// A number at the beginning of `text`; 0: there is none ("max").
std::uint64_t leading_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? number : 0;
}

std::uint64_t memory_of_machine() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return 0;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
}

Task<Result<>> refused() { co_return Error{ErrorCode::memory_full}; }

}  // namespace

void MemoryLimiterConfig::validate(const config::Report& report) {
  if (check_interval == Nanoseconds::zero()) report.error("check_interval", "must be greater than zero");
  if (limit_mib == 0 && limit_percentage == 0) {
    report.error("", "limit_mib or limit_percentage must be greater than zero");
  }
  if (limit_percentage > 100) report.error("limit_percentage", "must be at most 100");
  if (spike_limit_percentage > 100) report.error("spike_limit_percentage", "must be at most 100");
  if (limit_mib > 0 && spike_limit_mib >= limit_mib) {
    report.error("spike_limit_mib", concat("must be smaller than limit_mib (", limit_mib, ")"));
  }
  if (limit_percentage > 0 && spike_limit_percentage >= limit_percentage) {
    report.error("spike_limit_percentage", concat("must be smaller than limit_percentage (", limit_percentage, ")"));
  }
}

std::uint64_t MemoryLimiterConfig::soft_limit_bytes(std::uint64_t memory_bytes) const {
  const bool is_fixed = limit_mib > 0;
  const std::uint64_t unit = is_fixed ? mib : memory_bytes / 100;
  const std::uint64_t limit = unit * (is_fixed ? limit_mib : limit_percentage);
  const std::uint64_t spike = unit * (is_fixed ? spike_limit_mib : spike_limit_percentage);
  return limit - (spike > 0 ? spike : limit / 5);
}

std::uint64_t memory_bytes_of_all(const config::Environment& environment, const config::Files& files) {
  if (const auto text = environment.lookup("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")) {
    if (const std::uint64_t size = leading_number(*text); size > 0) return size * mib;
  }
  const std::uint64_t machine = memory_of_machine();
  for (const char* const path : container_limits) {
    const Result<std::string> content = files.read(path);
    if (!content) continue;
    // Without a limit it is a number larger than any machine.
    if (const std::uint64_t size = leading_number(*content); size > 0 && size < machine) return size;
  }
  return machine;
}

MemoryLimiterProcessor::MemoryLimiterProcessor(ComponentContext& context, std::string id, Config config, otlp::Signal,
                                               Consumer* next)
    : context_(context),
      id_(std::move(id)),
      next_(*next),
      check_interval_(config.check_interval),
      soft_limit_(config.soft_limit_bytes(
          config.limit_mib > 0 ? 0 : memory_bytes_of_all(context.environment, config::SystemFiles()))) {}

std::string_view MemoryLimiterProcessor::follow_acceptance() {
  follows_acceptance_ = true;
  return "refuses nothing here, where all has been accepted before; write it first";
}

// The request itself does not count: however large, it is taken when it finds little.
std::size_t MemoryLimiterProcessor::bytes_besides(const Batch& batch) const {
  const std::size_t all = context_.pool.bytes_in_use();
  if (batch.slices.size() != 1 || !batch.slices.front().block()) return all;
  return all - std::min(all, batch.slices.front().block().capacity());
}

Task<Result<>> MemoryLimiterProcessor::consume(Batch batch) {
  if (!follows_acceptance_) {
    const std::size_t bytes = bytes_besides(batch);
    const bool refuses = bytes >= soft_limit_;
    if (refuses != is_refusing_) tell(refuses, bytes);
    if (refuses) return refused();
  }
  return next_.consume(std::move(batch));
}

// Both ends of a time of refusal are told, or neither.
void MemoryLimiterProcessor::tell(bool refuses, std::size_t bytes) {
  is_refusing_ = refuses;
  if (!refuses) {
    if (is_told_)
      log(LogLevel::info, "processors::", id_, ": ", bytes, " bytes of data are inside: all is taken again");
    is_told_ = false;
    return;
  }
  const MonotonicTime now = context_.runtime.now();
  if (now < tell_after_) return;
  is_told_ = true;
  tell_after_ = now + check_interval_;
  log(LogLevel::warn, "processors::", id_, ": ", bytes, " bytes of data are inside, the soft limit is ", soft_limit_,
      ": what comes is refused until it is less");
}

}  // namespace stint
