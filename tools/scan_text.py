# SPDX-License-Identifier: Apache-2.0
# C++ text for the scan: a copy without comments and literals (same length, same lines), and the lambdas found in it.
# No parser: good enough to refuse, never used to change anything.
import bisect
import re

# Raw strings come before the prefix of an ordinary one; a quote inside a number (1'000) is no character literal.
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/"""
    r"""|R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)\""""
    r"""|"(?:\\.|[^"\\\n])*\""""
    r"""|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'""",
    re.DOTALL,
)
SPACES = re.compile(r"[^\n]")
CLOSING = {"(": ")", "{": "}", "[": "]", "<": ">"}


def blank(text):
    """Every character but line ends becomes a space."""
    return SPACES.sub(" ", text)


def code_only(text, keep_includes=False):
    """The text with comments and literals blanked; `#include "..."` keeps its name when asked."""

    def replace(match):
        if keep_includes and match.group().startswith('"'):
            line_start = text.rfind("\n", 0, match.start()) + 1
            if re.fullmatch(r"\s*#\s*include\s*", text[line_start : match.start()]):
                return match.group()
        return blank(match.group())

    return TOKEN.sub(replace, text)


def line_finder(text):
    """A function from a position in the text to its line number, from 1."""
    ends = [match.start() for match in re.finditer("\n", text)]
    return lambda position: bisect.bisect_left(ends, position) + 1


def closing_position(code, start):
    """Where the bracket opened at `start` closes, or -1."""
    opening, closing, depth = code[start], CLOSING[code[start]], 0
    for position in range(start, len(code)):
        depth += (code[position] == opening) - (code[position] == closing)
        if depth == 0:
            return position
    return -1


def lambda_body(code, position):
    """From behind a lambda's capture list to its body's opening brace, or -1 when this is no lambda."""
    specifier = re.compile(r"\s*(?:mutable|constexpr|consteval|noexcept|static|->\s*[\w:<>,&*\s]+?(?=\{))")
    for bracket in "<(":
        rest = re.match(r"\s*", code[position:]).end() + position
        if rest < len(code) and code[rest] == bracket:
            position = closing_position(code, rest) + 1
            if position == 0:
                return -1
    while match := specifier.match(code, position):
        position = match.end()
    position += re.match(r"\s*", code[position:]).end()
    return position if position < len(code) and code[position] == "{" else -1


def lambdas(code):
    """All lambdas as (start, capture text, body start, body end), outer ones first."""
    found = []
    for match in re.finditer(r"\[", code):
        before = code[: match.start()].rstrip()[-1:]
        word = re.search(r"(\w+)\s*$", code[max(0, match.start() - 20) : match.start()])
        is_subscript = before.isalnum() or before in "_)]"
        if code[match.start() : match.start() + 2] == "[[" or code[match.start() - 1 : match.start()] == "[":
            continue
        if is_subscript and not (word and word.group(1) in ("return", "co_return", "co_await", "co_yield")):
            continue
        end = closing_position(code, match.start())
        body = lambda_body(code, end + 1) if end > 0 else -1
        if body > 0 and (body_end := closing_position(code, body)) > 0:
            found.append((match.start(), code[match.start() + 1 : end].strip(), body, body_end))
    return found


def capturing_coroutines(code):
    """Positions of lambdas that capture something and are coroutines themselves (not by a lambda inside them)."""
    every = lambdas(code)
    for start, capture, body, end in every:
        if not capture:
            continue
        own = code[body:end]
        for _, _, inner_body, inner_end in every:
            if body < inner_body and inner_end < end:
                own = own[: inner_body - body] + " " * (inner_end - inner_body) + own[inner_end - body :]
        if re.search(r"\bco_(?:await|return|yield)\b", own):
            yield start
