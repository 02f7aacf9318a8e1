// SPDX-License-Identifier: Apache-2.0
// What inert mode reads and writes, as pure functions over bytes. It has parsers of its own, for those of the data path
// may be what crashed. They read what the platform and HTTP clients send, and for anything else give an answer as well.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stint::lambda {

/// The value of a header in a head, without blanks around it; empty when there is none.
std::string_view header_value(std::string_view head, std::string_view name);

struct InertAnswer {
  int status = 0;
  std::string_view head;
  std::string_view body;  // still chunked, if it is
};
/// An answer of the platform, once all of it is there; `ended`: no more will come. Borrows: bytes.
std::optional<InertAnswer> whole_answer(std::string_view bytes, bool ended);
/// Whether an event's body says SHUTDOWN.
bool is_shutdown(std::string_view body);

/// What to do with the first bytes of a sender.
enum class DoorStep : unsigned char { read_on, answer, close };
DoorStep look_at_request(std::string_view bytes);
/// The refusal to a request with this head, as protobuf, JSON or text. `text` says what has happened.
std::string refusal(std::string_view head, std::string_view text);
/// The platform's deliveries are taken and forgotten: refused ones would come again.
std::string_view delivery_answer();

}  // namespace stint::lambda
