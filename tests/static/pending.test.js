// What the page of a start says of the session that it follows.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { adviceOf, costInWords, placeInWords, sentenceOf, stageOf, STAGES } from "../../share/resource_form/static/pending/stages.js";
import { stepOf } from "../../share/resource_form/static/pending/steps.js";
import { aheadOf, secondsWaited, startInWords } from "../../share/resource_form/static/pending/times.js";

const MOMENTS = JSON.parse(readFileSync(new URL("../fixtures/moments.json", import.meta.url), "utf8")).texts.en;
const TEXTS = {
  ...MOMENTS,
  helps_not: "Waiting does not help.",
  unknown: "Silent since {time}.",
  one_moment: "One moment…",
  in_line: "In the queue",
  starting: "Starting…",
  starts_any_moment: "Starts any moment now",
  starts_about: "Starts about {time}",
  in_about: "in {duration}",
  place_one: "{place}st of {all}",
  place_other: "{place}th of {all}",
  cost: "{cost} {unit} an hour",
  cost_later: "{cost} {unit} an hour, once it runs",
};
const NOON = Date.UTC(2026, 10, 29, 12);
const at = (seconds) => new Date(NOON + seconds * 1000).toISOString();

describe("a stage", () => {
  test("is the one that the Hub says", () => assert.deepEqual(STAGES.map((stage) => stageOf({ stage, progress: 99 })), STAGES));

  test("follows from the progress where the Hub says none that is known", () => {
    const found = [0, 14, 15, 29, 30, 59, 60, 94, 95].map((progress) => stageOf({ stage: "new", progress }));
    assert.deepEqual(found, ["submitting", "submitting", "queue", "queue", "node", "node", "server", "server", "connected"]);
    assert.equal(stageOf({}), "submitting");
  });
});

describe("advice", () => {
  test("says what to do, and where waiting does not help", () => {
    assert.equal(adviceOf({ stage: "queue", waiting_helps: true, what_to_do: "Ask for less." }, TEXTS), "Ask for less.");
    const hopeless = { stage: "queue", waiting_helps: false, what_to_do: "Ask for less." };
    assert.equal(adviceOf(hopeless, TEXTS), "Waiting does not help. Ask for less.");
    assert.equal(adviceOf({ stage: "server", waiting_helps: true }, TEXTS), "");
    assert.equal(adviceOf({ stage: "queue", waiting_helps: false }, TEXTS), "Waiting does not help.");
    assert.equal(adviceOf({ stage: "queue", waiting_helps: null }, TEXTS), "");
  });

  test("is none while Slurm does not answer", () => {
    const silent = { stage: "queue", waiting_helps: true, what_to_do: "Ask for less.", unknown_since: at(0), sentence: "Waits." };
    assert.equal(adviceOf(silent, TEXTS), "");
    assert.match(sentenceOf(silent, TEXTS), /^Silent since \d\d:\d\d( on .*)?\.$/);
    assert.equal(sentenceOf({ sentence: "Waits.", message: "Job 7 waits." }, TEXTS), "Waits.");
  });
});

test("a place in the queue has the ordinal of the language, or the usual one", () => {
  const place = (number) => placeInWords({ position: { place: number, of: 30 } }, TEXTS, "en");
  assert.deepEqual([1, 2, 11, 21].map(place), ["1st of 30", "2th of 30", "11th of 30", "21st of 30"]);
  assert.equal(placeInWords({ position: null }, TEXTS, "en"), "");
});

test("a cost counts once the session runs, and one that is not known is none", () => {
  const cost = { per_hour: 16.5, unit: "units" };
  assert.equal(costInWords({ cost, stage: "server" }, TEXTS, "en"), "16.5 units an hour");
  assert.equal(costInWords({ cost, stage: "queue" }, TEXTS, "en"), "16.5 units an hour, once it runs");
  assert.equal(costInWords({ cost: null }, TEXTS, "en"), "");
});

describe("the time waited", () => {
  test("runs from the submission to the start, and never backwards", () => {
    assert.equal(secondsWaited({ submitted: at(-90) }, NOON, 0), 90);
    assert.equal(secondsWaited({ submitted: at(-90), started: at(-30) }, NOON, 0), 60);
    assert.equal(secondsWaited({ submitted: at(5) }, NOON, 0), 0);
  });

  test("goes on from what the Hub has counted where the submission is not known", () => {
    assert.equal(secondsWaited({ seconds_waited: 10, heard: 1000 }, NOON, 4900), 13);
    assert.equal(secondsWaited({ seconds_waited: 10, heard: 1000, started: at(0) }, NOON, 4900), 10);
    assert.equal(secondsWaited({}, NOON, 0), null);
  });
});

describe("the start", () => {
  const words = (session) => startInWords(session, NOON, TEXTS, "en");

  test("is said with how long that is, and as any moment from half a minute on", () => {
    assert.match(words({ stage: "queue", estimate: at(600) }).when, /^Starts about \d\d:\d\d( on .*)?$/);
    assert.equal(words({ stage: "queue", estimate: at(600) }).inAbout, "in 10 min");
    assert.equal(words({ estimate: at(30) }).inAbout, "in 1 min");
    assert.deepEqual(words({ stage: "queue", estimate: at(29) }), { when: "Starts any moment now", inAbout: "" });
    assert.equal(words({ stage: "queue", estimate: at(-600) }).when, "Starts any moment now");
  });

  test("has no time once the session has a node, or where nobody knows it", () => {
    assert.deepEqual(words({ stage: "node", estimate: at(600) }), { when: "Starting…", inAbout: "" });
    assert.deepEqual(words({ stage: "queue", estimate: null }), { when: "In the queue", inAbout: "" });
    assert.equal(words({}).when, "One moment…");
  });
});

test("the stages of a start are four steps", () => {
  assert.deepEqual(STAGES.map(stepOf), [0, 1, 2, 2, 2, 3]);
  assert.equal(stepOf("new"), 0);
});

test("the browser's clock is compared with the middle of a second", () => {
  assert.equal(aheadOf(NOON + 9900, NOON + 10100, new Date(NOON).toUTCString()), 9500);
  assert.equal(aheadOf(NOON, NOON, null), 0);
});
