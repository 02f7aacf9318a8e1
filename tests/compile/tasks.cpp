// SPDX-License-Identifier: Apache-2.0
// Tasks: none is dropped without being awaited, none is awaited twice, and what a task yields cannot be forgotten. What
// stands between #ifdef WRONG and #endif must be refused, with these words at these lines, beside its right twin.
#include "runtime/scope.h"
#include "runtime/stream.h"

namespace stint {

Task<Result<>> write_all();
Task<> work();

Task<Result<>> results(Stream& stream, char* data) {
  const Result<> written = co_await write_all();
#ifdef WRONG
  co_await write_all();              // expected-error {{ignoring return value of function declared with 'nodiscard'}}
  co_await stream.receive(data, 1);  // expected-error {{ignoring return value of function declared with 'nodiscard'}}
#endif
  const Result<std::size_t> received = co_await stream.receive(data, 1);
  (void)co_await write_all();
  co_return written;
}

Task<> dropped() {
  co_await work();
#ifdef WRONG
  work();  // expected-error {{ignoring return value of function declared with 'nodiscard'}}
#endif
  Task<> named = work();
  co_await std::move(named);
}

Task<> awaited_twice() {
  Task<> task = work();
#ifdef WRONG
  co_await task;  // expected-error {{deleted constructor}}
#endif
  co_await std::move(task);
}

Task<> spawned(Runtime& runtime) {
  Scope scope(runtime);
  Task<> task = work();
#ifdef WRONG
  scope.spawn(task);           // expected-error {{deleted constructor}}
  const Scope second = scope;  // expected-error {{deleted constructor}}
  scope.spawn(write_all());    // expected-error {{no viable conversion}}
#endif
  scope.spawn(std::move(task));
  co_await scope.join();
}

void handles(Stream stream, Runtime& runtime) {
  const Stream moved = std::move(stream);
#ifdef WRONG
  const Stream copied = moved;     // expected-error {{implicitly-deleted copy constructor}}
  const Runtime second = runtime;  // expected-error {{deleted constructor}}
#endif
  (void)runtime;
}

}  // namespace stint
