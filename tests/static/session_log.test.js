// The pieces of a log, and what is found in it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { cutAtMatches } from "../../share/resource_form/static/session_log/marks.js";
import { firstByte, lastByte, pieceOf, tooMany } from "../../share/resource_form/static/session_log/pieces.js";
import { foundInWords } from "../../share/resource_form/static/session_log/search.js";

describe("what is searched for", () => {
  test("is every second part, whatever its case", () => {
    assert.deepEqual(cutAtMatches("An error. ERROR!", "Error"), ["An ", "error", ". ", "ERROR", "!"]);
    assert.deepEqual(cutAtMatches("aaa", "aa"), ["", "aa", "a"]);
  });

  test("is nothing where it does not stand, or where nothing is searched for", () => {
    assert.deepEqual(cutAtMatches("all is well", "error"), ["all is well"]);
    assert.deepEqual(cutAtMatches("all is well", ""), ["all is well"]);
  });

  test("is taken as it is, and no part of the text is lost", () => {
    const text = "a.b*c <b>a.b</b> $&";
    for (const query of [".", "*", "<b>", "$&", "a.b"]) assert.equal(cutAtMatches(text, query).join(""), text);
  });

  test("is not marked in a text whose letters change their length with their case", () => {
    assert.deepEqual(cutAtMatches("İ error", "error"), ["İ error"]);
  });
});

describe("pieces", () => {
  const pieces = [3000, 2000, 1000].map((lines, index) => ({ start: index * 10, end: index * 10 + 10, lines, text: "" }));

  test("know their place and their lines", () => {
    assert.deepEqual(pieceOf({ from: 5, to: 9, text: "a\nb\n" }), { start: 5, end: 9, lines: 2, text: "a\nb\n" });
    assert.equal(pieceOf({ from: 5, to: 9, text: "a part" }).lines, 1);
    assert.deepEqual([firstByte(pieces), lastByte(pieces), firstByte([]), lastByte([])], [0, 30, 0, 0]);
  });

  test("are let go at the far end until there are not too many lines", () => {
    assert.equal(tooMany(pieces, false, 6000), 0);
    assert.equal(tooMany(pieces, false, 5999), 1);
    assert.equal(tooMany(pieces, true, 5999), 1);
    assert.equal(tooMany(pieces, true, 4000), 2);
  });

  test("stay, the last of them, whatever their length", () => {
    assert.equal(tooMany(pieces, false, 10), 2);
    assert.equal(tooMany(pieces.slice(0, 1), false, 10), 0);
  });
});

test("what was found is counted, and said to be of a part where not all was searched", () => {
  const texts = { found_none: "Nothing.", found_some: "{number} lines.", found_many: "{shown} of {number}.", found_in_part: "In a part." };
  const match = { at: 0, line: "" };
  assert.equal(foundInWords({ matches: [], number: 0, whole: true }, texts), "Nothing.");
  assert.equal(foundInWords({ matches: [match], number: 1, whole: true }, texts), "1 lines.");
  assert.equal(foundInWords({ matches: [match], number: 9, whole: false }, texts), "1 of 9. In a part.");
});
