// SPDX-License-Identifier: Apache-2.0
#include "receivers/otlp_intake.h"

#include "base/arena.h"
#include "otlp/repair.h"
#include "pipeline/invocation_watch.h"

namespace stint {
namespace {

// Where nothing says how long: a sender over gRPC gives up without a delay when it is throttled.
constexpr Nanoseconds default_delay = Seconds(1);

constexpr int too_many_requests = 429;

// A back end's status, as Error says: HTTP's, or below 100 gRPC's, which is handed on as it is.
bool is_rpc_code(int status) { return status > 0 && status < 100; }

// Source: the reference, GetHTTPStatusCodeFromStatus.
int http_status_of(otlp::RpcCode code) {
  using enum otlp::RpcCode;
  switch (code) {
    case cancelled:
    case deadline_exceeded:
    case aborted:
    case out_of_range:
    case unavailable:
    case data_loss: return 503;
    case resource_exhausted: return too_many_requests;
    case invalid_argument: return 400;
    case unauthenticated: return 401;
    case permission_denied: return 403;
    case unimplemented: return 404;
    default: return 500;
  }
}

OtlpRefusal for_good(int status) {
  switch (status) {
    case 0: return {500, otlp::RpcCode::internal, std::nullopt};
    case 400: return {400, otlp::RpcCode::invalid_argument, std::nullopt};
    case 404: return {404, otlp::RpcCode::unimplemented, std::nullopt};
    default: break;
  }
  if (!is_rpc_code(status)) return {500, otlp::RpcCode::unknown, std::nullopt};
  const auto code = static_cast<otlp::RpcCode>(status);
  return {http_status_of(code), code, std::nullopt};
}

OtlpRefusal for_now(Error error) {
  auto code = otlp::RpcCode::unavailable;
  if (is_rpc_code(error.place)) code = static_cast<otlp::RpcCode>(error.place);
  if (error.place == too_many_requests) code = otlp::RpcCode::resource_exhausted;
  std::optional<Nanoseconds> delay;
  if (error.detail > 0) delay = Milliseconds(error.detail);
  if (code == otlp::RpcCode::resource_exhausted) delay = delay.value_or(default_delay);
  return {http_status_of(code), code, delay};
}

}  // namespace

OtlpRefusal refusal_of(Error error) {
  switch (error.code) {
    case ErrorCode::unauthenticated: return {401, otlp::RpcCode::unauthenticated, std::nullopt};
    case ErrorCode::permission_denied: return {403, otlp::RpcCode::permission_denied, std::nullopt};
    case ErrorCode::permanent: return for_good(error.detail);
    case ErrorCode::retryable: return for_now(error);
    case ErrorCode::memory_full: return {503, otlp::RpcCode::resource_exhausted, default_delay};
    default: return {};
  }
}

Result<Batch> OtlpIntake::to_batch(otlp::Signal signal, Slice request, const otlp::Counts& counts) {
  if (counts.invalid_utf8 == 0) return Batch(signal, std::move(request), counts.items);
  Arena arena(context_.pool, context_.copies);
  Result<otlp::Repaired> repaired = otlp::repair(signal, request, arena);
  if (!repaired) return repaired.error();
  context_.data.repaired_strings += repaired->strings;
  Result<Slice> whole = arena.gather(repaired->slices);
  if (!whole) return whole.error();
  return Batch(signal, std::move(*whole), counts.items);
}

Task<Result<>> OtlpIntake::take(otlp::Signal signal, Slice request, otlp::Counts counts,
                                std::shared_ptr<const Metadata> metadata) {
  if (counts.items == 0) co_return Result<>();
  if (context_.pool.is_nearly_full()) co_return Error{ErrorCode::memory_full};
  InvocationWatch* const watch = context_.watch;
  if (watch != nullptr && watch->is_watching()) watch->see(signal, request.view());
  Result<Batch> batch = to_batch(signal, std::move(request), counts);
  if (!batch) co_return batch.error();
  batch->metadata = std::move(metadata);
  const Result<> consumed = co_await next_[static_cast<std::size_t>(signal)]->consume(std::move(*batch));
  if (consumed) context_.data.accepted += counts.items;
  if (watch != nullptr) watch->answer();
  co_return consumed;
}

}  // namespace stint
