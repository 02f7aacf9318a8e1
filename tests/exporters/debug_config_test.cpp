// SPDX-License-Identifier: Apache-2.0
// The keys of debug and logging, and what is said of wrong and of old ones.
#include <gtest/gtest.h>

#include "config/decoded.h"
#include "exporters/debug.h"

namespace stint {
namespace {

using config::Decoded;
using debug_text::Verbosity;

TEST(DebugConfigTest, HasTheReferencesDefaults) {
  EXPECT_TRUE(config::defaults_suffice<DebugConfig>());
  const DebugConfig config;
  EXPECT_EQ(config.verbosity, Verbosity::basic);
  EXPECT_EQ(config.sampling_initial, 2);
  EXPECT_EQ(config.sampling_thereafter, 1);
  EXPECT_TRUE(config.use_internal_logger);
}

TEST(DebugConfigTest, TakesEveryKey) {
  const Decoded<DebugConfig> decoded(
      "verbosity: Detailed\nsampling_initial: 5\nsampling_thereafter: 200\nuse_internal_logger: false\n"
      "output_paths: [stderr, /tmp/x]\nsending_queue:\n  enabled: true\n  queue_size: 7\n");
  EXPECT_TRUE(decoded.good);
  EXPECT_EQ(decoded.said, "");
  EXPECT_EQ(decoded.config.verbosity, Verbosity::detailed);
  EXPECT_EQ(decoded.config.sampling_initial, 5);
  EXPECT_EQ(decoded.config.sampling_thereafter, 200);
  EXPECT_FALSE(decoded.config.use_internal_logger);
  EXPECT_EQ(decoded.config.output_paths, (config::TextList{"stderr", "/tmp/x"}));
}

TEST(DebugConfigTest, RefusesWhatTheReferenceRefuses) {
  for (const char* const text : {"verbosity: none", "verbosity: loud", "loglevel: debug", "output_paths: [stdout]",
                                 "use_internal_logger: false\noutput_paths: []", "sampling_initial: many"}) {
    const Decoded<DebugConfig> decoded(text);
    EXPECT_FALSE(decoded.good) << text;
    EXPECT_NE(decoded.said, "") << text;
  }
  EXPECT_EQ(Decoded<DebugConfig>("output_paths: [stdout]").said,
            "c.yaml:1: output_paths: works only with use_internal_logger: false");
}

TEST(LoggingConfigTest, TakesItsOldLevelsForVerbosity) {
  const std::pair<const char*, Verbosity> levels[] = {{"debug", Verbosity::detailed}, {"info", Verbosity::normal},
                                                      {"warn", Verbosity::basic},     {"error", Verbosity::basic},
                                                      {"panic", Verbosity::basic},    {"DEBUG", Verbosity::detailed}};
  for (const auto& [level, verbosity] : levels) {
    const Decoded<LoggingConfig> decoded(std::string("loglevel: ") + level);
    EXPECT_TRUE(decoded.good) << level;
    EXPECT_EQ(decoded.config.verbosity, verbosity) << level;
  }
}

TEST(LoggingConfigTest, WarnsOnceAndNamesTheNewWay) {
  EXPECT_EQ(Decoded<LoggingConfig>("loglevel: debug").said,
            "warning: c.yaml:1: 'logging' is the old name of the exporter 'debug'; write 'debug:' with 'verbosity: "
            "detailed' in place of 'loglevel'");
  const Decoded<LoggingConfig> plain("sampling_initial: 3");
  EXPECT_EQ(plain.said,
            "warning: c.yaml:1: 'logging' is the old name of the exporter 'debug'; write 'debug:' with 'verbosity: "
            "normal'");
  EXPECT_EQ(plain.config.verbosity, Verbosity::normal);
  EXPECT_EQ(plain.config.sampling_thereafter, 500);
}

TEST(LoggingConfigTest, RefusesLevelAndVerbosityTogether) {
  const Decoded<LoggingConfig> decoded("loglevel: debug\nverbosity: basic\n");
  EXPECT_FALSE(decoded.good);
  EXPECT_EQ(decoded.said, "c.yaml:1: loglevel: does not go together with verbosity; keep verbosity only");
}

}  // namespace
}  // namespace stint
