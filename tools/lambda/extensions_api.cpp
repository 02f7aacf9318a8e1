// SPDX-License-Identifier: Apache-2.0
#include "tools/lambda/extensions_api.h"

#include <array>

#include "base/log.h"
#include "tools/lambda/json_value.h"
#include "tools/lambda/json_writer.h"

namespace stint::platform {
namespace {

constexpr std::string_view error_type_header = "Lambda-Extension-Function-Error-Type";

struct Registration {
  bool invoke = false, shutdown = false;
  std::string bad_event;  // the first event that is none
  std::string malformed;  // what is wrong with the body
};

Registration parse_registration(std::string_view body) {
  Registration registration;
  const std::optional<JsonValue> document = parse_json(body);
  if (!document || !document->is(JsonValue::Kind::object)) {
    registration.malformed = "the body must be a JSON object";
    return registration;
  }
  const JsonValue* const keys = document->member("configurationKeys");
  if (keys != nullptr && !keys->items.empty()) {
    registration.malformed = "configurationKeys are deprecated; use environment variables instead";
    return registration;
  }
  const JsonValue* const events = document->member("events");
  if (events == nullptr) return registration;
  if (!events->is(JsonValue::Kind::array)) {
    registration.malformed = "events must be an array";
    return registration;
  }
  for (const JsonValue& event : events->items) {
    const std::string text = event.is(JsonValue::Kind::string) ? event.text : "";
    if (text == "INVOKE") {
      registration.invoke = true;
    } else if (text == "SHUTDOWN") {
      registration.shutdown = true;
    } else if (registration.bad_event.empty()) {
      registration.bad_event = text.empty() ? "(not a string)" : text;
    }
  }
  return registration;
}

// The event that this kind of extension may not ask for, and why; empty: none.
std::string refused_event(const Registration& registration, bool external, Mode mode) {
  if (!registration.bad_event.empty()) return registration.bad_event + ": no such event";
  const bool managed = mode == Mode::managed_instances;
  if (registration.invoke && managed) return "INVOKE: not available on managed instances";
  if (registration.shutdown && !external) return "SHUTDOWN: not available to internal extensions";
  return {};
}

bool accepts_account_id(const Request& request) {
  const std::string* const header = request.header("Lambda-Extension-Accept-Feature");
  std::string_view rest = header == nullptr ? std::string_view() : std::string_view(*header);
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view feature = rest.substr(0, comma);
    while (feature.starts_with(' ')) feature.remove_prefix(1);
    while (feature.ends_with(' ')) feature.remove_suffix(1);
    if (feature == "accountId") return true;
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
  }
  return false;
}

}  // namespace

std::string_view name(ExtensionState state) {
  constexpr std::array<std::string_view, 9> names = {"Started",   "Registered",  "Ready",  "Running",       "InitError",
                                                     "ExitError", "LaunchError", "Exited", "ShutdownFailed"};
  return names[static_cast<std::size_t>(state)];
}

Extension& ExtensionsApi::add_external(const std::string& name) {
  Extension& extension = extensions_.emplace_back();
  extension.name = name;
  extension.id = identifiers_.uuid();
  return extension;
}

void ExtensionsApi::reset() {
  extensions_.clear();
  closed_ = false;
}

bool ExtensionsApi::handle(CallId call, std::string_view operation, const Request& request, Now now) {
  if (operation == "/register" && request.method == "POST") return register_extension(call, request, now), true;
  if (operation == "/event/next" && request.method == "GET") return next(call, request, now), true;
  if (operation == "/init/error" && request.method == "POST") return report_error(call, request, true, now), true;
  if (operation == "/exit/error" && request.method == "POST") return report_error(call, request, false, now), true;
  return false;
}

void ExtensionsApi::refuse(CallId call, std::string_view type, std::string_view message) {
  calls_.answer(call, error_answer(403, type, message));
}

void ExtensionsApi::refuse_transition(CallId call, const Extension& extension, ExtensionState to,
                                      const std::string& who) {
  refuse(call, "Extension.InvalidExtensionState",
         concat("State transition from ", name(extension.state), " to ", name(to), " failed for extension ", who,
                ". Error: State transition is not allowed"));
}

Extension* ExtensionsApi::find(std::string_view name) {
  for (Extension& extension : extensions_) {
    if (extension.name == name) return &extension;
  }
  return nullptr;
}

Extension* ExtensionsApi::identify(CallId call, const Request& request) {
  const std::string* const id = request.header("Lambda-Extension-Identifier");
  if (id == nullptr || id->empty()) {
    refuse(call, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header");
    return nullptr;
  }
  if (!is_uuid(*id)) {
    refuse(call, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier");
    return nullptr;
  }
  for (Extension& extension : extensions_) {
    if (extension.registered() && equal_ignoring_case(extension.id, *id)) return &extension;
  }
  refuse(call, "Extension.UnknownExtensionIdentifier", concat("Unknown extension ", *id));
  return nullptr;
}

void ExtensionsApi::register_extension(CallId call, const Request& request, Now now) {
  const std::string* const extension_name = request.header("Lambda-Extension-Name");
  if (extension_name == nullptr || extension_name->empty()) {
    return refuse(call, "Extension.InvalidExtensionName", "Empty extension name");
  }
  const Registration registration = parse_registration(request.body);
  if (!registration.malformed.empty()) return refuse(call, "InvalidRequestFormat", registration.malformed);
  Extension* extension = find(*extension_name);
  const bool external = extension != nullptr && extension->external;
  const std::string refused = refused_event(registration, external, settings_.mode);
  if (!refused.empty()) return refuse(call, "Extension.InvalidEventType", refused);
  if (external && extension->state != ExtensionState::started) {
    return refuse_transition(call, *extension, ExtensionState::registered, extension->name);
  }
  if (!external) {
    if (closed_) return refuse(call, "Extension.RegistrationClosed", "Extension registration closed already");
    if (extension != nullptr) {
      return refuse(call, "Extension.InvalidExtensionState", "Extension with this name already registered");
    }
    if (extensions_.size() >= settings_.extensions_max) {
      return refuse(call, "Extension.TooManyExtensions",
                    concat("Extension limit (", settings_.extensions_max, ") reached"));
    }
    extension = &add_external(*extension_name);
    extension->external = false;
  }
  extension->wants_invoke = registration.invoke;
  extension->wants_shutdown = registration.shutdown;
  extension->state = ExtensionState::registered;
  calls_.answer(call, registered_answer(*extension, request));
  listener_.extension_registered(*extension, now);
}

Answer ExtensionsApi::registered_answer(const Extension& extension, const Request& request) const {
  const Function& function = settings_.function;
  JsonWriter json;
  json.open('{').field("functionName", function.name).field("functionVersion", function.version);
  json.field("handler", function.handler);
  if (accepts_account_id(request)) json.field("accountId", function.account_id);
  json.close('}');
  Answer answer = json_answer(200, json.take());
  answer.headers.push_back({"Lambda-Extension-Identifier", extension.id});
  return answer;
}

void ExtensionsApi::next(CallId call, const Request& request, Now now) {
  Extension* const extension = identify(call, request);
  if (extension == nullptr) return;
  if (extension->state != ExtensionState::registered && extension->state != ExtensionState::running) {
    return refuse_transition(call, *extension, ExtensionState::ready, extension->id);
  }
  if (extension->waiting) {
    extension->state = ExtensionState::running;
    calls_.answer(call, *std::exchange(extension->waiting, std::nullopt));
    return;
  }
  extension->state = ExtensionState::ready;
  extension->held = call;
  listener_.extension_ready(*extension, now);
}

void ExtensionsApi::report_error(CallId call, const Request& request, bool init, Now now) {
  Extension* const extension = identify(call, request);
  if (extension == nullptr) return;
  const std::string* const type = request.header(error_type_header);
  if (type == nullptr || type->empty()) {
    return refuse(call, "Extension.MissingHeader", concat(error_type_header, " not found"));
  }
  const ExtensionState to = init ? ExtensionState::init_error : ExtensionState::exit_error;
  if (extension->state == to) return calls_.answer(call, accepted_answer());  // only the first one counts
  const bool allowed =
      extension->state == ExtensionState::registered ||
      (!init && (extension->state == ExtensionState::ready || extension->state == ExtensionState::running));
  if (!allowed) return refuse_transition(call, *extension, to, extension->id);
  extension->state = to;
  extension->error_type = *type;
  calls_.answer(call, accepted_answer());
  listener_.extension_error(*extension, init ? "Extension.InitError" : "Extension.ExitError", now);
}

void ExtensionsApi::call_closed(CallId call) {
  for (Extension& extension : extensions_) {
    if (extension.held == call) extension.held.reset();
  }
}

void ExtensionsApi::send(Extension& extension, Answer event) {
  if (extension.state == ExtensionState::ready) {
    // A ready extension without a call has lost its connection: its event goes nowhere, as on the real platform.
    extension.state = ExtensionState::running;
    if (extension.held) calls_.answer(*std::exchange(extension.held, std::nullopt), std::move(event));
    return;
  }
  extension.waiting = std::move(event);
}

}  // namespace stint::platform
