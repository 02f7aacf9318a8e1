// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/runtime_api.h"

#include <array>
#include <utility>

#include "base/log.h"
#include "tools/lambda/json_value.h"

namespace stint::platform {
namespace {

constexpr std::string_view invocation_prefix = "/invocation/";
constexpr std::string_view error_type_header = "Lambda-Runtime-Function-Error-Type";
constexpr std::string_view response_mode_header = "Lambda-Runtime-Function-Response-Mode";

std::string header_or(const Request& request, std::string_view name, std::string_view fallback) {
  const std::string* const value = request.header(name);
  return value == nullptr || value->empty() ? std::string(fallback) : *value;
}

std::string trailer(const Request& request, std::string_view name) {
  for (const Header& header : request.trailers) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

// Said in the header; some clients say it in the body alone.
std::string reported_error_type(const Request& request) {
  constexpr std::string_view unknown = "Function.Unknown";
  std::string type = header_or(request, error_type_header, unknown);
  if (type != unknown) return type;
  const std::optional<JsonValue> body = parse_json(request.body);
  const JsonValue* const said = body ? body->member("errorType") : nullptr;
  return said != nullptr && !said->text.empty() ? said->text : type;
}

// `{id}/response` → id and what is asked.
std::pair<std::string_view, std::string_view> split_invocation(std::string_view rest) {
  const std::size_t slash = rest.find('/');
  return slash == rest.npos ? std::pair(rest, std::string_view())
                            : std::pair(rest.substr(0, slash), rest.substr(slash));
}

}  // namespace

std::string_view name(RuntimeState state) {
  constexpr std::array<std::string_view, 6> names = {"Started",      "Ready",     "Running",
                                                     "ResponseSent", "InitError", "RestoreReady"};
  return names[static_cast<std::size_t>(state)];
}

void RuntimeApi::reset() {
  state_ = RuntimeState::started;
  held_.clear();
  for (auto& [id, run] : runs_) run.answered = true;
}

RuntimeApi::Run* RuntimeApi::find(std::string_view request_id) {
  const auto found = runs_.find(request_id);
  return found == runs_.end() ? nullptr : &found->second;
}

RuntimeApi::Run* RuntimeApi::running(std::string_view request_id) {
  Run* const run = find(request_id);
  return run == nullptr || run->answered ? nullptr : run;
}

void RuntimeApi::refuse_transition(CallId call, std::string_view to) {
  calls_.answer(call, error_answer(403, "InvalidStateTransition",
                                   concat("State transition from ", name(state_), " to ", to,
                                          " failed for runtime. Error: State transition is not allowed")));
}

void RuntimeApi::started(CallId call, std::string_view operation, Now now) {
  if (!operation.starts_with(invocation_prefix)) return;
  const auto [id, what] = split_invocation(operation.substr(invocation_prefix.size()));
  Run* const run = running(id);
  if (run == nullptr || (what != "/response" && what != "/error")) return;
  run->responding = call;
  listener_.response_started(run->invocation.request_id, now);
}

bool RuntimeApi::handle(CallId call, std::string_view operation, const Request& request, Now now) {
  const bool get = request.method == "GET", post = request.method == "POST";
  if (operation == "/invocation/next" && get) return next(call, now), true;
  if (operation == "/restore/next" && get) return restore_next(call, now), true;
  if (operation == "/init/error" && post) return init_error(call, request, now), true;
  if (operation == "/restore/error" && post) return init_error(call, request, now), true;
  if (operation.starts_with(invocation_prefix) && post) {
    operation.remove_prefix(invocation_prefix.size());
    if (operation.ends_with("/response") || operation.ends_with("/error")) {
      return invocation(call, operation, request, now), true;
    }
  }
  return false;
}

void RuntimeApi::next(CallId call, Now now) {
  if (state_ == RuntimeState::running) {  // asks again: the same event
    return calls_.answer(call, invocation_answer(runs_.begin()->second));
  }
  if (state_ == RuntimeState::init_error) return refuse_transition(call, "Ready");
  const bool again = state_ == RuntimeState::ready && !several_at_once();
  if (again && !held_.empty()) {
    calls_.answer(held_.front(), error_answer(403, "InvalidStateTransition", "next was called again"));
  }
  if (!several_at_once()) held_.clear();
  state_ = RuntimeState::ready;
  held_.push_back(call);
  if (!again) listener_.runtime_ready(now);
}

void RuntimeApi::restore_next(CallId call, Now now) {
  if (settings_.mode != Mode::snap_start) {
    return calls_.answer(call, Answer{404, {{"Content-Type", "text/plain"}}, "404 page not found\n"});
  }
  if (state_ != RuntimeState::started) return refuse_transition(call, "RestoreReady");
  state_ = RuntimeState::restore_ready;
  held_.push_back(call);
  listener_.runtime_restore_ready(now);
}

void RuntimeApi::restore() {
  state_ = RuntimeState::started;
  answer_held(json_answer(200, "{}"));
}

void RuntimeApi::answer_held(Answer answer) {
  if (held_.empty()) return;  // its caller is gone
  calls_.answer(held_.front(), std::move(answer));
  held_.pop_front();
}

void RuntimeApi::invocation(CallId call, std::string_view rest, const Request& request, Now now) {
  const auto [id, what] = split_invocation(rest);
  if (Run* const run = running(id)) {
    if (run->responding != call) {
      run->responding = call;
      listener_.response_started(run->invocation.request_id, now);
    }
    return respond(call, *run, what == "/error", request, now);
  }
  // A second answer to the current one; with several at once what has been answered is forgotten.
  if (find(id) != nullptr && !several_at_once()) {
    return refuse_transition(call, what == "/error" ? "InvocationErrorResponse" : "InvocationResponse");
  }
  calls_.answer(call, error_answer(400, "InvalidRequestID", "Invalid request ID"));
}

void RuntimeApi::respond(CallId call, Run& run, bool error, const Request& request, Now now) {
  const std::string mode = header_or(request, response_mode_header, "");
  run.responding.reset();
  run.answered = true;
  if (!several_at_once()) state_ = RuntimeState::response_sent;
  RuntimeResponse response{request.body, {}, false};
  if (!error && !mode.empty() && mode != "streaming") {
    calls_.answer(call, error_answer(400, "InvalidFunctionResponseMode", "Invalid function response mode"));
    response = RuntimeResponse{"", "Runtime.InvalidResponseModeHeader", false};
  } else if (!error && mode.empty() && request.body.size() > settings_.response_bytes_max) {
    calls_.answer(call, error_answer(413, "RequestEntityTooLarge",
                                     concat("Exceeded maximum allowed payload size (", settings_.response_bytes_max,
                                            " bytes).")));
    response = RuntimeResponse{"", "Function.ResponseSizeTooLarge", true};
  } else {
    if (error) response.error_type = reported_error_type(request);
    if (!error) response.error_type = trailer(request, error_type_header);
    calls_.answer(call, accepted_answer());
  }
  listener_.response_done(run.invocation.request_id, std::move(response), now);
}

void RuntimeApi::init_error(CallId call, const Request& request, Now now) {
  if (state_ != RuntimeState::started) return refuse_transition(call, "InitError");
  state_ = RuntimeState::init_error;
  calls_.answer(call, accepted_answer());
  listener_.runtime_init_error(header_or(request, error_type_header, "Function.Unknown"), now);
}

void RuntimeApi::call_closed(CallId call) {
  std::erase(held_, call);
  for (auto& [id, run] : runs_) {
    if (run.responding == call) run.responding.reset();
  }
}

Answer RuntimeApi::invocation_answer(const Run& run) const {
  const Function& function = settings_.function;
  const Invocation& invocation = run.invocation;
  const auto deadline_ms = std::chrono::duration_cast<Milliseconds>(run.deadline.time_since_epoch()).count();
  Answer answer = json_answer(200, invocation.event);
  answer.headers.push_back({"Lambda-Runtime-Aws-Request-Id", invocation.request_id});
  answer.headers.push_back({"Lambda-Runtime-Deadline-Ms", std::to_string(deadline_ms)});
  answer.headers.push_back({"Lambda-Runtime-Invoked-Function-Arn", function.arn()});
  if (!run.trace_header.empty()) answer.headers.push_back({"Lambda-Runtime-Trace-Id", run.trace_header});
  if (!invocation.client_context.empty()) {
    answer.headers.push_back({"Lambda-Runtime-Client-Context", invocation.client_context});
  }
  return answer;
}

void RuntimeApi::send(const Invocation& invocation, std::string trace_header, EpochTime deadline) {
  STINT_CHECK(wants_one());
  std::erase_if(runs_, [](const auto& entry) { return entry.second.answered; });
  const auto sent =
      runs_.insert_or_assign(invocation.request_id, Run{invocation, std::move(trace_header), deadline, {}});
  if (!several_at_once()) state_ = RuntimeState::running;
  answer_held(invocation_answer(sent.first->second));
}

}  // namespace stint::platform
