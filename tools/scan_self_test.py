# SPDX-License-Identifier: Apache-2.0
# Proof that the scan can fail: planted violations that each rule must find at the right line, and harmless
# neighbours of them that it must leave alone. A rule without a planted violation fails this test.
import scan_rules

HEAD = "// SPDX-License-Identifier: Apache-2.0\n// What lives in this file, in one line of text.\n"
MARK = "TO" "DO"
HOME = "/ho" "me/someone/file"

# (rule, path, text, lines found)
CASES = [
    ("Folder rule", "src/base/a.cpp", '#include "runtime/loop.h"\n', [1]),
    ("Folder rule", "src/wire/a.cpp", '#include "base/block.h"\n#include "otlp/fields.h"\n', [2]),
    ("Folder rule", "src/pipeline/a.cpp", '#include "net/http.h"\n', [1]),
    ("Folder rule", "src/lambda/a.cpp", '#include "base/a.h"\n#include "pipeline/a.h"\n#include "net/a.h"\n', []),
    ("Folder rule", "src/lambda/a.cpp", '#include "receivers/otlp.h"\n', [1]),
    ("Folder rule", "src/receivers/a.cpp", '#include "exporters/debug.h"\n', [1]),
    ("Folder rule", "src/exporters/a.cpp", '#include "aws/sigv4.h"\n#include "exporters/a.h"\n', []),
    ("Folder rule", "src/main.cpp", '#include "exporters/debug.h"\n#include "receivers/otlp.h"\n', []),
    ("Folder rule", "src/net/a.cpp", '// #include "pipeline/a.h"\n/* #include "otlp/a.h" */\n', []),
    ("Folder rule", "src/net/a.cpp", '#include "http.h"\n#include "../base/a.h"\n#  include "otlp/a.h"\n', [1, 2, 3]),
    ("Folder rule", "src/net/a.cpp", "#include <wire/http1.h>\n", [1]),
    ("Folder rule", "src/net/a.cpp", "#include <net/if.h>\n", []),
    ("Folder rule", "src/misc/a.cpp", "\n", [1]),
    ("Folder rule", "bench/start/a.cpp", '#include "base/block.h"\n', [1]),
    ("Asio only in src/runtime", "src/net/a.cpp", "#include <boost/asio/awaitable.hpp>\n", [1]),
    ("Asio only in src/runtime", "src/net/a.h", "\nboost::asio::awaitable<int> f();\n", [2]),
    ("Asio only in src/runtime", "src/runtime/task.h", "#include <boost/asio/awaitable.hpp>\n", []),
    ("Asio only in src/runtime", "src/net/a.cpp", "// asio::awaitable\n", []),
    ("Asio only in src/runtime", "tools/lambda/a.cpp", "using namespace boost::asio::detail;\n", [1]),
    ("Asio only in src/runtime", "src/wire/http1.cpp", "boost::asio::const_buffer b;\nboost::asio::post(f);\n", [2]),
    ("Beast only in src/wire/http1.cpp", "src/wire/http2.cpp", "#include <boost/beast/http.hpp>\n", [1]),
    ("Beast only in src/wire/http1.cpp", "src/wire/http1.cpp", "#include <boost/beast/http.hpp>\n", []),
    ("Banned facilities", "src/base/a.cpp", "#include <iostream>\n#include <regex>\n#include <thread>\n", [1, 2, 3]),
    ("Banned facilities", "src/runtime/a.cpp", "#include <boost/asio/experimental/awaitable_operators.hpp>\n", [1]),
    ("Banned facilities", "src/net/a.cpp", "void f() {\n  getaddrinfo(0, 0, 0, 0);\n}\n", [2]),
    ("Banned facilities", "src/net/a.cpp", "std::jthread t;\nauto f = std::async(g);\n", [1, 2]),
    ("Banned facilities", "tests/net/a_test.cpp", "#include <thread>\n#include <iostream>\n", [2]),
    ("Banned facilities", "tests/net/a.cpp", "using namespace std::literals;\nusing namespace std;\n", [2]),
    ("Banned facilities", "src/net/a.cpp", 'auto s = "getaddrinfo";\nauto r = R"x(std::cout " )x";\n', []),
    ("Clocks and entropy only behind the loop", "src/net/a.cpp", "auto t = std::chrono::steady_clock::now();\n", [1]),
    ("Clocks and entropy only behind the loop", "src/runtime/a.cpp", "clock_gettime(0, 0);\n", []),
    ("Clocks and entropy only behind the loop", "src/lambda/a.cpp", "std::random_device d;\nusleep(1);\n", [1, 2]),
    ("Clocks and entropy only behind the loop", "src/lambda/a.cpp", "co_await sleep(x);\n::sleep(1);\n", [2]),
    ("SPDX line and head comment", "src/base/a.cpp", "// A file.\n", [1]),
    ("SPDX line and head comment", "src/base/a.cpp", "// SPDX-License-Identifier: Apache-2.0\n#include <a>\n", [2]),
    ("SPDX line and head comment", "src/base/a.cpp", HEAD, []),
    ("SPDX line and head comment", "src/base/a.cpp", HEAD.split("\n")[0] + '\n#include "base/a.h"\n', []),
    ("SPDX line and head comment", "src/base/a.cpp", HEAD.split("\n")[0] + '\n#include "base/b.h"\n', [2]),
    ("SPDX line and head comment", "tools/lambda/a.cpp", HEAD.split("\n")[0] + '\n#include "tools/lambda/a.h"\n', []),
    ("SPDX line and head comment", "tests/a.py", '# SPDX-License-Identifier: Apache-2.0\n"""A helper for the tests."""\n', []),
    ("SPDX line and head comment", "tools/a", "#!/bin/bash\nset -e\n", [1]),
    ("SPDX line and head comment", "tools/meson.build", "project()\n", [1]),
    ("SPDX line and head comment", "tests/golden/a.json", "{}\n", []),
    ("Files of at most 600 lines", "src/base/a.cpp", "\n" * 601, [600]),
    ("Files of at most 600 lines", "src/base/a.cpp", "\n" * 600, []),
    ("Files of at most 600 lines", "layer/reference.md", "\n" * 700, []),
    ("Headers are included once", "src/base/a.h", HEAD, [1]),
    ("Headers are included once", "src/base/a.h", HEAD + "#pragma once\n", []),
    ("No co_await in a condition", "src/net/a.cpp", "if (!co_await f()) co_return;\nwhile (a && co_await f()) g();\n", [1, 2]),
    ("No co_await in a condition", "src/net/a.cpp", "x = a\n        ? co_await f() : 1;\nbool y = b && !co_await g(1);\n", [2, 3]),
    ("No co_await in a condition", "tests/a_test.cpp", "if (f(a, b) ||\n    co_await g()) h();\nEXPECT_TRUE(x);\n", [2]),
    ("No co_await in a condition", "src/net/a.cpp", "co_await (a ? f()\n : g());\nco_await f(a ? 1 : 2);\n", [1]),
    ("No co_await in a condition", "src/net/a.cpp", "if (a(b)) co_await f();\nfor (;;) co_await f();\nconst bool c = co_await f();\n", []),
    ("No co_await in a condition", "src/net/a.cpp", "while (a() && b(c)) (void)co_await f();\n// if (co_await f())\n", []),
    ("No coroutine in a capturing lambda", "src/net/a.cpp", "auto f = [&]() -> Task<int> {\n  co_return 1;\n};\n", [1]),
    ("No coroutine in a capturing lambda", "src/net/a.cpp", "\nrun([this] { co_await g(); });\n", [2]),
    ("No coroutine in a capturing lambda", "src/net/a.cpp", "run([x = h()](int a) mutable -> Task<> { co_await g(a); });\n", [1]),
    ("No coroutine in a capturing lambda", "src/net/a.cpp", "run([](int a) -> Task<int> { co_return a; }(1));\n", []),
    ("No coroutine in a capturing lambda", "src/net/a.cpp", "auto x = a[i]; Task<> f() { co_return; }\n", []),
    ("No coroutine in a capturing lambda", "src/net/a.cpp", "f([&] { return [](int a) -> Task<int> { co_return a; }; });\n", []),
    ("No coroutine in a capturing lambda", "tests/net/a_test.cpp", "return [=]() -> Task<> {\n co_return; };\n", [1]),
    ("No leftover marks", "src/base/a.cpp", f"\n// {MARK}: later\n", [2]),
    ("No leftover marks", "README.md", f"see mas{MARK}n\n", []),
    ("No path of one machine", "tests/conftest.py", f"path = '{HOME}'\n", [1]),
    ("No path of one machine", "README.md", f"opt{HOME} and $X{HOME}\n", []),
    ("Tests assert something", "tests/base/a_test.cpp", "TEST(A, B) {\n  f();\n}\n", [1]),
    ("Tests assert something", "tests/base/a_test.cpp", "TEST(A, B) { EXPECT_TRUE(f()); }\nTEST(A, C) {\n}\n", [2]),
    ("Tests assert something", "tests/base/check_a.py", "print('ok a')\n", [1]),
    ("Tests assert something", "tests/conformance/test_a.py", "def test_a():\n    assert f()\n", []),
]


def run():
    """Prints one line per planted case; non-zero when a rule missed one, found another, or has none."""
    failed = 0
    for rule, path, text, expected in CASES:
        found = sorted({line for line, _ in scan_rules.RULES[rule](scan_rules.File(path, text))})
        passed = found == expected
        failed += not passed
        shown = text.strip().replace("\n", "⏎")[:60]
        print(f"{'ok' if passed else 'not ok'} {rule}: {path}: {shown}")
        if not passed:
            print(f"    expected lines {expected}, found {found}")
    for rule in scan_rules.RULES:
        proven = any(case[0] == rule and case[3] for case in CASES)
        failed += not proven
        print(f"{'ok' if proven else 'not ok'} {rule}: has a planted violation")
    return 1 if failed else 0
