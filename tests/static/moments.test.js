// Moments and days, byte for byte as the Hub writes them: tests/unit/test_humanize.py reads the same table.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";

import { clock, dayInWords, moment, timeOfDay } from "../../share/resource_form/static/common/moments.js";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const TABLE = JSON.parse(read("tests/fixtures/moments.json"));
const LANGUAGES = Object.keys(TABLE.texts);
const ZONE = process.env.TZ;

/** The bar in JupyterLab is one file without modules: its own function of the name. */
function clockOfTheBar() {
  const source = read("share/resource_form/lab_extension/remoteEntry.js");
  const functions = ["filled", "clock"].map((name) => source.match(new RegExp(`\\n  function ${name}\\([\\s\\S]*?\\n  }\\n`))[0]);
  return new Function(`${functions.join("")} return clock;`)();
}

/** Asks for the words of a row in each language, in its own time zone. */
function compare({ zone, now, at, ...row }, words) {
  process.env.TZ = zone;
  for (const language of LANGUAGES) assert.equal(words(new Date(at), TABLE.texts[language], new Date(now)), row[language]);
}

describe("a moment", () => {
  after(() => {
    if (ZONE === undefined) delete process.env.TZ;
    else process.env.TZ = ZONE;
  });

  test("is null where there is none", () => {
    for (const text of [null, undefined, "", "soon"]) assert.equal(moment(text), null);
    assert.equal(moment("2026-11-29T12:00:00Z")?.getTime(), Date.UTC(2026, 10, 29, 12));
  });

  test("has no day where the day stands beside it", () => assert.equal(timeOfDay(new Date(2025, 1, 3, 4, 5)), "04:05"));

  const bar = clockOfTheBar();
  for (const row of TABLE.moments) {
    test(row.why, () => {
      compare(row, (at, texts, now) => clock(at, texts, now, row.seconds));
      if (!row.seconds) compare(row, bar);
    });
  }

  for (const row of TABLE.days) test(`as a day: ${row.why}`, () => compare(row, dayInWords));
});
