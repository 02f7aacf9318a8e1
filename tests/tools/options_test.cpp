// SPDX-License-Identifier: Apache-2.0
// The command line of local-lambda.
#include "tools/lambda/options.h"

#include <gtest/gtest.h>

namespace stint::platform {
namespace {

using Arguments = std::vector<std::string>;

Arguments with(Arguments more) {
  Arguments arguments = {"--function", "/", "--runtime", "python3 -m  awslambdaric"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Options accepted(const Arguments& arguments) {
  const auto parsed = parse_options(arguments);
  EXPECT_TRUE(std::holds_alternative<Options>(parsed)) << std::get<std::string>(parsed);
  return std::holds_alternative<Options>(parsed) ? std::get<Options>(parsed) : Options{};
}

std::string refused(const Arguments& arguments) {
  const auto parsed = parse_options(arguments);
  return std::holds_alternative<std::string>(parsed) ? std::get<std::string>(parsed) : "";
}

TEST(Options, ReadEverything) {
  const Options options = accepted(with({"--extension",
                                         "/bin/sh",
                                         "--handler=app.run",
                                         "--invocations",
                                         "7",
                                         "--timeout",
                                         "1m30s",
                                         "--gap",
                                         "250ms",
                                         "--memory",
                                         "128",
                                         "--env",
                                         "A=b=c",
                                         "--mode",
                                         "sam",
                                         "--backend-status",
                                         "503,429",
                                         "--backend-delay",
                                         "20",
                                         "--telemetry-delay",
                                         "2s",
                                         "--freeze",
                                         "--seed",
                                         "5",
                                         "--event",
                                         R"({"a":1})",
                                         "--event",
                                         "2"}));
  EXPECT_EQ(options.platform.runtime, (Arguments{"python3", "-m", "awslambdaric", "app.run"}));
  EXPECT_EQ(options.platform.extensions.at(0).name.empty(), false);
  EXPECT_EQ(options.invocations, 7);
  EXPECT_EQ(options.platform.function.timeout, Seconds(90));
  EXPECT_EQ(options.gap, Milliseconds(250));
  EXPECT_EQ(options.platform.function.memory_mb, 128);
  EXPECT_EQ(options.platform.function.environment.at(0), (std::pair<std::string, std::string>("A", "b=c")));
  EXPECT_EQ(options.platform.telemetry, TelemetrySupport::not_supported);
  EXPECT_EQ(options.backend_settings.statuses, (std::vector<int>{503, 429}));
  EXPECT_EQ(options.backend_settings.delay, Milliseconds(20));
  EXPECT_TRUE(options.platform.freeze);
  EXPECT_EQ(options.platform.seed, 5u);
  EXPECT_EQ(options.platform.telemetry_delay, Seconds(2));
  EXPECT_EQ(options.events, (Arguments{R"({"a":1})", "2"}));
}

TEST(Options, KeepAnEmptyEventThatIsGivenFirst) {
  EXPECT_EQ(accepted(with({"--event", "{}", "--event", "1"})).events, (Arguments{"{}", "1"}));
  EXPECT_EQ(accepted(with({})).events, (Arguments{"{}"}));
}

TEST(Options, ReadWhoIsKilledAndWhen) {
  const Options options = accepted(with({"--kill", "extension@3+1.5s", "--kill", "environment@1"}));
  ASSERT_EQ(options.kills.size(), 2u);
  EXPECT_EQ(options.kills[0].victim, Victim::extensions);
  EXPECT_EQ(options.kills[0].invocation, 3);
  EXPECT_EQ(options.kills[0].after, Milliseconds(1500));
  EXPECT_EQ(options.kills[1].victim, Victim::environment);
  EXPECT_EQ(options.kills[1].invocation, 1);
  EXPECT_EQ(options.kills[1].after, Nanoseconds(0));
  for (const char* const wrong : {"", "extension", "@1", "nobody@1", "runtime@0", "runtime@1+", "runtime@+1s",
                                  "runtime@1+1", "runtime+1s@1", "runtime@x"}) {
    EXPECT_NE(refused(with({"--kill", wrong})), "") << wrong;
  }
}

TEST(Options, AllowSeveralInvocationsAtOnceOnManagedInstancesOnly) {
  EXPECT_EQ(accepted(with({"--mode", "managed-instances", "--concurrency", "8"})).platform.concurrency, 8u);
  EXPECT_EQ(accepted(with({"--concurrency", "8", "--mode", "managed-instances"})).platform.concurrency, 8u);
  EXPECT_EQ(accepted(with({"--mode", "managed-instances"})).platform.concurrency, 1u);
  for (const char* const mode : {"on-demand", "snap-start", "sam"}) {
    const std::string wrong = refused(with({"--mode", mode, "--concurrency", "1"}));
    EXPECT_TRUE(wrong.starts_with("--concurrency is for --mode managed-instances")) << wrong;
  }
  EXPECT_NE(refused(with({"--mode", "managed-instances", "--concurrency", "0"})), "");
}

TEST(Options, SayWhatIsWrong) {
  EXPECT_EQ(refused({}), "--function is required");
  EXPECT_EQ(refused({"--function", "/"}), "--runtime is required");
  EXPECT_EQ(refused(with({"--colour"})), "unknown option --colour");
  EXPECT_EQ(refused(with({"--timeout"})), "--timeout wants a value");
  for (const Arguments& wrong :
       {Arguments{"--timeout", "3"}, Arguments{"--timeout", "s"}, Arguments{"--gap", "-1s"},
        Arguments{"--memory", "64"}, Arguments{"--memory", "5x"}, Arguments{"--env", "novalue"},
        Arguments{"--mode", "edge"}, Arguments{"--extension", "/no/such/program"}, Arguments{"--backend-status", "99"},
        Arguments{"--backend-port", "70000"}, Arguments{"--event", "{"}, Arguments{"--invocations", ""}}) {
    EXPECT_NE(refused(with(wrong)), "") << wrong[0] << " " << wrong[1];
  }
}

TEST(Durations, AreLikeGos) {
  EXPECT_EQ(parse_duration("0"), Nanoseconds(0));
  EXPECT_EQ(parse_duration("1.5s"), Milliseconds(1500));
  EXPECT_EQ(parse_duration("1h2m3s4ms5us6ns"), Nanoseconds(3'723'004'005'006));
  EXPECT_FALSE(parse_duration(""));
  EXPECT_FALSE(parse_duration("3"));
  EXPECT_FALSE(parse_duration("3 s"));
}

}  // namespace
}  // namespace stint::platform
