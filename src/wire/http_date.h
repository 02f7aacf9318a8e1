// SPDX-License-Identifier: Apache-2.0
// Dates of HTTP and what Retry-After says. Pure functions: the present time comes as an argument.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace stint::wire {

/// "Sun, 06 Nov 1994 08:49:37 GMT". Requires: a time from the year 0 to the year 9999.
std::string format_http_date(EpochTime time);

/// Reads the form above and the two obsolete ones ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994").
/// `now` settles the century of a year of two digits: at most 50 years ahead. The name of the day is not checked
/// against the date. Fails: malformed, also for years beyond 1700 to 2261. Source: RFC 9110, section 5.6.7.
Result<EpochTime> parse_http_date(std::string_view text, EpochTime now);

/// How long to wait by a Retry-After header: seconds or a date. A date in the past is zero; more than 24 hours are
/// 24 hours. Fails: malformed. Source: RFC 9110, section 10.2.3.
Result<Milliseconds> parse_retry_after(std::string_view value, EpochTime now);

}  // namespace stint::wire
