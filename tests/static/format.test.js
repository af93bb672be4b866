// Numbers, durations and moments as the pages write them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import * as format from "../../share/resource_form/static/common/format.js";

/** Each row: what is given, and what is written of it. */
function rows(name, write, table) {
  describe(name, () => {
    for (const [given, expected] of table) test(`${given} is ${expected || "nothing"}`, () => assert.equal(write(given), expected));
  });
}

rows("a duration has its two largest units", (seconds) => format.duration(seconds, "en"), [
  [-5, "0 s"],
  [0, "0 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [3599, "59 min"],
  [3600, "1 h"],
  [3660, "1 h 1 min"],
  [23 * 3600 + 59 * 60, "23 h 59 min"],
  [48 * 3600, "2 days"],
  [50 * 3600 + 1800, "2 days 2 h"],
]);

rows("an estimate has one unit", (seconds) => format.about(seconds, "en"), [
  [5, "1 min"],
  [90, "2 min"],
  [5399, "90 min"],
  [5400, "2 h"],
  [129599, "36 h"],
  [129600, "2 days"],
]);

rows("what somebody watches growing has its seconds, until there are hours", (seconds) => format.exactly(seconds, "en"), [
  [0, "0 s"],
  [61, "1 min 1 s"],
  [3600, "1 h 0 min"],
  [3725, "1 h 2 min"],
]);

rows("memory is in gigabytes from one on", (megabytes) => format.memory(megabytes, "en"), [
  [512.4, "512 MB"],
  [1023, "1023 MB"],
  [1024, "1 GB"],
  [1536, "1.5 GB"],
]);

rows("a number has fewer digits the larger it is", (value) => format.number(value, "en"), [
  [0.126, "0.13"],
  [12.34, "12.3"],
  [1234.5, "1,235"],
]);

describe("a number is written as the Hub writes it", () => {
  const table = JSON.parse(readFileSync(new URL("../fixtures/numbers.json", import.meta.url), "utf8"));
  for (const kind of ["number", "units", "memory", "gigabytes"]) {
    for (const { why, value, en, it } of table[kind]) {
      test(`${kind}: ${why}`, () => assert.deepEqual([format[kind](value, "en", 1), format[kind](value, "it", 1)], [en, it]));
    }
  }
});

test("units are in the user's language", () => {
  assert.equal(format.duration(50 * 3600, "it"), "2 giorni 2 h");
  assert.equal(format.duration(3660, "it"), "1 h 1 min");
  assert.equal(format.about(7200, "it"), "2 h");
  assert.equal(format.gigabytes(1536, "it", 1), "1,5");
  assert.equal(format.percent(42.4, "en"), "42%");
});

describe("a sentence", () => {
  test("has each value where its name stands, and keeps a name that has none", () => {
    assert.equal(format.filled("{name}: {number} of {all}", { name: "a", number: 0 }), "a: 0 of {all}");
  });

  test("takes a value as it is, whatever stands in it", () => {
    assert.equal(format.filled("{name}.", { name: "$& {name} <b>" }), "$& {name} <b>.");
  });

  test("isolates what is written from right to left, and nothing else", () => {
    assert.equal(format.filled("{name}: ok", { name: "שלום" }), "\u2068שלום\u2069: ok");
    assert.equal(format.filled("{name}: ok", { name: "però" }), "però: ok");
  });
});
