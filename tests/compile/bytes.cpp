// SPDX-License-Identifier: Apache-2.0
// Bytes: who owns them cannot be doubled by accident, and a view of what is about to end cannot be had. What stands
// between #ifdef WRONG and #endif must be refused, with these words at these lines; its right twin is beside it.
#include "base/arena.h"
#include "base/block.h"
#include "net/receive_buffer.h"
#include "otlp/cursor.h"
#include "otlp/view.h"
#include "pipeline/batch.h"
#include "wire/json_reader.h"

namespace stint {

Block make_block();
Slice make_slice();
net::ReceiveBuffer make_buffer();
std::string make_string();

void owners(Block block, Slice slice, Batch batch) {
  const Block moved_block = std::move(block);
  const Block shared_block = moved_block.share();
#ifdef WRONG
  const Block copied_block = moved_block;  // expected-error {{deleted constructor of 'const Block'}}
#endif
  const Slice moved_slice = std::move(slice);
  const Slice shared_slice = moved_slice.share();
#ifdef WRONG
  const Slice copied_slice = moved_slice;  // expected-error {{implicitly-deleted copy constructor}}
#endif
  const Batch moved_batch = std::move(batch);
  const Batch shared_batch = moved_batch.share();
#ifdef WRONG
  const Batch copied_batch = moved_batch;  // expected-error {{implicitly-deleted copy constructor}}
#endif
  Batch assigned;
  assigned = moved_batch.share();
#ifdef WRONG
  assigned = moved_batch;  // expected-error {{cannot be assigned because its copy assignment operator is implicitly}}
#endif
}

void lists(Batch batch) {
  Batch whole;
  whole.append(batch.share());
  for (const Slice& slice : batch.slices) whole.slices.push_back(slice.share());
#ifdef WRONG
  whole.append(batch);                             // expected-error {{implicitly-deleted copy constructor}}
  for (const Slice slice : batch.slices) (void)0;  // expected-error {{implicitly-deleted copy constructor}}
#endif
}

void views_of_temporaries(Slice slice) {
  const Slice shared = slice.share();
  const std::string_view view = shared.view();
#ifdef WRONG
  const std::string_view lost = slice.share().view();      // expected-error {{deleted member function 'view'}}
  const std::string_view moved = std::move(slice).view();  // expected-error {{deleted member function 'view'}}
  const std::string_view piece = slice.part(view).view();  // expected-error {{deleted member function 'view'}}
#endif
  const Block& same = shared.block();
#ifdef WRONG
  const Block& ended = make_slice().block();  // expected-error {{deleted member function 'block'}}
#endif
  const Block block = make_block();
  const char* const data = block.data();
#ifdef WRONG
  const char* const lost_data = make_block().data();  // expected-error {{deleted member function 'data'}}
#endif
  (void)data, (void)view, (void)same;
}

std::string_view views_of_a_buffer(net::ReceiveBuffer& buffer) {
#ifdef WRONG
  if (buffer.bytes().empty()) return make_buffer().bytes();  // expected-error {{deleted member function 'bytes'}}
#endif
  return buffer.bytes();
}

void slices_of_foreign_bytes(const Block& block, const std::string& foreign) {
  const std::string_view inside(block.data(), 1);
  const Slice slice(block.share(), inside);
#ifdef WRONG
  const Slice lost(block.share(), make_string());       // expected-error {{deleted constructor of 'const Slice'}}
  const Slice elsewhere(block.share(), foreign);        // expected-error {{deleted constructor of 'const Slice'}}
  const Slice text(block.share(), std::string("abc"));  // expected-error {{deleted constructor of 'const Slice'}}
#endif
  (void)foreign;
}

void readers_of_temporaries() {
  const std::string bytes = make_string();
  const otlp::FieldCursor cursor(bytes);
  const otlp::Request request(bytes);
  const wire::JsonReader reader(bytes);
#ifdef WRONG
  const otlp::FieldCursor lost_cursor(make_string());  // expected-error {{deleted constructor}}
  const otlp::Request lost_request(make_string());     // expected-error {{deleted constructor}}
  const wire::JsonReader lost_reader(make_string());   // expected-error {{deleted constructor}}
#endif
}

}  // namespace stint
