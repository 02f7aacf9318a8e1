// SPDX-License-Identifier: Apache-2.0
// The Extensions API and the subscription to the Telemetry API, over one connection on which one call follows the
// other. The connection is kept on plain reads, so that in every loop the answer to an outstanding `next` stays in the
// socket until it is read. It has memory of its own: data that fills the memory for data must not keep events from
// coming.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/block.h"
#include "base/counters.h"
#include "lambda/handover.h"
#include "lambda/registration.h"
#include "net/http_response.h"
#include "runtime/stream.h"

namespace stint::lambda {

constexpr std::string_view next_path = "/2020-01-01/extension/event/next";
constexpr std::string_view identifier_header = "Lambda-Extension-Identifier";

/// What `register` was answered with. Absent texts are empty.
struct Registration {
  std::string identifier;
  std::string function_name;
  std::string function_version;
  std::string handler;
  std::string account_id;  // 12 digits, leading zeros kept
};

struct Event {
  enum class Kind : std::uint8_t { invoke, shutdown, unknown };
  Kind kind = Kind::unknown;
  std::string type;  // as sent
  std::optional<Deadline> deadline;
  std::string request_id;
  std::string function_arn;
  std::string trace;   // the X-Ray header's value; empty when not sent
  std::string reason;  // of a shutdown: spindown, timeout, failure
};

struct TelemetrySubscription {
  std::span<const std::string_view> types;  // platform, function, extension
  std::string_view schema_version;
  std::string uri;
};
enum class Subscribed : std::uint8_t { yes, not_supported };

class ExtensionApi {
 public:
  /// Takes the connection on which `register` was written. Borrows: runtime, and `handover`, which is kept current
  /// from now on; null: nobody would take our place.
  ExtensionApi(Runtime& runtime, ApiEndpoint endpoint, Handle connection, Handover* handover = nullptr);
  ExtensionApi(const ExtensionApi&) = delete;
  ExtensionApi& operator=(const ExtensionApi&) = delete;

  /// Reads the answer to `register`. Once, before all other calls.
  /// Fails: permanent (the platform refused, detail: HTTP status; its error is in the log), timed_out, cancelled,
  /// closed, malformed, system.
  Task<Result<Registration>> finish_register();

  /// Source: Lambda Telemetry API, PUT /2022-07-01/telemetry. 202 and 404 mean that there is none here.
  /// Fails: as finish_register().
  Task<Result<Subscribed>> subscribe(TelemetrySubscription subscription);

  /// The next event. Suspends: for milliseconds or for hours, without a time-out; the process is frozen meanwhile.
  /// Requires: no other call is under way. It is never sent twice: the platform refuses a second one while the first
  /// may still be outstanding. Fails: as finish_register().
  Task<Result<Event>> next();

  /// Reports a failure, after which the process has to end: `init` between register and the first next, `exit` later.
  /// `type` is a class such as "Extension.ConfigError"; the text goes in the body. Fails: as finish_register().
  Task<Result<>> init_error(std::string type, std::string message);
  Task<Result<>> exit_error(std::string type, std::string message);

 private:
  struct Call {
    std::string_view method, path;
    std::string_view error_type;  // for the header of that name
    std::string body;
    Handover::Stage stage = Handover::Stage::registered;  // while the answer is to come
  };
  Task<Result<net::HttpResponse>> call(Call request, Nanoseconds timeout);
  Task<Result<net::HttpResponse>> read_answer(std::string_view path, MonotonicTime end, Handover::Stage stage);
  Task<Result<>> wait_for_answer(Handover::Stage stage, MonotonicTime end);
  Task<Result<>> make_sure_of_connection(Nanoseconds timeout);
  Task<Result<>> report_error(std::string_view path, std::string type, std::string message);

  Runtime& runtime_;
  ApiEndpoint endpoint_;
  BlockPool pool_;
  CopyCounters copies_;
  std::unique_ptr<net::HttpConnection> connection_;
  MonotonicTime last_used_{};
  std::string identifier_;
  bool busy_ = false;
  Handle handle_;  // of the connection
  Handover* handover_;
};

/// `text` with every byte that cannot stand in a header's value as '_', at most 200 bytes; "Extension.Error" when
/// empty.
std::string error_type_header_value(std::string_view text);
/// Fails: malformed, too_deep.
Result<Event> parse_event(std::string_view body);

}  // namespace stint::lambda
