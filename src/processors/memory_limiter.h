// SPDX-License-Identifier: Apache-2.0
// `memory_limiter`: refuses what comes while more than the soft limit of data is inside; its sender comes again later.
// The program knows at each request how many bytes its data takes, so nothing is measured from time to time, and there
// is nothing to collect. It counts no other memory of the process: that is small, and does not grow with the data.
#pragma once

#include <string>

#include "pipeline/component.h"

namespace stint {

struct MemoryLimiterConfig {
  Nanoseconds check_interval{};
  std::uint32_t limit_mib = 0;
  std::uint32_t spike_limit_mib = 0;
  std::uint32_t limit_percentage = 0;
  std::uint32_t spike_limit_percentage = 0;

  void validate(const config::Report& report);
  /// From how many bytes of data on nothing is accepted. `memory_bytes`: of all that percentages are parts of.
  std::uint64_t soft_limit_bytes(std::uint64_t memory_bytes) const;
};

/// The function's memory; outside of Lambda that of the container, or else of the machine.
std::uint64_t memory_bytes_of_all(const config::Environment& environment, const config::Files& files);

class MemoryLimiterProcessor final : public Processor {
 public:
  using Config = MemoryLimiterConfig;

  MemoryLimiterProcessor(ComponentContext& context, std::string id, Config config, otlp::Signal signal, Consumer* next);

  /// Fails also: memory_full.
  Task<Result<>> consume(Batch batch) override;
  Activity activity() const override { return next_.activity(); }
  /// What was accepted is never refused: it would be lost.
  std::string_view follow_acceptance() override;

 private:
  std::size_t bytes_besides(const Batch& batch) const;
  void tell(bool refuses, std::size_t bytes);

  ComponentContext& context_;
  std::string id_;
  Consumer& next_;
  Nanoseconds check_interval_;
  std::uint64_t soft_limit_;
  MonotonicTime tell_after_{};
  bool is_refusing_ = false;
  bool is_told_ = false;
  bool follows_acceptance_ = false;
};

constexpr auto fields_of(MemoryLimiterConfig*) {
  using Config = MemoryLimiterConfig;
  return config::fields(
      config::field<&Config::check_interval>(
          "check_interval", "must be given, above 0; each request is checked, and this often at most it is said"),
      config::field<&Config::limit_mib>("limit_mib",
                                        "data inside the collector, in MiB; without effect above the memory for data"),
      config::field<&Config::spike_limit_mib>(
          "spike_limit_mib", "at limit_mib less this nothing more is accepted; 0: a fifth of limit_mib"),
      config::field<&Config::limit_percentage>("limit_percentage",
                                               "the same as a part of the function's memory; limit_mib goes before it"),
      config::field<&Config::spike_limit_percentage>("spike_limit_percentage",
                                                     "as spike_limit_mib; 0: a fifth of limit_percentage"),
      config::accepted<Nanoseconds>("min_gc_interval_when_soft_limited", "without effect: memory comes back at once"),
      config::accepted<Nanoseconds>("min_gc_interval_when_hard_limited", "without effect"),
      config::accepted<Nanoseconds>("max_gc_interval_when_soft_limited", "without effect"),
      config::accepted<Nanoseconds>("max_gc_interval_when_hard_limited", "without effect"));
}

}  // namespace stint
