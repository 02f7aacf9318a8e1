// SPDX-License-Identifier: Apache-2.0
// Values of headers: dates, Retry-After, Base64. What was read is written to what reads the same. Input: the value.
#include "fuzz/fuzz.h"
#include "wire/base64.h"
#include "wire/http_date.h"

namespace stint::fuzz {

void run(std::string_view value) {
  const EpochTime now(Seconds(1'700'000'000));
  const Result<EpochTime> date = wire::parse_http_date(value, now);
  if (date) {
    const Result<EpochTime> again = wire::parse_http_date(wire::format_http_date(*date), now);
    STINT_CHECK(again && *again == *date);
  }
  const Result<Milliseconds> wait = wire::parse_retry_after(value, now);
  STINT_CHECK(!wait || (*wait >= Milliseconds(0) && *wait <= std::chrono::hours(24)));
  STINT_CHECK(!date || wait);
  plant_bug({date.has_value(), date && *date < EpochTime(), date && wire::format_http_date(*date) != value}, value);

  std::string bytes;
  if (wire::append_from_base64(bytes, value)) {
    std::string text;
    wire::append_base64(text, bytes);
    STINT_CHECK(text == value);
  } else {
    STINT_CHECK(bytes.empty());
  }
  wire::append_base64(bytes, value);
  std::string back;
  STINT_CHECK(value.size() % 3 != 0 ||
              wire::append_from_base64(back, bytes.substr(bytes.size() - value.size() / 3 * 4)));
}

}  // namespace stint::fuzz
