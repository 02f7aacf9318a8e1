// SPDX-License-Identifier: Apache-2.0
// Results: none can be forgotten, none can be taken for its value, and none hands out what ends with it. What stands
// between #ifdef WRONG and #endif must be refused, with these words at these lines; its right twin is beside it.
#include <string>

#include "base/arena.h"
#include "base/block.h"
#include "base/result.h"

namespace stint {

Result<> write_all();
Result<int> count_all();
Result<Slice> make_slice();
Result<std::string> make_string();

void ignored() {
  const Result<> written = write_all();
  const Result<int> counted = count_all();
#ifdef WRONG
  write_all();  // expected-error {{ignoring return value of function declared with 'nodiscard'}}
  count_all();  // expected-error {{ignoring return value of function declared with 'nodiscard'}}
#endif
  (void)write_all();
}

void growing(Block& block, BlockPool& pool) {
  const Result<> grown = block.grow(1);
#ifdef WRONG
  block.grow(1);     // expected-error {{ignoring return value of function declared with 'nodiscard'}}
  pool.allocate(1);  // expected-error {{ignoring return value of function declared with 'nodiscard'}}
#endif
  const Result<Block> allocated = pool.allocate(1);
}

int taken_for_its_value() {
  const Result<int> counted = count_all();
  if (!counted) return 0;
#ifdef WRONG
  const int wrong = counted;  // expected-error {{no viable conversion from 'const Result<int>' to 'const int'}}
  const bool wrong_too = write_all();  // expected-error {{no viable conversion from 'Result<>'}}
#endif
  const bool written = write_all().has_value();
  return written ? *counted : 0;
}

void members_of_temporaries() {
  const Result<Slice> slice = make_slice();
  const std::string_view view = slice->view();
  const std::string_view same = (*slice).view();
#ifdef WRONG
  const std::string_view lost = make_slice()->view();         // expected-error {{deleted operator '->'}}
  const std::string_view gone = make_slice().value().view();  // expected-error {{deleted member function 'view'}}
  const std::string_view ended = (*make_slice()).view();      // expected-error {{deleted member function 'view'}}
  const char* const text = make_string()->c_str();            // expected-error {{deleted operator '->'}}
#endif
  (void)view, (void)same;
}

std::size_t values_of_temporaries() {
  // The value lives on: it is handed out by value.
  const std::string& text = *make_string();
  std::size_t size = 0;
  for (const char letter : *make_string()) size += letter == ' ';
#ifdef WRONG
  std::string& changeable = *make_string();  // expected-error {{cannot bind to a temporary}}
#endif
  return size + text.size();
}

}  // namespace stint
