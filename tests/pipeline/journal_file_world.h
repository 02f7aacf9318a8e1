// SPDX-License-Identifier: Apache-2.0
// A journal on a real file system, in a directory of its own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/journal.h"
#include "pipeline/journal_world.h"

namespace stint {

class JournalFileWorld : public ComponentWorld {
 public:
  JournalFileWorld() {
    char directory[] = "/tmp/stint-journal-test-XXXXXX";
    EXPECT_NE(::mkdtemp(directory), nullptr);
    directory_ = directory;
    path = directory_ + "/journal";
  }
  ~JournalFileWorld() override {
    std::error_code ignored;
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(directory_, ignored);
  }

  std::unique_ptr<Journal> open() {
    return std::make_unique<Journal>(runtime, data, make_journal_file(path), 4u << 20);
  }
  Batch accept(Journal& journal, std::string_view text = "text") {
    Batch batch(otlp::Signal::logs, slice_of(pool, text), 1);
    journal.append("otlp", batch);
    return batch;
  }
  void expect_off(const char* why) {
    const auto journal = open();
    EXPECT_FALSE(journal->look_for_former_life());
    Batch one = accept(*journal), two = accept(*journal);
    EXPECT_FALSE(one.ticket());
    EXPECT_EQ(said(why), 1u) << whole_log();
    EXPECT_EQ(said("going on without"), 1u) << whole_log();
    journal->close();
  }
  /// The requests of a former life, in their order; they are done then.
  std::vector<std::string> recovered(Journal& journal) {
    std::vector<std::string> texts;
    if (!journal.look_for_former_life()) return texts;
    while (const auto next = journal.recover_next(pool)) texts.emplace_back(next->batch.slices.front().view());
    return texts;
  }
  void write(std::string_view text) { std::ofstream(path) << text; }
  std::string read() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Whether a part of it is mapped.
  bool is_in_memory() const {
    std::ifstream maps("/proc/self/maps");
    const std::string all{std::istreambuf_iterator<char>(maps), {}};
    return all.find(path) != all.npos;
  }
  const std::string& directory() const { return directory_; }

  std::string path;

 private:
  std::string directory_;
};

}  // namespace stint
