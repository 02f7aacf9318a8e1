// SPDX-License-Identifier: Apache-2.0
// Decoding by table: one function per kind of field, for all structs.
#include "config/schema.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "config/scalar.h"

namespace stint::config {
namespace {

// Of a field that has keys inside it.
const Schema& nested_in(const Field& field) {
  STINT_CHECK(field.nested != nullptr);
  return *field.nested;
}

static_assert(std::endian::native == std::endian::little, "integers of all sizes are stored by their low bytes");

/// Holds a value of any kind whose field has no member.
struct Scratch {
  std::int64_t number = 0;
  double real = 0;
  std::string text;
  Nanoseconds duration{};
  TextList list;
  TextMap map;
  Node node;

  void* room(Kind kind) {
    switch (kind) {
      case Kind::real: return &real;
      case Kind::text: return &text;
      case Kind::duration: return &duration;
      case Kind::text_list: return &list;
      case Kind::text_map: return &map;
      case Kind::node: return &node;
      default: return &number;
    }
  }
};

class Decoder {
 public:
  explicit Decoder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  bool structure(const Node& section, void* object, const Schema& schema, const Path& path);

 private:
  bool entry(const Entry& entry, void* object, const Field& field, const Path& path);
  bool value(const Node& node, void* member, const Field& field, const Path& path);
  bool scalar(const Node& node, void* member, const Field& field, const Path& path);
  bool integer(const Node& node, void* member, const Field& field, const Path& path);
  bool duration(const Node& node, Nanoseconds& member, const Field& field, const Path& path);
  bool choice(const Node& node, void* member, const Field& field, const Path& path);
  bool text(const Node& node, std::string& member, const Path& path);
  bool text_list(const Node& node, TextList& member, const Path& path);
  bool text_map(const Node& node, TextMap& member, const Path& path);
  bool named_value(const Node& node, TextMap& member, const Path& path);
  bool optional(const Node& node, void* member, const Field& field, const Path& path);
  bool structure_list(const Node& node, void* member, const Field& field, const Path& path);
  bool missing_keys(const Node& section, const Schema& schema, const Path& path);
  bool validate(const Node& section, void* object, const Schema& schema, const Path& path);
  void unknown_key(const Entry& entry, const Schema& schema, const Path& path);
  bool fail(const Node& node, const Path& path, std::string message) {
    diagnostics_.error(node.position, path.to_string(), std::move(message));
    return false;
  }
  bool expected(std::string_view what, const Node& node, const Path& path) {
    return fail(node, path, concat("expected ", what, ", found ", describe(node)));
  }

  Diagnostics& diagnostics_;
};

/// The field of this name, also among embedded ones; `object` becomes the struct that has it.
const Field* find_field(std::string_view name, const Schema& schema, void*& object) {
  for (const Field& field : schema.fields) {
    if (field.kind != Kind::embedded) {
      if (field.name == name) return &field;
      continue;
    }
    void* inner = object == nullptr ? nullptr : field.member(object);
    if (const Field* const found = find_field(name, nested_in(field), inner)) {
      object = inner;
      return found;
    }
  }
  return nullptr;
}

void guess_among(const Schema& schema, NameGuess& guess) {
  for (const Field& field : schema.fields) {
    if (field.kind == Kind::embedded) {
      guess_among(nested_in(field), guess);
    } else {
      guess.consider(field.name);
    }
  }
}

void store(void* member, std::uint8_t size, std::int64_t value) { std::memcpy(member, &value, size); }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// True for a scalar that YAML reads as text.
bool is_text(const Node& node) {
  return node.is_scalar() && (node.is_text || scalar_type(node.text) == ScalarType::text);
}

void Decoder::unknown_key(const Entry& entry, const Schema& schema, const Path& path) {
  NameGuess guess(entry.key);
  guess_among(schema, guess);
  diagnostics_.error(entry.position, path.child(entry.key).to_string(), concat("unknown key", guess.question()));
}

bool Decoder::structure(const Node& section, void* object, const Schema& schema, const Path& path) {
  if (!section.is_map() && !section.is_null()) return expected("a map of keys", section, path);
  bool good = true;
  for (const Entry& given : section.entries) {
    if (diagnostics_.full()) return false;
    void* owner = object;
    const Field* const field = find_field(given.key, schema, owner);
    if (field == nullptr) unknown_key(given, schema, path);
    good &= field != nullptr && entry(given, owner, *field, path.child(given.key));
  }
  good &= missing_keys(section, schema, path);
  return good && validate(section, object, schema, path);
}

bool Decoder::missing_keys(const Node& section, const Schema& schema, const Path& path) {
  bool good = true;
  for (const Field& field : schema.fields) {
    if (field.kind == Kind::embedded) good &= missing_keys(section, nested_in(field), path);
    if (!field.is_required) continue;
    const Entry* const given = section.find_entry(field.name);
    if (given != nullptr && !given->value.is_null()) continue;
    const Position position = given != nullptr ? given->position : section.position;
    diagnostics_.error(position, path.child(field.name).to_string(), concat("this key is required: ", field.doc));
    good = false;
  }
  return good;
}

bool Decoder::validate(const Node& section, void* object, const Schema& schema, const Path& path) {
  for (const Field& field : schema.fields) {
    if (field.kind == Kind::embedded && !validate(section, field.member(object), nested_in(field), path)) return false;
  }
  if (schema.validate == nullptr) return true;
  const std::size_t before = diagnostics_.error_count();
  schema.validate(object, Report(section, path, diagnostics_));
  return diagnostics_.error_count() == before;
}

bool Decoder::entry(const Entry& entry, void* object, const Field& field, const Path& path) {
  if (field.use == Use::refused) {
    if (entry.value.is_null()) return true;
    diagnostics_.error(entry.position, path.to_string(), "this key is not supported yet; remove it");
    return false;
  }
  if (field.use == Use::ignored) diagnostics_.warn(entry.position, path.to_string(), "this key has no effect here");
  if (field.member == nullptr) {
    if (field.nested != nullptr) {
      return entry.value.is_map() || entry.value.is_null() || expected("a map of keys", entry.value, path);
    }
    Scratch scratch;
    return value(entry.value, scratch.room(field.kind), field, path);
  }
  void* const member = field.member(object);
  if (!value(entry.value, member, field, path)) return false;
  if (field.check == nullptr || entry.value.is_null()) return true;
  std::string wrong = field.check(member);
  return wrong.empty() || fail(entry.value, path, std::move(wrong));
}

bool Decoder::value(const Node& node, void* member, const Field& field, const Path& path) {
  if (node.is_null() && field.kind != Kind::optional && !(field.kind == Kind::text && node.original)) return true;
  switch (field.kind) {
    case Kind::text_list: return text_list(node, *static_cast<TextList*>(member), path);
    case Kind::text_map: return text_map(node, *static_cast<TextMap*>(member), path);
    case Kind::structure: return structure(node, member, nested_in(field), path);
    case Kind::optional: return optional(node, member, field, path);
    case Kind::structure_list: return structure_list(node, member, field, path);
    case Kind::node: return *static_cast<Node*>(member) = node.copy(), true;
    default: return scalar(node, member, field, path);
  }
}

bool Decoder::scalar(const Node& node, void* member, const Field& field, const Path& path) {
  if (field.kind == Kind::integer) return integer(node, member, field, path);
  if (field.kind == Kind::duration) return duration(node, *static_cast<Nanoseconds*>(member), field, path);
  if (field.kind == Kind::choice) return choice(node, member, field, path);
  if (field.kind == Kind::text) return text(node, *static_cast<std::string*>(member), path);
  const bool is_plain = node.is_scalar() && !node.is_text;
  if (field.kind == Kind::boolean) {
    const auto given = is_plain ? parse_boolean(node.text) : std::nullopt;
    if (!given) return expected("true or false", node, path);
    *static_cast<bool*>(member) = *given;
    return true;
  }
  const auto given = is_plain ? parse_real(node.text) : std::nullopt;
  if (!given) return expected("a number", node, path);
  *static_cast<double*>(member) = *given;
  return true;
}

bool Decoder::integer(const Node& node, void* member, const Field& field, const Path& path) {
  const bool is_plain = node.is_scalar() && !node.is_text;
  std::optional<std::int64_t> given = is_plain ? parse_integer(node.text) : std::nullopt;
  if (is_plain && !given) {
    const auto real = parse_real(node.text);
    if (real && *real == std::floor(*real) && std::abs(*real) <= 9e15) given = static_cast<std::int64_t>(*real);
  }
  if (!given) return expected("a whole number", node, path);
  if (*given >= field.least && *given <= field.most) {
    store(member, field.size, *given);
    return true;
  }
  const bool is_open = field.most == std::numeric_limits<std::int64_t>::max();
  return expected(is_open ? concat("a number of at least ", field.least)
                          : concat("a number from ", field.least, " to ", field.most),
                  node, path);
}

bool Decoder::duration(const Node& node, Nanoseconds& member, const Field& field, const Path& path) {
  std::optional<Nanoseconds> given;
  if (is_text(node)) {
    given = parse_duration(trimmed(node.text));
  } else if (node.is_scalar()) {
    if (const auto count = parse_integer(node.text)) given = Nanoseconds(*count);
  }
  if (!given) return expected("a duration such as 200ms, 5s or 1m30s", node, path);
  if (given->count() < field.least || given->count() > field.most) {
    std::string bounds = concat("a duration of at least ", duration_text(Nanoseconds(field.least)));
    if (field.most != std::numeric_limits<std::int64_t>::max())
      bounds.append(" and at most ").append(duration_text(Nanoseconds(field.most)));
    return expected(bounds, node, path);
  }
  if (!is_text(node) && given->count() != 0 && given->count() < 1'000'000)
    diagnostics_.warn(node.position, path.to_string(),
                      concat("a number without a unit is nanoseconds; write ", node.text, "s for seconds"));
  member = *given;
  return true;
}

bool Decoder::choice(const Node& node, void* member, const Field& field, const Path& path) {
  if (!node.is_scalar() && !node.original) return expected(concat("one of ", choice_names(field.choices)), node, path);
  const std::string& given = node.original ? *node.original : node.text;
  for (const Choice& choice : field.choices) {
    if (choice.name != given) continue;
    store(member, field.size, choice.value);
    return true;
  }
  NameGuess guess(given);
  for (const Choice& choice : field.choices) guess.consider(choice.name);
  return fail(node, path,
              concat("expected one of ", choice_names(field.choices), ", found ", describe(node), guess.question()));
}

bool Decoder::text(const Node& node, std::string& member, const Path& path) {
  if (node.original) {
    member = *node.original;
    return true;
  }
  if (is_text(node)) {
    member = node.text;
    return true;
  }
  if (!node.is_scalar()) return expected("text", node, path);
  if (node.is_expanded) return expected("text", node, path);
  return fail(node, path, concat("expected text, found ", describe(node), "; put it in quotes: \"", node.text, "\""));
}

bool Decoder::text_list(const Node& node, TextList& member, const Path& path) {
  TextList made;
  bool good = true;
  if (node.is_list()) {
    for (std::size_t i = 0; i < node.items.size(); ++i) good &= text(node.items[i], made.emplace_back(), path.item(i));
  } else if (is_text(node)) {
    std::string_view rest = node.text;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      made.emplace_back(trimmed(rest.substr(0, comma)));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  } else {
    return expected("a list of texts, or one text with commas", node, path);
  }
  if (good) member = std::move(made);
  return good;
}

/// `{name: x, value: y}`
bool Decoder::named_value(const Node& node, TextMap& member, const Path& path) {
  if (!node.is_map()) return expected("a map with name and value", node, path);
  std::pair<std::string, std::string> made;
  bool good = true, has_name = false;
  for (const Entry& entry : node.entries) {
    if (entry.key == "name" && !entry.value.is_null()) {
      has_name = true;
      good &= text(entry.value, made.first, path.child(entry.key));
    } else if (entry.key == "value") {
      good &= entry.value.is_null() || text(entry.value, made.second, path.child(entry.key));
    } else {
      good = false;
      diagnostics_.error(entry.position, path.child(entry.key).to_string(), "unknown key; an item has name and value");
    }
  }
  if (!has_name) return fail(node, path, "a name is missing");
  for (const auto& known : member) {
    if (known.first == made.first) return fail(node, path, concat("the name '", made.first, "' is given twice"));
  }
  if (good) member.push_back(std::move(made));
  return good;
}

bool Decoder::text_map(const Node& node, TextMap& member, const Path& path) {
  TextMap made;
  bool good = true;
  if (node.is_map()) {
    for (const Entry& entry : node.entries) {
      auto& pair = made.emplace_back(entry.key, std::string());
      good &= (entry.value.is_null() && !entry.value.original) || text(entry.value, pair.second, path.child(entry.key));
    }
  } else if (node.is_list()) {
    for (std::size_t i = 0; i < node.items.size(); ++i) good &= named_value(node.items[i], made, path.item(i));
  } else {
    return expected("a map of texts, or a list of maps with name and value", node, path);
  }
  if (good) member = std::move(made);
  return good;
}

bool Decoder::optional(const Node& node, void* member, const Field& field, const Path& path) {
  OptionalState& state = *static_cast<OptionalState*>(member);
  void* const inner = field.inner(member);
  void* owner = nullptr;
  const Entry* const enabled = node.find_entry("enabled");
  if (!node.is_map() || enabled == nullptr || find_field("enabled", nested_in(field), owner) != nullptr) {
    state.on = true;
    return structure(node, inner, nested_in(field), path);
  }
  Field flag;
  flag.kind = Kind::boolean;
  bool on = true;
  bool good = value(enabled->value, &on, flag, path.child("enabled"));
  Node rest;
  rest.kind = Node::Kind::map;
  rest.position = node.position;
  for (const Entry& entry : node.entries) {
    if (&entry != enabled) rest.entries.push_back(Entry{entry.key, entry.position, entry.value.copy()});
  }
  state.on = on;
  if (on || !rest.entries.empty()) good &= structure(rest, inner, nested_in(field), path);
  return good;
}

bool Decoder::structure_list(const Node& node, void* member, const Field& field, const Path& path) {
  if (!node.is_list()) return expected("a list of maps", node, path);
  bool good = true;
  for (std::size_t i = 0; i < node.items.size(); ++i)
    good &= structure(node.items[i], field.inner(member), nested_in(field), path.item(i));
  return good;
}

}  // namespace

std::string choice_names(std::span<const Choice> choices) {
  std::string names;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const auto same = [&](const Choice& other) { return other.value == choices[i].value; };
    if (std::any_of(choices.begin(), choices.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
    names.append(names.empty() ? "" : ", ").append(choices[i].name);
  }
  return names;
}

Position Report::position(std::string_view key) const {
  const Node* at = &section_;
  Position found = section_.position;
  for (std::string_view rest = key; at != nullptr && !rest.empty();) {
    const std::size_t cut = std::min(rest.find("::"), rest.size());
    const Entry* const entry = at->find_entry(rest.substr(0, cut));
    if (entry == nullptr) break;
    found = entry->value.is_null() ? entry->position : entry->value.position;
    at = &entry->value;
    rest.remove_prefix(std::min(cut + 2, rest.size()));
  }
  return found;
}

void Report::error(std::string_view key, std::string message) const {
  diagnostics_.error(position(key), (key.empty() ? path_ : path_.child(key)).to_string(), std::move(message));
}

void Report::warn(std::string_view key, std::string message) const {
  diagnostics_.warn(position(key), (key.empty() ? path_ : path_.child(key)).to_string(), std::move(message));
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null: return "nothing";
    case Node::Kind::list: return "a list";
    case Node::Kind::map: return "a map";
    case Node::Kind::scalar: break;
  }
  const ScalarType type = node.is_text ? ScalarType::text : scalar_type(node.text);
  const std::string_view what = type == ScalarType::text      ? "text"
                                : type == ScalarType::boolean ? "true or false"
                                                              : "number";
  if (node.is_expanded) return concat("a ", what, " that an expansion gave");
  std::string shown = node.text.substr(0, 60);
  if (shown.size() < node.text.size()) shown.append("...");
  if (type == ScalarType::text) return concat("the text '", shown, "'");
  return type == ScalarType::boolean ? shown : concat("the number ", shown);
}

bool decode_structure(const Node& section, void* object, const Schema& schema, const Path& path,
                      Diagnostics& diagnostics) {
  return Decoder(diagnostics).structure(section, object, schema, path);
}

}  // namespace stint::config
