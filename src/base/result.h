// SPDX-License-Identifier: Apache-2.0
// Expected outcomes. `Result<T>` holds a value or an 8-byte `Error`; its members are named as in std::expected.
// An exception is a bug: nothing here throws, and reading the wrong side is a failed check.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace stint {

/// What happened. `Error::detail` is an errno for `system`, a wait in milliseconds for `retryable` (0: not said;
/// `place`: a back end's status, HTTP's, or below 100 gRPC's; of `permanent` that is the detail), else free for the
/// place that made it.
enum class ErrorCode : std::uint16_t {
  cancelled,          // somebody asked for the end of the operation
  timed_out,          // a timer or deadline passed
  closed,             // the peer ended the stream in an orderly way
  system,             // an errno
  malformed,          // bytes that do not follow their format
  too_large,          // over a limit of size
  too_deep,           // over a limit of nesting
  too_many,           // over a limit of number
  unsupported,        // well-formed, but not something we do
  memory_full,        // the memory for data is used up: try later
  not_found,          // no such name
  in_use,             // address or file taken by another
  retryable,          // the receiver of the data says: later
  permanent,          // the receiver of the data says: never
  unauthenticated,    // credentials missing or wrong
  permission_denied,  // credentials right, right missing
  stopping,           // the component has been stopped
};

struct Error {
  ErrorCode code;
  std::uint16_t place = 0;  // free for the maker: a field number, a line, a step
  std::int32_t detail = 0;

  friend bool operator==(const Error&, const Error&) = default;
};
static_assert(sizeof(Error) == 8);

inline Error system_error(int error_number) { return Error{ErrorCode::system, 0, error_number}; }

/// The code's name as above, for logs and tests.
std::string_view name(ErrorCode code);
/// One line for a person: the name and what `detail` means for it.
std::string to_string(Error error);

/// An owner that hands out views of its bytes says so with a member type of this name.
template <typename T>
concept ShowsOwnBytes = requires { typename T::ShowsOwnBytes; } || std::same_as<T, std::string>;

template <typename T = void>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit as in std::expected
  Result(Error error) : state_(std::in_place_index<1>, error) {}         // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return STINT_CHECK(has_value()), std::get<0>(state_); }
  const T& value() const& { return STINT_CHECK(has_value()), std::get<0>(state_); }
  /// Of a temporary by value, so that `for (auto& x : *f())` or `auto&& x = *f()` refer to what lives on.
  T value() && { return STINT_CHECK(has_value()), std::move(std::get<0>(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() & { return &value(); }
  const T* operator->() const& { return &value(); }
  // Of a temporary, only if it does not hand out views of bytes that end with it.
  template <typename U = T>
    requires(!ShowsOwnBytes<U>)
  U* operator->() && {
    return &value();
  }
  template <typename U = T>
    requires ShowsOwnBytes<U>
  const U* operator->() const&& = delete;
  Error error() const { return STINT_CHECK(!has_value()), std::get<1>(state_); }
  template <typename U>
  T value_or(U&& other) const& {
    return has_value() ? std::get<0>(state_) : static_cast<T>(std::forward<U>(other));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(error), has_value_(false) {}  // NOLINT: implicit as in std::expected

  bool has_value() const { return has_value_; }
  explicit operator bool() const { return has_value_; }
  Error error() const { return STINT_CHECK(!has_value_), error_; }

 private:
  Error error_{};
  bool has_value_ = true;
};

}  // namespace stint
