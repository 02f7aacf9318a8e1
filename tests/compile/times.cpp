// SPDX-License-Identifier: Apache-2.0
// Times: the two clocks do not mix, and a bare number is no duration. What stands between #ifdef WRONG and #endif must
// be refused, with these words at these lines; its right twin is beside it.
#include "base/time.h"
#include "runtime/runtime.h"

namespace stint {

void clocks(Runtime& runtime) {
  MonotonicTime now = runtime.now();
  EpochTime epoch_now = runtime.epoch_now();
#ifdef WRONG
  MonotonicTime wrong_now = runtime.epoch_now();  // expected-error {{no viable conversion}}
  EpochTime wrong_epoch = runtime.now();          // expected-error {{no viable conversion}}
#endif
  now = runtime.now();
#ifdef WRONG
  now = epoch_now;  // expected-error {{no viable overloaded '='}}
#endif
  const bool later = now > runtime.now();
#ifdef WRONG
  const bool mixed = now > epoch_now;  // expected-error {{invalid operands to binary expression}}
#endif
  const Nanoseconds passed = runtime.now() - now;
#ifdef WRONG
  const Nanoseconds wrong_passed = epoch_now - now;  // expected-error {{invalid operands to binary expression}}
#endif
  (void)later, (void)passed, (void)epoch_now;
}

void deadlines(Runtime& runtime, Deadline deadline) {
  const Nanoseconds left = deadline.remaining(runtime.epoch_now());
#ifdef WRONG
  const Nanoseconds wrong_left = deadline.remaining(runtime.now());  // expected-error {{no viable conversion}}
#endif
  const MonotonicTime at = runtime.monotonic(deadline);
#ifdef WRONG
  const MonotonicTime wrong_at = deadline.at;  // expected-error {{no viable conversion}}
#endif
  (void)left, (void)at;
}

Task<> durations(Runtime& runtime, TimerNode& node) {
  const Result<> slept = co_await runtime.sleep(Milliseconds(5));
  const Result<> until = co_await runtime.sleep_until(runtime.now() + Milliseconds(5));
#ifdef WRONG
  const Result<> number = co_await runtime.sleep(5);                         // expected-error {{no viable conversion}}
  const Result<> fraction = co_await runtime.sleep(0.5);                     // expected-error {{no viable conversion}}
  const Result<> epoch = co_await runtime.sleep_until(runtime.epoch_now());  // expected-error {{no viable conversion}}
#endif
  runtime.timers().arm(node, runtime.now());
#ifdef WRONG
  runtime.timers().arm(node, runtime.epoch_now());  // expected-error {{no viable conversion}}
#endif
  const Milliseconds coarse = std::chrono::duration_cast<Milliseconds>(runtime.now().time_since_epoch());
#ifdef WRONG
  const Milliseconds lossy = runtime.now().time_since_epoch();  // expected-error {{no viable conversion}}
#endif
  (void)coarse;
}

}  // namespace stint
