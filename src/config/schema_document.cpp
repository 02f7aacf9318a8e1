// SPDX-License-Identifier: Apache-2.0
// The schema as documentation: one row per key, with the default that the struct's own initialiser gives.
#include <charconv>
#include <cstring>

#include "base/log.h"
#include "config/scalar.h"
#include "config/schema.h"

namespace stint::config {
namespace {

std::string type_text(const Field& field) {
  switch (field.kind) {
    case Kind::boolean: return "bool";
    case Kind::integer: return field.is_signed && field.least < 0 ? "int" : "uint";
    case Kind::real: return "float";
    case Kind::text: return "string";
    case Kind::duration: return "duration";
    case Kind::text_list: return "list of strings";
    case Kind::text_map: return "map of strings";
    case Kind::optional: return "section, off if absent";
    case Kind::structure:
    case Kind::embedded: return "section";
    case Kind::structure_list: return "list of sections";
    case Kind::node: return "any";
    case Kind::choice: break;
  }
  return choice_names(field.choices);
}

std::string integer_text(const Field& field, const void* member) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, member, field.size);
  if (!field.is_signed) return concat(bits);
  const unsigned spare = 64 - 8u * field.size;
  return concat(static_cast<std::int64_t>(bits << spare) >> spare);
}

std::string choice_text(const Field& field, const void* member) {
  std::int64_t value = 0;
  std::memcpy(&value, member, field.size);
  for (const Choice& choice : field.choices) {
    if (choice.value == value) return std::string(choice.name);
  }
  return {};
}

std::string list_text(const TextList& list) {
  std::string text = "[";
  for (const std::string& item : list) text.append(text.size() == 1 ? "" : ", ").append(item);
  return text.append("]");
}

std::string real_text(double value) {
  char digits[32];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

std::string default_text(const Field& field, const void* member) {
  switch (field.kind) {
    case Kind::boolean: return *static_cast<const bool*>(member) ? "true" : "false";
    case Kind::integer: return integer_text(field, member);
    case Kind::real: return real_text(*static_cast<const double*>(member));
    case Kind::text: return *static_cast<const std::string*>(member);
    case Kind::duration: return duration_text(*static_cast<const Nanoseconds*>(member));
    case Kind::text_list: return list_text(*static_cast<const TextList*>(member));
    case Kind::choice: return choice_text(field, member);
    case Kind::optional: return static_cast<const OptionalState*>(member)->on ? "on" : "off";
    default: return {};
  }
}

/// A bar would end the cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out.append(c == '|' ? "\\|" : std::string_view(&c, 1));
  return out;
}

struct Writer {
  std::string& out;
  std::string prefix;
  const Schema& schema;

  void rows(const void* object) const;
  void row(const Field& field, const void* member) const;
  void nested(const Field& field, const std::string& key, const void* member) const;
};

void Writer::row(const Field& field, const void* member) const {
  std::string preset = member == nullptr || field.is_required ? "" : default_text(field, member);
  if (!preset.empty()) preset = concat("`", preset, "`");
  const std::string_view note = field.use == Use::refused    ? "; not supported yet: refused"
                                : field.use == Use::ignored  ? "; has no effect here, which a warning says"
                                : field.use == Use::accepted ? "; accepted, has no effect here"
                                                             : "";
  out.append(concat("| `", prefix, field.name, "` | ", cell(type_text(field)), " | ",
                    field.is_required ? "required" : cell(preset), " | ", cell(field.doc), note, " |\n"));
}

void Writer::nested(const Field& field, const std::string& key, const void* member) const {
  const Writer inner{out, key, *field.nested};
  if (member == nullptr || field.kind == Kind::structure_list) {
    const auto visit = [](const void* object, void* writer) { static_cast<const Writer*>(writer)->rows(object); };
    field.nested->with_default(visit, const_cast<Writer*>(&inner));
    return;
  }
  inner.rows(field.kind == Kind::optional ? field.inner(const_cast<void*>(member)) : member);
}

void Writer::rows(const void* object) const {
  for (const Field& field : schema.fields) {
    // The accessors serve decoding too and take what may be changed; nothing is changed here.
    const void* const member = field.member == nullptr ? nullptr : field.member(const_cast<void*>(object));
    if (field.kind == Kind::embedded) {
      nested(field, prefix, member);
      continue;
    }
    row(field, member);
    if (field.nested == nullptr || field.use != Use::taken) continue;
    nested(field, concat(prefix, field.name, field.kind == Kind::structure_list ? "[]." : "."), member);
  }
}

}  // namespace

std::string markdown_rows(const Schema& schema, std::string_view prefix) {
  std::string out;
  const Writer writer{out, std::string(prefix), schema};
  const auto visit = [](const void* object, void* context) { static_cast<const Writer*>(context)->rows(object); };
  schema.with_default(visit, const_cast<Writer*>(&writer));
  return out;
}

}  // namespace stint::config
