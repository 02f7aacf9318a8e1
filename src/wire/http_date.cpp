// SPDX-License-Identifier: Apache-2.0
#include "wire/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

namespace stint::wire {

namespace {

constexpr Seconds retry_after_max = std::chrono::hours(24);
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                  "Thursday", "Friday", "Saturday"};

// Takes a date apart from left to right. After the first part that is not there everything fails.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}
  bool done() const { return good_ && rest_.empty(); }
  bool starts_with(std::string_view text) const { return good_ && rest_.starts_with(text); }

  void literal(std::string_view text) {
    good_ = good_ && rest_.starts_with(text);
    if (good_) rest_.remove_prefix(text.size());
  }
  // `blank_first`: a blank may stand for the first digit.
  int number(std::size_t digits, bool blank_first = false) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = i < rest_.size() ? rest_[i] : '\0';
      const bool blank = blank_first && i == 0 && c == ' ';
      good_ = good_ && (blank || (c >= '0' && c <= '9'));
      if (!good_) return 0;
      value = value * 10 + (blank ? 0 : c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  unsigned month() {
    for (unsigned i = 0; i < months.size(); ++i) {
      if (!starts_with(months[i])) continue;
      rest_.remove_prefix(3);
      return i + 1;
    }
    good_ = false;
    return 0;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

struct Fields {
  int year = 0;
  unsigned month = 0;
  int day = 0, hour = 0, minute = 0, second = 0;
};

void read_clock(Cursor& cursor, Fields& fields) {
  fields.hour = cursor.number(2);
  cursor.literal(":");
  fields.minute = cursor.number(2);
  cursor.literal(":");
  fields.second = cursor.number(2);
}

std::chrono::year_month_day civil(EpochTime time) {
  const auto since = std::chrono::floor<std::chrono::days>(time.time_since_epoch());
  return std::chrono::year_month_day(std::chrono::sys_days(since));
}

int full_year(int two_digits, EpochTime now) {
  const int this_year = static_cast<int>(civil(now).year());
  const int year = this_year - this_year % 100 + two_digits;
  if (year > this_year + 50) return year - 100;
  return year <= this_year - 50 ? year + 100 : year;
}

Result<EpochTime> to_time(const Fields& fields) {
  const std::chrono::year_month_day date(std::chrono::year(fields.year), std::chrono::month(fields.month),
                                         std::chrono::day(static_cast<unsigned>(fields.day)));
  const bool clock = fields.hour < 24 && fields.minute < 60 && fields.second <= 60;  // 60: a leap second
  // Nanoseconds in 64 bits reach no further.
  const bool representable = fields.year >= 1700 && fields.year <= 2261;
  if (!date.ok() || !clock || !representable) return Error{ErrorCode::malformed};
  return EpochTime(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(fields.hour) +
                   std::chrono::minutes(fields.minute) + Seconds(fields.second));
}

std::size_t day_name_bytes(std::string_view text, bool whole) {
  for (const std::string_view day : days) {
    const std::string_view name = whole ? day : day.substr(0, 3);
    if (text.starts_with(name)) return name.size();
  }
  return 0;
}

std::optional<Fields> read_fixed(std::string_view text) {
  Fields fields;
  Cursor cursor(text);
  cursor.literal(", ");
  fields.day = cursor.number(2);
  cursor.literal(" ");
  fields.month = cursor.month();
  cursor.literal(" ");
  fields.year = cursor.number(4);
  cursor.literal(" ");
  read_clock(cursor, fields);
  cursor.literal(" GMT");
  return cursor.done() ? std::optional(fields) : std::nullopt;
}

std::optional<Fields> read_rfc850(std::string_view text, EpochTime now) {
  Fields fields;
  Cursor cursor(text);
  cursor.literal(", ");
  fields.day = cursor.number(2);
  cursor.literal("-");
  fields.month = cursor.month();
  cursor.literal("-");
  fields.year = full_year(cursor.number(2), now);
  cursor.literal(" ");
  read_clock(cursor, fields);
  cursor.literal(" GMT");
  return cursor.done() ? std::optional(fields) : std::nullopt;
}

std::optional<Fields> read_asctime(std::string_view text) {
  Fields fields;
  Cursor cursor(text);
  cursor.literal(" ");
  fields.month = cursor.month();
  cursor.literal(" ");
  fields.day = cursor.number(2, true);
  cursor.literal(" ");
  read_clock(cursor, fields);
  cursor.literal(" ");
  fields.year = cursor.number(4);
  return cursor.done() ? std::optional(fields) : std::nullopt;
}

void append_digits(std::string& out, int value, int digits) {
  for (int divisor = digits == 4 ? 1000 : 10; divisor > 0; divisor /= 10) {
    out.push_back(static_cast<char>('0' + value / divisor % 10));
  }
}

}  // namespace

std::string format_http_date(EpochTime time) {
  const auto since = time.time_since_epoch();
  const std::chrono::weekday weekday(std::chrono::sys_days(std::chrono::floor<std::chrono::days>(since)));
  const auto date = civil(time);
  const auto second_of_day =
      static_cast<int>(std::chrono::floor<Seconds>(since - std::chrono::floor<std::chrono::days>(since)).count());
  std::string text(days[weekday.c_encoding()].substr(0, 3));
  text += ", ";
  append_digits(text, static_cast<int>(static_cast<unsigned>(date.day())), 2);
  text.append(" ").append(months[static_cast<unsigned>(date.month()) - 1]).append(" ");
  append_digits(text, static_cast<int>(date.year()), 4);
  text += " ";
  append_digits(text, second_of_day / 3600, 2);
  text += ":";
  append_digits(text, second_of_day / 60 % 60, 2);
  text += ":";
  append_digits(text, second_of_day % 60, 2);
  return text + " GMT";
}

Result<EpochTime> parse_http_date(std::string_view text, EpochTime now) {
  std::optional<Fields> fields;
  if (const std::size_t whole = day_name_bytes(text, true); whole != 0) {
    fields = read_rfc850(text.substr(whole), now);
  } else if (const std::size_t part = day_name_bytes(text, false); part != 0) {
    fields = text.substr(part).starts_with(',') ? read_fixed(text.substr(part)) : read_asctime(text.substr(part));
  }
  if (!fields) return Error{ErrorCode::malformed};
  return to_time(*fields);
}

Result<Milliseconds> parse_retry_after(std::string_view value, EpochTime now) {
  const bool number =
      !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (number) {
    Seconds seconds{0};
    for (const char c : value) seconds = std::min(seconds * 10 + Seconds(c - '0'), retry_after_max);
    return Milliseconds(seconds);
  }
  const Result<EpochTime> date = parse_http_date(value, now);
  if (!date) return date.error();
  if (*date <= now) return Milliseconds(0);
  // The difference of far times would not fit; a day is where it ends anyway.
  if (date->time_since_epoch() / 2 - now.time_since_epoch() / 2 > retry_after_max) return Milliseconds(retry_after_max);
  return std::min(std::chrono::ceil<Milliseconds>(*date - now), Milliseconds(retry_after_max));
}

}  // namespace stint::wire
