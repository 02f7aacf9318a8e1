// SPDX-License-Identifier: Apache-2.0
// One statement per component configuration from which decoding, checking and documentation follow:
//
//   struct ServerConfig { std::string endpoint = "localhost:4318"; Nanoseconds idle_timeout{}; };
//   constexpr auto fields_of(ServerConfig*) {
//     return config::fields(config::field<&ServerConfig::endpoint>("endpoint", "host:port to listen on"),
//                           config::field<&ServerConfig::idle_timeout>("idle_timeout", "then a connection is closed"));
//   }
//
// The tables are constants; the code that walks them is shared by all structs (schema.cpp), so that a field costs a
// row and not a function. A struct may have `void validate(const config::Report&)` for what no single field can say.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/time.h"
#include "config/tree.h"

namespace stint::config {

using TextList = std::vector<std::string>;
/// In the document's order; written as a map, or as a list of {name, value}.
using TextMap = std::vector<std::pair<std::string, std::string>>;

/// A part that is off unless its key is there. `key:` (null) and `key: {}` switch it on with its defaults,
/// `{enabled: false}` off. The value exists in either state and holds the defaults that the key's section starts from.
struct OptionalState {
  bool on = false;
};
template <typename T>
struct Optional : OptionalState {
  T value{};

  Optional() = default;
  explicit Optional(T defaults, bool is_on = false) : OptionalState{is_on}, value(std::move(defaults)) {}
  explicit operator bool() const { return on; }
  T* operator->() { return &value; }
  const T* operator->() const { return &value; }
  T& operator*() { return value; }
  const T& operator*() const { return value; }
};

/// One word of an enum: `constexpr auto choices_of(Compression*) { return config::choices<Compression>({{"gzip",
/// Compression::gzip}, ...}); }`. The first name of a value is the one that documentation shows.
struct Choice {
  std::string_view name;
  std::int64_t value = 0;
};
template <typename E, std::size_t N>
constexpr std::array<Choice, N> choices(const std::pair<std::string_view, E> (&names)[N]) {
  std::array<Choice, N> made{};
  for (std::size_t i = 0; i < N; ++i) made[i] = Choice{names[i].first, static_cast<std::int64_t>(names[i].second)};
  return made;
}

enum class Kind : std::uint8_t {
  boolean,
  integer,
  real,
  text,
  duration,
  text_list,
  text_map,
  choice,
  structure,       // a nested struct: its section may be absent or null, then it has its defaults
  optional,        // Optional<struct>
  structure_list,  // std::vector<struct>
  embedded,        // a nested struct whose keys lie beside those of the outer one
  node,            // the tree itself, for what is decoded later
};

/// What is done with a key that is well-formed.
enum class Use : std::uint8_t {
  taken,
  refused,   // known, but not supported yet: an error by name
  ignored,   // known, without effect here: a warning
  accepted,  // known, without effect here, and nobody needs to be told
};

struct Schema;

/// One key. Made by `field` and its sisters; plain data.
struct Field {
  std::string_view name;
  std::string_view doc;
  Kind kind = Kind::node;
  Use use = Use::taken;
  bool is_required = false;
  bool is_signed = false;
  std::uint8_t size = 0;  // of the member, for integers and choices
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  void* (*member)(void* object) = nullptr;             // null: no member, the value is checked and dropped
  void* (*inner)(void* member) = nullptr;              // optional: its value; structure_list: a new item
  std::string (*check)(const void* member) = nullptr;  // what is wrong with the value; empty: nothing
  std::span<const Choice> choices;
  const Schema* nested = nullptr;
};

class Report;

struct Schema {
  std::span<const Field> fields;
  void (*validate)(void* object, const Report& report);  // may be null
  /// Calls `visit` with an object as it is before any key is read.
  void (*with_default)(void (*visit)(const void* object, void* context), void* context);
};

/// Where `validate` says what is wrong in one struct's section. Borrows: all it is made from.
class Report {
 public:
  Report(const Node& section, const Path& path, Diagnostics& diagnostics)
      : section_(section), path_(path), diagnostics_(diagnostics) {}

  /// True when the key is written in the section (null counts as written).
  bool given(std::string_view key) const { return section_.find_entry(key) != nullptr; }
  /// At the key's line, or at the section's when the key is not there. An empty key means the section.
  void error(std::string_view key, std::string message) const;
  void warn(std::string_view key, std::string message) const;

 private:
  Position position(std::string_view key) const;
  const Node& section_;
  const Path& path_;
  Diagnostics& diagnostics_;
};

// ---- options of a field ----

struct Required {};
inline constexpr Required required{};

struct Range {
  std::int64_t least, most;
};
/// The values an integer may have, or a duration in nanoseconds.
constexpr Range range(std::int64_t least, std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  return {least, most};
}

struct Check {
  std::string (*function)(const void* member);
};
/// `checked<&function>` with `std::string function(const Member& value)`: what is wrong, and what would be right.
template <auto Function>
inline constexpr Check checked = [] {
  constexpr auto wrap = []<typename M>(std::string (*)(const M&)) {
    return Check{[](const void* member) { return Function(*static_cast<const std::remove_cvref_t<M>*>(member)); }};
  };
  return wrap(Function);
}();

/// Refused by name until it is supported; ignored with a warning.
inline constexpr Use not_supported_yet = Use::refused;
inline constexpr Use without_effect = Use::ignored;

// ---- making of tables ----

namespace detail {

template <typename>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<Optional<T>> = true;
template <typename>
inline constexpr bool is_structure_list = false;
template <typename T>
inline constexpr bool is_structure_list<std::vector<T>> = !std::is_same_v<T, std::string>;

template <typename M>
struct MemberOf;
template <typename C, typename M>
struct MemberOf<M C::*> {
  using Class = C;
  using Member = M;
};

constexpr void apply(Field& field, Required) { field.is_required = true; }
constexpr void apply(Field& field, Use use) { field.use = use; }
constexpr void apply(Field& field, Check check) { field.check = check.function; }
constexpr void apply(Field& field, Range range) {
  field.least = range.least;
  field.most = range.most;
}

template <typename T>
inline constexpr auto choice_table = choices_of(static_cast<T*>(nullptr));
template <typename T>
inline constexpr auto field_table = fields_of(static_cast<T*>(nullptr));

}  // namespace detail

template <typename T>
inline constexpr Schema schema_of{
    detail::field_table<T>,
    [] {
      void (*function)(void*, const Report&) = nullptr;
      if constexpr (requires(T& object, const Report& report) { object.validate(report); })
        function = [](void* object, const Report& report) { static_cast<T*>(object)->validate(report); };
      return function;
    }(),
    [](void (*visit)(const void*, void*), void* context) {
      const T object{};
      visit(&object, context);
    }};

namespace detail {

/// The part of a field that follows from its member's type.
template <typename M>
constexpr Field typed_field(std::string_view name, std::string_view doc) {
  Field field;
  field.name = name;
  field.doc = doc;
  if constexpr (std::is_same_v<M, bool>) {
    field.kind = Kind::boolean;
  } else if constexpr (std::is_enum_v<M>) {
    field.kind = Kind::choice;
    field.size = sizeof(M);
    field.choices = choice_table<M>;
  } else if constexpr (std::is_integral_v<M>) {
    field.kind = Kind::integer;
    field.size = sizeof(M);
    field.is_signed = std::is_signed_v<M>;
    if constexpr (std::is_unsigned_v<M>) field.least = 0;
    if constexpr (sizeof(M) < 8)
      field.least = std::numeric_limits<M>::min(), field.most = std::numeric_limits<M>::max();
  } else if constexpr (std::is_same_v<M, double>) {
    field.kind = Kind::real;
  } else if constexpr (std::is_same_v<M, std::string>) {
    field.kind = Kind::text;
  } else if constexpr (std::is_same_v<M, Nanoseconds>) {
    field.kind = Kind::duration;
  } else if constexpr (std::is_same_v<M, TextList>) {
    field.kind = Kind::text_list;
  } else if constexpr (std::is_same_v<M, TextMap>) {
    field.kind = Kind::text_map;
  } else if constexpr (std::is_same_v<M, Node>) {
    field.kind = Kind::node;
  } else if constexpr (is_optional<M>) {
    field.kind = Kind::optional;
    field.nested = &schema_of<decltype(M::value)>;
    field.inner = [](void* member) -> void* { return &static_cast<M*>(member)->value; };
  } else if constexpr (is_structure_list<M>) {
    field.kind = Kind::structure_list;
    field.nested = &schema_of<typename M::value_type>;
    field.inner = [](void* member) -> void* { return &static_cast<M*>(member)->emplace_back(); };
  } else {
    field.kind = Kind::structure;
    field.nested = &schema_of<M>;
  }
  return field;
}

template <auto Member>
constexpr Field member_field(std::string_view name, std::string_view doc) {
  using Class = typename MemberOf<decltype(Member)>::Class;
  Field field = typed_field<typename MemberOf<decltype(Member)>::Member>(name, doc);
  field.member = [](void* object) -> void* { return &(static_cast<Class*>(object)->*Member); };
  return field;
}

}  // namespace detail

/// A key for a member. Its default is what the struct's own initialiser says. Durations are never negative unless a
/// range allows it. Options: `required`, `range(a, b)`, `checked<&function>`, `not_supported_yet`, `without_effect`.
template <auto Member, typename... Options>
constexpr Field field(std::string_view name, std::string_view doc, Options... options) {
  Field made = detail::member_field<Member>(name, doc);
  if (made.kind == Kind::duration) made.least = 0;
  (detail::apply(made, options), ...);
  return made;
}

/// A nested struct whose keys are written beside those of this one.
template <auto Member>
constexpr Field embedded() {
  Field made = detail::member_field<Member>({}, {});
  made.kind = Kind::embedded;
  return made;
}

/// Keys without a member: of type T (`Node`: anything), and refused, ignored with a warning, or accepted in silence.
template <typename T = Node>
constexpr Field refused(std::string_view name, std::string_view doc) {
  Field made = detail::typed_field<T>(name, doc);
  made.use = Use::refused;
  return made;
}
template <typename T = Node>
constexpr Field ignored(std::string_view name, std::string_view doc) {
  Field made = detail::typed_field<T>(name, doc);
  made.use = Use::ignored;
  return made;
}
template <typename T = Node>
constexpr Field accepted(std::string_view name, std::string_view doc) {
  Field made = detail::typed_field<T>(name, doc);
  made.use = Use::accepted;
  return made;
}

template <typename... Fields>
constexpr std::array<Field, sizeof...(Fields)> fields(Fields... made) {
  return {made...};
}

// ---- use ----

/// Type-erased body of `decode`.
bool decode_structure(const Node& section, void* object, const Schema& schema, const Path& path,
                      Diagnostics& diagnostics);

/// Reads a section into `object`, which holds the defaults. A null section leaves them. False when there was an error;
/// all errors of the section are reported, and members whose value was wrong keep their default.
template <typename T>
bool decode(const Node& section, T& object, const Path& path, Diagnostics& diagnostics) {
  return decode_structure(section, &object, schema_of<T>, path, diagnostics);
}

/// True when an empty section decodes without error: nothing is required and `validate` has no objection.
template <typename T>
bool defaults_suffice() {
  T object{};
  Diagnostics diagnostics;
  return decode(Node(), object, Path{}, diagnostics);
}

/// The schema as rows of a Markdown table: key (joined with dots, after `prefix`), type, default, meaning.
std::string markdown_rows(const Schema& schema, std::string_view prefix = {});
inline constexpr std::string_view markdown_head = "| key | type | default | meaning |\n|---|---|---|---|\n";

/// "none, gzip, zstd": the first name of each value.
std::string choice_names(std::span<const Choice> choices);

/// What is wrong with a value, in words: "found the number 5". Values that came out of an expansion are not shown.
std::string describe(const Node& node);

}  // namespace stint::config
